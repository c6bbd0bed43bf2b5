"""S1 and S2: the eigenvalues of the NTK and their sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.spectral import (
    CertifiedEigenvalues,
    KernelMonteCarlo,
    KernelQuadrature,
    TraceAndTail,
    read_ball,
)
from verify.claim import Claim, Evidence
from verify.claims.hypotheses import differentiable, learns, nonzero, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.outcome import Comparison, Interval, Outcome
from verify.profile import Profile
from verify.statistics import normal_interval, sampling

WRONG = 1.1
"""The wrong factor that controls plant."""


def eigenvalue_cell(profile: Profile, d: int, max_degree: int) -> CertifiedEigenvalues:
    """Certified eigenvalues of the profile's activation."""
    return CertifiedEigenvalues(activation=profile.activation, d=d, max_degree=max_degree)


QUADRATURE_MARGIN = 1e-6
"""Relative. Rounding is 10^-13 of the largest eigenvalue, so eigenvalues down to 10^-7 of it can be told apart."""
MONTE_CARLO_DEGREES = 2
MONTE_CARLO_MARGIN = 0.03
"""Relative: above the 99 % half-widths, 0.2 to 2.5 % with 400 blocks for the activations of the documentation."""


def _s1_cells(p: Profile) -> tuple[CertifiedEigenvalues, KernelQuadrature, KernelMonteCarlo]:
    common = {"activation": p.activation, "d": p.spectral_dimension}
    return (
        eigenvalue_cell(p, p.spectral_dimension, p.spectral_degrees),
        KernelQuadrature(**common, max_degree=p.spectral_degrees, points=p.quadrature_points),
        KernelMonteCarlo(**common, max_degree=MONTE_CARLO_DEGREES, blocks=p.blocks, base_seed=p.base_seed),
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
        measured = normal_interval(monte_carlo["values"][degree], monte_carlo["stderrs"][degree])
        comparisons.append(
            Comparison(
                f"Lambda_{degree}, Monte Carlo",
                predicted[degree],
                measured,
                "within",
                MONTE_CARLO_MARGIN * abs(predicted[degree]),
                sampling(measured),
            )
        )
    return Outcome(
        tuple(comparisons),
        f"Eigenvalues of the kernel at d = {p.spectral_dimension}: from the formula with certified Funk-Hecke "
        f"coefficients; by a tensor Gauss rule on the kernel itself; and by sampling, {p.blocks} blocks of 256 points.",
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
    statement=r"\Lambda_\ell = \frac{d}{2\ell+d-2}"
    r"\left[\ell\,\lambda_{\ell-1}(\sigma')^2 + (\ell+d-2)\,\lambda_{\ell+1}(\sigma')^2\right]",
    source="derived: docs/mathematics, section 3",
    hypotheses=(
        differentiable(1),
        smooth,
        learns(lambda p: range(p.spectral_degrees + 1), lambda p: p.spectral_dimension),
    ),
    depends_on=(),
    design=_s1_cells,
    check=_s1,
    control=lambda p, e: _s1(p, e, WRONG),
    planted=f"every eigenvalue multiplied by {WRONG}",
    figure=_s1_figure,
)


TRACE_MARGIN = 1e-2
"""Relative width allowed to the certified tail. The sum stops where the tail is still visible, so that too small a tail
bound is caught."""


def _s2_cell(p: Profile) -> TraceAndTail:
    return TraceAndTail(activation=p.activation, d=p.spectral_dimension, max_degree=p.trace_degree, order=p.trace_order)


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
        f"Certified eigenvalues at d = {p.spectral_dimension} summed with multiplicity. The remaining degrees are "
        f"bounded by "
        f"{tail:.2g} through derivative {p.trace_order + 1} of the activation, without using the trace.",
    )


def _s2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    numbers = evidence[_s2_cell(p)]
    trace = read_ball(numbers["trace"])[0]
    terms = np.array([read_ball(text)[0] for text in numbers["terms"]])
    missing = trace - np.cumsum(terms)
    visible = missing > 1e-15 * trace
    degrees = np.arange(len(terms))
    ax.semilogy(
        degrees,
        np.maximum(terms, 1e-18),
        "o-",
        color=SERIES[0],
        ms=4,
        lw=1,
        label="$N(d,\\ell)\\Lambda_\\ell$",
    )
    ax.semilogy(
        degrees[visible],
        missing[visible],
        "s--",
        color=SERIES[1],
        ms=4,
        lw=1,
        label="trace minus partial sum",
    )
    ax.axhline(read_ball(numbers["tail_bound"])[2], color=PREDICTED, lw=1, label="certified tail bound")
    finish(ax, "degree $\\ell$", "share of the trace")


S2 = Claim(
    id="S2",
    title="Trace identity",
    statement=r"\sum_{\ell \ge 0} N(d,\ell)\,\Lambda_\ell = d\,\mathbb{E}_{\tau_d}\!\left[\sigma'(\sqrt d\,t)^2\right]",
    source="derived: docs/mathematics, section 3; the tail bound in theory.ntk_tail_bound",
    hypotheses=(differentiable(1), smooth, nonzero(1, lambda p: [0], lambda p: p.spectral_dimension)),
    depends_on=("S1",),
    design=lambda p: (_s2_cell(p),),
    check=_s2,
    control=lambda p, e: _s2(p, e, omitted=1),
    planted="degree 1 left out of the sum",
    figure=_s2_figure,
)


CLAIMS = (S1, S2)
