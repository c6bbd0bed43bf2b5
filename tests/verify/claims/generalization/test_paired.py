"""What the claims on trained models share: which activations, designs in every profile, weights of the arms."""

import pytest

from verify.cells.trained import TrainedModels
from verify.claims.activations import affordable
from verify.claims.generalization import n5_n9_risks, n6_feature_learning, n11_taylor
from verify.claims.generalization.paired import candidates, paired, paired_cell
from verify.judging.claim import HypothesisViolated
from verify.predictions.sample_counts import r4_weight, sparse_budget
from verify.sizes.profile import FULL, GPU, QUICK, Profile

SIGMA = "sin(z + pi/4)"
CLAIMS = {claim.id: claim for module in (n5_n9_risks, n6_feature_learning, n11_taylor) for claim in module.CLAIMS}


def test_different_activations() -> None:
    """At k = 1 erf(z + 1/2) needs four times the samples; at k = 2 so do all but one, before n passes N(d, 3)."""
    assert affordable(QUICK) == paired(QUICK) == (SIGMA, "tanh(z + 1)", "gelu(z)")
    assert affordable(QUICK.model_copy(update={"k": 2})) == (SIGMA,)


def test_large_d_is_a_hypothesis() -> None:
    none = QUICK.training.model_copy(update={"more_activations": ()})
    alone = QUICK.model_copy(update={"activations": ("erf(z + 1/2)",), "training": none})
    small = QUICK.model_copy(update={"risks": QUICK.risks.model_copy(update={"dimension": {1: 12}})})
    for name in ("N5", "N6", "N9"):
        for profile in (alone, small):
            with pytest.raises(HypothesisViolated, match=r"n small enough.*larger risks\.dimension"):
                CLAIMS[name].require(profile)
    odd = QUICK.model_copy(update={"activations": ("tanh(z)",), "training": none})
    with pytest.raises(HypothesisViolated):
        CLAIMS["N11"].require(odd)


@pytest.mark.parametrize("profile", [QUICK, FULL, GPU], ids=lambda p: p.name)
@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_case_of_every_profile_has_a_design(profile: Profile, name: str) -> None:
    claim = CLAIMS[name]
    for case in claim.cases(profile):
        claim.require(case.profile)
        cells = claim.design(case.profile)
        assert cells
        assert all(isinstance(c, TrainedModels) and c.k == case.profile.k and c.n <= 5000 for c in cells)
        assert claim.rules(case.profile)[0].replicates >= 6


def test_candidates_of_the_arms() -> None:
    """Every arm that is compared chooses from a grid; R4 takes its share at the construction."""
    s, d = QUICK.risks, QUICK.risks.dimension[1]
    for arm in ("joint", "r1_training", "r1_population"):
        assert {l1 for l1, _ in candidates(QUICK, SIGMA, arm)} == set(s.penalties) >= {1.0, 10.0}
        assert paired_cell(QUICK, SIGMA, arm).validation == s.validation
    shares = [l4 * sparse_budget(SIGMA, 1, d) for _, l4 in candidates(QUICK, SIGMA, "quadntk")]
    assert shares == pytest.approx(s.quadratic_shares)
    assert candidates(QUICK, SIGMA, "ntk") == ()
    for arm in ("random_directions", "permuted_labels", "lazy"):
        assert len(candidates(QUICK, SIGMA, arm)) == 1
    cubic = QUICK.model_copy(update={"k": 2})
    assert r4_weight(SIGMA, cubic.k, 24, 0.06) == pytest.approx(0.06 / (24 * sparse_budget(SIGMA, 2, 24)))
