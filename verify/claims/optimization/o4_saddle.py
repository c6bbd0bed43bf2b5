"""O4: the saddle of the QuadNTK at zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.landscape import QuadraticSaddle
from verify.claims.hypotheses import differentiable, every, nonzero, smooth
from verify.claims.optimization.o1_descent import RADIUS, TOLERANCE
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Comparison, Interval, Outcome
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

STILL, ESCAPE_STEPS, SADDLE_R4 = 20, 400, 3e-3
WRONG = 1.1
LANCZOS_MARGIN = 1e-4
"""Relative: Lanczos stops at a relative error of 1e-6; the residual is added to the interval."""


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
            steps=ESCAPE_STEPS,
            radius=RADIUS,
            tolerance=TOLERANCE,
        )
        for r in range(sizes.saddle_replicates)
    )


def _o4_rule(p: Profile) -> DecisionRule:
    """The alternative: a loss of three times the reference, as where nothing moves."""
    name, count = "(loss after perturbed descent - reference) / their sum", p.optimization.saddle_replicates
    return DecisionRule(name, "mean", "below", 0.0, 0.5, 0.2, count)


def _o4(
    p: Profile,
    evidence: Evidence,
    joint: bool = False,
    still: bool = False,
    block: str = "block",
    factor: float = 1.0,
) -> Outcome:
    rows = [evidence[cell] for cell in _o4_cells(p)]
    prefix = "joint_" if joint else ""
    # Where the ratio of the two numbers is farthest from 1.
    value, residual, predicted = max(
        ((*row["curvature"], factor * row[block]) for row in rows), key=lambda row: abs(row[0] / row[2] - 1)
    )
    rule = _o4_rule(p)
    after = [row["still_loss" if still else "left"] for row in rows]
    gaps = [(a - row["reference"]) / (a + row["reference"]) for a, row in zip(after, rows, strict=True)]
    means = {name: float(np.mean([row[name] for row in rows])) for name in ("zero", "left", "reference")}
    return Outcome(
        (
            Comparison(
                "|grad| at 0, largest",
                0.0,
                Interval.around(max(row[f"{prefix}gradient"] for row in rows), 0.0),
                "within",
                0.0,
            ),
            Comparison(
                f"distance after {STILL} unperturbed steps, largest",
                0.0,
                Interval.around(max(row[f"{prefix}moved"] for row in rows), 0.0),
                "within",
                0.0,
            ),
            Comparison(
                "lambda_min at 0 against the blocks, worst draw",
                predicted,
                Interval.around(value, residual),
                "within",
                LANCZOS_MARGIN * abs(predicted),
                (("residual", residual),),
            ),
            rule.compare(rule.name, 0.0, gaps),
        ),
        f"QuadNTK alone on alpha <beta,x>^{p.k + 1}, d = {p.optimization.saddle_dimension[p.k]}, {len(rows)} draws. "
        f"Mean loss {means['zero']:.3f} at 0, {means['left']:.3f} after {ESCAPE_STEPS} steps of perturbed descent, "
        f"{means['reference']:.3f} at the best b W_Q. lambda_min at 0 between "
        f"{min(row['curvature'][0] for row in rows):.3f} and {max(row['curvature'][0] for row in rows):.3f}.",
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
    hypotheses=(
        every(differentiable(2)),
        every(smooth),
        every(nonzero(2, lambda p: [p.k - 1], lambda p: p.optimization.saddle_dimension[p.k])),
    ),
    depends_on=("T1",),
    design=_o4_cells,
    check=_o4,
    controls=(
        Control("the joint model f_L + f_Q, for which 0 is not stationary", lambda p, e: _o4(p, e, joint=True)),
        Control("descent without noise", lambda p, e: _o4(p, e, still=True)),
        Control("blocks with sigma' in place of sigma''", lambda p, e: _o4(p, e, block="block_first")),
        Control(f"blocks multiplied by {WRONG}", lambda p, e: _o4(p, e, factor=WRONG)),
    ),
    figure=_o4_figure,
    rules=lambda p: (_o4_rule(p),),
    orders=lambda p: tuple(p.optimization.saddle_dimension),
    activations="pooled",
)

CLAIMS = (O4,)
