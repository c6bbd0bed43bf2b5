"""T1..T3: the Taylor terms of the network."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify.cells.taylor import RemainderRatio, TaylorAgreement, TermSizes
from verify.claim import Claim, Evidence
from verify.claims.hypotheses import differentiable, nonzero, present, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks, power_guide
from verify.outcome import Comparison, Interval, Outcome
from verify.profile import Profile
from verify.statistics import sampling, slope_interval

AGREEMENT_BOUND = 1e-12
"""Relative to the largest term. About 10^2 operations of unit roundoff 1.1e-16 each, with two decades of room."""
TERMS = ("linear", "quadratic", "cross")
NAMES = {"linear": "f_L", "quadratic": "f_Q", "cross": "cross term"}


def _t1_cells(p: Profile) -> tuple[TaylorAgreement, ...]:
    return tuple(
        TaylorAgreement(activation=p.activation, d=3, m=4, replicate=r, base_seed=p.base_seed)
        for r in range(p.taylor_replicates)
    )


def _t1(p: Profile, evidence: Evidence, factor: float = 1.0) -> Outcome:
    comparisons = []
    for route in ("automatic", "formula"):
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
        f"Relative differences at {p.taylor_replicates} random points (d = 3, m = 4): SymPy derivative of the "
        f"network, evaluated as a "
        f"certified ball; forward-mode automatic differentiation; the formulas in numerics.",
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
    hypotheses=(differentiable(2), smooth),
    depends_on=(),
    design=_t1_cells,
    check=_t1,
    control=lambda p, e: _t1(p, e, factor=1 + 1e-9),
    planted="every symbolic term larger by one part in 10^9",
    figure=_t1_figure,
)


def _t2_cells(p: Profile) -> tuple[RemainderRatio, ...]:
    return tuple(
        RemainderRatio(
            activation=p.activation,
            d=p.taylor_dimension,
            m=64,
            length=length,
            replicate=r,
            base_seed=p.base_seed,
        )
        for length in p.remainder_displacements
        for r in range(p.taylor_replicates)
    )


def _t2(p: Profile, evidence: Evidence, denominator: float = 6.0) -> Outcome:
    comparisons = []
    for kind in ("random", "aligned"):
        for length in p.remainder_displacements:
            worst = max(evidence[c][kind] for c in _t2_cells(p) if c.length == length)
            comparisons.append(
                Comparison(
                    f"{kind} displacement, |W_r| = {length:g}",
                    1.0,
                    Interval.around(worst * denominator, 1e-6),
                    "below",
                    0.0,
                    (("cancellation in f - f_L - f_Q", 1e-6),),
                )
            )
    return Outcome(
        tuple(comparisons),
        f"Largest remainder divided by its bound over {p.taylor_replicates} networks and 64 inputs each (d = "
        f"{p.taylor_dimension}, m = 64); "
        f"sup|sigma'''| is certified. Aligned displacements make all third-order terms add up, so the bound is "
        f"nearly reached.",
    )


def _t2_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, kind in enumerate(("random", "aligned")):
        x = [c.length for c in _t2_cells(p)]
        y = [6 * evidence[c][kind] for c in _t2_cells(p)]
        ax.semilogx(np.array(x) * (0.95 + 0.1 * i), y, "o", color=SERIES[i], ms=4, mfc="none", label=kind)
    ax.axhline(1.0, color=PREDICTED, lw=1, label="bound")
    ax.set_ylim(0, 1.1)
    grid_ticks(ax, p.remainder_displacements)
    finish(ax, "$|W_r|$", "remainder / bound")


T2 = Claim(
    id="T2",
    title="Remainder bound",
    statement=r"|f - f_L - f_Q| \le \tfrac16\, m^{-1/2}\, \sup|\sigma'''| \sum_r |\langle W_r, x\rangle|^3",
    source="derived: docs/mathematics, section 1 (Taylor's theorem)",
    hypotheses=(differentiable(3), smooth, present(3)),
    depends_on=("T1",),
    design=_t2_cells,
    check=_t2,
    control=lambda p, e: _t2(p, e, denominator=24.0),
    planted="1/24 in place of 1/6",
    figure=_t2_figure,
)


SCALING_MARGIN = 0.05
"""Absolute, on an exponent over three factors of 4 in m. With random signs the remainder's neglected third order is
m^{-1/4} alpha^{-1/2} relative to the fourth and independent of it: 0.3 at m = 1024 and alpha = 1 for the activations of
the documentation, so its square bends the slope by about 0.01. For coherent signs the neglected fourth order is
m^{-1/4} alpha^{1/2} relative to the third: alpha = 0.05 keeps its effect on the slope below 0.02."""
PLANTED_SHIFT = 0.25
EXPONENTS: dict[str, tuple[float, dict[str, float]]] = {
    "random": (1.0, {"linear": -0.25, "quadratic": 0.0, "remainder": -0.5}),
    "coherent": (0.05, {"linear": 0.25, "quadratic": 0.0, "remainder": -0.25}),
    "lazy": (0.05, {"linear": 0.0, "quadratic": -0.5, "remainder": -1.0}),
}
"""Scaling -> (alpha, exponents in m), derived in the claim's explanation."""


def _t3_grid(p: Profile, scaling: str) -> list[list[TermSizes]]:
    return [
        [
            TermSizes(
                activation=p.activation,
                d=p.taylor_dimension,
                m=m,
                alpha=EXPONENTS[scaling][0],
                scaling=scaling,
                replicate=r,
                base_seed=p.base_seed,
            )
            for m in p.exponent_widths
        ]
        for r in range(p.exponent_replicates)
    ]


def _t3(p: Profile, evidence: Evidence, planted: bool = False) -> Outcome:
    comparisons = []
    for scaling, (_, exponents) in EXPONENTS.items():
        grid = _t3_grid(p, scaling)
        for term, predicted in exponents.items():
            rows = [[evidence[cell][term] for cell in row] for row in grid]
            measured = slope_interval(p.exponent_widths, rows)
            comparisons.append(
                Comparison(
                    f"{scaling} {'remainder' if term == 'remainder' else NAMES[term]}",
                    predicted + (PLANTED_SHIFT if planted else 0.0),
                    measured,
                    "within",
                    SCALING_MARGIN,
                    sampling(measured),
                )
            )
    return Outcome(
        tuple(comparisons),
        "Exponents in m along the sparse construction W_Q (k = 1). With |W_r| ~ m^(-1/4) and independent signs the "
        "linear term is a "
        "random sum, m^(-1/2) m^(1/2) m^(-1/4); the quadratic term does not see signs; in the remainder the signs "
        "also cancel the "
        "third order down to m^(-3/4), which leaves the fourth order, m^(-1/2) m m^(-1) = m^(-1/2) - faster than the "
        "sign-blind bound "
        "m^(-1/4), which the coherent displacement does reach. With |W_r| ~ m^(-1/2) (lazy): 0, -1/2, -1.",
    )


def _t3_figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, term in enumerate(("linear", "quadratic", "remainder")):
        rows = np.array([[evidence[c][term] for c in row] for row in _t3_grid(p, "random")])
        sizes = np.exp(np.log(rows).mean(axis=0))
        ax.loglog(
            p.exponent_widths,
            sizes,
            "o",
            color=SERIES[i],
            ms=5,
            label=f"${NAMES[term]}$" if term != "remainder" else "remainder",
        )
        power_guide(ax, p.exponent_widths, sizes[0], EXPONENTS["random"][1][term], "predicted" if i == 0 else None)
    grid_ticks(ax, p.exponent_widths)
    finish(ax, "width m", "root mean square, random signs")


T3 = Claim(
    id="T3",
    title="Scaling of the terms with width",
    statement=r"\|W_r\| = \Theta(m^{-1/4}),\ \text{random signs: } "
    r"f_L(SW) = \Theta(m^{-1/4}),\ f_Q = \Theta(1),\ f - f_L - f_Q = \Theta(m^{-1/2})",
    source="derived: docs/mathematics, section 4, its remainder sharpened here for random signs",
    hypotheses=(
        differentiable(4),
        smooth,
        present(4),
        nonzero(2, lambda p: [0], lambda p: p.taylor_dimension),
        nonzero(1, lambda p: [0], lambda p: p.taylor_dimension),
    ),
    depends_on=("T1", "T2"),
    design=lambda p: tuple(c for s in EXPONENTS for row in _t3_grid(p, s) for c in row),
    check=_t3,
    control=lambda p, e: _t3(p, e, planted=True),
    planted="every exponent off by 1/4",
    figure=_t3_figure,
)

CLAIMS = (T1, T2, T3)
