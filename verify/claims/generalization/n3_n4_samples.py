"""N3 and N4: how many samples joint training and the QuadNTK need, as d grows."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.search import censoring, shortfall
from verify.claims.activations import SETTLED, affordable, everywhere, some
from verify.claims.controls import shifted
from verify.claims.generalization.sample_curves import SampleCurves
from verify.claims.hypotheses import differentiable, nonzero, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import DecisionRule, Measurement, Prediction
from verify.predictions.sample_counts import sample_scale
from verify.sizes.profile import Profile

SCATTER = 0.15
"""Standard deviation of log n* of a repetition about the line, at most: 0.12 to 0.15 for single draws in the pilot."""
JOINT = SampleCurves("joint", "joint")
QUADRATIC = SampleCurves("quadntk", "sparse")
NAMES = {JOINT: "exponent of n*(d), joint", QUADRATIC: "exponent of n*(d), QuadNTK"}
APART = 1.015
"""Factor between the abscissae of two activations in the figure, so that their draws are told apart."""
KERNEL = "the NTK's n*(d), found by the same search on the same data"
WORDS = {JOINT: "f_k + f_sp", QUADRATIC: "f_sp alone"}


def _count(p: Profile, curves: SampleCurves) -> int:
    return curves.repetitions(p) * len(affordable(p))


def _joint_rule(p: Profile) -> DecisionRule:
    """The margin is what theory leaves open: half of log d, terms of order 1/d and of finite width."""
    grid = tuple(float(d) for d in JOINT.grid(p))
    radius = JOINT.drifts(p).radius()
    return DecisionRule(NAMES[JOINT], "exponent", "within", radius, 1.0, SCATTER, _count(p, JOINT), grid)


def _joint_predicted(p: Profile) -> dict[str, Prediction]:
    """k with the signed corrections of this grid of d."""
    found = JOINT.drifts(p)
    middle = found.middle(joint=True)
    budget = {
        "||W_Q||^4 (in the prediction)": abs(found.budget),
        "n_k (in the prediction)": abs(found.dimension),
        "log d, once or not at all (half of it in the margin)": found.logarithm,
        "order 1/d (in the margin)": found.order,
        "finite width (in the margin)": found.width,
    }
    return {NAMES[JOINT]: Prediction(p.k + middle, budget=budget)}


def _quadratic_rule(p: Profile) -> DecisionRule:
    """One side of the bound; the alternative is the exponent k + 1."""
    grid = tuple(float(d) for d in QUADRATIC.grid(p))
    return DecisionRule(NAMES[QUADRATIC], "exponent", "below", 0.0, 1.0, SCATTER, _count(p, QUADRATIC), grid)


def _quadratic_predicted(p: Profile) -> dict[str, Prediction]:
    """The largest exponent that the upper bound admits on this grid of d."""
    found = QUADRATIC.drifts(p)
    budget = {
        "||W_Q||^4 (signed)": abs(found.budget),
        "log d (in the bound)": found.logarithm,
        "order 1/d (in the bound)": found.order,
        "finite width (in the bound)": found.width,
    }
    return {NAMES[QUADRATIC]: Prediction(p.k + found.largest(), budget=budget)}


def _observed(p: Profile, evidence: Evidence, curves: SampleCurves) -> dict[str, Measurement]:
    return {NAMES[curves]: Measurement(curves.table(p, evidence), curves.errors(p, evidence))}


def _of_the_kernel(p: Profile, evidence: Evidence, curves: SampleCurves) -> dict[str, Measurement]:
    return {NAMES[curves]: Measurement(curves.table(p, evidence, "ntk"))}


def _middles(table: np.ndarray, powers: np.ndarray) -> str:
    columns = (table / powers).T
    return ", ".join(f"{np.nanmedian(c):.2f}" if not np.isnan(c).all() else "-" for c in columns)


def _described(p: Profile, evidence: Evidence, curves: SampleCurves) -> str:
    s, grid = p.training, curves.grid(p)
    table, kernel = curves.table(p, evidence), curves.table(p, evidence, "ntk")
    powers = np.array(grid, dtype=float) ** p.k
    ranges = "; ".join(
        f"{a}: A = {sample_scale(a, p.k):g}, n from {curves.cell(p, a, grid[0]).first}, up to "
        f"{curves.cell(p, a, grid[-1]).last} if need be"
        for a in affordable(p)
    )
    left_out = [a for a in p.activations if a not in affordable(p)]
    note = f" {', '.join(left_out)} would need too many samples (A > {s.largest_scale[p.k]:g})." if left_out else ""
    trained = "the network f itself on the regularised loss" if curves is JOINT else "f_Q with R4"
    steps = curves.cell(p, affordable(p)[0], grid[0]).steps
    return (
        f"Samples n* to reach risk {curves.level(p):g} on {WORDS[curves]} (each part of energy 1), d = "
        f"{', '.join(map(str, grid))}, m = {s.width[p.k]} d, {trained} by {steps} steps of gradient descent of length "
        f"1/L; n doubles until the risk is reached, then bisection ({ranges}). Medians of n*/d^{p.k}: "
        f"{_middles(table, powers)}; of the NTK at m = {s.kernel_width[p.k]} d on the same data: "
        f"{_middles(kernel, powers)}. Censored (risk not reached, or still moving by more than {SETTLED:.0%} in the "
        f"second half of the steps): {int(np.isnan(table).sum())} of {table.size}.{note}"
    )


def _obstacles(p: Profile, evidence: Evidence, curves: SampleCurves) -> tuple[str, ...]:
    """What would resolve censored observations."""
    found = []
    for (activation, d), cell in curves.cells(p).items():
        missing = int(np.isnan(curves.draws(p, evidence, activation, d)).sum())
        if not missing:
            continue
        numbers = evidence[cell]
        curves_of_draws = list(zip(numbers["samples"], numbers["risks"], strict=True))
        sentence = shortfall(curves_of_draws, cell.level, "training.largest_samples")
        if sentence:
            found.append(f"{activation}, d = {d}: {sentence}")
        short = sum(censoring(risks, cell.level) == "right" for _, risks in curves_of_draws)
        if missing > short:
            found.append(
                f"{activation}, d = {d}: {missing - short} of {cell.draws} draws had not settled; raise training.steps "
                f"to {2 * p.training.steps[p.k]}"
            )
    share = np.isnan(curves.table(p, evidence)).mean()
    return tuple(found) if share > 0.1 else ()


def _figure(p: Profile, evidence: Evidence, ax: Any, curves: SampleCurves) -> None:
    grid, chosen = np.array(curves.grid(p), dtype=float), affordable(p)
    for i, activation in enumerate(chosen):
        beside = APART ** (i - (len(chosen) - 1) / 2)
        rows = [curves.draws(p, evidence, activation, d) for d in curves.grid(p)]
        for d, row in zip(grid, rows, strict=True):
            ax.loglog([beside * d] * len(row), row, "o", color=SERIES[i], ms=4, mfc="none")
        middles = [np.exp(np.nanmean(np.log(row))) if not np.isnan(row).all() else np.nan for row in rows]
        ax.loglog(beside * grid, middles, "-", color=SERIES[i], lw=1.2, label=plain(activation))
    table, kernel = curves.table(p, evidence), curves.table(p, evidence, "ntk")
    if not np.isnan(kernel).all():
        ax.loglog(grid, np.exp(np.nanmean(np.log(kernel), axis=0)), "s-", color=MUTED, ms=5, lw=1.2, label="NTK")
    if not np.isnan(table[:, 0]).all():
        first = 0.5 * float(np.nanmedian(table[:, 0]))
        power_guide(ax, curves.grid(p), first, p.k, f"slope {p.k}")
        ax.plot(grid, first * (grid / grid[0]) ** (p.k + 1), ":", color=MUTED, lw=1.2, label=f"slope {p.k + 1}")
    grid_ticks(ax, curves.grid(p))
    finish(ax, "dimension d", "samples n*")


def _hypotheses(dense: bool) -> tuple[Any, ...]:
    def smallest(p: Profile) -> int:
        return p.training.dimensions[p.k][0]

    needed = [everywhere(differentiable(2)), everywhere(smooth), some(affordable, "A_k small enough for the profile")]
    if dense:
        needed.append(everywhere(nonzero(1, lambda p: range(p.k), smallest)))
    return tuple(needed)


def _ks(p: Profile) -> tuple[int, ...]:
    return tuple(p.training.dimensions)


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
    refuted_by="An exponent of n*(d) on this grid of d farther from k and its known corrections than what theory "
    "leaves open, such as that of the NTK's own n*(d).",
    equations=("quadratic-rademacher", "sample-units", "sample-drifts"),
    hypotheses=_hypotheses(dense=True),
    depends_on=("G5", "N5"),
    design=JOINT.design,
    rules=lambda p: (_joint_rule(p),),
    predict=_joint_predicted,
    observe=lambda p, e: _observed(p, e, JOINT),
    controls=(
        Control(KERNEL, observe=lambda p, e: _of_the_kernel(p, e, JOINT)),
        Control("the exponent k + 1 of the NTK in place of k", predict=shifted(_joint_predicted, 1)),
    ),
    describe=lambda p, e: _described(p, e, JOINT),
    figure=lambda p, e, ax: _figure(p, e, ax, JOINT),
    obstacles=lambda p, e: _obstacles(p, e, JOINT),
    world=World(JOINT.simulate, "exponent of n* in d at k = 1", 1.0, 2.0, "d^(k+1), as the NTK needs"),
    ks=_ks,
    activations="pooled",
    repetitions=("training.repetitions",),
)

N4 = Claim(
    id="N4",
    title="QuadNTK alone: samples for the sparse part",
    statement=r"n^*_{\mathrm{QuadNTK}}(d) = O(d^{k})\ \text{up to}\ \log d, \qquad f^* = f_{\mathrm{sp}},\ \deg = k+1",
    source="derived: docs/mathematics, section 6 (an upper bound)",
    why="The construction W_Q expresses the sparse part at ||W||_{2,4}^4 ~ d^(k-1); the Rademacher bound of f_Q at "
    "that budget falls below any constant at n ~ d^k log d.",
    refuted_by="An exponent of n*(d) on this grid of d above k with one factor log d and terms of order 1/d, such as "
    "that of the NTK's own n*(d).",
    equations=("quadratic-rademacher", "sample-units", "sample-drifts"),
    hypotheses=_hypotheses(dense=False),
    depends_on=("G3", "N8"),
    design=QUADRATIC.design,
    rules=lambda p: (_quadratic_rule(p),),
    predict=_quadratic_predicted,
    observe=lambda p, e: _observed(p, e, QUADRATIC),
    controls=(
        Control(KERNEL, observe=lambda p, e: _of_the_kernel(p, e, QUADRATIC)),
        Control("a bound with the exponent k - 1", predict=shifted(_quadratic_predicted, -1)),
    ),
    describe=lambda p, e: _described(p, e, QUADRATIC),
    figure=lambda p, e, ax: _figure(p, e, ax, QUADRATIC),
    obstacles=lambda p, e: _obstacles(p, e, QUADRATIC),
    world=World(
        QUADRATIC.simulate, "exponent of n* in d at k = 1", 1.0, 2.0, "d^(k+1), as the NTK needs", two_sided=False
    ),
    ks=_ks,
    activations="pooled",
    repetitions=("training.quadratic_repetitions",),
)

CLAIMS = (N3, N4)
