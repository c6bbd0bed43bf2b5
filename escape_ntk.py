"""The door to the packages ``theory``, ``numerics`` and ``verify``, and the command ``escape-ntk``.

Its name is its own, while ``theory.py`` or ``verify`` may lie beside anybody's script: so what must hold before the
packages can be imported is checked here. It imports nothing but the standard library.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType

EXTRA = ("torch", "numpy", "scipy", "pydantic", "loky", "matplotlib", "jinja2")
"""What ``numerics`` and ``verify`` need beyond ``theory``: the extra ``verify`` in pyproject.toml."""
LIGHT = ("verify.__main__", "verify.cli", "verify.inquiries", "verify.options", "verify.spectra", "verify.streams")
"""Modules of verify that do without: the command line, with ``spectrum`` and ``--help``."""

MISUSE = 2
INTERRUPTED = 130


class CannotStart(ImportError):
    """Something else lies where our packages should be found, or the extra is missing; the sentence is for the user."""


def require_ours(package: str, *names: str) -> None:
    """Check that ``import name`` finds our package and nothing of the same name that lies earlier on the path.

    Args:
        package: the ``__file__`` of one of our packages; the others lie beside it.
        names: of packages to check.

    Raises:
        CannotStart: something else is found; the sentence says where, and the way out.
    """
    home = Path(package).resolve().parent.parent
    for name in names:
        places = [Path(place).resolve() for place in _places(name)]
        if home / name not in places and home / name / "__init__.py" not in places:
            found = " and ".join(map(str, places)) or "nothing"
            _refuse(
                f"import {name} finds {found} instead of the package {home / name} that belongs to escape-ntk; rename "
                f"what was found, or start Python in another folder and take its folder off PYTHONPATH",
                name,
            )


def _places(name: str) -> list[str]:
    """Files and folders where ``import name`` finds, or has found, a module."""
    loaded = sys.modules.get(name)
    spec = getattr(loaded, "__spec__", None) if loaded is not None else importlib.util.find_spec(name)
    if spec is None:
        return [str(place) for place in (getattr(loaded, "__file__", None),) if place]
    # A folder without __init__.py has no origin.
    return [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())


def missing() -> list[str]:
    """What of the extra is not installed."""
    return [name for name in EXTRA if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        return sys.modules.get(name) is not None or importlib.util.find_spec(name) is not None
    except ImportError:  # an import hook that refuses the name
        return False


def require_extra(what: str) -> None:
    """Check that everything is installed that numerics and verify need.

    Args:
        what: the module or command that needs it.

    Raises:
        CannotStart: naming what is missing and the command that installs it.
    """
    absent = missing()
    if absent:
        raise CannotStart(
            f"{what} needs {', '.join(absent)}, which {'is' if len(absent) == 1 else 'are'} not installed: "
            f"pip install 'escape-ntk[verify]'",
            name=absent[0],
        )


class LightOnly(MetaPathFinder):
    """Asked first for the modules of verify while the extra is missing: all but the command line say what they need."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Nothing is found here; the other finders go on with what may be loaded."""
        if name.startswith("verify.") and name not in LIGHT:
            require_extra(name)


def _refuse(sentence: str, name: str) -> None:
    """Raise; under ``python -m verify``, where nobody could catch it, the sentence alone and status 2."""
    if sys.argv[:1] == ["-m"]:  # the interpreter puts the module's path there once it has been found
        print(f"escape-ntk: {sentence}", file=sys.stderr)
        raise SystemExit(MISUSE)
    raise CannotStart(sentence, name=name)


def main() -> int:
    """The command ``escape-ntk`` and ``python -m verify``; returns the exit status."""
    try:
        from verify.cli import main as command

        return command()
    except KeyboardInterrupt:
        print("escape-ntk: interrupted", file=sys.stderr)
        return INTERRUPTED
    except ImportError as error:
        remedy = "" if isinstance(error, CannotStart) else "; pip install --force-reinstall escape-ntk repairs it"
        print(f"escape-ntk: {error}{remedy}", file=sys.stderr)
        return MISUSE
    finally:
        # What is left is to leave: a second Ctrl-C ends the process at once, without a traceback.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
