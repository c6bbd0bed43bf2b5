"""The activations that claims on trained networks can afford, and their samples.

Samples are counted in units of A d^k (:mod:`verify.predictions.sample_counts`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import theory
from verify.claims.hypotheses import differentiable, every, nonzero, smooth
from verify.judging.claim import HypothesisViolated
from verify.predictions.sample_counts import sample_scale
from verify.sizes.profile import Profile

SETTLED = 0.15
"""A run has settled when its risk moves by at most this fraction in the second half of the steps. With the local slope
d log(risk)/d log(n) near -1 that moves log n* by as much, alike at all d, so it hardly touches a slope."""


def affordable(p: Profile) -> tuple[str, ...]:
    """The activations with A_k at most the profile's limit, filled up to three from ``more_activations``.

    At k = 1 erf(z + 1/2) needs four times the samples of sin(z + pi/4). At k = 2 and d <= 32 only sin(z + pi/4) learns
    from fewer samples than N(d, 3): tanh(z + 1) needs nine times as many, erf(z + 1/2) more than the three times that
    A_2 says. A_k is infinite where the construction divides by a coefficient that vanishes: gelu(z) at k = 2.
    """
    return _three(p, lambda a: sample_scale(a, p.k) <= p.training.largest_scale[p.k])


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
        known = scale <= p.training.largest_scale[p.k]
        return known and scaled_samples(p, activation, d, ratio) <= limit * theory.multiplicity(d, p.k + 1)

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


def trainable(
    dimension: Callable[[Profile], int],
    choose: Callable[[Profile], tuple[str, ...]] = affordable,
    requirement: str = "A_k small enough for the profile",
    derivatives: int = 2,
    linear: Callable[[Profile], Sequence[int]] = lambda p: range(p.k),
) -> tuple[Callable[[Profile], None], ...]:
    """What claims on training ask of all activations: smoothness, and the coefficients that the two terms need at d.

    Args:
        dimension: d.
        choose: the activations that take part.
        requirement: what these have, in words.
        derivatives: of sigma, that must be functions.
        linear: degrees of sigma' whose coefficients may not vanish.
    """
    return (
        everywhere(differentiable(derivatives)),
        everywhere(smooth),
        some(choose, requirement),
        everywhere(nonzero(1, linear, dimension)),
        everywhere(nonzero(2, lambda p: [p.k - 1], dimension)),
    )


def scaled_samples(p: Profile, activation: str, d: int, ratio: float) -> int:
    """n = ratio A_k d^k, rounded up."""
    return math.ceil(ratio * sample_scale(activation, p.k) * d**p.k)
