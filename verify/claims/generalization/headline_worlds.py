"""The theorem end to end in other worlds: what the cells of N10 would store if joint training needed more samples.

Risks of an arm are a power law of n and d for each activation, read off the records of the base seeds 100 to 103 at
quick sizes (12 draws at a point where joint training is judged, else 4). The ends of whole runs are typical ones of
these seeds: their rules are exact, and no chance of theirs is part of a verdict's error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verify.cells.end_to_end import Descended, EndToEnd
from verify.cells.trained import TrainedModels
from verify.cells.training import Arm
from verify.claims.generalization.risk_worlds import Level, draw_arm
from verify.judging.chance import Chance
from verify.running.experiment import Cell, Numbers

STEADIER = 0.8
"""Scatter of a risk relative to N5's: joint 0.15 and 0.17 at d = 32 and 64, the NTK 0.11 and 0.06, lazy 0.07."""
RATIO, DIMENSION = 10.0, 32
"""n / d^k and d at which the levels are."""


@dataclass(frozen=True)
class Law:
    """log risk = level + in_samples log(n / (10 d^k)) + in_dimension log(d / 32)."""

    level: Level
    in_samples: Level
    in_dimension: Level

    def at(self, activation: str, ratio: float, d: int) -> float:
        """Mean log risk at n = ratio d^k."""
        parts = (self.level, self.in_samples, self.in_dimension)
        a, b, c = (part.of(activation) for part in parts)
        return a + b * math.log(ratio / RATIO) + c * math.log(d / DIMENSION)


def _law(*numbers: tuple[float, float, float]) -> Law:
    level, samples, dimension = (Level(x, 0.0, 0.0) for x in numbers)
    return Law(level, samples, dimension)


LAWS: Mapping[Arm, Law] = {
    "joint": _law((-0.73, -0.75, -1.63), (-0.90, -1.23, -1.58), (0.0, 0.09, 0.0)),
    "ntk": _law((-0.38, -0.41, -0.56), (-0.45, -0.58, -0.62), (0.35, 0.45, 0.54)),
    "quadntk": _law((-0.20, 0.44, 0.43), (-0.75, -0.22, -0.22), (0.18, 0.01, -0.11)),
    "random_directions": _law((0.33, 0.32, 0.19), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "permuted_labels": _law((0.80, 0.80, 0.89), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "lazy": _law((-0.41, -0.44, -0.59), (-0.5, -0.6, -0.6), (0.5, 0.58, 0.63)),
    "unregularised": _law((-0.30, -0.42, -0.72), (-0.6, -0.8, -1.0), (0.26, 0.29, 0.32)),
}


def risk_point(cell: TrainedModels, smallest: int, truth: float, chance: Chance) -> Numbers:
    """A point of the phase diagram in a world in which joint training needs n ~ d^(k + truth).

    Its n then counts as n (d / smallest)^(-truth).

    Args:
        cell: of the point.
        smallest: d at which nothing changes.
        truth: added to the exponent.
        chance: of the world.
    """
    ratio = cell.n / cell.d**cell.k
    if cell.arm == "joint":
        ratio *= (cell.d / smallest) ** -truth
    centre = {"risk": LAWS[cell.arm].at(cell.activation, ratio, cell.d)}
    name = ("headline", cell.activation, cell.d, cell.k)
    count = max(len(cell.candidates), 1)
    return draw_arm(cell.arm, cell.activation, cell.draws, chance, name, centre, candidates=count, factor=STEADIER)


def whole_runs(joint: Sequence[EndToEnd], free: Sequence[EndToEnd], long: Sequence[Descended]) -> dict[Cell, Numbers]:
    """Runs through the whole theorem, on the loss and on the data term alone, and descents whose steps are too long."""
    found: dict[Cell, Numbers] = {}
    for cell in joint:
        ends = {
            "reached": 1571,
            "fall": 0.70,
            "gradients": [0.0023, 0.0012],
            "early": 0.104,
            "gradient": 0.0014,
            "curvature": [-0.0011, 1e-6],
            "losses": [1.93, 0.0855],
            "reference": 0.40,
            "risks": 0.40,
            "remainder": 0.034,
            "taylor": 0.10,
            "lower": 0.05,
            "apart": 0.01,
        }
        found[cell] = {name: [value] * cell.draws for name, value in ends.items()}
        found[cell]["start_curvature"] = [-0.19, 6e-6]
        found[cell]["curve"] = [[0, 1.93], [1571, 0.0855]]
    for cell in free:
        found[cell] = {"fall": [0.71] * cell.draws, "losses": [[1.93, 0.85]] * cell.draws}
        found[cell] |= {"reference": [0.40] * cell.draws, "reached": [None] * cell.draws}
    return found | {cell: {"fall": [-0.54] * cell.draws} for cell in long}
