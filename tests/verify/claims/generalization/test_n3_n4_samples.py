"""N3 and N4 on learning curves of a known exponent."""

from collections.abc import Callable

import numpy as np
import pytest
from made_up import made_up

from verify.cells.training import TrainedModels
from verify.claims.generalization.n3_n4_samples import CLAIMS, N3
from verify.judging.claim import Claim
from verify.judging.outcome import Verdict
from verify.predictions.sample_counts import sample_scale
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import QUICK


def curve(exponent: float, risk: float, moving: float = 0.0) -> Callable[[Cell], Numbers]:
    """Learning curves risk (n*/n) with n* = 2.9 A 40^k (d/40)^exponent, single draws off by 10 %."""

    def numbers(cell: Cell) -> Numbers:
        assert isinstance(cell, TrainedModels)
        noise = np.random.default_rng([cell.d, cell.draws, len(cell.activation)]).normal(size=cell.draws)
        star = 2.9 * sample_scale(cell.activation, cell.k) * 40**cell.k * (cell.d / 40) ** exponent
        risks = risk * star / cell.n * np.exp(0.1 * noise)
        return {"risk": risks.tolist(), "risk_halfway": (risks * (1 + moving)).tolist()}

    return numbers


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_exponents_of_made_up_curves(claim: Claim) -> None:
    (case,) = claim.cases(QUICK)
    p = case.profile
    risk = p.training.joint_risk if claim is N3 else p.training.sparse_risk
    right = made_up(claim, p, curve(1.1, risk))
    outcome = claim.check(p, right)
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.comparisons[0].measured.value == pytest.approx(1.1, abs=0.1)
    assert claim.check(p, right, claim.controls[0]).verdict is Verdict.FAILS
    # A grid ten times wider, so that n* ~ d^2 lies inside it.
    wide = p.model_copy(update={"training": p.training.model_copy(update={"ratios": {1: (0.5, 3.0, 18.0)}})})
    assert claim.check(wide, made_up(claim, wide, curve(2.0, risk))).verdict is Verdict.FAILS
    unsettled = claim.check(p, made_up(claim, p, curve(1.1, risk, moving=0.2)))
    assert unsettled.verdict is Verdict.INCONCLUSIVE
    assert "Censored (outside the grid, or risk still moving by more than 15 %): 30 of 30" in unsettled.explanation
