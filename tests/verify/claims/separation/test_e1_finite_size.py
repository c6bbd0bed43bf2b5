"""E1 is judged by its rules on made-up numbers: the true ones hold, each slip fails."""

import pytest

from verify.claims.separation.e1_finite_size import E1, MARKOV, PARTS, _parts
from verify.judging.claim import Evidence, HypothesisViolated
from verify.judging.outcome import Verdict
from verify.sizes.profile import QUICK

RATIO = "[0.99999 +/- 1e-20]"


def made_up(scale: float = 1.0, **changes) -> Evidence:
    """The numbers of a world in which every part is ``scale`` times its prediction, with a scatter of 5 %."""
    (case,) = E1.cases(QUICK)
    p = case.profile
    parts, numbers, place = _parts(p), {}, 0
    for cell in E1.design(p):
        if hasattr(cell, "dimensions"):
            bounds = {"taylor_width": 2, "network_width": 2, "taylor": RATIO, "network": RATIO}
            narrow = {"taylor_narrow": "[2 +/- 1e-20]", "network_narrow": "[2 +/- 1e-20]"}
            numbers[cell] = bounds | narrow | {"floor": ["7/10", "71/100"], "floor_more": ["6/10"]} | changes
        else:
            wave = 1 + 0.05 * (-1) ** (place // 3)
            values = {part: scale * wave * parts[part][place] for part in PARTS}
            taylor = 0.08 * scale * wave * 2 * p.separation.epsilon**2
            numbers[cell] = values | {"taylor": taylor, "coherent": 5.0 * wave, "coherent_signs": 5.0 * wave}
            numbers[cell] |= {"network": 0.01, "failed": 0.0}
            place += 1
    return Evidence(numbers)


def verdict(evidence: Evidence, control=None) -> Verdict:
    (case,) = E1.cases(QUICK)
    return E1.check(case.profile, evidence, control).verdict


def test_it_holds_where_everything_is_as_predicted() -> None:
    assert verdict(made_up()) == Verdict.HOLDS


@pytest.mark.parametrize(
    "slip", [{"taylor": "[1.01 +/- 1e-20]"}, {"network": "[1.5 +/- 1e-20]"}, {"floor": ["69/100"]}]
)
def test_a_bound_that_is_not_met_fails(slip) -> None:
    assert verdict(made_up(**slip)) == Verdict.FAILS


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_variances_off_by_two_fail(scale: float) -> None:
    assert verdict(made_up(scale)) == Verdict.FAILS


@pytest.mark.parametrize("control", E1.controls, ids=lambda c: c.planted)
def test_controls_fail(control) -> None:
    assert verdict(made_up(), control) == Verdict.FAILS


def test_an_activation_that_is_not_bounded_is_refused() -> None:
    (case,) = E1.cases(QUICK)
    with pytest.raises(HypothesisViolated, match="bounded"):
        E1.require(case.profile.model_copy(update={"activations": ("z**2",)}))
    assert MARKOV in {rule.name for rule in E1.rules(case.profile)}
