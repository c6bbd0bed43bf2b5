"""Every claim that has worlds, judged in a few: at its theory, where its controls are caught, and at its rival."""

import pytest

from verify.judging.chance import Chance
from verify.judging.outcome import Verdict
from verify.judging.worlds import verdict_rates
from verify.registry import CLAIMS
from verify.sizes.profile import QUICK

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
