r"""How many samples f_Q needs for a sparse harmonic: the unit A d^k, and what finite d adds to the exponent k.

Samples are counted in units of A d^k with

.. math:: A_k(\sigma) = E[\sigma''(G)^2]\; \lim_{d \to \infty} d^{-(k-1)} E[g^2]:

what the construction W_Q costs in \|W\|_{2,4}^4 (:func:`theory.profile_energy_limit`) times the size of the features
that fit noise: the two factors of the Rademacher bound of docs/mathematics, section 6, that depend on the activation.
A_1 is 2.7, 3.4 and 10.8 for the activations of the documentation; in these units their learning curves nearly coincide,
so one grid serves all.

On a grid of d the exponent of n*(d) is k and a *drift*, a least-squares slope in log d, for each factor that finite d
puts beside d^k. Those that theory knows with their sign enter the prediction; those that it leaves open, the margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import theory
from verify.judging.statistics import slope
from verify.predictions.width_limits import harmonic_strengths, width_limits
from verify.sizes.profile import parse

LIMIT = 10**6
"""Dimension at which the sphere's second moment of sigma'' stands for the Gaussian's: they differ by O(1/d)."""


@lru_cache(maxsize=64)
def sample_scale(activation: str, k: int) -> float:
    """A_k of the module, to three digits; infinite when E[g^2] has no limit, or none that is decided.

    Source: docs/mathematics, :eq:`sample-units`.
    """
    sigma = parse(activation)
    second = 4 * float(theory.quadntk_trace(sigma, LIMIT)) / LIMIT**2
    try:
        return float(f"{float(theory.profile_energy_limit(sigma, k)) * second:.3g}")
    except (ArithmeticError, ValueError):
        return math.inf


@lru_cache(maxsize=64)
def sparse_budget(activation: str, k: int, d: int) -> float:
    """lim_m ||W_Q||_{2,4}^4 / d^{k-1} for the harmonic of energy 1 and degree k + 1."""
    (alpha,) = harmonic_strengths(k, d, (1.0,))
    return float(theory.sparse_norm(parse(activation), k, d, alpha)) / float(d ** (k - 1))


def r4_weight(activation: str, k: int, d: int, share: float) -> float:
    """l4 = share / ||W_Q||_{2,4}^4, so that R4 takes this share of the sparse part's energy 1 at the construction."""
    return float(share / (d ** (k - 1) * sparse_budget(activation, k, d)))


@lru_cache(maxsize=64)
def width_excess(activation: str, k: int, d: int, m: int) -> float:
    """R1 of the construction W_L + S W_Q at width m: the risk that f_L(S W_Q) leaves of a target of energies 1 + 1."""
    rest = width_limits(parse(activation), k, d).joint_rest(harmonic_strengths(k, d, (1.0,)))
    return rest / math.sqrt(m)


@dataclass(frozen=True)
class Drifts:
    """What finite d adds to the exponent k of n*(d) on a grid of d.

    Attributes:
        budget: of ||W_Q||_{2,4}^4 against d^{k-1}, exact, the mean over the activations.
        dimension: of n_k, the number of good directions, against d^k, exact.
        logarithm: of log d. The bounds that give n ~ d^k, matrix Rademacher for f_Q and matrix Chernoff for the good
            directions, hold up to one such factor, which the truth may or may not need.
        width: of 1/(1 - excess/risk), excess being :func:`width_excess` at the grid's m: what the risk of the
            construction at finite width may add, if training does no better.
    """

    budget: float
    dimension: float
    logarithm: float
    width: float

    @property
    def order(self) -> float:
        """The largest of the exact drifts, all of order 1/d: other terms of that order are allowed as much."""
        return max(abs(self.budget), abs(self.dimension))

    def middle(self, joint: bool) -> float:
        """The drift that theory expects of n*: for f_k + f_sp, or for f_sp with f_Q alone.

        The latter's is that of ||W_Q||^4 with half of log d, which it may or may not need; the former's lies between
        that of n_k, what the good directions need, and the latter's.
        """
        low, high = self._range(joint)
        return (low + high) / 2

    def radius(self) -> float:
        """What theory leaves open about the drift for f_k + f_sp: log d, order 1/d, and finite width."""
        low, high = self._range(True)
        return (high - low) / 2 + self.order + self.width

    def largest(self) -> float:
        """The largest drift for f_sp with f_Q alone that theory admits."""
        return self._range(False)[1] + self.order + self.width

    def _range(self, joint: bool) -> tuple[float, float]:
        parts = (self.budget, self.dimension) if joint else (self.budget,)
        return min(parts), max(parts) + self.logarithm


def drifts(activations: Sequence[str], k: int, grid: Sequence[int], ratio: int, risk: float) -> Drifts:
    """The drifts on a grid of d.

    Args:
        activations: over which exact drifts are averaged, and of whose widths' drifts the largest is taken.
        k: low degree.
        grid: of d.
        ratio: m / d.
        risk: the risk to reach.

    Source: docs/mathematics, :eq:`sample-drifts`.
    """
    budgets = [slope(grid, [sparse_budget(a, k, d) for d in grid]) for a in activations]
    widths = [slope(grid, [1 - min(width_excess(a, k, d, ratio * d) / risk, 0.9) for d in grid]) for a in activations]
    return Drifts(
        budget=math.fsum(budgets) / len(budgets),
        dimension=slope(grid, [theory.cumulative_multiplicity(d, k) / d**k for d in grid]),
        logarithm=slope(grid, [math.log(d) for d in grid]),
        width=max(map(abs, widths)),
    )
