"""Kernel regression in other worlds: what the cells of N1, N2 and N7 would store if a number of the law were another.

The curves are those of :mod:`verify.predictions.learning_curves` with the truth put where it acts, on the eigenvalues
or on n. How much draws scatter about them was measured on the records of the base seeds 100 to 103 at quick sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from verify.cells.kernels import Energies, RidgeCurve, SamplesToRisk
from verify.cells.search import bracket, coarse_grid
from verify.judging.chance import Chance, lognormal
from verify.predictions.learning_curves import Curve, best_risk, crowding
from verify.running.experiment import Cell, Numbers

RISK, TRAINING, KAPPA = 0.023, 0.043, 0.005
"""Standard deviation of the logarithm of one number of N1, at n = 128 (48 draws: 0.020 to 0.026 at all n; 0.043, 0.027,
0.016 and 0.008; 0.005, 0.004, 0.002 and 0.002 at n = 128 to 1024)."""
NESTED = 0.57
"""Correlation of a number at n and at 2 n, whose inputs are nested: 0.51 to 0.67."""
OPPOSED = -0.6
"""Correlation of risk and training error: -0.27 to -0.65."""
WOBBLE = 0.02
"""Standard deviation of the logarithm of one risk of a search about its draw's own curve; 0.02 to 0.04."""
RIVAL = 0.07
"""The same of a rival, times 1 - risk: its risks, relative to their energy on the test points, hardly scatter at 1."""
BLIND = 0.03
"""The same beside the floor; 0.02 to 0.05."""
NODES = 28
"""Of a predicted curve, between which it is interpolated."""


@lru_cache(maxsize=1024)
def _laws(
    activation: str, d: int, energies: Energies, scale: float, samples: tuple[int, ...], ridge: float
) -> tuple[tuple[float, float, float], ...]:
    """(risk, training error, 1/tr (K + ridge)^{-1}) at each n."""
    curve = Curve(activation, d, energies, scale)
    return tuple((curve.risk(n, ridge), curve.training(n, ridge), curve.inverse_trace(n, ridge)) for n in samples)


def ridge_curves(cells: Sequence[RidgeCurve], truth: float, chance: Chance) -> dict[Cell, Numbers]:
    """Numbers of N1 in a world whose eigenvalues are ``truth`` times the certified ones.

    At finite width, delta = n/(m d/2) lowers kappa by delta and raises the risk by 2 delta, as the records have it.
    """
    return {cell: _ridge_curve(cell, truth, chance) for cell in cells}


def _ridge_curve(cell: RidgeCurve, truth: float, chance: Chance) -> Numbers:
    drawn = chance.of("N1", cell.replicate)
    errors = np.zeros((len(cell.samples), 3))
    state = drawn.standard_normal(3)
    for i, n in enumerate(cell.samples):
        if i:
            state = NESTED * state + math.sqrt(1 - NESTED**2) * drawn.standard_normal(3)
        risk, own, kappa = state
        training = OPPOSED * risk + math.sqrt(1 - OPPOSED**2) * own
        ratio = 128 / n
        sizes = (RISK, TRAINING * ratio**0.8, KAPPA * ratio**0.5)
        errors[i] = [lognormal([s], [z]) for s, z in zip(sizes, (risk, training, kappa), strict=True)]
    width = np.array([crowding(n, cell.m, cell.d) for n in cell.samples])
    moved = np.array([1 + 2 * width, 1 + width, 1 - width]).T
    tables = [
        np.array(_laws(cell.activation, cell.d, cell.dense, truth, cell.samples, ridge)) * moved * errors
        for ridge in cell.ridges
    ]
    names = ("risks", "training", "kappas")
    return {name: [table[:, i].tolist() for table in tables] for i, name in enumerate(names)}


@lru_cache(maxsize=1024)
def _curve(activation: str, d: int, energies: Energies, last: int) -> tuple[np.ndarray, np.ndarray]:
    """(log n, log risk) of the predicted curve at the best ridge, from n = 1."""
    samples = np.unique(np.geomspace(1, last, NODES).round().astype(int))
    return np.log(samples), np.log([best_risk(activation, d, int(n), energies) for n in samples])


def predicted_risk(activation: str, d: int, energies: Energies, last: int, n: float) -> float:
    """The predicted risk at the best ridge, between integers log-linearly; beyond ``last`` it no longer falls."""
    x, y = _curve(activation, d, energies, last)
    return float(np.exp(np.interp(math.log(n), x, y)))


def searches(
    by_dimension: Mapping[int, Sequence[SamplesToRisk]],
    truth: float,
    chance: Chance,
    scatter: float,
) -> dict[Cell, Numbers]:
    """Numbers of N2 or N7 in a world in which n*(d) grows as d^truth times the predicted one.

    The predicted curve of each d is stretched in n by (d / middle)^truth, the middle d being the geometric mean of the
    smallest and the largest, so that a constant of the world's own hides as little of the exponent as can be. A draw
    stretches it further by a factor that scatters, and each risk has an error of its own. The rival's curve, which
    controls use, stays as predicted.

    Args:
        by_dimension: the draws at each d.
        truth: added to the exponent.
        chance: of the world.
        scatter: standard deviation of log n* of a draw, times d^(1/2). Measured are 0.084, 0.064, 0.058 and 0.045 at
            d = 8, 12, 16 and 24 for N2, and 0.074, 0.055, 0.037 and 0.040 at d = 24, 40, 64 and 96 for N7, in 96 draws
            each.
    """
    middle = math.sqrt(min(by_dimension) * max(by_dimension))
    found: dict[Cell, Numbers] = {}
    for d, cells in by_dimension.items():
        for cell in cells:
            found[cell] = _search(cell, (d / middle) ** truth, chance, scatter * d**-0.5)
    return found


def _search(cell: SamplesToRisk, stretch: float, chance: Chance, scatter: float) -> Numbers:
    """One draw: its searches on its own curve and on the rival's, from the same inputs."""
    own = (*cell.dense, *cell.sparse)
    place = (cell.activation, cell.d)
    drawn = chance.of("searches", str(cell.dense), str(cell.sparse), cell.d, cell.replicate)
    luck = math.exp(scatter * drawn.standard_normal())
    last = max(cell.last, *cell.blind, 2)

    def risk(n: int) -> float:
        error = math.exp(WOBBLE * drawn.standard_normal())
        return error * predicted_risk(*place, own, last, max(n / (stretch * luck), 1.0))

    def rival(n: int, degree: int) -> float:
        share = predicted_risk(*place, ((degree, 1.0),), last, max(n / luck, 1.0))
        return share * math.exp(RIVAL * max(1 - share, 0.0) * drawn.standard_normal())

    coarse = coarse_grid(cell.first, cell.last, cell.factor)
    (points,) = bracket(lambda n, _: [risk(n)], 1, coarse, cell.level, cell.finest)
    numbers: dict[str, list[float]] = {
        "samples": [n for n, _ in points],
        "risks": [value for _, value in points],
        "ridges": [0.0] * len(points),
        "blind": [risk(n) * math.exp(BLIND * drawn.standard_normal()) for n in cell.blind],
    }
    if cell.rival is not None:
        degree, level = cell.rival
        (others,) = bracket(lambda n, _: [rival(n, degree)], 1, coarse, level, cell.factor)
        numbers |= {"rival samples": [n for n, _ in others], "rival risks": [value for _, value in others]}
    return numbers
