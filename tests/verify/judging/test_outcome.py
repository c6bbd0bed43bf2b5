"""Comparisons and outcomes: verdicts, p values, what knows nothing."""

import math

import pytest

from verify.judging.outcome import Comparison, Interval, Outcome, Verdict

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
        ("above", 0.0, 0.1, 1.0, 0.0, H),
        ("above", 0.0, -1.0, 1.0, 0.0, I),
        ("above", 0.0, -2.0, -1.0, 0.0, F),
        ("within", 1.0, -math.inf, math.inf, 0.1, I),
    ],
)
def test_the_rules_of_a_comparison(rule, predicted, low, high, margin, verdict) -> None:
    middle = (low + high) / 2 if math.isfinite(low) else 0.0
    comparison = Comparison("x", predicted, Interval(middle, low, high), rule, margin)
    assert comparison.verdict is verdict
    assert comparison.p_value == (0.0 if verdict is F else 1.0), "without randomness"


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


def test_p_value_is_the_tail_beyond_the_nearest_admitted_value() -> None:
    """Where the interval just touches the margin, the one-sided tail of a two-sided 99 % interval: 0.5 %."""
    for dof in (3.0, 20.0, math.inf):
        touching = Interval.student(0.0, 1.0, dof)
        edge = touching.lower
        assert Comparison("x", edge - 0.1, touching, "within", 0.1).p_value == pytest.approx(0.005, rel=1e-9)
        assert Comparison("x", edge, touching, "below", 0.0).p_value == pytest.approx(0.005, rel=1e-9)
        assert Comparison("x", -edge, touching, "above", 0.0).p_value == pytest.approx(0.005, rel=1e-9)
        wider = Interval.student(0.0, 1.0, dof, slack=0.5)
        assert Comparison("x", edge - 0.6, wider, "within", 0.1).p_value == pytest.approx(0.005, rel=1e-9)
    inside = Comparison("x", 0.0, Interval.student(0.0, 1.0), "within", 1.0)
    assert inside.p_value > 0.5
    both = Outcome((inside, Comparison("y", 9.0, Interval.student(0.0, 1.0), "within", 1.0)), "")
    assert both.p_value == pytest.approx(2 * both.comparisons[1].p_value)


def test_numbers_without_value_are_unknown() -> None:
    for interval in (Interval.around(math.nan, 0.0), Interval.around(1.0, math.nan), Interval.around(1.0, math.inf)):
        assert (interval.lower, interval.upper) == (-math.inf, math.inf)
        assert Comparison("x", 5.0, interval, "within", 0.1).verdict is I
    sharp = Interval.around(1.0, 0.1)
    assert Comparison("x", 5.0, sharp, "within", math.nan).verdict is I
    assert Comparison("x", 5.0, sharp, "within", 0.1, uncertainty=math.nan).verdict is I


@pytest.mark.parametrize(
    ("rule", "predicted", "margin", "uncertainty", "verdict"),
    [
        ("within", 1.0, 0.2, 0.05, H),
        ("within", 1.0, 0.2, 0.11, I),  # at the far end of the ball the interval leaves the margin
        ("within", 1.5, 0.2, 0.0, F),
        ("within", 1.5, 0.2, 0.21, I),  # at the near end it does not
        ("encloses", 1.0, 0.5, 0.05, H),
        ("encloses", 1.0, 0.5, 0.15, I),
        ("encloses", 1.3, 0.5, 0.0, F),
        ("encloses", 1.3, 0.5, 0.25, I),
        ("below", 1.2, 0.0, 0.05, H),
        ("below", 1.2, 0.0, 0.2, I),
        ("below", 0.8, 0.0, 0.05, F),
        ("below", 0.8, 0.0, 0.15, I),
        ("above", 0.8, 0.0, 0.15, I),
        ("above", 1.2, 0.0, 0.05, F),
        ("within", 9.0, 0.1, 1e300, I),
    ],
)
def test_a_verdict_follows_for_the_whole_ball_of_the_prediction(rule, predicted, margin, uncertainty, verdict) -> None:
    comparison = Comparison("x", predicted, Interval.around(1.0, 0.1), rule, margin, uncertainty=uncertainty)
    assert comparison.verdict is verdict
    assert comparison.p_value == (0.0 if verdict is F else 1.0)
