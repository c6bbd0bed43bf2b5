"""Claims of others: from one file of Python, or from an installed package.

A file is named as in ``escape-ntk verify --claims-from my_claims.py``. A package names its claims in its metadata:

.. code-block:: toml

    [project.entry-points."escape_ntk.claims"]
    my-claims = "my_package.claims"

Both register what they hold in ``CLAIMS = (...,)``, as our own files do. A claim is code: loading it runs it, with all
that its caller may do. So only what is named is loaded: a file by its path, a package by the name of its entry point,
or all installed packages when an id is asked for that nobody else has.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from verify.judging.claim import Claim
from verify.suggestions import did_you_mean

GROUP = "escape_ntk.claims"
"""The group of entry points in which packages name modules with claims."""


class Unreadable(ValueError):
    """Claims cannot be read from where they should be; the sentence says why and what helps."""


def read(source: str) -> tuple[Claim, ...]:
    """The claims of a file, or of an installed package, each with where it is written.

    Args:
        source: a path that ends in .py, or the name of an entry point of the group ``escape_ntk.claims``.

    Raises:
        ValueError: there is no such file or package, its code cannot be imported, or what it registers is no claim that
            can be judged; the sentence names the source and the way out.
    """
    if source.endswith(".py"):
        return _claims(_loaded(source, lambda: _file(source)), source)
    for entry in _entries():
        if entry.name == source:
            return _package(entry)
    names = [entry.name for entry in _entries()]
    there = f"installed are {', '.join(names)}" if names else "no installed package has claims"
    raise ValueError(
        f"claims-from={source!r}: needs a file that ends in .py, or a package with claims; {there}"
        f"{did_you_mean([source], names)}"
    )


def installed() -> Iterator[tuple[Claim, ...]]:
    """The claims of each installed package that names some, package by package."""
    for entry in _entries():
        yield _package(entry)


def _entries() -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def _package(entry: EntryPoint) -> tuple[Claim, ...]:
    return _claims(_loaded(entry.name, entry.load), entry.module)


def _loaded(source: str, load: Callable[[], Any]) -> Any:
    """What ``load`` gives; whatever the code raises becomes a sentence."""
    try:
        return load()
    except (Unreadable, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever the code raises
        frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        places = [(error.filename, error.lineno)] if isinstance(error, SyntaxError) else frames[::-1]
        own = [number for file, number in places if file and Path(file).name == Path(source).name]
        at = f", line {own[0]}" if own else ""
        try:
            said = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
        except Exception:  # an exception of the user's that cannot say what it is
            said = "its message cannot be shown"
        raise Unreadable(
            f"{source}: cannot be imported ({type(error).__name__}: {said}{at}); mend it, and give the command again"
        ) from error


def _file(source: str) -> ModuleType:
    """The module of a file, imported under its own name so that worker processes find it too."""
    path = Path(source).resolve()
    if not path.is_file():
        raise Unreadable(f"claims-from={source!r}: there is no such file")
    if not path.stem.isidentifier():
        raise Unreadable(f"{source}: is imported as a module; give it a name of letters, digits and underscores")
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)  # last: what lies beside the file hides no module of Python's or of others
    importlib.invalidate_caches()
    loaded = sys.modules.get(path.stem)
    spec = importlib.util.find_spec(path.stem) if loaded is None else loaded.__spec__
    found = spec.origin if spec is not None else getattr(loaded, "__file__", None)
    if found is None or Path(found).resolve() != path:
        raise Unreadable(
            f"{source}: import {path.stem} finds {found or 'a folder'} instead; give the file another name"
        )
    return importlib.import_module(path.stem)


def _claims(held: Any, where: str) -> tuple[Claim, ...]:
    """The claims that a module or an entry point holds, each checked by itself."""
    if isinstance(held, ModuleType):
        held = getattr(held, "CLAIMS", ())
    claims = (held,) if isinstance(held, Claim) else held
    if not isinstance(claims, tuple | list) or not claims:
        raise Unreadable(f"{where}: registers no claim; name what it defines in CLAIMS = (...,)")
    for claim in claims:
        if not isinstance(claim, Claim):
            raise Unreadable(f"{where}: CLAIMS holds {claim!r:.60}, which is no Claim; leave it out")
        if not re.fullmatch(r"[A-Z][A-Z0-9-]*", claim.id):
            raise Unreadable(
                f"{where}: id={claim.id!r}: needs a capital letter, then capitals, digits or hyphens, such as X1"
            )
        if not claim.controls:
            raise Unreadable(
                f"{where}: {claim.id} has no control, so nothing shows that its check can fail; add one, such as "
                f'controls=(Control("the prediction times 1.1", predict=scaled(predict, 1.1)),)'
            )
    return tuple(replace(claim, file=where) for claim in claims)
