"""Every premise of every rate names what exists, and the failure of a claim is told up to the rates that rest on it."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import theory
from theory.learning.derivation import Premise, Step
from theory.learning.rates import RATES
from verify.judging.outcome import Verdict
from verify.premises import doubts
from verify.registry import CLAIMS

EQUATIONS = set(re.findall(r"\$\$ \(([a-z0-9-]+)\)", (Path(__file__).parents[2] / "docs/mathematics.md").read_text()))
PREMISES = [(name, number, premise) for name, rate in RATES.items() for number, premise in rate.premises.items()]


@pytest.mark.parametrize(
    ("name", "number", "premise"), PREMISES, ids=lambda v: str(v) if not isinstance(v, Premise) else ""
)
def test_every_premise_is_an_object_that_exists(name: str, number: int, premise: Premise | None) -> None:
    assert premise is not None, f"{name}, step {number}: only prose"
    known = {"proved": EQUATIONS, "certified": set(theory.__all__), "rate": set(RATES)}
    assert set(premise.by) <= known.get(premise.ground, set())
    assert set(premise.claims) <= set(CLAIMS)
    assert str(premise) in str(RATES[name])


def test_rates_rest_on_each_other_without_circles() -> None:
    edges = {
        name: {r for p in rate.premises.values() if p and p.ground == "rate" for r in p.by}
        for name, rate in RATES.items()
    }
    tuple(TopologicalSorter(edges).static_order())


def test_what_rests_on_proofs_alone_is_rare_and_the_claims_cover_the_rest() -> None:
    measured = {claim for _, _, premise in PREMISES if premise for claim in premise.claims}
    assert {"S1", "S3", "S4", "G2", "G3", "G4", "T2", "T3", "N8"} <= measured


@pytest.mark.parametrize(
    ("claim", "rates"),
    [
        ("S3", {"ntk_eigenvalue", "linear_norm", "quadratic_norm", "ntk_samples", "joint_samples", "quadntk_samples"}),
        ("T3", {"width_signs_linear", "width_signs_remainder", "width_lazy_quadratic"}),
        ("N8", {"ntk_samples", "ntk_alone_samples", "quadntk_samples", "joint_samples"}),
    ],
)
def test_a_failed_claim_is_told(claim: str, rates: set[str]) -> None:
    told = {name for name in RATES if doubts(name, {claim: Verdict.FAILS})}
    assert rates <= told
    assert told < set(RATES)
    assert all(claim in sentence for name in told for sentence in doubts(name, {claim: Verdict.FAILS}))
    assert not any(doubts(name, {claim: Verdict.HOLDS}) for name in RATES)


def test_planted_premises_are_refused() -> None:
    with pytest.raises(ValueError, match="names what proves it"):
        Premise("proved")
    with pytest.raises(ValueError, match="names what proves it"):
        Premise("definition", ("multiplicity",))
    step = RATES["linear_norm"].steps[3]
    with pytest.raises(ValueError, match="rests on no premise"):
        Step(step.relation, step.reason, step.uses, Premise("elementary"))
    with pytest.raises(ValueError, match="rate='nothing'"):
        doubts("nothing", {})
