"""N6 on made-up networks, regularised and lazy."""

import numpy as np
from made_up import made_up

from theory import risk_floor
from verify.cells.trained import TrainedModels
from verify.claims.generalization.n5_n9_risks import N5
from verify.claims.generalization.n6_feature_learning import N6
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import QUICK


def numbers(cell: Cell, joint: float = 0.75) -> Numbers:
    assert isinstance(cell, TrainedModels)
    rich = cell.arm == "joint"
    noise = np.exp(0.1 * np.random.default_rng([cell.n, int(rich)]).normal(size=cell.draws))
    risks = (float(risk_floor(cell.d, cell.n, {2: 1})) * (joint if rich else 1.3) * noise).tolist()
    return {
        "risk": risks,
        "risk_halfway": risks,
        "movement": ((0.1 if rich else 1e-4) * noise).tolist(),
        "constructed": (0.15 * noise**0.5).tolist(),
        "quadratic": ((0.15 if rich else 1e-6) * noise).tolist(),
        "share": ((0.35 if rich else 0.0) * noise + 0.01 * noise).tolist(),
        "linear_share": [0.0] * cell.draws,
    }


def test_escape_on_made_up_numbers() -> None:
    (case,) = N6.cases(QUICK)
    p = case.profile
    found = made_up(N6, p, numbers)
    assert N6.check(p, found).verdict is Verdict.HOLDS
    assert {c.verdict for c in N6.check(p, found, N6.controls[0]).comparisons} == {Verdict.FAILS}
    above = made_up(N6, p, lambda cell: numbers(cell, joint=1.7))
    assert N6.check(p, above).comparisons[0].verdict is Verdict.FAILS


def test_joint_training_is_that_of_n5() -> None:
    """No further training: the cells of the regularised arm are N5's."""
    (case,) = N6.cases(QUICK)
    assert {c for c in N6.design(case.profile) if c.arm == "joint"} <= set(N5.design(case.profile))
