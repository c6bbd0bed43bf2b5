"""N13: joint training on other classes of targets, labels and losses."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np

import theory
from verify.cells.target_classes import NOISE, STRENGTHS, TargetClass, TargetClassModels
from verify.cells.training import Arm
from verify.claims.activations import SETTLED, affordable, scaled_samples, trainable
from verify.claims.generalization.class_worlds import class_arms
from verify.claims.generalization.paired import column, falls
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import CENSORED, DecisionRule, Prediction
from verify.predictions.sample_counts import r4_weight
from verify.sizes.profile import Profile

CLASSES: tuple[TargetClass, ...] = get_args(TargetClass)
MORE: dict[TargetClass, float] = {"three directions": 1.6, "product": 1.3, "label noise": 1.3}
"""Samples relative to the target in one direction. R terms of strengths alpha_i cost W_Q (sum |alpha_i|)^2 times the
budget of one, when each has a share of the neurons in proportion to |alpha_i|: 2.7 for the three directions, 2 for the
product of two coordinates; that is an upper bound of what they need more."""
FLOORED: tuple[TargetClass, ...] = ("one direction", "all degrees", "huber")
"""Classes whose risk is held against the floor of kernel methods."""
RIVALS: dict[Arm, str] = {"ntk": "NTK", "quadntk": "QuadNTK"}
ARMS: dict[Arm, str] = {"joint": "joint", **RIVALS}
SCATTER: dict[Arm, float] = {"ntk": 0.3, "quadntk": 0.65}
"""Standard deviation of one log ratio, at most: 0.05 to 0.26 and 0.35 to 0.6 in the pilot, differences between
activations included."""
WORSE: dict[Arm, float] = {"ntk": 1.0, "quadntk": 1.8}
"""The alternative: the first risk larger by this logarithm."""
OVER_FLOOR = 0.2
"""Standard deviation of one ratio to the floor, at most; 0.08 to 0.13 in the pilot."""
BELOW_FLOOR = (1, 2)
"""The k at which the profile's d is large enough for risks below the floor."""


def classes(p: Profile) -> tuple[TargetClass, ...]:
    """Those that a case judges."""
    return CLASSES[:1] if p.k in p.classes.narrow else CLASSES


def samples(p: Profile, activation: str, target_class: TargetClass) -> int:
    """n of a class."""
    s = p.classes
    return scaled_samples(p, activation, s.dimension[p.k], s.ratio[p.k] * MORE.get(target_class, 1.0))


def class_cell(p: Profile, activation: str, target_class: TargetClass, arm: Arm) -> TargetClassModels:
    """An arm on the draws that all arms share."""
    s, t = p.classes, p.training
    d = s.dimension[p.k]
    steps = {"quadntk": s.steps[p.k] // 2, "permuted_labels": s.steps[p.k] // 5}.get(arm, s.steps[p.k])
    share = t.quadratic_share if arm == "quadntk" else t.share
    kernel = arm == "ntk"
    return TargetClassModels(
        base_seed=p.base_seed,
        activation=activation,
        device=p.device,
        d=d,
        m=s.width[p.k] * d,
        k=p.k,
        n=samples(p, activation, target_class),
        steps=steps,
        start=t.start,
        draws=s.draws[p.k],
        arm=arm,
        candidates=() if kernel else ((1.0, r4_weight(activation, p.k, d, share)),),
        validation=s.validation if kernel else 0,
        ridges=s.ridges,
        kernel_width=max(t.kernel_width.get(p.k, 0), s.width[p.k]) * d if kernel else None,
        target_class=target_class,
    )


def _floor(p: Profile, activation: str, target_class: TargetClass) -> float:
    return float(theory.risk_floor(p.classes.dimension[p.k], samples(p, activation, target_class), {p.k + 1: 1}))


def _count(p: Profile) -> int:
    return p.classes.draws[p.k] * len(affordable(p))


def _judged(p: Profile) -> dict[str, tuple[TargetClass, Arm]]:
    """Rival arms by the label of a comparison; at k > 1 the QuadNTK is reported only, as no theorem separates them."""
    rivals: dict[Arm, str] = RIVALS if p.k == 1 else {"ntk": RIVALS["ntk"]}
    return {f"{c}: log(joint / {name})": (c, arm) for c in classes(p) for arm, name in rivals.items()}


def _floored(p: Profile) -> dict[str, TargetClass]:
    if p.k not in BELOW_FLOOR:
        return {}
    return {f"{c}: joint / floor of kernel methods": c for c in classes(p) if c in FLOORED}


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    ratios = [
        DecisionRule(name, "mean", "below", 0.0, WORSE[rival], SCATTER[rival], _count(p))
        for name, (_, rival) in _judged(p).items()
    ]
    floors = [DecisionRule(n, "mean", "below", 0.0, 0.7, OVER_FLOOR, _count(p), scale="ratio") for n in _floored(p)]
    return (*ratios, *floors)


def _predict(p: Profile) -> dict[str, Prediction | float]:
    floors = {
        name: Prediction([_floor(p, a, c) for a in affordable(p) for _ in range(p.classes.draws[p.k])])
        for name, c in _floored(p).items()
    }
    return {**dict.fromkeys(_judged(p), 0.0), **floors}


def _risks(p: Profile, evidence: Evidence, target_class: TargetClass, arm: Arm) -> np.ndarray:
    """Of every draw; NaN where it diverged."""
    return np.concatenate([column(evidence[class_cell(p, a, target_class, arm)], "risk") for a in affordable(p)])


def _moves(p: Profile, evidence: Evidence, target_class: TargetClass, arm: Arm) -> np.ndarray:
    return np.concatenate([falls(evidence[class_cell(p, a, target_class, arm)]) for a in affordable(p)])


def _observe(p: Profile, evidence: Evidence, arm: Arm = "joint") -> dict[str, np.ndarray]:
    """NaN where the arm's risk still rises, or the rival's still falls."""
    found = {}
    for name, (c, rival) in _judged(p).items():
        usable = (_moves(p, evidence, c, arm) >= -SETTLED) & (_moves(p, evidence, c, rival) <= SETTLED)
        logs = np.log(_risks(p, evidence, c, arm) / _risks(p, evidence, c, rival))
        found[name] = np.where(usable, logs, math.nan)
    for name, c in _floored(p).items():
        usable = _moves(p, evidence, c, arm) >= -SETTLED
        found[name] = np.where(usable, _risks(p, evidence, c, arm), math.nan)
    return found


def _mean(values: np.ndarray) -> str:
    """Mean with its standard error."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return "-" if not len(known) else f"{known[0]:.2f}"
    return f"{known.mean():.2f} +- {known.std(ddof=1) / math.sqrt(len(known)):.2f}"


def _described(p: Profile, evidence: Evidence) -> str:
    s, d = p.classes, p.classes.dimension[p.k]
    rows = []
    for c in classes(p):
        means = ", ".join(f"{name} {_mean(_risks(p, evidence, c, arm))}" for arm, name in ARMS.items())
        floors = [_floor(p, a, c) for a in affordable(p)]
        rows.append(f"{c}: {means}, floor {min(floors):.2f}" + (f" to {max(floors):.2f}" if len(floors) > 1 else ""))
    counts = ", ".join(f"{a}: {samples(p, a, 'one direction')}" for a in affordable(p))
    return (
        f"The network f itself at d = {d}, m = {s.width[p.k] * d}, {s.draws[p.k]} draws of each activation; n for one "
        f"direction: {counts} (N(d,{p.k + 1}) = {theory.multiplicity(d, p.k + 1)}), more by the factors "
        f"{', '.join(f'{factor:g} ({c})' for c, factor in MORE.items())}. Mean test risks with standard errors: "
        f"{'; '.join(rows)}. With the logistic loss risks are shares of wrong signs, and the floor does not apply; "
        f"with noise of variance {NOISE:g} they are against the target without it. The three directions have energies "
        f"about {', '.join(f'{x:g}' for x in STRENGTHS)}."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    shown = classes(p)
    for i, (arm, name) in enumerate(ARMS.items()):
        for j, c in enumerate(shown):
            values = _risks(p, evidence, c, arm)
            ax.plot(values, [j + 0.18 * (i - 1)] * len(values), "os^"[i], color=SERIES[i], ms=4, mfc="none")
        ax.plot([], [], "os^"[i], color=SERIES[i], ms=4, mfc="none", label=name)
    for j, c in enumerate(shown):
        if c != "logistic":
            floor = float(np.mean([_floor(p, a, c) for a in affordable(p)]))
            ax.plot([floor] * 2, [j - 0.35, j + 0.35], "--", color=PREDICTED, lw=1.2)
    ax.plot([], [], "--", color=PREDICTED, lw=1.2, label="floor of kernels")
    ax.set_yticks(range(len(shown)), shown)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(left=0)
    finish(ax, "test risk", "")


def _obstacles(p: Profile, evidence: Evidence) -> tuple[str, ...]:
    found = []
    trained: tuple[Arm, ...] = ("joint", "quadntk")
    for arm in trained:
        for c in classes(p):
            moves = _moves(p, evidence, c, arm)
            lost = int(np.isnan(moves).sum())
            if lost:
                found.append(f"{c}, arm {arm}: {lost} of {len(moves)} draws diverged; their observations are missing")
            restless = int((moves < -SETTLED).sum() if arm == "joint" else (moves > SETTLED).sum())
            if restless > CENSORED * len(moves) and (arm == "joint" or p.k == 1):
                found.append(
                    f"{c}, arm {arm}: the risk of {restless} of {len(moves)} draws still moves by more than "
                    f"{SETTLED:.0%} in the second half of the steps; classes.steps = {2 * p.classes.steps[p.k]} would "
                    f"resolve it"
                )
    return tuple(found)


def _at(p: Profile) -> int:
    return p.classes.dimension[p.k]


def _cells(p: Profile) -> tuple[TargetClassModels, ...]:
    arms: tuple[Arm, ...] = ("joint", "ntk", "quadntk", "permuted_labels")
    return tuple(class_cell(p, a, c, arm) for c in classes(p) for arm in arms for a in affordable(p))


N13 = Claim(
    id="N13",
    title="Other targets, labels and losses",
    statement=r"n = C d^k: \quad \text{risk}_{\text{joint}} < \text{risk}_{\text{NTK}}, \quad "
    r"\text{risk}_{\text{joint}} < \text{risk}_{\text{QuadNTK}} \ (k = 1), \quad \text{risk}_{\text{joint}} < 1 - "
    r"\tfrac{n}{N(d,k+1)}",
    source="Theorem 1 of arXiv:2206.03688 (targets: f_k of degree at most k plus R sparse terms; convex losses)",
    why="W_Q pays for R terms of strengths alpha_i with (sum |alpha_i|)^2 times the budget of one, and any harmonic of "
    "degree k + 1 in few variables is a sum of few: a product of k + 1 coordinates is one of 2^k. Energy in lower "
    "degrees lies in the good directions as well. Noise on the labels and another convex loss with bounded curvature "
    "change constants and no exponent. The kernels' floor holds for every target of a fixed shape in a uniform frame.",
    refuted_by="A class on which joint training has, on average, a larger risk than the NTK (or, at k = 1, the "
    "QuadNTK) on the same draws, or a risk above the floor of kernel methods.",
    equations=("regularised-loss", "risk-floor"),
    hypotheses=trainable(_at),
    depends_on=("N5", "G3"),
    design=_cells,
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control(
            "joint training on shuffled labels, in every class", observe=lambda p, e: _observe(p, e, "permuted_labels")
        ),
    ),
    describe=_described,
    figure=_figure,
    obstacles=_obstacles,
    world=World(
        lambda p, truth, chance: class_arms(_cells(p), truth, chance),
        "way of joint training's log risks to the NTK's",
        0.0,
        1.0,
        "joint training needs as many samples as the NTK",
        two_sided=False,
    ),
    ks=lambda p: tuple(p.classes.dimension),
    activations="pooled",
    repetitions=("classes.draws",),
)

CLAIMS = (N13,)
