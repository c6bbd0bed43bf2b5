"""N5 and N9: risks of ways of training, paired on the same draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from theory import multiplicity
from verify.cells.training import Arm, TrainedModels
from verify.claims.generalization.trained import everywhere, paired, paired_cell, paired_logs, paired_mean, some
from verify.claims.hypotheses import differentiable, nonzero, smooth
from verify.claims.plotting import SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

SCATTER = 0.2
"""Standard deviation of the logarithm of a ratio of two risks on the same draw, at most: 0.05 to 0.1 within an
activation in the pilot, and 0.1 to 0.15 between activations."""
SPOILT_BY_RANDOM_DIRECTIONS = (1,)
"""The k at which random directions in place of the good ones must spoil joint training. At k = 2 they need not: f_Q
learns a dense part of degree 2 by itself, at the same order of samples (docs/open-question). Measured at d = 28: risk
.98 with random directions, .88 of the QuadNTK, .75 with the good ones and 1.20 of the NTK."""
WORSE = 0.6
"""The alternative: the first risk larger than the second by this logarithm (a factor 1.8), three times the scatter, so
that a mean over the draws cannot miss it."""

KERNELS: dict[Arm, str] = {
    "ntk": "the NTK (best ridge)",
    "quadntk": "the QuadNTK",
    "no_r1_r3": "joint without R1 and R3",
}
Pairs = dict[str, tuple[Arm, Arm]]
"""Two arms whose risks are compared, by label. A control puts another arm in the place of one, under the same label."""
# R1 has two forms that can act at once: in population, and on the training inputs (numerics.terms.r1).
BOTH = "R1 in both forms over R1 off"
MEDIUM: Pairs = {
    BOTH: ("joint", "no_r1"),
    "R1 on the training inputs over R1 in population only": ("r1_training", "r1_population"),
}
ENERGY = "log(energy of f_L in medium directions / loss)"


def _ks(p: Profile) -> tuple[int, ...]:
    return tuple(p.training.paired_dimension)


def _name(label: str) -> str:
    return f"log ratio of risks, {label}"


def _count(p: Profile) -> int:
    return p.training.paired_draws[p.k] * len(paired(p))


def _rule(p: Profile, label: str) -> DecisionRule:
    """The mean of log(risk / risk) over all draws is negative: no margin, as an inequality has none."""
    return DecisionRule(_name(label), "mean", "below", 0.0, WORSE, SCATTER, _count(p))


def _setting(p: Profile) -> str:
    cells = [paired_cell(p, a, "joint") for a in paired(p)]
    sizes = "; ".join(
        f"{c.activation}: n = {c.n}, {c.n / multiplicity(c.d, p.k + 1):.2f} N(d,{p.k + 1})" for c in cells
    )
    missing = [a for a in p.activations if a not in paired(p)]
    note = f" For {', '.join(missing)} this d is not large (n would exceed the share below)." if missing else ""
    return (
        f"{p.training.paired_draws[p.k]} draws of network, data and target for each activation at d = {cells[0].d}, "
        f"m = {cells[0].m} ({sizes}), energies 1 + 1 in degrees {p.k} and {p.k + 1}. d counts as large when n is at "
        f"most {p.training.largest_share:g} N(d,{p.k + 1}): then no kernel method can know more than that share of a "
        f"direction of degree {p.k + 1}.{note}"
    )


def _ratios(p: Profile, evidence: Evidence, pairs: Pairs) -> dict[str, list[float]]:
    """Logarithms of the ratios of risks, a number for each draw."""
    return {_name(label): paired_logs(p, evidence, arm, rival) for label, (arm, rival) in pairs.items()}


def _over_rivals(p: Profile, arm: Arm) -> Pairs:
    """At k = 2 the difference to the QuadNTK is reported and not judged: no theorem separates them."""
    judged = {rival: name for rival, name in KERNELS.items() if rival != "quadntk" or p.k == 1}
    return {f"joint over {name}": (arm, rival) for rival, name in judged.items()}


def _rivals_described(p: Profile, evidence: Evidence) -> str:
    means = ", ".join(f"{name} {paired_mean(p, evidence, rival):.3f}" for rival, name in KERNELS.items())
    report = ""
    if p.k > 1:
        logs = np.array(paired_logs(p, evidence, "joint", "quadntk"))
        error = 2.58 * float(np.nanstd(logs, ddof=1)) / math.sqrt(max(int((~np.isnan(logs)).sum()), 1))
        report = (
            f" log(joint / QuadNTK) = {float(np.nanmean(logs)):.3f} +- {error:.3f}, not judged at k = {p.k}. With "
            f"random directions in place of the good ones, which at this k is no control because f_Q learns the dense "
            f"part too: {paired_mean(p, evidence, 'random_directions'):.3f}."
        )
    return f"{_setting(p)} Mean test risks: joint {paired_mean(p, evidence, 'joint'):.3f}, {means}.{report}"


def _energy_rule(p: Profile) -> DecisionRule:
    """The mean of log(|f_L(P_>k W)|^2 / L(W)) is negative.

    R1 enters the loss with weight 1, so what it measures is at most the loss that training reaches. Noise: 0.1 within
    an activation and arm, 0.4 to 0.8 between activations.
    """
    return DecisionRule(ENERGY, "mean", "below", 0.0, 3.0, 0.85, _count(p))


def _over_medium(arm: Arm) -> Pairs:
    """An arm in place of each that has R1."""
    return {label: (arm, rival) for label, (_, rival) in MEDIUM.items()}


def _energies(p: Profile, evidence: Evidence, arm: Arm) -> dict[str, list[float]]:
    """Logarithms of an arm's energy of f_L in the medium directions relative to its loss."""
    rows = [evidence[paired_cell(p, activation, arm)] for activation in paired(p)]
    return {ENERGY: [math.log(e / total) for n in rows for e, total in zip(n["medium"], n["loss"], strict=True)]}


def _medium_described(p: Profile, evidence: Evidence) -> str:
    names: tuple[Arm, ...] = ("joint", "r1_training", "r1_population", "no_r1")
    means = ", ".join(
        f"{name} {paired_mean(p, evidence, name):.3f} ({paired_mean(p, evidence, name, 'medium'):.3f})"
        for name in names
    )
    return (
        f"{_setting(p)} Mean test risks, in brackets the energy of f_L in the medium directions, |f_L(P_>k W)|^2 on "
        f"test points: {means}. R3 is on in all four."
    )


def _design(*arms: Arm) -> Callable[[Profile], tuple[TrainedModels, ...]]:
    return lambda p: tuple(paired_cell(p, a, arm) for arm in arms for a in paired(p))


def _figure(names: dict[Arm, str]) -> Any:
    def figure(p: Profile, evidence: Evidence, ax: Any) -> None:
        x = np.arange(len(names))
        for i, activation in enumerate(paired(p)):
            table = np.array([evidence[paired_cell(p, activation, arm)]["risk"] for arm in names])
            ax.plot(x, table, "-", color="#c8ccd0", lw=0.7, zorder=1)
            ax.plot(x + 0.06 * i, table, "o", color=SERIES[i], ms=4, mfc="none", zorder=2)
            ax.plot([], [], "o", color=SERIES[i], ms=4, mfc="none", label=plain(activation))
        ax.set_xticks(x, list(names.values()))
        ax.set_ylim(bottom=0)
        finish(ax, "", "test risk")

    return figure


def _at(p: Profile) -> int:
    return p.training.paired_dimension[p.k]


HYPOTHESES = (
    everywhere(differentiable(2)),
    everywhere(smooth),
    some(paired, "n small enough against N(d, k+1); take a larger training.paired_dimension"),
    everywhere(nonzero(1, lambda p: range(p.k), _at)),
    everywhere(nonzero(2, lambda p: [p.k - 1], _at)),
)

N5 = Claim(
    id="N5",
    title="Joint training beats both kernels",
    statement=r"n = C d^k,\ d \text{ large: } \quad \text{risk}_{\text{joint}} < \text{risk}_{\text{NTK}}, \quad "
    r"\text{risk}_{\text{joint}} < \text{risk}_{\text{QuadNTK}} \ (k = 1), \quad \text{risk}_{\text{joint}} < "
    r"\text{risk}_{R_1 = R_3 = 0}",
    source="abstract of arXiv:2206.03688 (improvement over both kernels alone); sizes: docs/mathematics, section 6",
    why="The NTK has too few samples for degree k + 1; the QuadNTK pays for the dense part with its capacity, at a "
    "larger constant. Joint training fits the dense part through the good directions and leaves f_Q for the sparse "
    "one. Without R1 and R3 the linear term fits the samples through all md directions and degree k + 1 is lost to "
    "noise.",
    refuted_by="A mean log ratio of risks above 0 on the same draws, for any of the rivals.",
    equations=("regularised-loss",),
    hypotheses=HYPOTHESES,
    depends_on=("N1", "G5"),
    design=_design("joint", "ntk", "quadntk", "no_r1_r3", "random_directions", "permuted_labels"),
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
    ks=_ks,
    activations="pooled",
)

N9 = Claim(
    id="N9",
    title="Medium directions harm",
    statement=r"n = C d^k,\ d \text{ large: } \quad \text{risk}(R_1 \text{ in both forms}) < \text{risk}(R_1 \text{ "
    r"off}), \quad \text{risk}(R_1 \text{ on the training inputs}) < \text{risk}(R_1 \text{ in population only}), "
    r"\quad \|f_L(P_{>k}W)\|^2 \le L(W)",
    source="derived: docs/mathematics, sections 4 and 5",
    why="In the medium directions, eigenvalues of order d^-k, n < d^(k+1) samples cannot fix the linear term: it "
    "fits them with noise of degree k + 1. R1 in population makes that dear but does not stop f_L from memorising n "
    "points when md exceeds n by far; R1 on the training inputs does.",
    refuted_by="A mean log ratio of risks above 0 on the same draws, for either comparison, or more energy of f_L in "
    "the medium directions than the loss admits.",
    equations=("regularised-loss",),
    hypotheses=HYPOTHESES,
    depends_on=("G1", "N5"),
    design=_design(
        "joint", "no_r1", "r1_training", "r1_population", "random_directions", "no_r1_r3", "permuted_labels"
    ),
    rules=lambda p: (*(_rule(p, label) for label in MEDIUM), _energy_rule(p)),
    predict=lambda p: {**{_name(label): 0.0 for label in MEDIUM}, ENERGY: 0.0},
    observe=lambda p, e: {**_ratios(p, e, MEDIUM), **_energies(p, e, "joint")},
    controls=(
        Control(
            "R1 with random directions in place of the good ones, in both comparisons",
            observe=lambda p, e: _ratios(p, e, _over_medium("random_directions")),
            ks=SPOILT_BY_RANDOM_DIRECTIONS,
        ),
        Control(
            "training on shuffled labels, in both comparisons",
            observe=lambda p, e: _ratios(p, e, _over_medium("permuted_labels")),
        ),
        Control(
            "R1 and R3 switched off in what counts as joint training",
            observe=lambda p, e: {**_ratios(p, e, {BOTH: ("no_r1_r3", "no_r1")}), **_energies(p, e, "no_r1_r3")},
        ),
    ),
    describe=_medium_described,
    figure=_figure(
        {
            "joint": "both",
            "r1_training": "training\ninputs",
            "r1_population": "r1_population",
            "no_r1": "no_r1",
            "random_directions": "random\ndirections",
        }
    ),
    ks=_ks,
    activations="pooled",
)

CLAIMS = (N5, N9)
