"""Trained models in other worlds: what the cells of N5, N6, N9 and N10 would store if a number were another.

Means and scatter of the logarithms of risks, of what f_Q carries and of how far a kernel moves are those of the records
of the base seeds 100 to 103 at quick sizes (36 draws of each arm at d = 56, n = 2.9 A d). Draws are shared by the arms:
one number of the draw enters all of them, and a second one those that learn as kernels do, each with its own weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from verify.cells.training import Arm
from verify.judging.chance import Chance
from verify.running.experiment import Numbers

SHOWN = ("sin(z + pi/4)", "tanh(z + 1)", "gelu(z)")
"""Activations with means of their own; others have the mean of these."""


@dataclass(frozen=True)
class Level:
    """Logarithm of a number that scatters from draw to draw.

    Attributes:
        means: for each of :data:`SHOWN`.
        scatter: standard deviation about the mean of an activation.
        weight: correlation with the number that the draw gives to all.
        linear: correlation with the one that it gives to arms like the NTK.
    """

    means: tuple[float, float, float]
    scatter: float
    weight: float
    linear: float = 0.0

    def of(self, activation: str) -> float:
        """The mean for an activation."""
        return self.means[SHOWN.index(activation)] if activation in SHOWN else float(np.mean(self.means))

    def deviation(self, common: tuple[float, float], own: float) -> float:
        """Deviation from the mean in a draw, from its two numbers and one of the arm's own."""
        rest = math.sqrt(1 - self.weight**2 - self.linear**2)
        return self.scatter * (self.weight * common[0] + self.linear * common[1] + rest * own)


RISKS: Mapping[Arm, Level] = {
    "joint": Level((-0.49, -0.77, -0.455), 0.193, 0.94),
    "ntk": Level((0.015, -0.10, 0.11), 0.085, 0.57, 0.82),
    "quadntk": Level((0.125, 0.45, 0.53), 0.071, 0.74),
    "no_r1_r3": Level((-0.07, -0.36, 0.05), 0.093, 0.78, 0.55),
    "r1_training": Level((-0.88, -1.12, -0.69), 0.200, 0.94),
    "r1_population": Level((-0.23, -0.44, -0.12), 0.121, 0.95),
    "random_directions": Level((0.68, 0.62, 0.64), 0.041, 0.63, 0.33),
    "permuted_labels": Level((0.84, 0.84, 1.06), 0.087, -0.40),
    "lazy": Level((0.014, -0.08, 0.10), 0.083, 0.57, 0.81),
    "unregularised": Level((0.0, -0.3, 0.1), 0.1, 0.78, 0.55),
}
FALLS: Mapping[Arm, tuple[float, float]] = {
    "joint": (0.35, 0.16),
    "r1_training": (0.42, 0.09),
    "r1_population": (0.085, 0.02),
    "no_r1_r3": (0.025, 0.004),
}
"""Mean and standard deviation of risk at half the steps / risk - 1; of the other arms within 0.02 of 0."""
CARRIED: Mapping[str, Level] = {
    "share": Level((-1.055, -0.924, -1.19), 0.249, -0.80),
    "quadratic": Level((-1.49, -1.40, -1.32), 0.395, -0.85),
    "movement": Level((-1.97, -2.23, -2.72), 0.143, -0.72),
    "constructed": Level((-1.76, -1.99, -2.33), 0.085, -0.29),
}
"""Of joint training: <f_Q, f_sp>, |f_Q|^2, and the movement of the kernel, in training and at the construction."""
LAZY = {"share": -11.5, "quadratic": -22.0, "movement": -11.4}
"""The same logarithms of the lazy network."""
ENERGY: Mapping[Arm, Level] = {
    "joint": Level((-1.07, -1.10, -1.41), 0.26, -0.5),
    "no_r1_r3": Level((2.68, 1.27, 3.03), 0.16, 0.0),
}
"""log(l1 x energy of f_L in medium directions / loss)."""
LOSS = 0.15
"""A typical regularised loss."""


def toward(truth: float, arm: Arm, rival: Arm, activation: str) -> float:
    """Mean log risk of an arm that has gone a share of the way to a rival's.

    A risk falls as a power of n, so its logarithm moves evenly with the exponent of the samples that the arm needs.
    """
    return (1 - truth) * RISKS[arm].of(activation) + truth * RISKS[rival].of(activation)


def draw_arm(
    arm: Arm,
    activation: str,
    draws: int,
    chance: Chance,
    name: Sequence[str | float],
    centres: Mapping[str, float] = MappingProxyType({}),
    l1: float = 1.0,
    candidates: int = 1,
    factor: float = 1.0,
) -> Numbers:
    """What a cell of trained models stores; of several candidates the last is chosen.

    Args:
        arm: of the cell.
        activation: of the cell.
        draws: their number.
        chance: of the world.
        name: of the draws, which all arms share.
        centres: means of logarithms in this world, by name; those of the records where left out.
        l1: weight of the chosen candidate.
        candidates: their number.
        factor: on the scatter of the risk.
    """
    levels = {"risk": RISKS[arm], **(CARRIED if arm != "ntk" else {})}
    levels["risk"] = replace(RISKS[arm], scatter=factor * RISKS[arm].scatter)
    middles = {key: level.of(activation) for key, level in levels.items()}
    middles |= LAZY if arm == "lazy" else {}
    middles |= centres
    (fall, spread), energy = FALLS.get(arm, (0.0, 0.005)), ENERGY.get(arm, ENERGY["joint"])
    rows = []
    for r in range(draws):
        common, drawn = (chance.normal(*name, r), chance.normal(*name, r, "linear")), chance.of(*name, r, arm)
        row = {
            key: math.exp(middles[key] + level.deviation(common, drawn.standard_normal()))
            for key, level in levels.items()
        }
        if arm != "ntk":
            left = max(fall + spread * drawn.standard_normal(), -0.1)
            medium = math.exp(energy.of(activation) + energy.deviation(common, drawn.standard_normal()))
            row |= {"risk_halfway": row["risk"] * (1 + left), "loss": LOSS, "medium": LOSS / l1 * medium}
            row |= {"loss_halfway": LOSS, "linear_share": 0.04, "gradient": 8e-3, "capacity": 15.0, "remainder": 0.02}
        rows.append(row)
    table = {key: [row[key] for row in rows] for key in rows[0]}
    return {"chosen": candidates - 1, "validation": [1.0] * candidates, **table}
