"""N8: Rademacher bounds of the linear and the quadratic term, over their balls and on trained models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from theory import linear_rademacher, quadntk_trace, quadratic_rademacher
from verify.cells.rademacher import NoisyFits, SignSuprema
from verify.claims.hypotheses import differentiable, every, present, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks, plain
from verify.judging.claim import Check, Claim, Control, Evidence
from verify.judging.outcome import Comparison, Interval, Outcome
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile, parse

ARMS = ("joint", "quadntk")
NAMES = {"joint": "joint", "quadntk": "QuadNTK"}
RATE, START, R4 = 0.02, 0.3, 1e-3
"""Adam's rate, scale of the start, and l4, small enough for the models to fit most of the noise."""
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


@dataclass(frozen=True)
class Planted:
    """Errors of the controls; the defaults are none.

    Attributes:
        power: additional power of n in the bounds. radius: factor on the radius of the quadratic ball in its closed
            form. spread: factor on the squared lower bound. scale: factor on the NTK's eigenvalues.
    """

    power: float = 0.0
    radius: float = 1.0
    spread: float = 1.0
    scale: float = 1.0


NONE = Planted()


@lru_cache(maxsize=256)
def _linear_bound(activation: str, d: int, n: int) -> float:
    return float(linear_rademacher(parse(activation), d, n, 1.0))


@lru_cache(maxsize=256)
def _quadratic_bound(activation: str, d: int, n: int) -> float:
    return float(quadratic_rademacher(parse(activation), d, n, 1.0))


@lru_cache(maxsize=256)
def _quadratic_floor(activation: str, d: int, n: int) -> float:
    r"""A lower bound of (E sup^2)^{1/2} over \|W\|_{2,4} <= 1.

    With M_r as in :func:`verify.cells.rademacher.quadratic_supremum`, sup^2 = (1/4m) sum over the pairs of
    lambda_max(M_r)_+^2 + lambda_max(-M_r)_+^2 >= \|M_r\|_{op}^2 >= \|M_r\|_F^2/d, and E\|M_r\|_F^2 = d^2 E[sigma''^2]/n
    because the signs are independent: E sup^2 >= d E[sigma''^2]/(8n).
    """
    return math.sqrt(float(quadntk_trace(parse(activation), d)) / (2 * n * d))


def _ball_cells(p: Profile) -> tuple[SignSuprema, ...]:
    s = p.kernels
    return tuple(
        SignSuprema(
            activation=p.activation_of(replicate),
            device=p.device,
            d=s.ball_dimension,
            m=s.ball_width,
            samples=s.ball_samples,
            replicate=replicate,
            base_seed=p.base_seed,
        )
        for replicate in range(s.ball_replicates)
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
            rate=RATE,
            start=START,
            r4=R4,
            base_seed=p.base_seed,
        )
        for activation in p.activations
    )


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    s = p.kernels
    count, judged = s.ball_replicates, len(p.activations) * s.noisy_networks // 2
    grid = tuple(float(n) for n in s.ball_samples)
    return (
        DecisionRule("linear ball: n E sup^2 / K(x,x)", "mean", "within", LINEAR_MARGIN, -0.1, 0.04, count),
        DecisionRule("quadratic ball: R_n / bound", "mean", "below", 0.0, 0.5, 0.05, count),
        DecisionRule("quadratic ball: E sup^2 / lower bound", "mean", "above", 0.0, -0.5, 0.4, count),
        DecisionRule("exponent of R_n in n", "exponent", "within", EXPONENT_MARGIN, -0.5, 0.05, count, grid),
        *(
            DecisionRule(f"{NAMES[arm]}: generalisation gap / bound", "mean", "below", 0.0, 0.3, 0.05, judged)
            for arm in ARMS
        ),
    )


def _balls(p: Profile, evidence: Evidence, planted: Planted) -> tuple[list[Any], list[float]]:
    """Data of the four rules on balls, and the discrepancies of the attained suprema."""
    d, samples = p.kernels.ball_dimension, p.kernels.ball_samples
    linear, below, above, means, discrepancies = [], [], [], [], []
    for cell in _ball_cells(p):
        numbers, a = evidence[cell], cell.activation
        measured = {name: np.array(table) for name, table in numbers.items()}  # (n, signs)
        quadratic = planted.radius**2 * measured["quadratic"]
        traces, bounds, floors = (
            np.array([bound(a, d, n) for n in samples])[:, None]
            for bound in (_linear_bound, _quadratic_bound, _quadratic_floor)
        )
        wrong = np.array(samples)[:, None] ** planted.power
        linear.append(float((measured["linear"] ** 2 / (planted.scale * traces**2)).mean()))
        below.append(float((quadratic / (bounds * wrong)).mean()))
        above.append(float((quadratic**2 / (planted.spread * floors**2)).mean()))
        means.append(quadratic.mean(axis=1) / bounds[0])
        discrepancies += [
            float(np.abs(measured["attained"] / quadratic - 1).max()),
            float(np.abs(measured["norms"] - 1).max()),
        ]
    # A constant of each activation's own does not touch the slope.
    logs = np.log(np.array(means))
    step = len(p.activations)
    centred = np.concatenate([logs[i::step] - logs[i::step].mean() for i in range(step)])
    return [linear, below, above, np.exp(centred)], discrepancies


def _gaps(p: Profile, evidence: Evidence, arm: str, planted: Planted) -> tuple[list[float], list[float]]:
    """Gap over bound of the judged networks, NaN for one outside the balls; and shares of the supremum of all."""
    ratios: list[float] = []
    shares: list[float] = []
    for cell in _fit_cells(p):
        numbers = {name: np.array(values) for name, values in evidence[cell][arm].items()}
        half = cell.networks // 2
        shares += [float(x) / planted.radius**2 for name in ("own", "fresh") for x in numbers[name]]
        first, second = (SPARE * numbers[name][:half].max() for name in ("linear_radius", "quadratic_radius"))
        bound = 2 * (
            first * _linear_bound(cell.activation, cell.d, cell.n)
            + second**2 * _quadratic_bound(cell.activation, cell.d, cell.n)
        )
        for i in range(half, cell.networks):
            inside = numbers["linear_radius"][i] <= first and numbers["quadratic_radius"][i] <= second
            gap = float(numbers["test"][i] - numbers["train"][i])
            ratios.append(gap / (bound * cell.n**planted.power) if inside else math.nan)
    return ratios, shares


def _n8(p: Profile, evidence: Evidence, planted: Planted = NONE) -> Outcome:
    s = p.kernels
    balls, discrepancies = _balls(p, evidence, planted)
    fits = {arm: _gaps(p, evidence, arm, planted) for arm in ARMS}
    data = [*balls, *(fits[arm][0] for arm in ARMS)]
    predictions = (1.0, 1.0, 1.0, -0.5 + planted.power, 1.0, 1.0)
    comparisons = [
        rule.compare(rule.name, value, rows) for rule, value, rows in zip(_rules(p), predictions, data, strict=True)
    ]
    worst = Interval.around(max(discrepancies), 0.0)
    attained = "quadratic ball: supremum attained"
    comparisons.append(Comparison(attained, 0.0, worst, "within", ROUNDING, (("rounding", ROUNDING),)))
    for arm in ARMS:
        share = Interval.around(max(fits[arm][1]), SINGLE_ROUNDING)
        label = f"{NAMES[arm]}: correlation of f_Q with signs / supremum"
        comparisons.append(Comparison(label, 1.0, share, "below", 0.0, (("rounding", SINGLE_ROUNDING),)))
    averages = {arm: float(np.nanmean([evidence[c][arm]["own"] for c in _fit_cells(p)])) for arm in ARMS}
    return Outcome(
        tuple(comparisons),
        f"Suprema of (1/n) sum eps_i f(x_i) over the unit balls in closed form, d = {s.ball_dimension}, m = "
        f"{s.ball_width}, n = {', '.join(map(str, s.ball_samples))}, {s.ball_replicates} draws. The bound of the "
        f"quadratic ball is {1 / float(np.mean(balls[1])):.2f} times the measured R_n. Models trained on labels f* + "
        f"fair signs, d = {s.noisy_dimension}, n = {s.noisy_samples}, m = {WIDTH_PER_DIMENSION * s.noisy_dimension}; "
        f"gap: mean |f - y| on test less on training points; radii fixed by half of the networks; f_Q reaches "
        f"{', '.join(f'{value:.2f} ({NAMES[arm]})' for arm, value in averages.items())} of the largest correlation "
        f"that its ball allows with the noise in the labels.",
    )


def _with(**planted: float) -> Check:
    return lambda p, evidence: _n8(p, evidence, Planted(**planted))


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    s = p.kernels
    for i, activation in enumerate(p.activations):
        rows = [np.array(evidence[c]["quadratic"]).mean(axis=1) for c in _ball_cells(p) if c.activation == activation]
        for j, row in enumerate(rows):
            ax.loglog(
                s.ball_samples, row, "o", color=SERIES[i % len(SERIES)], ms=4, label=None if j else plain(activation)
            )
    bound = [_quadratic_bound(p.activation, s.ball_dimension, n) for n in s.ball_samples]
    floor = [_quadratic_floor(p.activation, s.ball_dimension, n) for n in s.ball_samples]
    ax.loglog(s.ball_samples, bound, "-", color=PREDICTED, lw=1.2, label="bound")
    ax.loglog(s.ball_samples, floor, "--", color=PREDICTED, lw=1.2, label="lower bound")
    grid_ticks(ax, s.ball_samples)
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
    hypotheses=(every(differentiable(2)), every(smooth), every(present(2))),
    depends_on=("S1", "S8"),
    design=lambda p: (*_ball_cells(p), *_fit_cells(p)),
    check=_n8,
    controls=(
        Control("1/n in place of n^(-1/2) in the bounds", _with(power=-0.5)),
        Control("the radius of the quadratic ball halved", _with(radius=0.5)),
        Control("the F-norm not divided by sqrt(d) in the lower bound", lambda p, e: _n8(p, e, _unspread(p))),
        Control("the NTK's eigenvalues multiplied by 1.1", _with(scale=1.1)),
    ),
    figure=_figure,
    rules=_rules,
    activations="pooled",
)


def _unspread(p: Profile) -> Planted:
    return Planted(spread=float(p.kernels.ball_dimension))


CLAIMS = (N8,)
