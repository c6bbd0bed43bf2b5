"""Where code comes from: Python itself, an installed distribution, this package, or the user."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import sysconfig
from collections.abc import Iterator, Set
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any


def home(name: str, covered: Set[Path] = frozenset()) -> str | None:
    """Where a module belongs that is identified by its name: Python, a distribution with its version, or ``covered``.

    None for the user's own modules.
    """
    module = sys.modules.get(name)
    top = name.partition(".")[0]
    file = getattr(module, "__file__", None)
    if name == "__main__" or module is None:
        return None
    if file is None:
        return "python" if top in sys.stdlib_module_names else None
    path = Path(file).resolve()
    if path in covered:
        return "covered"
    if not {"site-packages", "dist-packages"} & set(path.parts):
        return "python" if any(path.is_relative_to(folder) for folder in _library()) else None
    return _owner(top, getattr(sys.modules.get(top), "__file__", None) is not None)


@lru_cache(maxsize=1)
def _library() -> tuple[Path, ...]:
    return tuple(Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib"))


@lru_cache(maxsize=1024)
def _owner(top: str, regular: bool) -> str | None:
    """The distributions that a top-level package belongs to, with their versions.

    A regular package has one owner, mostly of its own name; to find others every distribution's list of files is read.
    """
    if regular:
        try:
            found = importlib.metadata.distribution(top)
            if f"{top}/__init__.py" in (found.read_text("RECORD") or ""):
                return f"{found.name}=={found.version}"
        except importlib.metadata.PackageNotFoundError:
            pass
    owners = _distributions().get(top, ())
    return ", ".join(f"{owner}=={importlib.metadata.version(owner)}" for owner in sorted(set(owners))) or None


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def named(module: str, qualname: str) -> Any:
    """What the name leads to, or None."""
    value: Any = sys.modules.get(module)
    for part in qualname.split("."):
        value = getattr(value, part, None)
    return value


@contextmanager
def library_first() -> Iterator[None]:
    """While processes are started, Python's own modules come before those of the same name in the user's folders.

    Workers take over this process's path, and would import a random.py that lies beside a notebook.
    """
    path, safe = list(sys.path), os.environ.get("PYTHONSAFEPATH")
    folders = _folders()
    library = [entry for entry in path if entry and entry in folders]
    sys.path[:] = [*library, *(entry for entry in path if entry not in library)]
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        sys.path[:] = path
        if safe is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = safe


def _folders() -> set[str]:
    """Folders of the standard library on the path: itself, its compiled modules, and its archive."""
    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    found |= {os.path.join(folder, "lib-dynload") for folder in found}
    return found | {entry for entry in sys.path if entry.endswith(".zip") and "python" in os.path.basename(entry)}
