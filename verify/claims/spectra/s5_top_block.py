"""S5: the spectrum of a network of finite width."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import numpy as np

import theory
from verify.claims.controls import WRONG, scaled, shifted
from verify.claims.hypotheses import differentiable, nonzero, separated, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, power_guide
from verify.claims.spectra.block_worlds import top_blocks
from verify.claims.spectra.blocks import block_grid, block_modes
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import Data, DecisionRule
from verify.sizes.profile import Profile

EXPONENT_MARGIN = 0.25
"""Absolute: half the distance to the other exponents that perturbation theory knows, 0 and -1. The relative correction
of the spread is O(1/m), some per cent at the smallest m, which moves a slope over a factor 4 by 0.04."""
SPREAD_MARGIN = 0.15
"""Relative: about half the distance to the factor 2^{1/2} that counting antisymmetric neurons twice would give. The
mean standard deviation of N(d,l) eigenvalues lies below the root of its mean square by about 1 %, and the O(1/m)
correction is some per cent at the smallest m."""
LIMIT_MARGIN = 0.015
"""Relative, on means extrapolated in 1/m. The shift at the smallest m is at most 6 % (erf(z + 1/2), degree 2, m = 256);
the fit leaves its square, 0.4 %."""


def split(values: np.ndarray, counts: list[int]) -> list[np.ndarray]:
    """Eigenvalues by degree, from sorted values and the multiplicities alone.

    Of all orders in which the degrees may follow each other, the one whose groups have the least squared deviation of
    the logarithm from their means.
    """
    logs = np.log(values)
    best, parts = np.inf, [values] * len(counts)
    for order in permutations(range(len(counts))):
        ends = np.cumsum([0, *(counts[degree] for degree in order)])
        cost = sum(float(((g := logs[a:b]) - g.mean()) @ (g - g.mean())) for a, b in pairwise(ends))
        if cost < best:
            best = cost
            found = {degree: values[ends[i] : ends[i + 1]] for i, degree in enumerate(order)}
            parts = [found[degree] for degree in range(len(counts))]
    return parts


def _statistics(p: Profile, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the eigenvalues of each degree, (degree, replicate, width)."""
    counts = [theory.multiplicity(p.spectral.block_dimension[p.k], degree) for degree in range(p.k + 1)]
    groups = [[split(np.array(evidence[cell]["values"]), counts) for cell in row] for row in block_grid(p)]
    means = [[[part.mean() for part in parts] for parts in row] for row in groups]
    spreads = [[[part.std() for part in parts] for parts in row] for row in groups]
    return np.moveaxis(np.array(means), -1, 0), np.moveaxis(np.array(spreads), -1, 0)


def _slope(p: Profile) -> str:
    return f"exponent of the spread in degree {p.k}"


def _size(p: Profile) -> str:
    return f"spread in degree {p.k} times m^1/2"


def _limit(degree: int) -> str:
    return f"Lambda_{degree}, m to infinity"


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    """Exponent and size of the spread in degree k, then the limits of all degrees <= k."""
    grid, count = tuple(float(m) for m in p.spectral.block_widths[p.k]), p.spectral.block_replicates[p.k]
    return (
        DecisionRule(_slope(p), "exponent", "within", EXPONENT_MARGIN, -0.5, 0.16, count, grid),
        DecisionRule(_size(p), "mean", "within", SPREAD_MARGIN, 0.45, 0.08, count, relative=True),
        *(
            DecisionRule(_limit(degree), "mean", "within", LIMIT_MARGIN, 0.1, 0.006, count, relative=True)
            for degree in range(p.k + 1)
        ),
    )


def _exponent(p: Profile) -> dict[str, float]:
    return {_slope(p): -0.5}


def _spread(p: Profile) -> dict[str, float]:
    return {_size(p): block_modes(p).spread(p.k)}


def _values(p: Profile) -> dict[str, float]:
    """Spread and limits, which are proportional to the eigenvalues."""
    values = block_modes(p).eigenvalues
    return _spread(p) | {_limit(degree): float(values[degree]) for degree in range(p.k + 1)}


def _observe(p: Profile, evidence: Evidence) -> dict[str, Data]:
    means, spreads = _statistics(p, evidence)
    size = (spreads[p.k] * np.sqrt(p.spectral.block_widths[p.k])).mean(axis=1)
    limits = {_limit(degree): _extrapolated(p, means[degree]) for degree in range(p.k + 1)}
    return {_slope(p): spreads[p.k], _size(p): size, **limits}


def _extrapolated(p: Profile, table: np.ndarray) -> list[float]:
    """Values at m = infinity of a quantity a + b/m, fitted to each replicate."""
    inverse = 1.0 / np.array(p.spectral.block_widths[p.k])
    centred = inverse - inverse.mean()
    slopes = table @ centred / (centred @ centred)
    return (table.mean(axis=1) - slopes * inverse.mean()).tolist()


def _describe(p: Profile, evidence: Evidence) -> str:
    d = p.spectral.block_dimension[p.k]
    return (
        f"Top n_{p.k} = {sum(theory.multiplicity(d, degree) for degree in range(p.k + 1))} eigenvalues of the exact "
        f"feature covariance, d = {d}, m = {', '.join(map(str, p.spectral.block_widths[p.k]))}, "
        f"{p.spectral.block_replicates[p.k]} networks each, told apart by multiplicity alone. Those of one degree "
        f"spread as m^-1/2 about their mean, by an amount that theory gives; the means are extrapolated in 1/m, the "
        f"order of the shift that second-order perturbation leaves."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    means, spreads = _statistics(p, evidence)
    law, widths = block_modes(p), p.spectral.block_widths[p.k]
    for degree in range(1, p.k + 1):
        for row in spreads[degree]:
            ax.loglog(widths, row, color=MUTED, lw=0.4, alpha=0.5)
        label = f"spread in degree {degree}"
        ax.loglog(widths, spreads[degree].mean(axis=0), "o", color=SERIES[degree - 1], ms=5, label=label)
        guide = "theory, slopes $-1/2$ and $-1$" if degree == 1 else None
        power_guide(ax, widths, law.spread(degree) / widths[0] ** 0.5, -0.5, guide)
    shift = np.abs(means[p.k].mean(axis=0) - law.eigenvalues[p.k])
    ax.loglog(widths, shift, "s", color=SERIES[3], ms=5, label=f"shift of the mean, degree {p.k}")
    power_guide(ax, widths, abs(law.shift(p.k)) / widths[0], -1.0)
    grid_ticks(ax, p.spectral.block_widths[p.k])
    finish(ax, "width m", "distance to $\\Lambda_\\ell$")


S5 = Claim(
    id="S5",
    title="Top block at finite width",
    statement=r"\lambda_i(\Sigma) \to \Lambda_{\ell(i)} \;(i \le n_k), \qquad "
    r"\Big[\tfrac{1}{N(d,\ell)}\sum_{\ell(i)=\ell}(\lambda_i-\bar\lambda)^2\Big]^{1/2} \sim "
    r"\Big[\tfrac{2V_{\ell\ell}}{m\,N(d,\ell)}\Big]^{1/2}",
    source="derived: verify.predictions.finite_size from docs/mathematics, sections 3 and 4",
    why="Restricted to the good directions the feature covariance is an average over m/2 independent neurons, so it "
    "fluctuates as m^{-1/2} around the infinite-width values; the variance of one neuron's term follows from the "
    "closed form of T Y. The mean of a degree moves only by O(1/m), through the other degrees.",
    refuted_by="An exponent of the spread away from -1/2, a spread that is not the predicted one, or an extrapolated "
    "mean away from Lambda_l, by more than the margins.",
    equations=(
        "block-moments",
        "width-fluctuations",
    ),
    hypotheses=(
        differentiable(1),
        smooth,
        nonzero(1, lambda p: range(p.k + 1), lambda p: p.spectral.block_dimension[p.k]),
        separated(lambda p: p.spectral.block_dimension[p.k]),
    ),
    depends_on=("S1",),
    design=lambda p: tuple(cell for row in block_grid(p) for cell in row),
    rules=_rules,
    predict=lambda p: _exponent(p) | _values(p),
    observe=_observe,
    controls=(
        Control(f"eigenvalues multiplied by {WRONG}", predict=scaled(_values, WRONG)),
        Control("exponent -1 in place of -1/2", predict=shifted(_exponent, -0.5)),
        # The spread is proportional to the inverse root of the number of independent neurons.
        Control("m independent neurons in place of m/2", predict=scaled(_spread, 0.5**0.5)),
    ),
    describe=_describe,
    figure=_figure,
    ks=lambda p: tuple(p.spectral.block_dimension),
    world=World(
        lambda p, truth, chance: top_blocks(p, truth, chance, block_grid(p)),
        unit="exponent of the fluctuations in m",
        theory=-0.5,
        rival=-1.0,
        rival_is="the order of the means",
    ),
    repetitions=("spectral.block_replicates",),
)


CLAIMS = (S5,)
