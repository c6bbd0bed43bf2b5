"""N5 and N9 on made-up risks; where their controls are asked."""

from collections.abc import Callable

import numpy as np
import pytest
from made_up import made_up

from verify.cells.trained import TrainedModels
from verify.claims.generalization.n5_n9_risks import CLAIMS, N5, N9
from verify.judging.claim import Claim
from verify.judging.judgement import Judgement, judge
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.running.sweep import Done
from verify.sizes.profile import FULL, QUICK, Profile

LEVELS = {
    "joint": 0.5,
    "ntk": 0.95,
    "quadntk": 1.4,
    "no_r1_r3": 0.85,
    "r1_population": 0.75,
    "r1_training": 0.4,
    "random_directions": 1.9,
    "permuted_labels": 2.6,
}


def risks_of(levels: dict[str, float], medium: float = 0.01) -> Callable[[Cell], Numbers]:
    def numbers(cell: Cell) -> Numbers:
        assert isinstance(cell, TrainedModels)
        draws = np.random.default_rng([cell.d, len(cell.arm), len(cell.activation)]).normal(size=cell.draws)
        risks = (levels[cell.arm] * np.exp(0.05 * draws)).tolist()
        energy = 0.3 if cell.arm == "r1_training" else medium
        return {
            "chosen": 0,
            "validation": [],
            "risk": risks,
            "risk_halfway": risks,
            "loss": [0.05] * cell.draws,
            "medium": (energy * np.exp(0.1 * draws)).tolist(),
        }

    return numbers


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_paired_claims_on_made_up_risks(claim: Claim) -> None:
    (case,) = claim.cases(QUICK)
    p = case.profile
    right = made_up(claim, p, risks_of(LEVELS))
    assert claim.check(p, right).verdict is Verdict.HOLDS
    assert claim.obstacles(p, right) == ()
    failing: set[str] = set()
    for control in claim.controls:
        outcome = claim.check(p, right, control)
        assert outcome.verdict is Verdict.FAILS
        failing |= {c.label for c in outcome.comparisons if c.verdict is Verdict.FAILS}
    assert failing == {c.label for c in claim.check(p, right).comparisons}
    swapped = made_up(claim, p, risks_of(LEVELS | {"joint": 1.3}, medium=0.3))
    assert claim.check(p, swapped).verdict is Verdict.FAILS


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_at_k_2_random_directions_are_no_control(claim: Claim) -> None:
    """There f_Q learns the dense part too, and the other controls must do."""
    case = next(case for case in claim.cases(FULL) if case.profile.k == 2)
    levels = {"joint": 0.75, "ntk": 1.2, "quadntk": 0.88, "no_r1_r3": 1.08, "r1_population": 0.98}
    p = case.profile
    right = made_up(
        claim, p, risks_of(levels | {"r1_training": 0.68, "random_directions": 0.98, "permuted_labels": 2.9})
    )
    assert claim.check(p, right).verdict is Verdict.HOLDS
    blind, *others = claim.controls
    assert not blind.asked(case)
    assert claim.check(p, right, blind).verdict is not Verdict.FAILS
    assert all(control.asked(case) for control in others)
    outcomes = [claim.check(p, right, control) for control in others]
    assert {outcome.verdict for outcome in outcomes} == {Verdict.FAILS}
    failing = {c.label for outcome in outcomes for c in outcome.comparisons if c.verdict is Verdict.FAILS}
    assert failing == {c.label for c in claim.check(p, right).comparisons}


def test_a_control_counts_only_where_it_is_asked() -> None:
    """On numbers where random directions FAIL at no k, N5 has no power at k = 1 and does without them at k = 2."""
    claim = N5
    numbers = risks_of(LEVELS | {"no_r1_r3": 1.0, "quadntk": 1.0, "random_directions": 0.98})

    def judged(p: Profile) -> Judgement:
        cells = [cell for case in claim.cases(p) for cell in claim.design(case.profile)]
        return judge(claim, p, [Done(cell, numbers(cell), 0.0, stored=True) for cell in cells])

    second = {name: {2: getattr(FULL.risks, name)[2]} for name in ("dimension", "ratio", "draws")}
    both, alone = judged(FULL), judged(FULL.model_copy(update={"risks": FULL.risks.model_copy(update=second)}))
    assert [c.planted.endswith("(k = 1 only)") for c in both.controls] == [True, False]
    assert {case.profile.k for case in alone.cases} == {2}
    assert [c.planted for c in alone.controls] == [claim.controls[1].planted]
    assert alone.control is Verdict.FAILS
    assert alone.verdict is Verdict.HOLDS
    assert both.outcome.verdict is Verdict.HOLDS
    assert both.verdict is Verdict.INCONCLUSIVE


def test_identical_runs_conclude_nothing() -> None:
    """R1 switched off in the code: two arms then agree in every bit."""
    (case,) = N9.cases(QUICK)
    p = case.profile

    def numbers(cell: Cell) -> Numbers:
        row = risks_of(LEVELS)(cell)
        return row | {"risk": [1.0] * len(row["risk"]), "risk_halfway": [1.0] * len(row["risk"])}

    outcome = N9.check(p, made_up(N9, p, numbers))
    assert [c.verdict for c in outcome.comparisons[:2]] == [Verdict.INCONCLUSIVE] * 2


def test_orders_above_one_report_the_quadntk_without_judging() -> None:
    sizes = QUICK.risks.model_copy(
        update={"dimension": {2: 24}, "ratio": {2: 0.35}, "draws": {2: 12}, "lazy_steps": {2: 100}}
    )
    (case,) = N5.cases(QUICK.model_copy(update={"risks": sizes}))
    p = case.profile
    outcome = N5.check(p, made_up(N5, p, risks_of(LEVELS)))
    assert not [c for c in outcome.comparisons if "QuadNTK" in c.label]
    assert "log(joint / QuadNTK) = -1.0" in outcome.explanation


def test_what_is_chosen_and_which_form_separates_is_reported() -> None:
    (case,) = N9.cases(QUICK)
    text = N9.check(case.profile, made_up(N9, case.profile, risks_of(LEVELS))).explanation
    assert "log(R1 in population only / R1 and R3 off) = -0.1" in text
    assert "R1 on the training inputs 0.4" in text
    assert "R1 in population only: l1 = 1, 1, 1; share = 0.06, 0.06, 0.06" in text


@pytest.mark.parametrize(
    ("arm", "half", "holds"), [("joint", 2.0, True), ("joint", 0.7, False), ("quadntk", 2.0, False)]
)
def test_the_steps_left_out_may_only_speak_for_joint_training(arm: str, half: float, holds: bool) -> None:
    """Its own risk may still fall; that of a rival may not, and no risk may rise where it is the first of a pair."""
    (case,) = N5.cases(QUICK)
    p = case.profile

    def numbers(cell: Cell) -> Numbers:
        row = risks_of(LEVELS)(cell)
        return row | {"risk_halfway": [half * risk for risk in row["risk"]]} if cell.arm == arm else row

    outcome = N5.check(p, made_up(N5, p, numbers))
    assert (outcome.verdict is Verdict.HOLDS) == holds
    if not holds:
        (sentence,) = outcome.obstacles
        name = "steps" if arm == "joint" else "free_steps"
        assert f"arm {arm} at d = {p.risks.dimension[1]}" in sentence
        assert f"risks.{name} = {2 * getattr(p.risks, name)} would resolve it" in sentence


def test_an_arm_that_diverges_is_missing_and_named() -> None:
    (case,) = N5.cases(QUICK)
    p = case.profile

    def numbers(cell: Cell) -> Numbers:
        row = risks_of(LEVELS)(cell)
        if cell.arm != "quadntk":
            return row
        return {"chosen": 0, "validation": [None], "risk": [None, *row["risk"][1:]]}

    outcome = N5.check(p, made_up(N5, p, numbers))
    cell = next(cell for cell in N5.design(p) if cell.arm == "quadntk")
    assert outcome.obstacles[0] == (
        f"arm quadntk with {cell.activation} at d = {cell.d}, n = {cell.n}: 1 of {cell.draws} draws diverged; their "
        "observations are missing"
    )
    verdicts = [c.verdict for c in outcome.comparisons]
    assert verdicts == [Verdict.HOLDS, Verdict.INCONCLUSIVE, Verdict.HOLDS]
