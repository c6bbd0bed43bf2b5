import numpy as np

from verify.claims.constructions.g3_g4_expression import G3, SPARSE_NORM
from verify.judging.outcome import Verdict
from verify.judging.rules import Measurement, Prediction
from verify.sizes.profile import QUICK


def test_a_norm_without_chance_is_judged_without_statistics() -> None:
    [rule] = [rule for rule in G3.rules(G3.cases(QUICK)[0].profile) if rule.name == SPARSE_NORM]
    exact = rule.compare(Prediction(1.0), Measurement(np.full(5, 1.0 + 1e-15)))
    assert exact.verdict is Verdict.HOLDS
    assert exact.measured.stderr == 0
    assert rule.compare(Prediction(1.1), Measurement(np.full(5, 1.0))).verdict is Verdict.FAILS
