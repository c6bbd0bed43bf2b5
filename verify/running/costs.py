"""How long cells take: learnt from cells of the same class that were measured, in proportion to their ``cost``."""

from __future__ import annotations

import math
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
