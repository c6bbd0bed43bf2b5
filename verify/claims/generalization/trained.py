"""Grids of training runs that the claims on trained models share, and what is read off them.

Samples are counted in units of A d^k (:mod:`verify.predictions.sample_counts`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from theory import multiplicity
from verify.cells.search import crossing
from verify.cells.training import Arm, Kind, TrainedModels
from verify.claims.hypotheses import every
from verify.judging.claim import Evidence, HypothesisViolated
from verify.predictions.sample_counts import sample_scale
from verify.sizes.profile import Profile

SETTLED = 0.15
"""A run has settled when its risk moves by at most this fraction in the second half of the steps. With the local slope
d log(risk)/d log(n) near -1 that moves log n* by as much, alike at all d, so it hardly touches a slope."""


def affordable(p: Profile) -> tuple[str, ...]:
    """The activations with A_k at most the profile's limit, filled up to three from ``more_activations``.

    At k = 1 erf(z + 1/2) needs four times the samples of sin(z + pi/4), at k = 2 tanh(z + 1) nine times.
    """
    return _three(p, tuple(a for a in p.activations if sample_scale(a, p.k) <= p.training.largest_scale))


def _three(p: Profile, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """At least three activations, as far as ``more_activations`` has others."""
    others = [a for a in p.training.more_activations if a not in chosen]
    return (*chosen, *others[: max(0, 3 - len(chosen))])


def in_high_dimension(p: Profile, d: int, ratio: float, limit: float) -> tuple[str, ...]:
    """The activations for which d is large at n = ratio A d^k: n at most ``limit`` N(d, k+1).

    A predictor from n samples that is linear in their labels lies in a space of dimension n, and a single direction
    drawn independently of it has at most the share n / N(d, k+1) of its energy there on average, whatever the kernel.
    """

    def large(activation: str) -> bool:
        return samples(p, activation, d, ratio) <= limit * multiplicity(d, p.k + 1)

    return tuple(a for a in _three(p, tuple(a for a in affordable(p) if large(a))) if large(a))


def paired(p: Profile) -> tuple[str, ...]:
    """Activations of the paired runs, N5 and N9."""
    return in_high_dimension(
        p, p.training.paired_dimension[p.k], p.training.paired_ratio[p.k], p.training.largest_share
    )


def paired_cell(p: Profile, activation: str, arm: Arm) -> TrainedModels:
    """An arm of the paired runs."""
    s = p.training
    return trained(p, activation, arm, s.paired_dimension[p.k], s.paired_ratio[p.k], s.paired_draws[p.k])


def paired_logs(p: Profile, evidence: Evidence, arm: Arm, rival: Arm) -> list[float]:
    """log(risk of arm / risk of rival) for every draw.

    NaN where a run has not settled, and where both are equal in every bit: the same run twice is no measurement.
    """
    logs: list[float] = []
    for activation in paired(p):
        own, other = (evidence[paired_cell(p, activation, name)] for name in (arm, rival))
        for i, (a, b) in enumerate(zip(own["risk"], other["risk"], strict=True)):
            moves = [abs(row["risk_halfway"][i] / row["risk"][i] - 1) for row in (own, other) if "risk_halfway" in row]
            logs.append(math.log(a / b) if max(moves) <= SETTLED and a != b else math.nan)
    return logs


def paired_mean(p: Profile, evidence: Evidence, arm: Arm, name: str = "risk") -> float:
    """Mean of a number of an arm over all draws."""
    return float(np.mean([evidence[paired_cell(p, a, arm)][name] for a in paired(p)]))


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
