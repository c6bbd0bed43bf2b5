"""The command's standard streams and Ctrl-C: what they cannot take changes neither a run nor its exit status."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
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
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
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
    """A line broken between words, never inside a number, an interval, or between a sign and its number.

    >>> wrapped("measured 0.5 in [0.25, 0.75], admitted 0.5 +- 0.25", 24, "  ")
    ['measured 0.5 in', '  [0.25, 0.75], admitted', '  0.5 +- 0.25']
    """
    if len(line) <= width:
        return [line]
    glued = re.sub(r"\[[^][]*\]| \+/?- |[<>]= ", lambda match: match[0].replace(" ", GLUE), line)
    start = line[: len(line) - len(line.lstrip())]
    broken = textwrap.wrap(
        glued,
        width,
        subsequent_indent=start + indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return [part.replace(GLUE, " ") for part in broken]


def say(sentence: str) -> None:
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


class Interruption:
    """Whether Ctrl-C was pressed; true from then on.

    KeyboardInterrupt alone does not tell: raised inside a callback of a C library, or in an import, it may come out as
    another exception.
    """

    def __init__(self) -> None:
        self.pressed = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        self.pressed = True
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Watch for Ctrl-C; where another handler stands, or off the main thread, only its exception tells."""
    found = Interruption()
    try:
        watch = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if watch:
            signal.signal(signal.SIGINT, found.handle)
    except ValueError:  # not the main thread
        watch = False
    try:
        yield found
    finally:
        if watch:
            signal.signal(signal.SIGINT, signal.default_int_handler)
