"""S8: the eigenvalues of the QuadNTK and their sum."""

from __future__ import annotations

from theory import ntk_eigenvalue
from verify.cells.spectral import TraceAndTail
from verify.claims.hypotheses import differentiable, learns, smooth
from verify.claims.spectra.s1_s2_eigenvalues import (
    WRONG,
    certified_eigenvalues,
    eigenvalue_cells,
    eigenvalue_comparisons,
    eigenvalue_explanation,
    eigenvalue_figure,
    monte_carlo_rules,
    trace_comparison,
)
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Outcome
from verify.sizes.profile import Profile


def _trace_cell(p: Profile) -> TraceAndTail:
    return TraceAndTail(
        activation=p.activation,
        d=p.spectral.dimension,
        max_degree=p.spectral.quadratic_trace_degree,
        order=p.spectral.quadratic_trace_order,
        kernel="QuadNTK",
    )


def _ntk(p: Profile) -> list[float]:
    """The eigenvalues of the other kernel: sigma' in place of sigma'' and one factor <x,x'> in place of two."""
    degrees, d = range(p.spectral.degrees + 1), p.spectral.dimension
    return [float(ntk_eigenvalue(p.sigma, degree, d).mid()) for degree in degrees]


def _s8(
    p: Profile, evidence: Evidence, factor: float = 1.0, linear: bool = False, omitted: int | None = None
) -> Outcome:
    formula = _ntk(p) if linear else certified_eigenvalues(p, evidence, "QuadNTK")
    predicted = [factor * value for value in formula]
    trace = trace_comparison(p, evidence, _trace_cell(p), omitted)
    return Outcome(
        (*eigenvalue_comparisons(p, evidence, "QuadNTK", predicted), trace),
        f"{eigenvalue_explanation(p, 'QuadNTK')} The sum of the certified eigenvalues up to degree "
        f"{p.spectral.quadratic_trace_degree}, with a bound of the rest that does not use the trace, encloses it.",
    )


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
    hypotheses=(
        differentiable(2),
        smooth,
        learns(lambda p: range(p.spectral.degrees + 1), lambda p: p.spectral.dimension, kernel="QuadNTK"),
    ),
    depends_on=("S1", "S2"),
    design=lambda p: (*eigenvalue_cells(p, "QuadNTK"), _trace_cell(p)),
    check=_s8,
    controls=(
        Control(f"every eigenvalue multiplied by {WRONG}", lambda p, e: _s8(p, e, factor=WRONG)),
        Control("the eigenvalues of the NTK", lambda p, e: _s8(p, e, linear=True)),
        Control("degree 2 left out of the sum", lambda p, e: _s8(p, e, omitted=2)),
    ),
    figure=lambda p, e, ax: eigenvalue_figure(p, e, ax, "QuadNTK"),
    rules=lambda p: monte_carlo_rules(p, "QuadNTK"),
)


CLAIMS = (S8,)
