"""An activation on intervals, for :mod:`verify.check`: Taylor series, suprema and means with enclosed errors.

Interval arithmetic is that of mpmath. A series is the list of Taylor coefficients on a cell, each an interval that
holds it for every point of the cell. Nothing here uses the packages theory and numerics.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from math import factorial
from typing import Any

from mpmath import inf, iv  # type: ignore[import-untyped]

REACH, ORDER = 9, 10
"""The line is cut at |z| = 9; length of the Taylor series on a cell."""
CELLS = 8
"""Cells in a unit of z."""
MEANS = ("slope energy", "curvature energy", "curvature", "slope")
MOST_STEPS, MOST_WORK = 100, 40_000
"""Limits of work: operations in an activation, and in all cells of one bisection together."""
LARGEST = 2.0**60
"""Size of an argument up to which exp, sin and cos are evaluated: their cost grows with its logarithm's exponential."""
Series = list[Any]
"""Taylor coefficients, each an interval."""


class Refused(ValueError):
    """Why a certificate is no proof, in a sentence."""


def multiply(a: Series, b: Series) -> Series:
    """The product of two series; a coefficient that is 0 gives 0, also beside one without an end."""
    there = [i for i, c in enumerate(a) if c != 0], {i for i, c in enumerate(b) if c != 0}
    return [sum((a[i] * b[n - i] for i in there[0] if n - i in there[1]), iv.mpf(0)) for n in range(len(a))]


def _tame(u: Any) -> Any:
    """``u`` when its finite ends have a size that functions are evaluated at.

    Raises:
        Refused: they have not.
    """
    if any(LARGEST < abs(end) < inf for end in (u.a, u.b)):
        raise Refused("the activation has a function of a number above 2^60")
    return u


def _solved(start: Any, inner: Series, slope: Callable[[Series], Series]) -> Series:
    """y with y' = slope(y) u', u the inner series, term by term."""
    y = [start]
    for n in range(1, len(inner)):
        known = slope([*y, *[iv.mpf(0)] * (len(inner) - n)])
        y.append(sum((k * inner[k] * known[n - k] for k in range(1, n + 1)), iv.mpf(0)) / n)
    return y


def exponential(u: Series) -> Series:
    """e^u."""
    return _solved(iv.exp(_tame(u[0])), u, lambda y: y)


def _sine(u: Series, shift: int) -> Series:
    sine, cosine = [iv.sin(_tame(u[0]))], [iv.cos(u[0])]
    for n in range(1, len(u)):
        parts = [(k * u[k], n - k) for k in range(1, n + 1)]
        sine.append(sum((a * cosine[i] for a, i in parts), iv.mpf(0)) / n)
        cosine.append(-sum((a * sine[i] for a, i in parts), iv.mpf(0)) / n)
    return cosine if shift else sine


def _tanh(u: Series) -> Series:
    return _solved(
        1 - 2 / (1 + iv.exp(2 * _tame(u[0]))), u, lambda y: [int(i == 0) - v for i, v in enumerate(multiply(y, y))]
    )


def _sigmoid(u: Series) -> Series:
    return _solved(1 / (1 + iv.exp(-_tame(u[0]))), u, lambda y: [a - b for a, b in zip(y, multiply(y, y), strict=True)])


def _softplus(u: Series) -> Series:
    return _integral(iv.log(1 + iv.exp(_tame(u[0]))), _sigmoid(u), u)


def _integral(start: Any, density: Series, u: Series) -> Series:
    """y with y' = density u'."""
    return _solved(start, u, lambda _: density)


def _erf(u: Series) -> Series:
    """Its own value is only enclosed by [-1, 1]; derivatives alone are needed."""
    squares = multiply([_tame(u[0]), *u[1:]], u)
    if abs(u[0]).b == inf:
        # |H_n(u)| <= (2|u| + n)^n, and |u|^n e^{-u^2} falls beyond the finite end.
        if any(c != 0 for c in u[2:]):
            raise Refused("erf of a function that is not linear cannot be bounded here")
        end = iv.mpf(min(abs(u[0].a), abs(u[0].b)))
        sizes = [(2 * end + n) ** n * iv.exp(-end * end) / factorial(n) * abs(u[1]) ** n for n in range(len(u))]
        density = [s * iv.mpf([-1, 1]) for s in sizes]
    else:
        density = exponential([-c for c in squares])
    return _integral(iv.mpf([-1, 1]), [2 / iv.sqrt(iv.pi) * c for c in density], u)


FUNCTIONS: dict[str, Callable[[Series], Series]] = {
    "sin": lambda u: _sine(u, 0),
    "cos": lambda u: _sine(u, 1),
    "exp": exponential,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _erf,
}


def evaluate(node: ast.expr, z: Series) -> Series:
    """An expression in z as a series."""
    zeros = [iv.mpf(0)] * (len(z) - 1)
    match node:
        case ast.Name(id="z"):
            return z
        case ast.Name(id="pi"):
            return [+iv.pi, *zeros]
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return [iv.mpf(value), *zeros]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return [-c for c in evaluate(inner, z)]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            sign = 1 if isinstance(op, ast.Add) else -1
            return [a + sign * b for a, b in zip(evaluate(left, z), evaluate(right, z), strict=True)]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return multiply(evaluate(left, z), evaluate(right, z))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            below = evaluate(right, z)
            if any(c != 0 for c in below[1:]) or 0 in below[0]:
                raise Refused("the activation divides by a function, or by zero")
            return [c / below[0] for c in evaluate(left, z)]
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(n))) if 0 <= n <= 20:
            base, result = evaluate(left, z), [iv.mpf(1), *zeros]
            for _ in range(n):
                result = multiply(result, base)
            return result
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](evaluate(inner, z))
    raise Refused(f"the activation has {ast.dump(node)[:60]}, which is not known here")


@lru_cache(maxsize=8)
def parsed(text: str) -> ast.expr:
    """The activation; only sums, products, whole powers and FUNCTIONS are accepted when it is evaluated."""
    if len(text) > 500:
        raise Refused("activation: is longer than 500 characters")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refused(f"activation: {text[:60]!r} cannot be read") from None
    if steps(tree) > MOST_STEPS:
        raise Refused(f"activation: has more than {MOST_STEPS} operations")
    return tree


def steps(tree: ast.expr) -> int:
    """How many operations an expression has; a power counts as its multiplications."""
    powers = [n.right.value for n in ast.walk(tree) if isinstance(n, ast.BinOp) and isinstance(n.right, ast.Constant)]
    nodes = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
    return nodes + sum(value for value in powers if isinstance(value, int) and 0 <= value <= 20)


def derivatives(text: str, cell: Any, count: int, length: int) -> list[Series]:
    """sigma', ..., the derivatives up to ``count`` on a cell, each a series of that length."""
    one = iv.mpf(1)
    series = evaluate(parsed(text), [cell, one, *[iv.mpf(0)] * (length + count - 2)])
    found = []
    for _ in range(count):
        series = [n * c for n, c in enumerate(series)][1:]
        found.append(series[:length])
    return found


def stays_below(text: str, order: int, bound: Any) -> bool:
    """Whether |sigma^{(order)}| <= bound on the whole line, by bisection between -12 and 12.

    Raises:
        Refused: MOST_WORK operations do not tell.
    """
    reach, work, each = 12, 0, steps(parsed(text))
    cells: list[tuple[Any, int]] = [(iv.mpf([-inf, -reach]), 99), (iv.mpf([reach, inf]), 99)]
    cells += [(iv.mpf([i, i + 1]) / 2, 0) for i in range(-2 * reach, 2 * reach)]
    while cells:
        cell, depth = cells.pop()
        work += each
        if work > MOST_WORK:
            raise Refused(f"the derivative of order {order} could not be bounded in {MOST_WORK} operations here")
        value = abs(derivatives(text, cell, order, 1)[-1][0])
        if not value.b <= bound.a and depth < 99:  # by the mean value theorem, which is sharper on a small cell
            middle, slope = cell.mid, derivatives(text, cell, order + 1, 1)[-1][0]
            value = abs(derivatives(text, middle, order, 1)[-1][0] + slope * (cell - middle))
        if not value.b <= bound.a:
            if depth > 20:
                return False
            cells += [(iv.mpf([cell.a, cell.mid]), depth + 1), (iv.mpf([cell.mid, cell.b]), depth + 1)]
    return True


def _density(z: Series, where: tuple[int, int] | None) -> Series:
    """e^{-z^2/2}, or (1 - z^2/d)^{(d + 2j - 3)/2} for where = (d, j)."""
    squares = multiply(z, z)
    if where is None:
        return exponential([-c / 2 for c in squares])
    d, steps = where
    u = [int(n == 0) - c / d for n, c in enumerate(squares)]
    power = iv.mpf(d + 2 * steps - 3) / 2
    y = [iv.exp(power * iv.log(u[0]))]
    for n in range(1, len(u)):
        terms = ((power * k - (n - k)) * u[k] * y[n - k] for k in range(1, min(n, 2) + 1))
        y.append(sum(terms, iv.mpf(0)) / (n * u[0]))
    return y


@lru_cache(maxsize=16)
def means(text: str, places: tuple[tuple[int, int] | None, ...]) -> dict[tuple[Any, str], Any]:
    """Means of sigma'^2, sigma''^2, sigma'' and sigma' on |z| <= 9, given that, by place and name.

    A place is None for the Gaussian or (d, j) for sqrt(d) times a coordinate of the unit sphere in R^{d + 2j}.
    """
    totals: dict[tuple[Any, str], Any] = {}
    half = iv.mpf(1) / (2 * CELLS)
    one, zeros = iv.mpf(1), [iv.mpf(0)] * (ORDER - 1)
    for i in range(-REACH * CELLS, REACH * CELLS):
        middle = iv.mpf(2 * i + 1) * half
        for cell, wanted in ((middle, range(0, ORDER, 2)), (middle + half * iv.mpf([-1, 1]), (ORDER,))):
            slope, curvature = derivatives(text, cell, 2, ORDER + 1)
            parts = (multiply(slope, slope), multiply(curvature, curvature), curvature, slope, [one, *zeros, iv.mpf(0)])
            for place in places:
                density = _density([cell, one, *zeros], place)
                for name, part in zip((*MEANS, "mass"), parts, strict=True):
                    for n in wanted:
                        c = sum((part[j] * density[n - j] for j in range(n + 1)), iv.mpf(0))
                        # The remainder c z^n may have either sign where n is the last power.
                        size = 2 * half ** (n + 1) / (n + 1) * (iv.mpf([-1, 1]) * abs(c) if n == ORDER else c)
                        totals[place, name] = totals.get((place, name), iv.mpf(0)) + size
    return {(place, name): totals[place, name] / totals[place, "mass"] for place in places for name in MEANS}
