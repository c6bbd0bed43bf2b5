"""What an object would compute, as a digest: the code that stands behind a cell which is not part of the package.

A cell class from elsewhere is followed: its methods and bases, and whatever of the user's own code these refer to.
Followed is what was loaded - byte code, constants, defaults, captured and global values - not the text of a file: the
text may have been edited since, or there may be none (a notebook, ``exec``). The digest is the same in every process.
What the class uses of this package counts by the source that it reaches (see :mod:`verify.running.definitions`).

Not followed are Python's own library (its version stands in the fingerprint) and installed distributions, which count
by name and version, and what a cell reads from files. The package that a cell class itself belongs to is followed even
where it is installed: it may change under one version while its author works on it.
"""

from __future__ import annotations

import builtins
import dataclasses
import functools
import hashlib
import sys
import types
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Any

import numpy as np

from verify.running.bytecode import imported, names
from verify.running.origin import home, named

_MADE_BY_MACHINE = {"__dict__", "__weakref__", "__doc__", "__signature__", "__abstractmethods__", "_abc_impl"} | {
    "__firstlineno__",
    "__static_attributes__",
    "__class_vars__",
    "__annotate_func__",
    "__annotations_cache__",
}
"""Attributes of a class that repeat or cache what others say."""


Written = Callable[[str, str], str]
"""Digest of the source behind a name of a module."""


class Unidentified(ValueError):
    """Something that a cell uses cannot be read, so its record could not be told from one of other code."""


def digest(value: Any, covered: Set[Path] = frozenset(), written: Written = lambda module, name: "") -> str:
    """SHA-256 of everything in ``value``, code included.

    Args:
        value: a class, a function, or any value.
        covered: resolved source files whose content is known otherwise; what comes from them counts by name and by
            what ``written`` says.
        written: digest of the source behind a name of a module in a covered file; of the module for an empty name.

    Raises:
        Unidentified: it holds or uses something whose content cannot be read, such as an open file.
    """
    try:
        return _Walk(covered, written, _own(value, covered)).of(value, _name(value)).hex()
    except RecursionError:
        raise Unidentified(
            f"{_name(value)}: what it uses is nested too deeply to be identified; "
            f"use a flatter structure, or pass the data as fields of the cell"
        ) from None


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def _own(value: Any, covered: Set[Path]) -> str:
    """The package of a class, such as "my_package"; empty for Python's classes, for ours, and for what is no class."""
    module = value.__module__ if isinstance(value, type) else ""
    return "" if home(module, covered) in ("covered", "python") else module.partition(".")[0]


class _Walk:
    """Digests bottom up; equal content gives equal digests, whichever objects hold it.

    A reference back to something whose digest is under way counts by its name.
    """

    def __init__(self, covered: Set[Path], written: Written, own: str = "") -> None:
        self._covered, self._written = covered, written
        self._own = own  # the package that is followed although it may be installed
        self._known: dict[int, bytes] = {}
        self._open: set[int | tuple[int, str]] = set()
        self._homes: dict[str, str | None] = {}
        self._kept: list[Any] = []  # keeps identities from being used again

    def of(self, value: Any, name: str) -> bytes:
        """Digest of a value that the user's code knows as ``name``."""
        if value is None or value is Ellipsis or value is NotImplemented or type(value) in (bool, int, float, complex):
            return _hash(type(value).__name__, repr(value))
        if type(value) in (str, bytes):
            text = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            return _hash(type(value).__name__, bytes(text))
        if id(value) in self._known:
            return self._known[id(value)]
        if id(value) in self._open:
            return _hash("again", _title(value))
        self._open.add(id(value))
        self._kept.append(value)
        try:
            found = _hash(*self._parts(value, name))
        finally:
            self._open.discard(id(value))
        self._known[id(value)] = found
        return found

    def _parts(self, value: Any, name: str) -> Iterator[str | bytes]:
        reference = self._reference(value)
        if reference is not None:
            yield from ("reference", *reference)
        elif isinstance(value, types.CodeType):
            yield from self._code(value, name)
        elif isinstance(value, types.FunctionType):
            yield from self._function(value, name)
        elif isinstance(value, types.ModuleType):
            yield from self._module(value, name, frozenset())
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, staticmethod | classmethod):
            yield from (type(value).__name__, self.of(value.__func__, name))
        elif isinstance(value, types.MethodType):
            yield from ("method", self.of(value.__func__, name), self.of(value.__self__, name))
        elif isinstance(value, property):
            yield "property"
            yield from [self.of(function, name) for function in (value.fget, value.fset, value.fdel)]
        elif isinstance(value, functools.cached_property):
            yield from ("cached property", self.of(value.func, name))
        elif isinstance(value, functools._lru_cache_wrapper):
            yield from ("cache", self.of(value.__wrapped__, name))
        elif type(value) in (tuple, list):
            yield type(value).__name__
            yield from [self.of(item, name) for item in value]
        elif type(value) in (set, frozenset):
            yield type(value).__name__
            yield from sorted([self.of(item, name) for item in value])
        elif type(value) in (dict, types.MappingProxyType):
            yield "dict"
            for key, item in value.items():
                yield self.of(key, name)
                yield self.of(item, f"{name}[{key!r}]" if isinstance(key, str) else name)
        elif isinstance(value, np.ndarray) and value.dtype != object:
            kind = value.dtype.str if value.dtype.names is None else repr(value.dtype)  # of a record also the names
            yield from ("array", kind, repr(value.shape), value.tobytes())
        elif _is_tensor(value):
            if str(value.layout) != "torch.strided" or value.is_quantized or value.is_meta or value.is_nested:
                raise Unidentified(
                    f"{name}: a tensor that is sparse, quantized, nested or without data cannot be identified, so its "
                    f"records could not be told from those of another one; make it inside run(), from a dense one"
                )
            plain = value.detach().resolve_conj().resolve_neg().cpu().contiguous().flatten()
            yield from ("tensor", str(value.dtype), repr(tuple(value.shape)))
            yield plain.view(sys.modules["torch"].uint8).numpy().tobytes()
        else:
            yield from self._instance(value, name)

    def _home(self, module: str) -> str | None:
        if module not in self._homes:
            found = home(module, self._covered)
            followed = found not in ("covered", "python") and module.partition(".")[0] == self._own
            self._homes[module] = None if followed else found
        return self._homes[module]

    def _reference(self, value: Any) -> tuple[str, ...] | None:
        """The name that identifies a part of Python, of a distribution or of what is covered."""
        if isinstance(value, types.ModuleType):
            origin = self._home(value.__name__)
            if origin is None or sys.modules[value.__name__] is not value:
                return None
            return (origin, *self._content(origin, value.__name__, ""))
        own = isinstance(value, type) or callable(value)
        module, qualname = (getattr(value, key, None) for key in ("__module__", "__qualname__"))
        if own and isinstance(module, str) and isinstance(qualname, str):
            origin = self._home(module)
            if origin is None or named(module, qualname) is not value:
                return None
            return (origin, *self._content(origin, module, qualname))
        # A constant object of a library, such as a distribution of scipy.stats.
        kind = type(value)
        origin = self._home(kind.__module__)
        if origin is None or kind.__module__ == "builtins":
            return None
        for name, item in list(vars(sys.modules[kind.__module__]).items()):
            if item is value:
                return (origin, *self._content(origin, kind.__module__, name))
        return None

    def _content(self, origin: str, module: str, name: str) -> tuple[str, ...]:
        """The name, and for what is covered the source behind it."""
        return (module, name, self._written(module, name)) if origin == "covered" else (module, name)

    def _code(self, code: types.CodeType, name: str) -> Iterator[str | bytes]:
        yield from ("code", code.co_name, code.co_code, getattr(code, "co_exceptiontable", b""))
        yield repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags))
        yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
        yield from (self.of(item, name) for item in code.co_consts)

    def _function(self, function: types.FunctionType, name: str) -> Iterator[str | bytes]:
        yield from ("function", str(function.__module__), function.__qualname__)
        yield self.of(function.__code__, name)
        yield self.of(function.__defaults__, f"a default of {name}")
        yield self.of(function.__kwdefaults__, f"a default of {name}")
        yield self.of(function.__dict__, name)
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield from (variable, self.of(cell.cell_contents, variable))
            except ValueError:  # not assigned yet
                yield from (variable, "empty")
        read, modules, attributes = names(function.__code__)
        for used in sorted(read):
            value = function.__globals__.get(used, getattr(builtins, used, None))
            yield used
            yield self._in_context(value, used, attributes)
        for level, wanted in sorted(modules):
            yield wanted
            yield self._in_context(imported(level, wanted, function.__globals__), wanted, attributes)

    def _in_context(self, value: Any, name: str, attributes: Set[str]) -> bytes:
        """Of a module of the user's only the attributes that the code at hand names are followed."""
        if isinstance(value, types.ModuleType) and self._reference(value) is None:
            return _hash(*self._module(value, name, attributes))
        return self.of(value, name)

    def _module(self, module: types.ModuleType, name: str, attributes: Set[str]) -> Iterator[str | bytes]:
        yield from ("module", module.__name__)
        if module.__name__ != "__main__":
            yield _file(module)
        for attribute in sorted(attributes & vars(module).keys()):
            place = (id(module), attribute)
            if place not in self._open:
                self._open.add(place)
                yield from (attribute, self._in_context(vars(module)[attribute], f"{name}.{attribute}", attributes))
                self._open.discard(place)

    def _class(self, kind: type) -> Iterator[str | bytes]:
        yield from ("class", kind.__module__, kind.__qualname__)
        yield self.of(type(kind), type(kind).__name__)
        yield from (self.of(base, base.__qualname__) for base in kind.__bases__)
        for name, value in sorted(vars(kind).items()):
            machine = name in _MADE_BY_MACHINE or name.startswith("__pydantic_") or name == "__hash__"
            if not machine and not isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType):
                yield from (name, self.of(value, f"{kind.__qualname__}.{name}"))
        # What pydantic takes out of the class: defaults and limits of the fields, and which method is called when.
        for name, field in sorted(vars(kind).get("__pydantic_fields__", {}).items()):
            said = {slot: getattr(field, slot) for slot in type(field).__slots__ if not slot.startswith("_")}
            yield from (name, self.of(said, f"{kind.__qualname__}.{name}"))
        if (decorated := vars(kind).get("__pydantic_decorators__")) is not None:
            groups = {one.name: getattr(decorated, one.name) for one in dataclasses.fields(decorated)}
            yield self.of(
                {g: {name: d.info for name, d in found.items()} for g, found in groups.items()}, kind.__name__
            )

    def _instance(self, value: Any, name: str) -> Iterator[str | bytes]:
        """By what pickle would keep: a callable, its arguments and a state."""
        kind = type(value)
        try:
            reduced = value.__reduce_ex__(4)
        except Exception as error:  # whatever a type of the user's raises, it cannot be read
            file = _opaque(value)
            if file is None:
                raise Unidentified(
                    f"{name}: a {kind.__module__}.{kind.__qualname__} that the cell uses cannot be identified "
                    f"({error}), so its records could not be told from those of other code; make it inside run(), or "
                    f"pass what it depends on as a field"
                ) from None
            yield from ("compiled", str(getattr(value, "__qualname__", name)), file)
            return
        yield from ("instance", self.of(kind, kind.__qualname__))
        if isinstance(reduced, str):
            yield reduced
            return
        make, arguments, state, items, pairs = (*reduced, None, None, None, None)[:5]
        for part in (make, arguments, state, None if items is None else list(items)):
            yield self.of(part, name)
        yield self.of(None if pairs is None else dict(pairs), name)


def _opaque(value: Any) -> bytes | None:
    """Digest of the file of a compiled module that a function or class comes from; None for anything else."""
    module = sys.modules.get(str(getattr(value, "__module__", None)))
    compiled = hasattr(value, "__qualname__") and getattr(module, "__file__", None)
    return _file(module) if module is not None and compiled else None


def _file(module: types.ModuleType) -> bytes:
    """Digest of a module's file, which also covers what is looked up in it by computed names."""
    try:
        return hashlib.sha256(Path(str(module.__file__)).read_bytes()).digest()
    except (AttributeError, OSError):
        return b"no file"


def _is_tensor(value: Any) -> bool:
    """Without importing torch: where there is a tensor it has been imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _title(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _hash(*parts: str | bytes) -> bytes:
    """SHA-256 of parts, each with its length, so that no two sequences run together."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        total.update(b"%d:" % len(data) + data)
    return total.digest()
