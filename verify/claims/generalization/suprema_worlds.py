"""Suprema over balls and fits of noise in other worlds: what the cells of N8 would store with another power of n.

Scatter and constants are those of the records of the base seeds 100 to 103 at quick sizes: 120 draws of the suprema, 32
networks of each activation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from verify.cells.rademacher import NoisyFits, SignSuprema
from verify.judging.chance import Chance, lognormal
from verify.predictions.complexities import linear_bound, quadratic_bound
from verify.running.experiment import Cell, Numbers

CONSTANT = -1.24
"""log(R_n of the quadratic ball / its bound): -1.20, -1.30 and -1.24 at n = 256, 1024 and 4096."""
LINEAR, QUADRATIC = (0.053, 0.21), (0.007, 0.026)
"""Standard deviations of log sup^2 over the linear ball, and of log sup over the quadratic one: of a draw's mean over
its signs, and of one vector of signs."""
Row = Mapping[str, tuple[float, float]]
FITS: Mapping[str, Row] = {
    "joint": {
        "train": (0.51, 0.025),
        "test": (1.07, 0.015),
        "linear_radius": (7.8, 0.11),
        "quadratic_radius": (3.3, 0.044),
        "own": (0.41, 0.03),
        "fresh": (0.0, 0.04),
    },
    "quadntk": {
        "train": (0.19, 0.007),
        "test": (1.13, 0.017),
        "linear_radius": (0.0, 0.0),
        "quadratic_radius": (3.9, 0.042),
        "own": (0.58, 0.035),
        "fresh": (0.0, 0.047),
    },
}
"""Mean and standard deviation of what a fit of noisy labels stores."""


def noisy_suprema(
    balls: Sequence[SignSuprema], fits: Sequence[NoisyFits], truth: float, chance: Chance
) -> dict[Cell, Numbers]:
    """Numbers of N8 in a world in which R_n of the quadratic ball goes as n^truth.

    In the middle of the grid of n it is what the records have. Theory leaves the linear ball no freedom: E sup^2 =
    K(x,x)/n exactly; its fits have the gaps of the records.
    """
    found: dict[Cell, Numbers] = {cell: _ball(cell, truth, chance) for cell in balls}
    return found | {cell: _fit(cell, chance) for cell in fits}


def _ball(cell: SignSuprema, truth: float, chance: Chance) -> Numbers:
    middle = round(math.sqrt(cell.samples[0] * cell.samples[-1]))
    there = quadratic_bound(cell.activation, cell.d, middle) * math.exp(CONSTANT)
    numbers: dict[str, list[list[float]]] = {name: [] for name in ("linear", "quadratic", "attained", "norms")}
    for n in cell.samples:
        drawn = chance.of("balls", cell.replicate, n)
        ours, others = drawn.standard_normal(2)
        linear = linear_bound(cell.activation, cell.d, n)
        quadratic = there * (n / middle) ** truth
        squares = [lognormal(LINEAR, (ours, z)) for z in drawn.standard_normal(cell.draws)]
        sizes = [quadratic * lognormal(QUADRATIC, (others, z)) for z in drawn.standard_normal(cell.draws)]
        numbers["linear"].append([linear * math.sqrt(x) for x in squares])
        numbers["quadratic"].append(sizes)
        numbers["attained"].append(sizes)
        numbers["norms"].append([1.0] * cell.draws)
    return numbers


def _fit(cell: NoisyFits, chance: Chance) -> Numbers:
    table: dict[str, dict[str, list[float]]] = {}
    for arm, row in FITS.items():
        drawn = chance.of("fits", cell.activation, arm).standard_normal((cell.networks, len(row)))
        values = np.array([middle for middle, _ in row.values()]) + drawn * np.array([s for _, s in row.values()])
        table[arm] = {name: values[:, i].tolist() for i, name in enumerate(row)}
    return table
