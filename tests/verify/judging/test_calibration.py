"""Error rates of the rules, and how sure a simulation can be of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from verify import registry
from verify.judging.calibration import CERTAINTY, ErrorRates, calibrate, clopper_pearson, error_rates, table
from verify.judging.rules import DecisionRule
from verify.sizes.profile import QUICK

ENTRY = {
    "id": "S1",
    "verdict": "HOLDS",
    "prediction": {"a": 1.0, "b": 2.0},
    "estimate": {
        "a": {"value": 1.0, "lower": 0.9, "upper": 1.1},
        "b": {"value": 2.0, "lower": 1.9, "upper": None},
    },
}


def test_every_rule_errs_as_rarely_as_allowed() -> None:
    """The issue of calibration, small: 300 runs a rule; the full table is in docs/calibration.md."""
    rates = calibrate(list(registry.CLAIMS.values()), QUICK, 300)
    assert len(rates) >= 10
    assert [(r.claim, r.rule.name, r.false_fails, r.missed_fails) for r in rates if not r.admissible] == []


def rates(false: float, missed: float, runs: int, together: int = 2) -> ErrorRates:
    return ErrorRates(
        "X", "", DecisionRule("x", "mean", "within", 0.1, 1.0, 0.1, 12), false, missed, 1.0, runs, together
    )


def test_an_interval_of_a_rate_is_the_tail_of_its_binomial() -> None:
    for count, runs in [(0, 20), (3, 20), (20, 20), (110, 2000)]:
        low, high = clopper_pearson(count, runs, 0.01)
        assert low == 0 if count == 0 else stats.binom.sf(count - 1, runs, low) == pytest.approx(0.005, rel=1e-9)
        assert high == 1 if count == runs else stats.binom.cdf(count, runs, high) == pytest.approx(0.005, rel=1e-9)


@pytest.mark.parametrize(
    ("false", "missed", "runs", "admissible", "decided"),
    [
        (0.0105, 0.0, 2000, True, False),  # 21 of 2000: chance
        (0.03, 0.0, 2000, False, True),
        (0.0, 0.052, 2000, True, False),
        (0.0, 0.09, 2000, False, True),
        (0.0, 0.0, 2000, True, True),
        (0.0, 0.0, 20, True, False),
        (0.0, 1.0, 1, True, False),  # one run tells nothing
        (0.0, 1.0, 20, False, True),
    ],
)
def test_rates_are_judged_by_their_intervals(false, missed, runs, admissible, decided) -> None:
    found = rates(false, missed, runs)
    assert (found.admissible, found.decided) == (admissible, decided)
    assert ("undecided (too few runs" in table([found])) is not decided


def test_noise_calls_no_rule_bad() -> None:
    """200 tables of 137 rules that err exactly as often as allowed: one with a bad rule in at most 1 % of them.

    Held against the raw shares, nearly every one of these tables would have one.
    """
    rng = np.random.default_rng(3)
    bad = raw = 0
    for _ in range(200):
        shares = zip(rng.binomial(2000, 0.01, 137) / 2000, rng.binomial(2000, 0.05, 137) / 2000, strict=True)
        one = [rates(f, m, 2000, 2 * 137) for f, m in shares]
        bad += any(not r.admissible for r in one)
        raw += any(r.false_fails > 0.01 or r.missed_fails > 0.05 for r in one)
    assert stats.binom.sf(bad - 1, 200, 1 - CERTAINTY) > 1e-3, bad
    assert raw > 190


def test_calibration_sees_bad_rules() -> None:
    """Planted: a margin that the alternative does not leave, noise that drowns it, an interval that is too narrow."""
    honest = DecisionRule("x", "mean", "within", 0.1, 1.0, 0.1, 12)
    rng = np.random.default_rng(0)
    assert error_rates(honest, 30, 200, rng)[:2] == (0.0, 0.0)
    assert error_rates(replace(honest, alternative=0.05), 30, 200, rng)[1] > 0.9
    assert error_rates(replace(honest, noise=3.0), 30, 200, rng)[1] > 0.5

    class Narrow(DecisionRule):
        def interval(self, data):
            found, missing = super().interval(data)
            return replace(found, lower=found.value, upper=found.value, stderr=found.stderr / 10), missing

    narrow = Narrow("x", "mean", "within", 0.1, 1.0, 0.1, 12)
    assert error_rates(narrow, 30, 200, rng)[0] > 0.05
