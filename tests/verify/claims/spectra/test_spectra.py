"""Cases and hypotheses of the spectral claims."""

import pytest

from verify.claims.spectra import (
    s1_s2_eigenvalues,
    s3_s4_limits,
    s5_top_block,
    s6_gram,
    s7_subspace,
    s8_quadntk,
    s9_degrees,
)
from verify.judging.claim import Claim, HypothesisViolated
from verify.sizes.profile import PROFILES, QUICK, Profile

MODULES = (s1_s2_eigenvalues, s3_s4_limits, s5_top_block, s6_gram, s7_subspace, s8_quadntk, s9_degrees)
CLAIMS = {claim.id: claim for module in MODULES for claim in module.CLAIMS}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
def test_every_case_of_every_profile_satisfies_the_hypotheses(claim: Claim, profile: Profile) -> None:
    cases = claim.cases(profile)
    assert len(cases) == {"S5": 6, "S6": 6, "S7": 6, "S9": 1}.get(claim.id, 3)
    for case in cases:
        claim.require(case.profile)
        assert claim.design(case.profile)


def _with(**sizes) -> Profile:
    return QUICK.model_copy(
        update={"activations": ("tanh(z + 1)",), "spectral": QUICK.spectral.model_copy(update=sizes)}
    )


@pytest.mark.parametrize(
    ("name", "profile", "needle"),
    [
        ("S8", QUICK.model_copy(update={"activations": ("softplus(z)",)}), "Q_1 = 0 by parity"),
        ("S8", QUICK.model_copy(update={"activations": ("relu(z)",)}), "distribution"),
        ("S7", _with(block_dimension={0: 8}).model_copy(update={"k": 0}), "not proved to exceed"),
        ("S6", _with(gram_samples={1: 50}), "needs 96 < n < 9216"),
        ("S6", _with(gram_width={1: 32}), "needs m d > 10 n"),
        ("S6", QUICK.model_copy(update={"activations": ("tanh(z)",)}), "Lambda_0 = 0 by parity"),
    ],
)
def test_violated_hypotheses_are_sentences(name: str, profile: Profile, needle: str) -> None:
    with pytest.raises(HypothesisViolated, match=needle) as caught:
        CLAIMS[name].require(profile)
    assert "use" in str(caught.value) or "--activation" in str(caught.value)
