"""Grades of evidence: each occurs, each planted weakness lowers it, and no number lifts it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from verify.judging.grade import SPAN, Grade, levelling, lowest
from verify.judging.outcome import Comparison, Interval, Outcome, Verdict
from verify.judging.rules import DecisionRule, ExactRule, Measurement, Prediction

PROVED, CERTIFIED, STATISTICAL, TOY = Grade
ENCLOSED = Interval.enclosing(1.0, 0.99, 1.01)
EXACT = ExactRule("trace", "within", 0.1)
GRID = (10.0, 20.0, 40.0)


def exact(rule: ExactRule = EXACT, data: Interval = ENCLOSED, **budget: float) -> Comparison:
    return rule.compare(Prediction(1.0), Measurement(data, budget=budget))


def power(grid: tuple[float, ...] = GRID, slope: float = 1.0, noise: float = 0.01, **changes: Any) -> Comparison:
    """An exponent of 1, measured over a grid on eight draws."""
    rule = DecisionRule("power", "exponent", "within", 0.3, 0.5, 0.1, 8, grid)
    if changes:
        rule = replace(rule, **changes)
    errors = noise * np.random.default_rng(0).normal(size=(8, len(grid)))
    return rule.compare(
        Prediction(1.0 if rule.rule == "within" else 0.0), Measurement(np.array(grid) ** slope * np.exp(errors))
    )


def test_proved_certified_statistical_and_toy() -> None:
    assert exact(replace(EXACT, proved=True)).graded == (PROVED, "")
    assert exact(rounding=1e-9).graded == (CERTIFIED, "at the sizes and draws looked at")
    assert power().graded == (STATISTICAL, "sampling")
    assert power((10.0, 40.0)).graded == (TOY, "a power from 2 sizes")


def test_a_planted_sampling_error_lowers_what_is_certified_or_proved() -> None:
    drawn = Interval.student(1.0, 0.003, 9)
    for rule in (EXACT, replace(EXACT, proved=True)):
        assert exact(rule, drawn).grade is STATISTICAL
        assert exact(rule, **{"sampling, 99%": 1e-3}).grade is STATISTICAL
        assert exact(rule, drawn).verdict is Verdict.HOLDS, "the grade is not the verdict"


def test_an_error_that_is_estimated_certifies_nothing() -> None:
    """An interval around a number in floating point, whatever its width."""
    for radius in (0.0, 1e-3):
        assert exact(data=Interval.around(1.0, radius), residual=radius).graded == (
            STATISTICAL,
            "errors estimated, not bounded",
        )
    with pytest.raises(ValueError, match="encloses nothing for certain"):
        Interval(1.0, 0.9, 1.1, stderr=0.1, enclosed=True)


def test_observations_that_agree_to_rounding_are_no_enclosure() -> None:
    rule = DecisionRule("mean", "mean", "within", 0.1, 0.5, 0.1, 3, rounding=1e-9)
    same = rule.compare(Prediction(1.0), Measurement([1.0, 1.0, 1.0]))
    assert (same.verdict, same.grade) == (Verdict.HOLDS, STATISTICAL)


def test_nothing_known_is_a_toy_even_where_a_theorem_was_meant() -> None:
    unknown = exact(replace(EXACT, proved=True), Interval.unknown(1.0))
    assert unknown.graded == (TOY, "nothing is known")
    assert Interval.enclosing(math.nan, 0.0, 1.0).enclosed is False
    assert Interval.enclosing(1.0, 0.0, math.inf).enclosed is False


def test_a_power_needs_three_sizes_over_a_factor_of_four() -> None:
    assert power((10.0, 20.0, 39.0)).graded == (TOY, "sizes span a factor of 3.9")
    assert power((10.0, 10.0, 40.0)).grade is TOY
    assert power((10.0, 20.0, 40.0)).grade is STATISTICAL
    # Why four: half a power is then a factor of two, more than a factor log d brings, at every d >= 4.
    for d in (4.0, 8.0, 100.0):
        assert math.log(SPAN * d) / math.log(d) <= SPAN**0.5
        assert math.log(2 * 4) / math.log(4) > 2**0.5


def test_a_rival_inside_the_interval_makes_a_toy() -> None:
    wide = power(noise=1.5)
    assert wide.measured.lower <= wide.rival <= wide.measured.upper
    assert wide.graded == (TOY, f"the interval admits the rival {wide.rival:.4g}")
    assert power(alternative=9.0, noise=1.5).grade is STATISTICAL, "a far rival is told apart"
    mean = DecisionRule("mean", "mean", "within", 0.1, -0.5, 0.1, 3, relative=True)
    both, refuted = (mean.compare(Prediction(2.0), Measurement(data)) for data in ([1.0, 1.6, 2.2], [1.0, 1.1, 0.9]))
    assert (both.rival, both.verdict, both.grade) == (1.0, Verdict.INCONCLUSIVE, TOY)
    assert (refuted.verdict, refuted.grade) == (Verdict.FAILS, STATISTICAL), "a refutation is no toy"


@pytest.mark.parametrize(("rule", "sign"), [("below", -1), ("above", 1)])
def test_what_falls_may_level_off(rule: str, sign: int) -> None:
    """The law that levels off, measured without errors on the two ends, has the slope that is asked for."""
    x = np.array(GRID)
    law = (1 + x[-1] / x) / 2
    slope = math.log(law[-1] / law[0]) / math.log(x[-1] / x[0])
    assert slope == pytest.approx(-levelling(GRID), rel=1e-12)
    one_sided = {"rule": rule, "margin": 0.0, "alternative": -2.0 * sign}
    slow, fast, opposite = (power(slope=sign * s, **one_sided) for s in (0.6, 0.8, -0.5))
    assert (slow.verdict, slow.grade) == (Verdict.HOLDS, TOY)
    assert (fast.verdict, fast.grade) == (Verdict.HOLDS, STATISTICAL)
    assert (opposite.verdict, opposite.grade) == (Verdict.FAILS, STATISTICAL), "a refutation is no toy"


def test_the_weakest_comparison_counts() -> None:
    theorem, enclosed, drawn, small = exact(replace(EXACT, proved=True)), exact(), power(), power((10.0, 40.0))
    assert Outcome((theorem,), "").grade is PROVED
    assert Outcome((theorem, enclosed), "").grade is CERTIFIED
    assert Outcome((drawn, theorem, enclosed), "").grade is STATISTICAL
    assert Outcome((small, theorem), "").grade is TOY
    assert Outcome((), "").grade is lowest([]) is None
