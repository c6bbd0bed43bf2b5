"""N11: the Taylor model and Adam in place of the network and gradient descent."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from verify.cells.trained import TrainedModels
from verify.cells.training import Arm
from verify.claims.activations import SETTLED, affordable, scaled_samples, trainable
from verify.claims.generalization.paired import column, falls
from verify.claims.generalization.taylor_worlds import Kind, trained_twin
from verify.claims.plotting import SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.chance import Chance
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.rules import CENSORED, DecisionRule
from verify.predictions.sample_counts import r4_weight
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

MARGIN = 0.15
"""Equivalence margin of log(risk / risk): nothing is derived for it. It is what a risk may move by in the second half
of the steps while it still counts as settled."""
SCATTER = 0.13
"""Standard deviation of that logarithm, at most: 0.03 to 0.1 within an activation in the pilot, and activations differ
by as much."""
DIFFERENT = 0.5
"""The alternative: risks that differ by a factor 1.6."""
BOUND = -0.5
"""Exponent in m of the bound on the mean square of f - f_L - f_Q at bounded ||W||_{2,4}."""
BEND = 0.25
"""Standard deviation of the logarithm of that mean square about a draw's own line, at most."""

Twin = Literal["taylor", "adam", "permuted"]
PAIRS: dict[str, Twin] = {
    "log(risk of the Taylor model / risk of the network)": "taylor",
    "log(risk by Adam / risk by descent)": "adam",
}
EXPONENT = "exponent in m of the mean square of f - f_L - f_Q"


def _cell(p: Profile, activation: str, ratio: int, twin: Twin | None = None) -> TrainedModels:
    """The network by descent at m = ratio d, or one of those it is compared with on the same draws."""
    s, d = p.risks, p.risks.taylor_dimension
    arm: Arm = "permuted_labels" if twin == "permuted" else "joint"
    return TrainedModels(
        base_seed=p.base_seed,
        activation=activation,
        device=p.device,
        d=d,
        m=ratio * d,
        n=scaled_samples(p, activation, d, s.taylor_ratio),
        k=p.k,
        draws=s.taylor_pairs if ratio == s.taylor_widths[0] else s.taylor_draws,
        steps={"adam": s.adam_steps, "permuted": s.free_steps}.get(twin or "", s.taylor_steps),
        start=s.adam_start if twin == "adam" else p.training.start,
        rate=s.adam_rate,
        model="taylor" if twin == "taylor" else "network",
        method="adam" if twin == "adam" else "descent",
        arm=arm,
        candidates=((s.taylor_penalty, r4_weight(activation, p.k, d, s.taylor_share)),),
        stretch=(ratio / s.taylor_widths[0]) ** 0.25 if twin is None else None,
    )


def _design(p: Profile) -> tuple[TrainedModels, ...]:
    first, twins = p.risks.taylor_widths[0], (*PAIRS.values(), "permuted")
    return tuple(
        cell
        for a in affordable(p)
        for cell in (
            *(_cell(p, a, ratio) for ratio in p.risks.taylor_widths),
            *(_cell(p, a, first, twin) for twin in twins),
        )
    )


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    """Two equivalences, and one side of an exponent.

    The exponent is judged against the bound's -1/2 from above, without a margin; each draw has a line of its own, as
    constants differ between activations. Its alternative, 0, is a remainder that a wider network does not lose.
    """
    several = len(affordable(p))
    count, pairs = p.risks.taylor_draws * several, p.risks.taylor_pairs * several
    grid = tuple(float(ratio * p.risks.taylor_dimension) for ratio in p.risks.taylor_widths)
    equal = tuple(DecisionRule(name, "mean", "within", MARGIN, DIFFERENT, SCATTER, pairs) for name in PAIRS)
    return (*equal, DecisionRule(EXPONENT, "clustered exponent", "below", 0.0, -BOUND, BEND, count, grid))


def _logs(p: Profile, evidence: Evidence, twin: Twin) -> np.ndarray:
    """log(risk of the twin / risk of the network by descent), a number for each draw.

    NaN where the twin has not settled. The network need not have: what its steps leave out counts as a difference.
    """
    logs, first = [], p.risks.taylor_widths[0]
    for activation in affordable(p):
        own, other = evidence[_cell(p, activation, first, twin)], evidence[_cell(p, activation, first)]
        logs.append(
            np.where(np.abs(falls(own)) <= SETTLED, np.log(column(own, "risk") / column(other, "risk")), np.nan)
        )
    return np.concatenate(logs)


def _by_activation(p: Profile, evidence: Evidence, twin: Twin) -> str:
    """Mean logarithms by activation, then the mean absolute value."""
    logs = _logs(p, evidence, twin).reshape(len(affordable(p)), -1)
    means = [f"{np.nanmean(row):+.3f}" if not np.isnan(row).all() else "unknown" for row in logs]
    return f"{', '.join(means)}, {np.nanmean(np.abs(logs)):.3f}" if not np.isnan(logs).all() else "unknown"


def _remainders(p: Profile, evidence: Evidence, name: str = "remainder") -> np.ndarray:
    """Mean squares of f - f_L - f_Q, (draws of all activations, widths)."""
    first = slice(p.risks.taylor_draws)
    rows = [
        [column(evidence[_cell(p, activation, ratio)], name)[first] for ratio in p.risks.taylor_widths]
        for activation in affordable(p)
    ]
    return np.concatenate([np.array(row).T for row in rows])


def _observe(p: Profile, evidence: Evidence) -> dict[str, np.ndarray]:
    return {**{name: _logs(p, evidence, twin) for name, twin in PAIRS.items()}, EXPONENT: _remainders(p, evidence)}


def _described(p: Profile, evidence: Evidence) -> str:
    widths, s = p.risks.taylor_widths, p.risks
    remainders = np.exp(np.nanmean(np.log(_remainders(p, evidence)), axis=0))
    sizes = np.exp(np.nanmean(np.log(_remainders(p, evidence, "capacity")), axis=0))
    first = [column(evidence[_cell(p, a, widths[0])], "risk") for a in affordable(p)]
    differences = "; ".join(f"{name}: {_by_activation(p, evidence, twin)}" for name, twin in PAIRS.items())
    each = ", ".join(f"{a}: n = {_cell(p, a, widths[0]).n}" for a in affordable(p))
    return (
        f"Joint training at d = {s.taylor_dimension} ({each}), l1 = {s.taylor_penalty:g}, {s.taylor_steps} steps of "
        f"gradient descent or {s.adam_steps} of Adam from a start of scale {s.adam_start:g}. At m = {widths[0]} d, "
        f"where the remainder is largest, {s.taylor_pairs} draws for each activation: mean risk "
        f"{np.nanmean(first):.3f} by descent on the network; mean logarithms by activation, and of their absolute "
        f"values: {differences}. Geometric means at m/d = {', '.join(map(str, widths))}: mean square of f - f_L - f_Q "
        f"{', '.join(f'{x:.4f}' for x in remainders)}; ||W||_{{2,4}}^4 {', '.join(f'{x:.1f}' for x in sizes)}. The "
        f"margin {MARGIN:g} of the risks is an equivalence margin: nothing is derived for it."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    widths = [float(ratio * p.risks.taylor_dimension) for ratio in p.risks.taylor_widths]
    draws = p.risks.taylor_draws
    for i, activation in enumerate(affordable(p)):
        table = _remainders(p, evidence)[draws * i : draws * (i + 1)]
        for j, row in enumerate(table):
            ax.loglog(
                widths, row, "o-", color=SERIES[i], ms=5, mfc="none", lw=0.6, label=None if j else plain(activation)
            )
    top = float(np.nanmax(_remainders(p, evidence)[:, 0]))
    power_guide(ax, widths, top, BOUND, "slope of the bound, -1/2")
    grid_ticks(ax, widths)
    finish(ax, "width m", "mean square of f - f_L - f_Q")


def _simulate(p: Profile, truth: float, chance: Chance) -> dict[Cell, Numbers]:
    """A world in which the risks of the Taylor model and of Adam are exp(truth) times the network's, in the mean."""
    kinds: tuple[tuple[Twin | None, Kind], ...] = (("taylor", "taylor"), ("adam", "adam"), ("permuted", "permuted"))
    first = p.risks.taylor_widths[0]
    found: dict[Cell, Numbers] = {}
    for a in affordable(p):
        for ratio in p.risks.taylor_widths:
            cell = _cell(p, a, ratio)
            found[cell] = trained_twin(cell, "network", truth, ratio / first, chance)
        for twin, kind in kinds:
            cell = _cell(p, a, first, twin)
            found[cell] = trained_twin(cell, kind, truth, 1.0, chance)
    return found


def _obstacles(p: Profile, evidence: Evidence) -> tuple[str, ...]:
    """Draws that diverged, and risks that the steps do not settle."""
    found = []
    for cell in _design(p):
        numbers = evidence[cell]
        what = f"{cell.model} by {cell.method}" if cell.arm == "joint" else cell.arm
        where = f"arm {what} with {cell.activation} at d = {cell.d}, m = {cell.m}, n = {cell.n}"
        lost = int(np.isnan(column(numbers, "risk")).sum())
        if lost:
            found.append(f"{where}: {lost} of {cell.draws} draws diverged; their observations are missing")
    for name, twin in PAIRS.items():
        rows = [evidence[_cell(p, activation, p.risks.taylor_widths[0], twin)] for activation in affordable(p)]
        moves, field = np.concatenate([falls(row) for row in rows]), "adam_steps" if twin == "adam" else "taylor_steps"
        restless = int((np.abs(moves) > SETTLED).sum())
        if restless > CENSORED * len(moves):
            found.append(
                f"{name}: {restless} of {len(moves)} risks of the first kind still move by more than {SETTLED:.0%} in "
                f"the second half of the steps; risks.{field} = {2 * getattr(p.risks, field)} would resolve it"
            )
    return tuple(found)


def _at(p: Profile) -> int:
    return p.risks.taylor_dimension


N11 = Claim(
    id="N11",
    title="Taylor model and Adam agree on average",
    statement=r"\Big|\mathbb{E}\log\frac{\text{risk}(f_L + f_Q)}{\text{risk}(f)}\Big|,\ "
    r"\Big|\mathbb{E}\log\frac{\text{risk by Adam}}{\text{risk by descent}}\Big| \le 0.15, \quad "
    r"\mathbb{E}(f - f_L - f_Q)^2 = O(m^{-1/2}\|W\|_{2,4}^6) \text{ at the trained } W",
    source="derived: docs/mathematics, section 5 (the remainder); the equivalence margin is a convention",
    why="The remainder is a sum of cubes of <W_r, x>; Hoelder's inequality bounds its mean square by m^(-1/2) "
    "||W||_{2,4}^6, and R4 keeps the norm bounded. So a wide network is trained as its Taylor model is; what is left "
    "at these widths has another sign for each activation. Which method finds the minimum matters little, since "
    "second-order stationary points are nearly global.",
    refuted_by="Risks on the same draws that differ by more than 15 % on average, or a mean square of the remainder "
    "that falls more slowly than m^(-1/2).",
    equations=("remainder-energy", "regularised-loss"),
    hypotheses=trainable(_at, derivatives=3),
    depends_on=("T2", "N5"),
    design=_design,
    rules=_rules,
    predict=lambda p: {**dict.fromkeys(PAIRS, 0.0), EXPONENT: BOUND},
    observe=_observe,
    controls=(
        Control(
            "the network by descent on shuffled labels, in place of the Taylor model and of Adam",
            observe=lambda p, e: {name: _logs(p, e, "permuted") for name in PAIRS},
        ),
        Control(
            "the trained W multiplied by (m/m_0)^(1/4), so that its neurons keep their length as m grows",
            observe=lambda p, e: {EXPONENT: _remainders(p, e, "stretched")},
        ),
    ),
    describe=_described,
    figure=_figure,
    obstacles=_obstacles,
    world=World(_simulate, "mean log ratio of risks", 0.0, math.log(1.2), "risks that differ by 20 %"),
    activations="pooled",
    repetitions=("risks.taylor_pairs", "risks.taylor_draws"),
)

CLAIMS = (N11,)
