"""Outcomes, rules and intervals."""

import math

import numpy as np
import pytest

from verify.judging.rules import DecisionRule
from verify.judging.multiplicity import holm
from verify.judging.outcome import Comparison, Interval, Outcome, Verdict
from verify.judging.statistics import clustered_exponent, exponent_interval, extrapolate, mean_interval, normal_interval

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
def test_rules(rule, predicted, low, high, margin, verdict) -> None:
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


def test_holm_keeps_the_family_error() -> None:
    """20 true hypotheses with uniform p values, 4,000 runs: a false rejection in 5 % +- 4 binomial errors (1.4 %).

    Each at 5 % on its own would reject one in 64 % of the runs. With clearly false ones beside them nothing changes,
    and Bonferroni's correction, which Holm improves, rejects no more.
    """
    rng = np.random.default_rng(2)
    runs, false = 4000, 0
    for _ in range(runs):
        p_values = {str(i): float(p) for i, p in enumerate(rng.uniform(size=20))}
        found = holm(p_values | {"wrong": 1e-9}, 0.05)
        assert found["wrong"]
        assert all(found[name] for name, p in p_values.items() if p <= 0.05 / 21)
        false += any(found[name] for name in p_values)
    assert abs(false / runs - 0.05) < 0.014, false
    assert holm({"a": 0.02, "b": 0.02}, 0.03) == {"a": False, "b": False}
    assert holm({"a": 0.01, "b": 0.02}, 0.03) == {"a": True, "b": True}


def test_coverage_of_intervals() -> None:
    """99 % intervals over 4,000 simulations: coverage within 4 binomial standard errors (0.0063) of 0.99.

    HC3 is conservative in small samples, so there only too low a coverage is an error; the errors' spread grows
    threefold along the grid. The usual standard error, which assumes that it does not, is beside it too narrow where
    the wide errors sit at the ends.
    """
    rng = np.random.default_rng(1)
    hits = {"mean": 0, "clustered": 0, "HC3": 0}
    x = np.array([1.0, 4.0, 16.0])
    spread = np.array([0.1, 0.2, 0.3])
    for _ in range(4000):
        interval = mean_interval(rng.normal(2.0, 3.0, 8).tolist())
        hits["mean"] += interval.lower <= 2.0 <= interval.upper
        shared = rng.normal(0, 1.0, (6, 1))
        slope = clustered_exponent(x.tolist(), np.exp(shared + rng.normal(0, 0.3, (6, 3))) * x**-0.5)
        hits["clustered"] += slope.lower <= -0.5 <= slope.upper
        slope = exponent_interval(x.tolist(), np.exp(spread * rng.normal(size=(6, 3))) * x**-0.5)
        hits["HC3"] += slope.lower <= -0.5 <= slope.upper
    assert all(abs(hits[name] / 4000 - 0.99) < 0.0063 for name in ("mean", "clustered")), hits
    assert hits["HC3"] / 4000 > 0.9837, hits


def test_hc3_is_the_sandwich_of_leave_one_out_residuals() -> None:
    """By hand: leave-one-out residuals are e_i / (1 - h_i), so HC3 is their sandwich."""
    x, y = np.array([1.0, 2.0, 4.0, 8.0]), np.array([[1.0, 1.9, 4.4, 7.0]])
    found = exponent_interval(x.tolist(), y)
    u, v = np.log(x), np.log(y[0])
    total = 0.0
    for i in range(4):
        rest = np.arange(4) != i
        slope, intercept = np.polyfit(u[rest], v[rest], 1)
        left_out = v[i] - slope * u[i] - intercept
        total += ((u[i] - u.mean()) * left_out) ** 2
    assert found.value == pytest.approx(np.polyfit(u, v, 1)[0])
    assert found.stderr == pytest.approx(math.sqrt(total) / ((u - u.mean()) ** 2).sum())
    assert found.dof == 2


RULE = DecisionRule("x", "exponent", "within", 0.2, 1.0, 0.1, 3, (8.0, 16.0, 32.0))


def test_missing_observations_are_counted_and_too_many_conclude_nothing() -> None:
    grid = np.array(RULE.grid)
    table = np.outer([1.0, 1.05, 0.95], grid)
    assert RULE.compare("n*", 1.0, table).verdict is H
    table[0, 2] = math.nan
    one = RULE.compare("n*", 1.0, table)
    assert one.verdict is I, "one of nine is more than a tenth"
    assert dict(one.budget)["censored observations"] == 1
    long = DecisionRule("x", "exponent", "within", 0.2, 1.0, 0.1, 4, (8.0, 16.0, 32.0))
    more = np.vstack([table, 1.02 * grid])
    assert long.compare("n*", 1.0, more).verdict is H
    assert dict(long.compare("n*", 1.0, more).budget)["censored observations"] == 1
    with pytest.raises(ValueError, match=r"the rule was stated for \(3, 3\)"):
        RULE.compare("n*", 1.0, more)


@pytest.mark.parametrize("statistic", ["mean", "normal mean", "exponent", "clustered exponent"])
def test_rules_err_as_rarely_as_they_say(statistic) -> None:
    """At the margin's edge 0.5 % of 2,000 runs FAIL (+- 4 binomial errors, 0.63 %); far outside nearly all do."""
    grid = (8.0, 16.0, 32.0) if "exponent" in statistic else ()
    rule = DecisionRule("x", statistic, "within", 0.8, 2.0, 0.1, 8, grid)
    rng = np.random.default_rng(5)
    edge = sum(rule.simulate(rule.edges[i % 2], rng).verdict is F for i in range(2000)) / 2000
    assert edge < 0.005 + 0.0063, edge
    assert edge > 0, "the edge is where it errs"
    assert all(rule.simulate(rule.alternative, rng).verdict is F for _ in range(200))
    assert all(rule.simulate(0.0, rng).verdict is H for _ in range(200))


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
        clustered_exponent([1.0, 2.0], [[1.0, 0.0], [1.0, 2.0]])


@pytest.mark.parametrize("stderr", [0.0, math.nan, math.inf, -1.0])
def test_a_standard_error_that_proves_nothing(stderr: float) -> None:
    """Neither FAILS nor HOLDS, in whatever way the numbers reach a comparison."""
    for interval in (Interval.student(0.0, stderr), Interval.student(0.0, stderr, 5.0, slack=0.1)):
        for predicted, margin in ((0.0, 1.0), (9.0, 1.0)):
            comparison = Comparison("x", predicted, interval, "within", margin)
            assert (comparison.verdict, comparison.p_value) == (I, 1.0)
    rule = DecisionRule("x", "normal mean", "within", 0.1, 1.0, 0.1, 1)
    assert {rule.compare("x", value, (0.0, stderr)).verdict for value in (0.0, 9.0)} == {I}
    with pytest.raises(ValueError, match="stderr > 0"):
        Interval(0.0, 0.0, 0.0, stderr=0.0, dof=3.0)


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
