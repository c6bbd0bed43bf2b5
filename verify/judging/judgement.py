"""From numbers to verdicts: cases merged, controls, dependencies, Holm's correction across the claims of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from verify.judging.claim import Case, Claim, Control, Evidence, HypothesisViolated
from verify.judging.grade import Grade
from verify.judging.looks import FIXED, Look
from verify.judging.multiplicity import LEVEL, holm
from verify.judging.outcome import Comparison, Outcome, Verdict
from verify.running.experiment import Unusable
from verify.running.sweep import Done
from verify.sizes.profile import Profile


@dataclass(frozen=True)
class ControlJudgement:
    """A control over the cases in which it is asked.

    Attributes:
        planted: the error in words, with the k asked where the claim is judged for others too.
        outcome: the comparisons of these cases.
        p_value: the largest over the cases: it must come out FAILS in every one.
        family: claims in the run.
    """

    planted: str
    outcome: Outcome
    p_value: float
    family: int

    @property
    def missed(self) -> tuple[str, ...]:
        """The cases in which no comparison fails, where cases are told apart."""
        labels = dict.fromkeys(c.case for c in self.outcome.comparisons)
        failing = {c.case for c in self.outcome.comparisons if c.verdict is Verdict.FAILS}
        return tuple(label for label in labels if label and label not in failing)

    @property
    def verdict(self) -> Verdict:
        """FAILS when every case does even after the strictest step of Holm's correction."""
        if self.outcome.comparisons and self.p_value <= LEVEL / self.family:
            return Verdict.FAILS
        return Verdict.HOLDS if self.outcome.verdict is Verdict.HOLDS else Verdict.INCONCLUSIVE


@dataclass(frozen=True)
class Judgement:
    """A claim with its outcome, its controls' outcomes and what its numbers cost.

    Attributes:
        claim, cases: what was judged, and where (cases whose hypotheses hold).
        outcome: comparisons of all cases, their labels led by the case.
        controls: one for each planted error that matters in some case.
        seconds: of computing its cells, whenever that was.
        computed: cells computed in this run; 0 when all were stored.
        evidence: the numbers.
        rejected: whether FAILS survives Holm's correction.
        failing: claims that this one builds on and that come out FAILS.
        look: how it was looked at, see :mod:`verify.judging.looks`.
        halted: why an open verdict was not looked at again, where looking again was asked for; else empty.
    """

    claim: Claim
    cases: tuple[Case, ...]
    outcome: Outcome
    controls: tuple[ControlJudgement, ...]
    seconds: float
    computed: int
    evidence: Evidence
    rejected: bool = False
    failing: tuple[str, ...] = ()
    look: Look = FIXED
    halted: str = ""

    @property
    def control(self) -> Verdict:
        """FAILS when every control does."""
        verdicts = {c.verdict for c in self.controls}
        if verdicts == {Verdict.FAILS}:
            return Verdict.FAILS
        return Verdict.HOLDS if Verdict.HOLDS in verdicts else Verdict.INCONCLUSIVE

    @property
    def verdict(self) -> Verdict:
        """The outcome's verdict, unless :attr:`reasons` make it INCONCLUSIVE."""
        return Verdict.INCONCLUSIVE if self.reasons else self.outcome.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the verdict is INCONCLUSIVE although, or apart from what, the comparisons say."""
        reasons = list(self.outcome.obstacles)
        if self.outcome.verdict is Verdict.FAILS:
            return () if self.rejected else (*reasons, "FAILS on its own, but not after Holm's correction for the run")
        if self.outcome.verdict is Verdict.HOLDS and self.failing:
            reasons.append(f"it builds on {', '.join(self.failing)}, which FAILS")
        reasons += [
            f"a control does not FAIL, so the check has no power here: {c.planted}"
            f"{_list(' (nothing fails for ', c.missed, ')')}"
            for c in self.controls
            if c.verdict is not Verdict.FAILS and self.outcome.comparisons
        ]
        return tuple([*reasons, self.halted] if self.halted else reasons)

    @property
    def open(self) -> bool:
        """Whether more repetitions may decide: chance alone stands between the numbers and a verdict."""
        hindered = bool(self.outcome.obstacles) or (self.outcome.verdict is Verdict.HOLDS and bool(self.failing))
        return self.verdict is Verdict.INCONCLUSIVE and bool(self.outcome.comparisons) and not hindered

    @property
    def grade(self) -> Grade | None:
        """The lowest grade of the comparisons, *toy* where a control is not caught; None without comparisons."""
        found = self.outcome.grade
        return found if found is None or self.control is Verdict.FAILS else Grade.TOY

    @property
    def explanation(self) -> str:
        """How it was measured, how often it was looked at, and the reasons where the verdict is INCONCLUSIVE."""
        parts = [self.outcome.explanation, self.looked, *(f"INCONCLUSIVE: {reason}." for reason in self.reasons)]
        return " ".join(part for part in parts if part)

    @property
    def looked(self) -> str:
        """How often it was looked at, in a sentence; empty in a run of fixed sizes."""
        number, confidence = self.look.number, f"{100 * self.look.confidence:.6g} %"
        if not number:
            return ""
        if number == 1:
            return f"Looked at once, with intervals of {confidence}."
        return f"Looked at {number} times, each time with twice the repetitions; intervals of {confidence}."

    def _repr_html_(self) -> str:
        """The verdict and what it rests on, for a notebook."""
        from verify.judging.showing import judgement_page

        return judgement_page(self)

    def plot(self, ax: Any = None) -> Any:
        """The claim's figure in the deciding case (:func:`verify.judging.showing.draw_judgement`); the Axes."""
        from verify.judging.showing import draw_judgement

        return draw_judgement(self, ax)

    def as_json(self) -> dict[str, Any]:
        """The claim's entry of ``escape-ntk verify --json``."""
        first = self.controls[0]
        entry = {
            "id": self.claim.id,
            "title": self.claim.title,
            "verdict": str(self.verdict),
            "grade": None if self.grade is None else str(self.grade),
            "grades": {c.label: str(c.grade) for c in self.outcome.comparisons},
            "prediction": self.outcome.prediction,
            "estimate": self.outcome.estimate,
            "budget": self.outcome.budget,
            "explanation": self.explanation,
            "control": {
                "verdict": str(self.control),
                "planted": "; ".join(c.planted for c in self.controls),
                "prediction": first.outcome.prediction,
                "estimate": first.outcome.estimate,
            },
            "controls": [{"verdict": str(c.verdict), "planted": c.planted} for c in self.controls],
            "seconds": round(self.seconds, 3),
            "look": self.look.number,
            "halted": self.halted,
        }
        return _json_values(entry)


def _list(before: str, names: Sequence[str], after: str) -> str:
    """The names between two texts; nothing without names."""
    return f"{before}{', '.join(names)}{after}" if names else ""


def _json_values(value: Any) -> Any:
    """Without infinities and NaN, which JSON lacks: they become null."""
    if isinstance(value, dict):
        return {key: _json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_values(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def admissible(claim: Claim, profile: Profile) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases in which the claim's hypotheses hold, and a sentence for each of the others."""
    cases, obstacles = [], []
    for case in claim.cases(profile):
        try:
            claim.require(case.profile)
            cases.append(case)
        except HypothesisViolated as violated:
            obstacles.append(f"{case.label}: {violated}" if case.label else str(violated))
    return tuple(cases), tuple(obstacles)


def judge(claim: Claim, profile: Profile, done: Sequence[Done], family: int = 1, look: Look = FIXED) -> Judgement:
    """Derive a claim's verdict, and its controls', from numbers.

    Args:
        claim: with the cells of its design in ``done``.
        profile: of the run, with the repetitions of this look.
        done: cells with their numbers.
        family: claims in the run.
        look: the levels.
    """
    evidence, share = Evidence({item.cell: item.numbers for item in done}), look.share
    cases, obstacles = admissible(claim, profile)
    outcome = merge(cases, [_checked(claim, case, evidence, share) for case in cases], obstacles, share)
    controls = []
    for control in claim.controls:
        asked = [case for case in cases if control.asked(case)]
        if cases and not asked:
            continue
        found = [_checked(claim, case, evidence, share, control) for case in asked]
        p_value = max((o.p_value for o in found), default=1.0)
        orders = ", ".join(str(k) for k in dict.fromkeys(case.profile.k for case in asked))
        planted = control.planted if len(asked) == len(cases) else f"{control.planted} (k = {orders} only)"
        controls.append(ControlJudgement(planted, merge(asked, found, (), share), p_value, family))
    return Judgement(
        claim=claim,
        cases=cases,
        outcome=outcome,
        controls=tuple(controls),
        seconds=sum(item.seconds for item in done),
        computed=sum(not item.stored for item in done),
        evidence=evidence,
        look=look,
    )


def _checked(claim: Claim, case: Case, evidence: Evidence, share: float, control: Control | None = None) -> Outcome:
    """The outcome in a case; numbers from which nothing follows are an obstacle, not an error."""
    try:
        return claim.check(case.profile, evidence, control, share)
    except Unusable as reason:
        return Outcome((), "", (str(reason),))


def merge(
    cases: Sequence[Case], outcomes: Sequence[Outcome], obstacles: tuple[str, ...] = (), share: float = 1.0
) -> Outcome:
    """One outcome of all cases: labels led by the case, and the explanation of the first case of each k."""
    comparisons: list[Comparison] = []
    sentences: dict[int, str] = {}
    for case, outcome in zip(cases, outcomes, strict=True):
        lead = f"{case.label}: " if case.label else ""
        comparisons += [replace(c, label=lead + c.label, case=case.label) for c in outcome.comparisons]
        obstacles += tuple(lead + obstacle for obstacle in outcome.obstacles)
        sentences.setdefault(case.profile.k, outcome.explanation)
    if len(sentences) > 1:
        text = " ".join(f"k = {k}: {sentence}" for k, sentence in sentences.items())
    else:
        text = next(iter(sentences.values()), "")
    return Outcome(tuple(comparisons), text, obstacles, share)


def settle(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Holm's correction across the claims of a run, and what a FAILS means for claims that build on it."""
    rejected = holm(
        {j.claim.id: j.outcome.p_value for j in judgements if j.outcome.verdict is Verdict.FAILS}
        | {j.claim.id: 1.0 for j in judgements if j.outcome.verdict is not Verdict.FAILS}
    )
    return [
        replace(
            j,
            rejected=rejected[j.claim.id],
            failing=tuple(name for name in j.claim.depends_on if rejected.get(name, False)),
        )
        for j in judgements
    ]
