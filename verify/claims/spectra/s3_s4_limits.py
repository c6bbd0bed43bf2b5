"""S3 and S4: the eigenvalues as the dimension grows."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from verify.cells.spectral import (
    CertifiedLimits,
    read_ball,
)
from verify.claims.hypotheses import differentiable, settled
from verify.claims.plotting import SERIES, finish, grid_ticks, power_guide
from verify.claims.spectra.s1_s2_eigenvalues import WRONG, eigenvalue_cell
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Comparison, Interval, Outcome
from verify.judging.statistics import extrapolate
from verify.running.experiment import Cell
from verify.sizes.profile import Profile

LIMIT_MARGIN = 1e-6
"""Relative. Extrapolation at d ~ 10^5 leaves O(d^-2) ~ 10^-10 times a constant of order degree^4."""
LIMIT_DEGREES = 4


def _s3_cells(p: Profile) -> tuple[Cell, ...]:
    return (
        CertifiedLimits(activation=p.activation, max_degree=LIMIT_DEGREES),
        *(eigenvalue_cell(p, d, LIMIT_DEGREES) for d in p.spectral.limit_dimensions),
    )


def _scaled(p: Profile, evidence: Evidence, dimensions: tuple[int, ...], degree: int) -> list[float]:
    """d^{l-1} Lambda_l (Lambda_0 for l = 0) on a grid of dimensions."""
    values = []
    for d in dimensions:
        value = read_ball(evidence[eigenvalue_cell(p, d, LIMIT_DEGREES)]["balls"][degree])[0]
        values.append(value * float(d) ** max(degree - 1, 0))
    return values


def _s3(p: Profile, evidence: Evidence, planted: bool = False) -> Outcome:
    limits = evidence[_s3_cells(p)[0]]
    comparisons = []
    for degree in range(LIMIT_DEGREES + 1):
        predicted = read_ball(limits["balls"][degree])[0] * (WRONG if planted else 1.0)
        measured = extrapolate(p.spectral.limit_dimensions, _scaled(p, evidence, p.spectral.limit_dimensions, degree))
        label = f"lim d^{degree - 1} Lambda_{degree}" if degree else "lim Lambda_0"
        budget = (("extrapolation", measured.upper - measured.value),)
        margin = LIMIT_MARGIN * abs(predicted)
        comparisons.append(Comparison(label, predicted, measured, "within", margin, budget))
        if limits["symbolic_balls"]:
            value, low, high = read_ball(limits["symbolic_balls"][degree])
            comparisons.append(
                Comparison(f"{label}, symbolic", predicted, Interval(value, low, high), "within", margin)
            )
    closed = ", ".join(limits["symbolic"]) if limits["symbolic"] else "none for this activation"
    return Outcome(
        tuple(comparisons),
        f"Certified eigenvalues at d = {', '.join(f'{d:,}' for d in p.spectral.limit_dimensions)}, extrapolated in "
        f"1/d, against Gaussian integrals with certified tails. Closed forms of the limits: {closed}.",
    )


def _s3_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    limits = evidence[_s3_cells(p)[0]]
    for degree in range(LIMIT_DEGREES + 1):
        limit = read_ball(limits["balls"][degree])[0]
        values = np.array(_scaled(p, evidence, p.spectral.limit_dimensions, degree))
        gap = np.abs(values / limit - 1)
        ax.loglog(p.spectral.limit_dimensions, gap, "o-", color=SERIES[degree], ms=4, lw=1, label=f"$\\ell={degree}$")
    power_guide(ax, p.spectral.limit_dimensions, 1.5 * gap[0], -1.0, "slope $-1$")
    grid_ticks(ax, p.spectral.limit_dimensions)
    finish(ax, "d", "relative distance to the limit")


S3 = Claim(
    id="S3",
    title="Limiting constants",
    statement=r"\lim_{d\to\infty} d^{\ell-1}\Lambda_\ell = \ell!\,\mu_{\ell-1}(\sigma')^2 \;(\ell \ge 1), "
    r"\qquad \lim_{d\to\infty}\Lambda_0 = \mu_1(\sigma')^2",
    source="derived: docs/mathematics, section 3; structure as in arXiv:2007.12826",
    why="For large d the products <w,x> are nearly Gaussian, so Gegenbauer coefficients turn into Hermite ones: "
    "N(d,l)^{1/2} lambda_l tends to mu_l with an error of order 1/d. Of the two coefficients in Lambda_l the one of "
    "degree l-1 dominates.",
    refuted_by="A certified eigenvalue, scaled and extrapolated from d near 10^5, further than 10^-6 of the constant "
    "from the Gaussian integral.",
    hypotheses=(
        differentiable(1),
        settled(lambda p: range(LIMIT_DEGREES + 1), lambda p: p.spectral.limit_dimensions[-1]),
    ),
    depends_on=("S1",),
    design=_s3_cells,
    check=_s3,
    controls=(Control(f"every constant multiplied by {WRONG}", lambda p, e: _s3(p, e, planted=True)),),
    figure=_s3_figure,
)


EXPONENT_MARGIN = 1e-3
"""Absolute. Slopes between d and 2d carry c/d + O(d^-2); after extrapolation O(degree^4 d^-2) is left."""
EXPONENT_DEGREES = (1, 2, 3, 4)


def _s4_cells(p: Profile) -> tuple[Cell, ...]:
    return tuple(eigenvalue_cell(p, d, LIMIT_DEGREES) for d in p.spectral.exponent_dimensions)


def _local_slopes(p: Profile, evidence: Evidence, degree: int) -> list[float]:
    values = [read_ball(evidence[cell]["balls"][degree])[0] for cell in _s4_cells(p)]
    return [math.log2(b / a) for a, b in pairwise(values)]


def _s4(p: Profile, evidence: Evidence, shift: int = 0) -> Outcome:
    comparisons = []
    for degree in EXPONENT_DEGREES:
        measured = extrapolate(p.spectral.exponent_dimensions[:-1], _local_slopes(p, evidence, degree))
        comparisons.append(
            Comparison(
                f"exponent of Lambda_{degree}",
                float(1 - degree - shift),
                measured,
                "within",
                EXPONENT_MARGIN,
                (("extrapolation", measured.upper - measured.value),),
            )
        )
    return Outcome(
        tuple(comparisons),
        "Slopes of log2 Lambda_l between d and 2d from certified eigenvalues, extrapolated in 1/d.",
    )


def _s4_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, degree in enumerate(EXPONENT_DEGREES):
        values = [read_ball(evidence[cell]["balls"][degree])[0] for cell in _s4_cells(p)]
        ax.loglog(p.spectral.exponent_dimensions, values, "o", color=SERIES[i], ms=4, label=f"$\\Lambda_{degree}$")
        power_guide(ax, p.spectral.exponent_dimensions, values[0], 1 - degree, "slope $-(\\ell-1)$" if i == 0 else None)
    grid_ticks(ax, p.spectral.exponent_dimensions)
    finish(ax, "d", "eigenvalue")


S4 = Claim(
    id="S4",
    title="Decay exponents",
    statement=r"\Lambda_\ell = \Theta\!\left(d^{-(\ell-1)}\right) \text{ when } \mu_{\ell-1}(\sigma') \ne 0",
    source="derived: docs/mathematics, section 3; arXiv:2007.12826",
    why="N(d,l-1) grows as d^{l-1} while the energy of sigma' in degree l-1 stays constant, so lambda_{l-1}^2 falls as "
    "d^{-(l-1)}; the factor <x,x'> gives the degree-l eigenvalue the coefficient of degree l-1.",
    refuted_by="A local exponent, extrapolated in 1/d, further than 0.001 from -(l-1).",
    hypotheses=(differentiable(1), settled(lambda p: EXPONENT_DEGREES, lambda p: p.spectral.exponent_dimensions[-1])),
    depends_on=("S1", "S3"),
    design=_s4_cells,
    check=_s4,
    controls=(Control("exponent -l in place of -(l-1)", lambda p, e: _s4(p, e, shift=1)),),
    figure=_s4_figure,
)


CLAIMS = (S3, S4)
