"""What every registered claim must be, without computing it."""

import pytest

from verify.claim import Claim, HypothesisViolated
from verify.profile import PROFILES, QUICK
from verify.registry import CLAIMS, select

ALL = pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)


def test_registry() -> None:
    assert {"S1", "S2", "S3", "S4", "S5", "T1", "T2", "T3", "N1", "N5"} <= set(CLAIMS)
    assert [c.id for c in select("n1, s1")] == ["S1", "N1"]
    for bad in ("X9", "", " , "):
        with pytest.raises(ValueError, match="known are S1"):
            select(bad)


@ALL
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_design_is_finite_distinct_and_seeded(claim: Claim, profile) -> None:
    cells = claim.design(profile)
    assert cells
    assert len({c.key("f") for c in cells}) == len(set(cells))
    claim.require(profile)
    other = profile.model_copy(update={"base_seed": 1})
    assert {c.base_seed for c in claim.design(other)} <= {0, 1}


@ALL
def test_dependencies_are_registered(claim: Claim) -> None:
    assert all(name in CLAIMS and name != claim.id for name in claim.depends_on)
    assert claim.planted
    assert claim.source
    assert "$" not in claim.statement


@pytest.mark.parametrize(
    ("name", "activation", "needle"),
    [
        ("S1", "tanh(z)", "Lambda_0 = 0 by parity"),
        ("S1", "relu(z)", "kink"),
        ("S3", "tanh(z)", r"lambda_1\(sigma'\) = 0"),
        ("S4", "sin(z)", r"lambda_1\(sigma'\) = 0"),
        ("S5", "cos(z)", r"lambda_0\(sigma'\) = 0"),
        ("T1", "relu(z)", "distribution"),
        ("T2", "z + z**2", "derivative 3 is zero"),
        ("T3", "z + z**2 + z**3", "derivative 4 is zero"),
        ("T3", "tanh(z)", r"lambda_0\(sigma''\) = 0"),
        ("N1", "sigmoid(z)", "= 0"),
        ("N5", "erf(z)", "= 0"),
        # E[sigma'(G)] = 0, and that is no matter of parity.
        ("S3", "z**3/3 - z + z**2", r"lambda_0\(sigma'\) = 0 in the limit"),
        # The bracket is identically zero, which no rule here proves.
        ("S5", "z + z*(tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z))", r"lambda_1\(sigma'\) is neither proved zero"),
        ("S1", "z + z*(tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z))", "Lambda_. is neither proved zero"),
    ],
)
def test_violated_hypotheses_are_sentences(name: str, activation: str, needle: str) -> None:
    profile = QUICK.model_copy(update={"activation": activation})
    with pytest.raises(HypothesisViolated, match=needle) as caught:
        CLAIMS[name].require(profile)
    assert "use" in str(caught.value) or "--activation" in str(caught.value)


@pytest.mark.parametrize("activation", ["tanh(z + 1)", "erf(z + 1/2)", "softplus(z + 1)"])
def test_other_activations_satisfy_the_hypotheses(activation: str) -> None:
    for claim in CLAIMS.values():
        claim.require(QUICK.model_copy(update={"activation": activation}))
