"""N3 and N4: how many samples joint training and the QuadNTK need, as d grows."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.training import Arm, Kind
from verify.claims.controls import shifted
from verify.claims.generalization.trained import (
    affordable,
    aligned,
    everywhere,
    grid_cells,
    repetitions,
    sample_table,
    some,
)
from verify.claims.hypotheses import differentiable, nonzero, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Claim, Control, Evidence, Predict
from verify.judging.rules import DecisionRule, Prediction
from verify.predictions.sample_counts import drifts, sample_scale
from verify.sizes.profile import Profile

SCATTER = 0.15
"""Standard deviation of log n* about the line, at most: 0.13 over 27 repetitions of the pilot. Single draws scatter by
0.1 (d = 64) to 0.2 (d = 16) in log(risk), and the local slope d log(risk)/d log(n) is near -1; repetitions average
several draws at small d."""
NAMES: dict[Arm, str] = {"joint": "exponent of n*(d), joint", "quadntk": "exponent of n*(d), QuadNTK"}
SUBJECTS: dict[Arm, tuple[Kind, str]] = {"joint": ("joint", "f_k + f_sp"), "quadntk": ("sparse", "f_sp alone")}


def _ks(p: Profile) -> tuple[int, ...]:
    return tuple(p.training.dimensions)


def _drifts(p: Profile) -> dict[str, float]:
    return drifts(affordable(p), p.k, p.training.dimensions[p.k])


def _rule(p: Profile, arm: Arm) -> DecisionRule:
    """Equivalence of the exponent to k.

    Margin: the sum of the absolute values of the known finite-size corrections on the grid of d
    (:func:`verify.predictions.sample_counts.drifts`): one factor log d, the budget ||W_Q||_{2,4}^4 at finite d, and
    for joint training n_k against d^k. Alternative: k + 1, the exponent of the NTK, one above.
    """
    known = _drifts(p)
    terms = [abs(known["log d"]), abs(known["||W_Q||^4"]), abs(known["n_k"]) if arm == "joint" else 0.0]
    count = sum(repetitions(p, activation) for activation in affordable(p))
    grid = tuple(float(d) for d in p.training.dimensions[p.k])
    return DecisionRule(NAMES[arm], "exponent", "within", sum(terms), 1.0, SCATTER, count, grid)


def _predict(arm: Arm) -> Predict:
    """The exponent k; the corrections that the margin holds are shown."""

    def predict(p: Profile) -> dict[str, Prediction]:
        corrections = {f"{name} (in the margin)": abs(value) for name, value in _drifts(p).items()}
        return {NAMES[arm]: Prediction(float(p.k), budget=corrections)}

    return predict


def _risk(p: Profile, arm: Arm) -> float:
    return p.training.joint_risk if arm == "joint" else p.training.sparse_risk


def _table(p: Profile, evidence: Evidence, arm: Arm) -> np.ndarray:
    """n*(d) / A, a row for each repetition."""
    return aligned(p, sample_table(p, evidence, arm, SUBJECTS[arm][0], _risk(p, arm)))


def _described(p: Profile, evidence: Evidence, arm: Arm) -> str:
    table, target = _table(p, evidence, arm), SUBJECTS[arm][1]
    middles = ", ".join(
        f"{np.nanmedian(column) / d**p.k:.2f}" if not np.isnan(column).all() else "-"
        for d, column in zip(p.training.dimensions[p.k], table.T, strict=True)
    )
    scales = ", ".join(f"{sample_scale(a, p.k):g} for {a}" for a in affordable(p))
    left_out = [a for a in p.activations if a not in affordable(p)]
    note = f" {', '.join(left_out)} would need too many samples (A > {p.training.largest_scale:g})." if left_out else ""
    return (
        f"Samples n* to reach risk {_risk(p, arm):g} on {target} (each part of energy 1), m = "
        f"{p.training.width[p.k]} d, {p.training.steps if arm == 'joint' else p.training.quadratic_steps} steps of "
        f"Adam, by log-log interpolation on the grid n/(A d^{p.k}) = "
        f"{', '.join(f'{r:g}' for r in p.training.ratios[p.k])}; A = {scales}. Medians of n*/(A d^{p.k}) at d = "
        f"{', '.join(map(str, p.training.dimensions[p.k]))}: {middles}. Censored (outside the grid, or risk still "
        f"moving by more than 15 %): {int(np.isnan(table).sum())} of {table.size}.{note}"
    )


def _figure(p: Profile, evidence: Evidence, ax: Any, arm: Arm) -> None:
    tables = sample_table(p, evidence, arm, SUBJECTS[arm][0], _risk(p, arm))
    grid = p.training.dimensions[p.k]
    for i, (activation, table) in enumerate(tables.items()):
        for j, row in enumerate(table):
            ax.loglog(grid, row, "o", color=SERIES[i], ms=5, mfc="none", label=plain(activation) if j == 0 else None)
    together = aligned(p, tables)
    first = float(np.nanmedian(together[:, 0])) if not np.isnan(together[:, 0]).all() else float(grid[0] ** p.k)
    power_guide(ax, grid, first, p.k, f"slope {p.k}")
    high = np.array(grid, dtype=float)
    ax.plot(high, first * (high / high[0]) ** (p.k + 1), ":", color=MUTED, lw=1.2, label=f"slope {p.k + 1}")
    grid_ticks(ax, grid)
    finish(ax, "dimension d", "n* / A")


def _hypotheses(dense: bool) -> tuple[Any, ...]:
    def smallest(p: Profile) -> int:
        return p.training.dimensions[p.k][0]

    needed = [everywhere(differentiable(2)), everywhere(smooth), some(affordable, "A_k small enough for the profile")]
    if dense:
        needed.append(everywhere(nonzero(1, lambda p: range(p.k), smallest)))
    return tuple(needed)


N3 = Claim(
    id="N3",
    title="Joint training: samples for dense plus sparse",
    statement=r"n^*_{\text{joint}}(d) = \Theta(d^{k})\ \text{up to}\ \log d, \qquad f^* = f_k + f_{\mathrm{sp}},\ "
    r"\deg f_{\mathrm{sp}} = k+1",
    source="abstract of arXiv:2206.03688 (improvement over both kernels alone); exponent: derived: docs/mathematics, "
    "section 6",
    why="The linear term works in the n_k ~ d^k good directions only, so d^k samples fix it. The quadratic term "
    "carries the sparse part at a budget ||W||_{2,4}^4 ~ d^(k-1), and its Rademacher complexity at that budget is "
    "||W||_{2,4}^2 sqrt(d/n) up to logarithms: small once n exceeds d^k. The NTK alone would need d^(k+1).",
    refuted_by="An exponent of n*(d) farther from k than the known finite-size corrections allow, such as the NTK's k "
    "+ 1.",
    equations=("quadratic-rademacher", "sample-units"),
    hypotheses=_hypotheses(dense=True),
    depends_on=("G5", "N5"),
    design=lambda p: grid_cells(p, "joint", "joint"),
    rules=lambda p: (_rule(p, "joint"),),
    predict=_predict("joint"),
    observe=lambda p, e: {NAMES["joint"]: _table(p, e, "joint")},
    controls=(Control("the exponent k + 1 of the NTK in place of k", predict=shifted(_predict("joint"), 1)),),
    describe=lambda p, e: _described(p, e, "joint"),
    figure=lambda p, e, ax: _figure(p, e, ax, "joint"),
    ks=_ks,
    activations="pooled",
)

N4 = Claim(
    id="N4",
    title="QuadNTK alone: samples for the sparse part",
    statement=r"n^*_{\mathrm{QuadNTK}}(d) = O(d^{k})\ \text{up to}\ \log d, \qquad f^* = f_{\mathrm{sp}},\ \deg = k+1",
    source="derived: docs/mathematics, section 6 (an upper bound; the exponent is reported as measured)",
    why="The construction W_Q expresses the sparse part at ||W||_{2,4}^4 ~ d^(k-1); the Rademacher bound of f_Q at "
    "that budget falls below any constant at n ~ d^k log d. A direction has d - 1 parameters, so fewer than order d "
    "samples cannot do at k = 1.",
    refuted_by="An exponent of n*(d) farther from k than the known finite-size corrections allow.",
    equations=("quadratic-rademacher", "sample-units"),
    hypotheses=_hypotheses(dense=False),
    depends_on=("G3", "N8"),
    design=lambda p: grid_cells(p, "quadntk", "sparse"),
    rules=lambda p: (_rule(p, "quadntk"),),
    predict=_predict("quadntk"),
    observe=lambda p, e: {NAMES["quadntk"]: _table(p, e, "quadntk")},
    controls=(Control("the exponent k + 1 of the NTK in place of k", predict=shifted(_predict("quadntk"), 1)),),
    describe=lambda p, e: _described(p, e, "quadntk"),
    figure=lambda p, e, ax: _figure(p, e, ax, "quadntk"),
    ks=_ks,
    activations="pooled",
)

CLAIMS = (N3, N4)
