"""Suprema over the whole line: branch and bound near zero, intervals with infinite ends beyond."""

from __future__ import annotations

import sympy as sp
from flint import arb, ctx

from theory.balls.ball import ball
from theory.balls.enclosure import SUPREMUM_BITS, supremum
from theory.balls.functions import Z, written
from theory.balls.precision import exclusive
from theory.harmonics.work import watched

REACH = 12
"""Beyond this |z| the tails are bounded as a whole."""
Range = tuple[arb, arb]


def global_supremum(expr: sp.Expr) -> arb:
    """A certified upper bound of sup |g(z)| over all real z.

    Args:
        expr: g, an expression in z.

    Raises:
        ValueError: no finite bound of a tail is known, because g grows or is of a kind that is not covered: sums,
            products and powers of sin, cos, tanh, erf, polynomials times e^{-a z^2 + b z + c}, and constants are.
        Undecided: the supremum near zero is not separated.

    Cost: one branch and bound on |z| <= 12.

    >>> from theory.activations import Activation
    >>> print(global_supremum(Activation.parse("tanh(z)").derivative(1)).str(3, radius=False))
    1.00
    """
    middle = supremum(expr, -float(REACH), float(REACH))
    with exclusive, ctx.workprec(SUPREMUM_BITS):
        for side in (expr, expr.subs(Z, -Z)):
            low, high = watched(_beyond, side)
            middle = middle.max(abs(low).upper()).max(abs(high).upper())
    if not middle.is_finite():
        raise ValueError(
            f"{written(expr)}: is not bounded as z grows, or not seen to be; use an activation such as tanh(z + 1)"
        )
    return arb(middle.upper())


def _beyond(expr: sp.Expr) -> Range:
    """An interval that contains g(z) for all z >= REACH; its ends may be infinite."""
    if not expr.has(Z):
        value = ball(expr)
        return value.lower(), value.upper()
    if expr == Z:
        return arb(REACH), arb("inf")
    if isinstance(expr, sp.sin | sp.cos):
        return arb(-1), arb(1)
    if isinstance(expr, sp.tanh | sp.erf):
        low, high = _beyond(expr.args[0])
        return (_monotone(type(expr), low).lower(), _monotone(type(expr), high).upper())
    if isinstance(expr, sp.exp):
        low, high = _beyond(sp.expand(expr.args[0]))
        return low.exp().lower(), high.exp().upper()
    if expr.is_Add:
        return _sum(expr)
    if expr.is_Mul:
        return _product(expr)
    if expr.is_Pow and expr.args[1].is_Integer and expr.args[1] > 0:
        low, high = _beyond(expr.args[0])
        n = int(expr.args[1])
        ends = low**n, high**n
        if n % 2:
            return ends[0].lower(), ends[1].upper()
        least = arb(0) if low <= 0 <= high else ends[0].min(ends[1])
        return least.lower(), ends[0].max(ends[1]).upper()
    raise ValueError(f"{written(expr)}: no bound of its tail is known; use sin, cos, tanh or erf")


def _monotone(kind: type, value: arb) -> arb:
    """tanh or erf, also at an infinite argument."""
    if not value.is_finite():
        return arb(1) if value > 0 else arb(-1)
    return value.tanh() if kind is sp.tanh else value.erf()


def _sum(expr: sp.Expr) -> Range:
    polynomial = expr.as_poly(Z)
    if polynomial is not None:
        return _polynomial(polynomial)
    parts = [_beyond(argument) for argument in expr.args]
    low, high = parts[0]
    for other_low, other_high in parts[1:]:
        low, high = low + other_low, high + other_high
    return low.lower(), high.upper()


def _polynomial(polynomial: sp.Poly) -> Range:
    """A polynomial whose coefficients at REACH all have one sign is monotone beyond, and unbounded."""
    shifted = [ball(c) for c in sp.Poly(polynomial.as_expr().subs(Z, Z + REACH), Z).all_coeffs()]
    if all(c >= 0 for c in shifted):
        return shifted[-1].lower(), arb("inf")
    if all(c <= 0 for c in shifted):
        return arb("-inf"), shifted[-1].upper()
    return arb("-inf"), arb("inf")


def _product(expr: sp.Expr) -> Range:
    """Factors one by one; a polynomial times a falling Gaussian is bounded together, term by term at REACH."""
    exponents = [f.args[0] for f in expr.args if isinstance(f, sp.exp)]
    polynomials = [f for f in expr.args if f.as_poly(Z) is not None]
    rest = [f for f in expr.args if not isinstance(f, sp.exp) and f.as_poly(Z) is None]
    exponent = sp.Add(*exponents).as_poly(Z) if exponents else None
    if exponent is not None and exponent.degree() == 2:
        slope = exponent.diff(Z)
        rate = -ball(slope.eval(REACH))
        factor = sp.Poly(sp.Mul(*polynomials), Z)
        size = sum((abs(ball(c)) * arb(REACH) ** n for (n,), c in factor.terms()), arb(0))
        # z^n e^{q(z)} falls where n/z + q'(z) < 0; q' falls too.
        if ball(exponent.LC()) < 0 and rate > arb(max(factor.degree(), 0)) / REACH:
            bound = (size * ball(exponent.eval(REACH)).exp()).upper()
            parts = [(-bound, bound), *(_beyond(f) for f in rest)]
        else:
            parts = [_beyond(f) for f in expr.args]
    else:
        parts = [_beyond(f) for f in expr.args]
    low, high = parts[0]
    for other_low, other_high in parts[1:]:
        corners = [a * b for a in (low, high) for b in (other_low, other_high)]
        if not all(c.is_finite() for c in corners):
            return arb("-inf"), arb("inf")
        low, high = corners[0], corners[0]
        for corner in corners[1:]:
            low, high = low.min(corner), high.max(corner)
    return low.lower(), high.upper()
