"""N3 and N4 in worlds with a known exponent: curves, search, censoring, alignment and rule."""

from dataclasses import replace

import numpy as np
import pytest

from verify.claims.generalization.n3_n4_samples import JOINT, N3, N4, QUADRATIC
from verify.claims.generalization.sample_curves import SampleCurves
from verify.judging.chance import Chance
from verify.judging.claim import Claim, Evidence
from verify.judging.judgement import judge
from verify.judging.outcome import Verdict
from verify.judging.worlds import verdict_rates
from verify.running.sweep import Done
from verify.sizes.profile import QUICK, Profile, changed

P = QUICK.model_copy(update={"k": 1})
RUNS, FAMILY = 40, 31


def world(curves: SampleCurves, truth: float, p: Profile = P, seed: int = 0) -> Evidence:
    return Evidence(curves.simulate(p, truth, Chance((seed,))))


def times(rows: list[list[float]], factor: float) -> list[list[float]]:
    return [[factor * risk for risk in row] for row in rows]


@pytest.mark.parametrize(("claim", "curves"), [(N3, JOINT), (N4, QUADRATIC)], ids=["N3", "N4"])
def test_worlds_of_the_rival_theory_fail_and_those_of_the_theory_hold(claim: Claim, curves: SampleCurves) -> None:
    """Stated errors: 40 worlds with a true rate of 0.95 show at least 33 with probability 0.999."""
    assert verdict_rates(claim, QUICK, 2.0, RUNS, FAMILY).counts[Verdict.FAILS] >= 0.95 * RUNS
    assert verdict_rates(claim, QUICK, 1.0, RUNS, FAMILY).counts[Verdict.HOLDS] >= 33
    assert verdict_rates(claim, QUICK, 1.4, RUNS, FAMILY).counts[Verdict.HOLDS] <= 2


def test_the_search_finds_the_exponent_of_the_world() -> None:
    """The truth is the power of d beside the corrections that theory has for this grid."""
    slopes = []
    for seed in range(10):
        table = JOINT.table(P, world(JOINT, 1.6, seed=seed))
        assert not np.isnan(table).any()
        slopes.append(np.polyfit(np.log(JOINT.grid(P)), np.log(table).mean(0), 1)[0])
    assert np.mean(slopes) == pytest.approx(1.6 + JOINT.drifts(P).middle(joint=True), abs=0.08)


def test_the_kernel_in_the_place_of_joint_training_fails() -> None:
    evidence = world(JOINT, 1.1)
    assert N3.check(P, evidence).verdict is not Verdict.FAILS
    for control in N3.controls:
        assert N3.check(P, evidence, control).verdict is Verdict.FAILS


def test_a_spent_budget_of_samples_says_what_would_resolve_it() -> None:
    short = changed(QUICK, {"training": {"largest_samples": 300}}).model_copy(update={"k": 1})
    numbers = JOINT.simulate(short, 1.0, Chance((0,)))
    judged = judge(N3, short, [Done(cell, found, 0.0, True) for cell, found in numbers.items()], FAMILY)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "raise training.largest_samples" in judged.explanation


def test_runs_that_had_not_settled_are_censored_and_named() -> None:
    numbers = JOINT.simulate(P, 1.0, Chance((0,)))
    moving = {cell: found | {"halfway": times(found["risks"], 1.2)} for cell, found in numbers.items()}
    judged = judge(N3, P, [Done(cell, found, 0.0, True) for cell, found in moving.items()], FAMILY)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "had not settled; raise training.steps to" in judged.explanation


def test_what_training_has_left_to_do_widens_the_interval() -> None:
    numbers = JOINT.simulate(P, 1.0, Chance((0,)))
    still = {cell: found | {"halfway": found["risks"]} for cell, found in numbers.items()}
    small, large = JOINT.grid(P)[0], JOINT.grid(P)[-1]
    tilted = {
        cell: found | {"halfway": times(found["risks"], 1.1 if cell.d == large else 1.0)}
        for cell, found in numbers.items()
    }
    assert JOINT.errors(P, Evidence(still))["training not at its end"] == 0
    expected = np.log(1.1) / np.log(large / small)
    assert JOINT.errors(P, Evidence(tilted))["training not at its end"] == pytest.approx(expected)


def test_a_claim_without_worlds_is_refused() -> None:
    with pytest.raises(ValueError, match="says nothing of other worlds"):
        verdict_rates(replace(N3, world=None), QUICK, 1.0, 1, FAMILY)
    with pytest.raises(ValueError, match="runs >= 1"):
        verdict_rates(N3, QUICK, 1.0, 0, FAMILY)
    with pytest.raises(ValueError, match="seed >= 0"):
        verdict_rates(N3, QUICK, 1.0, 1, FAMILY, seed=-1)
