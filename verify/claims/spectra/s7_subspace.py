"""S7: the top eigenspace of the feature covariance is the span of the T Y."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np

from verify.claims.controls import shifted
from verify.claims.hypotheses import differentiable, nonzero, separated, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, power_guide
from verify.claims.spectra.block_worlds import top_blocks
from verify.claims.spectra.blocks import block_grid, block_modes
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import Data, DecisionRule
from verify.sizes.profile import Profile

LARGEST, SQUARES = "exponent of the largest sine", "m times the sum of squared sines"
EXPONENT_MARGIN = 0.25
"""Absolute: half the distance to the other exponents that perturbation theory knows, 0 and -1. The largest sine
carries a relative correction of the order of its own square: 0.1 at most at the smallest m (erf(z + 1/2) at k = 2, sine
0.33 at m = 256), which moves a slope over a factor 4 by 0.07."""
SINES_MARGIN = 1 / 3
"""Relative: under half the distance to the nearest factor that a slip would make, 2. The sum of squares of one network
scatters by about 40 %, which leaves a 99 % half-width of 15 %; the correction of order 1/m is 10 % at the smallest
m."""


def _sines(p: Profile, evidence: Evidence, space: Literal["", "random_"] = "") -> tuple[np.ndarray, np.ndarray]:
    """The largest sine and the sum of squares, (replicate, width)."""
    grid = block_grid(p)
    largest = [[evidence[cell][f"{space}largest_sine"] for cell in row] for row in grid]
    squares = [[evidence[cell][f"{space}squared_sines"] for cell in row] for row in grid]
    return np.array(largest), np.array(squares)


def _rules(p: Profile) -> tuple[DecisionRule, DecisionRule]:
    grid, count = tuple(float(m) for m in p.spectral.block_widths[p.k]), p.spectral.block_replicates[p.k]
    noise = 0.18 if p.k == 1 else 0.16  # the largest of n_k sines scatters less the more there are
    return (
        DecisionRule(LARGEST, "exponent", "within", EXPONENT_MARGIN, 0.5, noise, count, grid),
        DecisionRule(SQUARES, "mean", "within", SINES_MARGIN, 1.0, 0.2, count, relative=True),
    )


def _predict(p: Profile) -> dict[str, float]:
    return {LARGEST: -0.5, SQUARES: block_modes(p).sines(p.k)}


def _observe(p: Profile, evidence: Evidence, space: Literal["", "random_"] = "") -> dict[str, Data]:
    """``space``: whose angles with the top eigenvectors."""
    largest, squares = _sines(p, evidence, space)
    return {LARGEST: largest, SQUARES: (squares * np.array(p.spectral.block_widths[p.k])).mean(axis=1)}


def _describe(p: Profile, evidence: Evidence) -> str:
    return (
        f"Principal angles between the top n_{p.k} eigenvectors of the exact feature covariance and the closed form "
        f"span{{T Y : deg Y <= {p.k}}}, d = {p.spectral.block_dimension[p.k]}, "
        f"m = {', '.join(map(str, p.spectral.block_widths[p.k]))}, {p.spectral.block_replicates[p.k]} networks each."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    widths = p.spectral.block_widths[p.k]
    largest, squares = _sines(p, evidence)
    for row in largest:
        ax.loglog(widths, row, color=MUTED, lw=0.4, alpha=0.5)
    ax.loglog(widths, np.exp(np.log(largest).mean(axis=0)), "o", color=SERIES[0], ms=5, label="largest sine")
    total = np.sqrt(squares.mean(axis=0))
    ax.loglog(widths, total, "s", color=SERIES[1], ms=5, label="root of the sum of squares")
    power_guide(ax, widths, (block_modes(p).sines(p.k) / widths[0]) ** 0.5, -0.5, "theory, slope $-1/2$")
    random, _ = _sines(p, evidence, "random_")
    ax.loglog(widths, random.mean(axis=0), "^", color=SERIES[3], ms=5, label="random directions")
    grid_ticks(ax, widths)
    finish(ax, "width m", "sine of principal angles")


S7 = Claim(
    id="S7",
    title="Good directions in closed form",
    statement=r"\theta_{\max}\big(\mathrm{eig}_{n_k}(\Sigma),\,\mathrm{span}\{TY : \deg Y \le k\}\big) = "
    r"\Theta(m^{-1/2}), \qquad \sum_i \sin^2\theta_i \sim \frac2m \sum_{\ell\le k<\ell'} "
    r"\frac{V_{\ell\ell'}}{(\Lambda_\ell-\Lambda_{\ell'})^2}\,\frac{\Lambda_{\ell'}}{\Lambda_\ell}",
    source="derived: verify.predictions.finite_size from docs/mathematics, sections 3 and 4 (Davis-Kahan)",
    why="In the basis of harmonics the covariance is diag(Lambda_l) plus an average over m/2 independent neurons of "
    "mean zero. Where the first n_k eigenvalues are those of degree <= k, a perturbation of size m^{-1/2} against a "
    "fixed gap turns the eigenspace by an angle of that order.",
    refuted_by="A largest angle that does not fall as m^{-1/2}, or a sum of squared sines away from the predicted one, "
    "by more than the margins.",
    equations=(
        "harmonic-displacement",
        "width-fluctuations",
    ),
    hypotheses=(
        differentiable(1),
        smooth,
        nonzero(1, lambda p: range(p.k + 1), lambda p: p.spectral.block_dimension[p.k]),
        separated(lambda p: p.spectral.block_dimension[p.k]),
    ),
    depends_on=("S1", "S5"),
    design=lambda p: tuple(cell for row in block_grid(p) for cell in row),
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control("random directions in place of the T Y", observe=partial(_observe, space="random_")),
        Control("exponent -1 in place of -1/2", predict=shifted(_predict, -0.5, LARGEST)),
        Control(
            "the norms of the T Y left out of the constant",
            predict=lambda p: {SQUARES: block_modes(p).sines(p.k, of="eigenfunctions")},
        ),
    ),
    describe=_describe,
    figure=_figure,
    ks=lambda p: tuple(p.spectral.block_dimension),
    world=World(
        lambda p, truth, chance: top_blocks(p, truth, chance, block_grid(p)),
        unit="exponent of the fluctuations in m",
        theory=-0.5,
        rival=0.0,
        rival_is="angles that no width makes smaller",
    ),
    repetitions=("spectral.block_replicates",),
)


CLAIMS = (S7,)
