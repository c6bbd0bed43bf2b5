"""Which open verdicts are worth another look, within a budget of time: see :mod:`verify.judging.looks`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from verify.judging.claim import Claim
from verify.judging.judgement import Judgement
from verify.judging.looks import MOST, Look
from verify.judging.outcome import Comparison, Verdict
from verify.running.costs import Rates
from verify.running.experiment import Cell
from verify.running.progress import duration


@dataclass
class Repeating:
    """Looks again at open verdicts until they are decided, or the time is spent.

    Attributes:
        budget: seconds for the whole run; None for as long as it takes. It is asked before each look, and one that has
            begun is finished.
        most: looks at a claim.
        on_look: told of the claims that are looked at again.

    Raises:
        ValueError: a budget that is not positive and finite.
    """

    budget: float | None = None
    most: int = MOST
    on_look: Callable[[Sequence[Claim]], None] | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.budget is not None and not 0 < self.budget < math.inf:
            raise ValueError(f"budget={self.budget}: needs a positive, finite time")

    def again(
        self,
        judgements: Sequence[Judgement],
        lacking: Callable[[Judgement], Sequence[Cell]],
        rates: Rates,
        workers: int,
    ) -> tuple[list[Claim], dict[str, str]]:
        """The claims to look at again, and why the other open ones are not, by id.

        Args:
            judgements: of all claims.
            lacking: a judgement -> cells that the next look at it has to compute.
            rates: how long cells take.
            workers: processes that share the work.
        """
        chosen, halted = list[str](), dict[str, str]()
        expected = {j.claim.id: sum(map(rates.guess, lacking(j))) / workers for j in judgements if self._may(j)}
        left = math.inf if self.budget is None else self.budget - (time.monotonic() - self.started)
        for judgement in sorted(judgements, key=lambda j: expected.get(j.claim.id, 0.0)):
            name = judgement.claim.id
            if name in expected and expected[name] <= left:
                left -= expected[name]
                chosen.append(name)
            elif judgement.open and judgement.claim.repetitions:
                halted[name] = self._why(judgement, expected.get(name), left)
        claims = [j.claim for j in judgements if j.claim.id in chosen]
        if claims and self.on_look is not None:
            self.on_look(claims)
        return claims, halted

    def _may(self, judgement: Judgement) -> bool:
        return judgement.open and bool(judgement.claim.repetitions) and judgement.look.number < self.most

    def _why(self, judgement: Judgement, expected: float | None, left: float) -> str:
        looks = f"still open after {judgement.look.number} look{'s' if judgement.look.number > 1 else ''}"
        if expected is None:
            why = f"{looks}, which are all"
        else:
            spare = duration(left) if left > 0 else "nothing"
            why = f"{looks}; the next needs about {duration(expected)}, and the budget leaves {spare}"
        factor = max(map(needed, judgement.outcome.comparisons), default=1.0)
        if 1 < factor < 1e6:
            why += (
                f"; about {factor:.2g} times the repetitions would decide it, should the estimates stay where they are"
            )
        return why


def needed(comparison: Comparison) -> float:
    r"""Factor on the repetitions at which an open comparison is decided, should its estimate stay; else 1.

    The part q s of the interval's radius that is chance falls with the root of the repetitions, and must come below the
    distance of the estimate from the nearest end of what is admitted, less the part e that is no chance:

    .. math:: \Big(\frac{q s}{|v - \text{end}| - e}\Big)^2 ;

    infinite where no number of repetitions suffices.
    """
    m = comparison.measured
    if comparison.verdict is not Verdict.INCONCLUSIVE or not m.stderr > 0:
        return 1.0
    distances = (abs(m.value - end) for end in comparison.allowed if math.isfinite(end))
    room = min(distances, default=0.0) - m.slack - comparison.uncertainty
    return ((m.upper - m.value - m.slack) / room) ** 2 if room > 0 else math.inf


def halt(judgements: Sequence[Judgement], halted: Mapping[str, str]) -> list[Judgement]:
    """The judgements, the open ones with the reason why they were not looked at again."""
    return [replace(j, halted=halted.get(j.claim.id, "")) for j in judgements]


def looked(entry: Mapping[str, Any]) -> tuple[Look, str]:
    """How a claim was looked at, and why no more, as its entry of a run's verdicts says.

    Raises:
        ValueError: an entry that no run writes.
    """
    number, why = entry.get("look", 0), entry.get("halted", "")
    if type(number) is not int or not 0 <= number <= MOST or not isinstance(why, str):
        raise ValueError(f"look={number!r}, halted={why!r}: no run writes that; the verdicts were altered")
    return Look(number), why
