"""T1 and T2: the Taylor terms of the network and their remainder, at any displacement: neither knows a k."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.taylor import RemainderRatio, TaylorAgreement
from verify.claims.controls import scaled
from verify.claims.hypotheses import differentiable, present, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Interval
from verify.judging.rules import ExactRule, Measurement, Prediction
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

AGREEMENT_BOUND = 1e-12
"""Relative to the largest term. About 10^2 operations of unit roundoff 1.1e-16 each, with two decades of room."""
TERMS = ("linear", "quadratic", "cross")
NAMES = {"linear": "f_L", "quadratic": "f_Q", "cross": "cross term"}
AGREEMENTS = {
    f"{NAMES[term]}: symbolic against {label}": (term, route)
    for label, route in (("autodiff", "automatic"), ("the network formula", "formula"))
    for term in TERMS
}
"""Name of a comparison -> its term and the route that is held against the symbolic one."""


def _t1_cells(p: Profile) -> tuple[TaylorAgreement, ...]:
    return tuple(
        TaylorAgreement(activation=p.activation, d=3, m=4, replicate=r, base_seed=p.base_seed)
        for r in range(p.taylor.replicates)
    )


def _worst(p: Profile, evidence: Evidence, term: str, route: str) -> Interval:
    """Largest difference between a route and the symbolic one over the points, relative to the largest term."""
    worst = 0.0
    for cell in _t1_cells(p):
        values = evidence[cell][term]
        scale = max(abs(evidence[cell][t]["symbolic"]) for t in TERMS)
        worst = max(worst, abs(values[route] - values["symbolic"]) / scale)
    return Interval.around(worst, 0.0)


def _t1_observe(p: Profile, evidence: Evidence) -> dict[str, Interval]:
    return {name: _worst(p, evidence, term, route) for name, (term, route) in AGREEMENTS.items()}


def _enlarged(p: Profile, evidence: Evidence) -> Evidence:
    """Every symbolic term larger by one part in 10^9."""
    found: dict[Cell, Numbers] = {}
    for cell in _t1_cells(p):
        terms = ((term, evidence[cell][term]) for term in TERMS)
        found[cell] = {term: values | {"symbolic": (1 + 1e-9) * values["symbolic"]} for term, values in terms}
    return Evidence(found)


def _lowered(p: Profile, evidence: Evidence) -> dict[str, Interval]:
    """The formula with every derivative of sigma one order too low."""
    formulas = {name: term for name, (term, route) in AGREEMENTS.items() if route == "formula"}
    return {name: _worst(p, evidence, term, "planted") for name, term in formulas.items()}


def _t1_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, term in enumerate(TERMS):
        rows = [evidence[cell][term] for cell in _t1_cells(p)]
        symbolic, automatic = ([row[route] for row in rows] for route in ("symbolic", "automatic"))
        label = f"${NAMES[term]}$" if term != "cross" else "cross"
        ax.plot(symbolic, automatic, "o", color=SERIES[i], ms=5, mfc="none", label=label)
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
    equations=(
        "taylor-terms",
        "cross-term",
    ),
    hypotheses=(differentiable(2), smooth),
    depends_on=(),
    design=_t1_cells,
    rules=lambda p: tuple(ExactRule(name, "below") for name in AGREEMENTS),
    predict=lambda p: dict.fromkeys(AGREEMENTS, Prediction(AGREEMENT_BOUND, budget={"rounding": AGREEMENT_BOUND})),
    observe=_t1_observe,
    controls=(
        Control(
            "every symbolic term larger by one part in 10^9",
            observe=lambda p, evidence: _t1_observe(p, _enlarged(p, evidence)),
        ),
        Control(
            "sigma'' replaced by sigma' in the quadratic terms, sigma' by sigma in the linear one", observe=_lowered
        ),
    ),
    describe=lambda p, evidence: (
        f"Relative differences at {p.taylor.replicates} random points (d = 3, m = 4): SymPy derivative of the "
        "network, evaluated as a certified ball; forward-mode automatic differentiation; the formulas in numerics."
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


def _names(p: Profile) -> dict[str, float]:
    """Name of a comparison with the bound -> length of the displacement."""
    return {f"largest, |W_r| = {length:g}": length for length in p.taylor.displacements}


def _attained(p: Profile) -> str:
    return f"attained, |W_r| = {p.taylor.displacements[0]:g}"


def _t2_rules(p: Profile) -> tuple[ExactRule, ...]:
    return (*(ExactRule(name, "below") for name in _names(p)), ExactRule(_attained(p), "above"))


def _t2_predict(p: Profile) -> dict[str, float]:
    """In units of the bound, which the remainder never exceeds and all but reaches at the smallest displacement."""
    return {**dict.fromkeys(_names(p), 1.0), _attained(p): 1 - SHARPNESS}


def _t2_observe(p: Profile, evidence: Evidence) -> dict[str, Measurement]:
    found = {}
    for name, length in (*_names(p).items(), (_attained(p), p.taylor.displacements[0])):
        ratio = 6 * max(evidence[c][kind] for c in _t2_cells(p) if c.length == length for kind in KINDS)
        budget = {"cancellation in f - f_L - f_Q": CANCELLATION}
        found[name] = Measurement(Interval.around(ratio, CANCELLATION), budget=budget)
    return found


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
    equations=("remainder-bound",),
    hypotheses=(differentiable(3), smooth, present(3)),
    depends_on=("T1",),
    design=_t2_cells,
    rules=_t2_rules,
    predict=_t2_predict,
    observe=_t2_observe,
    controls=(
        Control("1/24 in place of 1/6", predict=scaled(_t2_predict, 6 / 24)),
        Control("a supremum that is 25 % too small", predict=scaled(_t2_predict, 0.75)),
        Control("1/5 in place of 1/6: a bound that holds and is not sharp", predict=scaled(_t2_predict, 6 / 5)),
    ),
    describe=lambda p, evidence: (
        f"Largest remainder divided by its bound over {p.taylor.replicates} networks (d = {p.taylor.dimension}, m = "
        f"64): random displacements at 64 inputs, displacements aligned so that all third-order terms add up, and one "
        f"pair of neurons where the remainder of a neuron is largest. sup|sigma'''| is certified. The last kind "
        f"reaches the bound as |W_r| falls, so neither 1/6 nor the supremum could be smaller."
    ),
    figure=_t2_figure,
)

CLAIMS = (T1, T2)
