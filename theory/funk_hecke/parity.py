"""Which coefficients vanish for every d: by parity and degree, decided by algebra."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from theory.activations import ActivationLike, Z, expression
from theory.balls.arithmetic import SYMBOLS
from theory.funk_hecke.closed_forms import LONG, MAX_TERMS, decompose, expanded, expanded_terms, sphere_sum
from theory.funk_hecke.polynomials import part_of, rational_polynomial, sphere_moment
from theory.funk_hecke.summands import Monomial, NoClosedForm
from theory.harmonics.sphere import check_degree
from theory.harmonics.work import watched


@lru_cache(maxsize=4096)
def parity_part(expr: sp.Expr, parity: int) -> sp.Expr:
    """Even (``parity`` 0) or odd (1) part of an expression in z, expanded unless that would be very large.

    Only this part enters lambda_l with l of that parity. When it is a polynomial of degree < l the coefficient is
    exactly zero: this is how vanishing coefficients are decided, never by a float.
    """
    polynomial = rational_polynomial(expr)
    if polynomial is not None:
        return sp.Add(*(factor * Z**power for power, factor in part_of(polynomial, parity).items()))
    return watched(_part, expr, parity) if expanded_terms(expr) > LONG else _part(expr, parity)


def _part(expr: sp.Expr, parity: int) -> sp.Expr:
    mirrored = expr.subs(Z, -Z)
    # Expanding shows what cancels, as in (z + 1)^2 + (1 - z)^2; a very large sum is left as it is.
    part = (expr + mirrored if parity == 0 else expr - mirrored) / 2
    return expanded(part) if expanded_terms(part) <= MAX_TERMS else part


@lru_cache(maxsize=4096)
def polynomial_part(expr: sp.Expr, parity: int) -> dict[int, sp.Expr] | None:
    """The part of this parity by power of z when it is a polynomial, else None."""
    polynomial = rational_polynomial(expr)
    if polynomial is not None:
        return part_of(polynomial, parity)
    try:
        terms = decompose(parity_part(expr, parity))
    except NoClosedForm:
        return None
    if not all(isinstance(term.kernel, Monomial) for term in terms):
        return None
    return {term.kernel.power: term.factor for term in terms if isinstance(term.kernel, Monomial)}


def vanishes(expr: ActivationLike, degree: int) -> bool:
    """True when lambda_l(expr) is proved to be zero, for every d, by parity and degree.

    False says only that this proof does not apply; a ball that excludes zero is the proof of the contrary.

    Args:
        expr: g, an expression in z or its text.
        degree: l >= 0.

    Raises:
        ValueError: degree < 0.

    >>> from theory.activations import Activation
    >>> vanishes(Activation.parse("tanh(z)").derivative(1), 3)
    True
    """
    polynomial = polynomial_part(expression(expr), check_degree(degree) % 2)
    return polynomial is not None and all(power < degree for power in polynomial)


@lru_cache(maxsize=4096)
def vanishes_for_all(expr: sp.Expr, degree: int) -> bool:
    """Whether lambda_j(g) is proved zero for every d: by parity, or by algebra for a polynomial such as z^2 - 1."""
    if vanishes(expr, degree):
        return True
    if polynomial_part(expr, degree % 2) is None:
        return False
    polynomial = rational_polynomial(expr)
    if polynomial is not None and any(sphere_moment(polynomial, degree, d) for d in (5, 8, 11)):
        return False  # it is not zero at some d, which is known much sooner than a sum over d
    value = sphere_sum(parity_part(expr, degree % 2), degree, sp.Symbol("d", positive=True), SYMBOLS)
    return bool(watched(lambda: sp.cancel(sp.expand(value))) == 0)
