"""O4: the saddle of the QuadNTK at zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.landscape import QuadraticSaddle
from verify.claims.controls import NEAR, WRONG, scaled, shifted
from verify.claims.descent import RADIUS
from verify.claims.hypotheses import differentiable, every, nonzero, smooth
from verify.claims.optimization.descent import TOLERANCE
from verify.claims.optimization.worlds import saddles
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.outcome import Interval
from verify.judging.rules import DecisionRule, ExactRule, Measurement, Rule
from verify.sizes.profile import Profile

STILL, PERTURBED_STEPS, SADDLE_R4 = 20, 400, 3e-3
GRADIENT = "|grad| at 0, largest"
MOVED = f"distance after {STILL} unperturbed steps, largest"
LAMBDA_MIN = "lambda_min at 0 against the blocks, worst draw"
GAP = "(loss after perturbed descent - reference) / their sum"
LANCZOS_MARGIN = 1e-4
"""Of the ratio of both: Lanczos stops at a relative error of 1e-6; the residual is added to the interval."""


def _o4_cells(p: Profile) -> tuple[QuadraticSaddle, ...]:
    sizes = p.optimization
    d = sizes.saddle_dimension[p.k]
    return tuple(
        QuadraticSaddle(
            base_seed=p.base_seed,
            replicate=r,
            activation=p.activation_of(r),
            device=p.device,
            d=d,
            m=sizes.width_ratio[p.k] * d,
            n=sizes.sample_ratio[p.k] * d**p.k,
            k=p.k,
            r4=SADDLE_R4,
            still=STILL,
            steps=PERTURBED_STEPS,
            radius=RADIUS,
            tolerance=TOLERANCE,
        )
        for r in range(sizes.saddle_replicates)
    )


def _o4_rules(p: Profile) -> tuple[Rule, ...]:
    """The alternative: a loss of three times the reference, as where nothing moves."""
    return (
        ExactRule(GRADIENT, "within"),
        ExactRule(MOVED, "within"),
        ExactRule(LAMBDA_MIN, "within", LANCZOS_MARGIN),
        DecisionRule(GAP, "mean", "below", 0.0, 0.5, 0.2, p.optimization.saddle_replicates),
    )


def _o4_predicted(p: Profile) -> dict[str, float]:
    return {GRADIENT: 0.0, MOVED: 0.0, LAMBDA_MIN: 1.0, GAP: 0.0}


def _at_zero(p: Profile, evidence: Evidence, gradient: str, moved: str) -> dict[str, Interval]:
    """Gradient and distance of these names."""
    rows = [evidence[cell] for cell in _o4_cells(p)]
    return {
        name: Interval.around(max(row[source] for row in rows), 0.0)
        for name, source in ((GRADIENT, gradient), (MOVED, moved))
    }


def _curvature(p: Profile, evidence: Evidence, block: str) -> dict[str, Measurement]:
    """lambda_min in units of the blocks' least eigenvalue, where the ratio is farthest from 1."""
    rows = [evidence[cell] for cell in _o4_cells(p)]
    ratios = [(row["curvature"][0] / row[block], row["curvature"][1] / abs(row[block])) for row in rows]
    value, residual = max(ratios, key=lambda ratio: abs(ratio[0] - 1))
    return {LAMBDA_MIN: Measurement(Interval.around(value, residual), budget={"residual": residual})}


def _gaps(p: Profile, evidence: Evidence, after: str) -> dict[str, list[float]]:
    """Between the loss of this name and the reference."""
    rows = [evidence[cell] for cell in _o4_cells(p)]
    return {GAP: [(row[after] - row["reference"]) / (row[after] + row["reference"]) for row in rows]}


def _o4_described(p: Profile, evidence: Evidence) -> str:
    rows = [evidence[cell] for cell in _o4_cells(p)]
    zero, left, reference = (float(np.mean([row[name] for row in rows])) for name in ("zero", "left", "reference"))
    lowest = [row["curvature"][0] for row in rows]
    return (
        f"QuadNTK alone on alpha <beta,x>^{p.k + 1}, d = {p.optimization.saddle_dimension[p.k]}, {len(rows)} draws. "
        f"Mean loss {zero:.3f} at 0, {left:.3f} after {PERTURBED_STEPS} steps of perturbed descent, {reference:.3f} at "
        f"the best b W_Q. lambda_min at 0 between {min(lowest):.3f} and {max(lowest):.3f}."
    )


def _o4_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    names = {"zero": "at 0", "still_loss": "descent", "reference": "best $b\\,W_Q$", "left": "perturbed\ndescent"}
    for cell in _o4_cells(p):
        row = evidence[cell]
        color = SERIES[p.activations.index(cell.activation)]
        ax.semilogy(range(len(names)), [row[name] for name in names], "o-", color=color, ms=4, lw=0.7)
    ax.axhline(1.0, color=PREDICTED, lw=0.5)
    ax.set_xticks(range(len(names)), list(names.values()))
    finish(ax, "", "loss", legend=False)


O4 = Claim(
    id="O4",
    title="Saddle of the QuadNTK at zero",
    statement=r"\nabla L(0) = 0, \qquad \lambda_{\min}(\nabla^2 L(0)) = -\frac{2}{n\sqrt m}\max_r \Big\|\sum_i "
    r"y_i\,\sigma''(\langle w_r,x_i\rangle)\,x_i x_i^\top\Big\|_{op} < 0, \qquad L = \tfrac1n\sum_i (f_Q(x_i) - "
    r"y_i)^2 + l_4\|W\|_{2,4}^4",
    source="derived: docs/mathematics, section 5",
    why="f_Q is quadratic in W, so its gradient at 0 is zero and its Hessian acts on each neuron alone: the Hessian "
    "of the loss at 0 is block diagonal with blocks -2 a_r/(n sqrt m) sum_i y_i sigma'' x_i x_i^T, and R4 is of "
    "fourth order. Both signs a_r occur, so the least eigenvalue is minus the largest operator norm. Descent without "
    "noise cannot leave 0; noise grows along the negative directions.",
    refuted_by="A gradient at 0 that is not exactly zero, an eigenvalue that differs from that of the blocks, or a "
    "perturbed descent that stays above the construction W_Q.",
    equations=("regularised-loss",),
    hypotheses=(
        every(differentiable(2)),
        every(smooth),
        every(nonzero(2, lambda p: [p.k - 1], lambda p: p.optimization.saddle_dimension[p.k])),
    ),
    depends_on=("T1",),
    design=_o4_cells,
    rules=_o4_rules,
    predict=_o4_predicted,
    observe=lambda p, e: {**_at_zero(p, e, "gradient", "moved"), **_curvature(p, e, "block"), **_gaps(p, e, "left")},
    controls=(
        Control(
            "the joint model f_L + f_Q, for which 0 is not stationary",
            observe=lambda p, e: _at_zero(p, e, "joint_gradient", "joint_moved"),
        ),
        Control("descent without noise", observe=lambda p, e: _gaps(p, e, "still_loss")),
        Control("blocks with sigma' in place of sigma''", observe=lambda p, e: _curvature(p, e, "block_first")),
        Control(f"blocks multiplied by {WRONG}", predict=scaled(_o4_predicted, WRONG, LAMBDA_MIN)),
        Control(
            f"blocks multiplied by {1 + NEAR * LANCZOS_MARGIN:g}",
            predict=shifted(_o4_predicted, NEAR * LANCZOS_MARGIN, LAMBDA_MIN),
        ),
    ),
    describe=_o4_described,
    figure=_o4_figure,
    ks=lambda p: tuple(p.optimization.saddle_dimension),
    activations="pooled",
    world=World(
        lambda p, truth, chance: saddles(truth, chance, _o4_cells(p)),
        unit="loss after perturbed descent over the construction's",
        theory=0.25,
        rival=1.2,
        rival_is="an end above the construction by 20 %",
        two_sided=False,
    ),
    repetitions=("optimization.saddle_replicates",),
)

CLAIMS = (O4,)
