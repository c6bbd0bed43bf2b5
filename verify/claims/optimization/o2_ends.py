"""O2: where independent initialisations end."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.optimization import IndependentInitialisations
from verify.claims.optimization.descent import DECREASE, groups, hypotheses, pooled, problem
from verify.claims.plotting import PREDICTED, SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.rules import Data, DecisionRule
from verify.sizes.profile import Profile

SPREAD = "log of the spread in units of m^-1/2"
GAP = "(worst loss - reference) / their sum"
SPREAD_SCATTER, GAP_SCATTER = 0.8, 0.15
"""Of the logarithm of a spread, and of (loss - reference) / (loss + reference)."""


def _dimension(p: Profile) -> int:
    return p.optimization.initialisation_dimension[p.k]


def _width(p: Profile) -> int:
    return p.optimization.width_ratio[p.k] * _dimension(p)


def _o2_cells(p: Profile, **changes: Any) -> tuple[IndependentInitialisations, ...]:
    """By activation; ``changes`` are other fields than the claim's."""
    return tuple(
        IndependentInitialisations(
            **{"initialisations": p.optimization.initialisations, "signs": 16}
            | problem(p, activation, _dimension(p), draws)
            | changes
        )
        for activation, draws in groups(p, p.optimization.initialisation_replicates)
    )


def _free_cells(p: Profile) -> tuple[IndependentInitialisations, ...]:
    """Descent on the data term alone."""
    return _o2_cells(p, regularised=False, steps=1000)


def _o2_rules(p: Profile) -> tuple[DecisionRule, DecisionRule]:
    """Alternatives: a spread of six times m^{-1/2}, and a loss of 2.3 times the reference."""
    count = p.optimization.initialisation_replicates
    return (
        DecisionRule(SPREAD, "mean", "below", 0.0, 1.8, SPREAD_SCATTER, count, scale="log ratio"),
        DecisionRule(GAP, "mean", "below", 0.0, 0.4, GAP_SCATTER, count),
    )


def _o2_predicted(p: Profile) -> dict[str, float]:
    """The spread may reach m^{-1/2}.

    The landscape argument makes a second-order stationary point global up to the terms of relative order m^{-1/2} that
    O3 measures.
    """
    return {SPREAD: _width(p) ** -0.5, GAP: 0.0}


def _ends(p: Profile, evidence: Evidence) -> np.ndarray:
    """Final losses, (draws, initialisations); NaN where a run did not end."""
    cells = _o2_cells(p)
    ended = [[t is not None for t in row] for cell in cells for row in evidence[cell]["reached"]]
    return np.where(ended, pooled(evidence, cells, "ends"), np.nan)


def _with_one_stuck(p: Profile, evidence: Evidence) -> np.ndarray:
    losses = _ends(p, evidence)
    losses[:, 0] = pooled(evidence, _o2_cells(p), "zero")
    return losses


def _spreads(losses: np.ndarray) -> np.ndarray:
    """On each draw, relative to the mean."""
    return np.ptp(losses, axis=1) / losses.mean(axis=1)


def _compared(p: Profile, evidence: Evidence, losses: np.ndarray) -> dict[str, Data]:
    references, worst = pooled(evidence, _o2_cells(p), "reference"), losses.max(axis=1)
    # Descent stops within DECREASE of a level, so smaller spreads are not known.
    return {SPREAD: np.maximum(_spreads(losses), DECREASE), GAP: (worst - references) / (worst + references)}


def _o2_described(p: Profile, evidence: Evidence) -> str:
    losses = _ends(p, evidence)
    spreads = _spreads(losses)
    whole = ~np.isnan(spreads)
    found = (
        f"Mean final loss {losses[whole].mean():.3f}, relative spread on a draw {spreads[whole].mean():.4f} on average "
        f"and {spreads[whole].max():.4f} at most"
        if whole.any()
        else "On every draw some run did not end"
    )
    reference, zero = (pooled(evidence, _o2_cells(p), name).mean() for name in ("reference", "zero"))
    return (
        f"{losses.shape[1]} starts on each of {len(losses)} draws of network, data and target at d = {_dimension(p)}, "
        f"m = {_width(p)}, k = {p.k}; perturbed descent as in O1. {found}, against m^-1/2 = {_width(p) ** -0.5:.3f}. "
        f"Reference: the best of the constructions a W_L + b S W_Q, mean loss {reference:.3f}; {zero:.3f} at W = 0. "
        f"{int(np.isnan(losses).sum())} of {losses.size} runs had not ended."
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
    equations=("regularised-loss",),
    hypotheses=hypotheses(_dimension),
    depends_on=("O1", "O3", "G5"),
    design=lambda p: (*_o2_cells(p), *_free_cells(p)),
    rules=_o2_rules,
    predict=_o2_predicted,
    observe=lambda p, e: _compared(p, e, _ends(p, e)),
    controls=(
        Control(
            "one start left at W = 0, as at a saddle without noise",
            observe=lambda p, e: _compared(p, e, _with_one_stuck(p, e)),
        ),
        Control(
            "descent on the data term alone, its ends judged by the full loss",
            observe=lambda p, e: _compared(p, e, pooled(e, _free_cells(p), "ends")),
        ),
    ),
    describe=_o2_described,
    figure=_o2_figure,
    ks=lambda p: tuple(p.optimization.initialisation_dimension),
    activations="pooled",
)

CLAIMS = (O2,)
