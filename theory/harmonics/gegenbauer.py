"""Gegenbauer polynomials P_{l,d}, normalised to P_{l,d}(1) = 1.

P_{l,d} = C_l^{((d-2)/2)} / C_l^{((d-2)/2)}(1). With t ~ tau_d (see :mod:`theory.harmonics.sphere`) they are orthogonal,
E[P_l P_l'] = delta_{ll'} / N(d,l), and satisfy the addition theorem
sum_j Y_lj(u) Y_lj(v) = N(d,l) P_l(<u,v>) for an orthonormal basis of degree-l harmonics.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp
from flint import arb, fmpq, fmpq_poly

from theory.harmonics.sphere import Dimension, check_degree, check_dimension, multiplicity


def raising(d: Dimension, degree: int) -> sp.Expr:
    r"""A_l = (l+d-2)/(2l+d-2), the weight of P_{l+1} in t P_l = A_l P_{l+1} + B_l P_{l-1}."""
    return sp.Rational(1) * (degree + d - 2) / (2 * degree + d - 2)


def lowering(d: Dimension, degree: int) -> sp.Expr:
    r"""B_l = l/(2l+d-2), the weight of P_{l-1} in t P_l = A_l P_{l+1} + B_l P_{l-1}."""
    return sp.Rational(1) * degree / (2 * degree + d - 2)


def legendre(degree: int, d: Dimension, t: sp.Expr) -> sp.Expr:
    r"""P_{l,d}(t) with P(1) = 1, as an expanded SymPy polynomial in ``t``; ``d`` may be a symbol.

    Three-term recurrence (l+d-2) P_{l+1} = (2l+d-2) t P_l - l P_{l-1}.

    Args:
        degree: l >= 0.
        d: integer >= 3 or a symbol.
        t: SymPy expression, usually a symbol, standing for <u,v> in [-1, 1].

    Raises:
        ValueError: d < 3 or degree < 0.

    Source: Dai & Xu, Approximation Theory and Harmonic Analysis on Spheres, section 1.2; docs/mathematics,
    :eq:`legendre-recurrence`.

    >>> legendre(2, 3, sp.Symbol("t"))
    3*t**2/2 - 1/2
    """
    return unchecked_legendre(check_degree(degree), check_dimension(d), t)


def unchecked_legendre(degree: int, d: Dimension, t: sp.Expr) -> sp.Expr:
    """:func:`legendre` without a limit on d: closed forms need d + 2 beyond it."""
    previous, current = sp.Integer(0), sp.Integer(1)
    for j in range(degree):
        step = (t * current - lowering(d, j) * previous) / raising(d, j)
        # Quotients of polynomials in a symbolic d are cancelled at each step, or they would grow exponentially.
        previous, current = current, sp.expand(sp.cancel(step) if not isinstance(d, int) else step)
    return current


@lru_cache(maxsize=4096)
def legendre_polynomial(degree: int, d: int) -> fmpq_poly:
    """P_{l,d} as an exact rational polynomial (python-flint), for certified evaluation. Cost O(l^2) rationals."""
    previous, current = fmpq_poly([0]), fmpq_poly([1])
    t = fmpq_poly([0, 1])
    for j in range(degree):
        a, b = fmpq(j + d - 2, 2 * j + d - 2), fmpq(j, 2 * j + d - 2)
        previous, current = current, (t * current - b * previous) / a
    return current


def multiplication(power: int, degree: int, d: Dimension) -> dict[int, sp.Expr]:
    r"""Weights w_j of t^p P_l = \sum_j w_j P_j, by the recurrence t P_j = A_j P_{j+1} + B_j P_{j-1} applied p times.

    Only j = l+p, l+p-2, ... >= 0 occur; the weights are positive and sum to 1 (put t = 1). The same weights give
    lambda_l(z^p g) = d^{p/2} sum_j w_j lambda_j(g).

    Args:
        power: p >= 0.
        degree: l >= 0.
        d: integer >= 3, or a SymPy expression; weights are then rational functions of d.

    Raises:
        ValueError: power < 0 or degree < 0.

    Cost: O(p^2) rational operations. Source: docs/mathematics, :eq:`legendre-recurrence`; the weights of
    :eq:`zonal-eigenvalue`.

    >>> multiplication(1, 2, 3)
    {1: 2/5, 3: 3/5}
    """
    expansion: dict[int, sp.Expr] = {check_degree(degree): sp.Integer(1)}
    # One factor t at a time: p steps, each a sum of two neighbours.
    for _ in range(check_degree(power, "power")):
        raised: dict[int, sp.Expr] = {}
        for j, c in expansion.items():
            raised[j + 1] = raised.get(j + 1, sp.Integer(0)) + c * raising(d, j)
            if j:
                raised[j - 1] = raised.get(j - 1, sp.Integer(0)) + c * lowering(d, j)
        expansion = raised
    exact = sp.sympify if isinstance(d, int) else sp.cancel
    return {j: exact(c) for j, c in sorted(expansion.items())}


def monomial_coefficients(power: int, d: Dimension) -> dict[int, sp.Expr]:
    r"""Coefficients c_j of t^p = \sum_j c_j N(d,j) P_j(t), that is c_j = E_{tau_d}[t^p P_j(t)].

    Only j = p, p-2, ... occur. They are the c_j of :eq:`sparse-profile` in docs/mathematics, at p = k - 1.

    Raises:
        ValueError: d < 3 or power < 0.

    >>> monomial_coefficients(2, 3)
    {0: 1/3, 2: 2/15}
    """
    d = check_dimension(d)
    return {j: sp.cancel(w / multiplicity(d, j)) for j, w in multiplication(power, 0, d).items()}


def legendre_values(max_degree: int, d: int, t: arb) -> list[arb]:
    r"""P_0(t), ..., P_L(t) as balls at the current precision, by the three-term recurrence.

    The ball of P_l loses about l bits to the recurrence. Cost O(L) ball operations.

    >>> [str(p) for p in legendre_values(2, 3, arb(1))]
    ['1.00000000000000', '1.00000000000000', '1.00000000000000']
    """
    values = [arb(1), t]
    for j in range(1, max_degree):
        values.append(((2 * j + d - 2) * t * values[j] - j * values[j - 1]) / (j + d - 2))
    return values[: max_degree + 1]
