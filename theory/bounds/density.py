r"""The law of one coordinate on the sphere against the Gaussian one, with a proved remainder for every dimension.

With z = sqrt(d) t, t ~ tau_D, D = d + 2j, x = 1/d and a = j - 3/2, the density of z over the standard Gaussian one is,
up to a constant, a function of u = z^2 alone:

.. math:: \rho(x,u) = e^{u/2} (1-xu)_+^{1/(2x)+a} = \exp\Bigl(-\sum_{n\ge1} x^n e_n(u)\Bigr) \ (xu<1), \qquad
          e_n(u) = \frac{u^{n+1}}{2(n+1)} + \frac{a u^n}{n} .

So rho = sum_r x^r p_r(u) + remainder with polynomials p_r, and for all u >= 0 and 0 < x <= 1/d0 the remainder is at
most x^R q(u), q a polynomial. Derived in docs/mathematics, :eq:`density-ratio` and :eq:`density-remainder`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from flint import arb, fmpq, fmpq_poly

SPLIT = fmpq(1, 2)
"""Where x u exceeds this, rho and its expansion are bounded one by one."""
HIGHEST = 44
"""Largest power of u in the remainder."""
LEAST_DIMENSION = 16
"""Smallest d0."""

Powers = list[fmpq_poly]
"""A polynomial in x, by power, whose coefficients are polynomials in u."""


@dataclass(frozen=True)
class DensityRatio:
    """The expansion of rho in x with its remainder.

    Attributes:
        terms: p_0, ..., p_{R-1} as polynomials in u.
        rest: q, by power of u, coefficients >= 0.
    """

    terms: tuple[fmpq_poly, ...]
    rest: tuple[arb, ...]


@lru_cache(maxsize=512)
def density_ratio(derivatives: int, order: int, switch: int) -> DensityRatio:
    """rho for D = d + 2j to R terms, with a remainder that holds for all d >= d0.

    Args:
        derivatives: j >= 0.
        order: R >= 1.
        switch: d0 >= 16.

    Source: docs/mathematics, :eq:`density-ratio` and :eq:`density-remainder`.
    """
    a, least = fmpq(2 * derivatives - 3, 2), fmpq(1, switch)
    exponent = [fmpq_poly([0]), *(_exponent(n, a) for n in range(1, order))]
    terms = _exponential([-e for e in exponent], order)[:order]
    majorant = [fmpq_poly([0]), *(_exponent(n, abs(a)) for n in range(1, order + 1))]
    majorant[order] = majorant[order] / (1 - SPLIT)
    # For negative a rho exceeds one near the origin, by this factor at most.
    peak = (2 * arb(a * a) / switch).exp() if a < 0 else arb(1)
    near = _exponential(majorant, order)
    power = _power(majorant, order)
    scale = peak / math.factorial(order)
    rest = [arb(0)] * (HIGHEST + 1)
    for parts, factor in ((near, arb(1)), (power, scale)):
        for n, polynomial in enumerate(parts[order:]):
            for m in range(polynomial.length()):
                rest[m] = rest[m] + factor * polynomial[m] * arb(least) ** n
    # Far: every term of the expansion, and rho itself, gets powers of x u / SPLIT > 1.
    far = [(0, 0, peak)]
    far += [(r, m, arb(c)) for r, p in enumerate(near[:order]) for m in range(p.length()) if (c := p[m]) != 0]
    for r, m, c in far:
        extra = _extra(m + order - r, switch)
        grown = c / arb(SPLIT) ** (order - r + extra) * arb(least) ** extra
        rest[m + order - r + extra] = rest[m + order - r + extra] + grown
    return DensityRatio(tuple(terms), tuple(arb(value.upper()) for value in rest))


def _exponent(n: int, a: fmpq) -> fmpq_poly:
    """e_n(u)."""
    return fmpq_poly([0] * n + [a / n, fmpq(1, 2 * (n + 1))])


def _multiply(left: Powers, right: Powers) -> Powers:
    result = [fmpq_poly([0]) for _ in range(len(left) + len(right) - 1)]
    for r, p in enumerate(left):
        for s, q in enumerate(right):
            result[r + s] = result[r + s] + p * q
    return result


def _power(series: Powers, count: int) -> Powers:
    result = [fmpq_poly([1])]
    for _ in range(count):
        result = _multiply(result, series)
    return result


def _exponential(series: Powers, order: int) -> Powers:
    """sum_k series^k / k! for k < R, all powers of x kept; ``series`` begins with x."""
    total = [fmpq_poly([0]) for _ in range((order - 1) * (len(series) - 1) + 1 + order)]
    power, factorial = [fmpq_poly([1])], 1
    for k in range(order):
        for n, polynomial in enumerate(power):
            total[n] = total[n] + polynomial / factorial
        power, factorial = _multiply(power, series), factorial * (k + 1)
    return total


def _extra(power: int, switch: int) -> int:
    """How many further factors x u / SPLIT make the Gaussian mean of a far term smallest."""
    # One more factor at u^n multiplies the mean by (2n + 1)/(SPLIT d0).
    best = int(SPLIT * switch / 2)
    return max(0, min(best, HIGHEST) - power)


def gaussian_moment(power: int) -> int:
    """E[G^{2n}] = (2n-1)!!."""
    return math.prod(range(1, 2 * power, 2))
