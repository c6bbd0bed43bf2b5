"""What every registered claim must be, without computing it."""

from dataclasses import replace
from pathlib import Path

import pytest

import verify
from verify.judging.claim import Claim, HypothesisViolated
from verify.judging.rules import DecisionRule
from verify.registry import CHAPTERS, CLAIMS, judged_by, registered, select
from verify.sizes.profile import AUTHORS, FULL, GPU, PROFILES, QUICK

ALL = pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)


NAMES = [*(f"S{i}" for i in range(1, 11)), *(f"T{i}" for i in range(1, 4)), *(f"G{i}" for i in range(1, 6))]
NAMES += [*(f"O{i}" for i in range(1, 7)), *(f"N{i}" for i in range(1, 14)), "E1", "A1", "A2"]


def test_registry() -> None:
    assert [name for name in CLAIMS if name in NAMES] == NAMES, (
        "the project's own, in reading order; yours may stand between"
    )
    assert [c.id for c in select("n1, s1")] == ["S1", "N1"]
    for bad in ("X9", "", " , "):
        with pytest.raises(ValueError, match="known are S1"):
            select(bad)


def test_a_profile_leaves_out_what_it_has_no_sizes_for() -> None:
    """A1 is the authors' profile's, A2 and N13 those of full and gpu; where they are not judged they are refused."""
    left_out = {p.name: {*CLAIMS} - {c.id for c in judged_by(p)} for p in (QUICK, FULL, GPU, AUTHORS)}
    assert left_out == {"quick": {"A1", "A2", "N13"}, "full": {"A1"}, "gpu": {"A1"}, "authors": {"A2", "N13"}}
    assert [c.id for c in select(None, FULL)] == [name for name in CLAIMS if name != "A1"]
    assert [c.id for c in select("a1,s1", AUTHORS)] == ["S1", "A1"]
    with pytest.raises(ValueError, match="profile quick does not have A1 judged; use --profile authors"):
        select("S1,A1", QUICK)


@pytest.mark.parametrize(
    ("files", "needle"),
    [
        ([("spectra/s10_decay.py", ())], "registers no claim; name what it defines in CLAIMS"),
        ([("spectra/s1_decay.py", ("N1",))], "id='N1': needs S and a number"),
        ([("spectra/s1_decay.py", ("S1a",))], "id='S1a': needs S and a number"),
        ([("spectra/decay.py", ("S10",))], "registers S10; name the file s10_"),
        ([("spectra/s1_a.py", ("S1",)), ("spectra/s1_b.py", ("S1",))], "S1: is registered by .*s1_a.py and .*s1_b.py"),
    ],
)
def test_files_that_cannot_be_registered_are_named(files, needle: str) -> None:
    made = [(file, tuple(replace(CLAIMS["S1"], id=name) for name in names)) for file, names in files]
    with pytest.raises(ValueError, match=needle):
        registered(made)
    assert list(registered([("spectra/s1_a.py", (CLAIMS["S1"],)), ("spectra/shared.py", ())])) == ["S1"]


@ALL
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_design_is_finite_and_seeded(claim: Claim, profile) -> None:
    for case in claim.cases(profile):
        cells = claim.design(case.profile)
        assert cells
        assert len({c.key("f") for c in cells}) == len(set(cells))
        claim.require(case.profile)
    other = profile.model_copy(update={"base_seed": 1})
    assert {c.base_seed for case in claim.cases(other) for c in claim.design(case.profile)} <= {0, 1}


@ALL
def test_cases(claim: Claim) -> None:
    """Three activations unless the claim is not about one, pooled or one by one; k = 2 where it must be."""
    assert len(QUICK.activations) == 3
    cases = claim.cases(QUICK)
    if not cases:  # of other profiles alone
        assert claim.id in ("A1", "A2", "N13")
        return
    assert len({case.label for case in cases}) == len(cases)
    used = {a for case in cases for a in case.profile.activations}
    assert used == set(QUICK.activations)
    if claim.activations == "each":
        assert all(len(case.profile.activations) == 1 for case in cases)
    if claim.activations == "pooled":
        cells = [cell for case in cases for cell in claim.design(case.profile)]
        seen = {cell.activation for cell in cells if hasattr(cell, "activation")}
        seen |= {a for cell in cells if hasattr(cell, "activations") for a in cell.activations}
        assert len(seen) >= 3


@pytest.mark.parametrize("name", ["S5", "S6", "S7", "T3", "G1", "G2", "G3", "G4", "G5"])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_structural_claims_are_judged_for_k_1_and_2(name: str, profile) -> None:
    assert {case.profile.k for case in CLAIMS[name].cases(profile)} == {1, 2}


# The balls of N8 know no target, so no k; N13 is not in quick.
@pytest.mark.parametrize("name", [name for name in NAMES if name[0] in "ON" and name not in ("N8", "N11", "N13")])
def test_trained_claims_are_judged_for_k_2_on_a_gpu(name: str) -> None:
    assert {case.profile.k for case in CLAIMS[name].cases(PROFILES["gpu"])} == {1, 2}
    assert 1 in {case.profile.k for case in CLAIMS[name].cases(QUICK)}


@ALL
def test_dependencies_are_registered(claim: Claim) -> None:
    assert all(name in CLAIMS and name != claim.id for name in claim.depends_on)
    assert claim.controls
    assert all(control.planted for control in claim.controls)
    for profile in PROFILES.values():
        assert all(any(control.asked(case) for control in claim.controls) for case in claim.cases(profile))
    assert claim.source
    assert claim.why
    assert claim.refuted_by
    assert "$" not in claim.statement


@ALL
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_rules_state_their_alternative(claim: Claim, profile) -> None:
    for case in claim.cases(profile):
        rules = claim.rules(case.profile)
        assert rules
        for rule in (rule for rule in rules if isinstance(rule, DecisionRule)):
            assert rule.noise > 0
            assert rule.replicates > 1 or rule.statistic == "normal mean"
            outside = {"within": abs(rule.alternative) > rule.margin, "below": rule.alternative > 0}
            assert outside.get(rule.rule, rule.alternative < 0), f"{rule} does not leave what it admits"


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
    profile = QUICK.model_copy(update={"activations": (activation,)})
    with pytest.raises(HypothesisViolated, match=needle) as caught:
        CLAIMS[name].require(profile)
    assert "use" in str(caught.value) or "--activation" in str(caught.value)


@pytest.mark.parametrize("activation", ["tanh(z + 1)", "erf(z + 1/2)", "softplus(z + 1)"])
def test_other_activations_satisfy_the_hypotheses(activation: str) -> None:
    for claim in CLAIMS.values():
        if claim.id in ("N5", "N6", "N9"):
            continue  # they need an activation for which the profile's d is large
        for case in claim.cases(QUICK.model_copy(update={"activations": (activation,)})):
            claim.require(case.profile)


@ALL
def test_a_claim_is_found_by_its_id(claim: Claim) -> None:
    """Its file carries the id, lies in its chapter, and holds it."""
    path = Path(verify.__file__).parent.parent / claim.file
    assert claim.id.lower() in path.stem.split("_")
    assert path.parent.name in CHAPTERS
    assert f'id="{claim.id}"' in path.read_text(encoding="utf-8")


@ALL
def test_what_is_predicted_is_what_is_decided(claim: Claim) -> None:
    """Rules and predictions are about the same comparisons, and a control's prediction alters some of them."""
    for case in claim.cases(QUICK):
        names = {rule.name for rule in claim.rules(case.profile)}
        assert set(claim.predict(case.profile)) == names
        for control in claim.controls:
            if control.predict is not None and control.asked(case):
                wrong = control.predict(case.profile)
                assert wrong
                assert set(wrong) <= names
