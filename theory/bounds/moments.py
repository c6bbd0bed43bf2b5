r"""Upper bounds of the absolute Gaussian moments E[|g^{(j)}(G)| G^{2n}] of a function and its derivatives.

The line is cut into cells. On each a Taylor series that starts from the whole cell encloses all derivatives at once;
beyond the last cell a bound on the growth of the derivative takes over.
"""

from __future__ import annotations

import math
from functools import lru_cache

import sympy as sp
from flint import acb, arb, ctx

from theory.activations import Z
from theory.activations.derivatives import derivative
from theory.balls.ball import ball
from theory.balls.functions import written
from theory.balls.growth import Growth
from theory.balls.precision import exclusive
from theory.balls.program import Program
from theory.bounds.density import HIGHEST
from theory.funk_hecke.rodrigues import series_functions, taylor
from theory.harmonics.work import Undecided, check_work

BITS = 64
CELLS = 64
"""Cells in a unit of z."""
REACH = 20
"""Beyond this z, and more for a function that grows, the growth bound takes over."""


@lru_cache(maxsize=64)
def absolute_moments(expr: sp.Expr, derivatives: int) -> tuple[tuple[arb, ...], ...]:
    """Bounds from above of E[|g^{(j)}(G)| G^{2n}], by j = 0..derivatives and n = 0..HIGHEST.

    Args:
        expr: g, an expression in z without kinks.
        derivatives: the largest j.

    Raises:
        ValueError: a kink, or no bound on the growth of a derivative is known.
        Undecided: the moments are too large.

    Cost: 128 series of length j + 1 for each unit of z, up to |z| = 20 or more.
    """
    growth = [Growth.of(derivative(expr, j)) for j in range(derivatives + 1)]
    rate = max(float(g.rate.upper()) for g in growth)
    if not rate < 100:
        raise Undecided(f"{written(expr)}: grows too fast for a bound in every dimension; use smaller constants")
    reach = REACH + 2 * int(rate + 1)
    with exclusive, ctx.workprec(BITS):
        totals = _cells(expr, derivatives, reach)
        return tuple(
            tuple(arb((total + _tail(g, n, reach)).upper()) for n, total in enumerate(row))
            for g, row in zip(growth, totals, strict=True)
        )


def _cells(expr: sp.Expr, derivatives: int, reach: int) -> list[list[arb]]:
    """The part |z| <= reach of all moments."""
    program = Program([expr], Z, lambda e: acb(ball(e)))
    functions, length = series_functions(False), derivatives + 1
    totals = [[arb(0)] * (HIGHEST + 1) for _ in range(length)]
    front = 1 / (2 * arb.pi()).sqrt() / CELLS
    ends = _densities(arb(0))
    cap = ctx.cap
    try:
        for cell in range(reach * CELLS):
            check_work()
            low, high = arb(cell) / CELLS, arb(cell + 1) / CELLS
            sizes = [arb(0)] * length
            for z in (low.union(high), -low.union(high)):
                for j, value in enumerate(taylor(program, acb(z), length, functions)):
                    sizes[j] = sizes[j] + (abs(value.real) * math.factorial(j)).upper()
            starts, ends = ends, _densities(high)
            for n in range(HIGHEST + 1):
                # z^{2n} e^{-z^2/2} rises up to z^2 = 2n and falls beyond.
                largest = ends[n] if high * high <= 2 * n else starts[n] if low * low >= 2 * n else _peak(n)
                for row, size in zip(totals, sizes, strict=True):
                    row[n] = row[n] + size * front * largest
    finally:
        ctx.cap = cap
    return totals


def _densities(z: arb) -> list[arb]:
    """z^{2n} e^{-z^2/2} for n = 0..HIGHEST."""
    values = [(-z * z / 2).exp()]
    for _ in range(HIGHEST):
        values.append(values[-1] * z * z)
    return values


def _peak(n: int) -> arb:
    """The largest z^{2n} e^{-z^2/2}: (2n/e)^n."""
    return (arb(2 * n) / arb(1).exp()) ** n


def _tail(growth: Growth, n: int, reach: int) -> arb:
    """A bound of both tails: the logarithm of C (1+z)^p e^{rz} z^{2n} phi(z) falls at least at ``fall`` beyond."""
    power, z = growth.power + 2 * n, arb(reach)
    fall = z - growth.rate - arb(power) / z
    if not fall > 0:
        raise Undecided("a tail that grows too fast for a bound in every dimension; use smaller constants")
    density = (-z * z / 2).exp() / (2 * arb.pi()).sqrt()
    return 2 * growth.scale * (1 + z) ** growth.power * z ** (2 * n) * (growth.rate * z).exp() * density / fall
