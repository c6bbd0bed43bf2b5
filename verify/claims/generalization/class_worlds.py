"""N13 in other worlds: what its cells would store if joint training needed more samples, in every class of targets.

Means and scatter of the logarithms of risks are those of the records of base seed 100 at the sizes of full, which no
verdict uses: 3 draws of each of three activations at k = 1 (d = 64), 4 draws of one activation at k = 2 (d = 24) and at
k = 3 (d = 12). Other sizes with the same n / (A d^k) are taken to have the same. Draws are shared by the arms, and in
part by the classes: at k = 1 the deviations of joint training correlate by 0.6 with the NTK's, by 0.35 with the
QuadNTK's and by 0.3 with its own in another class; here by 0.58, 0.45 and 0.32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from verify.cells.target_classes import TargetClass, TargetClassModels
from verify.cells.training import Arm
from verify.claims.generalization.risk_worlds import SHOWN
from verify.judging.chance import Chance
from verify.running.experiment import Cell, Numbers

Level = tuple[tuple[float, ...], float]
"""Of log risk: its means for the activations of ``SHOWN``, or one mean for all; its standard deviation about them."""
ARMS: tuple[Arm, ...] = ("joint", "ntk", "quadntk", "permuted_labels")
LEVELS: Mapping[int, Mapping[TargetClass, tuple[Level, Level, Level, Level]]] = {
    1: {
        "one direction": (
            ((-0.95, -1.18, -1.04), 0.2),
            ((-0.2, -0.28, -0.04), 0.06),
            ((-0.19, 0.27, 0.5), 0.05),
            ((0.78, 0.83, 0.89), 0.059),
        ),
        "three directions": (
            ((-0.68, -0.97, -0.78), 0.14),
            ((-0.39, -0.6, -0.21), 0.068),
            ((-0.28, 0.29, 0.51), 0.044),
            ((0.77, 0.74, 0.81), 0.066),
        ),
        "all degrees": (
            ((-0.94, -1.26, -0.99), 0.22),
            ((-0.21, -0.28, -0.03), 0.063),
            ((-0.35, 0.01, -0.08), 0.28),
            ((0.57, 0.54, 0.62), 0.055),
        ),
        "product": (
            ((-0.85, -1.52, -1.01), 0.054),
            ((-0.29, -0.54, -0.14), 0.043),
            ((-0.33, 0.27, 0.49), 0.027),
            ((0.86, 0.72, 0.88), 0.05),
        ),
        "label noise": (
            ((-0.88, -1.17, -0.96), 0.096),
            ((-0.24, -0.32, -0.03), 0.029),
            ((-0.31, 0.23, 0.46), 0.034),
            ((0.84, 0.82, 0.86), 0.049),
        ),
        "huber": (
            ((-0.91, -1.13, -0.93), 0.19),
            ((-0.2, -0.28, -0.04), 0.06),
            ((-0.09, 0.34, 0.55), 0.048),
            ((0.75, 0.8, 0.86), 0.059),
        ),
        "logistic": (
            ((-1.7, -1.81, -1.56), 0.033),
            ((-1.56, -1.6, -1.47), 0.031),
            ((-1.31, -0.92, -0.8), 0.041),
            ((-0.82, -0.68, -0.73), 0.055),
        ),
    },
    2: {
        "one direction": (((-0.94,), 0.22), ((0.0,), 0.14), ((-0.76,), 0.17), ((0.93,), 0.043)),
        "three directions": (((-1.21,), 0.088), ((-0.37,), 0.058), ((-1.07,), 0.08), ((0.81,), 0.058)),
        "all degrees": (((-1.06,), 0.19), ((-0.05,), 0.14), ((-1.06,), 0.18), ((0.76,), 0.023)),
        "product": (((-0.87,), 0.091), ((-0.12,), 0.077), ((-0.76,), 0.071), ((0.89,), 0.033)),
        "label noise": (((-0.82,), 0.18), ((-0.01,), 0.13), ((-0.7,), 0.1), ((0.89,), 0.073)),
        "huber": (((-0.9,), 0.23), ((0.0,), 0.14), ((-0.67,), 0.18), ((0.88,), 0.048)),
        "logistic": (((-1.62,), 0.083), ((-1.43,), 0.062), ((-1.49,), 0.037), ((-0.69,), 0.011)),
    },
    3: {"one direction": (((0.25,), 0.16), ((0.54,), 0.12), ((0.33,), 0.15), ((0.83,), 0.13))},
}
"""By k, class and arm, in the order of :data:`ARMS`."""
WEIGHTS: Mapping[Arm, float] = {"joint": 0.9, "ntk": 0.65, "quadntk": 0.5, "permuted_labels": 0.0}
"""Correlation of an arm's deviation with the number that a draw gives to all arms."""
ALIKE = 0.4
"""Share of that number's variance that the classes have in common."""
FALLS: Mapping[Arm, tuple[float, float]] = {
    "joint": (0.13, 0.06),
    "quadntk": (0.02, 0.02),
    "permuted_labels": (-0.02, 0.01),
}
"""Mean and standard deviation of risk at half the steps / risk - 1; 0 for the NTK."""
REST = {"loss": 0.15, "loss_halfway": 0.18, "gradient": 8e-3, "capacity": 30.0, "medium": 0.02, "remainder": 0.03}
REST |= {"quadratic": 0.29, "share": 0.42, "linear_share": 0.08, "movement": 0.11}
"""What else a cell of a trained arm stores: means of joint training at k = 1. Nothing that N13 compares is among it."""


def level(k: int, target_class: TargetClass, arm: Arm, activation: str) -> tuple[float, float]:
    """Mean and standard deviation of a log risk; beyond k = 3, and where a class was not run, those nearest to it."""
    classes = LEVELS[min(max(k, 1), 3)]
    means, scatter = classes.get(target_class, classes["one direction"])[ARMS.index(arm)]
    known = len(means) > 1 and activation in SHOWN
    return (means[SHOWN.index(activation)] if known else float(np.mean(means))), scatter


def class_arms(cells: Sequence[TargetClassModels], truth: float, chance: Chance) -> dict[Cell, Numbers]:
    """Every arm in every class, joint training a share ``truth`` of the way to the NTK's mean log risk.

    A risk falls as a power of n, so its logarithm moves evenly with the exponent of the samples that the arm needs.

    Args:
        cells: of the design.
        truth: 0 for the means of the records, 1 for the NTK's.
        chance: of the world.
    """
    found: dict[Cell, Numbers] = {}
    for cell in cells:
        middle, scatter = level(cell.k, cell.target_class, cell.arm, cell.activation)
        if cell.arm == "joint":
            middle += truth * (level(cell.k, cell.target_class, "ntk", cell.activation)[0] - middle)
        weight, risks, halfway = WEIGHTS[cell.arm], [], []
        for r in range(cell.draws):
            name = ("classes", cell.activation, cell.d, cell.k, r)
            common = ALIKE**0.5 * chance.normal(*name) + (1 - ALIKE) ** 0.5 * chance.normal(*name, cell.target_class)
            own, fall = chance.of(*name, cell.target_class, cell.arm).standard_normal(2)
            risks.append(math.exp(middle + scatter * (weight * common + math.sqrt(1 - weight**2) * float(own))))
            mean, spread = FALLS.get(cell.arm, (0.0, 0.0))
            halfway.append(risks[-1] * (1 + mean + spread * float(fall)))
        found[cell] = {"chosen": 0, "validation": [1.0] * len(cell.ridges) if cell.arm == "ntk" else [], "risk": risks}
        if cell.arm != "ntk":
            found[cell] |= {"risk_halfway": halfway, **{key: [value] * cell.draws for key, value in REST.items()}}
    return found
