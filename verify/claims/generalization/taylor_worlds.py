"""The Taylor model and Adam in other worlds: what the cells of N11 would store if risks differed by a factor.

Means and scatter are those of the records of the base seeds 100 to 103 at quick sizes (32 draws of each activation at
the smallest width, 20 at each).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from verify.cells.trained import TrainedModels
from verify.claims.generalization.risk_worlds import Level
from verify.judging.chance import Chance
from verify.running.experiment import Numbers

Kind = Literal["network", "taylor", "adam", "permuted"]
RISKS: Mapping[Kind, Level] = {
    "network": Level((-0.712, -0.926, -0.850), 0.200, 0.97),
    "taylor": Level((-0.826, -0.921, -0.742), 0.200, 0.90),
    "adam": Level((-0.706, -0.903, -0.878), 0.189, 0.96),
    "permuted": Level((0.833, 0.785, 0.975), 0.098, -0.17),
}
"""Of the Taylor model and of Adam less their mean difference from the network, -0.03 and 0.03."""
FALLS: Mapping[Kind, tuple[float, float]] = {
    "network": (0.058, 0.057),
    "taylor": (0.022, 0.029),
    "adam": (0.042, 0.031),
    "permuted": (-0.008, 0.019),
}
"""Mean and standard deviation of risk at half the steps / risk - 1."""
REMAINDER = Level((-2.62, -2.50, -4.00), 0.26, 0.0)
"""log of the mean square of f - f_L - f_Q at the smallest width."""
FALL = Level((-1.21, -0.70, -0.83), 0.12, 0.0)
"""Its exponent in m."""
STRETCHED = 1.5
"""What W times (m/m_0)^(1/4) adds to that exponent: a mean square of cubes."""


def trained_twin(cell: TrainedModels, kind: Kind, truth: float, widening: float, chance: Chance) -> Numbers:
    """What a cell of N11 stores.

    Args:
        cell: whose draws it has.
        kind: the network by descent, or what is compared with it on the same draws.
        truth: mean logarithm of the risk of the Taylor model, and of Adam, over the network's.
        widening: m over the smallest m.
        chance: of the world.
    """
    level, (fall, spread) = RISKS[kind], FALLS[kind]
    middle = level.of(cell.activation) + (truth if kind in ("taylor", "adam") else 0.0)
    table: dict[str, list[float]] = {name: [] for name in ("risk", "risk_halfway", "remainder", "stretched")}
    for r in range(cell.draws):
        name = ("twins", cell.activation, r)
        own = chance.of(*name, kind, cell.m).standard_normal(2)
        risk = math.exp(middle + level.deviation((chance.normal(*name, cell.m), 0.0), float(own[0])))
        start, power = chance.of(*name, "remainder").standard_normal(2)
        line = REMAINDER.of(cell.activation) + REMAINDER.deviation((0.0, 0.0), float(start))
        line += (FALL.of(cell.activation) + FALL.deviation((0.0, 0.0), float(power))) * math.log(widening)
        values = (risk, risk * (1 + max(fall + spread * float(own[1]), -0.14)), math.exp(line))
        for key, value in zip(table, (*values, math.exp(line) * widening**STRETCHED), strict=True):
            table[key].append(value)
    return {"chosen": 0, "validation": [], **table, "capacity": np.full(cell.draws, 15.0).tolist()}
