"""Where a run stands: which cells are there, which failed, and how each claim is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from verify.judging.claim import Claim, HypothesisViolated
from verify.judging.judgement import Judgement, admissible, judge, settle
from verify.judging.looks import FIXED, Look
from verify.running.costs import TimeLeft
from verify.running.experiment import Cell
from verify.running.rows import Failure
from verify.running.sweep import Done
from verify.sizes.profile import Profile

Listener = Callable[[Claim, int, int], None]
"""Called with (claim, cells computed, cells from the records) when all cells of a claim are there."""


def design(claim: Claim, profile: Profile) -> tuple[Cell, ...]:
    """Every cell of the cases in which the claim's hypotheses hold, each once.

    Raises:
        ValueError: a cell with a field that may change, such as a list.
    """
    cases, _ = admissible(claim, profile)
    cells = [cell for case in cases for cell in claim.design(case.profile)]
    for cell in cells:
        try:
            hash(cell)
        except TypeError as error:
            raise ValueError(
                f"{claim.id}: a field of {type(cell).__name__} may change after its cell was made ({error}); use a "
                f"tuple, a frozenset or a frozen model"
            ) from None
    return tuple(dict.fromkeys(cells))


class State:
    """Where a run stands: the cells that are there, those that failed, and how each claim is looked at.

    Args:
        claims: of the run. profile: its sizes. look: the first one at every claim.
        workers: processes; None where an executor decides.

    Attributes:
        there, failed: cells with numbers, and without. left: the time that the others should take.
        listener, on_cell, on_left: told as :func:`verify.session.verify` says.
    """

    def __init__(self, claims: Sequence[Claim], profile: Profile, look: Look, workers: int | None) -> None:
        self._claims, self._profile = claims, profile
        self._looks = {claim.id: look for claim in claims}
        self._cells = {claim.id: design(claim, profile) for claim in claims}
        self._waiting = {claim.id: set(self._cells[claim.id]) for claim in claims}
        self._union = dict.fromkeys(cell for own in self._cells.values() for cell in own)
        self._judged: dict[str, Judgement] = {}
        self.there: dict[Cell, Done] = {}
        self.failed: dict[Cell, Failure] = {}
        self.left = TimeLeft(self._union, workers)
        self.listener: Listener | None = None
        self.on_cell: Callable[[Done, int, int], None] | None = None
        self.on_left: Callable[[float, bool], None] | None = None

    def begin(self) -> None:
        """Claims without cells are complete."""
        for claim in self._claims:
            if not self._cells[claim.id]:
                self._complete(claim)

    def wanted(self) -> list[Cell]:
        """Cells that are neither there nor failed."""
        return [cell for cell in self._union if cell not in self.there and cell not in self.failed]

    def report(self, done: Done) -> None:
        """A cell is there."""
        self.there[done.cell] = done
        self.left.note(done.cell, done.seconds, done.stored)
        if self.on_left is not None:
            self.on_left(*self.left.seconds)
        if self.on_cell is not None:
            self.on_cell(done, len(self.there), len(self._union))
        for claim in self._claims:
            if done.cell in self._waiting[claim.id]:
                self._waiting[claim.id].remove(done.cell)
                if not self._waiting[claim.id]:
                    self._complete(claim)

    def lose(self, cell: Cell, failure: Failure) -> None:
        """A cell failed."""
        self.failed[cell] = failure
        self.left.drop(cell)

    def _complete(self, claim: Claim) -> None:
        if self.listener is not None and self._looks[claim.id].number <= 1:
            cells = self._cells[claim.id]
            stored = sum(self.there[cell].stored for cell in cells)
            self.listener(claim, len(cells) - stored, stored)

    def judgements(self) -> list[Judgement]:
        """Of all claims; each look is judged once, and settled with what the others say by now."""
        for claim in self._claims:
            look, known = self._looks[claim.id], self._judged.get(claim.id)
            if known is None or known.look != look:
                view, cells = look.profile(claim, self._profile), self._cells[claim.id]
                self._judged[claim.id] = judged(claim, view, cells, self.there, self.failed, len(self._claims), look)
        return settle([self._judged[claim.id] for claim in self._claims])

    def lacking(self, judgement: Judgement) -> list[Cell]:
        """Cells that the next look at a claim has to compute."""
        return [cell for cell in self._next(judgement.claim) if cell not in self.there and cell not in self.failed]

    def _next(self, claim: Claim) -> tuple[Cell, ...]:
        return design(claim, self._looks[claim.id].next().profile(claim, self._profile))

    def look_again(self, claims: Sequence[Claim]) -> None:
        """Give these claims twice the repetitions."""
        for claim in claims:
            self._cells[claim.id] = self._next(claim)
            self._looks[claim.id] = self._looks[claim.id].next()
            more = [cell for cell in self._cells[claim.id] if cell not in self._union]
            self._union |= dict.fromkeys(more)
            self.left.wait(more)


def judged(
    claim: Claim,
    profile: Profile,
    cells: Sequence[Cell],
    there: Mapping[Cell, Done],
    failed: Mapping[Cell, Failure],
    family: int,
    look: Look = FIXED,
) -> Judgement:
    """A claim judged where all its cells are there; cases that need one that failed are obstacles with that reason."""

    def computed(view: Profile) -> None:
        lost = [failed[cell] for cell in dict.fromkeys(claim.design(view)) if cell in failed]
        if lost:
            what = "a cell" if len(lost) == 1 else f"{len(lost)} cells"
            raise HypothesisViolated(
                f"{what} could not be computed, {'such as' if len(lost) > 1 else 'namely'} {lost[0].sentence}"
            )

    done = [there[cell] for cell in cells if cell in there]
    judged = judge(replace(claim, hypotheses=(*claim.hypotheses, computed)), profile, done, family, look)
    return replace(judged, claim=claim)
