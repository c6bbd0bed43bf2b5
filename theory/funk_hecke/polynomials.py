r"""Polynomials in z with rational coefficients, however long: expanded and averaged by exact integers alone.

SymPy takes seconds to expand (z - 10^12)^936, whose coefficients have up to eleven thousand digits; flint takes
milliseconds. For even p - l >= 0 the coefficient of z^p is d^{l/2} times a rational number, which the next one
follows by one factor:

.. math:: \lambda_l(z^p) = d^{l/2} m_p, \qquad m_l = \frac{l!}{d(d+2)\cdots(d+2l-2)}, \qquad
          \frac{m_{p+2}}{m_p} = \frac{(p+2)(p+1)\, d}{(p+2-l)(d+p+l)},

and on the line E[G^p He_l(G)] = l! at p = l, the next one (p+2)(p+1)/(p+2-l) times that: the limit for large d. These
are the values of :class:`theory.funk_hecke.summands.Monomial`, p!/(p-l)! d^{p/2} (p-l-1)!! / (d (d+2) ... (d+p+l-2)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import sympy as sp
from flint import arb, fmpq, fmpq_poly

from theory.balls.functions import Z
from theory.harmonics.work import check_work

MAX_BITS = 2 * 10**8
"""Size of a polynomial that is expanded, degree times bits of its longest coefficient: some tenths of a second."""


@lru_cache(maxsize=256)
def rational_polynomial(expr: sp.Expr) -> fmpq_poly | None:
    """The polynomial in z that an expression is, its coefficients rational; None for another, or one too large.

    The expression consists of z, rationals, sums, products and positive integer powers: equal terms are collected, and
    a constant such as sqrt(2)**2 that SymPy has not made rational is another.
    """
    size = _size(expr)
    if size is None or size[0] * size[1] > MAX_BITS:
        return None
    return _expanded(expr)


def _size(expr: sp.Expr) -> tuple[int, int] | None:
    """Bounds of the degree and of the bits of numerators and denominators; None where it is no such polynomial."""
    if expr == Z:
        return 1, 1
    if expr.is_Rational:
        return 0, int(expr.p).bit_length() + int(expr.q).bit_length()
    if expr.is_Pow:
        base, exponent = expr.args
        inner = _size(base) if exponent.is_Integer and exponent > 0 else None
        # The n-th power of k terms of size 1 has coefficients up to k^n.
        terms = len(base.args) if base.is_Add else 1
        return None if inner is None else (inner[0] * int(exponent), (inner[1] + terms.bit_length()) * int(exponent))
    if not (expr.is_Add or expr.is_Mul):
        return None
    sizes = []
    for part in expr.args:
        size = _size(part)
        if size is None:
            return None
        sizes.append(size)
    degrees, bits = zip(*sizes, strict=True)
    return max(degrees) if expr.is_Add else sum(degrees), sum(bits) + len(sizes).bit_length()


def _expanded(expr: sp.Expr) -> fmpq_poly:
    check_work()
    if expr == Z:
        return fmpq_poly([0, 1])
    if expr.is_Rational:
        return fmpq_poly([fmpq(int(expr.p), int(expr.q))])
    if expr.is_Pow:
        return _expanded(expr.args[0]) ** int(expr.args[1])
    total = _expanded(expr.args[0])
    for part in expr.args[1:]:
        total = total + _expanded(part) if expr.is_Add else total * _expanded(part)
    return total


def part_of(polynomial: fmpq_poly, parity: int) -> dict[int, sp.Rational]:
    """The coefficients that are not zero, by power, of even powers (``parity`` 0) or odd ones (1)."""
    found = {}
    for power in range(parity, polynomial.length(), 2):
        value = polynomial[power]
        if value:
            found[power] = sp.Rational(int(value.p), int(value.q))
    return found


def terms_of(polynomial: fmpq_poly) -> dict[int, sp.Rational]:
    """The coefficients that are not zero, by power."""
    return dict(sorted((part_of(polynomial, 0) | part_of(polynomial, 1)).items()))


def _sum(polynomial: fmpq_poly, degree: int, first: fmpq, ratios: Iterator[fmpq]) -> fmpq:
    total, moment = fmpq(0), first
    for power in range(degree, polynomial.length(), 2):
        check_work()
        total = total + polynomial[power] * moment
        moment = moment * next(ratios)
    return total


def sphere_moment(polynomial: fmpq_poly, degree: int, d: int) -> fmpq:
    """d^{-l/2} lambda_l of a polynomial, exactly.

    Source: docs/mathematics, :eq:`coefficient-rules`.

    >>> sphere_moment(fmpq_poly([0, 0, 1]), 0, 10), sphere_moment(fmpq_poly([0, 0, 1]), 2, 10)
    (1, 1/60)
    """
    if degree >= polynomial.length():
        return fmpq(0)
    rising = math.prod(d + 2 * i for i in range(degree))
    powers = range(degree, polynomial.length(), 2)
    ratios = (fmpq((p + 2) * (p + 1) * d, (p + 2 - degree) * (d + p + degree)) for p in powers)
    return _sum(polynomial, degree, fmpq(math.factorial(degree), rising), ratios)


def on_sphere(polynomial: fmpq_poly, degree: int, d: int) -> arb:
    """lambda_l of a polynomial at the current precision, exactly zero where it is.

    >>> on_sphere(fmpq_poly([0, 0, 1]), 0, 10)  # E[d t^2] = 1
    1.00000000000000
    """
    value = sphere_moment(polynomial, degree, d) * d ** (degree // 2)
    return arb(value) * arb(d).sqrt() if degree % 2 and value else arb(value)


def on_line(polynomial: fmpq_poly, degree: int) -> arb:
    """E[p(G) He_l(G)] of a polynomial at the current precision, exactly zero where it is.

    >>> on_line(fmpq_poly([0, 0, 0, 0, 1]), 2)  # E[G^4 (G^2 - 1)] = 15 - 3
    12.0000000000000
    """
    ratios = (fmpq((p + 2) * (p + 1), p + 2 - degree) for p in range(degree, polynomial.length(), 2))
    return arb(_sum(polynomial, degree, fmpq(math.factorial(degree)), ratios))
