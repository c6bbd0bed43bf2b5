"""O5 and O6: trained Taylor models against a certified lower bound of the global minimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from verify.cells.certified import EARLY, CertifiedEnds
from verify.cells.training import Arm
from verify.claims.activations import affordable, trainable
from verify.claims.descent import level
from verify.claims.optimization.certificates import GAP, SOUND, enclosed, gaps, soundness
from verify.claims.optimization.worlds import certified_ends
from verify.claims.plotting import SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import Data, DecisionRule, ExactRule, Measurement, Rule
from verify.predictions.sample_counts import r4_weight
from verify.sizes.profile import Profile

EXPONENT = "exponent of the gap in m"
WIDEST = "gap at the largest m, mean over draws"
CERTIFIED = 1e-2
"""Relative gap at which an end counts as a global minimum: no displacement has a loss that is lower by a hundredth."""
SCATTER = 0.15
"""Standard deviation of the logarithm of a gap about its power law in m, at most; 0.05 to 0.1 in the pilot."""
GAP_SCATTER, WIDER = 0.04, 0.3
"""Standard deviation of a gap at the largest m, at most, and the excess over the admitted one that must FAIL."""
HEAVIER: dict[Arm, float] = {"quadntk": 1.1, "joint": 2.0}
"""Factors of l4 in the planted bound: it exceeds the least loss found where R4's share of it exceeds the gap."""
Cells = dict[tuple[str, int], CertifiedEnds]
"""By activation, and d or m."""


def _cell(p: Profile, arm: Arm, activation: str, d: int, m: int, n: int, draws: int, steps: int) -> CertifiedEnds:
    return CertifiedEnds(
        base_seed=p.base_seed,
        activation=activation,
        device=p.device,
        d=d,
        m=m,
        k=p.k,
        n=n,
        steps=steps,
        start=p.training.start,
        model="taylor",
        arm=arm,
        draws=draws,
        weights=(1.0, r4_weight(activation, p.k, d, p.certificates.share)),
        heavier=HEAVIER[arm],
        iterations=p.certificates.iterations,
    )


def _quadratic(p: Profile) -> Cells:
    s = p.certificates
    return {
        (a, d): _cell(p, "quadntk", a, d, s.width[p.k] * d, s.samples[p.k] * d**p.k, s.draws[p.k], s.steps[p.k])
        for a in affordable(p)
        for d in s.dimensions[p.k]
    }


def _ends(p: Profile) -> list[CertifiedEnds]:
    return list(_quadratic(p).values())


def _joint(p: Profile) -> Cells:
    s, d = p.certificates, p.certificates.joint_dimension[p.k]
    return {
        (a, m): _cell(p, "joint", a, d, m, s.joint_samples[p.k], s.joint_draws[p.k], s.joint_steps[p.k])
        for a in affordable(p)
        for m in s.joint_widths[p.k]
    }


def _gaps(numbers: Any, name: str = "value") -> np.ndarray:
    return gaps(numbers[name], numbers["lower"])


def _soundness(evidence: Evidence, cells: Cells, bound: str = "lower") -> dict[str, Measurement]:
    rows = [evidence[cell] for cell in cells.values()]
    met = [np.column_stack([row["value"], row["early"], row["zero"], row["free"]]) for row in rows]
    return soundness(np.concatenate([row[bound] for row in rows]), np.concatenate(met))


def _largest(evidence: Evidence, cells: list[CertifiedEnds], name: str = "value") -> dict[str, Measurement]:
    return {GAP: enclosed(max(float(_gaps(evidence[cell], name).max()) for cell in cells))}


def _widest(p: Profile) -> list[CertifiedEnds]:
    last = p.certificates.joint_widths[p.k][-1]
    return [cell for (_, m), cell in _joint(p).items() if m == last]


def _table(p: Profile, evidence: Evidence, name: str = "value") -> dict[str, np.ndarray]:
    """Largest gap over the starts by activation, (draws, grid)."""
    cells = _joint(p)
    return {
        a: np.array([_gaps(evidence[cells[a, m]], name).max(1) for m in p.certificates.joint_widths[p.k]]).T
        for a in affordable(p)
    }


def _falling(p: Profile, evidence: Evidence, name: str = "value") -> dict[str, Data]:
    """Of each draw its largest gap over the starts. A mean, as a maximum over draws would rise with their number."""
    table = np.concatenate([level(rows) for rows in _table(p, evidence, name).values()])
    widest = np.concatenate([_gaps(evidence[cell], name).reshape(cell.draws, -1).max(1) for cell in _widest(p)])
    return {EXPONENT: table, WIDEST: widest}


def _o6_rules(p: Profile) -> tuple[Rule, ...]:
    s = p.certificates
    grid, count = tuple(float(m) for m in s.joint_widths[p.k]), s.joint_draws[p.k] * len(affordable(p))
    return (
        DecisionRule(EXPONENT, "exponent", "below", 0.0, 1.0, SCATTER, count, grid, groups=len(affordable(p))),
        DecisionRule(WIDEST, "mean", "below", 0.0, WIDER, GAP_SCATTER, count),
        ExactRule(SOUND, "below"),
    )


def _o5_described(p: Profile, evidence: Evidence) -> str:
    rows = []
    for (a, d), cell in _quadratic(p).items():
        gaps = _gaps(evidence[cell])
        rows.append(f"{a}, d = {d}: {gaps.max():.4f} (from {', '.join(cell.begins)}: {_worst(gaps)})")
    s = p.certificates
    return (
        f"The QuadNTK, m = {s.width[p.k]} d, n = {s.samples[p.k]} d^{p.k}, {s.draws[p.k]} draws, {s.steps[p.k]} steps "
        f"of gradient descent of length 1/L from each start, l4 such that R4 takes {s.share:g} at the construction. "
        f"Largest relative gaps: {'; '.join(rows)}. The bound is below the loss at every displacement, rounding "
        f"included (numerics.optimality_gap, natural multipliers)."
    )


def _worst(gaps: np.ndarray) -> str:
    return ", ".join(f"{gap:.4f}" for gap in gaps.max(0))


def _o6_described(p: Profile, evidence: Evidence) -> str:
    s, grid = p.certificates, p.certificates.joint_widths[p.k]
    rows = [f"{a}: {', '.join(f'{g:.3f}' for g in table.mean(0))}" for a, table in _table(p, evidence).items()]
    last = {a: evidence[_joint(p)[a, grid[-1]]] for a in affordable(p)}
    starts = "; ".join(f"{a}: {_worst(_gaps(row))}" for a, row in last.items())
    return (
        f"The Taylor model with R1 in population and on the training inputs, R3 and R4, d = {s.joint_dimension[p.k]}, "
        f"n = {s.joint_samples[p.k]}, {s.joint_draws[p.k]} draws at each m = {', '.join(map(str, grid))}. Gaps to the "
        f"bound of the relaxation, the largest over the starts, means over draws: {'; '.join(rows)}. At the largest m "
        f"by start ({', '.join(_widest(p)[0].begins)}): {starts}."
    )


def _o5_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    cells = _quadratic(p)
    for i, a in enumerate(affordable(p)):
        for d in p.certificates.dimensions[p.k]:
            gaps = _gaps(evidence[cells[a, d]])
            for j, marker in zip(range(gaps.shape[1]), "os^", strict=False):
                x = d * (1 + 0.03 * (i - 1) + 0.01 * (j - 1))
                ax.semilogy([x] * len(gaps), np.maximum(gaps[:, j], 1e-6), marker, color=SERIES[i], ms=4, mfc="none")
        ax.plot([], [], "o", color=SERIES[i], ms=4, mfc="none", label=plain(a))
    ax.axhline(CERTIFIED, color="black", lw=0.8, ls="--", label="certified global below")
    ax.set_xticks(p.certificates.dimensions[p.k], [str(d) for d in p.certificates.dimensions[p.k]])
    finish(ax, "dimension d", "relative gap at the end")


def _o6_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    grid = p.certificates.joint_widths[p.k]
    for i, (a, table) in enumerate(_table(p, evidence).items()):
        ax.loglog(grid, table.T, "o", color=SERIES[i], ms=4, mfc="none")
        ax.loglog(grid, np.exp(np.log(table).mean(0)), "-", color=SERIES[i], lw=1.2, label=plain(a))
    middle = float(np.exp(np.mean([np.log(t).mean() for t in _table(p, evidence).values()])))
    power_guide(ax, grid, middle, -0.5)
    grid_ticks(ax, grid)
    finish(ax, "width m", "relative gap at the end")


def _hypotheses(dimension: Callable[[Profile], int]) -> tuple[Callable[[Profile], None], ...]:
    """The constructions divide by the coefficients of all degrees up to k."""
    return trainable(dimension, linear=lambda p: range(p.k + 1))


O5 = Claim(
    id="O5",
    title="Training the QuadNTK ends at a certified global minimum",
    statement=r"L_Q(W_\infty) \le (1 + 10^{-2})\, \min_W L_Q(W) \text{ from every start}, "
    r"\qquad D(g, s) \le \min_W L_Q(W)",
    source="abstract of arXiv:2206.03688 (descent converges to a global minimizer); the bound is derived: "
    "docs/mathematics, section 7",
    why="For the QuadNTK the loss is convex in the matrices W_r W_r^T, and with m of order d and random signs there is "
    "room enough that a matrix of rank one a neuron does as well as any. The bound is that of the convex problem's "
    "dual: one eigenproblem a pair of neurons.",
    refuted_by="A run whose loss stays above the certified bound by a hundredth or more, or a loss below the bound.",
    equations=("regularised-loss", "quadratic-minorant", "dual-bound"),
    hypotheses=_hypotheses(lambda p: p.certificates.dimensions[p.k][0]),
    depends_on=("O4",),
    design=lambda p: tuple(_quadratic(p).values()),
    rules=lambda p: (ExactRule(GAP, "below"), ExactRule(SOUND, "below")),
    predict=lambda p: {GAP: CERTIFIED, SOUND: 1.0},
    observe=lambda p, e: {**_largest(e, _ends(p)), **_soundness(e, _quadratic(p))},
    controls=(
        Control(f"runs stopped after {EARLY} steps", observe=lambda p, e: _largest(e, _ends(p), "early")),
        Control(
            "runs left at the saddle W = 0", observe=lambda p, e: _largest(e, list(_quadratic(p).values()), "zero")
        ),
        Control(
            "descent on the data term alone, its ends judged by the whole loss",
            observe=lambda p, e: _largest(e, _ends(p), "free"),
        ),
        Control(
            "the bound of a loss with l4 larger by a tenth",
            observe=lambda p, e: _soundness(e, _quadratic(p), "heavier"),
        ),
    ),
    describe=_o5_described,
    figure=_o5_figure,
    ks=lambda p: tuple(p.certificates.dimensions),
    activations="pooled",
)

O6 = Claim(
    id="O6",
    title="Joint training approaches the certified global minimum as m grows",
    statement=r"L(W_\infty) - \min_W L(W) \le L(W_\infty) - \min_{W,V} L_{rel}(W, V) \to 0 \quad (m \to \infty) "
    r"\text{ from every start}",
    source="abstract of arXiv:2206.03688 (descent on the regularised loss converges to a global minimizer); the bound "
    "and its rate are derived: docs/mathematics, section 7",
    why="The relaxation gives every neuron a matrix of higher rank. Random signs let neighbouring neurons share what "
    "one neuron of higher rank would do, at a price of order m^(-1/2); so the relaxed minimum, which a dual bound "
    "certifies, and the least loss draw together.",
    refuted_by="A gap that does not fall as m grows, that stays large at the largest m, or a loss below the bound.",
    equations=("regularised-loss", "relaxed-loss", "dual-bound"),
    hypotheses=_hypotheses(lambda p: p.certificates.joint_dimension[p.k]),
    depends_on=("O3", "O5"),
    design=lambda p: tuple(_joint(p).values()),
    rules=_o6_rules,
    predict=lambda p: {EXPONENT: 0.0, WIDEST: p.certificates.joint_gap, SOUND: 1.0},
    observe=lambda p, e: {**_falling(p, e), **_soundness(e, _joint(p))},
    controls=(
        Control(f"runs stopped after {EARLY} steps", observe=lambda p, e: _falling(p, e, "early")),
        Control(
            "descent on the data term alone, its ends judged by the whole loss",
            observe=lambda p, e: _falling(p, e, "free"),
        ),
        Control("the bound of a loss with twice the l4", observe=lambda p, e: _soundness(e, _joint(p), "heavier")),
    ),
    describe=_o6_described,
    figure=_o6_figure,
    ks=lambda p: tuple(p.certificates.joint_dimension),
    activations="pooled",
    world=World(
        lambda p, truth, chance: certified_ends(truth, chance, _joint(p)),
        unit="exponent of the gap in m",
        theory=-0.5,
        rival=0.0,
        rival_is="a gap that does not fall",
        two_sided=False,
    ),
    repetitions=("certificates.joint_draws",),
)

CLAIMS = (O5, O6)
