"""Certified bounds of an activation on a strip around the real axis, for quadrature errors."""

from __future__ import annotations

import sympy as sp
from flint import acb, arb

from theory.balls.ball import ball
from theory.balls.functions import Z, as_quadratic, softplus, written


class NotAnalytic(ValueError):
    """The expression is not known to be analytic and bounded on the strip."""


def strip_bound(expr: sp.Expr, half_width: arb, height: arb) -> arb:
    r"""An upper bound of |g(z)| for |Re z| <= X, |Im z| <= y, which proves on the way that g is analytic there.

    By structure, with w = a z + b, v = |a| y and Xw = |a| X + |b|:

    - sin, cos: cosh v;  tanh: max(1, tan v) for v < pi/2, because |tanh(x+iv)|^2 = (sinh^2 x + sin^2 v)/(sinh^2 x +
      cos^2 v) is monotone in x;  erf: 1 + erfi(v), integrating its derivative from the real axis;
    - softplus: log 2 + Xw + v for v <= pi/2, and -log sin v more for v < pi, since |1 + e^w| >= sin v there;
    - exp of a polynomial of degree <= 2 in z with real coefficients: the maximum of its real part.

    Sums and products take sums and products of bounds.

    Args:
        expr: g, an expression in z.
        half_width: X >= 0.
        height: y >= 0.

    Raises:
        NotAnalytic: a kink, a singularity within the strip, or a function of something not affine in z.
    """
    if not expr.has(Z):
        return arb(abs(ball(expr)).upper())
    if expr == Z:
        return half_width + height
    # Part by part: the bound may be loose, for only its logarithm enters the number of nodes.
    if expr.is_Add:
        return sum((strip_bound(a, half_width, height) for a in expr.args), arb(0))
    if expr.is_Mul:
        product = arb(1)
        for argument in expr.args:
            product = product * strip_bound(argument, half_width, height)
        return product
    if expr.is_Pow and expr.args[1].is_Integer and expr.args[1] > 0:
        return strip_bound(expr.args[0], half_width, height) ** int(expr.args[1])
    polynomial = as_quadratic(expr.args[0]) if expr.args else None
    if polynomial is None or polynomial.degree() > (2 if isinstance(expr, sp.exp) else 1):
        raise NotAnalytic(f"{written(expr)}: not bounded on a strip here")
    coefficients = [ball(c) for c in reversed(polynomial.all_coeffs())]
    if isinstance(expr, sp.exp):
        return _exponential(coefficients, half_width, height)
    offset, slope = coefficients
    return _affine(expr, abs(slope) * half_width + abs(offset), abs(slope) * height)


def _affine(expr: sp.Expr, width: arb, height: arb) -> arb:
    if isinstance(expr, sp.sin | sp.cos):  # |sin(x+iv)|^2 = sin^2 x + sinh^2 v <= cosh^2 v
        return height.cosh()
    if isinstance(expr, sp.erf):  # up from the real axis, where |erf| <= 1: |erf'(x+is)| <= (2/sqrt(pi)) e^{s^2}
        return 1 + acb(height).erfi().real
    if isinstance(expr, sp.tanh) and height < arb.pi() / 2:
        return height.tan().max(arb(1))
    if isinstance(expr, softplus) and height < arb.pi():
        beyond = arb(0) if height <= arb.pi() / 2 else -height.sin().log()
        return arb(2).log() + width + height + beyond
    raise NotAnalytic(f"{written(expr)}: not known to be analytic for |Im| <= {height.str(3, radius=False)}")


def _exponential(coefficients: list[arb], half_width: arb, height: arb) -> arb:
    """exp of the largest real part of c + b z + a z^2: on z = x + iv it is c + b x + a (x^2 - v^2)."""
    offset, slope, *rest = coefficients
    a = rest[0] if rest else arb(0)
    if a < 0:  # the largest value over all x is at the vertex of the parabola
        return (offset - slope * slope / (4 * a) - a * height * height).exp()
    # At the ends in x; -a v^2 <= 0 is left out.
    return (offset + abs(slope) * half_width + a * half_width * half_width).exp()
