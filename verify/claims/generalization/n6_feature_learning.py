"""N6: the trained network itself has left the lazy regime."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from verify.cells.training import LAZY, Arm
from verify.claims.activations import SETTLED
from verify.claims.generalization.paired import (
    HYPOTHESES,
    column,
    falls,
    least_share,
    obstacles,
    paired,
    paired_cell,
    setting,
    sparse_floor,
)
from verify.claims.generalization.paired_worlds import lazier
from verify.claims.plotting import PREDICTED, SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import DecisionRule, Prediction, Scale
from verify.sizes.profile import Profile

ARMS: tuple[Arm, ...] = ("joint", "lazy")


def _ks(p: Profile) -> tuple[int, ...]:
    return tuple(p.risks.lazy_steps)


RISK = "test risk / floor of kernel methods"
SHARE = "<f_Q, f_sp> minus the share that the floor implies"
QUADRATIC = "energy of f_Q over the square of that share, log"
MOVEMENT = "kernel movement / (share x movement of the construction), log"
SCATTER = {RISK: 0.15, SHARE: 0.2, QUADRATIC: 1.2, MOVEMENT: 0.4}
"""Standard deviation of one observation, at most, differences between activations included: 0.14, 0.17, 1.2 and 0.39 in
the pilot. The energy of f_Q varies most, as the threshold of each activation is another one."""
ALTERNATIVE = {RISK: 0.6, SHARE: -0.7, QUADRATIC: -4.0, MOVEMENT: -1.5}
"""What must be noticed: a risk 1.6 times the floor; f_Q against most of the sparse part; an energy smaller than
the threshold by a factor 50, or a movement by 4.5. A lazy network lies several powers of ten below the last two."""


def _rule(p: Profile, name: str) -> DecisionRule:
    """One side of a threshold, which each activation has of its own.

    The floor bounds the expected risk, so it is the mean of the risk itself that is held against it.
    """
    count = p.risks.draws[p.k] * len(paired(p))
    scale: Scale = "difference" if name == SHARE else "ratio" if name == RISK else "log ratio"
    side: Literal["below", "above"] = "below" if name == RISK else "above"
    return DecisionRule(name, "mean", side, 0.0, ALTERNATIVE[name], SCATTER[name], count, scale=scale)


def _predict(p: Profile) -> dict[str, Prediction]:
    """The thresholds, one for each draw."""
    activations = [a for a in paired(p) for _ in range(p.risks.draws[p.k])]
    shares = np.array([least_share(p, a) for a in activations])
    floors = Prediction([sparse_floor(p, a) for a in activations])
    return {RISK: floors, SHARE: Prediction(shares), QUADRATIC: Prediction(shares**2), MOVEMENT: Prediction(shares)}


def _observe(p: Profile, evidence: Evidence, arm: Arm = "joint") -> dict[str, np.ndarray]:
    """What an arm's networks do; NaN where a risk still rises, or a draw diverged."""
    rows = [evidence[paired_cell(p, activation, arm)] for activation in paired(p)]
    names = ("risk", "share", "quadratic", "movement", "constructed")
    n = {name: np.concatenate([column(row, name) for row in rows]) for name in names}
    usable = np.concatenate([falls(row) for row in rows]) >= -SETTLED
    found = {
        RISK: n["risk"],
        SHARE: n["share"],
        QUADRATIC: np.maximum(n["quadratic"], 1e-300),
        MOVEMENT: np.maximum(n["movement"], 1e-300) / n["constructed"],
    }
    return {name: np.where(usable, values, math.nan) for name, values in found.items()}


def _described(p: Profile, evidence: Evidence) -> str:
    parts = []
    for activation in paired(p):
        numbers = evidence[paired_cell(p, activation, "joint")]
        names = ("risk", "share", "quadratic", "linear_share", "movement", "constructed")
        mean = {name: float(column(numbers, name).mean()) for name in names}
        parts.append(
            f"{activation}: risk {mean['risk']:.3f} (floor {sparse_floor(p, activation):.3f}), <f_Q, f_sp> = "
            f"{mean['share']:.3f} (threshold {least_share(p, activation):.3f}), |f_Q|^2 = {mean['quadratic']:.3f}, "
            f"<f_L, f_sp> = {mean['linear_share']:.3f}, kernel moved by {mean['movement']:.4f}, the construction's by "
            f"{mean['constructed']:.3f}"
        )
    return f"{setting(p)} {'; '.join(parts)}."


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, activation in enumerate(paired(p)):
        for arm, marker, name in zip(ARMS, "os", ("regularised", "lazy"), strict=True):
            numbers = evidence[paired_cell(p, activation, arm)]
            label = f"{plain(activation)}, {name}"
            at = column(numbers, "movement"), column(numbers, "risk")
            ax.semilogx(*at, marker, color=SERIES[i], ms=5, mfc="none", label=label)
        ax.axhline(sparse_floor(p, activation), color=SERIES[i], lw=0.8, ls=":")
    ax.plot([], [], ":", color=PREDICTED, lw=0.8, label="floor of kernel methods")
    finish(ax, "relative movement of the kernel", "test risk")


N6 = Claim(
    id="N6",
    title="The trained network has left the lazy regime",
    statement=r"\text{risk}(f) < 1 - \frac{n}{N(d,k+1)}, \quad \langle f_Q, f_{\mathrm{sp}}\rangle,\ \|f_Q\|^2 = "
    r"\Theta(1), \quad \frac{\|K_W - K_0\|_F}{\|K_0\|_F} = \Theta\big(\tfrac{\|K_{W_L+SW_Q} - "
    r"K_0\|_F}{\|K_0\|_F}\big)",
    source="abstract of arXiv:2206.03688 (escape from the NTK regime); thresholds: derived, from docs/mathematics, "
    "sections 4 and 6",
    why="No method that is linear in the labels can have an expected risk below 1 - n/N(d,k+1): a space of "
    "dimension n holds that share of a direction it does not know. The regularised network goes below, so it has "
    "learnt the direction; R1 keeps f_L from degree k + 1, so f_Q must carry it, at |W_r| ~ m^(-1/4), and "
    "sigma'(<w_r + W_r, x>) then moves the kernel as it does at W_L + S W_Q.",
    refuted_by="A risk above the floor of kernel methods, an f_Q without the sparse part, or a kernel that stays.",
    equations=("regularised-loss", "risk-floor"),
    hypotheses=HYPOTHESES,
    depends_on=("G5", "N5"),
    design=lambda p: tuple(paired_cell(p, a, arm) for arm in ARMS for a in paired(p)),
    rules=lambda p: tuple(_rule(p, name) for name in SCATTER),
    predict=_predict,
    observe=_observe,
    controls=(
        Control(
            f"the lazy scaling of arXiv:1812.07956, without regulariser: labels divided by {LAZY:g}",
            observe=lambda p, evidence: _observe(p, evidence, "lazy"),
        ),
    ),
    describe=_described,
    figure=_figure,
    obstacles=lambda p, e: obstacles(p, e, ("joint",)),
    world=World(
        lazier,
        "way of the trained network to the lazy regime's best",
        0.0,
        1.0,
        "the best method linear in the labels",
        two_sided=False,
    ),
    ks=_ks,
    activations="pooled",
    repetitions=("risks.draws",),
)

CLAIMS = (N6,)
