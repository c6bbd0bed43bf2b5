"""S1..S5: the spectrum of the NTK."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from theory.sphere import cumulative_multiplicity, multiplicity
from verify.cells.spectral import (
    CertifiedEigenvalues,
    CertifiedLimits,
    KernelMonteCarlo,
    KernelQuadrature,
    TopBlock,
    TraceAndTail,
    read_ball,
)
from verify.claim import Claim, Evidence
from verify.claims.hypotheses import differentiable, learns, nonzero, smooth
from verify.claims.plotting import MUTED, PREDICTED, SERIES, finish, power_guide
from verify.experiment import Cell
from verify.outcome import Comparison, Interval, Outcome
from verify.profile import Profile
from verify.statistics import extrapolate, mean_interval, normal_interval, slope_interval

WRONG = 1.1
"""The wrong factor that several controls plant."""


def _eigenvalues(profile: Profile, d: int, max_degree: int) -> CertifiedEigenvalues:
    return CertifiedEigenvalues(activation=profile.activation, d=d, max_degree=max_degree)


# S1 ---------------------------------------------------------------------------------------------------------------

QUADRATURE_MARGIN = 1e-9
"""Relative. Double rounding through sums of 10^5 terms of size d, against eigenvalues down to 10^-4 d."""
MONTE_CARLO_DEGREES = 2
MONTE_CARLO_MARGIN = 0.05


def _s1_cells(p: Profile) -> tuple[CertifiedEigenvalues, KernelQuadrature, KernelMonteCarlo]:
    common = {"activation": p.activation, "d": p.spectral_dimension}
    return (
        _eigenvalues(p, p.spectral_dimension, p.spectral_degrees),
        KernelQuadrature(**common, max_degree=p.spectral_degrees, points=p.quadrature_points),
        KernelMonteCarlo(
            **common, max_degree=MONTE_CARLO_DEGREES, triples=p.triples, base_seed=p.base_seed
        ),
    )


def _s1(p: Profile, evidence: Evidence, factor: float = 1.0) -> Outcome:
    certified, quadrature, monte_carlo = (evidence[cell] for cell in _s1_cells(p))
    predicted = [factor * read_ball(text)[0] for text in certified["balls"]]
    largest = max(abs(v) for v in quadrature["values"])
    comparisons = []
    for degree, (fine, coarse) in enumerate(zip(quadrature["values"], quadrature["coarse"], strict=True)):
        error, rounding = abs(fine - coarse), 1e-13 * largest
        comparisons.append(
            Comparison(
                f"Lambda_{degree}, quadrature of K",
                predicted[degree],
                Interval.around(fine, error + rounding),
                "within",
                QUADRATURE_MARGIN * abs(predicted[degree]),
                (("quadrature", error), ("rounding", rounding)),
            )
        )
    for degree in range(MONTE_CARLO_DEGREES + 1):
        stderr = monte_carlo["stderrs"][degree]
        comparisons.append(
            Comparison(
                f"Lambda_{degree}, Monte Carlo",
                predicted[degree],
                normal_interval(monte_carlo["values"][degree], stderr),
                "within",
                MONTE_CARLO_MARGIN * abs(predicted[degree]),
                (("stderr", stderr),),
            )
        )
    return Outcome(
        tuple(comparisons),
        f"Eigenvalues of the kernel at d = {p.spectral_dimension}: from the formula with certified Funk-Hecke coefficients; by "
        f"a tensor Gauss rule on the kernel itself; and as means over {monte_carlo['samples']:,} independent triples.",
    )


def _s1_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    certified, quadrature, monte_carlo = (evidence[cell] for cell in _s1_cells(p))
    predicted = [read_ball(text)[0] for text in certified["balls"]]
    ax.semilogy(range(len(predicted)), predicted, "_", color=PREDICTED, ms=22, mew=1.6, label="formula")
    ax.semilogy(quadrature["values"], "o", color=SERIES[0], ms=6, mfc="none", label="quadrature of K")
    bars = 2.58 * np.array(monte_carlo["stderrs"])
    degrees = np.arange(len(bars)) + 0.15
    ax.errorbar(degrees, monte_carlo["values"], bars, fmt="s", color=SERIES[1], ms=4, label="Monte Carlo, 99 %")
    ax.set_xticks(range(len(predicted)))
    finish(ax, "degree $\\ell$", f"$\\Lambda_\\ell$ at d = {p.spectral_dimension}")


S1 = Claim(
    id="S1",
    title="NTK eigenvalues",
    statement=r"\Lambda_\ell = \frac{d}{2\ell+d-2}\left[\ell\,\lambda_{\ell-1}(\sigma')^2 + (\ell+d-2)\,\lambda_{\ell+1}(\sigma')^2\right]",
    source="derived: MATHEMATICS section 3",
    hypotheses=(differentiable(1), smooth, learns(lambda p: range(p.spectral_degrees + 1))),
    depends_on=(),
    design=_s1_cells,
    check=_s1,
    control=lambda p, e: _s1(p, e, WRONG),
    planted=f"every eigenvalue multiplied by {WRONG}",
    figure=_s1_figure,
)


# S2 ---------------------------------------------------------------------------------------------------------------

TRACE_MARGIN = 1e-3
"""Relative width allowed to the certified tail."""


def _s2_cell(p: Profile) -> TraceAndTail:
    return TraceAndTail(
        activation=p.activation, d=p.spectral_dimension, max_degree=p.trace_degree, order=p.trace_order
    )


def _s2(p: Profile, evidence: Evidence, omitted: int | None = None) -> Outcome:
    numbers = evidence[_s2_cell(p)]
    trace, _, _ = read_ball(numbers["trace"])
    middle, low, high = read_ball(numbers["partial"])
    missing = read_ball(numbers["terms"][omitted])[0] if omitted is not None else 0.0
    tail = read_ball(numbers["tail_bound"])[2]
    return Outcome(
        (
            Comparison(
                f"sum over degrees <= {p.trace_degree} plus tail",
                trace,
                Interval(middle - missing, low - missing, high - missing + tail),
                "encloses",
                TRACE_MARGIN * trace,
                (("tail bound", tail), ("ball radius", high - low)),
            ),
        ),
        f"Certified eigenvalues at d = {p.spectral_dimension} summed with multiplicity. The remaining degrees are bounded by "
        f"{tail:.2g} through derivative {p.trace_order + 1} of the activation, without using the trace.",
    )


def _s2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    numbers = evidence[_s2_cell(p)]
    trace = read_ball(numbers["trace"])[0]
    terms = np.array([read_ball(text)[0] for text in numbers["terms"]])
    missing = trace - np.cumsum(terms)
    visible = missing > 1e-15 * trace
    degrees = np.arange(len(terms))
    ax.semilogy(degrees, np.maximum(terms, 1e-18), "o-", color=SERIES[0], ms=4, lw=1, label="$N(d,\\ell)\\Lambda_\\ell$")
    ax.semilogy(degrees[visible], missing[visible], "s--", color=SERIES[1], ms=4, lw=1, label="trace minus partial sum")
    ax.axhline(read_ball(numbers["tail_bound"])[2], color=PREDICTED, lw=1, label="certified tail bound")
    finish(ax, "degree $\\ell$", "share of the trace")


S2 = Claim(
    id="S2",
    title="Trace identity",
    statement=r"\sum_{\ell \ge 0} N(d,\ell)\,\Lambda_\ell = d\,\mathbb{E}_{\tau_d}\!\left[\sigma'(\sqrt d\,t)^2\right]",
    source="derived: MATHEMATICS section 3; the tail bound in theory.ntk_tail_bound",
    hypotheses=(differentiable(1), smooth, nonzero(1, lambda p: [0])),
    depends_on=("S1",),
    design=lambda p: (_s2_cell(p),),
    check=_s2,
    control=lambda p, e: _s2(p, e, omitted=1),
    planted="degree 1 left out of the sum",
    figure=_s2_figure,
)


# S3 ---------------------------------------------------------------------------------------------------------------

LIMIT_MARGIN = 1e-6
"""Relative. Extrapolation at d ~ 10^5 leaves O(d^-2) ~ 10^-10 times a constant of order degree^4."""
LIMIT_DEGREES = 4


def _s3_cells(p: Profile) -> tuple[Cell, ...]:
    return (
        CertifiedLimits(activation=p.activation, max_degree=LIMIT_DEGREES),
        *(_eigenvalues(p, d, LIMIT_DEGREES) for d in p.limit_dimensions),
    )


def _scaled(p: Profile, evidence: Evidence, dimensions: tuple[int, ...], degree: int) -> list[float]:
    """d^{l-1} Lambda_l (Lambda_0 for l = 0) on a grid of dimensions."""
    values = []
    for d in dimensions:
        value = read_ball(evidence[_eigenvalues(p, d, LIMIT_DEGREES)]["balls"][degree])[0]
        values.append(value * float(d) ** max(degree - 1, 0))
    return values


def _s3(p: Profile, evidence: Evidence, planted: bool = False) -> Outcome:
    limits = evidence[_s3_cells(p)[0]]
    comparisons = []
    for degree in range(LIMIT_DEGREES + 1):
        predicted = read_ball(limits["balls"][degree])[0] / (degree if planted and degree else 1)
        measured = extrapolate(p.limit_dimensions, _scaled(p, evidence, p.limit_dimensions, degree))
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
        f"Certified eigenvalues at d = {', '.join(f'{d:,}' for d in p.limit_dimensions)}, extrapolated in 1/d, against Gaussian "
        f"integrals with certified tails. Closed forms of the limits: {closed}.",
    )


def _s3_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    limits = evidence[_s3_cells(p)[0]]
    for degree in range(LIMIT_DEGREES + 1):
        limit = read_ball(limits["balls"][degree])[0]
        values = np.array(_scaled(p, evidence, p.limit_dimensions, degree))
        gap = np.abs(values / limit - 1)
        ax.loglog(p.limit_dimensions, gap, "o-", color=SERIES[degree], ms=4, lw=1, label=f"$\\ell={degree}$")
    power_guide(ax, p.limit_dimensions, 1.5 * gap[0], -1.0, "slope $-1$")
    finish(ax, "d", "relative distance to the limit")


S3 = Claim(
    id="S3",
    title="Limiting constants",
    statement=r"\lim_{d\to\infty} d^{\ell-1}\Lambda_\ell = \ell!\,\mu_{\ell-1}(\sigma')^2 \;(\ell \ge 1), \qquad \lim_{d\to\infty}\Lambda_0 = \mu_1(\sigma')^2",
    source="derived: MATHEMATICS section 3; structure as in arXiv:2007.12826",
    hypotheses=(differentiable(1), nonzero(1, lambda p: range(LIMIT_DEGREES))),
    depends_on=("S1",),
    design=_s3_cells,
    check=_s3,
    control=lambda p, e: _s3(p, e, planted=True),
    planted="(l-1)! in place of l!",
    figure=_s3_figure,
)


# S4 ---------------------------------------------------------------------------------------------------------------

EXPONENT_MARGIN = 1e-3
"""Absolute. Slopes between d and 2d carry c/d + O(d^-2); after extrapolation O(degree^4 d^-2) is left."""
EXPONENT_DEGREES = (1, 2, 3, 4)


def _s4_cells(p: Profile) -> tuple[Cell, ...]:
    return tuple(_eigenvalues(p, d, LIMIT_DEGREES) for d in p.exponent_dimensions)


def _local_slopes(p: Profile, evidence: Evidence, degree: int) -> list[float]:
    values = [read_ball(evidence[cell]["balls"][degree])[0] for cell in _s4_cells(p)]
    return [math.log2(b / a) for a, b in zip(values, values[1:], strict=False)]


def _s4(p: Profile, evidence: Evidence, shift: int = 0) -> Outcome:
    comparisons = []
    for degree in EXPONENT_DEGREES:
        measured = extrapolate(p.exponent_dimensions[:-1], _local_slopes(p, evidence, degree))
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
        ax.loglog(p.exponent_dimensions, values, "o", color=SERIES[i], ms=4, label=f"$\\Lambda_{degree}$")
        power_guide(ax, p.exponent_dimensions, values[0], 1 - degree, "slope $-(\\ell-1)$" if i == 0 else None)
    finish(ax, "d", "eigenvalue")


S4 = Claim(
    id="S4",
    title="Decay exponents",
    statement=r"\Lambda_\ell = \Theta\!\left(d^{-(\ell-1)}\right) \text{ when } \mu_{\ell-1}(\sigma') \ne 0",
    source="derived: MATHEMATICS section 3; arXiv:2007.12826",
    hypotheses=(differentiable(1), nonzero(1, lambda p: [degree - 1 for degree in EXPONENT_DEGREES])),
    depends_on=("S1", "S3"),
    design=_s4_cells,
    check=_s4,
    control=lambda p, e: _s4(p, e, shift=1),
    planted="exponent -l in place of -(l-1)",
    figure=_s4_figure,
)


# S5 ---------------------------------------------------------------------------------------------------------------

BLOCK_EXPONENT_MARGIN = 0.1
"""Absolute. The spread inside the block carries a relative correction O(1/m), at most 0.03 on the exponent from m = 128."""
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
    balls = evidence[_eigenvalues(p, d, LIMIT_DEGREES)]["balls"]
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
            Comparison("exponent of the spread", -0.5, spread, "within", BLOCK_EXPONENT_MARGIN),
            Comparison("mean of the block, m to infinity", mean, limit, "within", BLOCK_LIMIT_MARGIN * mean),
        ),
        f"Top n_1 = {len(predicted)} eigenvalues of the exact feature covariance, d = {p.block_dimension}, m = "
        f"{', '.join(map(str, p.block_widths))}, {p.block_replicates} networks each. The fluctuation inside the block falls as "
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
    finish(ax, "width m", "distance to $\\Lambda_0, \\Lambda_1$")


S5 = Claim(
    id="S5",
    title="Top block at finite width",
    statement=r"\lambda_i(\Sigma) \to \Lambda_{\ell(i)} \;(i \le n_1), \qquad |\lambda_i(\Sigma) - \Lambda_{\ell(i)}| = \Theta(m^{-1/2})",
    source="derived: MATHEMATICS sections 3 and 4 (concentration of the feature covariance)",
    hypotheses=(differentiable(1), smooth, nonzero(1, lambda p: [0, 1])),
    depends_on=("S1",),
    design=lambda p: (
        _eigenvalues(p, p.block_dimension, LIMIT_DEGREES),
        *(cell for row in _s5_grid(p) for cell in row),
    ),
    check=_s5,
    control=lambda p, e: _s5(p, e, WRONG),
    planted=f"every predicted eigenvalue multiplied by {WRONG}",
    figure=_s5_figure,
)

CLAIMS = (S1, S2, S3, S4, S5)
