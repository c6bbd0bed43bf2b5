"""N8: Rademacher bounds of the linear and the quadratic term, over their balls and on trained models."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from verify.cells.rademacher import NoisyFits, SignSuprema
from verify.claims.controls import NEAR, WRONG, scaled
from verify.claims.generalization.suprema_worlds import noisy_suprema
from verify.claims.hypotheses import differentiable, every, present, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks, plain
from verify.judging.claim import Claim, Control, Evidence, World
from verify.judging.outcome import Interval
from verify.judging.rules import DecisionRule, ExactRule, Measurement, Prediction, Rule
from verify.predictions.complexities import gap_bound, linear_bound, quadratic_bound, quadratic_floor
from verify.sizes.profile import Profile

NAMES = {"joint": "joint", "quadntk": "QuadNTK"}
"""The arms of the fits, as they are shown."""
LINEAR = "linear ball: n E sup^2 / K(x,x)"
UPPER = "quadratic ball: R_n / bound"
LOWER = "quadratic ball: E sup^2 / lower bound"
POWER = "exponent of R_n in n"
ATTAINED = "quadratic ball: supremum attained"
GAPS = {arm: f"{name}: generalisation gap / bound" for arm, name in NAMES.items()}
SHARES = {arm: f"{name}: correlation of f_Q with signs / supremum" for arm, name in NAMES.items()}
START, R4 = 0.1, 1e-3
"""Scale of the start, and l4, small enough for the models to fit most of the noise."""
WIDTH_PER_DIMENSION = 10
SPARE = 1.1
"""Radii of the balls, relative to the largest among the networks set aside to fix them; radii scatter by 3 %."""
LINEAR_MARGIN = 0.04
"""Relative. E sup^2 = K(x,x)/n exactly, at every width: the margin is what the draws resolve, less than half of what
a factor 1.1 on the eigenvalues would do."""
EXPONENT_MARGIN = 0.05
"""The edge of M's spectrum is 2 (c d/n)^{1/2} (1 + O(d/n)), odd orders vanishing by the symmetry of the signs. On a
grid that begins at n = 16 d and spans a factor of 16, a correction of 1/16 at its beginning tilts the slope by 0.02."""
ROUNDING = 1e-9
"""Of the attained supremum, in double precision: sums of at most 10^5 terms of one sign."""
SINGLE_ROUNDING = 1e-4
"""Of the share of the supremum, in single precision."""


def _ball_cells(p: Profile) -> tuple[SignSuprema, ...]:
    s = p.kernels
    return tuple(
        SignSuprema(
            activation=p.activation_of(replicate),
            device=p.device,
            d=s.suprema_dimension,
            m=s.suprema_width,
            samples=s.suprema_samples,
            replicate=replicate,
            base_seed=p.base_seed,
        )
        for replicate in range(s.suprema_replicates)
    )


def _fit_cells(p: Profile) -> tuple[NoisyFits, ...]:
    s = p.kernels
    return tuple(
        NoisyFits(
            activation=activation,
            device=p.device,
            d=s.noisy_dimension,
            m=WIDTH_PER_DIMENSION * s.noisy_dimension,
            n=s.noisy_samples,
            networks=s.noisy_networks,
            steps=s.noisy_steps,
            start=START,
            r4=R4,
            base_seed=p.base_seed,
        )
        for activation in p.activations
    )


def _rules(p: Profile) -> tuple[Rule, ...]:
    s = p.kernels
    count, judged = s.suprema_replicates, len(p.activations) * s.noisy_networks // 2
    grid = tuple(float(n) for n in s.suprema_samples)
    ratio = partial(DecisionRule, scale="ratio", pool="mean")  # a draw's mean over n and signs
    return (
        ratio(LINEAR, "mean", "within", LINEAR_MARGIN, -0.1, 0.04, count),
        ratio(UPPER, "mean", "below", 0.0, 0.5, 0.05, count),
        ratio(LOWER, "mean", "above", 0.0, -0.5, 0.4, count),
        DecisionRule(POWER, "exponent", "within", EXPONENT_MARGIN, -0.5, 0.05, count, grid),
        *(DecisionRule(name, "mean", "below", 0.0, 0.3, 0.05, judged, scale="ratio") for name in GAPS.values()),
        ExactRule(ATTAINED, "within", ROUNDING),
        *(ExactRule(name, "below") for name in SHARES.values()),
    )


def _by_draw(p: Profile, law: Callable[[str, int, int], float]) -> np.ndarray:
    """A number for each draw, by its activation, and n, the same for all signs: (draws, n, 1)."""
    s = p.kernels
    table = [[law(cell.activation, s.suprema_dimension, n) for n in s.suprema_samples] for cell in _ball_cells(p)]
    return np.array(table)[:, :, None]


def _upper(p: Profile, power: float = -0.5) -> dict[str, Prediction | float]:
    """The upper bounds of R_n and what follows from them, had they this power of n with the same constants."""
    added = power + 0.5
    bounds = _by_draw(p, quadratic_bound) * np.array(p.kernels.suprema_samples, dtype=float)[:, None] ** added
    gap = float(p.kernels.noisy_samples) ** added
    return {UPPER: Prediction(bounds), POWER: power, **dict.fromkeys(GAPS.values(), gap)}


def _lower(p: Profile) -> dict[str, Prediction]:
    return {LOWER: Prediction(_by_draw(p, quadratic_floor) ** 2)}


def _linear(p: Profile) -> dict[str, Prediction]:
    """E sup^2 = K(x,x)/n."""
    return {LINEAR: Prediction(_by_draw(p, linear_bound) ** 2)}


def _predict(p: Profile) -> dict[str, Prediction | float]:
    closed = {ATTAINED: 0.0, **dict.fromkeys(SHARES.values(), 1.0)}
    return {**_linear(p), **_upper(p), **_lower(p), **closed}


def _suprema(p: Profile, evidence: Evidence, name: str) -> np.ndarray:
    """A number of the balls' cells, (draws, n, signs)."""
    return np.array([evidence[cell][name] for cell in _ball_cells(p)])


def _observe(p: Profile, evidence: Evidence, radius: float = 1.0) -> dict[str, Measurement | np.ndarray]:
    """What was measured, the closed form of the quadratic supremum taken over a ball of this radius.

    The maximisers, and what the network gives there, are those of radius 1.
    """
    quadratic = radius**2 * _suprema(p, evidence, "quadratic")
    discrepancies = (_suprema(p, evidence, "attained") / quadratic - 1, _suprema(p, evidence, "norms") - 1)
    worst = Interval.around(max(float(np.abs(table).max()) for table in discrepancies), 0.0)
    # A constant of each activation's own does not touch the slope.
    logs, step = np.log(quadratic.mean(axis=2)), len(p.activations)
    centred = np.concatenate([logs[i::step] - logs[i::step].mean() for i in range(step)])
    found: dict[str, Measurement | np.ndarray] = {
        LINEAR: _suprema(p, evidence, "linear") ** 2,
        UPPER: quadratic,
        LOWER: quadratic**2,
        POWER: np.exp(centred),
        ATTAINED: Measurement(worst, budget={"rounding": ROUNDING}),
    }
    for arm in NAMES:
        rows = [evidence[cell][arm] for cell in _fit_cells(p)]
        share = max(x / radius**2 for row in rows for x in (*row["own"], *row["fresh"]))
        found[GAPS[arm]] = np.concatenate([_gaps(cell, evidence, arm) for cell in _fit_cells(p)])
        found[SHARES[arm]] = Measurement(Interval.around(share, SINGLE_ROUNDING), budget={"rounding": SINGLE_ROUNDING})
    return found


def _gaps(cell: NoisyFits, evidence: Evidence, arm: str) -> np.ndarray:
    """Gaps of the judged networks in units of what their balls allow, NaN for one outside the balls.

    The radii are measured, on the networks set aside. The unit, the sum of the complexities at these radii, is
    therefore formed here; the prediction is that a gap is at most one of it.
    """
    numbers = {name: np.array(values) for name, values in evidence[cell][arm].items()}
    half = cell.networks // 2
    first, second = (SPARE * numbers[name][:half].max() for name in ("linear_radius", "quadratic_radius"))
    inside = (numbers["linear_radius"] <= first) & (numbers["quadratic_radius"] <= second)
    gaps = (numbers["test"] - numbers["train"]) / gap_bound(cell.activation, cell.d, cell.n, first, second)
    return np.where(inside, gaps, math.nan)[half:]


def _described(p: Profile, evidence: Evidence) -> str:
    s = p.kernels
    share = float(np.mean(_suprema(p, evidence, "quadratic") / _by_draw(p, quadratic_bound)))
    averages = {arm: float(np.nanmean([evidence[c][arm]["own"] for c in _fit_cells(p)])) for arm in NAMES}
    gaps = {arm: float(np.nanmean([_gaps(c, evidence, arm) for c in _fit_cells(p)])) for arm in NAMES}
    return (
        f"Suprema of (1/n) sum eps_i f(x_i) over the unit balls in closed form, d = {s.suprema_dimension}, m = "
        f"{s.suprema_width}, n = {', '.join(map(str, s.suprema_samples))}, {s.suprema_replicates} draws. The bound of "
        f"the quadratic ball is {1 / share:.2f} times the measured R_n. Trained by descent on labels f* + fair "
        f"signs, d = {s.noisy_dimension}, n = {s.noisy_samples}, m = {WIDTH_PER_DIMENSION * s.noisy_dimension}: the "
        f"network f, whose f_L + f_Q is then judged, and f_Q alone; "
        f"gap: mean |f - y| on test less on training points; radii fixed by half of the networks; f_Q reaches "
        f"{', '.join(f'{value:.2f} ({NAMES[arm]})' for arm, value in averages.items())} of the largest correlation "
        f"that its ball allows with the noise in the labels. The gaps are "
        f"{', '.join(f'{value:.2f} ({NAMES[arm]})' for arm, value in gaps.items())} of their bounds in the mean: far "
        f"from tight, so what this comparison could refute is a gross error alone."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    s = p.kernels
    for i, activation in enumerate(p.activations):
        rows = [np.array(evidence[c]["quadratic"]).mean(axis=1) for c in _ball_cells(p) if c.activation == activation]
        for j, row in enumerate(rows):
            ax.loglog(
                s.suprema_samples,
                row,
                "o",
                color=SERIES[i % len(SERIES)],
                ms=4,
                label=None if j else plain(activation),
            )
    bound = [quadratic_bound(p.activation, s.suprema_dimension, n) for n in s.suprema_samples]
    floor = [quadratic_floor(p.activation, s.suprema_dimension, n) for n in s.suprema_samples]
    ax.loglog(s.suprema_samples, bound, "-", color=PREDICTED, lw=1.2, label="bound")
    ax.loglog(s.suprema_samples, floor, "--", color=PREDICTED, lw=1.2, label="lower bound")
    grid_ticks(ax, s.suprema_samples)
    finish(ax, "samples n", "$R_n$, $\\|W\\|_{2,4} \\leq 1$")


N8 = Claim(
    id="N8",
    title="Rademacher bounds",
    statement=r"R_n\{f_L : \|W\|_F \le B\} \le B\sqrt{K(x,x)/n}, \qquad R_n\{f_Q : \|W\|_{2,4} \le B\} \le "
    r"\tfrac{B^2}{2}\sqrt{\mathbb E\|M\|_{\mathrm{op}}^2} = O\big(B^2\sqrt{d \log d/n}\big), \qquad "
    r"\mathbb E\,[\text{gap}] \le 2R_n\{f_L\} + 2R_n\{f_Q\} \text{ for 1-Lipschitz losses}",
    source="derived: docs/mathematics, section 6, and the closed form of the supremum beside its code; contraction and "
    "symmetrisation are standard",
    why="Each supremum has a closed form: a norm for the linear ball, the top eigenvalues of one d x d matrix per "
    "neuron for the quadratic one. Matrix concentration bounds the latter. By symmetrisation and contraction no W in a "
    "ball fixed beforehand has, on average, a larger gap between test and training loss than twice these suprema.",
    refuted_by="A measured complexity above its bound or below its lower bound, another power of n, a trained model "
    "with a larger gap than its balls allow, or one that correlates with signs better than the closed form admits.",
    equations=(
        "linear-rademacher",
        "quadratic-rademacher",
    ),
    hypotheses=(every(differentiable(2)), every(smooth), every(present(2))),
    depends_on=("S1", "S8"),
    design=lambda p: (*_ball_cells(p), *_fit_cells(p)),
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control("1/n in place of n^(-1/2) in the bounds", predict=partial(_upper, power=-1.0)),
        Control("the radius of the quadratic ball halved", observe=partial(_observe, radius=0.5)),
        Control(
            "the F-norm not divided by sqrt(d) in the lower bound",
            predict=lambda p: scaled(_lower, p.kernels.suprema_dimension)(p),
        ),
        Control(f"the NTK's eigenvalues multiplied by {WRONG}", predict=scaled(_linear, WRONG)),
        Control(
            f"a supremum of the quadratic ball off by {NEAR * ROUNDING:g}",
            predict=lambda p: {ATTAINED: NEAR * ROUNDING},
        ),
    ),
    describe=_described,
    figure=_figure,
    world=World(
        lambda p, truth, chance: noisy_suprema(_ball_cells(p), _fit_cells(p), truth, chance),
        "exponent of R_n of the quadratic ball in n",
        -0.5,
        -1.0,
        "1/n, a fast rate",
    ),
    activations="pooled",
    repetitions=("kernels.suprema_replicates", "kernels.noisy_networks"),
)


CLAIMS = (N8,)
