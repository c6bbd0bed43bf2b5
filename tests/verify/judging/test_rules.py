"""Rules: one prediction, one measurement, one verdict."""

import math
from dataclasses import replace

import numpy as np
import pytest

from verify.judging.outcome import Comparison, Interval, Verdict
from verify.judging.rules import DecisionRule, ExactRule, Measurement, Prediction
from verify.judging.statistics import mean_interval
from verify.running.experiment import Unusable

H, F, I = Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE  # noqa: E741


RULE = DecisionRule("x", "exponent", "within", 0.2, 1.0, 0.1, 3, (8.0, 16.0, 32.0))


def test_missing_observations_are_counted_and_too_many_conclude_nothing() -> None:
    grid = np.array(RULE.grid)
    table = np.outer([1.0, 1.05, 0.95], grid)
    assert RULE.compare(Prediction(1.0), Measurement(table)).verdict is H
    table[0, 2] = math.nan
    one = RULE.compare(Prediction(1.0), Measurement(table))
    assert one.verdict is I, "one of nine is more than a tenth"
    assert dict(one.budget)["censored observations"] == 1
    long = DecisionRule("x", "exponent", "within", 0.2, 1.0, 0.1, 4, (8.0, 16.0, 32.0))
    more = np.vstack([table, 1.02 * grid])
    assert long.compare(Prediction(1.0), Measurement(more)).verdict is H
    assert dict(long.compare(Prediction(1.0), Measurement(more)).budget)["censored observations"] == 1
    with pytest.raises(ValueError, match=r"the rule was stated for \(3, 3\)"):
        RULE.compare(Prediction(1.0), Measurement(more))


@pytest.mark.parametrize("statistic", ["mean", "normal mean", "exponent", "mean exponent", "clustered exponent"])
def test_rules_err_as_rarely_as_they_say(statistic) -> None:
    """At the margin's edge 0.5 % of 2,000 runs FAIL (+- 4 binomial errors, 0.63 %); far outside nearly all do."""
    grid = (8.0, 16.0, 32.0) if "exponent" in statistic else ()
    groups = 2 if statistic == "mean exponent" else 1
    rule = DecisionRule("x", statistic, "within", 0.8, 2.0, 0.1, 8, grid, groups=groups)
    rng = np.random.default_rng(5)
    edge = sum(rule.simulate(rule.edges[i % 2], rng).verdict is F for i in range(2000)) / 2000
    assert edge < 0.005 + 0.0063, edge
    assert edge > 0, "the edge is where it errs"
    assert all(rule.simulate(rule.alternative, rng).verdict is F for _ in range(200))
    assert all(rule.simulate(0.0, rng).verdict is H for _ in range(200))


@pytest.mark.parametrize("stderr", [0.0, math.nan, math.inf, -1.0])
def test_a_standard_error_that_proves_nothing(stderr: float) -> None:
    """Neither FAILS nor HOLDS, in whatever way the numbers reach a comparison."""
    for interval in (Interval.student(0.0, stderr), Interval.student(0.0, stderr, 5.0, slack=0.1)):
        for predicted, margin in ((0.0, 1.0), (9.0, 1.0)):
            comparison = Comparison("x", predicted, interval, "within", margin)
            assert (comparison.verdict, comparison.p_value) == (I, 1.0)
    rule = DecisionRule("x", "normal mean", "within", 0.1, 1.0, 0.1, 1)
    assert {rule.compare(Prediction(value), Measurement((0.0, stderr))).verdict for value in (0.0, 9.0)} == {I}
    with pytest.raises(ValueError, match="stderr > 0"):
        Interval(0.0, 0.0, 0.0, stderr=0.0, dof=3.0)


def test_each_observation_is_reduced_by_its_own_prediction() -> None:
    """Two activations share four draws: raw numbers near 2 and 8, with predictions of 2 and 8."""
    data, own = np.array([2.02, 7.9, 1.97, 8.1]), [2.0, 8.0, 2.0, 8.0]
    found = {}
    for scale in ("difference", "ratio", "log ratio"):
        rule = DecisionRule("x", "mean", "within", 0.2, 1.0, 0.1, 4, scale=scale)
        found[scale] = rule.compare(Prediction(own), Measurement(data))
    assert [c.predicted for c in found.values()] == [0.0, 1.0, 0.0]
    assert found["ratio"].measured == mean_interval((data / own).tolist())
    assert found["log ratio"].measured == mean_interval(np.log(data / own).tolist())
    assert found["difference"].measured == mean_interval((data - own).tolist())
    wrong = DecisionRule("x", "mean", "within", 0.2, 1.0, 0.1, 4, scale="ratio")
    assert wrong.compare(Prediction([3.0, 12.0, 3.0, 12.0]), Measurement(data)).verdict is F
    raw = DecisionRule("x", "mean", "within", 0.2, 1.0, 0.1, 4)
    with pytest.raises(ValueError, match="one number against the data"):
        raw.compare(Prediction(own), Measurement(data))


def test_numbers_of_an_observation_are_averaged_once_reduced() -> None:
    """Three observations of two numbers with predictions of 1 and 10: the mean of the ratios, not of the numbers."""
    data = np.array([[1.1, 10.0], [1.0, 10.2], [0.9, 10.1]])
    rule = DecisionRule("x", "mean", "within", 0.1, 1.0, 0.1, 3, scale="ratio", pool="mean")
    found = rule.compare(Prediction([1.0, 10.0]), Measurement(data))
    assert found.measured == mean_interval((data / [1.0, 10.0]).mean(axis=1).tolist())
    with pytest.raises(ValueError, match=r"the rule was stated for \(3,\)"):
        replace(rule, pool="").compare(Prediction([1.0, 10.0]), Measurement(data))


def test_a_distance_has_no_sign() -> None:
    """Three observations of two numbers, each beside its prediction by about 0.1 on either side: the mean is 0."""
    data = np.array([[1.1, 1.9], [1.101, 1.898], [0.9, 2.1005]])
    rule = DecisionRule("x", "mean", "within", 0.05, 0.2, 0.01, 3, scale="difference", pool="distance")
    found = rule.compare(Prediction([1.0, 2.0]), Measurement(data))
    assert found.measured == mean_interval(np.abs(data - [1.0, 2.0]).mean(axis=1).tolist())
    assert found.verdict is F
    assert replace(rule, pool="mean").compare(Prediction([1.0, 2.0]), Measurement(data)).verdict is H


def test_a_relative_margin_is_in_units_of_the_prediction() -> None:
    rule = DecisionRule("x", "mean", "within", 0.1, 1.0, 0.1, 3, relative=True)
    assert rule.compare(Prediction(-50.0), Measurement([-50.0, -50.1, -49.9])).margin == pytest.approx(5.0)
    exact = ExactRule("x", "within", 0.1, relative=True)
    assert exact.compare(Prediction(-50.0), Measurement(Interval.around(-54.0, 0.5))).verdict is H
    assert exact.compare(Prediction(-50.0), Measurement(Interval.around(-56.0, 0.5))).verdict is F


def test_errors_widen_the_interval_and_budgets_do_not() -> None:
    rule, data = DecisionRule("x", "mean", "within", 0.1, 1.0, 0.1, 3), [1.0, 1.001, 0.999]
    plain = rule.compare(Prediction(1.0), Measurement(data, budget={"shown": 0.5}))
    wide = rule.compare(Prediction(1.0, budget={"in the margin": 0.3}), Measurement(data, errors={"a": 0.2, "b": 0.1}))
    assert wide.measured.upper - plain.measured.upper == pytest.approx(0.3)
    assert (plain.verdict, wide.verdict) == (H, I)
    assert dict(wide.budget) | {"a": 0.2, "b": 0.1, "in the margin": 0.3} == dict(wide.budget)
    assert dict(plain.budget)["shown"] == 0.5


def test_observations_that_agree_to_rounding_are_free_of_chance_where_the_rule_says_so() -> None:
    data = [1.0, 1.0 + 1e-15, 1.0 - 1e-15]
    rule = DecisionRule("x", "mean", "within", 0.1, 1.0, 0.1, 3, rounding=1e-12)
    sharp = rule.compare(Prediction(1.0), Measurement(data))
    assert (sharp.measured.stderr, sharp.verdict) == (0.0, H)
    assert rule.compare(Prediction(2.0), Measurement(data)).verdict is F
    assert rule.compare(Prediction(1.0), Measurement([1.0, 1.1, 0.9])).measured.stderr > 0


def test_data_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="needs an interval"):
        ExactRule("x", "within", 0.1).compare(Prediction(1.0), Measurement([1.0, 2.0]))
    with pytest.raises(ValueError, match="needs observations"):
        RULE.compare(Prediction(1.0), Measurement(Interval.around(1.0, 0.1)))


ROWS = np.array([[0.4, -0.3, 0.02], [0.5, -0.2, 0.01], [0.3, -0.4, 0.03]])


def test_the_least_product_with_predicted_signs() -> None:
    rule = DecisionRule("side", "mean", "above", 0.0, -0.4, 0.05, 3, scale="sign", pool="least")
    right = rule.compare(Prediction([1.0, -1.0, 1.0]), Measurement(ROWS))
    assert right.predicted == 0.0
    assert right.measured.value == pytest.approx(0.02)
    wrong = rule.compare(Prediction([1.0, 1.0, 1.0]), Measurement(ROWS))
    assert wrong.measured.value == pytest.approx(-0.3)
    assert (right.verdict, wrong.verdict) == (I, I)
    silent = rule.compare(Prediction([1.0, -1.0, np.nan]), Measurement(ROWS))
    assert silent.measured.value == pytest.approx((0.3 + 0.2 + 0.3) / 3)


def test_the_mean_of_those_that_have_a_prediction() -> None:
    rule = DecisionRule("rest", "mean", "within", 0.05, 0.2, 0.02, 3, scale="difference", pool="mean")
    found = rule.compare(Prediction([np.nan, -0.3, 0.0]), Measurement(ROWS))
    assert found.predicted == 0.0
    assert found.measured.value == pytest.approx((0.01 + 0.055 - 0.035) / 3)


@pytest.mark.parametrize("odd", ["0.5", True, 10**400, {}, "nan", b"1"], ids=repr)
def test_what_is_no_number_never_becomes_an_observation(odd: object) -> None:
    """NumPy reads the text "0.5" as a number; None stays an observation that is missing."""
    rule = DecisionRule("x", "mean", "within", 0.5, 1.0, 0.1, 3)
    for data in ([odd, odd, odd], [None, odd, 0.5]):
        with pytest.raises(Unusable, match="x: its records hold what is no number"):
            rule.compare(Prediction(0.5), Measurement(data))
    assert rule.compare(Prediction(0.5), Measurement([0.5, 0.51, 0.49])).verdict is H
    assert rule.compare(Prediction(0.5), Measurement([0.5, None, 0.49])).verdict is I


def test_a_cap_that_hides_slow_runs_never_makes_a_bound_hold() -> None:
    """What is left of a steep law under a cap looks flat: a rule "below" stays open, or FAILS."""
    rule = DecisionRule("T", "exponent", "below", 0.0, 1.0, 0.01, 12, (4.0, 7.0, 11.0))
    rows = np.exp(0.01 * np.random.default_rng(0).normal(size=(12, 3))) * np.array(rule.grid) ** -0.5
    rows[0, 2] = math.nan
    blind, aware = rule, replace(rule, capped=True)
    known = np.where(np.isnan(rows), 0.3, rows)
    early = np.roll(rows, 1, axis=1)[:, [0, 2, 1]] * np.array([1.0, 0.6, 0.5])
    assert math.isnan(early[0, 0]), "missing at the smallest x, what is left looks too steep"
    assert blind.compare(Prediction(0.0), Measurement(rows)).verdict is Verdict.HOLDS
    assert aware.compare(Prediction(0.0), Measurement(rows)).verdict is Verdict.INCONCLUSIVE
    assert aware.compare(Prediction(0.0), Measurement(known)).verdict is Verdict.HOLDS
    assert aware.compare(Prediction(0.0), Measurement(early)).verdict is Verdict.HOLDS
    steep = rows * np.array(rule.grid)
    assert aware.compare(Prediction(0.0), Measurement(steep)).verdict is Verdict.FAILS
