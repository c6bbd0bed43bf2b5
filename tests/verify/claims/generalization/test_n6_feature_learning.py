"""N6 on made-up networks, regularised and lazy."""

import numpy as np
from made_up import made_up

from theory import multiplicity
from verify.cells.feature_learning import FeatureLearning
from verify.claims.generalization.n6_feature_learning import N6
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import QUICK


def test_escape_on_made_up_numbers() -> None:
    (case,) = N6.cases(QUICK)
    p = case.profile

    def numbers(cell: Cell) -> Numbers:
        assert isinstance(cell, FeatureLearning)
        rich = cell.label_scale == 1
        noise = np.exp(0.1 * np.random.default_rng([cell.n, int(rich)]).normal(size=cell.draws))
        floor = 1 - cell.n / multiplicity(cell.d, 2)
        risks = (floor * (0.75 if rich else 1.3) * noise).tolist()
        return {
            "risk": risks,
            "risk_halfway": risks,
            "movement": ((0.1 if rich else 1e-4) * noise).tolist(),
            "constructed": (0.15 * noise**0.5).tolist(),
            "quadratic": ((0.15 if rich else 1e-6) * noise).tolist(),
            "share": ((0.35 if rich else 0.0) * noise + 0.01 * noise).tolist(),
            "linear_share": [0.0] * cell.draws,
        }

    found = made_up(N6, p, numbers)
    assert N6.check(p, found).verdict is Verdict.HOLDS
    assert {c.verdict for c in N6.check(p, found, N6.controls[0]).comparisons} == {Verdict.FAILS}
