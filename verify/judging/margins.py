"""Where a claim's margin lies, in the units of a world's truth: the last that it admits and the first that it refuses.

A margin is stated for a comparison; how far a truth must move to reach it depends on all that lies between, and on
which of a claim's comparisons is met first. So it is searched: the claim is judged whole in worlds with as many
repetitions as the last look may have, in which little is left open between the two ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verify.judging.chance import Chance
from verify.judging.claim import Claim, World
from verify.judging.looks import FIXED, MOST, Look
from verify.judging.outcome import Verdict
from verify.judging.worlds import judged_in, strictest
from verify.sizes.profile import Profile

FARTHEST = 1.25
"""How far from the theory is searched, in units of the way to the rival."""
HALVINGS = 7
"""Of that way: each end is found to a hundredth of the way."""


@dataclass(frozen=True)
class Margin:
    """The two ends, as steps of the way from the theory (0) to its rival (1).

    Attributes:
        admitted: the farthest step at which the claim was seen to HOLD, so that it is true there but with the error
            rate of a HOLDS; None where it does not HOLD at its theory.
        refused: the nearest at which it was seen to FAIL, so that it is false there; None where it FAILS nowhere.
    """

    admitted: float | None
    refused: float | None

    @property
    def steps(self) -> tuple[float, ...]:
        """Those that there are."""
        return tuple(step for step in (self.admitted, self.refused) if step is not None)


def margin(claim: Claim, world: World, profile: Profile, family: int, seed: int = 0) -> Margin:
    """Search both ends by bisection, towards the rival.

    The draws of all its worlds are the same but for their truth. Cost: about 2 :data:`HALVINGS` times 32 worlds of
    fixed sizes.

    Args:
        claim: to judge, with a case in the profile.
        world: its world.
        profile: whose sizes it has, but for the repetitions.
        family: claims of a run, among which the level is shared.
        seed: of the simulation.
    """
    look = _last_look(claim, profile)
    known: dict[float, Verdict] = {}

    def verdict(step: float) -> Verdict:
        if step not in known:
            truth = world.theory + step * (world.rival - world.theory)
            known[step] = strictest(judged_in(claim, world, profile, truth, family, Chance((seed, 0)), look), family)
        return known[step]

    admitted = _last(lambda step: verdict(step) is Verdict.HOLDS)
    refused = _last(lambda step: verdict(FARTHEST - step) is Verdict.FAILS)
    return Margin(admitted, None if refused is None else FARTHEST - refused)


def _last_look(claim: Claim, profile: Profile) -> Look:
    """The last look at which the profile allows the claim's repetitions."""
    for number in range(MOST if claim.repetitions else 0, 1, -1):
        try:
            Look(number).profile(claim, profile)
        except ValueError:  # more than the profile's fields may hold
            continue
        return Look(number)
    return FIXED


def _last(true: Callable[[float], bool]) -> float | None:
    """The farthest step from 0 up to :data:`FARTHEST` at which something that begins true still is."""
    if not true(0.0):
        return None
    if true(FARTHEST):
        return FARTHEST
    low, high = 0.0, FARTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if true(middle) else (low, middle)
    return low
