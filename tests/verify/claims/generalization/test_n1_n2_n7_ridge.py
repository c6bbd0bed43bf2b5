"""N1 on numbers made up so that it is exactly true, up to a little scatter; what N1, N2 and N7 ask of an activation."""

import pytest
from made_up import SIGMA, judged, kernel_sizes, scatter, verdicts

from verify.claims.generalization.n1_n2_n7_ridge import CLAIMS, N1
from verify.judging.claim import Claim, Evidence, HypothesisViolated
from verify.judging.outcome import Verdict
from verify.predictions.learning_curves import Curve
from verify.sizes.profile import QUICK, Profile


def true_n1(profile: Profile, distort: float = 1.0) -> Evidence:
    view = N1.cases(profile)[0].profile
    numbers = {}
    for i, cell in enumerate(N1.design(view)):
        curve = Curve(cell.activation, cell.d, cell.dense, scale=distort)
        noise = scatter(3, 0.01, i)
        numbers[cell] = {
            name: [[factor * law(n, ridge) for n in cell.samples] for ridge in cell.ridges]
            for name, law, factor in zip(
                ("risks", "training", "kappas"), (curve.risk, curve.training, curve.kappa), noise, strict=True
            )
        }
    return Evidence(numbers)


def test_n1_judges_risk_and_scale() -> None:
    profile = kernel_sizes(curve_replicates=12)
    outcome, controls = judged(N1, profile, true_n1(profile))
    assert outcome.verdict is Verdict.HOLDS
    assert [c.verdict for c in controls] == [Verdict.FAILS] * 4
    distorted = verdicts(N1.check(N1.cases(profile)[0].profile, true_n1(profile, 1.1)))
    assert {v for label, v in distorted.items() if label.startswith("kappa")} == {Verdict.FAILS}
    assert {v for label, v in distorted.items() if label.startswith("risk")} == {Verdict.HOLDS}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_hypotheses_are_asked_of_every_activation(claim: Claim) -> None:
    claim.require(claim.cases(QUICK)[0].profile)
    for order in ((SIGMA, "tanh(z)"), ("tanh(z)", SIGMA)):
        with pytest.raises(HypothesisViolated, match="activation"):
            claim.require(claim.cases(QUICK.model_copy(update={"activations": order}))[0].profile)
