"""The door to the packages ``theory``, ``numerics`` and ``verify``, and the command ``escape-ntk``.

Its name is its own, while ``theory.py`` or ``verify`` may lie beside anybody's script: so what must hold before the
packages can be imported is checked here. It imports little, and nothing but the standard library: what comes before
:func:`main` is not guarded against Ctrl-C.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from os.path import dirname, join, realpath
from types import FrameType, ModuleType

EXTRA = ("torch", "numpy", "scipy", "pydantic", "loky", "matplotlib", "jinja2")
"""What ``numerics`` and ``verify`` need beyond ``theory``: the extra ``verify`` in pyproject.toml."""
LIGHT = (
    *("verify.__main__", "verify.suggestions", "verify.cli", "verify.cli.main", "verify.cli.commands"),
    *("verify.cli.figure", "verify.cli.options", "verify.cli.spectra", "verify.cli.streams"),
    *("verify.cli.calibrate", "verify.cli.completion", "verify.cli.examples", "verify.cli.steps", "verify.cli.sweep"),
    *("verify.cli.export", "verify.files"),
)
"""Modules of verify that do without: the command line, with ``spectrum`` and ``--help``."""

MISUSE = 2
INTERRUPTED, TERMINATED = 130, 143


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
    home = dirname(dirname(realpath(package)))
    for name in names:
        places = [realpath(place) for place in _places(name)]
        if join(home, name, "__init__.py") not in places:
            _refuse(
                f"import {name} finds {' and '.join(places) or 'nothing'} instead of the package {join(home, name)} of "
                f"escape-ntk; rename what was found, or start Python elsewhere and take its folder off PYTHONPATH",
                name,
            )


class _Later(ModuleType):
    """Stands in for a module that is loaded at the first use of a name in it, and passes on every name from then on."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def load_later(name: str) -> None:
    """Have a module loaded at its first use, where much imports it and little will use it; nothing if it is there.

    ``importlib.util.LazyLoader`` would not do: before Python 3.12 the second import statement loads the module.
    """
    if name not in sys.modules:
        module = _Later(name)
        module.__spec__ = importlib.util.find_spec(name)
        sys.modules[name] = module


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


class LightOnly:
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


def leave(number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
    """End the process on Ctrl-C or SIGTERM, at once: nothing has been begun that would be lost.

    An exception could get lost in a callback of a C library or in an import; then the command would go on.
    """
    ended = number == signal.SIGTERM
    shown = b"\x1b[?25h" if os.isatty(2) else b""  # a progress line hides the cursor
    try:
        os.write(2, shown + (b"escape-ntk: terminated\n" if ended else b"escape-ntk: interrupted\n"))
    finally:
        os._exit(TERMINATED if ended else INTERRUPTED)


def _look_here_last() -> None:
    """Under ``python -m`` the current folder is the first place of imports: a file there hides one of Python's."""
    here = sys.path[:1]
    if getattr(sys.modules["__main__"], "__spec__", None) is not None and here != [dirname(realpath(__file__))]:
        sys.path[:] = [*sys.path[1:], *here]


def main() -> int:
    """The command ``escape-ntk`` and ``python -m verify``; returns the exit status."""
    own = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    watched = [number for number, handler in own.items() if signal.getsignal(number) == handler]
    for number in watched:
        signal.signal(number, leave)
    _look_here_last()
    try:
        require_ours(join(dirname(realpath(__file__)), "verify", "__init__.py"), "verify")
        from verify.cli.main import main as command

        return command()
    except ImportError as error:
        remedy = "" if isinstance(error, CannotStart) else "; pip install --force-reinstall escape-ntk repairs it"
        print(f"escape-ntk: {error}{remedy}", file=sys.stderr)
        return MISUSE
    finally:
        for number in watched:  # what is left is to leave
            signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":  # python -m escape_ntk: in the module that the packages import, not in a second one
    from escape_ntk import main as command

    sys.exit(command())
