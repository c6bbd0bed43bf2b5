"""Grids of training runs that the claims on trained models share, and what is read off them.

Samples are counted in units of A d^k (:mod:`verify.predictions.sample_counts`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from theory import multiplicity
from verify.cells.search import crossing
from verify.cells.trained import TrainedModels
from verify.cells.training import Arm, Kind
from verify.claims.hypotheses import every
from verify.judging.claim import Evidence, HypothesisViolated
from verify.predictions.sample_counts import sample_scale
from verify.sizes.profile import Profile

SETTLED = 0.15
"""A run has settled when its risk moves by at most this fraction in the second half of the steps. With the local slope
d log(risk)/d log(n) near -1 that moves log n* by as much, alike at all d, so it hardly touches a slope."""


def affordable(p: Profile) -> tuple[str, ...]:
    """The activations with A_k at most the profile's limit, filled up to three from ``more_activations``.

    At k = 1 erf(z + 1/2) needs four times the samples of sin(z + pi/4), at k = 2 tanh(z + 1) nine times. A_k is
    infinite, and the activation left out, where the construction divides by a coefficient that vanishes: gelu(z) at
    k = 2.
    """
    return _three(p, lambda a: sample_scale(a, p.k) <= p.training.largest_scale)


def _three(p: Profile, fit: Callable[[str], bool]) -> tuple[str, ...]:
    """The profile's activations that fit, and of ``more_activations`` those that fit and make it three."""
    chosen = [a for a in p.activations if fit(a)]
    others = [a for a in p.training.more_activations if a not in chosen and fit(a)]
    return (*chosen, *others[: max(0, 3 - len(chosen))])


def in_high_dimension(p: Profile, d: int, ratio: float, limit: float) -> tuple[str, ...]:
    """The activations for which d is large at n = ratio A d^k: n at most ``limit`` N(d, k+1).

    A predictor from n samples that is linear in their labels lies in a space of dimension n, and a single direction
    drawn independently of it has at most the share n / N(d, k+1) of its energy there on average, whatever the kernel.
    """

    def large(activation: str) -> bool:
        scale = sample_scale(activation, p.k)
        known = scale <= p.training.largest_scale
        return known and samples(p, activation, d, ratio) <= limit * multiplicity(d, p.k + 1)

    return _three(p, large)


def some(choose: Callable[[Profile], tuple[str, ...]], requirement: str) -> Callable[[Profile], None]:
    """The hypothesis that at least one activation of the profile is chosen."""

    def hypothesis(p: Profile) -> None:
        if not choose(p):
            raise HypothesisViolated(f"activations={list(p.activations)}: none has {requirement} at k={p.k}")

    return hypothesis


def everywhere(hypothesis: Callable[[Profile], None]) -> Callable[[Profile], None]:
    """A hypothesis asked of the profile's activations and of those that fill up."""
    return every(hypothesis, lambda p: tuple(dict.fromkeys((*p.activations, *affordable(p)))))


def samples(p: Profile, activation: str, d: int, ratio: float) -> int:
    """n = ratio A_k d^k, rounded up."""
    return math.ceil(ratio * sample_scale(activation, p.k) * d**p.k)


def trained(
    p: Profile, activation: str, arm: Arm, d: int, ratio: float, draws: int, target: Kind = "joint"
) -> TrainedModels:
    """One cell: an arm at one grid point."""
    s = p.training
    return TrainedModels(
        base_seed=p.base_seed,
        activation=activation,
        device=p.device,
        d=d,
        m=s.width[p.k] * d,
        n=samples(p, activation, d, ratio),
        k=p.k,
        draws=draws,
        steps=s.quadratic_steps if arm == "quadntk" else s.steps,
        rate=s.rate,
        start=s.start,
        r4=s.r4[p.k] / d ** (p.k - 1),
        target=target,
        arm=arm,
    )


def averaged(p: Profile, d: int) -> int:
    """Draws whose mean risk makes one repetition.

    As the square root of what a draw costs, n m d ~ d^(k+2), relative to the largest d, which has one. Repetitions at
    small d, where single draws scatter most, are thereby the steadiest.
    """
    ratio = p.training.dimensions[p.k][-1] / d
    return max(1, min(p.training.most_draws, round(ratio ** (p.k / 2 + 1))))


def repetitions(p: Profile, activation: str) -> int:
    """Repetitions of an activation at each d: as A^(-1/2), again the square root of what a draw costs."""
    cheapest = min(sample_scale(a, p.k) for a in affordable(p))
    return max(1, math.floor(p.training.repetitions[p.k] * math.sqrt(cheapest / sample_scale(activation, p.k))))


def curve_cells(p: Profile, arm: Arm, target: Kind, activation: str, d: int) -> tuple[TrainedModels, ...]:
    """The cells of one learning curve, over the grid in n / (A d^k)."""
    draws = averaged(p, d) * repetitions(p, activation)
    return tuple(trained(p, activation, arm, d, ratio, draws, target) for ratio in p.training.ratios[p.k])


def grid_cells(p: Profile, arm: Arm, target: Kind) -> tuple[TrainedModels, ...]:
    """All cells of the curves n*(d)."""
    return tuple(
        cell
        for activation in affordable(p)
        for d in p.training.dimensions[p.k]
        for cell in curve_cells(p, arm, target, activation, d)
    )


def sample_table(p: Profile, evidence: Evidence, arm: Arm, target: Kind, risk: float) -> dict[str, np.ndarray]:
    """n*(d) / A by activation, shape (repetitions, dimensions); NaN where censored."""
    ratios = p.training.ratios[p.k]
    tables = {}
    for activation in affordable(p):
        count = repetitions(p, activation)
        columns = []
        for d in p.training.dimensions[p.k]:
            numbers = [evidence[cell] for cell in curve_cells(p, arm, target, activation, d)]
            # (ratio, repetition): means over the draws of a repetition
            end, half = (
                np.array([row[name] for row in numbers]).reshape(len(ratios), count, -1).mean(-1)
                for name in ("risk", "risk_halfway")
            )
            settled = np.abs(half / end - 1) <= SETTLED
            columns.append([d**p.k * crossing(ratios, end[:, r], risk, settled[:, r]) for r in range(count)])
        tables[activation] = np.array(columns).T
    return tables


def aligned(p: Profile, tables: Mapping[str, np.ndarray]) -> np.ndarray:
    """All repetitions one under the other, the activations brought to the same geometric mean of n*/d^k.

    A factor of an activation's own does not touch a slope, and would only widen its interval.
    """
    powers = np.array(p.training.dimensions[p.k], dtype=float) ** p.k
    logs = {a: np.log(table / powers) for a, table in tables.items()}
    means = {a: np.nanmean(log) if not np.isnan(log).all() else 0.0 for a, log in logs.items()}
    common = float(np.mean(list(means.values())))
    return np.concatenate([np.exp(log - means[a] + common) * powers for a, log in logs.items()])
