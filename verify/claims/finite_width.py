"""S5: the spectrum of a network of finite width."""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.sphere import cumulative_multiplicity, multiplicity
from verify.cells.spectral import (
    TopBlock,
    read_ball,
)
from verify.claim import Claim, Evidence
from verify.claims.hypotheses import differentiable, nonzero, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, power_guide
from verify.claims.spectral import WRONG, eigenvalue_cell
from verify.outcome import Comparison, Outcome
from verify.profile import Profile
from verify.statistics import mean_interval, sampling, slope_interval

BLOCK_DEGREES = 4
"""Degrees listed before the n_1 largest are taken; higher ones lie far below."""
BLOCK_EXPONENT_MARGIN = 0.1
"""Absolute. The spread inside the block carries a relative correction O(1/m), at most 0.03 on the exponent."""
BLOCK_LIMIT_MARGIN = 0.01
"""Relative, on the block's mean extrapolated in 1/m; the correction left is O(m^-2) ~ 10^-4 at m = 128."""


def _s5_grid(p: Profile) -> list[list[TopBlock]]:
    count = cumulative_multiplicity(p.block_dimension, 1)
    return [
        [
            TopBlock(
                activation=p.activation,
                d=p.block_dimension,
                m=m,
                count=count,
                replicate=replicate,
                base_seed=p.base_seed,
            )
            for m in p.block_widths
        ]
        for replicate in range(p.block_replicates)
    ]


def _s5_prediction(p: Profile, evidence: Evidence, factor: float = 1.0) -> np.ndarray:
    """The n_1 largest eigenvalues with multiplicity, descending."""
    d = p.block_dimension
    balls = evidence[eigenvalue_cell(p, d, BLOCK_DEGREES)]["balls"]
    values = [factor * read_ball(text)[0] for text in balls]
    spread = [v for degree, v in enumerate(values) for _ in range(multiplicity(d, degree))]
    return np.sort(spread)[::-1][: cumulative_multiplicity(d, 1)]


def _s5_measured(p: Profile, evidence: Evidence) -> np.ndarray:
    return np.array([[evidence[cell]["values"] for cell in row] for row in _s5_grid(p)])


def _s5_spread(deviation: np.ndarray) -> np.ndarray:
    """Root mean square inside the block about its mean, by replicate and width."""
    centred = deviation - deviation.mean(axis=-1, keepdims=True)
    return np.sqrt((centred**2).mean(axis=-1))


def _s5(p: Profile, evidence: Evidence, factor: float = 1.0) -> Outcome:
    predicted = _s5_prediction(p, evidence, factor)
    measured = _s5_measured(p, evidence)
    spread = slope_interval(p.block_widths, _s5_spread(measured - predicted).tolist())
    inverse = 1.0 / np.array(p.block_widths)
    centred = inverse - inverse.mean()
    means = measured.mean(axis=-1)
    slopes = means @ centred / (centred @ centred)
    limit = mean_interval((means.mean(axis=1) - slopes * inverse.mean()).tolist())
    mean = float(predicted.mean())
    return Outcome(
        (
            Comparison("exponent of the spread", -0.5, spread, "within", BLOCK_EXPONENT_MARGIN, sampling(spread)),
            Comparison(
                "mean of the block, m to infinity",
                mean,
                limit,
                "within",
                BLOCK_LIMIT_MARGIN * mean,
                sampling(limit),
            ),
        ),
        f"Top n_1 = {len(predicted)} eigenvalues of the exact feature covariance, d = {p.block_dimension}, m = "
        f"{', '.join(map(str, p.block_widths))}, {p.block_replicates} networks each. The fluctuation inside the "
        f"block falls as "
        f"m^-1/2; the block's common shift, second order in it, falls as 1/m and is extrapolated away.",
    )


def _s5_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    deviation = _s5_measured(p, evidence) - _s5_prediction(p, evidence)
    spread = _s5_spread(deviation)
    for row in spread:
        ax.loglog(p.block_widths, row, color=MUTED, lw=0.4, alpha=0.6)
    ax.loglog(p.block_widths, spread.mean(axis=0), "o-", color=SERIES[0], ms=5, label="spread inside the block")
    shift = np.abs(deviation.mean(axis=(0, 2)))
    ax.loglog(p.block_widths, shift, "s-", color=SERIES[1], ms=5, label="shift of its mean")
    power_guide(ax, p.block_widths, spread.mean(axis=0)[0], -0.5, "slopes $-1/2$ and $-1$")
    power_guide(ax, p.block_widths, shift[0], -1.0)
    grid_ticks(ax, p.block_widths)
    finish(ax, "width m", "distance to $\\Lambda_0, \\Lambda_1$")


S5 = Claim(
    id="S5",
    title="Top block at finite width",
    statement=r"\lambda_i(\Sigma) \to \Lambda_{\ell(i)} \;(i \le n_1), "
    r"\qquad |\lambda_i(\Sigma) - \Lambda_{\ell(i)}| = \Theta(m^{-1/2})",
    source="derived: docs/mathematics, sections 3 and 4 (concentration of the feature covariance)",
    hypotheses=(differentiable(1), smooth, nonzero(1, lambda p: [0, 1])),
    depends_on=("S1",),
    design=lambda p: (
        eigenvalue_cell(p, p.block_dimension, BLOCK_DEGREES),
        *(cell for row in _s5_grid(p) for cell in row),
    ),
    check=_s5,
    control=lambda p, e: _s5(p, e, WRONG),
    planted=f"every predicted eigenvalue multiplied by {WRONG}",
    figure=_s5_figure,
)


CLAIMS = (S5,)
