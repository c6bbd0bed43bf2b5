"""S8: the eigenvalues of the QuadNTK and their sum."""

from __future__ import annotations

from verify.cells.spectral import TraceAndTail
from verify.claims.controls import WRONG, scaled
from verify.claims.hypotheses import differentiable, learns, smooth
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
from verify.judging.claim import Claim, Control
from verify.judging.rules import Prediction
from verify.sizes.profile import Profile


def _trace_cell(p: Profile) -> TraceAndTail:
    return TraceAndTail(
        activation=p.activation,
        d=p.spectral.dimension,
        max_degree=p.spectral.quadratic_trace_degree,
        order=p.spectral.quadratic_trace_order,
        kernel="QuadNTK",
    )


def _eigenvalues(p: Profile) -> dict[str, Prediction]:
    return eigenvalue_predictions(p, "QuadNTK")


S8 = Claim(
    id="S8",
    title="QuadNTK eigenvalues",
    statement=r"Q_\ell = \tfrac{d^2}{4}\left[B_\ell B_{\ell-1}\,\lambda_{\ell-2}(\sigma'')^2 + (A_\ell B_{\ell+1} + "
    r"B_\ell A_{\ell-1})\,\lambda_\ell(\sigma'')^2 + A_\ell A_{\ell+1}\,\lambda_{\ell+2}(\sigma'')^2\right], \qquad "
    r"\sum_\ell N(d,\ell)\,Q_\ell = \tfrac{d^2}{4}\,\mathbb{E}_{\tau_d}\!\left[\sigma''(\sqrt d\,t)^2\right]",
    source="derived: docs/mathematics, section 3; the kernel of arXiv:1910.01619",
    why="The quadratic term is linear in the matrices W_r W_r^T, with features sigma''(<w_r,x>) x x^T. Its kernel is "
    "<x,x'>^2 / 4 times a mean over neurons that has the eigenvalue lambda_j(sigma'')^2 on degree j; each factor "
    "<x,x'> moves a degree to its two neighbours.",
    refuted_by="A degree whose formula lies outside the quadrature error of the kernel's own integral, or further from "
    "the sampled kernel than chance and 4 % allow; a trace outside the partial sum and its certified tail.",
    equations=(
        "quadntk-eigenvalue",
        "trace",
    ),
    hypotheses=(
        differentiable(2),
        smooth,
        learns(lambda p: range(p.spectral.degrees + 1), lambda p: p.spectral.dimension, kernel="QuadNTK"),
    ),
    depends_on=("S1", "S2"),
    design=lambda p: (*eigenvalue_cells(p, "QuadNTK"), _trace_cell(p)),
    rules=lambda p: (*eigenvalue_rules(p, "QuadNTK"), trace_rule(_trace_cell(p))),
    predict=lambda p: {**_eigenvalues(p), **trace_prediction(_trace_cell(p))},
    observe=lambda p, evidence: {
        **eigenvalue_measurements(p, evidence, "QuadNTK"),
        **trace_measurement(evidence, _trace_cell(p)),
    },
    controls=(
        Control(f"every eigenvalue multiplied by {WRONG}", predict=scaled(_eigenvalues, WRONG)),
        Control(f"every eigenvalue multiplied by {CLOSE:.6f}", predict=scaled(_eigenvalues, CLOSE)),
        # The other kernel: sigma' in place of sigma'' and one factor <x,x'> in place of two.
        Control("the eigenvalues of the NTK", predict=lambda p: eigenvalue_predictions(p, "QuadNTK", formula="NTK")),
        Control(
            "degree 2 left out of the sum",
            observe=lambda p, evidence: trace_measurement(evidence, _trace_cell(p), omitted=2),
        ),
    ),
    describe=lambda p, evidence: (
        f"{eigenvalue_explanation(p, 'QuadNTK')} The sum of the certified eigenvalues up to degree "
        f"{p.spectral.quadratic_trace_degree}, with a bound of the rest that does not use the trace, encloses it."
    ),
    figure=lambda p, evidence, ax: eigenvalue_figure(p, evidence, ax, "QuadNTK"),
    world=kernel_world("QuadNTK", _trace_cell),
    repetitions=("spectral.blocks",),
)


CLAIMS = (S8,)
