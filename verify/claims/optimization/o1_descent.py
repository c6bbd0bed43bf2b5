"""O1: perturbed descent on the true regularised loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verify.cells.optimization import Descent
from verify.claims.hypotheses import differentiable, every, nonzero, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Comparison, Interval, Outcome
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

START, RADIUS, WAIT = 0.3, 1e-2, 100
"""Scale of the starts; the noise, and the steps it is given to bring a decrease."""
TOLERANCE = 1e-3
"""epsilon, of the gradient. Losses start near 2, gradients near 1."""
CURVATURE = math.sqrt(TOLERANCE)
"""delta = sqrt(rho epsilon) of a second-order stationary point (arXiv:1703.00887), rho = 1: 0.032. The starts have
lambda_min between -0.15 and -0.5. What the noise can see is about as fine: curvature -c makes it grow from RADIUS /
sqrt(m d) by (1 + c/L)^WAIT, enough for a decrease of DECREASE once c is about 0.03."""
DECREASE = TOLERANCE**1.5
"""Decrease asked of the noise, sqrt(epsilon^3 / rho) as in arXiv:1703.00887."""
STEP = 1 / 1.2
"""Step in units of 1/L with L as measured. Power iteration gives L from below by a few per cent, and it moves until
it is measured again; with a fifth on top it bounds the curvature of every step."""
FALL = 0.5
"""The descent lemma: a step 1/L' brings a fall of |grad|^2/L' times 1 - h/2, h the curvature along the gradient in
units of L'; at least 1/2 when L' bounds it."""
LONG = 4.0
"""Step of the control in units of 1/L: beyond 2/L the loss rises along the eigenvector of L."""
GROWTH = 2.0
"""Bound on the exponent of the time in d: a polynomial of low degree. The loss has L = O(1); its smallest curvature
comes from R4, 4 l4 |W_r|^2 ~ m^{-1/2}, so with m ~ d a time (L / curvature) log(1/epsilon) grows as d^{1/2}; 3/2 is
left for directions of which l4 and the data fix even less."""
TIME_SCATTER = 0.5
"""Standard deviation of log time, at most, within an activation; 0.4 in the pilot."""
LANCZOS = 1e-3
"""Relative tolerance of lambda_min. The Ritz value bounds it from above; the residual, reported and part of the
interval, says how near an eigenvalue is."""


def groups(p: Profile, count: int) -> tuple[tuple[str, int], ...]:
    """(activation, draws) when the activations take turns over ``count`` repetitions."""
    number = len(p.activations)
    return tuple((a, len(range(i, count, number))) for i, a in enumerate(p.activations) if i < count)


def problem(p: Profile, activation: str, d: int, draws: int) -> dict[str, Any]:
    """Fields of a cell on the regularised loss at the profile's ratios."""
    sizes = p.optimization
    return {
        "base_seed": p.base_seed,
        "activation": activation,
        "device": p.device,
        "d": d,
        "m": sizes.width_ratio[p.k] * d,
        "n": sizes.sample_ratio[p.k] * d**p.k,
        "k": p.k,
        "r4": sizes.r4[p.k],
        "draws": draws,
        "start": START,
        "tolerance": TOLERANCE,
        "radius": RADIUS,
        "wait": WAIT,
        "decrease": DECREASE,
        "steps": sizes.descent_steps,
        "step": STEP,
    }


def level(table: np.ndarray) -> np.ndarray:
    """An activation's rows divided by their geometric mean: a factor of its own does not touch a slope."""
    known = np.log(table[~np.isnan(table)])
    return table / math.exp(known.mean()) if known.size else table


def _o1_cells(p: Profile, long: bool = False) -> dict[tuple[str, int], Descent]:
    cells = {}
    for activation, draws in groups(p, p.optimization.descent_replicates):
        for d in p.optimization.descent_dimensions[p.k]:
            fields = problem(p, activation, d, draws)
            if long:
                fields |= {"step": LONG, "steps": 12, "spectra": 0}
            cells[activation, d] = Descent(**{"spectra": draws, "lanczos": LANCZOS} | fields)
    return cells


def _o1_rule(p: Profile) -> DecisionRule:
    """The alternative is a time that grows two powers of d faster than the bound."""
    sizes = p.optimization
    grid = tuple(float(d) for d in sizes.descent_dimensions[p.k])
    return DecisionRule(
        "exponent of the time in d", "exponent", "below", 0.0, 2.0, TIME_SCATTER, sizes.descent_replicates, grid
    )


def _times(p: Profile, evidence: Evidence, normalised: bool = True) -> np.ndarray:
    """Steps to the second-order stationary point, (replicates, dimensions); NaN where a run did not end."""
    cells, tables = _o1_cells(p), []
    for activation, _ in groups(p, p.optimization.descent_replicates):
        columns = [
            [math.nan if t is None else float(t) for t in evidence[cells[activation, d]]["reached"]]
            for d in p.optimization.descent_dimensions[p.k]
        ]
        table = np.array(columns).T
        tables.append(level(table) if normalised else table)
    return np.concatenate(tables)


def _o1(p: Profile, evidence: Evidence, long: bool = False, early: bool = False, bound: float = GROWTH) -> Outcome:
    cells = _o1_cells(p)
    rows = [evidence[cell] for cell in cells.values()]
    ended = [[t is not None for t in row["reached"]] for row in rows]
    falls = [v for cell in _o1_cells(p, long).values() for v in evidence[cell]["fall"]]
    pairs = [pair for row, known in zip(rows, ended, strict=True) for pair in _known(row["curvature"], known)]
    gradients = [v for row, known in zip(rows, ended, strict=True) for v in _known(row["gradient"], known)]
    if early:
        pairs, gradients = [row["start_curvature"] for row in rows], [v for row in rows for v in row["early"]]
    comparisons = [
        Comparison("fall of a step over step |grad|^2, least", FALL, Interval.around(min(falls), 0.0), "above", 0.0)
    ]
    if gradients:
        value, residual = min(pairs)
        comparisons += [
            Comparison("|grad| at the end, largest", TOLERANCE, Interval.around(max(gradients), 0.0), "below", 0.0),
            Comparison(
                "lambda_min at the end, least",
                -CURVATURE,
                Interval.around(value, residual),
                "above",
                0.0,
                (("residual", residual),),
            ),
        ]
    rule = _o1_rule(p)
    comparisons.append(rule.compare(rule.name, bound, _times(p, evidence).tolist()))
    times = _times(p, evidence, normalised=False)
    dimensions = p.optimization.descent_dimensions[p.k]
    known = [column[~np.isnan(column)] for column in times.T]
    medians = ", ".join(f"{np.median(c):.0f} at d = {d}" for c, d in zip(known, dimensions, strict=True) if c.size)
    missing = int(np.isnan(times).sum())
    lowest, residual = min(evidence[cell]["start_curvature"] for cell in cells.values())
    return Outcome(
        tuple(comparisons),
        f"Perturbed descent with steps {STEP:.3g}/L, L measured, on the network's loss (R1 in population and on the "
        f"training inputs, R3, R4 with l4 = {p.optimization.r4[p.k]:g}), k = {p.k}, m = "
        f"{p.optimization.width_ratio[p.k]} d, n = {p.optimization.sample_ratio[p.k]} d^k, "
        f"{p.optimization.descent_replicates} draws at each d. Median time {medians}; {missing} of {times.size} runs "
        f"had not ended after {p.optimization.descent_steps} steps. lambda_min at the ends from "
        f"{min(pairs)[0] if pairs else math.nan:.2g} (residuals at most "
        f"{max((r for _, r in pairs), default=math.nan):.1g}), {lowest:.2g} at the starts.",
        () if gradients else ("no run ended; raise optimization.descent_steps",),
    )


def _known(values: list[Any], known: list[bool]) -> list[Any]:
    return [value for value, there in zip(values, known, strict=True) if there]


def _o1_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    dimensions = p.optimization.descent_dimensions[p.k]
    times, start = _times(p, evidence, normalised=False), 0
    for i, (activation, draws) in enumerate(groups(p, p.optimization.descent_replicates)):
        for row in times[start : start + draws]:
            ax.loglog(dimensions, row, "o", color=SERIES[i], ms=4, mfc="none")
        ax.loglog([], [], "o", color=SERIES[i], ms=4, mfc="none", label=plain(activation))
        start += draws
    medians = np.nanmedian(times, axis=0)
    ax.loglog(dimensions, medians, "-", color=MUTED, lw=1.2, label="median")
    power_guide(ax, dimensions, medians[0], GROWTH, f"slope {GROWTH:g}, the bound")
    grid_ticks(ax, dimensions)
    finish(ax, "dimension d", "steps to a second-order stationary point")


def _largest(p: Profile) -> int:
    return max(p.optimization.descent_dimensions[p.k])


O1 = Claim(
    id="O1",
    title="Descent to a second-order stationary point",
    statement=r"W_{t+1} = W_t - \tfrac1L\nabla L(W_t): \quad L(W_{t+1}) \le L(W_t) - \tfrac1{2L}\|\nabla L(W_t)\|^2, "
    r"\qquad \|\nabla L\| \le \varepsilon, \quad \lambda_{\min}(\nabla^2 L) \ge -\sqrt{\varepsilon} \quad\text{in } "
    r"O(d^2) \text{ steps}",
    source="derived: docs/mathematics, section 5, with the method of arXiv:1703.00887",
    why="A step 1/L along the gradient lowers a loss of curvature at most L by at least |grad|^2/(2L), so the "
    "gradient becomes small in finitely many steps. Where the Hessian then still has a clearly negative eigenvalue, "
    "noise grows along it and the loss falls on; where noise brings nothing, the point is second-order stationary. "
    "The bound on the time is no theorem: arXiv:1703.00887 bounds it through L, which does not grow with d here.",
    refuted_by="A step of length 1/L with less fall than promised, an end with a larger gradient or a clearly negative "
    "eigenvalue, or a time that grows faster than d^2.",
    hypotheses=(
        every(differentiable(2)),
        every(smooth),
        every(nonzero(1, lambda p: range(p.k + 1), _largest)),
        every(nonzero(2, lambda p: [p.k - 1], _largest)),
    ),
    depends_on=(),
    design=lambda p: (*_o1_cells(p).values(), *_o1_cells(p, long=True).values()),
    check=_o1,
    controls=(
        Control(f"steps of length {LONG:g}/L", lambda p, e: _o1(p, e, long=True)),
        Control("the run judged after ten steps, and its curvature at the start", lambda p, e: _o1(p, e, early=True)),
        Control("a time that falls as d^-2", lambda p, e: _o1(p, e, bound=-GROWTH)),
    ),
    figure=_o1_figure,
    rules=lambda p: (_o1_rule(p),),
    orders=lambda p: tuple(p.optimization.descent_dimensions),
    activations="pooled",
)

CLAIMS = (O1,)
