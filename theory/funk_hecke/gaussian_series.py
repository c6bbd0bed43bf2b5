r"""Expansions in 1/d of Funk-Hecke coefficients, term by term from Gaussian integrals.

With m_j = E[g(G) He_j(G)], G standard normal,

.. math:: d^{j/2} \lambda_j(g) \sim \sum_{r \ge 0} d^{-r} \sum_{s=0}^{2r} c_{r,s}(j)\, 2^{-s}\, m_{j+2s},

where f_r(J) = [x^r] prod_{0 <= i < J} 1/(1+2ix) is a polynomial of degree 2r in J and f_r(j+q) = sum_s c_{r,s}(j)
q(q-1)...(q-s+1). Derivation: for g = z^{j+2q} the coefficient is m_j times f(j+q) exactly, and E[h^{(2s)}(G)] =
2^s q(q-1)...(q-s+1) E[h(G)] for h = z^{2q}. To first order

.. math:: d^{j/2} \lambda_j = m_j - \tfrac1d [\, j(j-1) m_j + j\, m_{j+2} + \tfrac14 m_{j+4} ] + O(d^{-2}).

The series is asymptotic, valid when |g(z)| <= C e^{q z^2} with some q < 1/2, kinks or not: tau_d has the density
(1 - z^2/d)^{(d-3)/2} <= e^{-(1-3/d) z^2/2} in z = sqrt(d) t, whose ratio to the Gaussian one has an expansion in 1/d
with polynomial coefficients, uniform on |z| <= d^{1/8}; what lies beyond is exponentially small. A g that grows faster
is refused where its Gaussian integrals are taken. It gives constants, never a bound at a given d.

Terms may vanish one after the other, as for cos(z) - e^{-1/2} at j = 0, where m_0 = 0. Zero is decided by algebra.
Derived in docs/mathematics, :eq:`coefficient-expansion`.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import sympy as sp
from flint import arb, fmpq

from theory.balls.arithmetic import SYMBOLS
from theory.balls.ball import is_zero, refine
from theory.funk_hecke.closed_forms import has_closed_form, line_sum
from theory.funk_hecke.coefficient import hermite_ball, integral_bits
from theory.funk_hecke.summands import NoClosedForm
from theory.harmonics.work import check_work


def _falling_coefficients(polynomial: list[sp.Rational]) -> list[sp.Rational]:
    """The c_s by Newton's forward differences: p(q) = sum_s c_s q(q-1)...(q-s+1) from the values p(0), p(1), ..."""
    values, result = list(polynomial), []
    s = 0
    while values:
        result.append(values[0] / sp.factorial(s))
        values = [after - before for before, after in pairwise(values)]
        s += 1
    return result


@lru_cache(maxsize=256)
def _series_of_product(count: int, order: int) -> tuple[sp.Rational, ...]:
    """[x^0], ..., [x^order] of prod_{0 <= i < count} 1/(1+2ix)."""
    series = [sp.Integer(1)] + [sp.Integer(0)] * order
    for i in range(count):
        check_work()
        for r in range(1, order + 1):  # divide by 1 + 2 i x
            series[r] -= 2 * i * series[r - 1]
    return tuple(series)


def coefficient_series(degree: int, order: int) -> list[dict[int, sp.Rational]]:
    r"""Terms r = 0..order of d^{j/2} lambda_j, j = ``degree``: each maps n to the weight of m_n.

    Source: docs/mathematics, :eq:`coefficient-expansion`, to any order.

    >>> coefficient_series(2, 1)
    [{2: 1}, {2: -2, 4: -2, 6: -1/4}]
    """
    result = []
    for r in range(order + 1):
        # The term is a polynomial of degree 2r in q, so 2r + 1 values determine it.
        values = [_series_of_product(degree + q, r)[r] for q in range(2 * r + 1)]
        weights = _falling_coefficients(values)
        result.append({degree + 2 * s: w / 2**s for s, w in enumerate(weights) if w != 0})
    return result


DECISION_BITS = 512
"""Working precision up to which an integral is asked to exclude zero."""


@lru_cache(maxsize=1024)
def _cancels(expr: sp.Expr, weights: tuple[tuple[int, sp.Rational], ...]) -> bool:
    """Whether algebra proves sum_n w_n E[expr(G) He_n(G)] = 0."""
    try:
        total = sp.Add(*(w * line_sum(expr, n, SYMBOLS) for n, w in weights))
    except NoClosedForm:
        return False
    return is_zero(total)


def coefficient_term(expr: sp.Expr, degree: int, r: int, bits: int) -> arb:
    """Term r of the expansion of d^{j/2} lambda_j(expr), exactly zero where algebra proves it; the caller refines."""
    weights = coefficient_series(degree, r)[r]
    value = sum((hermite_ball(expr, n, bits) * fmpq(int(w.p), int(w.q)) for n, w in weights.items()), arb(0))
    return arb(0) if value.contains(0) and _cancels(expr, tuple(weights.items())) else value


def coefficient_order(expr: sp.Expr, degree: int, orders: int, subject: str) -> int | None:
    """The first of the terms r = 0..orders-1 of d^{j/2} lambda_j(expr) that is not zero; None when all are zero.

    Raises:
        Undecided: a term that is zero, or nearly, without a proof.
    """
    for r in range(orders):
        term = refine(
            lambda bits, r=r: coefficient_term(expr, degree, r, bits),  # type: ignore[misc]
            1,
            max_bits=integral_bits(1, expr) if has_closed_form(expr) else DECISION_BITS,
            subject=f"term {r} of the expansion in 1/d of d^({degree}/2) lambda_{degree} of {subject}",
        )
        if not term.is_zero():
            return r
    return None
