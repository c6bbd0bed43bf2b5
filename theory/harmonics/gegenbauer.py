"""Gegenbauer polynomials P_{l,d}, normalised to P_{l,d}(1) = 1.

P_{l,d} = C_l^{((d-2)/2)} / C_l^{((d-2)/2)}(1). With t ~ tau_d (see :mod:`theory.harmonics.sphere`) they are orthogonal,
E[P_l P_l'] = delta_{ll'} / N(d,l), and satisfy the addition theorem
sum_j Y_lj(u) Y_lj(v) = N(d,l) P_l(<u,v>) for an orthonormal basis of degree-l harmonics.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, fmpq, fmpq_poly

from theory.harmonics.sphere import Dimension, check_degree, check_dimension, rising_product, shown
from theory.harmonics.work import check_work, evaluation, watched

MAX_DEGREE = {True: 1000, False: 60}
"""Largest degree of a polynomial that is written out, by whether d is an integer: seconds of exact algebra."""
LONG = 20
"""Steps of a recurrence of expressions from which on SymPy is watched: it may take seconds over one."""
MAX_EXACT_DEGREE = 10_000
"""Largest degree of the polynomial that a quadrature evaluates: a second of exact arithmetic."""


def raising(d: Dimension, degree: int) -> sp.Expr:
    r"""A_l = (l+d-2)/(2l+d-2), the weight of P_{l+1} in t P_l = A_l P_{l+1} + B_l P_{l-1}."""
    return _ratio(degree + d - 2, 2 * degree + d - 2)


def lowering(d: Dimension, degree: int) -> sp.Expr:
    r"""B_l = l/(2l+d-2), the weight of P_{l-1} in t P_l = A_l P_{l+1} + B_l P_{l-1}."""
    return _ratio(degree + 0 * d, 2 * degree + d - 2)


def _ratio(above: Any, below: Any) -> Any:
    """above/below, exactly, for two integers, two expressions or two elements of a field of rational functions."""
    return sp.Rational(above, below) if isinstance(above, int) else above / below


def legendre(degree: int, d: Dimension, t: sp.Expr) -> sp.Expr:
    r"""P_{l,d}(t) with P(1) = 1, as an expanded SymPy polynomial in ``t``; ``d`` may be a symbol.

    Three-term recurrence (l+d-2) P_{l+1} = (2l+d-2) t P_l - l P_{l-1}.

    Args:
        degree: l >= 0.
        d: integer >= 3 or a symbol.
        t: SymPy expression, usually a symbol, standing for <u,v> in [-1, 1].

    Raises:
        ValueError: d < 3, degree < 0, a degree above 1000 (above 60 for a symbolic d), or a t that is a text.
        WorkLimit: it took longer than :func:`theory.work_limit` allows.

    Source: Dai & Xu, Approximation Theory and Harmonic Analysis on Spheres, section 1.2; docs/mathematics,
    :eq:`legendre-recurrence`.

    >>> legendre(2, 3, sp.Symbol("t"))
    3*t**2/2 - 1/2
    """
    d = check_dimension(d)
    degree = _written_out("degree", check_degree(degree, most=None), d)
    if isinstance(t, bool) or not isinstance(t, sp.Expr | int):  # a text would be executed
        raise ValueError(f"t={shown(t)}: needs a SymPy expression, such as sp.Symbol('t')")
    t = sp.sympify(t)
    if isinstance(d, int) and isinstance(t, sp.Symbol):
        return legendre_polynomial_expr(degree, d, t)
    if isinstance(d, sp.Symbol) and isinstance(t, sp.Symbol) and t != d:
        return _in_symbols(degree, d, t)
    with evaluation(f"P_{degree} written out"):
        return unchecked_legendre(degree, d, t)


def _written_out(name: str, degree: int, d: Dimension) -> int:
    """``degree`` where polynomials of that degree are written out at this d; ValueError beyond."""
    limit = MAX_DEGREE[isinstance(d, int)]
    if degree > limit:
        raise ValueError(
            f"{name}={shown(degree)}: needs {name} <= {limit} to be written out; an integer d admits more than a "
            f"symbol, and numbers such as theory.coefficient need no such polynomial"
        )
    return degree


def legendre_polynomial_expr(degree: int, d: int, t: sp.Symbol) -> sp.Expr:
    """:func:`legendre_polynomial` in a symbol t."""
    exact = legendre_polynomial(degree, d)
    return sp.Add(*(sp.Rational(int(exact[n].p), int(exact[n].q)) * t**n for n in range(degree + 1) if exact[n]))


def _in_symbols(degree: int, d: sp.Symbol, t: sp.Symbol) -> sp.Expr:
    """P_{l,d}(t) from its coefficients, which for two symbols need no quotient to be cancelled.

    That of t^{l-2k} is (-1)^k l!/(k! (l-2k)! 2^k) times the product of d-2+2i, l/2 <= i < l-k, over that of d-2+i,
    i < l odd: what is left of the C_l of :eq:`legendre-recurrence` over C_l(1) in lowest terms.
    """
    below = rising_product(d - 2 + i for i in range(1, degree, 2))
    terms = []
    for k in range(degree // 2 + 1):
        count = math.factorial(degree) // (math.factorial(k) * math.factorial(degree - 2 * k) * 2**k)
        above = rising_product(d - 2 + 2 * i for i in range((degree + 1) // 2, degree - k))
        front = (-1) ** k * count * t ** (degree - 2 * k) / below
        terms += [front * term for term in sp.Add.make_args(above)]
    return sp.Add(*terms)


def unchecked_legendre(degree: int, d: Dimension, t: sp.Expr) -> sp.Expr:
    """:func:`legendre` without a limit on d: closed forms need d + 2 beyond it."""
    return _recurrence(degree, d, t) if degree <= LONG else watched(_recurrence, degree, d, t)


def _recurrence(degree: int, d: Dimension, t: sp.Expr) -> sp.Expr:
    previous, current = sp.Integer(0), sp.Integer(1)
    for j in range(degree):
        check_work()
        step = (t * current - lowering(d, j) * previous) / raising(d, j)
        # Quotients of polynomials in a symbolic d are cancelled at each step, or they would grow exponentially.
        previous, current = current, sp.expand(sp.cancel(step) if not isinstance(d, int) else step)
    return current


@lru_cache(maxsize=4096)
def legendre_polynomial(degree: int, d: int) -> fmpq_poly:
    """P_{l,d} as an exact rational polynomial (python-flint), for certified evaluation. Cost O(l) rationals.

    Its leading coefficient is the product of (2j+d-2)/(j+d-2), j < l, and that of t^{l-2k-2} is -(l-2k)(l-2k-1) /
    (2(k+1)(2l-2k+d-4)) times that of t^{l-2k}, by the differential equation.

    Raises:
        ValueError: degree > MAX_EXACT_DEGREE.
    """
    if degree > MAX_EXACT_DEGREE:
        raise ValueError(
            f"degree={shown(degree)}: needs degree <= {MAX_EXACT_DEGREE} where no closed form is known; lower it"
        )
    coefficients, value = [fmpq(0)] * (degree + 1), fmpq(1)
    for j in range(degree):
        value = value * fmpq(2 * j + d - 2, j + d - 2)
    for k in range(degree // 2 + 1):
        n = degree - 2 * k
        coefficients[n] = value
        value = value * fmpq(-n * (n - 1), 2 * (k + 1) * (2 * degree - 2 * k + d - 4)) if n > 1 else fmpq(0)
    return fmpq_poly(coefficients)


def multiplication(power: int, degree: int, d: Dimension) -> dict[int, sp.Expr]:
    r"""Weights w_j of t^p P_l = \sum_j w_j P_j, by the recurrence t P_j = A_j P_{j+1} + B_j P_{j-1} applied p times.

    Only j = l+p, l+p-2, ... >= 0 occur; the weights are positive and sum to 1 (put t = 1). The same weights give
    lambda_l(z^p g) = d^{p/2} sum_j w_j lambda_j(g).

    Args:
        power: p >= 0.
        degree: l >= 0.
        d: integer >= 3, or a SymPy expression; weights are then rational functions of d.

    Raises:
        ValueError: an integer d < 3, power < 0, degree < 0, or a power above 1000 (above 60 for a symbolic d).
        WorkLimit: it took longer than :func:`theory.work_limit` allows.

    Cost: O(p^2) rational operations. Source: docs/mathematics, :eq:`legendre-recurrence`; the weights of
    :eq:`zonal-eigenvalue`.

    >>> multiplication(1, 2, 3)
    {1: 2/5, 3: 3/5}
    """
    if not (isinstance(d, sp.Expr) or (type(d) is int and d > 2)):  # bounds for every d need d beyond 10**6
        d = check_dimension(d)
    steps = _written_out("power", check_degree(power, "power", None), d)
    degree = check_degree(degree)
    with evaluation(f"t^{steps} P_{degree} as a sum of P_j"):
        if isinstance(d, int):
            return _multiplied(steps, degree, d, sp.Integer(1))
        if steps <= 2:
            return {j: sp.cancel(c) for j, c in _multiplied(steps, degree, d, sp.Integer(1)).items()}
        # As expressions the sums would double with every step, so they are rational functions of a symbol.
        symbol = d if isinstance(d, sp.Symbol) else sp.Dummy("d")
        field = sp.QQ.frac_field(symbol)
        weights = {}
        for j, c in _multiplied(steps, degree, field.gens[0], field.one).items():
            check_work()
            weights[j] = c.as_expr() if d == symbol else watched(sp.cancel, c.as_expr().xreplace({symbol: d}))
        return weights


def _multiplied(steps: int, degree: int, d: Any, one: Any) -> dict[int, Any]:
    """The weights by p steps, each a sum of two neighbours, in the arithmetic of d and of its number ``one``."""
    expansion: dict[int, Any] = {degree: one}
    for _ in range(steps):
        raised: dict[int, Any] = {}
        for j, c in expansion.items():
            check_work()
            raised[j + 1] = raised.get(j + 1, 0) + c * raising(d, j)
            if j:
                raised[j - 1] = raised.get(j - 1, 0) + c * lowering(d, j)
        expansion = raised
    return dict(sorted(expansion.items()))


def monomial_coefficients(power: int, d: Dimension) -> dict[int, sp.Expr]:
    r"""Coefficients c_j of t^p = \sum_j c_j N(d,j) P_j(t), that is c_j = E_{tau_d}[t^p P_j(t)].

    Only j = p, p-2, ... occur. They are the c_j of :eq:`sparse-profile` in docs/mathematics, at p = k - 1: by
    Rodrigues' formula p!/(p-j)! (p-j-1)!! / (d (d+2) ... (d+p+j-2)).

    Raises:
        ValueError: d < 3, power < 0, or a power above 1000 (above 60 for a symbolic d).

    >>> monomial_coefficients(2, 3)
    {0: 1/3, 2: 2/15}
    """
    d = check_dimension(d)
    power = _written_out("power", check_degree(power, "power", None), d)
    return {j: _monomial_coefficient(power, j, d) for j in range(power % 2, power + 1, 2)}


def _monomial_coefficient(power: int, j: int, d: Dimension) -> sp.Expr:
    above = math.perm(power, j) * math.prod(range(1, power - j, 2))
    factors = [d + 2 * i for i in range((power + j) // 2)]
    return sp.Rational(above, math.prod(factors)) if isinstance(d, int) else above / rising_product(factors)


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
