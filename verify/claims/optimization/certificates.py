"""Ends of training against a certified lower bound of the global minimum: what O2, O5 and O6 share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from verify.judging.outcome import Interval
from verify.judging.rules import Measurement

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

GAP = "(loss - certified bound) / loss, largest"
SOUND = "certified bound / least loss found, largest"
ROUNDING = 1e-8
"""Relative, of a loss in double precision. An output is a sum of m d <= 4e4 terms of modulus at most 50 together, each
known to 2e-16: off by 4e-10 at most, and the square of what is left of a label, near 0.1, by less than 1e-8 of it. The
bound has its own rounding taken off already."""


def gaps(losses: ArrayLike, lower: ArrayLike) -> np.ndarray:
    """1 - bound/loss, (draws, starts); one column where there is one loss for all starts."""
    bounds = np.asarray(lower, dtype=float)
    return 1 - bounds[:, None] / np.asarray(losses, dtype=float).reshape(len(bounds), -1)


def enclosed(value: float) -> Measurement:
    """A ratio of a bound and a loss, or a gap, with the rounding of the loss."""
    return Measurement(Interval.enclosing(value, value - ROUNDING, value + ROUNDING), budget={"rounding": ROUNDING})


def soundness(bounds: ArrayLike, met: ArrayLike) -> dict[str, Measurement]:
    """The largest ratio of a bound to the least loss that was met on the same draw: above 1, it is no bound.

    Args:
        bounds: by draw.
        met: losses anywhere on the way, (draws, points).
    """
    return {SOUND: enclosed(float((np.asarray(bounds) / np.asarray(met).min(axis=1)).max()))}
