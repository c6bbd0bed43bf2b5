"""What O1 to O4 share: the regularised loss and the way down it, activations that take turns, and their hypotheses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from verify.claims.descent import RADIUS, STEP, WAIT
from verify.claims.hypotheses import differentiable, every, nonzero, smooth
from verify.judging.claim import Evidence
from verify.running.experiment import Cell
from verify.sizes.profile import Profile

START = 0.3
"""Scale of the starts."""
TOLERANCE = 1e-3
"""epsilon, of the gradient. Losses start near 2, gradients near 1."""
DECREASE = TOLERANCE**1.5
"""Decrease asked of the noise, sqrt(epsilon^3 / rho) as in arXiv:1703.00887."""


def groups(p: Profile, count: int) -> tuple[tuple[str, int], ...]:
    """(activation, draws) when the activations take turns over ``count`` repetitions."""
    number = len(p.activations)
    return tuple((a, len(range(i, count, number))) for i, a in enumerate(p.activations) if i < count)


def problem(p: Profile, activation: str, d: int, draws: int) -> dict[str, Any]:
    """Fields of a cell on the regularised loss at the profile's ratios."""
    sizes = p.optimization
    return {
        "base_seed": p.base_seed,
        "activation": activation,
        "device": p.device,
        "d": d,
        "m": sizes.width_ratio[p.k] * d,
        "n": sizes.sample_ratio[p.k] * d**p.k,
        "k": p.k,
        "r4": sizes.r4[p.k],
        "draws": draws,
        "start": START,
        "tolerance": TOLERANCE,
        "radius": RADIUS,
        "wait": WAIT,
        "decrease": DECREASE,
        "steps": sizes.descent_steps,
        "step": STEP,
    }


def pooled(evidence: Evidence, cells: Sequence[Cell], name: str) -> np.ndarray:
    """A number of all draws, the cells one after the other."""
    return np.array([value for cell in cells for value in evidence[cell][name]])


def hypotheses(dimension: Callable[[Profile], int]) -> tuple[Callable[[Profile], None], ...]:
    """Asked of every activation at the claim's d: the constructions divide by these coefficients."""
    return (
        every(differentiable(2)),
        every(smooth),
        every(nonzero(1, lambda p: range(p.k + 1), dimension)),
        every(nonzero(2, lambda p: [p.k - 1], dimension)),
    )
