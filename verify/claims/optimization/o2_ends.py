"""O2: where independent initialisations end, against a certified bound of the global minimum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.cells.optimization import EARLY, IndependentInitialisations
from verify.claims.optimization.certificates import GAP, SOUND, enclosed, gaps, soundness
from verify.claims.optimization.descent import groups, hypotheses, pooled, problem
from verify.claims.plotting import PREDICTED, SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Interval
from verify.judging.rules import CENSORED, ExactRule, Measurement
from verify.sizes.profile import Profile

REFERENCE = "loss at the end / loss of the best construction, largest"
HEAVIER = 2.0
"""Factor of l4 in the planted bound: it exceeds the least loss found, as R4 has a larger share of it than the gap."""
Observed = dict[str, Measurement]


def _dimension(p: Profile) -> int:
    return p.optimization.initialisation_dimension[p.k]


def _width(p: Profile) -> int:
    return p.optimization.width_ratio[p.k] * _dimension(p)


def _o2_cells(p: Profile, **changes: Any) -> tuple[IndependentInitialisations, ...]:
    """By activation; ``changes`` are other fields than the claim's."""
    return tuple(
        IndependentInitialisations(
            **{"initialisations": p.optimization.initialisations, "signs": 16, "heavier": HEAVIER}
            | problem(p, activation, _dimension(p), draws)
            | changes
        )
        for activation, draws in groups(p, p.optimization.initialisation_replicates)
    )


def _free_cells(p: Profile) -> tuple[IndependentInitialisations, ...]:
    """Descent on the data term alone."""
    return _o2_cells(p, regularised=False, steps=1000)


def _ends(p: Profile, evidence: Evidence) -> np.ndarray:
    """Final losses, (draws, initialisations); NaN where a run did not end."""
    cells = _o2_cells(p)
    ended = [[t is not None for t in row] for cell in cells for row in evidence[cell]["reached"]]
    return np.where(ended, pooled(evidence, cells, "ends"), np.nan)


def _with_one_stuck(p: Profile, evidence: Evidence) -> np.ndarray:
    losses = _ends(p, evidence)
    losses[:, 0] = pooled(evidence, _o2_cells(p), "zero")
    return losses


def _largest(values: np.ndarray) -> Measurement:
    """The largest of the runs that ended; unknown where more than a tenth did not."""
    missing = np.isnan(values)
    if missing.sum() > CENSORED * missing.size:
        return Measurement(Interval.unknown(math.nan))
    found = enclosed(float(values[~missing].max()))
    lost = {"runs that did not end": float(missing.sum())} if missing.any() else {}
    return Measurement(found.data, budget={**found.budget, **lost})


def _compared(p: Profile, evidence: Evidence, losses: np.ndarray) -> Observed:
    """Every end against the bound, and against the best construction."""
    lower, reference = (pooled(evidence, _o2_cells(p), name) for name in ("lower", "reference"))
    return {GAP: _largest(gaps(losses, lower)), REFERENCE: _largest(losses / reference[:, None])}


def _sound(p: Profile, evidence: Evidence, bound: str = "lower") -> Observed:
    """The bound against every loss that was met, whether or not a run had ended there."""
    cells = _o2_cells(p)
    met = [pooled(evidence, cells, name) for name in ("ends", "early", "zero", "reference")]
    return soundness(pooled(evidence, cells, bound), np.column_stack(met))


def _observe(p: Profile, evidence: Evidence) -> Observed:
    return {**_compared(p, evidence, _ends(p, evidence)), **_sound(p, evidence)}


def _o2_described(p: Profile, evidence: Evidence) -> str:
    cells, losses = _o2_cells(p), _ends(p, evidence)
    lower, reference, zero = (pooled(evidence, cells, name) for name in ("lower", "reference", "zero"))
    network, remainder = (pooled(evidence, cells, name) for name in ("network", "remainder"))
    found, width = gaps(losses, lower), _width(p)
    told = "No run ended"
    if not np.isnan(found).all():
        worst = np.nanmax(found)
        told = (
            f"Mean final loss {np.nanmean(losses):.3f}, certified bound {lower.mean():.3f}: a relative gap of "
            f"{np.nanmean(found):.3f} on average and {worst:.3f} at most, {worst * width**0.5:.2f} m^-1/2"
        )
    return (
        f"{losses.shape[1]} starts on each of {len(losses)} draws of network, data and target at d = {_dimension(p)}, "
        f"m = {width}, k = {p.k}; perturbed descent as in O1, of the Taylor model. {told}. The bound is below the loss "
        f"at every displacement, rounding included (numerics.optimality_gap, multipliers of the relaxation). Best "
        f"construction a W_L + b S W_Q: mean loss {reference.mean():.3f}; {zero.mean():.3f} at W = 0. At the same ends "
        f"the network's own loss is {network.mean():.3f}, with a mean square of f - f_L - f_Q of "
        f"{remainder.mean():.4f}: no bound is known for it. {int(np.isnan(losses).sum())} of {losses.size} runs had "
        f"not ended."
    )


def _o2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    highest = 0.0
    for i, cell in enumerate(_o2_cells(p)):
        row = evidence[cell]
        for ends, lower in zip(row["ends"], row["lower"], strict=True):
            ax.plot([lower] * len(ends), ends, "o", color=SERIES[i], ms=4, mfc="none")
        ax.plot([], [], "o", color=SERIES[i], ms=4, mfc="none", label=plain(cell.activation))
        highest = max(highest, *row["lower"])
    line = np.array([0.0, highest])
    ax.plot(line, line, "-", color=PREDICTED, lw=0.8, label="certified bound")
    ax.plot(line, line / (1 - p.optimization.initialisation_gap), "--", color=PREDICTED, lw=0.8, label="admitted")
    finish(ax, "certified bound of the global minimum", "loss at the ends of the starts")


O2 = Claim(
    id="O2",
    title="Independent starts end near the certified global minimum",
    statement=r"D(g, s) \le \min_W L(W) \le L(W_\infty) \le \tfrac{1}{1 - \epsilon}\,D(g, s) \text{ from every start}, "
    r"\qquad L(W_\infty) \le \min_{a,b,S} L(a\,W_L + b\,S W_Q), \qquad L = L[f_L + f_Q]",
    source="abstract of arXiv:2206.03688 (descent on the regularised loss converges to a global minimizer); the bound "
    "is derived: docs/mathematics, section 7, the construction: section 4",
    why="At a point above the construction the loss has, on average over random signs, negative curvature along S W_Q "
    "or falls towards W_L, up to terms of order m^{-1/2}. So a second-order stationary point is global up to such "
    "terms; the dual bound of the relaxed loss certifies how far above the global minimum each end lies at most. Both "
    "the landscape's excess and the relaxation's are of order m^{-1/2}.",
    refuted_by="An end whose loss exceeds the certified bound by more than the profile's share, or that of a "
    "construction that can be written down, or a loss below the bound.",
    equations=("regularised-loss", "relaxed-loss", "dual-bound"),
    hypotheses=hypotheses(_dimension),
    depends_on=("O1", "O3", "G5"),
    design=lambda p: (*_o2_cells(p), *_free_cells(p)),
    rules=lambda p: tuple(ExactRule(name, "below") for name in (GAP, REFERENCE, SOUND)),
    predict=lambda p: {GAP: p.optimization.initialisation_gap, REFERENCE: 1.0, SOUND: 1.0},
    observe=_observe,
    controls=(
        Control(
            f"runs stopped after {EARLY} steps",
            observe=lambda p, e: _compared(p, e, pooled(e, _o2_cells(p), "early")),
        ),
        Control(
            "one start left at W = 0, as at a saddle without noise",
            observe=lambda p, e: _compared(p, e, _with_one_stuck(p, e)),
        ),
        Control(
            "descent on the data term alone, its ends judged by the full loss",
            observe=lambda p, e: _compared(p, e, pooled(e, _free_cells(p), "ends")),
        ),
        Control("the bound of a loss with twice the l4", observe=lambda p, e: _sound(p, e, "heavier")),
    ),
    describe=_o2_described,
    figure=_o2_figure,
    ks=lambda p: tuple(p.optimization.initialisation_dimension),
    activations="pooled",
)

CLAIMS = (O2,)
