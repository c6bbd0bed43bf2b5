"""Verdicts and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from verify.judging.grade import SAMPLING, Grade, levelling, lowest, unresolved

CONFIDENCE = 0.99
"""Two-sided confidence of every statistical interval, in a run of fixed sizes."""


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class Interval:
    """A measured value with the interval that its error budget leaves; ``lower <= value <= upper``.

    Attributes:
        value, lower, upper: the estimate and the ends; value may be NaN where nothing is known.
        stderr: standard error of a statistical estimate; 0 for an interval that is without randomness by the way it was
            made (:meth:`around`), never because a standard error happened to be 0.
        dof: degrees of freedom of the standard error (Student t); infinite for a normal estimate.
        confidence: two-sided, of a statistical estimate.
        enclosed: whether every error in it is bounded, as in a ball (:meth:`enclosing`); an error that is estimated,
            from two grids or a residual, is none of these.
    """

    value: float
    lower: float
    upper: float
    stderr: float = 0.0
    dof: float = math.inf
    enclosed: bool = False
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        blank = math.isnan(self.value) and (self.lower, self.upper) == (-math.inf, math.inf)
        if not (self.lower <= self.value <= self.upper or blank):
            raise ValueError(f"interval {self}: needs lower <= value <= upper, none of them NaN")
        if not (0 <= self.stderr < math.inf and self.dof > 0):
            raise ValueError(f"interval {self}: needs a finite stderr >= 0 and dof > 0")
        if self.stderr == 0 and math.isfinite(self.dof):
            raise ValueError(f"interval {self}: a statistical one needs stderr > 0; for others leave dof out")
        if self.enclosed and self.stderr > 0:
            raise ValueError(f"interval {self}: encloses nothing for certain with stderr > 0; leave enclosed out")

    @staticmethod
    def around(value: float, radius: float) -> Interval:
        """value +- radius, without randomness; unknown when one of them is not finite."""
        if not (math.isfinite(value) and math.isfinite(radius)):
            return Interval.unknown(value)
        return Interval(value, value - radius, value + radius)

    @staticmethod
    def enclosing(value: float, lower: float, upper: float) -> Interval:
        """An interval that holds the true value for certain; unknown when it has an end that is not finite."""
        if not all(map(math.isfinite, (value, lower, upper))):
            return Interval.unknown(value)
        return Interval(value, lower, upper, enclosed=True)

    @staticmethod
    def student(
        value: float, stderr: float, dof: float = math.inf, slack: float = 0.0, confidence: float = CONFIDENCE
    ) -> Interval:
        """The interval of a t (or normal) estimate, widened by ``slack``, an error that is no matter of chance.

        A standard error of 0 says that observations were repeated or altered, not that the value is certain: nothing is
        known then.
        """
        if not (math.isfinite(value) and 0 < stderr < math.inf and dof > 0 and 0 <= slack < math.inf):
            return Interval.unknown(value)
        radius = student_quantile(dof, confidence) * stderr + slack
        return Interval(value, value - radius, value + radius, stderr, dof, confidence=confidence)

    @property
    def slack(self) -> float:
        """The part of a statistical interval's radius that is no matter of chance."""
        return max((self.upper - self.value) - student_quantile(self.dof, self.confidence) * self.stderr, 0.0)

    def at(self, confidence: float, slack: float = 0.0) -> Interval:
        """The same estimate at another confidence, widened by ``slack``; for one that has none of either."""
        if not (self.stderr > 0 and math.isfinite(self.lower)):
            return self
        return Interval.student(self.value, self.stderr, self.dof, slack, confidence)

    @staticmethod
    def unknown(value: float) -> Interval:
        """A value of which nothing is known."""
        return Interval(value if math.isfinite(value) else math.nan, -math.inf, math.inf)


@lru_cache(maxsize=256)
def student_quantile(dof: float, confidence: float = CONFIDENCE) -> float:
    """Half-width of the two-sided interval of a confidence in standard errors."""
    from scipy import special

    q = (1 + confidence) / 2
    return float(special.ndtri(q) if math.isinf(dof) else special.stdtrit(dof, q))


Rule = Literal["within", "encloses", "below", "above"]


@dataclass(frozen=True)
class Comparison:
    """One predicted number held against one measured interval.

    The rules, each with all three verdicts: "within" HOLDS when the whole interval lies within ``margin`` of the
    prediction and FAILS when none of it does. "encloses" is for rigorous intervals: it HOLDS when the interval contains
    the prediction and is no wider than ``margin``, and FAILS when it does not contain it. "below" HOLDS when the whole
    interval lies at or below the prediction, a bound, and FAILS when none of it does; "above" likewise. Otherwise
    INCONCLUSIVE.

    Attributes:
        label: which number.
        predicted: from theory.
        measured: by a route that does not use the prediction.
        rule: one of the above. margin: absolute, fixed before looking; 0 for "below" and "above".
        budget: name of each error term -> its size; what the interval's radius is made of.
        uncertainty: radius of the ball that the prediction is the middle of: HOLDS and FAILS must follow for all of it.
        case: label of the case that it belongs to.
        proved: whether the interval is a theorem for all that the claim speaks of, not for what was looked at.
        grid: the sizes over which the measured exponent was taken; empty for other quantities.
        rival: the nearest truth that has to come out FAILS, where the rule states one.
    """

    label: str
    predicted: float
    measured: Interval
    rule: Rule
    margin: float
    budget: tuple[tuple[str, float], ...] = ()
    uncertainty: float = 0.0
    case: str = ""
    proved: bool = False
    grid: tuple[float, ...] = ()
    rival: float | None = None

    @property
    def graded(self) -> tuple[Grade, str]:
        """How strong the evidence is, whatever the verdict, and why it is no stronger; no words for *proved*."""
        why = self._toy()
        if why:
            return Grade.TOY, why
        if self.measured.stderr > 0 or any(name.startswith(SAMPLING) for name, _ in self.budget):
            return Grade.STATISTICAL, SAMPLING
        if self.proved:
            return Grade.PROVED, ""
        if self.measured.enclosed:
            return Grade.CERTIFIED, "at the sizes and draws looked at"
        return Grade.STATISTICAL, "errors estimated, not bounded"

    def _toy(self) -> str:
        """Why the statement cannot be told from its neighbours; empty where it can."""
        low, high = self.measured.lower, self.measured.upper
        if not (math.isfinite(low) and math.isfinite(high)):
            return "nothing is known"
        if self.rival is not None and low <= self.rival <= high and self.verdict is not Verdict.FAILS:
            return f"the interval admits the rival {self.rival:.4g}"
        return unresolved(self.grid) or self._levelling()

    def _levelling(self) -> str:
        """Why a quantity that rises or falls may level off, where no more is said of it than that."""
        if not self.grid or self.predicted != 0 or self.rule not in ("below", "above"):
            return ""
        sign = -1 if self.rule == "below" else 1
        slope = sign * levelling(self.grid)
        apart = self.measured.upper < min(slope, 0) or self.measured.lower > max(slope, 0)
        return "" if apart else f"a law that levels off has the slope {slope:.2f}"

    @property
    def grade(self) -> Grade:
        """The grade alone."""
        return self.graded[0]

    @property
    def allowed(self) -> tuple[float, float]:
        """Where the rule admits the true value; for "encloses" the prediction itself."""
        return self._admitted(0.0)

    def _admitted(self, slack: float) -> tuple[float, float]:
        """The same when it is wider by ``slack`` at each end."""
        p, margin = self.predicted, (0.0 if self.rule == "encloses" else self.margin) + slack
        return -math.inf if self.rule == "below" else p - margin, math.inf if self.rule == "above" else p + margin

    @property
    def verdict(self) -> Verdict:
        """The rule applied to the interval; a prediction or margin that is not finite is INCONCLUSIVE."""
        low, high = self.measured.lower, self.measured.upper
        if not all(map(math.isfinite, (self.predicted, self.margin, self.uncertainty))):
            return Verdict.INCONCLUSIVE
        floor, ceiling = self._admitted(self.uncertainty)
        if high < floor or low > ceiling:
            return Verdict.FAILS
        if self.rule == "encloses":
            narrow = low <= floor and ceiling <= high and high - low <= self.margin
            return Verdict.HOLDS if narrow else Verdict.INCONCLUSIVE
        floor, ceiling = self._admitted(-self.uncertainty)
        return Verdict.HOLDS if floor <= low and high <= ceiling else Verdict.INCONCLUSIVE

    @property
    def p_value(self) -> float:
        """Probability of a measurement at least this far outside if the true value were where the rule admits it.

        One-sided, at the nearest admitted value; an interval without randomness gives 0 outside and 1 elsewhere.
        """
        from scipy import special

        finite = (self.predicted, self.margin, self.uncertainty, self.measured.lower, self.measured.upper)
        if not all(map(math.isfinite, finite)):
            return 1.0
        if self.measured.stderr == 0:
            return 0.0 if self.verdict is Verdict.FAILS else 1.0
        m = self.measured
        floor, ceiling = self._admitted(self.uncertainty)
        outside = (max(floor - m.value, m.value - ceiling) - m.slack) / m.stderr
        return float(special.ndtr(-outside) if math.isinf(m.dof) else special.stdtr(m.dof, -outside))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAILS if any fails, else INCONCLUSIVE if any is or there are none, else HOLDS."""
    seen = set(verdicts)
    if Verdict.FAILS in seen:
        return Verdict.FAILS
    return Verdict.HOLDS if seen == {Verdict.HOLDS} else Verdict.INCONCLUSIVE


@dataclass(frozen=True)
class Outcome:
    """The verdict on a claim and the comparisons it rests on. A refuted claim is an outcome, never an exception.

    Attributes:
        comparisons: what was held against what.
        explanation: how it was measured.
        obstacles: reasons why nothing can be concluded, such as a violated hypothesis; with any, never HOLDS.
        share: of every level that the comparisons had, in (0, 1], see :mod:`verify.judging.looks`.
    """

    comparisons: tuple[Comparison, ...]
    explanation: str
    obstacles: tuple[str, ...] = ()
    share: float = 1.0

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the comparisons; without any, INCONCLUSIVE."""
        hindered = [Verdict.INCONCLUSIVE] if self.obstacles else []
        return worst([c.verdict for c in self.comparisons] + hindered)

    def _repr_html_(self) -> str:
        """The comparisons, for a notebook."""
        from verify.judging.showing import outcome_page

        return outcome_page(self)

    def plot(self, ax: Any = None) -> Any:
        """Every interval beside what its rule admits (:func:`verify.judging.showing.draw_outcome`); the Axes."""
        from verify.judging.showing import draw_outcome

        return draw_outcome(self, ax)

    @property
    def grade(self) -> Grade | None:
        """The lowest grade of the comparisons; None without any."""
        return lowest(c.grade for c in self.comparisons)

    @property
    def p_value(self) -> float:
        """Bonferroni over comparisons and looks: at most this probability of FAILS as clear, were the claim true."""
        least = min((c.p_value for c in self.comparisons), default=1.0)
        return min(1.0, len(self.comparisons) * least / self.share)

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
        candidates = [c for c in self.comparisons if c.verdict == self.verdict] or list(self.comparisons)
        return max(candidates, key=_strain, default=None)


def _strain(c: Comparison) -> float:
    """How much of its allowance a comparison uses; above 1 it is outside."""
    if c.rule in ("below", "above"):
        gap = c.measured.upper - c.predicted if c.rule == "below" else c.predicted - c.measured.lower
        radius = max(c.measured.upper - c.measured.lower, abs(c.predicted), 1e-300)
        return 1 + gap / radius
    distance = max(abs(c.measured.lower - c.predicted), abs(c.measured.upper - c.predicted))
    return distance / c.margin if c.margin else math.inf
