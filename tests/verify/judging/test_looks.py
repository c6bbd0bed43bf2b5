"""Looking again: levels that add up, repetitions that double and nothing else, error rates under optional stopping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from verify.judging.calibration import _run, error_rates
from verify.judging.claim import Claim
from verify.judging.looks import FIXED, MOST, Look, multiplied
from verify.judging.multiplicity import LEVEL
from verify.judging.outcome import CONFIDENCE, Interval, Verdict
from verify.judging.rules import DecisionRule, Measurement, Prediction
from verify.judging.worlds import verdict_rates
from verify.registry import CLAIMS, judged_by
from verify.sizes.profile import AUTHORS, FULL, QUICK, Profile

RULE = DecisionRule("x", "mean", "within", 0.1, 0.4, 0.2, 12)
RUNS = 2000


def test_the_looks_share_one_level() -> None:
    assert FIXED.share == 1
    assert FIXED.confidence == CONFIDENCE
    looks = [Look(number) for number in range(1, 40)]
    assert sum(look.share for look in looks) == pytest.approx(1, abs=1e-9)
    assert sum(1 - look.confidence for look in looks) == pytest.approx(1 - CONFIDENCE, rel=1e-6)
    assert Look(3).next() == Look(4)


def test_an_interval_of_a_look_is_wider_by_its_quantile_alone() -> None:
    data = Measurement([0.1, 0.2, 0.4, 0.35], errors={"bias": 0.05})
    rule = replace(RULE, replicates=4)
    for look in (FIXED, Look(1), Look(4)):
        found = rule.compare(Prediction(0.0), data, look.share).measured
        quantile = stats.t.ppf((1 + look.confidence) / 2, 3)
        assert found.upper == pytest.approx(np.mean(data.data) + quantile * np.std(data.data, ddof=1) / 2 + 0.05)
        assert found.slack == pytest.approx(0.05)
    assert rule.compare(Prediction(0.0), data).measured == rule.compare(Prediction(0.0), data, 1.0).measured
    assert Interval.around(1.0, 0.5).at(0.999) == Interval.around(1.0, 0.5)


@pytest.mark.parametrize("claim", [c for c in CLAIMS.values() if c.repetitions], ids=lambda c: c.id)
@pytest.mark.parametrize("profile", [QUICK, FULL, AUTHORS], ids=lambda p: p.name)
def test_repetitions_double_and_nothing_else(claim: Claim, profile: Profile) -> None:
    """Every statistical rule has twice the observations, or half the variance, and no other rule changes."""
    if claim not in judged_by(profile, [claim]):
        return
    view = Look(2).profile(claim, profile)
    assert Look(1).profile(claim, profile) == FIXED.profile(claim, profile) == profile
    for before, after in zip(claim.cases(profile), claim.cases(view), strict=True):
        assert before.label == after.label
        for old, new in zip(claim.rules(before.profile), claim.rules(after.profile), strict=True):
            if isinstance(old, DecisionRule) and old.statistic == "normal mean":
                assert new == replace(old, noise=new.noise)
                assert new.noise == pytest.approx(old.noise / 2**0.5)
            elif isinstance(old, DecisionRule):
                assert new == old.repeated(2)
            else:
                assert new == old


def test_every_statistical_claim_can_be_looked_at_again() -> None:
    for profile in (QUICK, FULL):
        for claim in judged_by(profile):
            rules = [rule for case in claim.cases(profile) for rule in claim.rules(case.profile)]
            assert any(isinstance(rule, DecisionRule) for rule in rules) <= bool(claim.repetitions), claim.id


def test_multiplied_reaches_numbers_tables_and_lists() -> None:
    found = multiplied(QUICK, ("risks.draws", "neighbours.bulk_replicates", "spectral.blocks"), 3)
    assert found.risks.draws == {k: 3 * n for k, n in QUICK.risks.draws.items()}
    assert found.neighbours.bulk_replicates == tuple(3 * n for n in QUICK.neighbours.bulk_replicates)
    assert found.spectral.blocks == 3 * QUICK.spectral.blocks
    with pytest.raises(ValueError, match=r"spectral\.blocks"):
        multiplied(QUICK, ("spectral.blocks",), 10**9)


def _verdicts(rule: DecisionRule, truth: float, seed: int, family: int = 1) -> list[Verdict]:
    rng = np.random.default_rng(seed)
    return [_run(rule, truth, family, rng, adaptive=True)[0] for _ in range(RUNS)]


def test_stopping_when_it_suits_makes_no_error_likelier() -> None:
    """2000 runs at the edge of the margin, which stop as soon as a verdict comes out: false FAILS in 1 % at most.

    And just outside it, false HOLDS in half of 1 - CONFIDENCE at most; the binomial tests err with probability 1e-4.
    """
    false = _verdicts(RULE, RULE.margin, 1).count(Verdict.FAILS)
    assert stats.binom.sf(false - 1, RUNS, LEVEL) > 1e-4, false
    misled = _verdicts(RULE, RULE.margin * 1.0001, 2).count(Verdict.HOLDS)
    assert stats.binom.sf(misled - 1, RUNS, (1 - CONFIDENCE) / 2) > 1e-4, misled


def test_whole_levels_at_every_look_would_err_too_often() -> None:
    """The same runs with the whole level at each look: the check above can fail."""
    rng, false = np.random.default_rng(1), 0
    for _ in range(RUNS):
        rule, data = RULE, RULE.simulated(RULE.margin, rng)
        for _ in range(MOST):
            if rule.judge_simulated(data).p_value <= LEVEL:
                false += 1
                break
            data, rule = rule.joined(data, rule.simulated(RULE.margin, rng)), rule.repeated(2)
    assert stats.binom.sf(false - 1, RUNS, LEVEL) < 1e-4, false


@pytest.mark.parametrize("statistic", ["mean", "normal mean", "exponent", "clustered exponent"])
def test_further_looks_decide_what_one_leaves_open(statistic: str) -> None:
    """A rule with too much noise for its sizes: true and false claims are both decided, with few repetitions each."""
    grid = () if "mean" in statistic else (8.0, 16.0, 32.0)
    noise = {"mean": 0.18, "normal mean": 0.08, "exponent": 0.2, "clustered exponent": 0.2}[statistic]
    rule = DecisionRule("x", statistic, "within", 0.15, 0.5, noise, 8, grid)
    fixed = error_rates(rule, 30, 150, np.random.default_rng(0))
    again = error_rates(rule, 30, 150, np.random.default_rng(0), adaptive=True)
    assert fixed.holds < 0.2
    assert again.holds > 0.98
    assert again.missed_fails < 0.02 < 0.1 < fixed.missed_fails
    assert again.false_holds == fixed.false_holds == 0
    assert fixed.repetitions == fixed.rival_repetitions == 1
    assert 1 < again.rival_repetitions < 2.5 < again.repetitions < 8


def test_a_claim_is_looked_at_again_in_simulated_worlds() -> None:
    """N3 whole: an exponent of k + 0.4, which one look leaves open, FAILS in a share of worlds, and never HOLDS."""
    fixed = verdict_rates(CLAIMS["N3"], QUICK, 1.4, 16, 30)
    again = verdict_rates(CLAIMS["N3"], QUICK, 1.4, 16, 30, adaptive=True)
    assert fixed.counts[Verdict.FAILS] <= 2 < 4 <= again.counts[Verdict.FAILS]
    assert again.counts[Verdict.HOLDS] == 0
    assert again.repetitions > 4
    rival = verdict_rates(CLAIMS["N3"], QUICK, 2.0, 10, 30, adaptive=True)
    assert rival.counts[Verdict.FAILS] == 10
    assert rival.repetitions < 2


def test_looking_again_makes_no_true_gap_of_o6_fail() -> None:
    """The gap falls, slowly, and stays within what is admitted: a maximum over draws would leave it as draws are added.

    With such a maximum four worlds of five FAILED at this truth.
    """
    rates = verdict_rates(CLAIMS["O6"], QUICK, -0.05, 30, 37, adaptive=True)
    assert rates.counts[Verdict.FAILS] == 0
    assert rates.counts[Verdict.HOLDS] >= 20


@pytest.mark.parametrize("truth", [2.0, 2.05])
def test_looking_again_makes_no_slow_descent_hold(truth: float) -> None:
    """At the edge of O1's bound and beyond, where the cap on steps hides the slowest runs: at most 1 % HOLD.

    Of 60 worlds three or fewer, a binomial test of level 4e-3. Where what is hidden is left out, 13 % did at 2.
    """
    assert verdict_rates(CLAIMS["O1"], QUICK, truth, 60, 37, adaptive=True).counts[Verdict.HOLDS] <= 3
