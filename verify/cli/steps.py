"""How far a command has come: a line on a terminal with the time left, and a line for each step where asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from verify.cli.streams import forgiving, notify, printable

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


class Steps:
    """Counts steps on standard error; a context manager.

    On a terminal one line is redrawn and taken away at the end, such as "calibrate 3 of 38, N5, 47 s left": the time
    left at the speed so far. Elsewhere nothing is written.

    Args:
        what: is done, in a word or two.
        total: steps in all, where they are counted by :meth:`done`; :meth:`over` counts its own.
        quiet: write nothing at all.
        verbose: write a line for each step that is done, with its seconds, wherever standard error leads.
    """

    def __init__(self, what: str, total: int = 0, quiet: bool = False, verbose: bool = False) -> None:
        self._what, self._total, self._done = what, total, 0
        self._verbose, self._shown = verbose and not quiet, sys.stderr.isatty() and not quiet
        self._bar: Progress | None = None
        self._begun = self._last = time.monotonic()

    def __enter__(self) -> Steps:
        self._begun = self._last = time.monotonic()
        if self._shown:
            from rich.console import Console
            from rich.progress import Progress, TextColumn

            column = TextColumn("{task.description}", markup=False)
            self._bar = Progress(column, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._what)
            with forgiving(sys.stderr):
                self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with forgiving(sys.stderr):
                self._bar.stop()

    def begin(self, name: str) -> None:
        """The step of this name is being done."""
        if self._bar is not None:
            text = line(self._what, self._done, self._total, name, time.monotonic() - self._begun)
            with forgiving(sys.stderr):
                self._bar.update(self._task, description=printable(text))

    def done(self, name: str) -> None:
        """One more step is done."""
        now = time.monotonic()
        self._done += 1
        if self._verbose:
            notify(f"{self._what} {self._done} of {self._total}, {name}: {now - self._last:.1f} s")
        self._last = now
        self.begin(name)

    def over(self, items: Sequence[Item], name: Callable[[Item], str]) -> Iterator[Item]:
        """The items by turns, each a step.

        Args:
            items: all of them.
            name: of an item.
        """
        self._total = len(items)
        for item in items:
            self.begin(name(item))
            yield item
            self.done(name(item))


def line(what: str, done: int, total: int, name: str, elapsed: float) -> str:
    """What the terminal shows when ``done`` of ``total`` steps took ``elapsed`` seconds.

    >>> line("calibrate", 3, 38, "N5", 4.0)
    'calibrate 3 of 38, N5, 47 s left'
    >>> line("calibrate", 0, 38, "S5", 0.0)
    'calibrate 0 of 38, S5'
    """
    from verify.running.progress import duration

    left = f", {duration((total - done) * elapsed / done)} left" if 0 < done < total else ""
    return f"{what} {done} of {total}, {name}{left}"
