"""How the cells of :mod:`verify.cells.sample_counts` are computed."""

from __future__ import annotations

from verify.cells.sample_counts import RIDGES, SamplesToLearn
from verify.cells.search import bracket, coarse_grid
from verify.cells.training import risk_path
from verify.cells.training_run import kernel_risks
from verify.running.experiment import Numbers


def samples_to_learn(cell: SamplesToLearn) -> Numbers:
    """The numbers of a :class:`SamplesToLearn`."""
    grid = [n for n in coarse_grid(cell.first, cell.last, cell.factor) if n <= cell.limit]
    draws = cell.prepare([str(i) for i in range(cell.draws)], grid[-1])
    halfway: dict[tuple[int, int], float] = {}

    def risks(n: int, places: tuple[int, ...]) -> list[float]:
        part = draws.some(places).first(n)
        if cell.arm == "ntk":
            half = end = [min(row) for row in kernel_risks(part, RIDGES)]
        else:
            half, end = risk_path(cell.learn(part, cell.arm, cell.weights), cell.arm)
        halfway.update(zip([(n, place) for place in places], half, strict=True))
        return end

    found = bracket(risks, cell.draws, grid, cell.level, cell.finest)
    return {
        "samples": [[n for n, _ in points] for points in found],
        "risks": [[risk for _, risk in points] for points in found],
        "halfway": [[halfway[n, place] for n, _ in points] for place, points in enumerate(found)],
    }
