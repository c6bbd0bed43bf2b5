"""What the runs of A2 would hold if the penalty did less, or more, for the test loss.

Levels and scatter are those of two runs with each weight at d = 40, base seed 100, and of the two pilot runs that the
claim names: test losses with the penalty over without 0.86, 0.54, 0.61, 0.72, delays 0.51, 0.40, 0.36, 0.40.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from verify.cells.authors import RECORDS, AuthorsRun
from verify.judging.chance import Chance
from verify.running.experiment import Cell, Numbers

RATIO, DELAY = 0.14, (0.42, 0.06)
"""Scatter of the ratio of the test losses; mean and scatter of the delay in log_d t."""
TRAIN, PLATEAU, LEARNT = (0.44, 0.15), (0.775, 0.06), (0.28, 0.09)
"""Train loss and test loss at the plateau, and the share of the test loss that a run without penalty loses later, with
their scatter."""
HALF, SPEED = (1.41, 0.06), 0.15
"""log_d t of half the train loss without penalty, and the width of its fall."""
SLOW, FAST = 4.2, 1.4
"""Powers of the share of the train loss that has gone, as which the test loss goes: without penalty it follows late,
0.25 to 0.36 of it at three quarters, with it 0.6 to 0.7."""
OUTSIDE, HELD = 0.2, 0.01
"""R1 without penalty at the end; with it the share of that, while the train loss stays."""

WEAK = 0.008
"""What a weight that is too small does for the test loss at the end, relative: 0.004 and 0.011."""


def shapes(truth: float, chance: Chance, cells: Mapping[float, Sequence[AuthorsRun]]) -> dict[Cell, Numbers]:
    """A2: with the penalty the test loss ends at ``truth`` times that without; 1 where it does nothing.

    Runs with one seed and different weights have network, data and target in common, and so plateau, train loss and
    what they learn without penalty.

    Args:
        truth: ratio of the test losses.
        chance: of the world.
        cells: runs by weight, the same seeds at each; the largest weight is the penalty, the others are too small.
    """
    strong = max(cells)
    return {cell: _curves(truth, chance, cell, strong) for runs in cells.values() for cell in runs}


def _curves(truth: float, chance: Chance, cell: AuthorsRun, strong: float) -> Numbers:
    penalised = cell.training == strong
    steps = sorted({0} | {round(cell.steps ** (i / (RECORDS - 1))) for i in range(RECORDS)})
    x = np.log1p(np.array(steps, dtype=float)) / math.log(cell.d)
    drawn = chance.of("AuthorsRun", cell.d, cell.replicate).standard_normal(7)
    train, plateau = TRAIN[0] * math.exp(TRAIN[1] * drawn[0]), PLATEAU[0] * math.exp(PLATEAU[1] * drawn[1])
    learnt = float(np.clip(LEARNT[0] + LEARNT[1] * drawn[2], 0.08, 0.6))
    half, end, power = HALF[0] + HALF[1] * drawn[3], plateau * (1 - learnt), SLOW
    if penalised:
        half += DELAY[0] + DELAY[1] * drawn[4]
        end, power = end * max(truth + RATIO * drawn[5], 0.1), FAST
    elif cell.training:
        end, half = end * (1 - WEAK * abs(drawn[6])), half + WEAK / 20
    gone = 1 / (1 + np.exp(-(x - half) / SPEED))
    before = np.clip(1 - x / 0.75, 0, 1)
    outside = OUTSIDE * gone * (1 - 5 * WEAK * bool(cell.training))
    if penalised:
        outside = HELD * OUTSIDE * x / half * (1 - gone) ** 2
    return {
        "step": steps,
        "r1": (outside + 1e-7).tolist(),
        "train": ((train + 0.4 * before) * (1 - gone)).tolist(),
        "test": (plateau + 0.25 * before - (plateau - end) * gone**power).tolist(),
        "linear": (1 / 3 * (1 - before)).tolist(),
        "quadratic": (0.1 * gone).tolist(),
    }
