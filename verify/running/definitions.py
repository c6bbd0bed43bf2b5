"""Which source code a cell's numbers depend on, read from the files without importing them.

The unit is a statement at the top of a module: a function, a class, an assignment. Followed is every name that occurs
in it, annotations and attributes of imported modules included, through imports at the top of a module or inside a
function, to the statement that binds the name in a module of the project; and so on from there. Statements that bind
no name, such as ``TABLE.update(...)``, and those that are decorated by a function of the project, count as soon as
anything of their module is used, for they act when the module is loaded. So an edit changes the digests of exactly the
cells from which the edited statement is reached, also where a module holds several cells. Comments, docstrings and
layout do not count.

The rule is sound for code that names what it uses. A name that a module's ``__getattr__`` answers is sought among the
imports under ``if TYPE_CHECKING``, and else in all that ``__getattr__`` mentions; a text that is the name of a module
counts as the whole module. Not seen are names that are computed and attributes that one module assigns to another.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

Place = tuple[str, str]
"""A module and a name in it; the empty name stands for the whole module."""

_SKIPPED = {"ctx", "kind", "type_comment", "type_ignores"}
_PROMISES = {(ast.arg, "annotation"), (ast.FunctionDef, "returns"), (ast.AsyncFunctionDef, "returns")}
"""Annotations of functions, which nothing evaluates. Those of a class are fields of pydantic and of dataclasses."""


@dataclass(eq=False)
class Statement:
    """A statement at the top of a module.

    Attributes:
        module: that holds it.
        node: its syntax tree.
    """

    module: str
    node: ast.stmt
    names: dict[str, set[str]] = field(default_factory=dict, init=False)  # each with the attributes read from it
    imports: dict[str, list[Place]] = field(default_factory=dict, init=False)  # those inside it
    texts: set[str] = field(default_factory=set, init=False)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the tree without docstrings; the names that occur are collected on the way."""
        out: list[str] = []
        self._visit(self.node, out)
        return hashlib.sha256("\0".join(out).encode("utf-8", "surrogatepass")).digest()

    def _visit(self, node: ast.AST, out: list[str]) -> None:
        kind = type(node)
        if kind is ast.Name:
            self.names.setdefault(node.id, set()).add("")  # type: ignore[attr-defined]
            out.append(node.id)  # type: ignore[attr-defined]
            return
        if isinstance(node, ast.Attribute) and type(node.value) is ast.Name:
            self.names.setdefault(node.value.id, set()).add(node.attr)
            out += ("Attribute", node.value.id, node.attr)
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            _bind(self.imports, node, self.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.texts.add(node.value)
        out.append(kind.__name__)
        for name in node._fields:
            value = getattr(node, name, None)
            if name in _SKIPPED or (kind, name) in _PROMISES:
                continue
            if isinstance(value, list):
                out.append("[")
                for item in value:
                    if isinstance(item, ast.AST):
                        if not _is_text(item):
                            self._visit(item, out)
                    else:
                        out.append(repr(item))
                out.append("]")
            elif isinstance(value, ast.AST):
                self._visit(value, out)
            else:
                out.append(repr(value))


def _is_text(node: ast.AST) -> bool:
    """A docstring, of whatever stands before it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _bind(imports: dict[str, list[Place]], node: ast.Import | ast.ImportFrom, module: str) -> None:
    """Note which names an import binds, and to what; ``import a.b`` binds a, and b counts as used."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            places = [(alias.name, "")] if alias.asname or "." not in alias.name else []
            name = alias.asname or alias.name.partition(".")[0]
            imports.setdefault(name, []).extend(places or [(name, ""), (alias.name, "")])
        return
    origin = node.module or ""
    if node.level:
        parts = module.split(".")[: -node.level]
        origin = ".".join([*parts, *([node.module] if node.module else [])])
    for alias in node.names:
        imports.setdefault(alias.asname or alias.name, []).append((origin, alias.name))


@dataclass(eq=False)
class Module:
    """The statements of a file: by the names they bind, and those that act when it is loaded.

    Attributes:
        name: of the module.
        path: of the file.
    """

    name: str
    path: Path
    bound: dict[str, list[Statement]] = field(default_factory=dict, init=False)
    imports: dict[str, list[Place]] = field(default_factory=dict, init=False)
    acting: list[Statement] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        package = f"{self.name}.__init__" if self.path.name == "__init__.py" else self.name  # what "." is relative to
        self._read(ast.parse(self.path.read_bytes(), str(self.path)).body, package)

    def _read(self, body: Iterable[ast.stmt], package: str) -> None:
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                _bind(self.imports, node, package)
            elif isinstance(node, ast.If) and _of_types(node.test):
                self._read(node.body, package)
                self._read(node.orelse, package)
            elif not _is_text(node):
                statement = Statement(package, node)
                names = list(_targets(node))
                for name in names:
                    self.bound.setdefault(name, []).append(statement)
                if not names:
                    self.acting.append(statement)
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Import | ast.ImportFrom):
                            _bind(self.imports, inner, package)


def _of_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))


def _targets(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds and does nothing else; none for one that also acts."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for t in targets for part in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
        if all(isinstance(part, ast.Name) for part in parts):
            yield from (part.id for part in parts if isinstance(part, ast.Name))


class Definitions:
    """The project's modules, each read when something of it is first asked for.

    Args:
        files: of the modules that are followed, by name; whatever comes from elsewhere counts as known otherwise.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._modules: dict[str, Module] = {}
        self._next: dict[int, list[Statement]] = {}

    def digest(self, module: str, name: str = "") -> str:
        """SHA-256 of all that a name of a module reaches; of all that the module holds without one.

        Empty for a module that is not among the files, and for a name that it does not bind.

        Raises:
            OSError: a file cannot be read.
            SyntaxError: one is no Python.
        """
        found = self.reached(module, name)
        marks = sorted(f"{s.module} {s.digest.hex()}" for s in found)
        return hashlib.sha256("\n".join(marks).encode()).hexdigest() if marks else ""

    def reached(self, module: str, name: str = "") -> list[Statement]:
        """The statements that a name of a module reaches, its own first."""
        seen: dict[int, Statement] = {}
        waiting = self._statements(module, name)
        while waiting:
            statement = waiting.pop()
            if id(statement) not in seen:
                seen[id(statement)] = statement
                if id(statement) not in self._next:
                    self._next[id(statement)] = self._uses(statement)
                waiting += self._next[id(statement)]
        return list(seen.values())

    def _module(self, name: str) -> Module | None:
        if name not in self._modules and name in self._files:
            self._modules[name] = Module(name, self._files[name])
        return self._modules.get(name)

    def _statements(self, module: str, name: str, path: frozenset[Place] = frozenset()) -> list[Statement]:
        """What binds a name in a module, wherever it is imported from."""
        home, place = self._module(module), (module, name)
        if home is None or place in path:
            return []
        path |= {place}
        if not name:
            found = [s for own in home.bound.values() for s in own]
            found += [s for places in home.imports.values() for at in places for s in self._statements(*at, path)]
        else:
            found = list(home.bound.get(name, ()))
            found += [s for at in home.imports.get(name, ()) for s in self._statements(*at, path)]
            if not found and name not in home.imports:
                inner = f"{module}.{name}"
                found = self._statements(inner, "", path) if inner in self._files else []
                if not found and "__getattr__" in home.bound and not name.startswith("__"):
                    found = list(home.bound["__getattr__"])
        return found + self._acting(module)

    def _acting(self, module: str) -> list[Statement]:
        """What acts when the module is loaded, and the packages that hold it with it."""
        found: list[Statement] = []
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            home = self._module(".".join(parts[:end]))
            found += home.acting if home is not None else []
        return found

    def _uses(self, statement: Statement) -> list[Statement]:
        """The statements that this one names."""
        own = statement.module.removesuffix(".__init__")
        home = self._modules[own]
        _ = statement.digest  # which collects the names
        found: list[Statement] = []
        for name, attributes in statement.names.items():
            for origin, wanted in (*statement.imports.get(name, ()), *home.imports.get(name, ())):
                inner = origin if not wanted else f"{origin}.{wanted}"
                if inner in self._files and not self._binds(origin, wanted):
                    # A module: its attributes are what is used, unless it is handed on as a whole.
                    for attribute in {""} if "" in attributes else attributes:
                        found += self._statements(inner, attribute)
                else:
                    found += self._statements(origin, wanted)
            if name in home.bound:
                found += home.bound[name]
        dotted = (text for text in statement.texts if "." in text and text in self._files)
        found += [s for text in dotted for s in self._statements(text, "")]
        return found + self._acting(own)

    def _binds(self, module: str, name: str) -> bool:
        home = self._module(module) if name else None
        return home is not None and (name in home.bound or name in home.imports)


@lru_cache(maxsize=8)
def files_in(*folders: tuple[str, Path]) -> Mapping[str, Path]:
    """The files of packages, given by name and folder, by the names of their modules."""
    found: dict[str, Path] = {}
    for package, folder in folders:
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)])] = path
    return found
