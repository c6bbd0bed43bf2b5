"""A limit to the work of one evaluation, which then ends in a sentence instead of running on.

The limit counts processor time of the calling thread, so a busy machine or another thread does not use it up. It is
looked at in every loop that may be long: at each evaluation of an integrand, each block of terms of a series, each
precision tried. SymPy knows nothing of it; :func:`watched` looks at it while SymPy works on a long expression.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import CO_GENERATOR
from types import FrameType
from typing import ParamSpec, TypeVar

from theory.harmonics.sphere import is_number, shown

DEFAULT_SECONDS = 60.0
"""Processor time that one evaluation may take where the caller sets no other limit."""
MOST_SECONDS = 600.0
"""The same for a list of many values."""
CALLS = 100
"""Calls of Python's functions between two looks at the limit, about half a millisecond of SymPy."""

P = ParamSpec("P")
T = TypeVar("T")


class Undecided(ArithmeticError):
    """A value could not be separated from zero, or its digits not certified, within the precision or work allowed."""


class WorkLimit(Undecided):
    """The work allowed for an evaluation was used up; ``named`` where the message says what was evaluated."""

    named = False


class _Stop(BaseException):
    """Ends code that would catch an Exception and go on."""


class _Allowance(threading.local):
    """What the thread may still do: ``end`` in its processor time, and the ``seconds`` that were allowed.

    ``unconverged`` counts its integrals that used up their evaluations, ``disturbed`` the tries of the evaluation that
    went on at another's precision.
    """

    end: float | None = None
    seconds: float = DEFAULT_SECONDS
    unconverged: int = 0
    disturbed: int = 0


_allowance = _Allowance()


@contextmanager
def work_limit(seconds: float) -> Iterator[None]:
    """Within this block every evaluation of this thread ends after ``seconds`` of processor time, all of them together.

    Without it each evaluation may take :data:`DEFAULT_SECONDS`, a list of values up to ten minutes. Blocks nest; the
    limit that ends first counts.

    Args:
        seconds: > 0; ``math.inf`` for no limit.

    Raises:
        ValueError: seconds that are not positive.
        WorkLimit: from the evaluation inside, once the time is used up: what was computed, how far it came, and what
            would help.

    >>> from theory import Activation, coefficient
    >>> with work_limit(20):
    ...     print(coefficient(Activation.parse("tanh(z + 1)"), 2, 10, 1).str(6, radius=False))
    -0.00859366
    """
    try:
        allowed = float(seconds) if is_number(seconds) else 0.0
    except (TypeError, ValueError, OverflowError):
        allowed = 0.0
    if not allowed > 0:
        raise ValueError(f"seconds={shown(seconds)}: needs a positive number of seconds, or math.inf for no limit")
    # A block inside another shortens the time but never extends it.
    before = _allowance.end, _allowance.seconds
    if before[0] is None:
        _allowance.disturbed = 0
    end = time.thread_time() + allowed
    if before[0] is None or end < before[0]:
        _allowance.end, _allowance.seconds = end, allowed
    try:
        yield
    finally:
        _allowance.end, _allowance.seconds = before


def seconds_for(count: int) -> float:
    """The time that a list of ``count`` values may take by default: more for a longer one, up to MOST_SECONDS."""
    return min(DEFAULT_SECONDS + 10.0 * count, MOST_SECONDS)


@contextmanager
def evaluation(subject: str, seconds: float = DEFAULT_SECONDS) -> Iterator[None]:
    """One evaluation: it has ``seconds`` unless a limit is in force, and its name stands in the message."""
    opened = _allowance.end is None  # only the outermost evaluation starts the clock
    if opened:
        _allowance.end, _allowance.seconds, _allowance.disturbed = time.thread_time() + seconds, seconds, 0
    try:
        yield
    except WorkLimit as limit:
        # The innermost evaluation gives the message its name; those around it pass it on.
        if limit.named:
            raise
        named = _used_up(subject)
        named.named = True
        raise named from None
    finally:
        if opened:
            _allowance.end = None


def _used_up(subject: str = "the evaluation") -> WorkLimit:
    remedy = "ask for fewer digits, a lower degree or smaller constants, or allow more with theory.work_limit(seconds)"
    if _allowance.disturbed:
        remedy = (
            f"other code set flint.ctx.prec during {_allowance.disturbed} of the tries; keep it as it is, or {remedy}"
        )
    return WorkLimit(f"{subject}: not done within {_allowance.seconds:g} s; {remedy}")


def check_work(ahead: float = 0.0) -> None:
    """Raise :class:`WorkLimit`, for :func:`evaluation` to name, when the work allowed is used up.

    Args:
        ahead: seconds that the next step will take at least.
    """
    end = _allowance.end
    if end is not None and time.thread_time() + ahead > end:
        raise _used_up()


def watched(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The value of a function of SymPy, which ends with the work allowed although it never looks at the limit.

    The interpreter reports every call that is made meanwhile, and every :data:`CALLS` of them the limit is looked at.
    That makes Python two to three times slower, so it is for expressions whose algebra may take seconds. Where no
    limit is in force, or a profiler is at work, the function is called as it is.

    Raises:
        WorkLimit: the work allowed is used up; whatever else the function raises.
    """
    end = _allowance.end
    if end is None or sys.getprofile() is not None:
        return function(*args, **kwargs)
    calls = 0

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"
        # Not in a generator, which may be about to be closed: what is raised then reaches nobody.
        if calls >= CALLS and event == "call" and not frame.f_code.co_flags & CO_GENERATOR:
            calls = 0
            if time.thread_time() > end:
                raise _Stop

    sys.setprofile(look)
    try:
        return function(*args, **kwargs)
    except _Stop:
        raise _used_up() from None
    finally:
        sys.setprofile(None)


def note_disturbed() -> None:
    """Count a try during which code elsewhere set flint's precision."""
    _allowance.disturbed += 1


def note_unconverged() -> None:
    """Count an integral that used up its evaluations: more precision will not help it."""
    _allowance.unconverged += 1


def unconverged() -> int:
    """How many integrals of this thread used up their evaluations so far."""
    return _allowance.unconverged
