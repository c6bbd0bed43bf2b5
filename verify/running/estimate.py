"""What a run will take, before it: cells are counted, and a few of each class are tried out on the spot."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from verify.running.costs import Rates
from verify.running.experiment import Cell
from verify.running.progress import duration
from verify.running.sweep import keys_of
from verify.running.workers import Workers

PATIENCE = 10.0
"""Seconds that a cell which is tried out may take."""
STAGES = 2
"""How often the heaviest cell that should take no longer is tried out, each time by what the last one took."""
TRIED = 3
"""Cells of a class that states no cost: which of them are heavy is not known."""


@dataclass(frozen=True)
class ClassEstimate:
    """Cells of one class that are to be computed.

    Attributes:
        name: of the class.
        cells: how many.
        seconds: that they should take one after another.
        longest: that the heaviest should take.
        bound: whether the seconds are only a lower bound: the cell that was tried out failed or took too long.
    """

    name: str
    cells: int
    seconds: float
    longest: float
    bound: bool


@dataclass(frozen=True)
class Estimate:
    """Of a whole run.

    Attributes:
        stored: cells that are in the records.
        classes: the others.
        workers: processes.
        memory: bytes of the largest process that tried cells out; larger cells that were not tried may need more.
        whole: whether the heaviest cell of every class was tried out, so that none should need more memory.
    """

    stored: int
    classes: tuple[ClassEstimate, ...]
    workers: int
    memory: int
    whole: bool

    @property
    def seconds(self) -> float:
        """Of the run: the work shared by the workers, and no less than its longest cell."""
        shared = sum(each.seconds for each in self.classes) / self.workers
        return max([shared, *(each.longest for each in self.classes)])

    def lines(self) -> list[str]:
        """A line for each class, and the sums."""
        cells = sum(each.cells for each in self.classes)
        lines = [f"cells to compute: {cells}; in the records: {self.stored}"]
        for each in sorted(self.classes, key=lambda e: -e.seconds):
            about = "more than" if each.bound else "about"
            lines.append(
                f"  {each.name:<24} {each.cells:>7} cells, {about} {duration(each.seconds)} in all, the longest "
                f"{duration(each.longest)}"
            )
        if cells:
            least = "at least" if any(each.bound for each in self.classes) else "about"
            more = "about" if self.whole else "at least"
            one, together = self.memory / 1e9, self.memory * self.workers / 1e9
            lines += [
                f"time: {least} {duration(self.seconds)} with {self.workers} workers",
                f"memory: {more} {one:.1f} GB a process, {together:.1f} GB in all",
            ]
        return lines


def estimate(
    cells: Iterable[Cell], rates: Rates, workers: int, stored: int, told: Callable[[str], None] = lambda name: None
) -> Estimate:
    """Try out a few cells of each class in one process, within :data:`PATIENCE` each, and extrapolate by their cost.

    Of a class that states its cost, the lightest cell, and then the heaviest that should not take too long; of others
    a few. The first cell of a class is tried twice, and its second time counts. Nothing is kept.

    Args:
        cells: that are to be computed.
        rates: from the records; a class that they know is tried out all the same, for its memory.
        workers: processes of the run.
        stored: cells that are there.
        told: the name of each class before it is tried out.

    Raises:
        CellFailed: no process can be started.
    """
    by_class: dict[type[Cell], list[Cell]] = {}
    for cell in cells:
        by_class.setdefault(type(cell), []).append(cell)
    found, memory, whole = [], 0, True
    with tempfile.TemporaryDirectory(prefix="escape-ntk-") as folder, Workers(1, Path(folder), PATIENCE) as trial:

        def tried(cell: Cell, counted: bool = True) -> bool:
            nonlocal memory
            result = trial.once(cell, keys_of([cell])[cell])
            memory = max(memory, result.memory)
            if counted or not result.text:
                rates.learn(cell, result.seconds)
            return bool(result.text)

        for kind, own in by_class.items():
            told(kind.__name__)
            own.sort(key=lambda cell: cell.cost)
            # The first time of a class loads modules and works out constants, once for all of its cells.
            good = tried(own[0], counted=False) and tried(own[0])
            heaviest = own[0]
            for _ in range(STAGES):
                within = [cell for cell in own if heaviest.cost < cell.cost and rates.expect(cell) <= PATIENCE]
                if good and within:
                    heaviest = within[-1]
                    good = tried(heaviest)
            fits = good and heaviest.cost == own[-1].cost
            if fits and not own[0].cost:
                rest = [own[i * (len(own) - 1) // (TRIED - 1)] for i in range(1, TRIED) if len(own) > i]
                fits = all(rates.expect(cell) <= PATIENCE for cell in rest)
                good = not fits or all(tried(cell) for cell in rest)
            whole = whole and good and fits
            seconds = [rates.expect(cell) for cell in own]
            found.append(ClassEstimate(kind.__name__, len(own), sum(seconds), max(seconds), not good))
    return Estimate(stored, tuple(found), workers, memory, whole)
