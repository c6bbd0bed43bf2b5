"""T1 and T2: the Taylor terms of the network and their remainder, at any displacement: neither knows a k."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.taylor import RemainderRatio, TaylorAgreement
from verify.claims.hypotheses import differentiable, present, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Comparison, Interval, Outcome
from verify.sizes.profile import Profile

AGREEMENT_BOUND = 1e-12
"""Relative to the largest term. About 10^2 operations of unit roundoff 1.1e-16 each, with two decades of room."""
TERMS = ("linear", "quadratic", "cross")
NAMES = {"linear": "f_L", "quadratic": "f_Q", "cross": "cross term"}


def _t1_cells(p: Profile) -> tuple[TaylorAgreement, ...]:
    return tuple(
        TaylorAgreement(activation=p.activation, d=3, m=4, replicate=r, base_seed=p.base_seed)
        for r in range(p.taylor.replicates)
    )


def _t1(p: Profile, evidence: Evidence, factor: float = 1.0, planted: bool = False) -> Outcome:
    comparisons = []
    for route in ("automatic", "planted" if planted else "formula"):
        for term in TERMS:
            worst = 0.0
            for cell in _t1_cells(p):
                values = evidence[cell][term]
                scale = max(abs(evidence[cell][t]["symbolic"]) for t in TERMS)
                symbolic = values["symbolic"] * factor
                worst = max(worst, abs(values[route] - symbolic) / scale)
            comparisons.append(
                Comparison(
                    f"{NAMES[term]}: symbolic against {'autodiff' if route == 'automatic' else 'the network formula'}",
                    AGREEMENT_BOUND,
                    Interval.around(worst, 0.0),
                    "below",
                    0.0,
                    (("rounding", AGREEMENT_BOUND),),
                )
            )
    return Outcome(
        tuple(comparisons),
        f"Relative differences at {p.taylor.replicates} random points (d = 3, m = 4): SymPy derivative of the "
        "network, evaluated as a certified ball; forward-mode automatic differentiation; the formulas in numerics.",
    )


def _t1_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, term in enumerate(TERMS):
        rows = [evidence[cell][term] for cell in _t1_cells(p)]
        symbolic = [row["symbolic"] for row in rows]
        ax.plot(
            symbolic,
            [row["automatic"] for row in rows],
            "o",
            color=SERIES[i],
            ms=5,
            mfc="none",
            label=f"${NAMES[term]}$" if term != "cross" else "cross",
        )
    ends = np.array(ax.get_xlim())
    ax.plot(ends, ends, "-", color=PREDICTED, lw=0.8, zorder=1)
    finish(ax, "symbolic derivative", "automatic differentiation")


T1 = Claim(
    id="T1",
    title="Taylor terms",
    statement=r"f_L = m^{-1/2}\sum_r a_r\,\sigma'(\langle w_r,x\rangle)\langle W_r,x\rangle, "
    r"\qquad f_Q = \tfrac12 m^{-1/2}\sum_r a_r\,\sigma''(\langle w_r,x\rangle)\langle W_r,x\rangle^2",
    source="derived: docs/mathematics, section 1",
    why="f_L and f_Q are the first and half the second derivative of s -> f(x; W0 + s W) at s = 0. Each neuron sees "
    "the displacement only through <W_r, x>, so the chain rule gives one factor <W_r, x> for each derivative.",
    refuted_by="a point at which the derivative of the network and the formula differ by more than rounding",
    hypotheses=(differentiable(2), smooth),
    depends_on=(),
    design=_t1_cells,
    check=_t1,
    controls=(
        Control("every symbolic term larger by one part in 10^9", lambda p, e: _t1(p, e, factor=1 + 1e-9)),
        Control(
            "sigma'' replaced by sigma' in the quadratic terms, sigma' by sigma in the linear one",
            lambda p, e: _t1(p, e, planted=True),
        ),
    ),
    figure=_t1_figure,
)


KINDS = ("random", "aligned", "extreme")
SHARPNESS = 0.01
"""How far the ratio may stay below the bound at the smallest displacement: 0.1 % for the certified supremum, 10^-3 for
h^2 |sigma^(5)| / (20 sup|sigma^(3)|) at a step h = 0.01 sqrt(d), and as much for the grid."""
CANCELLATION = 1e-6
"""Relative error of f - f_L - f_Q: 10^-15 over h^3/6 = 4e-6 at h = 0.01 sqrt(d), with three decades of room."""


def _t2_cells(p: Profile) -> tuple[RemainderRatio, ...]:
    return tuple(
        RemainderRatio(
            activation=p.activation,
            d=p.taylor.dimension,
            m=64,
            length=length,
            replicate=r,
            base_seed=p.base_seed,
        )
        for length in p.taylor.displacements
        for r in range(p.taylor.replicates)
    )


def _t2(p: Profile, evidence: Evidence, denominator: float = 6.0, supremum: float = 1.0) -> Outcome:
    """``supremum``: a planted factor of the supremum in the bound."""
    budget = (("cancellation in f - f_L - f_Q", CANCELLATION),)
    worst = {
        length: max(evidence[c][kind] for c in _t2_cells(p) if c.length == length for kind in KINDS)
        * (denominator / supremum)
        for length in p.taylor.displacements
    }
    comparisons = [
        Comparison(f"largest, |W_r| = {length:g}", 1.0, Interval.around(ratio, CANCELLATION), "below", 0.0, budget)
        for length, ratio in worst.items()
    ]
    least = p.taylor.displacements[0]
    attained = Interval.around(worst[least], CANCELLATION)
    comparisons.append(Comparison(f"attained, |W_r| = {least:g}", 1 - SHARPNESS, attained, "above", 0.0, budget))
    return Outcome(
        tuple(comparisons),
        f"Largest remainder divided by its bound over {p.taylor.replicates} networks (d = {p.taylor.dimension}, m = "
        f"64): random displacements at 64 inputs, displacements aligned so that all third-order terms add up, and one "
        f"pair of neurons where the remainder of a neuron is largest. sup|sigma'''| is certified. The last kind "
        f"reaches the bound as |W_r| falls, so neither 1/6 nor the supremum could be smaller.",
    )


def _t2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, kind in enumerate(KINDS):
        x = [c.length for c in _t2_cells(p)]
        y = [6 * evidence[c][kind] for c in _t2_cells(p)]
        ax.semilogx(np.array(x) * (0.92 + 0.08 * i), y, "o", color=SERIES[i], ms=4, mfc="none", label=kind)
    ax.axhline(1.0, color=PREDICTED, lw=1, label="bound")
    ax.set_ylim(0, 1.1)
    grid_ticks(ax, p.taylor.displacements)
    finish(ax, "$|W_r|$", "remainder / bound")


T2 = Claim(
    id="T2",
    title="Remainder bound",
    statement=r"|f - f_L - f_Q| \le \tfrac16\, m^{-1/2}\, \sup|\sigma'''| \sum_r |\langle W_r, x\rangle|^3, "
    r"\quad\text{and no smaller constant serves}",
    source="derived: docs/mathematics, section 1 (Taylor's theorem)",
    why="Taylor's theorem bounds what the second order leaves of one neuron by sup|sigma'''| |<W_r,x>|^3 / 6; the "
    "triangle inequality adds the neurons up. A single pair of neurons at a maximum of |sigma'''| attains it in the "
    "limit of small displacements.",
    refuted_by="one displacement and input above the bound, or no displacement that comes within 1 % of it",
    hypotheses=(differentiable(3), smooth, present(3)),
    depends_on=("T1",),
    design=_t2_cells,
    check=_t2,
    controls=(
        Control("1/24 in place of 1/6", lambda p, e: _t2(p, e, denominator=24.0)),
        Control("a supremum that is 25 % too small", lambda p, e: _t2(p, e, supremum=0.75)),
        Control("1/5 in place of 1/6: a bound that holds and is not sharp", lambda p, e: _t2(p, e, denominator=5.0)),
    ),
    figure=_t2_figure,
)

CLAIMS = (T1, T2)
