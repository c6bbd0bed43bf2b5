"""S3 and S4 at small sizes."""

import copy

import pytest

from verify.claims.spectra import every_dimension
from verify.claims.spectra.s3_s4_limits import S3, S4
from verify.judging.claim import Claim, Evidence
from verify.sizes.profile import QUICK


@pytest.mark.parametrize("claim", [S3, S4], ids=lambda claim: claim.id)
def test_it_holds_and_its_controls_fail(claim: Claim, examine) -> None:
    examine(claim)


@pytest.mark.parametrize("claim", [S3, S4], ids=lambda claim: claim.id)
def test_where_sigma_is_smooth_all_is_proved_and_elsewhere_slopes_are_judged(claim: Claim) -> None:
    """relu(z)**2 + z has a kink in sigma', for which there are no bounds at every d."""
    for case in claim.cases(QUICK):
        assert {rule.proved for rule in claim.rules(case.profile)} == {True}
    kinked = QUICK.model_copy(update={"activations": ("relu(z)**2 + z",)})
    (case,) = claim.cases(kinked)
    rules = claim.rules(case.profile)
    assert {rule.name for rule in rules} == set(claim.predict(case.profile))
    assert [rule for rule in rules if not rule.proved]
    assert all("proved" not in rule.name for rule in rules)


def test_a_proved_exponent_has_to_agree_with_the_eigenvalues() -> None:
    """Bounds that are positive, and between which a certified eigenvalue does not lie, prove nothing."""
    p = S4.cases(QUICK)[0].profile
    numbers = {cell: cell.run() for cell in S4.design(p)}
    proved = {rule.name for rule in S4.rules(p) if getattr(rule, "proved", False)}
    assert len(proved) == 4
    assert {c.verdict for c in S4.check(p, Evidence(numbers)).comparisons} == {"HOLDS"}
    for name in ("lower", "upper"):
        wrong = copy.deepcopy(numbers)
        for found in wrong[every_dimension.cells(p, 4)[0]]["bounds"]:
            found[name] = "[10 +/- 1e-9]" if name == "lower" else "[1e-9 +/- 1e-12]"
        verdicts = {c.label: c.verdict for c in S4.check(p, Evidence(wrong)).comparisons}
        assert {verdicts[rule] for rule in proved} == {"INCONCLUSIVE"}


def test_the_constants_are_printed_outwards() -> None:
    p = S4.cases(QUICK)[0].profile
    (cell,) = every_dimension.cells(p, 4)
    found = {"exponent": -1.0, "lower": "[0.32486 +/- 1e-9]", "upper": "[0.36782 +/- 1e-9]"}
    text = every_dimension.statement(p, Evidence({cell: {"bounds": [None, None, found]}}), 4)
    assert "0.3248 <= d^1 Lambda_2 <= 0.3679" in text
