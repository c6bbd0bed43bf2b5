"""Verdicts and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class Interval:
    """A measured value with the interval that its error budget leaves; ``lower <= value <= upper``."""

    value: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not self.lower <= self.value <= self.upper:
            raise ValueError(f"interval {self}: needs lower <= value <= upper, none of them NaN")

    @staticmethod
    def around(value: float, radius: float) -> Interval:
        """value +- radius."""
        return Interval(value, value - radius, value + radius)


Rule = Literal["within", "encloses", "below"]


@dataclass(frozen=True)
class Comparison:
    """One predicted number held against one measured interval.

    The rules, each with all three verdicts: "within" HOLDS when the whole interval lies within ``margin`` of the
    prediction and FAILS when none of it does. "encloses" is for rigorous intervals: it HOLDS when the interval contains
    the prediction and is no wider than ``margin``, and FAILS when it does not contain it. "below" HOLDS when the whole
    interval lies at or below the prediction, a bound, and FAILS when none of it does. Otherwise INCONCLUSIVE.

    Attributes:
        label: which number.
        predicted: from theory.
        measured: by a route that does not use the prediction.
        rule: one of the above. margin: absolute, fixed before looking; 0 for "below".
        budget: name of each error term -> its size; what the interval's radius is made of.
    """

    label: str
    predicted: float
    measured: Interval
    rule: Rule
    margin: float
    budget: tuple[tuple[str, float], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The rule applied to the interval; a prediction that is not finite is INCONCLUSIVE."""
        low, high = self.measured.lower, self.measured.upper
        if not math.isfinite(self.predicted):
            return Verdict.INCONCLUSIVE
        if self.rule == "encloses":
            if not low <= self.predicted <= high:
                return Verdict.FAILS
            return Verdict.HOLDS if high - low <= self.margin else Verdict.INCONCLUSIVE
        floor = -math.inf if self.rule == "below" else self.predicted - self.margin
        ceiling = self.predicted if self.rule == "below" else self.predicted + self.margin
        if floor <= low and high <= ceiling:
            return Verdict.HOLDS
        return Verdict.FAILS if high < floor or low > ceiling else Verdict.INCONCLUSIVE


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAILS if any fails, else INCONCLUSIVE if any is or there are none, else HOLDS."""
    seen = set(verdicts)
    if Verdict.FAILS in seen:
        return Verdict.FAILS
    return Verdict.HOLDS if seen == {Verdict.HOLDS} else Verdict.INCONCLUSIVE


@dataclass(frozen=True)
class Outcome:
    """The verdict on a claim and the comparisons it rests on. A refuted claim is an outcome, never an exception."""

    comparisons: tuple[Comparison, ...]
    explanation: str

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the comparisons; without any, INCONCLUSIVE."""
        return worst(c.verdict for c in self.comparisons)

    @property
    def prediction(self) -> dict[str, float]:
        """Predicted number by label."""
        return {c.label: c.predicted for c in self.comparisons}

    @property
    def estimate(self) -> dict[str, dict[str, float]]:
        """Measured value and interval by label."""
        return {
            c.label: {"value": c.measured.value, "lower": c.measured.lower, "upper": c.measured.upper}
            for c in self.comparisons
        }

    @property
    def budget(self) -> dict[str, dict[str, float]]:
        """Error terms by label."""
        return {c.label: dict(c.budget) for c in self.comparisons}

    @property
    def decisive(self) -> Comparison | None:
        """Of the comparisons with the outcome's verdict, the one nearest to its limit; None without comparisons."""
        candidates = [c for c in self.comparisons if c.verdict == self.verdict]
        return max(candidates, key=_strain, default=None)


def _strain(c: Comparison) -> float:
    """How much of its allowance a comparison uses; above 1 it is outside."""
    if c.rule == "below":
        return c.measured.upper - c.predicted
    distance = max(abs(c.measured.lower - c.predicted), abs(c.measured.upper - c.predicted))
    return distance / c.margin if c.margin else math.inf
