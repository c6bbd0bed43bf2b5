"""S1 and S2: the eigenvalues of the NTK and their sum. S8 makes the same checks of the QuadNTK."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.spectral import TraceAndTail, read_ball
from verify.claims.controls import WRONG, scaled
from verify.claims.hypotheses import differentiable, learns, nonzero, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.claims.spectra.routes import (
    CLOSE,
    eigenvalue_cells,
    eigenvalue_explanation,
    eigenvalue_figure,
    eigenvalue_measurements,
    eigenvalue_predictions,
    eigenvalue_rules,
    kernel_world,
    trace_measurement,
    trace_prediction,
    trace_rule,
)
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.rules import Prediction
from verify.sizes.profile import Profile


def _eigenvalues(p: Profile) -> dict[str, Prediction]:
    return eigenvalue_predictions(p, "NTK")


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
    equations=("ntk-eigenvalue",),
    hypotheses=(
        differentiable(1),
        smooth,
        learns(lambda p: range(p.spectral.degrees + 1), lambda p: p.spectral.dimension),
    ),
    depends_on=(),
    design=lambda p: eigenvalue_cells(p, "NTK"),
    rules=lambda p: eigenvalue_rules(p, "NTK"),
    predict=_eigenvalues,
    observe=lambda p, evidence: eigenvalue_measurements(p, evidence, "NTK"),
    controls=(
        Control(f"every eigenvalue multiplied by {WRONG}", predict=scaled(_eigenvalues, WRONG)),
        Control(f"every eigenvalue multiplied by {CLOSE:.6f}", predict=scaled(_eigenvalues, CLOSE)),
    ),
    describe=lambda p, evidence: eigenvalue_explanation(p, "NTK"),
    figure=lambda p, evidence, ax: eigenvalue_figure(p, evidence, ax, "NTK"),
    world=kernel_world("NTK"),
    repetitions=("spectral.blocks",),
)


def _trace_cell(p: Profile) -> TraceAndTail:
    sizes = p.spectral
    return TraceAndTail(
        activation=p.activation, d=sizes.dimension, max_degree=sizes.trace_degree, order=sizes.trace_order
    )


def _described(p: Profile, evidence: Evidence) -> str:
    tail = read_ball(evidence[_trace_cell(p)]["tail_bound"])[2]
    return (
        f"Certified eigenvalues at d = {p.spectral.dimension} summed with multiplicity. The remaining degrees are "
        f"bounded by {tail:.2g} through derivative {p.spectral.trace_order + 1} of the activation, without using the "
        f"trace."
    )


def _trace_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    numbers = evidence[_trace_cell(p)]
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
    equations=(
        "trace",
        "tail-bound",
    ),
    hypotheses=(differentiable(1), smooth, nonzero(1, lambda p: [0], lambda p: p.spectral.dimension)),
    depends_on=("S1",),
    design=lambda p: (_trace_cell(p),),
    rules=lambda p: (trace_rule(_trace_cell(p)),),
    predict=lambda p: trace_prediction(_trace_cell(p)),
    observe=lambda p, evidence: trace_measurement(evidence, _trace_cell(p)),
    controls=(
        Control(
            "degree 1 left out of the sum",
            observe=lambda p, evidence: trace_measurement(evidence, _trace_cell(p), omitted=1),
        ),
    ),
    describe=_described,
    figure=_trace_figure,
)


CLAIMS = (S1, S2)
