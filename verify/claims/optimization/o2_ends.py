"""O2: where independent starts end."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.optimization import IndependentStarts
from verify.claims.optimization.o1_descent import DECREASE, O1, groups, problem
from verify.claims.plotting import PREDICTED, SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Outcome
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

SPREAD_SCATTER, GAP_SCATTER = 0.8, 0.15
"""Of the logarithm of a spread, and of (loss - reference) / (loss + reference)."""


def _o2_cells(p: Profile, regularised: bool = True) -> tuple[IndependentStarts, ...]:
    d = p.optimization.start_dimension[p.k]
    return tuple(
        IndependentStarts(
            starts=p.optimization.starts,
            signs=16,
            regularised=regularised,
            **problem(p, activation, d, draws) | ({} if regularised else {"steps": 1000}),
        )
        for activation, draws in groups(p, p.optimization.start_replicates)
    )


def _o2_rules(p: Profile) -> tuple[DecisionRule, DecisionRule]:
    """Alternatives: a spread of six times m^{-1/2}, and a loss of 2.3 times the reference."""
    count = p.optimization.start_replicates
    return (
        DecisionRule("log of the spread in units of m^-1/2", "mean", "below", 0.0, 1.8, SPREAD_SCATTER, count),
        DecisionRule("(worst loss - reference) / their sum", "mean", "below", 0.0, 0.4, GAP_SCATTER, count),
    )


def _o2(p: Profile, evidence: Evidence, stuck: bool = False, free: bool = False) -> Outcome:
    """The spread may reach m^{-1/2}.

    The landscape argument makes a second-order stationary point global up to the terms of relative order m^{-1/2} that
    O3 measures.
    """
    rows = [evidence[cell] for cell in _o2_cells(p)]
    others = [evidence[cell] for cell in _o2_cells(p, regularised=False)]
    table = np.concatenate([np.array(row["ends"]) for row in rows])
    judged = np.concatenate([np.array(row["ends"]) for row in others]) if free else table
    known = np.array([t is not None for row in rows for ends in row["reached"] for t in ends]).reshape(table.shape)
    references = np.array([value for row in rows for value in row["reference"]])
    if not free:
        judged = np.where(known, judged, np.nan)
    if stuck:
        judged[:, 0] = [value for row in rows for value in row["zero"]]
    spreads = np.ptp(judged, axis=1) / judged.mean(axis=1)
    m = p.optimization.width_ratio[p.k] * p.optimization.start_dimension[p.k]
    bound = m**-0.5
    # Descent stops within DECREASE of a level, so smaller spreads are not known.
    logs = np.log(np.maximum(spreads, DECREASE) / bound)
    spread_rule, gap_rule = _o2_rules(p)
    worst = judged.max(axis=1)
    gaps = (worst - references) / (worst + references)
    whole = ~np.isnan(spreads)
    found = (
        f"Mean final loss {judged[whole].mean():.3f}, relative spread on a draw {spreads[whole].mean():.4f} on average "
        f"and {spreads[whole].max():.4f} at most"
        if whole.any()
        else "On every draw some run did not end"
    )
    zero = float(np.mean([value for row in rows for value in row["zero"]]))
    return Outcome(
        (
            spread_rule.compare(spread_rule.name, 0.0, logs.tolist()),
            gap_rule.compare(gap_rule.name, 0.0, gaps.tolist()),
        ),
        f"{judged.shape[1]} starts on each of {len(judged)} draws of network, data and target at d = "
        f"{p.optimization.start_dimension[p.k]}, m = {m}, k = {p.k}; perturbed descent as in O1. {found}, against "
        f"m^-1/2 = {bound:.3f}. Reference: the best of the constructions a W_L + b S W_Q, mean loss "
        f"{references.mean():.3f}; {zero:.3f} at W = 0. {int((~known).sum())} of {known.size} runs had not ended.",
    )


def _o2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    start = 0
    for i, cell in enumerate(_o2_cells(p)):
        row = evidence[cell]
        for ends, reference in zip(row["ends"], row["reference"], strict=True):
            ax.plot([reference] * len(ends), ends, "o", color=SERIES[i], ms=4, mfc="none")
        ax.plot([], [], "o", color=SERIES[i], ms=4, mfc="none", label=plain(cell.activation))
        start += cell.draws
    end = max(value for cell in _o2_cells(p) for value in evidence[cell]["reference"])
    ax.plot([0, end], [0, end], "-", color=PREDICTED, lw=0.8, label="equal")
    finish(ax, "loss of the best construction", "loss at the ends of the starts")


O2 = Claim(
    id="O2",
    title="Independent starts end at the same loss",
    statement=r"L(W_\infty) - \min L = O(m^{-1/2}) \text{ from every start}, \qquad "
    r"L(W_\infty) \le \min_{a,b,S} L(a\,W_L + b\,S W_Q)",
    source="abstract of arXiv:2206.03688 (descent on the regularised loss converges to a global minimizer); "
    "reference and margin derived: docs/mathematics, sections 4 and 5",
    why="At a point above the reference the loss has, on average over random signs, negative curvature along S W_Q "
    "or falls towards W_L, up to terms of order m^{-1/2}. So a second-order stationary point is global up to such "
    "terms, and all starts end at the same loss to that accuracy. They need not end at the same W, nor at equal "
    "losses: at finite width they differ in the third digit.",
    refuted_by="Final losses of starts on the same draw that differ by more than m^{-1/2} of their mean, or that lie "
    "above a construction that can be written down.",
    hypotheses=O1.hypotheses,
    depends_on=("O1", "O3", "G5"),
    design=lambda p: (*_o2_cells(p), *_o2_cells(p, regularised=False)),
    check=_o2,
    controls=(
        Control("one start left at W = 0, as at a saddle without noise", lambda p, e: _o2(p, e, stuck=True)),
        Control("descent on the data term alone, its ends judged by the full loss", lambda p, e: _o2(p, e, free=True)),
    ),
    figure=_o2_figure,
    rules=_o2_rules,
    orders=lambda p: tuple(p.optimization.start_dimension),
    activations="pooled",
)

CLAIMS = (O2,)
