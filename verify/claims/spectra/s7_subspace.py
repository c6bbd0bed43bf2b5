"""S7: the top eigenspace of the feature covariance is the span of the T Y."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from verify.claims.hypotheses import differentiable, nonzero, separated, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, power_guide
from verify.claims.spectra.s5_top_block import block_grid, block_modes
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Outcome
from verify.judging.rules import DecisionRule
from verify.predictions.finite_size import Modes
from verify.sizes.profile import Profile

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
        DecisionRule("exponent of the largest sine", "exponent", "within", EXPONENT_MARGIN, 0.5, noise, count, grid),
        DecisionRule("m times the sum of squared sines", "mean", "within", SINES_MARGIN, 1.0, 0.2, count),
    )


def _unweighted(theory: Modes, k: int) -> float:
    """The constant without the weight Lambda_l'/Lambda_l: of eigenfunctions against harmonics, not of displacements."""
    v, total = theory.eigenvalues, 0.0
    for i in range(k + 1):
        for j in range(k + 1, len(v)):
            total += 2 * theory.coupling(i, j) / (v[i] - v[j]) ** 2
    return float(total)


def _s7(
    p: Profile,
    evidence: Evidence,
    space: Literal["", "random_"] = "",
    exponent: float = -0.5,
    weighted: bool = True,
) -> Outcome:
    largest, squares = _sines(p, evidence, space)
    slope, constant = _rules(p)
    theory = block_modes(p)
    predicted = theory.sines(p.k) if weighted else _unweighted(theory, p.k)
    scaled = (squares * np.array(p.spectral.block_widths[p.k])).mean(axis=1)
    return Outcome(
        (
            slope.compare(slope.name, exponent, largest),
            constant.compare(constant.name, predicted, scaled, scale=predicted),
        ),
        f"Principal angles between the top n_{p.k} eigenvectors of the exact feature covariance and the closed form "
        f"span{{T Y : deg Y <= {p.k}}}, d = {theory.d}, m = {', '.join(map(str, p.spectral.block_widths[p.k]))}, "
        f"{p.spectral.block_replicates[p.k]} networks each.",
    )


def _s7_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
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
    hypotheses=(
        differentiable(1),
        smooth,
        nonzero(1, lambda p: range(p.k + 1), lambda p: p.spectral.block_dimension[p.k]),
        separated(lambda p: p.spectral.block_dimension[p.k]),
    ),
    depends_on=("S1", "S5"),
    design=lambda p: tuple(cell for row in block_grid(p) for cell in row),
    check=_s7,
    controls=(
        Control("random directions in place of the T Y", lambda p, e: _s7(p, e, space="random_")),
        Control("exponent -1 in place of -1/2", lambda p, e: _s7(p, e, exponent=-1.0)),
        Control("the norms of the T Y left out of the constant", lambda p, e: _s7(p, e, weighted=False)),
    ),
    figure=_s7_figure,
    rules=_rules,
    orders=lambda p: tuple(p.spectral.block_dimension),
)


CLAIMS = (S7,)
