r"""Funk-Hecke coefficients for every d >= d0: d^{j/2} lambda_j(g) as an expansion in x = 1/d with a proved remainder.

By the Rodrigues form, with h = g^{(j)} and the ratio rho of :mod:`theory.bounds.density`,

.. math:: d^{j/2} \lambda_j(g) = \prod_{i<j} \frac1{1+2ix} \cdot
          \frac{E[h(G)\,\rho(x,G^2)]}{E[\rho(x,G^2)]},

and expectation of h times the remainder is at most x^R E[|h| q(G^2)]. Derived in docs/mathematics,
:eq:`coefficient-for-all-d`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import arb, ctx, fmpq, fmpq_poly

from theory.balls.enclosure import restricted
from theory.balls.exact import ExactlyEqual
from theory.balls.functions import written
from theory.balls.precision import exclusive
from theory.balls.strip import NotAnalytic
from theory.balls.trapezoid import coefficient_table
from theory.bounds.density import density_ratio, gaussian_moment
from theory.bounds.expansion import RemainderExpansion
from theory.bounds.moments import absolute_moments
from theory.funk_hecke.closed_forms import has_closed_form
from theory.funk_hecke.coefficient import coefficient_ball, hermite_ball, size_bits
from theory.funk_hecke.gaussian_series import coefficient_order
from theory.funk_hecke.parity import vanishes, vanishes_for_all
from theory.harmonics.work import Undecided

ORDER = 4
"""R, the number of terms of every expansion."""
BITS = 128
"""Working precision of the coefficients of an expansion."""
POINT_BITS = 80
"""Working precision of a coefficient at one d, beyond its size."""
LEAST_ACCURACY = 24
"""Relative bits below which such a coefficient is computed again with more precision."""


@dataclass(frozen=True, eq=False)
class CoefficientExpansion(ExactlyEqual):
    """x^order times an expansion is d^{j/2} lambda_j(g), x = 1/d, for all d >= d0.

    Attributes:
        order: how many leading terms in 1/d are exactly zero.
        expansion: what is left.
        derivative: j, the order of the derivative of g that is integrated.
        absolute: the bound of E[|h| q(G^2)], h = g^{(j)}.
        ratio_order: R, to which rho was expanded.
    """

    order: int
    expansion: RemainderExpansion
    derivative: int
    absolute: arb
    ratio_order: int


def coefficient_expansion(expr: sp.Expr, degree: int, switch: int, highest: int) -> CoefficientExpansion | None:
    """d^{j/2} lambda_j(g) for all d >= d0; None where it is zero for every d.

    Args:
        expr: g, an expression in z without kinks.
        degree: j.
        switch: d0.
        highest: the largest j that will be asked of g, for one table of moments to serve all.

    Raises:
        ValueError: a kink, or no bound on the growth of a derivative.
        Undecided: a leading term that is zero, or nearly, without a proof; or ORDER of them are zero.

    Source: docs/mathematics, :eq:`coefficient-for-all-d`.
    """
    if vanishes_for_all(expr, degree):
        return None
    if expr.has(sp.Abs, sp.sign):
        raise ValueError(
            f"{written(expr)}: has a kink; bounds for every dimension need a smooth function, such as softplus or gelu"
        )
    order = coefficient_order(expr, degree, ORDER, written(expr))
    if order is None:
        raise Undecided(
            f"lambda_{degree} of {written(expr)}: its first {ORDER} terms in 1/d are zero; take it at a given d"
        )
    return _expansion(expr, degree, switch, highest, order)


@lru_cache(maxsize=1024)
def _expansion(expr: sp.Expr, degree: int, switch: int, highest: int, zeros: int) -> CoefficientExpansion:
    order = ORDER + zeros
    ratio = density_ratio(degree, order, switch)
    moments = absolute_moments(expr, highest)[degree]
    x = sp.Symbol("x", positive=True)
    with exclusive, ctx.workprec(BITS):
        absolute = arb(sum((w * m for w, m in zip(ratio.rest, moments, strict=True)), arb(0)).upper())
        means = [arb(0) if r < zeros else _mean(expr, degree, p) for r, p in enumerate(ratio.terms)]
        above = RemainderExpansion(tuple(means), absolute, switch)
        mass = [sum((p[n] * gaussian_moment(n) for n in range(p.length())), fmpq(0)) for p in ratio.terms]
        spread = sum((w * gaussian_moment(n) for n, w in enumerate(ratio.rest)), arb(0))
        below = RemainderExpansion(tuple(arb(c) for c in mass), arb(spread.upper()), switch)
        product = sp.Mul(*(1 + 2 * i * x for i in range(degree)))
        below = below * RemainderExpansion.rational(product, x, order, switch)
        expansion = above * below.reciprocal()
        expansion = RemainderExpansion(
            (*[arb(0)] * zeros, *expansion.coefficients[zeros:]), expansion.remainder, switch
        ).divided(zeros)
    return CoefficientExpansion(zeros, expansion, degree, absolute, order)


def _mean(expr: sp.Expr, degree: int, polynomial: fmpq_poly) -> arb:
    """E[g^{(j)}(G) p(G^2)] = sum_s w_s E[g(G) He_{j+2s}(G)], where p(z^2) = sum_s w_s He_{2s}(z)."""
    weights = [fmpq(0)] * max(polynomial.length(), 1)
    for n in range(polynomial.length()):
        for k in range(n + 1):
            count = math.factorial(2 * n) // (2**k * math.factorial(k) * math.factorial(2 * n - 2 * k))
            weights[n - k] = weights[n - k] + polynomial[n] * count
    terms = (hermite_ball(expr, degree + 2 * s, BITS) * w for s, w in enumerate(weights) if w != 0)
    return sum(terms, arb(0))


@lru_cache(maxsize=65536)
def _table(expr: sp.Expr, highest: int, d: int) -> tuple[arb, ...] | None:
    """lambda_0, ..., lambda_L at one d from one set of nodes; None where each is better taken by itself."""
    expr = restricted(expr, d)
    if has_closed_form(expr):
        return None
    with exclusive, ctx.workprec(POINT_BITS + size_bits(highest, d)):
        try:
            return tuple(coefficient_table(expr, highest, d, ctx.prec))
        except NotAnalytic:
            return None


def coefficient_at(expr: sp.Expr, degree: int, d: int, highest: int) -> arb:
    """lambda_j(g) at one d, to about 15 digits; exactly zero where parity or algebra proves it.

    Arguments as :func:`coefficient_expansion`. What is not told from zero is a ball around zero.
    """
    if vanishes(expr, degree):
        return arb(0)
    table = _table(expr, highest, d)
    value = coefficient_ball(expr, degree, d, POINT_BITS) if table is None else table[degree]
    bits = POINT_BITS
    while not value.is_zero() and value.rel_accuracy_bits() < LEAST_ACCURACY and bits < 8 * POINT_BITS:
        bits *= 2
        value = coefficient_ball(expr, degree, d, bits)
    return value
