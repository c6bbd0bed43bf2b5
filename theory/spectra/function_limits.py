"""Limits of single functions as d grows: the hypergeometric ones by a list, rational expressions by SymPy.

The list, and what it leaves out, is that of :func:`theory.spectra.limits.limit_in_dimension`.
"""

from __future__ import annotations

import sympy as sp

from theory.balls.ball import ball, compare, is_zero
from theory.balls.functions import written
from theory.balls.hypergeometric import humbert_phi3

UNBOUNDED = (sp.oo, -sp.oo, sp.zoo, sp.nan, sp.Limit, sp.AccumBounds)
"""What a limit that is no finite number contains."""


def sympy_limit(expr: sp.Expr, x: sp.Symbol, point: sp.Expr) -> sp.Expr:
    """SymPy's limit, nan where it has none: over functions that it cannot expand it ends in errors of its own."""
    try:
        return sp.limit(expr, x, point)
    except (NotImplementedError, AttributeError, TypeError, sp.PoleError):
        return sp.nan


def sign_of(constant: sp.Expr) -> int:
    """-1, 0 or 1, decided by a ball or by algebra; Undecided without a proof, ValueError where there is no ball."""
    try:
        return compare(constant, sp.Integer(0))
    except TypeError:
        raise _without_ball(constant) from None


def is_constant_zero(constant: sp.Expr) -> bool:
    """Decided as by :func:`sign_of` where there is no symbol, by algebra where there is one."""
    if not constant.free_symbols:
        return sign_of(constant) == 0
    try:
        return is_zero(constant)
    except TypeError:
        raise _without_ball(constant) from None


def _without_ball(constant: sp.Expr) -> ValueError:
    return ValueError(
        f"{written(constant)}: has no certified evaluation; needs real constants written by rationals, pi, powers, "
        f"exp, log, Gamma and functions such as 0F1, 1F1 and 2F1"
    )


def hypergeometric_limit(function: sp.Expr, d: sp.Symbol) -> sp.Expr:
    """The limit of one function by the list of :func:`theory.limit_in_dimension`; of Phi_3 without its factor e^{x}."""
    refused = ValueError(f"{written(function)}: no limit for {d} -> oo is known here")
    if isinstance(function, humbert_phi3):
        b, c, x, y = function.args
        rate, n, shift = sp.cancel(x / d), sp.simplify(c - d / 2), sp.simplify(b - d / 2)
        spread = 1 + 2 * rate
        if any(part.has(d) for part in (rate, n, shift)) or not spread.is_positive:
            raise refused
        return sp.exp(x) * spread ** -(sp.Rational(1, 2) + n) * sp.exp(2 * finite_limit(y / d, d, refused) / spread)
    upper, lower, z = function.args
    if len(lower) != 1:
        raise refused
    if lower[0].has(d) and len(upper) <= 1 and not any(a.has(d) for a in upper):
        speed, ratio = finite_limit(lower[0] / d, d, refused), finite_limit(z / lower[0], d, refused)
        if not speed.is_positive or (upper and not (1 - ratio).is_positive):
            raise refused
        return (1 - ratio) ** -upper[0] if upper else sp.exp(ratio)
    if len(upper) == 2 and not lower[0].has(d):
        a, b = sorted(upper, key=lambda u: bool(u.has(d)))
        if not a.has(d) and finite_limit(z, d, refused) == 0:
            finite_limit(b / d, d, refused)
            limit = sp.hyper((a,), tuple(lower), finite_limit(b * z, d, refused))
            # 1F1 with a negative integer a is a polynomial: at a root the correction of order 1/d would decide.
            if not is_constant_zero(limit):
                expanded = sp.hyperexpand(limit)
                return expanded if expanded.free_symbols or _has_ball(expanded) else limit
    raise refused


def _has_ball(constant: sp.Expr) -> bool:
    """Whether a constant has a certified evaluation as it is written."""
    try:
        ball(constant)
    except (TypeError, ValueError):
        return False
    return True


def finite_limit(expr: sp.Expr, d: sp.Symbol, refused: ValueError) -> sp.Expr:
    """The limit of a rational expression; ``refused`` is raised where it is not finite."""
    limit = sympy_limit(sp.cancel(expr) if expr.is_rational_function(d) else expr, d, sp.oo)
    if limit.has(*UNBOUNDED):
        raise refused
    return limit
