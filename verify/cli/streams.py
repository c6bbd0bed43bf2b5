"""The command's standard streams and Ctrl-C: what they cannot take changes neither a run nor its exit status."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from rich.console import Console

GLUE = "\0"
"""Stands for a space at which no line is broken; what is printed holds none, see :func:`printable`."""


def prepare() -> None:
    """Make the streams take any text, before anything is opened or written.

    A character that the terminal's encoding lacks is written as an escape, and a stream that the caller closed leads
    nowhere: otherwise the next file opened, such as records.sqlite, would take its number and receive what is printed.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest free number: this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (lives as long as the process)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    r"""Text from users and files with its control characters, the line feed apart, written as escapes.

    >>> print(printable("tanh(z) # \x1b[31m"))
    tanh(z) # \x1b[31m
    """
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def emit(text: str, wrap: bool = True) -> None:
    """Print on standard output; on a terminal, lines too long for it are broken between words.

    Args:
        text: to print.
        wrap: False for what is read by programs.
    """
    width = columns()
    text = printable(text)
    if wrap and width is not None:
        text = "\n".join(part for line in text.split("\n") for part in wrapped(line, width))
    print(text)


def columns() -> int | None:
    """Width of the terminal that standard output is; None when it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(line: str, width: int, indent: str = "    ") -> list[str]:
    """A line broken between words, never inside a number, an interval that fits, or between a sign and its number.

    >>> wrapped("measured 0.5 in [0.25, 0.75], admitted 0.5 +- 0.25", 24, "  ")
    ['measured 0.5 in', '  [0.25, 0.75], admitted', '  0.5 +- 0.25']
    """
    if len(line) <= width:
        return [line]
    start = line[: len(line) - len(line.lstrip())]
    room = width - len(start + indent)
    whole = rf"\[[^][]{{,{max(room - 2, 0)}}}\]| \+/?- |[<>]= "
    glued = re.sub(whole, lambda match: match[0].replace(" ", GLUE), line)
    broken = textwrap.wrap(
        glued,
        width,
        subsequent_indent=start + indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return [part.replace(GLUE, " ") for part in broken]


def notify(sentence: str) -> None:
    """Print a sentence on standard error; what cannot be written there is lost, and nothing else."""
    with forgiving(sys.stderr):
        print(f"escape-ntk: {printable(' '.join(sentence.splitlines()))}", file=sys.stderr, flush=True)


@contextmanager
def forgiving(stream: IO[str]) -> Iterator[None]:
    """Where a stream on which nothing depends, such as progress, may break: a reader that left, a full disk."""
    try:
        yield
    except OSError:
        silence(stream)


class Output(Console):
    """A console whose reader may leave: the caller is told; rich itself would exit with 1, the status of FAILS."""

    def on_broken_pipe(self) -> None:
        """Raise the error on that rich has caught."""
        raise


def silence(stream: IO[str]) -> None:
    """Lead a broken stream nowhere, so that what its buffer still holds does no harm when Python ends."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # it has no descriptor, or is closed
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM, as clusters do; it unwinds as after Ctrl-C."""


class Kept:
    """Where an interrupt carries what is kept of the run; a context manager.

    Args:
        folder: of the records.
        total: number of cells, where it is known from the beginning.
    """

    def __init__(self, folder: Path, total: int = 0) -> None:
        self._folder, self._there, self._total = folder, 0, total

    def note(self, there: int, total: int) -> None:
        """So many cells of ``total`` are in the records."""
        self._there, self._total = there, total

    def done(self, cell: object) -> None:
        """One more cell is there."""
        self._there += 1

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyboardInterrupt):
            there = f"{self._there} of {self._total} cells are kept in {self._folder}"
            error.args = (f"{there if self._total else 'no cell was there yet'}, the same command continues",)


@contextmanager
def interruptible(*also: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Where Ctrl-C ends in KeyboardInterrupt and SIGTERM in Terminated, whatever becomes of them on their way.

    Raised inside a callback of a C library the exception may come out as another one, such as SystemError. Nothing is
    changed off the main thread, and where another handler stands than Python's own.

    Args:
        also: handlers that are replaced as well.
    """
    pressed: KeyboardInterrupt | None = None

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
        raise pressed

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    own = (signal.default_int_handler, signal.SIG_DFL, *also)
    main = threading.current_thread() is threading.main_thread()
    replaced = [number for number, handler in before.items() if handler in own and main]
    for number in replaced:
        signal.signal(number, note)
    try:
        yield
    except Exception as error:
        if pressed is not None:
            raise pressed from error
        raise
    finally:
        for number in replaced:
            signal.signal(number, before[number])
