"""A claim judged in simulated worlds: from raw numbers through search, censoring, alignment and rule to the verdict.

:mod:`verify.judging.calibration` feeds each decision rule with normal errors. Here a claim that says how its cells'
numbers would look in a world with another truth (:class:`verify.judging.claim.World`) is judged whole, controls
included, as in a run of all claims: HOLDS needs every control to FAIL, and FAILS a p value that survives the strictest
step of Holm's correction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from verify.judging.calibration import CERTAINTY, clopper_pearson
from verify.judging.chance import Chance
from verify.judging.claim import Claim, Evidence, Observe, World, unsaid
from verify.judging.judgement import Judgement, judge
from verify.judging.looks import FIXED, MOST, Look
from verify.judging.multiplicity import LEVEL
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.running.sweep import Done
from verify.sizes.profile import Profile


@dataclass(frozen=True)
class VerdictRates:
    """How often each verdict came out in worlds with one truth.

    Attributes:
        claim: its id.
        truth: of the worlds.
        predicted: what the claim predicts, by comparison.
        counts: number of worlds by verdict.
        runs: worlds simulated.
        repetitions: mean number, in units of a run of fixed sizes.
    """

    claim: str
    truth: float
    predicted: dict[str, float]
    counts: dict[Verdict, int]
    runs: int
    repetitions: float = 1.0

    def interval(self, verdict: Verdict) -> tuple[float, float]:
        """Clopper-Pearson interval of a verdict's probability; it holds with probability :data:`CERTAINTY`."""
        return clopper_pearson(self.counts[verdict], self.runs, 1 - CERTAINTY)

    def as_json(self) -> dict[str, Any]:
        """One JSON object: numbers of worlds by verdict, and their shares with intervals."""
        shares = {str(v): self.counts[v] / self.runs for v in Verdict}
        intervals = {str(v): list(self.interval(v)) for v in Verdict}
        return {
            "claim": self.claim,
            "truth": self.truth,
            "predicted": self.predicted,
            "runs": self.runs,
            "repetitions": self.repetitions,
            "counts": {str(v): self.counts[v] for v in Verdict},
            **shares,
            "intervals": intervals,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> VerdictRates:
        """The rates of :meth:`as_json`."""
        counts = {v: int(told["counts"][str(v)]) for v in Verdict}
        return cls(told["claim"], told["truth"], dict(told["predicted"]), counts, told["runs"], told["repetitions"])

    def text(self) -> str:
        """One sentence for each verdict."""
        predicted = "; ".join(f"{name}: {value:.4g}" for name, value in self.predicted.items())
        lines = [f"{self.claim} in {self.runs} simulated worlds whose truth is {self.truth:g} (predicted: {predicted})"]
        for verdict in Verdict:
            low, high = self.interval(verdict)
            share = self.counts[verdict] / self.runs
            lines.append(f"  {verdict!s:<12} {share:7.2%}   [{low:.2%}, {high:.2%}] at {CERTAINTY:.0%}")
        if self.repetitions != 1:
            lines.append(f"  repetitions  {self.repetitions:.2f} times those of a run of fixed sizes, in the mean")
        return "\n".join(lines)


def verdict_rates(
    claim: Claim,
    profile: Profile,
    truth: float,
    runs: int,
    family: int,
    seed: int = 0,
    adaptive: bool = False,
    each: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> VerdictRates:
    """Judge a claim in ``runs`` simulated worlds.

    Args:
        claim: one with a ``world``.
        profile: whose sizes it has.
        truth: of the worlds, in place of what the claim predicts.
        runs: worlds.
        family: claims of a run, among which the level is shared.
        seed: of the simulation.
        adaptive: whether an open verdict is looked at again, as :mod:`verify.judging.looks` has it.
        each: gives the worlds by turns; whoever shows progress replaces it.

    Raises:
        ValueError: a claim without a ``world``, no case of it in the profile, runs < 1 or seed < 0.
    """
    if claim.world is None:
        raise ValueError(f"claim={claim.id!r}: says nothing of other worlds; leave --truth out")
    if runs < 1:
        raise ValueError(f"runs={runs}: needs an integer runs >= 1")
    if seed < 0:
        raise ValueError(f"seed={seed}: needs an integer seed >= 0")
    if not claim.cases(profile):
        raise ValueError(f"claim={claim.id!r}: is not judged in profile {profile.name!r}")
    told, counts = remembered(claim), Counter[Verdict]()
    predicted: dict[str, float] = {}
    repetitions = 0
    for number in each(range(runs)):
        look = Look(1) if adaptive else FIXED
        judged = judged_in(told, claim.world, profile, truth, family, Chance((seed, number)), look)
        verdict = strictest(judged, family)
        while verdict is Verdict.INCONCLUSIVE and claim.repetitions and 0 < look.number < MOST:
            look = look.next()
            judged = judged_in(told, claim.world, profile, truth, family, Chance((seed, number)), look)
            verdict = strictest(judged, family)
        counts[verdict] += 1
        repetitions += 2 ** max(look.number - 1, 0)
        predicted = judged.outcome.prediction
    return VerdictRates(claim.id, truth, predicted, {v: counts[v] for v in Verdict}, runs, repetitions / runs)


Value = TypeVar("Value")
PROFILES_KEPT = 64
"""Profiles whose JSON is kept: the cases of a few worlds."""


def remembered(claim: Claim) -> Claim:
    """The claim with nothing worked out twice: its verdicts are the same, as its functions are pure.

    What depends on the profile alone - hypotheses, rules, predictions - is worked out once for each, in however many
    worlds; what was measured in a world once for each case, not again for every control. Profiles are told apart by
    their JSON. Nothing is described.
    """
    names: dict[int, tuple[Profile, str]] = {}

    def name(profile: Profile) -> str:
        """The JSON, written once for a profile that is asked for many times, which is kept so that its id stays its."""
        if id(profile) not in names:
            if len(names) >= PROFILES_KEPT:
                names.clear()
            names[id(profile)] = profile, profile.model_dump_json()
        return names[id(profile)][1]

    def once(function: Callable[[Profile], Value]) -> Callable[[Profile], Value]:
        known: dict[str, Value] = {}

        def found(profile: Profile) -> Value:
            key = name(profile)
            if key not in known:
                known[key] = function(profile)
            return known[key]

        return found

    def once_a_world(observe: Observe) -> Observe:
        known: dict[str, Mapping[str, Any]] = {}
        world: list[Evidence] = []

        def found(profile: Profile, evidence: Evidence) -> Mapping[str, Any]:
            if not world or world[0] is not evidence:
                world[:] = [evidence]
                known.clear()
            key = name(profile)
            if key not in known:
                known[key] = observe(profile, evidence)
            return known[key]

        return found

    controls = tuple(c if c.predict is None else replace(c, predict=once(c.predict)) for c in claim.controls)
    hypotheses = tuple(once(hypothesis) for hypothesis in claim.hypotheses)
    return replace(
        claim,
        hypotheses=hypotheses,
        rules=once(claim.rules),
        predict=once(claim.predict),
        observe=once_a_world(claim.observe),
        controls=controls,
        describe=unsaid,
    )


def judged_in(
    claim: Claim, world: World, profile: Profile, truth: float, family: int, chance: Chance, look: Look
) -> Judgement:
    """The claim judged at a look at one world.

    Args:
        claim: best :func:`remembered`.
        world: what its cells would hold.
        profile: whose sizes it has at the first look.
        truth: of the world.
        family: claims of a run, among which the level is shared.
        chance: the draws.
        look: which.
    """
    view = look.profile(claim, profile)
    numbers: dict[Cell, Numbers] = {}
    for case in claim.cases(view):
        try:
            numbers |= world.simulate(case.profile, truth, chance)
        except OverflowError:
            sentence = f"truth={truth:g}: numbers of such worlds overflow; take one nearer {world.theory:g}"
            raise ValueError(sentence) from None
    return judge(claim, view, [Done(cell, found, 0.0, True) for cell, found in numbers.items()], family, look)


def strictest(judged: Judgement, family: int) -> Verdict:
    """The verdict when FAILS needs the strictest step of Holm's correction among ``family`` claims."""
    if judged.outcome.verdict is not Verdict.FAILS:
        return judged.verdict
    return Verdict.FAILS if judged.outcome.p_value <= LEVEL / family else Verdict.INCONCLUSIVE
