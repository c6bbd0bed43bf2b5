"""O1: perturbed descent on the true regularised loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.cells.optimization import Descent
from verify.claims.controls import scaled
from verify.claims.descent import (
    FALL,
    FALL_OF_A_STEP,
    GRADIENT,
    LAMBDA_MIN,
    LANCZOS,
    LONG,
    STEP,
    level,
)
from verify.claims.optimization.descent import TOLERANCE, groups, hypotheses, problem
from verify.claims.optimization.worlds import descents
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.outcome import Interval
from verify.judging.rules import Data, DecisionRule, ExactRule, Measurement, Rule
from verify.sizes.profile import Profile

TIME = "exponent of the time in d"
CURVATURE = math.sqrt(TOLERANCE)
"""delta = sqrt(rho epsilon) of a second-order stationary point (arXiv:1703.00887), 0.032 with rho = 1: a unit of this
definition, not the Lipschitz constant of the Hessian, which is nowhere estimated. The starts have
lambda_min between -0.15 and -0.5. What the noise can see is about as fine: curvature -c makes it grow from RADIUS /
sqrt(m d) by (1 + c/L)^WAIT, enough for a decrease of DECREASE once c is about 0.03."""
GROWTH = 2.0
"""Bound on the exponent of the time in d: a polynomial of low degree. The loss has L = O(1); its smallest curvature
comes from R4, 4 l4 |W_r|^2 ~ m^{-1/2}, so with m ~ d a time (L / curvature) log(1/epsilon) grows as d^{1/2}; 3/2 is
left for directions of which l4 and the data fix even less."""
TIME_SCATTER = 0.5
"""Standard deviation of log time, at most, within an activation; 0.4 in the pilot."""


def _o1_cells(p: Profile, **changes: Any) -> dict[tuple[str, int], Descent]:
    """By activation and d; ``changes`` are other fields than the claim's."""
    return {
        (activation, d): Descent(**{"spectra": draws, "lanczos": LANCZOS} | problem(p, activation, d, draws) | changes)
        for activation, draws in groups(p, p.optimization.descent_replicates)
        for d in p.optimization.descent_dimensions[p.k]
    }


def _long_cells(p: Profile) -> dict[tuple[str, int], Descent]:
    """Runs with steps that are too long."""
    return _o1_cells(p, step=LONG, steps=12, spectra=0)


def _o1_rules(p: Profile) -> tuple[Rule, ...]:
    """The alternative is a time that grows two powers of d faster than the bound."""
    sizes = p.optimization
    grid = tuple(float(d) for d in sizes.descent_dimensions[p.k])
    return (
        ExactRule(FALL_OF_A_STEP, "above"),
        ExactRule(GRADIENT, "below"),
        ExactRule(LAMBDA_MIN, "above"),
        DecisionRule(
            TIME,
            "exponent",
            "below",
            0.0,
            2.0,
            TIME_SCATTER,
            sizes.descent_replicates,
            grid,
            groups=len(p.activations),
            capped=True,
        ),
    )


def _o1_predicted(p: Profile) -> dict[str, float]:
    return {FALL_OF_A_STEP: FALL, GRADIENT: TOLERANCE, LAMBDA_MIN: -CURVATURE, TIME: GROWTH}


def _times(p: Profile, evidence: Evidence) -> list[np.ndarray]:
    """Steps to the second-order stationary point, by activation; (draws, dimensions), NaN where a run did not end."""
    cells = _o1_cells(p)
    return [
        np.array([evidence[cells[a, d]]["reached"] for d in p.optimization.descent_dimensions[p.k]], dtype=float).T
        for a, _ in groups(p, p.optimization.descent_replicates)
    ]


def _least_fall(evidence: Evidence, cells: dict[tuple[str, int], Descent]) -> dict[str, Interval]:
    return {FALL_OF_A_STEP: Interval.around(min(v for cell in cells.values() for v in evidence[cell]["fall"]), 0.0)}


def _ends(p: Profile, evidence: Evidence) -> tuple[list[float], list[tuple[float, float]]]:
    r"""\|grad\| and (lambda_min, residual) at the ends of the runs that ended by themselves."""
    gradients, curvatures = [], []
    for cell in _o1_cells(p).values():
        row = evidence[cell]
        for time, gradient, curvature in zip(row["reached"], row["gradient"], row["curvature"], strict=True):
            if time is not None:
                gradients.append(gradient)
                curvatures.append(tuple(curvature))
    return gradients, curvatures


def _stationary(
    gradients: Sequence[float], curvatures: Sequence[tuple[float, float]]
) -> dict[str, Measurement | Interval]:
    """The worst of points that should be stationary of second order; unknown without any."""
    if not gradients:
        return dict.fromkeys((GRADIENT, LAMBDA_MIN), Interval.unknown(math.nan))
    value, residual = min(curvatures)
    return {
        GRADIENT: Interval.around(max(gradients), 0.0),
        LAMBDA_MIN: Measurement(Interval.around(value, residual), budget={"residual": residual}),
    }


def _o1_observed(p: Profile, evidence: Evidence) -> dict[str, Measurement | Interval | Data]:
    return {
        **_least_fall(evidence, _o1_cells(p)),
        **_stationary(*_ends(p, evidence)),
        TIME: np.concatenate([level(table) for table in _times(p, evidence)]),
    }


def _early(p: Profile, evidence: Evidence) -> dict[str, Measurement | Interval]:
    rows = [evidence[cell] for cell in _o1_cells(p).values()]
    return _stationary([v for row in rows for v in row["early"]], [tuple(row["start_curvature"]) for row in rows])


def _o1_described(p: Profile, evidence: Evidence) -> str:
    times, dimensions = np.concatenate(_times(p, evidence)), p.optimization.descent_dimensions[p.k]
    known = [column[~np.isnan(column)] for column in times.T]
    medians = ", ".join(f"{np.median(c):.0f} at d = {d}" for c, d in zip(known, dimensions, strict=True) if c.size)
    missing = int(np.isnan(times).sum())
    _, ends = _ends(p, evidence)
    lowest, _ = min(evidence[cell]["start_curvature"] for cell in _o1_cells(p).values())
    return (
        f"Perturbed descent with steps {STEP:.3g}/L, L measured, on the network's loss (R1 in population and on the "
        f"training inputs, R3, R4 with l4 = {p.optimization.r4[p.k]:g}), k = {p.k}, m = "
        f"{p.optimization.width_ratio[p.k]} d, n = {p.optimization.sample_ratio[p.k]} d^k, "
        f"{p.optimization.descent_replicates} draws at each d. Median time {medians}; {missing} of {times.size} runs "
        f"had not ended after {p.optimization.descent_steps} steps. lambda_min at the ends from "
        f"{min(ends)[0] if ends else math.nan:.2g} (residuals at most "
        f"{max((r for _, r in ends), default=math.nan):.1g}), {lowest:.2g} at the starts."
    )


def _o1_obstacles(p: Profile, evidence: Evidence) -> tuple[str, ...]:
    return () if _ends(p, evidence)[0] else ("no run ended; raise optimization.descent_steps",)


def _o1_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    dimensions, tables = p.optimization.descent_dimensions[p.k], _times(p, evidence)
    shares = groups(p, p.optimization.descent_replicates)
    for i, ((activation, _), table) in enumerate(zip(shares, tables, strict=True)):
        for row in table:
            ax.loglog(dimensions, row, "o", color=SERIES[i], ms=4, mfc="none")
        ax.loglog([], [], "o", color=SERIES[i], ms=4, mfc="none", label=plain(activation))
    medians = np.nanmedian(np.concatenate(tables), axis=0)
    ax.loglog(dimensions, medians, "-", color=MUTED, lw=1.2, label="median")
    power_guide(ax, dimensions, medians[0], GROWTH, f"slope {GROWTH:g}, the bound")
    grid_ticks(ax, dimensions)
    finish(ax, "dimension d", "steps to a second-order stationary point")


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
    equations=("regularised-loss",),
    hypotheses=hypotheses(lambda p: max(p.optimization.descent_dimensions[p.k])),
    depends_on=(),
    design=lambda p: (*_o1_cells(p).values(), *_long_cells(p).values()),
    rules=_o1_rules,
    predict=_o1_predicted,
    observe=_o1_observed,
    controls=(
        Control(f"steps of length {LONG:g}/L", observe=lambda p, e: _least_fall(e, _long_cells(p))),
        Control("the run judged after ten steps, and its curvature at the start", observe=_early),
        Control("a time that falls as d^-2", predict=scaled(_o1_predicted, -1, TIME)),
    ),
    describe=_o1_described,
    figure=_o1_figure,
    obstacles=_o1_obstacles,
    ks=lambda p: tuple(p.optimization.descent_dimensions),
    activations="pooled",
    world=World(
        lambda p, truth, chance: descents(truth, chance, _o1_cells(p).values(), _long_cells(p).values()),
        unit="exponent of the time in d",
        theory=0.5,
        rival=3.0,
        rival_is="one power of d above the bound",
        two_sided=False,
    ),
    repetitions=("optimization.descent_replicates",),
)

CLAIMS = (O1,)
