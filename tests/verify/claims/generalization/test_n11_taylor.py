"""N11 on made-up risks and remainders."""

import numpy as np
import pytest
from made_up import made_up, verdicts

from verify.cells.trained import TrainedModels
from verify.claims.generalization.n11_taylor import EXPONENT, N11, PAIRS
from verify.judging.claim import Evidence
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import QUICK

(CASE,) = N11.cases(QUICK)
P = CASE.profile


def evidence(slope: float = -1.0, taylor: float = 1.0, adam: float = 1.0, moved: float = 0.0) -> Evidence:
    """Risks 0.5 times the factors, remainders with this exponent in m; the Taylor model's risk moved by this share."""

    def numbers(cell: Cell) -> Numbers:
        assert isinstance(cell, TrainedModels)
        seed = [cell.m, len(cell.activation), len(cell.model), len(cell.method), len(cell.arm)]
        noise = np.exp(0.05 * np.random.default_rng(seed).normal(size=cell.draws))
        level = {"taylor": taylor, "network": 1.0}[cell.model] * (adam if cell.method == "adam" else 1.0)
        level = 5.0 if cell.arm == "permuted_labels" else level
        remainder = cell.m**slope * noise
        moves = 1 + moved * (cell.model == "taylor")
        return {
            "chosen": 0,
            "risk": (0.5 * level * noise).tolist(),
            "risk_halfway": (0.5 * level * noise * moves).tolist(),
            "capacity": (20 * noise).tolist(),
            "remainder": remainder.tolist(),
            "stretched": (remainder * (cell.stretch or 1.0) ** 6).tolist(),
        }

    return made_up(N11, P, numbers)


def test_equal_risks_and_a_falling_remainder_hold_and_controls_fail() -> None:
    right = evidence()
    assert set(verdicts(N11.check(P, right)).values()) == {Verdict.HOLDS}
    labels, stretched = (verdicts(N11.check(P, right, control)) for control in N11.controls)
    assert [labels[name] for name in (*PAIRS, EXPONENT)] == [Verdict.FAILS, Verdict.FAILS, Verdict.HOLDS]
    assert [stretched[name] for name in (*PAIRS, EXPONENT)] == [Verdict.HOLDS, Verdict.HOLDS, Verdict.FAILS]


@pytest.mark.parametrize("wrong", [{"taylor": 1.5}, {"taylor": 0.6}, {"adam": 1.5}, {"slope": -0.1}])
def test_other_risks_and_a_flat_remainder_fail(wrong: dict[str, float]) -> None:
    assert N11.check(P, evidence(**wrong)).verdict is Verdict.FAILS


def test_risks_that_still_move_conclude_nothing() -> None:
    outcome = N11.check(P, evidence(moved=0.3))
    assert [c.verdict for c in outcome.comparisons] == [Verdict.INCONCLUSIVE, Verdict.HOLDS, Verdict.HOLDS]
    (sentence,) = outcome.obstacles
    assert f"risks.taylor_steps = {2 * P.risks.taylor_steps} would resolve it" in sentence


def test_a_diverged_draw_is_named() -> None:
    right = evidence()

    def numbers(cell: Cell) -> Numbers:
        row = right[cell]
        lost = cell.method == "adam" and cell.activation == "gelu(z)"
        return {"chosen": 0, "risk": [None] * cell.draws} if lost else row

    outcome = N11.check(P, made_up(N11, P, numbers))
    (sentence,) = outcome.obstacles
    assert sentence.startswith(f"arm network by adam with gelu(z) at d = {P.risks.taylor_dimension}, m = ")
    assert f"{P.risks.taylor_pairs} of {P.risks.taylor_pairs} draws diverged" in sentence
