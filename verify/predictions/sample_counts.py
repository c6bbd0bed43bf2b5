r"""How many samples f_Q needs for a sparse harmonic: the unit A d^k, and what finite d adds to the exponent k.

Samples are counted in units of A d^k with

.. math:: A_k(\sigma) = E[\sigma''(G)^2]\; \lim_{d \to \infty} d^{-(k-1)} E[g^2]:

what the construction W_Q costs in \|W\|_{2,4}^4 (:func:`theory.profile_energy_limit`) times the size of the features
that fit noise: the two factors of the Rademacher bound of docs/mathematics, section 6, that depend on the activation.
A_1 is 2.7, 3.4 and 10.8 for the activations of the documentation; in these units their learning curves nearly coincide,
so one grid serves all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from theory import profile_energy_limit, quadntk_trace, sparse_norm
from theory.harmonics.sphere import cumulative_multiplicity
from verify.judging.statistics import slope
from verify.predictions.width_limits import harmonic_strengths
from verify.sizes.profile import parse

LIMIT = 10**6
"""Dimension at which the sphere's second moment of sigma'' stands for the Gaussian's: they differ by O(1/d)."""


@lru_cache(maxsize=64)
def sample_scale(activation: str, k: int) -> float:
    """A_k of the module, to three digits; infinite when E[g^2] has no limit, or none that is decided.

    Source: docs/mathematics, :eq:`sample-units`.
    """
    sigma = parse(activation)
    second = 4 * float(quadntk_trace(sigma, LIMIT)) / LIMIT**2
    try:
        return float(f"{float(profile_energy_limit(sigma, k)) * second:.3g}")
    except (ArithmeticError, ValueError):
        return math.inf


@lru_cache(maxsize=64)
def sparse_budget(activation: str, k: int, d: int) -> float:
    """lim_m ||W_Q||_{2,4}^4 / d^{k-1} for the harmonic of energy 1 and degree k + 1."""
    (alpha,) = harmonic_strengths(k, d, (1.0,))
    return float(sparse_norm(parse(activation), k, d, alpha)) / float(d ** (k - 1))


def drifts(activations: Sequence[str], k: int, grid: Sequence[int]) -> dict[str, float]:
    """What known corrections add to the exponent k on a grid of d, each a least-squares slope in log d.

    "log d": the bounds that give n ~ d^k - matrix Rademacher for f_Q, matrix Chernoff for the n_k good directions -
    hold up to one factor log d, which the truth may or may not need. "||W_Q||^4": the exact budget at finite d, the
    largest over the activations. "n_k": the exact dimension of the good directions against d^k.
    """
    budgets = [slope(grid, [sparse_budget(a, k, d) for d in grid]) for a in activations]
    return {
        "log d": slope(grid, [math.log(d) for d in grid]),
        "||W_Q||^4": max(budgets, key=abs),
        "n_k": slope(grid, [cumulative_multiplicity(d, k) / d**k for d in grid]),
    }
