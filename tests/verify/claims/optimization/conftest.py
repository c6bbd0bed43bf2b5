"""Made-up numbers: everything as the claims say, and then one number wrong at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify.cells.landscape import SignCurvature
from verify.cells.optimization import Descent, IndependentInitialisations
from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Outcome
from verify.running.experiment import Cell
from verify.sizes.profile import QUICK, Profile

Judged = tuple[Profile, Evidence, Outcome]


def made_up(cell: Cell, rng: np.random.Generator) -> dict[str, Any]:
    """Numbers of a cell for which every claim holds and every control fails."""

    def near(value: float, spread: float, *shape: int) -> Any:
        return (value * np.exp(spread * rng.standard_normal(shape))).tolist()

    if isinstance(cell, Descent):
        n = cell.draws
        falls = [0.6] * n if cell.step < 1 else [-1.0] * n
        return {
            "fall": falls,
            "reached": [round(t) for t in near(80 * cell.d**0.5, 0.2, n)],
            "gradient": [5e-4] * n,
            "early": [0.1] * n,
            "curvature": [[1e-3, 1e-6]] * n,
            "start_curvature": [-0.3, 1e-6],
            "curve": [[0, 2.0], [1, 1.0]],
        }
    if isinstance(cell, IndependentInitialisations):
        levels = np.array(near(0.4, 0.5, cell.draws, 1))
        ends = levels * (1 + 0.01 * rng.random((cell.draws, cell.initialisations)))
        if not cell.regularised:
            ends = ends + 5
        return {
            "ends": ends.tolist(),
            "reached": [[100] * cell.initialisations] * cell.draws,
            "early": (4 * ends).tolist(),
            "network": (1.1 * ends).tolist(),
            "remainder": (0.1 * ends).tolist(),
            "lower": (0.92 * levels[:, 0]).tolist(),
            "heavier": (1.1 * levels[:, 0]).tolist(),
            "reference": (2 * levels[:, 0]).tolist(),
            "zero": (5 * levels[:, 0]).tolist(),
        }
    if isinstance(cell, SignCurvature):
        data = -np.array(near(5.0, 0.1, cell.draws))
        rest = np.array(near(2 * cell.m**-0.5, 0.1, cell.draws))
        exact = data * (1 - rest) + 0.01
        return {
            "exact": exact.tolist(),
            "data": data.tolist(),
            "capacity": [0.01] * cell.draws,
            "sampled": (exact * near(1.0, 0.01, cell.draws)).tolist(),
            "coherent": (-3 * exact * near(1.0, 0.1, cell.draws)).tolist(),
            "opposite": (-exact).tolist(),
            "loss": [2.0] * cell.draws,
            "reference": [0.5] * cell.draws,
        }
    left, reference = near(0.05, 0.1, 1)[0], near(0.25, 0.1, 1)[0]
    return {
        "gradient": 0.0,
        "moved": 0.0,
        "joint_gradient": 1.0,
        "joint_moved": 1.0,
        "curvature": [-0.2, 1e-9],
        "block": -0.2,
        "block_first": -0.25,
        "zero": 0.9,
        "still_loss": 0.9,
        "left": left,
        "reference": reference,
    }


@pytest.fixture
def judged() -> Callable[..., Judged]:
    """Judges a claim on made-up numbers.

    ``change`` alters the numbers of a cell; ``wrong`` replaces numbers by name, a function by its value at the old one.
    """

    def judge(
        claim: Claim, change: Callable[[Cell, dict[str, Any]], None] | None = None, **wrong: Any
    ) -> tuple[Profile, Evidence, Outcome]:
        [case] = claim.cases(QUICK)
        numbers, rng = {}, np.random.default_rng(0)
        for cell in claim.design(case.profile):
            row = numbers[cell] = made_up(cell, rng)
            for name, value in wrong.items():
                if name in row:
                    row[name] = value(row[name]) if callable(value) else value
            if change:
                change(cell, row)
        evidence = Evidence(numbers)
        return case.profile, evidence, claim.check(case.profile, evidence)

    return judge
