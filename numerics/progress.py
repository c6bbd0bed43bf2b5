"""A line that shows how far training has come: steps, the loss and the time left, on a terminal or in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

EVERY = 0.2
"""Seconds between two looks at the loss: a look waits for the device, a step does not."""
WIDTH = 24
"""Characters of the bar."""


class ProgressLine:
    """A context manager that redraws one line; it does nothing where nobody would see it.

    Args:
        total: steps in all.
        shown: whether to show anything.
        clock: seconds that only grow.
    """

    def __init__(self, total: int, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock, self._show = total, clock, _place() if shown else None
        self._begun: tuple[int, float] | None = None
        self._next, self._last, self._longest = 0.0, "", 0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._show is not None and self._last:
            self._show(self._last.ljust(self._longest), True)

    def reach(self, step: int, loss: Callable[[], float], last: bool = False) -> None:
        """Note that ``step`` steps are done; ``loss`` is asked for when the line is redrawn, at most every EVERY s."""
        if self._show is None:
            return
        now = self._clock()
        if self._begun is None:
            self._begun = step, now
        if now < self._next and not last:
            return
        self._next = now + EVERY
        self._last = text(step, self._total, loss(), _left(step, self._total, self._begun, now, last))
        self._longest = max(self._longest, len(self._last))
        self._show(self._last.ljust(self._longest), False)


def text(step: int, total: int, loss: float, left: float | None) -> str:
    """The line itself.

    >>> text(250, 1000, 0.0312345, 75.0)
    '[######                  ] step 250 of 1000, loss 0.03123, 1 min 15 s left'
    """
    bar = ("#" * (WIDTH * step // total)).ljust(WIDTH)
    rest = "" if left is None else f", {duration(left)} left"
    return f"[{bar}] step {step} of {total}, loss {loss:.4g}{rest}"


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(12.4), duration(75), duration(7500)
    ('12 s', '1 min 15 s', '2 h 5 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _left(step: int, total: int, begun: tuple[int, float], now: float, last: bool) -> float | None:
    """Seconds left at the mean speed since the beginning; None before the first step and at the end."""
    first, start = begun
    return None if last or step == first else (total - step) * (now - start) / (step - first)


def _place() -> Callable[[str, bool], None] | None:
    """Where a line can be redrawn: a notebook's output, else a terminal; None where there is neither."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and getattr(shell, "kernel", None) is not None:
        return _notebook()
    if sys.stderr is None or not sys.stderr.isatty():
        return None

    def write(line: str, end: bool) -> None:
        try:
            sys.stderr.write(f"\r{line}" + "\n" * end)
            sys.stderr.flush()
        except (OSError, ValueError):  # the reader has left: training goes on
            return

    return write


def _notebook() -> Callable[[str, bool], None]:
    from IPython.display import display

    class Line(str):
        """A text that a notebook shows as it is."""

        def __repr__(self) -> str:
            return str(self).rstrip()

    handle: Any = display(Line(""), display_id=True)

    def update(line: str, end: bool) -> None:
        handle.update(Line(line))

    return update
