"""Outcomes, rules and intervals."""

import math

import numpy as np
import pytest

from verify.outcome import Comparison, Interval, Outcome, Verdict
from verify.statistics import extrapolate, mean_interval, normal_interval, slope_interval

H, F, I = Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE  # noqa: E741


@pytest.mark.parametrize(
    ("rule", "predicted", "low", "high", "margin", "verdict"),
    [
        ("within", 1.0, 0.95, 1.05, 0.1, H),
        ("within", 1.0, 0.85, 1.05, 0.1, I),
        ("within", 1.0, 0.5, 1.5, 0.1, I),
        ("within", 1.0, 1.11, 1.2, 0.1, F),
        ("within", 1.0, 0.7, 0.89, 0.1, F),
        ("within", math.nan, 0.9, 1.0, 0.1, I),
        ("encloses", 1.0, 0.9, 1.1, 0.5, H),
        ("encloses", 1.0, 0.0, 9.0, 0.5, I),
        ("encloses", 1.0, 1.01, 1.1, 0.5, F),
        ("below", 0.0, -2.0, -1.0, 0.0, H),
        ("below", 0.0, -1.0, 1.0, 0.0, I),
        ("below", 0.0, 0.1, 1.0, 0.0, F),
    ],
)
def test_rules(rule, predicted, low, high, margin, verdict) -> None:
    comparison = Comparison("x", predicted, Interval((low + high) / 2, low, high), rule, margin)
    assert comparison.verdict is verdict


def test_the_worst_comparison_decides() -> None:
    good = Comparison("good", 1.0, Interval.around(1.0, 0.01), "within", 0.1)
    wide = Comparison("wide", 1.0, Interval.around(1.0, 0.5), "within", 0.1)
    bad = Comparison("bad", 1.0, Interval.around(3.0, 0.01), "within", 0.1)
    assert Outcome((good,), "").verdict is H
    assert Outcome((good, wide), "").verdict is I
    assert Outcome((good, wide, bad), "").verdict is F
    assert Outcome((good, wide, bad), "").decisive is bad
    assert Outcome((), "").verdict is I, "no evidence is no support"


def test_an_interval_refuses_nan() -> None:
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="lower <= value <= upper"):
            Interval(value, 0.0, 1.0)


def test_coverage_of_intervals() -> None:
    """99 % intervals over 4,000 simulations: coverage within 4 binomial standard errors (0.0063) of 0.99."""
    rng = np.random.default_rng(1)
    hits = {"mean": 0, "slope": 0}
    x = np.array([1.0, 4.0, 16.0])
    for _ in range(4000):
        interval = mean_interval(rng.normal(2.0, 3.0, 8).tolist())
        hits["mean"] += interval.lower <= 2.0 <= interval.upper
        rows = np.exp(rng.normal(0, 0.3, (6, 3))) * x**-0.5
        slope = slope_interval(x.tolist(), rows.tolist())
        hits["slope"] += slope.lower <= -0.5 <= slope.upper
    assert all(abs(h / 4000 - 0.99) < 0.0063 for h in hits.values()), hits


def test_normal_interval_is_symmetric() -> None:
    interval = normal_interval(1.0, 0.1)
    assert interval.upper - 1.0 == pytest.approx(0.2576, rel=1e-3)


def test_extrapolation_removes_the_first_order() -> None:
    grid = [10.0, 20.0, 40.0, 80.0]
    interval = extrapolate(grid, [3.0 + 5.0 / g + 2.0 / g**2 for g in grid])
    assert abs(interval.value - 3.0) < 1e-3
    assert interval.lower <= 3.0 <= interval.upper
    with pytest.raises(ValueError, match="twice"):
        extrapolate([10, 20, 30], [1, 1, 1])


@pytest.mark.parametrize("samples", [[], [1.0], [1.0, math.nan], [2.0, 2.0, 2.0]])
def test_mean_needs_distinct_finite_samples(samples: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least 2|must differ"):
        mean_interval(samples)


def test_slopes_need_positive_values() -> None:
    with pytest.raises(ValueError, match="positive"):
        slope_interval([1.0, 2.0], [[1.0, 0.0], [1.0, 2.0]])
