"""N5 and N9: risks of ways of training, paired on the same draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from theory import multiplicity
from verify.cells.training import Arm
from verify.claims.generalization.trained import everywhere, paired, paired_cell, paired_logs, paired_mean, some
from verify.claims.hypotheses import differentiable, nonzero, smooth
from verify.claims.plotting import SERIES, finish, plain
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.outcome import Comparison, Outcome
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

SCATTER = 0.2
"""Standard deviation of the logarithm of a ratio of two risks on the same draw, at most: 0.05 to 0.1 within an
activation in the pilot, and 0.1 to 0.15 between activations."""
BLIND = (1,)
"""The k at which random directions in place of the good ones must spoil joint training. At k = 2 they need not: f_Q
learns a dense part of degree 2 by itself, at the same order of samples (docs/open-question). Measured at d = 28: risk
.98 with random directions, .88 of the QuadNTK, .75 with the good ones and 1.20 of the NTK."""
WORSE = 0.6
"""The alternative: the first risk larger than the second by this logarithm (a factor 1.8)."""

KERNELS: dict[Arm, str] = {"ntk": "the NTK (best ridge)", "quadntk": "the QuadNTK", "free": "joint without R1 and R3"}
MEDIUM: tuple[tuple[Arm, Arm, str], ...] = (
    ("joint", "off", "R1 in both forms over R1 off"),
    ("training", "population", "R1 on the training inputs over R1 in population only"),
)


def _orders(p: Profile) -> tuple[int, ...]:
    return tuple(p.training.paired_dimension)


def _rule(p: Profile, name: str) -> DecisionRule:
    """The mean of log(risk / risk) over all draws is negative: no margin, as an inequality has none."""
    return DecisionRule(name, "mean", "below", 0.0, WORSE, SCATTER, p.training.paired_draws[p.k] * len(paired(p)))


def _compare(p: Profile, evidence: Evidence, arm: Arm, rival: Arm, label: str) -> Comparison:
    rule = _rule(p, f"log ratio of risks, {label}")
    return rule.compare(rule.name, 0.0, paired_logs(p, evidence, arm, rival))


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


def _rivals(p: Profile) -> dict[Arm, str]:
    """At k = 2 the difference to the QuadNTK is reported and not judged: no theorem separates them."""
    return {arm: name for arm, name in KERNELS.items() if arm != "quadntk" or p.k == 1}


def _n5(p: Profile, evidence: Evidence, arm: Arm = "joint") -> Outcome:
    comparisons = tuple(_compare(p, evidence, arm, rival, f"joint over {name}") for rival, name in _rivals(p).items())
    means = ", ".join(f"{name} {paired_mean(p, evidence, rival):.3f}" for rival, name in KERNELS.items())
    report = ""
    if p.k > 1:
        logs = np.array(paired_logs(p, evidence, arm, "quadntk"))
        error = 2.58 * float(np.nanstd(logs, ddof=1)) / math.sqrt(max(int((~np.isnan(logs)).sum()), 1))
        report = (
            f" log(joint / QuadNTK) = {float(np.nanmean(logs)):.3f} +- {error:.3f}, not judged at k = {p.k}. With "
            f"random directions in place of the good ones, which at this k is no control because f_Q learns the dense "
            f"part too: {paired_mean(p, evidence, 'blind'):.3f}."
        )
    return Outcome(
        comparisons,
        f"{_setting(p)} Mean test risks: joint {paired_mean(p, evidence, arm):.3f}, {means}.{report}",
    )


def _energy_rule(p: Profile) -> DecisionRule:
    """The mean of log(|f_L(P_>k W)|^2 / L(W)) is negative.

    R1 enters the loss with weight 1, so what it measures is at most the loss that training reaches. Noise: 0.1 within
    an activation and arm, 0.4 to 0.8 between activations.
    """
    count = p.training.paired_draws[p.k] * len(paired(p))
    return DecisionRule("log(energy of f_L in medium directions / loss)", "mean", "below", 0.0, 3.0, 0.85, count)


def _n9(p: Profile, evidence: Evidence, first: Arm = "joint", both: Arm | None = None) -> Outcome:
    """Controls put an arm in the place of joint training, or in the first place of ``both`` comparisons."""
    rule = _energy_rule(p)
    energies: list[float] = []
    for activation in paired(p):
        numbers = evidence[paired_cell(p, activation, first)]
        energies += [math.log(e / total) for e, total in zip(numbers["medium"], numbers["loss"], strict=True)]
    pairs: list[tuple[Arm, Arm, str]] = [
        (both or (first if left == "joint" else left), right, label) for left, right, label in MEDIUM
    ]
    comparisons = (
        *(_compare(p, evidence, left, right, label) for left, right, label in pairs),
        rule.compare(rule.name, 0.0, energies),
    )
    names: tuple[Arm, ...] = ("joint", "training", "population", "off")
    means = ", ".join(
        f"{name} {paired_mean(p, evidence, name):.3f} ({paired_mean(p, evidence, name, 'medium'):.3f})"
        for name in names
    )
    return Outcome(
        comparisons,
        f"{_setting(p)} Mean test risks, in brackets the energy of f_L in the medium directions, |f_L(P_>k W)|^2 on "
        f"test points: {means}. R3 is on in all four.",
    )


def _design(*arms: Arm) -> Any:
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
    hypotheses=HYPOTHESES,
    depends_on=("N1", "G5"),
    design=_design("joint", "ntk", "quadntk", "free", "blind", "shuffled"),
    check=_n5,
    controls=(
        Control(
            "joint training with random directions in place of the good ones, on the same draws",
            lambda p, e: _n5(p, e, "blind"),
            BLIND,
        ),
        Control("joint training on shuffled labels", lambda p, e: _n5(p, e, "shuffled")),
    ),
    figure=_figure(
        {"joint": "joint", "ntk": "NTK", "quadntk": "QuadNTK", "free": "no R1, R3", "blind": "random\ndirections"}
    ),
    rules=lambda p: tuple(_rule(p, f"log ratio of risks, joint over {name}") for name in _rivals(p).values()),
    orders=_orders,
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
    hypotheses=HYPOTHESES,
    depends_on=("G1", "N5"),
    design=_design("joint", "off", "training", "population", "blind", "free", "shuffled"),
    check=_n9,
    controls=(
        Control(
            "R1 with random directions in place of the good ones, in both comparisons",
            lambda p, e: _n9(p, e, both="blind"),
            BLIND,
        ),
        Control("training on shuffled labels, in both comparisons", lambda p, e: _n9(p, e, both="shuffled")),
        Control("R1 and R3 switched off in what counts as joint training", lambda p, e: _n9(p, e, first="free")),
    ),
    figure=_figure(
        {
            "joint": "both",
            "training": "training\ninputs",
            "population": "population",
            "off": "off",
            "blind": "random\ndirections",
        }
    ),
    rules=lambda p: (*(_rule(p, f"log ratio of risks, {label}") for _, _, label in MEDIUM), _energy_rule(p)),
    orders=_orders,
    activations="pooled",
)

CLAIMS = (N5, N9)
