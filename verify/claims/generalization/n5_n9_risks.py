"""N5 and N9: risks of ways of training, paired on the same draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from verify.cells.trained import TrainedModels
from verify.cells.training import Arm
from verify.claims.generalization.paired import (
    HYPOTHESES,
    chosen,
    column,
    obstacles,
    paired,
    paired_cell,
    paired_logs,
    paired_mean,
    setting,
)
from verify.claims.generalization.paired_worlds import paired_arms
from verify.claims.plotting import SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

SCATTER = 0.3
"""Standard deviation of the logarithm of a ratio of two risks on the same draw, at most: 0.05 to 0.1 within an
activation in the pilot, and 0.1 to 0.25 between activations."""
SPOILT_BY_RANDOM_DIRECTIONS = (1,)
"""The k at which random directions in place of the good ones must spoil joint training. At k = 2 they need not: f_Q
learns a dense part of degree 2 by itself, at the same order of samples (docs/open-question)."""
WORSE = 1.1
"""The alternative: the first risk larger than the second by this logarithm (a factor 3), nearly four times the scatter,
so that a mean over the draws cannot miss it."""

KERNELS: dict[Arm, str] = {
    "ntk": "the NTK",
    "quadntk": "the QuadNTK",
    "no_r1_r3": "joint without R1 and R3",
}
Pairs = dict[str, tuple[Arm, Arm]]
"""Two arms whose risks are compared, by label. A control puts another arm in the place of one, under the same label."""
# R1 has two forms that can act at once: in population, and on the training inputs (numerics.terms.r1).
FORMS: dict[Arm, str] = {
    "r1_training": "R1 on the training inputs",
    "joint": "R1 in both forms",
    "r1_population": "R1 in population only",
    "no_r1_r3": "R1 and R3 off",
}
MEDIUM: Pairs = {
    f"{FORMS[arm]} over {FORMS['r1_population']}": (arm, "r1_population") for arm in ("r1_training", "joint")
}
ARMS: tuple[Arm, ...] = ("joint", "ntk", "quadntk", "no_r1_r3", "random_directions", "permuted_labels")
R1_ARMS: tuple[Arm, ...] = ("joint", "r1_training", "r1_population", *ARMS[1:2], *ARMS[3:])
ENERGY = "log(l1 x energy of f_L in medium directions / loss)"


def _ks(p: Profile) -> tuple[int, ...]:
    return tuple(p.risks.dimension)


def _name(label: str) -> str:
    return f"log ratio of risks, {label}"


def _count(p: Profile) -> int:
    return p.risks.draws[p.k] * len(paired(p))


def _rule(p: Profile, label: str) -> DecisionRule:
    """The mean of log(risk / risk) over all draws is negative: no margin, as an inequality has none."""
    return DecisionRule(_name(label), "mean", "below", 0.0, WORSE, SCATTER, _count(p))


def _ratios(p: Profile, evidence: Evidence, pairs: Pairs) -> dict[str, list[float]]:
    """Logarithms of the ratios of risks, a number for each draw."""
    return {_name(label): paired_logs(p, evidence, arm, rival) for label, (arm, rival) in pairs.items()}


def _over_rivals(p: Profile, arm: Arm) -> Pairs:
    """At k = 2 the difference to the QuadNTK is reported and not judged: no theorem separates them."""
    judged = {rival: name for rival, name in KERNELS.items() if rival != "quadntk" or p.k == 1}
    return {f"joint over {name}": (arm, rival) for rival, name in judged.items()}


def _mean_log(p: Profile, evidence: Evidence, arm: Arm, rival: Arm) -> str:
    """The mean log ratio with its standard error, over all draws that did not diverge."""
    own, other = (
        np.concatenate([column(evidence[paired_cell(p, a, name)], "risk") for a in paired(p)]) for name in (arm, rival)
    )
    logs = np.log(own / other)
    known = logs[~np.isnan(logs)]
    if len(known) < 2:
        return "unknown"
    return f"{known.mean():.3f} (standard error {known.std(ddof=1) / math.sqrt(len(known)):.3f})"


def _rivals_described(p: Profile, evidence: Evidence) -> str:
    means = ", ".join(f"{name} {paired_mean(p, evidence, rival):.3f}" for rival, name in KERNELS.items())
    report = f" Chosen: joint {chosen(p, evidence, 'joint')}; QuadNTK {chosen(p, evidence, 'quadntk')}."
    if p.k > 1:
        report += (
            f" log(joint / QuadNTK) = {_mean_log(p, evidence, 'joint', 'quadntk')}, not judged at k = {p.k}. With "
            f"random directions in place of the good ones, which at this k is no control because f_Q learns the dense "
            f"part too: {paired_mean(p, evidence, 'random_directions'):.3f}."
        )
    return f"{setting(p)} Mean test risks: joint {paired_mean(p, evidence, 'joint'):.3f}, {means}.{report}"


def _energy_rule(p: Profile) -> DecisionRule:
    """The mean of log(l1 |f_L(P_>k W)|^2 / L(W)) is negative.

    R1 in population enters the loss with weight l1, so l1 times what it measures is at most the loss that training
    reaches. Noise: 0.1 within an activation and arm, 0.4 to 0.8 between activations.
    """
    return DecisionRule(ENERGY, "mean", "below", 0.0, 3.0, 0.85, _count(p))


def _over_population(arm: Arm) -> Pairs:
    """An arm in place of each that has R1 on the training inputs."""
    return {label: (arm, rival) for label, (_, rival) in MEDIUM.items()}


def _energies(p: Profile, evidence: Evidence, arm: Arm) -> dict[str, list[float]]:
    """Logarithms of l1 times an arm's energy of f_L in the medium directions, relative to its loss."""
    logs: list[float] = []
    for activation in paired(p):
        cell = paired_cell(p, activation, arm)
        numbers = evidence[cell]
        l1, _ = cell.candidates[numbers["chosen"]]
        logs += np.log(l1 * column(numbers, "medium") / column(numbers, "loss")).tolist()
    return {ENERGY: logs}


def _medium_described(p: Profile, evidence: Evidence) -> str:
    means = ", ".join(
        f"{name} {paired_mean(p, evidence, arm):.3f} ({paired_mean(p, evidence, arm, 'medium'):.3f})"
        for arm, name in FORMS.items()
    )
    weights = "; ".join(f"{FORMS[arm]}: {chosen(p, evidence, arm)}" for arm in FORMS if arm != "no_r1_r3")
    return (
        f"{setting(p)} Mean test risks, in brackets the energy of f_L in the medium directions, |f_L(P_>k W)|^2 on "
        f"test points: {means}. The form on the training inputs is the one that the separation needs: log(R1 in "
        f"population only / R1 and R3 off) = {_mean_log(p, evidence, 'r1_population', 'no_r1_r3')}, log(R1 in "
        f"population only / NTK) = {_mean_log(p, evidence, 'r1_population', 'ntk')}, log(R1 on the training inputs / "
        f"R1 and R3 off) = {_mean_log(p, evidence, 'r1_training', 'no_r1_r3')}, log(R1 in both forms / R1 on the "
        f"training inputs) = {_mean_log(p, evidence, 'joint', 'r1_training')}. Chosen: {weights}."
    )


def _design(*arms: Arm) -> Callable[[Profile], tuple[TrainedModels, ...]]:
    return lambda p: tuple(paired_cell(p, a, arm) for arm in arms for a in paired(p))


def _figure(names: dict[Arm, str]) -> Any:
    def figure(p: Profile, evidence: Evidence, ax: Any) -> None:
        x = np.arange(len(names))
        for i, activation in enumerate(paired(p)):
            table = np.array([column(evidence[paired_cell(p, activation, arm)], "risk") for arm in names])
            ax.plot(x + 0.06 * i, table, "-", color="#c8ccd0", lw=0.7, zorder=1)
            ax.plot(x + 0.06 * i, table, "o", color=SERIES[i], ms=4, mfc="none", zorder=2)
            ax.plot([], [], "o", color=SERIES[i], ms=4, mfc="none", label=plain(activation))
        ax.set_xticks(x, list(names.values()))
        ax.set_ylim(bottom=0)
        finish(ax, "", "test risk")

    return figure


N5 = Claim(
    id="N5",
    title="Joint below NTK, and below QuadNTK by a constant",
    statement=r"n = C d^k,\ d \text{ large: } \quad \text{risk}_{\text{joint}} < \text{risk}_{\text{NTK}}, \quad "
    r"\text{risk}_{\text{joint}} < \text{risk}_{\text{QuadNTK}} \ (k = 1), \quad \text{risk}_{\text{joint}} < "
    r"\text{risk}_{R_1 = R_3 = 0}",
    source="abstract of arXiv:2206.03688 (improvement over both kernels alone); sizes: docs/mathematics, section 6",
    why="The NTK has too few samples for degree k + 1: it needs d^(k+1), joint training d^k up to logarithms, so what "
    "separates them is a power of d (N2, N3). The QuadNTK pays for the dense part with its capacity; that costs a "
    "factor in samples and no power of d, its exponent is k too up to logarithms (docs/open-question). Joint training "
    "fits the dense part through the good directions and leaves f_Q for the sparse one. Without R1 and R3 the linear "
    "term fits the samples through all md directions and degree k + 1 is lost to noise.",
    refuted_by="A mean log ratio of risks above 0 on the same draws, for any of the rivals, each with its own best "
    "weights.",
    equations=("regularised-loss", "risk-floor"),
    hypotheses=HYPOTHESES,
    depends_on=("N1", "G5"),
    design=_design(*ARMS),
    rules=lambda p: tuple(_rule(p, label) for label in _over_rivals(p, "joint")),
    predict=lambda p: {_name(label): 0.0 for label in _over_rivals(p, "joint")},
    observe=lambda p, e: _ratios(p, e, _over_rivals(p, "joint")),
    controls=(
        Control(
            "joint training with random directions in place of the good ones, on the same draws",
            observe=lambda p, e: _ratios(p, e, _over_rivals(p, "random_directions")),
            ks=SPOILT_BY_RANDOM_DIRECTIONS,
        ),
        Control(
            "joint training on shuffled labels", observe=lambda p, e: _ratios(p, e, _over_rivals(p, "permuted_labels"))
        ),
    ),
    describe=_rivals_described,
    figure=_figure(
        {
            "joint": "joint",
            "ntk": "NTK",
            "quadntk": "QuadNTK",
            "no_r1_r3": "no R1, R3",
            "random_directions": "random\ndirections",
        }
    ),
    obstacles=lambda p, e: obstacles(p, e, ("joint", *KERNELS), tuple(KERNELS)),
    world=World(
        lambda p, truth, chance: paired_arms(p, ARMS, truth, chance, {"joint": "ntk"}),
        "way of joint training's log risk to the NTK's",
        0.0,
        1.0,
        "joint training needs as many samples as the NTK",
        two_sided=False,
    ),
    ks=_ks,
    activations="pooled",
    repetitions=("risks.draws",),
)

N9 = Claim(
    id="N9",
    title="The separation needs R1 on the training inputs",
    statement=r"n = C d^k,\ d \text{ large, each with its best } l_1: \quad \text{risk}(R_1 \text{ on the training "
    r"inputs}),\ \text{risk}(R_1 \text{ in both forms}) < \text{risk}(R_1 \text{ in population only}), \quad l_1 "
    r"\|f_L(P_{>k}W)\|^2 \le L(W)",
    source="derived: docs/mathematics, sections 4 and 5",
    why="In the medium directions, eigenvalues of order d^-k, n < d^(k+1) samples cannot fix the linear term: it "
    "fits them with noise of degree k + 1. R1 in population makes that dear but does not stop f_L from memorising n "
    "points when md exceeds n by far, and a larger l1 helps little; R1 on the training inputs does. Medium directions "
    "harm through what they fit on the samples, not through their energy in population, which is larger with R1 on "
    "the training inputs alone.",
    refuted_by="A mean log ratio of risks above 0 on the same draws, for either comparison, or more energy of f_L in "
    "the medium directions than the loss admits.",
    equations=("regularised-loss",),
    hypotheses=HYPOTHESES,
    depends_on=("G1", "N5"),
    design=_design(*R1_ARMS),
    rules=lambda p: (*(_rule(p, label) for label in MEDIUM), _energy_rule(p)),
    predict=lambda p: {**{_name(label): 0.0 for label in MEDIUM}, ENERGY: 0.0},
    observe=lambda p, e: {**_ratios(p, e, MEDIUM), **_energies(p, e, "joint")},
    controls=(
        Control(
            "R1 with random directions in place of the good ones, in both comparisons",
            observe=lambda p, e: _ratios(p, e, _over_population("random_directions")),
            ks=SPOILT_BY_RANDOM_DIRECTIONS,
        ),
        Control(
            "training on shuffled labels, in both comparisons",
            observe=lambda p, e: _ratios(p, e, _over_population("permuted_labels")),
        ),
        Control(
            "R1 and R3 switched off in what counts as R1 on the training inputs, or in both forms",
            observe=lambda p, e: {
                **_ratios(p, e, _over_population("no_r1_r3")),
                **_energies(p, e, "no_r1_r3"),
            },
        ),
    ),
    describe=_medium_described,
    figure=_figure(
        {
            "r1_training": "training\ninputs",
            "joint": "both\nforms",
            "r1_population": "population\nonly",
            "no_r1_r3": "no R1, R3",
            "random_directions": "random\ndirections",
        }
    ),
    obstacles=lambda p, e: obstacles(p, e, ("joint", "r1_training", "r1_population"), ("r1_population",)),
    world=World(
        lambda p, truth, chance: paired_arms(
            p, R1_ARMS, truth, chance, {"joint": "r1_population", "r1_training": "r1_population"}
        ),
        "way of the log risks with R1 on the inputs to that without",
        0.0,
        1.0,
        "R1 in population is enough",
        two_sided=False,
    ),
    ks=_ks,
    activations="pooled",
    repetitions=("risks.draws",),
)

CLAIMS = (N5, N9)
