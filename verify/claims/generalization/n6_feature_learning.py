"""N6: the trained network itself has left the lazy regime."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from theory import multiplicity
from verify.cells.feature_learning import FeatureLearning
from verify.claims.generalization.trained import SETTLED, everywhere, in_high_dimension, samples, some
from verify.claims.hypotheses import differentiable, nonzero, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.rules import DecisionRule, Prediction, Scale
from verify.sizes.profile import Profile


def _ks(p: Profile) -> tuple[int, ...]:
    return tuple(p.training.feature_dimension)


def _chosen(p: Profile) -> tuple[str, ...]:
    s = p.training
    return in_high_dimension(p, s.feature_dimension[p.k], s.feature_ratio[p.k], s.feature_share)


def _cell(p: Profile, activation: str, label_scale: float = 1.0) -> FeatureLearning:
    s = p.training
    d = s.feature_dimension[p.k]
    return FeatureLearning(
        base_seed=p.base_seed,
        activation=activation,
        device=p.device,
        d=d,
        m=s.width[p.k] * d,
        n=samples(p, activation, d, s.feature_ratio[p.k]),
        k=p.k,
        draws=s.feature_draws[p.k],
        steps=s.steps,
        rate=s.rate,
        start=s.start,
        r4=s.r4[p.k] / d ** (p.k - 1),
        label_scale=label_scale,
    )


def _floor(p: Profile, activation: str) -> float:
    """The least expected risk of any kernel method, 1 - n / N(d, k+1).

    Its predictor is linear in the n labels, so its part of degree k + 1 lies in a space of dimension n that does not
    know the direction of f_sp. That direction is uniform and f_sp has energy 1, of which such a space holds n / N(d,
    k+1) on average.
    """
    cell = _cell(p, activation)
    return 1 - cell.n / multiplicity(cell.d, p.k + 1)


def _share(p: Profile, activation: str) -> float:
    """The least <f, f_sp> of a predictor whose risk is at the floor: risk >= (1 - <f, f_sp>)^2."""
    return 1 - math.sqrt(_floor(p, activation))


RISK = "log(test risk / floor of kernel methods)"
SHARE = "<f_Q, f_sp> minus the share that the floor implies"
QUADRATIC = "energy of f_Q over the square of that share, log"
MOVEMENT = "kernel movement / (share x movement of the construction), log"
SCATTER = {RISK: 0.2, SHARE: 0.12, QUADRATIC: 0.6, MOVEMENT: 0.6}
"""Standard deviation of one observation, at most, differences between activations included."""
ALTERNATIVE = {RISK: 0.6, SHARE: -0.3, QUADRATIC: -1.5, MOVEMENT: -1.5}
"""What must be noticed: a risk 1.8 times the floor; f_Q without the sparse part; an energy or a movement smaller than
the threshold by a factor 4.5. A lazy network lies several powers of ten below the last two."""


def _rule(p: Profile, name: str) -> DecisionRule:
    """One side of a threshold, which each activation has of its own."""
    count = p.training.feature_draws[p.k] * len(_chosen(p))
    scale: Scale = "difference" if name == SHARE else "log ratio"
    side: Literal["below", "above"] = "below" if name == RISK else "above"
    return DecisionRule(name, "mean", side, 0.0, ALTERNATIVE[name], SCATTER[name], count, scale=scale)


def _predict(p: Profile) -> dict[str, Prediction]:
    """The thresholds, one for each draw."""
    activations = [a for a in _chosen(p) for _ in range(p.training.feature_draws[p.k])]
    shares = np.array([_share(p, a) for a in activations])
    floors = Prediction([_floor(p, a) for a in activations])
    return {RISK: floors, SHARE: Prediction(shares), QUADRATIC: Prediction(shares**2), MOVEMENT: Prediction(shares)}


def _observe(p: Profile, evidence: Evidence, label_scale: float = 1.0) -> dict[str, np.ndarray]:
    """What networks trained on labels divided by ``label_scale`` do; NaN where a run has not settled."""
    rows = [evidence[_cell(p, activation, label_scale)] for activation in _chosen(p)]
    names = ("risk", "risk_halfway", "share", "quadratic", "movement", "constructed")
    n = {name: np.concatenate([row[name] for row in rows]) for name in names}
    settled = np.abs(n["risk_halfway"] / n["risk"] - 1) <= SETTLED
    found = {
        RISK: n["risk"],
        SHARE: n["share"],
        QUADRATIC: np.maximum(n["quadratic"], 1e-300),
        MOVEMENT: np.maximum(n["movement"], 1e-300) / n["constructed"],
    }
    return {name: np.where(settled, values, math.nan) for name, values in found.items()}


def _described(p: Profile, evidence: Evidence) -> str:
    parts = []
    for activation in _chosen(p):
        n = evidence[_cell(p, activation)]
        mean = {key: float(np.mean(n[key])) for key in n}
        parts.append(
            f"{activation}: n = {_cell(p, activation).n}, risk {mean['risk']:.3f} (floor "
            f"{_floor(p, activation):.3f}), <f_Q, f_sp> = {mean['share']:.3f} (threshold "
            f"{_share(p, activation):.3f}), |f_Q|^2 = {mean['quadratic']:.3f}, <f_L, f_sp> = "
            f"{mean['linear_share']:.3f}, kernel moved by {mean['movement']:.4f}, the construction's by "
            f"{mean['constructed']:.3f}"
        )
    cell = _cell(p, _chosen(p)[0])
    return (
        f"The network f itself at d = {cell.d}, m = {cell.m}, trained on the regularised loss, {cell.draws} draws "
        f"for each activation. {'; '.join(parts)}."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    for i, activation in enumerate(_chosen(p)):
        for scale, marker in ((1.0, "o"), (p.training.label_scale, "s")):
            n = evidence[_cell(p, activation, scale)]
            label = f"{plain(activation)}, {'regularised' if scale == 1 else 'lazy'}"
            ax.semilogx(n["movement"], n["risk"], marker, color=SERIES[i], ms=5, mfc="none", label=label)
        ax.axhline(_floor(p, activation), color=PREDICTED, lw=0.8, ls=":" if i else "-")
    finish(ax, "relative movement of the kernel", "test risk")


def _at(p: Profile) -> int:
    return p.training.feature_dimension[p.k]


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
    equations=("regularised-loss",),
    hypotheses=(
        everywhere(differentiable(2)),
        everywhere(smooth),
        some(_chosen, "n small enough against N(d, k+1); take a larger training.feature_dimension"),
        everywhere(nonzero(1, lambda p: range(p.k), _at)),
        everywhere(nonzero(2, lambda p: [p.k - 1], _at)),
    ),
    depends_on=("G5", "N5"),
    design=lambda p: tuple(_cell(p, a, scale) for a in _chosen(p) for scale in (1.0, p.training.label_scale)),
    rules=lambda p: tuple(_rule(p, name) for name in SCATTER),
    predict=_predict,
    observe=_observe,
    controls=(
        Control(
            "the lazy scaling of arXiv:1812.07956: labels divided by 100, outputs multiplied back, no regulariser",
            observe=lambda p, evidence: _observe(p, evidence, p.training.label_scale),
        ),
    ),
    describe=_described,
    figure=_figure,
    ks=_ks,
    activations="pooled",
)

CLAIMS = (N6,)
