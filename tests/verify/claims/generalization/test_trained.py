"""What the claims on trained models share: designs in every profile, which activations, settings of the arms."""

import pytest

from numerics.terms.weights import PenaltyWeights
from verify.cells.training import Training
from verify.claims.generalization import n3_n4_samples, n5_n9_risks, n6_feature_learning
from verify.claims.generalization.trained import affordable, paired, paired_cell, repetitions
from verify.judging.claim import HypothesisViolated
from verify.sizes.profile import FULL, GPU, QUICK, Profile

SIGMA = "sin(z + pi/4)"
CLAIMS = {claim.id: claim for module in (n5_n9_risks, n3_n4_samples, n6_feature_learning) for claim in module.CLAIMS}


def test_large_d_is_a_hypothesis() -> None:
    """erf(z + 1/2) needs four times the samples: at the quick profile's d no claim about large d is judged for it."""
    (case,) = CLAIMS["N5"].cases(QUICK)
    assert paired(case.profile) == ("sin(z + pi/4)", "tanh(z + 1)", *QUICK.training.more_activations)
    none = QUICK.training.model_copy(update={"more_activations": ()})
    alone = QUICK.model_copy(update={"activations": ("erf(z + 1/2)",), "training": none})
    for name in ("N5", "N6", "N9"):
        with pytest.raises(HypothesisViolated, match="n small enough"):
            CLAIMS[name].require(alone)
    odd = QUICK.model_copy(update={"activations": ("tanh(z)",), "training": none})
    with pytest.raises(HypothesisViolated):
        CLAIMS["N4"].require(odd)


@pytest.mark.parametrize("profile", [QUICK, FULL, GPU], ids=lambda p: p.name)
@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_case_of_every_profile_has_a_design(profile: Profile, name: str) -> None:
    claim = CLAIMS[name]
    for case in claim.cases(profile):
        claim.require(case.profile)
        cells = claim.design(case.profile)
        assert cells
        assert all(isinstance(c, Training) and c.k == case.profile.k for c in cells)
        assert all(c.n <= 60_000 for c in cells)
        if name in ("N3", "N4"):
            assert len(affordable(case.profile)) >= 2
            assert all(repetitions(case.profile, a) >= 1 for a in affordable(case.profile))
            if profile is not QUICK:
                assert len(case.profile.training.dimensions[case.profile.k]) >= 4
                assert claim.rules(case.profile)[0].replicates >= 5


def test_weights_of_the_arms() -> None:
    """The settings that the claims' statements rest on: l1 = l3 = 1 and R4 to the power 4."""
    assert (PenaltyWeights().r1, PenaltyWeights().r3, PenaltyWeights().r4_power) == (1.0, 1.0, 4)
    (case,) = CLAIMS["N5"].cases(QUICK)
    assert paired_cell(case.profile, SIGMA, "joint").r4 == case.profile.training.r4[1]
