"""Exact constants as certified real balls (``flint.arb``: a midpoint and a radius that contains the true value)."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from flint import acb, arb, ctx, fmpq

REAL_FUNCTIONS: dict[str, Callable[[arb], arb]] = {
    "sin": arb.sin,
    "cos": arb.cos,
    "exp": arb.exp,
    "erf": arb.erf,
    "tanh": arb.tanh,
    "log": arb.log,
    "gamma": arb.gamma,
    "factorial": lambda u: (u + 1).gamma(),
    "softplus": lambda u: (1 + u.exp()).log(),
    "Abs": abs,
    "sign": arb.sgn,
}
"""Functions of a real ball, by the name SymPy gives them."""


def ball(expr: sp.Expr) -> arb:
    """The constant ``expr`` as a ball at the current precision.

    Admits integers, rationals, pi, e, sums, products, real powers and the functions of the catalogue, Gamma,
    log, factorial and the hypergeometric functions 0F1 and 1F1.

    Raises:
        TypeError: a floating-point number (not exact), a free symbol or an unknown function.
    """
    expr = sp.sympify(expr)
    if expr.is_Integer:
        return arb(int(expr))
    if expr.is_Rational:
        return arb(fmpq(int(expr.p), int(expr.q)))
    if expr is sp.pi:
        return arb.pi()
    if expr is sp.E:
        return arb(1).exp()
    if expr.is_Float or expr.free_symbols:
        raise TypeError(f"{expr}: needs an exact constant without free symbols")
    if isinstance(expr, sp.hyper):
        return _hypergeometric(expr)
    values = [ball(argument) for argument in expr.args]
    if expr.is_Add:
        return sum(values[1:], values[0])
    if expr.is_Mul:
        product = values[0]
        for value in values[1:]:
            product = product * value
        return product
    if expr.is_Pow:
        exponent = expr.args[1]
        if exponent.is_Integer:
            return values[0] ** int(exponent)
        return values[0].sqrt() if exponent == sp.Rational(1, 2) else values[0] ** values[1]
    name = type(expr).__name__
    if name not in REAL_FUNCTIONS:
        raise TypeError(f"{expr}: no certified evaluation of {name}")
    return REAL_FUNCTIONS[name](values[0])


def _hypergeometric(expr: sp.Expr) -> arb:
    upper, lower, argument = expr.args
    z, b = ball(argument), [ball(x) for x in lower]
    if len(upper) == 0 and len(lower) == 1:
        return acb(z).hypgeom_0f1(b[0]).real
    if len(upper) == 1 and len(lower) == 1:
        return acb(z).hypgeom_1f1(ball(upper[0]), b[0]).real
    raise TypeError(f"{expr}: only 0F1 and 1F1 are evaluated")


def certified_float(expr: sp.Expr) -> float:
    """The double nearest to a constant expression (the midpoint of its ball at 80 bits)."""
    with ctx.workprec(80):
        return float(ball(expr).mid())
