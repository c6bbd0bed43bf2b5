"""How long cells take: learnt from cells of the same class that were measured, in proportion to their ``cost``."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence

from verify.running.experiment import Cell


class Rates:
    """Seconds by class of cell; nothing but the order and the packing of cells depends on them.

    For a class whose cells state a ``cost``, seconds are the cost times the measured seconds per unit of cost; for
    others they are the mean of what was measured, whatever the sizes.
    """

    def __init__(self) -> None:
        self._seen: dict[type[Cell], tuple[float, float, int]] = {}

    def learn(self, cell: Cell, seconds: float) -> None:
        """A cell took so long."""
        total, cost, count = self._seen.get(type(cell), (0.0, 0.0, 0))
        self._seen[type(cell)] = (total + seconds, cost + cell.cost, count + 1)

    def expect(self, cell: Cell) -> float:
        """Seconds that a cell should take; infinity where none of its class was measured."""
        total, cost, count = self._seen.get(type(cell), (0.0, 0.0, 0))
        if not count:
            return math.inf
        return total / cost * cell.cost if cost and cell.cost else total / count

    def guess(self, cell: Cell) -> float:
        """As :meth:`expect`; where nothing was measured by the cell's cost, at a billion a second, or one second."""
        expected = self.expect(cell)
        return expected if math.isfinite(expected) else cell.cost / 1e9 or 1.0


class TimeLeft:
    """How long a run will still take: the cells that are outstanding, at the rates of those that were measured.

    Args:
        cells: of the run.
        workers: that share the work; None where they are not counted, as on a cluster: then as many as have kept busy
            so far, the seconds that cells took over the seconds that went by.
    """

    def __init__(self, cells: Iterable[Cell], workers: int | None) -> None:
        self.rates, self._workers = Rates(), workers
        self._out: dict[type[Cell], tuple[Cell, float, int]] = {}
        self._taken, self._start = 0.0, time.monotonic()
        self.wait(cells)

    def wait(self, cells: Iterable[Cell]) -> None:
        """These cells are waited for too."""
        for cell in cells:
            _, cost, count = self._out.get(type(cell), (cell, 0.0, 0))
            self._out[type(cell)] = cell, cost + cell.cost, count + 1

    def note(self, cell: Cell, seconds: float, stored: bool = False) -> None:
        """A cell is there: it took so long, in this run unless it comes from the records."""
        self.rates.learn(cell, seconds)
        self._taken += 0.0 if stored else seconds
        self.drop(cell)

    def drop(self, cell: Cell) -> None:
        """A cell is no longer waited for."""
        one, cost, count = self._out[type(cell)]
        self._out[type(cell)] = one, cost - cell.cost, count - 1

    @property
    def seconds(self) -> tuple[float, bool]:
        """Seconds that are left, and whether that is only a lower bound: of some class nothing was measured yet."""
        work, least = 0.0, False
        for one, cost, count in self._out.values():
            each = self.rates.expect(one)
            if count and math.isinf(each):
                least = True
            elif count:
                work += each * cost / one.cost if one.cost else each * count
        busy = self._workers or max(1.0, self._taken / max(time.monotonic() - self._start, 1e-9))
        return max(work, 0.0) / busy, least


def packs(cells: Iterable[Cell], rates: Rates, seconds: float, most: int) -> list[list[Cell]]:
    """Cells in tasks that should take about ``seconds`` each; a cell that takes longer, or is unknown, is alone.

    Args:
        cells: heavy ones first; a task holds cells that follow one another.
        rates: what they should take.
        seconds: of a task.
        most: cells in a task.
    """
    found: list[list[Cell]] = []
    load = math.inf
    for cell in cells:
        expected = rates.expect(cell)
        if load + expected > seconds or len(found[-1]) >= most:
            found.append([])
            load = 0.0
        found[-1].append(cell)
        load += expected
    return found


def heavy_first(cells: Iterable[Cell]) -> Sequence[Cell]:
    """A long cell begun last would keep one worker busy while the others have nothing left."""
    return sorted(cells, key=lambda cell: -cell.cost)
