"""Every claim that has worlds, judged in a few: at its theory, where its controls are caught, and at its rival."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from verify.judging.chance import Chance
from verify.judging.claim import Claim, Evidence
from verify.judging.judgement import judge
from verify.judging.outcome import Verdict
from verify.judging.power import power_curves
from verify.judging.worlds import remembered, verdict_rates
from verify.registry import CLAIMS
from verify.running.sweep import Done
from verify.sizes.profile import QUICK, Profile

FAMILY = 36
CHAPTERS = ("verify/claims/generalization/", "verify/claims/separation/")
NAMES = [c.id for c in CLAIMS.values() if c.world and c.cases(QUICK) and c.file.startswith(CHAPTERS)]
LEAST = {"N10": 2}
"""HOLDS among eight worlds of the theory, at least; six of other claims. N10's controls have little power."""
UNDECIDED = {"N5", "N6", "N9", "N11"}
"""Claims whose rival lies on the edge of what a bound or an equivalence admits, so that FAILS is rare."""


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_the_design_and_the_same_in_every_case(name: str) -> None:
    claim, chance = CLAIMS[name], Chance((0, 7))
    assert claim.world is not None
    seen: dict[object, object] = {}
    for case in claim.cases(QUICK):
        numbers = claim.world.simulate(case.profile, claim.world.theory, chance)
        assert set(numbers) == set(claim.design(case.profile))
        assert all(seen.setdefault(cell, found) == found for cell, found in numbers.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_theory_mostly_holds_with_its_controls_caught_and_never_fails(name: str) -> None:
    claim = CLAIMS[name]
    assert claim.world is not None
    counts = verdict_rates(claim, QUICK, claim.world.theory, 8, FAMILY).counts
    assert counts[Verdict.HOLDS] >= LEAST.get(name, 6), counts
    assert counts[Verdict.FAILS] == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_rival_never_holds(name: str) -> None:
    claim = CLAIMS[name]
    assert claim.world is not None
    counts = verdict_rates(claim, QUICK, claim.world.rival, 8, FAMILY).counts
    assert counts[Verdict.HOLDS] == 0
    assert name in UNDECIDED or counts[Verdict.FAILS] >= 6, counts


def counted(claim: Claim) -> tuple[Claim, Counter[str]]:
    """The claim, and how often its prediction and its measurement are worked out."""
    calls: Counter[str] = Counter()

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Profile | Evidence) -> Any:
            calls[name] += 1
            return function(*arguments)

        return called

    predict, observe = noted("predict", claim.predict), noted("observe", claim.observe)
    return replace(claim, predict=predict, observe=observe), calls


def test_predictions_are_worked_out_once_and_measurements_once_a_world() -> None:
    claim, calls = counted(CLAIMS["S5"])
    assert claim.world is not None
    cases = len(claim.cases(QUICK))
    assert len(claim.controls) > 1
    verdict_rates(claim, QUICK, claim.world.theory, 3, FAMILY)
    assert calls == {"predict": cases, "observe": 3 * cases}
    calls.clear()
    one_sided = replace(claim, world=replace(claim.world, two_sided=False))
    (curve,) = power_curves([one_sided], QUICK, 2, FAMILY, at=(0.0, 0.5, 1.0, 1.25))
    assert calls == {"predict": cases, "observe": 2 * cases * len(curve.rates)}


@pytest.mark.parametrize("name", ["S5", "T3", "N10"])
def test_what_is_remembered_is_what_would_be_worked_out_anew(name: str) -> None:
    """In worlds one after another, also at their rival, with every control: no number of one is taken for another's."""
    claim = CLAIMS[name]
    assert claim.world is not None
    told = remembered(claim)
    for number, truth in enumerate((claim.world.theory, claim.world.rival, claim.world.theory)):
        numbers = {}
        for case in claim.cases(QUICK):
            numbers |= claim.world.simulate(case.profile, truth, Chance((3, number)))
        done = [Done(cell, found, 0.0, True) for cell, found in numbers.items()]
        plain, kept = (judge(one, QUICK, done, FAMILY) for one in (claim, told))
        for one, other in zip((kept, *kept.controls), (plain, *plain.controls), strict=True):
            assert repr(one.outcome.comparisons) == repr(other.outcome.comparisons)
            assert one.outcome.obstacles == other.outcome.obstacles
            assert one.verdict is other.verdict
