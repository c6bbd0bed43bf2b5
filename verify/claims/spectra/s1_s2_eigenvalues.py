"""S1 and S2: the eigenvalues of the NTK and their sum. S8 makes the same checks of the QuadNTK."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.cells.spectral import (
    CertifiedEigenvalues,
    KernelMonteCarlo,
    KernelName,
    KernelQuadrature,
    TraceAndTail,
    read_ball,
)
from verify.claims.hypotheses import differentiable, learns, nonzero, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.decision import DecisionRule
from verify.judging.outcome import Comparison, Interval, Outcome
from verify.sizes.profile import Profile

WRONG = 1.1
"""The wrong factor that controls plant."""

SYMBOL: dict[KernelName, str] = {"NTK": "Lambda", "QuadNTK": "Q"}


def eigenvalue_cell(profile: Profile, d: int, max_degree: int, kernel: KernelName = "NTK") -> CertifiedEigenvalues:
    """Certified eigenvalues of the profile's activation."""
    return CertifiedEigenvalues(activation=profile.activation, d=d, max_degree=max_degree, kernel=kernel)


QUADRATURE_MARGIN = 1e-6
"""Relative. Rounding is 10^-13 of the largest eigenvalue, so eigenvalues down to 10^-7 of it can be told apart."""
MONTE_CARLO_DEGREES = 2
MONTE_CARLO_MARGIN = 0.04
"""Relative: twice the 99 % half-width with 400 blocks, at most 1.8 % for the activations of the profiles and both
kernels. Every estimate is unbiased, so no other correction enters."""
MONTE_CARLO_NOISE = 0.007
"""Relative standard error with 400 blocks, at most."""


def monte_carlo_rules(p: Profile, kernel: KernelName) -> tuple[DecisionRule, ...]:
    """One rule per degree, relative."""
    noise = MONTE_CARLO_NOISE * math.sqrt(400 / p.spectral.blocks)
    return tuple(
        DecisionRule(
            f"{SYMBOL[kernel]}_{degree}, Monte Carlo", "normal mean", "within", MONTE_CARLO_MARGIN, 0.1, noise, 1
        )
        for degree in range(MONTE_CARLO_DEGREES + 1)
    )


def eigenvalue_cells(p: Profile, kernel: KernelName) -> tuple[CertifiedEigenvalues, KernelQuadrature, KernelMonteCarlo]:
    """The formula, the kernel by quadrature, the kernel by sampling."""
    d, degrees = p.spectral.dimension, p.spectral.degrees
    return (
        eigenvalue_cell(p, d, degrees, kernel),
        KernelQuadrature(
            activation=p.activation, d=d, max_degree=degrees, points=p.spectral.quadrature_points, kernel=kernel
        ),
        KernelMonteCarlo(
            activation=p.activation,
            d=d,
            max_degree=MONTE_CARLO_DEGREES,
            blocks=p.spectral.blocks,
            kernel=kernel,
            base_seed=p.base_seed,
        ),
    )


def certified_eigenvalues(p: Profile, evidence: Evidence, kernel: KernelName) -> list[float]:
    """The formula's values."""
    return [read_ball(text)[0] for text in evidence[eigenvalue_cells(p, kernel)[0]]["balls"]]


def eigenvalue_comparisons(
    p: Profile, evidence: Evidence, kernel: KernelName, predicted: Sequence[float]
) -> tuple[Comparison, ...]:
    """Predicted eigenvalues against quadrature, at every degree, and against Monte Carlo."""
    certified, quadrature, monte_carlo = (evidence[cell] for cell in eigenvalue_cells(p, kernel))
    radii = [(high - low) / 2 for _, low, high in map(read_ball, certified["balls"])]
    largest = max(abs(v) for v in quadrature["values"])
    comparisons = []
    for degree, (fine, coarse) in enumerate(zip(quadrature["values"], quadrature["coarse"], strict=True)):
        error, rounding = abs(fine - coarse), 1e-13 * largest
        comparisons.append(
            Comparison(
                f"{SYMBOL[kernel]}_{degree}, quadrature of K",
                predicted[degree],
                Interval.around(fine, error + rounding),
                "within",
                QUADRATURE_MARGIN * abs(predicted[degree]),
                (("quadrature", error), ("rounding", rounding)),
                radii[degree],
            )
        )
    for degree, rule in enumerate(monte_carlo_rules(p, kernel)):
        data = (monte_carlo["values"][degree], monte_carlo["stderrs"][degree])
        comparisons.append(
            rule.compare(rule.name, predicted[degree], data, scale=predicted[degree], uncertainty=radii[degree])
        )
    return tuple(comparisons)


def eigenvalue_explanation(p: Profile, kernel: KernelName) -> str:
    """How S1 and S8 measure."""
    return (
        f"Eigenvalues of the {kernel} at d = {p.spectral.dimension}: from the formula with certified Funk-Hecke "
        f"coefficients; by a tensor Gauss rule on the kernel itself; and by sampling the empirical kernel of random "
        f"networks, {p.spectral.blocks} blocks of 256 inputs, 256 inputs and 256 pairs of neurons."
    )


def eigenvalue_figure(p: Profile, evidence: Evidence, ax: Any, kernel: KernelName) -> None:
    """The three routes by degree."""
    _, quadrature, monte_carlo = (evidence[cell] for cell in eigenvalue_cells(p, kernel))
    predicted = certified_eigenvalues(p, evidence, kernel)
    ax.semilogy(range(len(predicted)), predicted, "_", color=PREDICTED, ms=22, mew=1.6, label="formula")
    ax.semilogy(quadrature["values"], "o", color=SERIES[0], ms=6, mfc="none", label="quadrature of K")
    bars = 2.58 * np.array(monte_carlo["stderrs"])
    degrees = np.arange(len(bars)) + 0.15
    ax.errorbar(degrees, monte_carlo["values"], bars, fmt="s", color=SERIES[1], ms=4, label="Monte Carlo, 99 %")
    ax.set_xticks(range(len(predicted)))
    symbol = "\\Lambda" if kernel == "NTK" else "Q"
    finish(ax, "degree $\\ell$", f"${symbol}_\\ell$ at d = {p.spectral.dimension}")


def _s1(p: Profile, evidence: Evidence, factor: float = 1.0) -> Outcome:
    predicted = [factor * value for value in certified_eigenvalues(p, evidence, "NTK")]
    return Outcome(eigenvalue_comparisons(p, evidence, "NTK", predicted), eigenvalue_explanation(p, "NTK"))


S1 = Claim(
    id="S1",
    title="NTK eigenvalues",
    statement=r"\Lambda_\ell = \frac{d}{2\ell+d-2}"
    r"\left[\ell\,\lambda_{\ell-1}(\sigma')^2 + (\ell+d-2)\,\lambda_{\ell+1}(\sigma')^2\right]",
    source="derived: docs/mathematics, section 3",
    why="The kernel depends on the angle between its inputs alone, so harmonics are its eigenfunctions. The mean over "
    "neurons has the eigenvalue lambda_j(sigma')^2 on degree j, and the factor <x,x'> moves each degree to its two "
    "neighbours.",
    refuted_by="A degree whose formula lies outside the quadrature error of the kernel's own integral, or further from "
    "the sampled kernel than chance and 4 % allow.",
    hypotheses=(
        differentiable(1),
        smooth,
        learns(lambda p: range(p.spectral.degrees + 1), lambda p: p.spectral.dimension),
    ),
    depends_on=(),
    design=lambda p: eigenvalue_cells(p, "NTK"),
    check=_s1,
    controls=(Control(f"every eigenvalue multiplied by {WRONG}", lambda p, e: _s1(p, e, WRONG)),),
    figure=lambda p, e, ax: eigenvalue_figure(p, e, ax, "NTK"),
    rules=lambda p: monte_carlo_rules(p, "NTK"),
)


TRACE_MARGIN = 2e-2
"""Relative width allowed to the certified tail. The sum stops where the tail is still visible, so that too small a tail
bound is caught."""


def trace_comparison(p: Profile, evidence: Evidence, cell: TraceAndTail, omitted: int | None = None) -> Comparison:
    """The partial sum and its tail against the trace; a degree may be left out."""
    numbers = evidence[cell]
    trace, least, most = read_ball(numbers["trace"])
    middle, low, high = read_ball(numbers["partial"])
    missing = read_ball(numbers["terms"][omitted])[0] if omitted is not None else 0.0
    tail = read_ball(numbers["tail_bound"])[2]
    known = math.isfinite(middle - missing)
    return Comparison(
        f"sum over degrees <= {cell.max_degree} plus tail",
        trace,
        Interval(middle - missing, low - missing, high - missing + tail) if known else Interval.unknown(math.nan),
        "encloses",
        TRACE_MARGIN * trace,
        (("tail bound", tail), ("ball radius", high - low)),
        (most - least) / 2,
    )


def _s2_cell(p: Profile) -> TraceAndTail:
    sizes = p.spectral
    return TraceAndTail(
        activation=p.activation, d=sizes.dimension, max_degree=sizes.trace_degree, order=sizes.trace_order
    )


def _s2(p: Profile, evidence: Evidence, omitted: int | None = None) -> Outcome:
    comparison = trace_comparison(p, evidence, _s2_cell(p), omitted)
    return Outcome(
        (comparison,),
        f"Certified eigenvalues at d = {p.spectral.dimension} summed with multiplicity. The remaining degrees are "
        f"bounded by {comparison.budget[0][1]:.2g} through derivative {p.spectral.trace_order + 1} of the activation, "
        f"without using the trace.",
    )


def _s2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    numbers = evidence[_s2_cell(p)]
    trace = read_ball(numbers["trace"])[0]
    terms = np.nan_to_num([read_ball(text)[0] for text in numbers["terms"]])  # a degree that is zero but for rounding
    missing = trace - np.cumsum(terms)
    visible = missing > 1e-15 * trace
    degrees = np.arange(len(terms))
    label = "$N(d,\\ell)\\Lambda_\\ell$"
    ax.semilogy(degrees, np.maximum(terms, 1e-18), "o-", color=SERIES[0], ms=4, lw=1, label=label)
    label = "trace minus partial sum"
    ax.semilogy(degrees[visible], missing[visible], "s--", color=SERIES[1], ms=4, lw=1, label=label)
    ax.axhline(read_ball(numbers["tail_bound"])[2], color=PREDICTED, lw=1, label="certified tail bound")
    finish(ax, "degree $\\ell$", "share of the trace")


S2 = Claim(
    id="S2",
    title="Trace identity",
    statement=r"\sum_{\ell \ge 0} N(d,\ell)\,\Lambda_\ell = d\,\mathbb{E}_{\tau_d}\!\left[\sigma'(\sqrt d\,t)^2\right]",
    source="derived: docs/mathematics, section 3; the tail bound in theory.ntk_tail_bound",
    why="The eigenvalues with their multiplicities sum to the mean of K(x,x), which is the same for every input on the "
    "sphere.",
    refuted_by="A trace outside the partial sum and its certified tail.",
    hypotheses=(differentiable(1), smooth, nonzero(1, lambda p: [0], lambda p: p.spectral.dimension)),
    depends_on=("S1",),
    design=lambda p: (_s2_cell(p),),
    check=_s2,
    controls=(Control("degree 1 left out of the sum", lambda p, e: _s2(p, e, omitted=1)),),
    figure=_s2_figure,
)


CLAIMS = (S1, S2)
