"""How strong the evidence for a comparison is, whatever its verdict: four grades, derived from its numbers.

From the strongest to the weakest, each with what it asks:

- *proved*: interval and prediction are theorems for every size that the claim speaks of (``ExactRule.proved``).
- *certified*: the interval encloses the true value at the sizes and on the draws that were looked at: every error in it
  is bounded (``Interval.enclosed``) and none of them is a matter of chance. Nothing follows for other draws or sizes.
- *statistical*: the interval holds with a stated error rate; or nothing in it is a matter of chance, but its error is
  estimated and not bounded: by two grids, an extrapolation, a residual, or not at all in floating point.
- *toy*: at these sizes the statement cannot be told from its neighbours. That is so where

  1. nothing is known: the interval is infinite;
  2. the interval admits the rule's own alternative, the nearest truth that has to come out FAILS, and does not exclude
     what is claimed;
  3. a power is read off fewer than three sizes, through which every law with two parameters passes;
  4. the sizes span less than a factor of four: only from there on does half a power, then a factor of two, exceed what
     a factor log d brings, log(4 d)/log d <= 2 from d = 4 on;
  5. a quantity that is said to fall to zero, or to rise without end, falls or rises so slowly that one which levels off
     does as well. With R = x_max/x_min, the law y (1 + x_max/x)/2 levels off at half of the last value y, and its
     slope over the grid is -log((1+R)/2)/log R: an interval that reaches above that admits it.

A claim's grade is the lowest of its comparisons', over all cases; *toy* as well where a control is not caught, for then
the check does not tell the statement from the error that was planted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

SAMPLING = "sampling"
"""How the name of an error term begins that is a matter of chance."""
SIZES, SPAN = 3, 4.0
"""Sizes that a power needs, and the factor that they have to span."""


class Grade(StrEnum):
    """How strong evidence is; the order of definition is from the strongest to the weakest."""

    PROVED = "proved"
    CERTIFIED = "certified"
    STATISTICAL = "statistical"
    TOY = "toy"


def lowest(grades: Iterable[Grade]) -> Grade | None:
    """The weakest of them; None when there are none."""
    order = list(Grade)
    return max(grades, key=order.index, default=None)


def levelling(grid: tuple[float, ...]) -> float:
    """Modulus of the slope over the grid of a law that levels off at half, or twice, its last value: see above."""
    span = max(grid) / min(grid)
    return math.log((1 + span) / 2) / math.log(span)


def unresolved(grid: tuple[float, ...]) -> str:
    """Why no power can be read off these sizes; empty where one can, and where there are no sizes."""
    different = set(grid)
    if grid and len(different) < SIZES:
        return f"a power from {len(different)} sizes"
    span = max(grid) / min(grid) if grid else math.inf
    return f"sizes span a factor of {span:.3g}" if span < SPAN else ""
