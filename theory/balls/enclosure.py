r"""Where expressions become numbers: certified integrals over the sphere and the line, and certified suprema.

A ball (``flint.arb``) is a midpoint and a radius that is guaranteed to contain the true value. Everything here
raises the working precision until the digits asked for are certified, or says that it could not.

Integrals over the sphere are taken after t = sin(theta), which makes the weight entire:

.. math:: E_{\tau_d}[h(t)] = \frac{\Gamma(d/2)}{\sqrt\pi\,\Gamma((d-1)/2)}
          \int_{-\pi/2}^{\pi/2} h(\sin\theta) \cos^{d-2}\theta \, d\theta .

Integrals against a Gaussian are cut at a radius beyond which a bound on the integrand's growth certifies the tail.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cmp_to_key, lru_cache, reduce
from itertools import count, pairwise

import sympy as sp
from flint import acb, acb_poly, arb, ctx, fmpq, fmpq_poly

from theory.balls.ball import REAL_FUNCTIONS, ball, compare
from theory.balls.functions import Z, written
from theory.balls.growth import Growth
from theory.balls.precision import exclusive
from theory.balls.program import Program
from theory.balls.quadrature import integrate
from theory.harmonics.work import Undecided, check_work, evaluation


def _complex_functions(analytic: bool) -> dict[str, Callable[[acb], acb]]:
    return {
        "sin": acb.sin,
        "cos": acb.cos,
        "exp": acb.exp,
        "erf": acb.erf,
        "tanh": acb.tanh,
        # The flag makes the logarithm's branch cut visible to the integrator; without it balls would be wrong.
        "softplus": lambda u: (1 + u.exp()).log(analytic=analytic),
    }


@dataclass(frozen=True)
class Piece:
    """An expression that is analytic between two exact real end points (None: unbounded)."""

    expr: sp.Expr
    lower: sp.Expr | None
    upper: sp.Expr | None


@lru_cache(maxsize=1024)
def pieces(expr: sp.Expr) -> list[Piece]:
    """Split an expression at the kinks of its |az+b| and sign(az+b); one piece when it has none.

    Raises:
        ValueError: |.| or sign of something not affine in z.
        Undecided: two kinks cannot be put in order.
    """
    arguments = {atom.args[0] for atom in expr.atoms(sp.Abs, sp.sign) if atom.has(Z)}
    kinks: dict[sp.Expr, sp.Expr] = {}
    for argument in arguments:
        slope = argument.diff(Z)
        if slope.has(Z) or slope.is_zero:
            raise ValueError(f"{written(argument)}: a kink needs an argument affine in z")
        kinks[argument] = -argument.subs(Z, 0) / slope
    ordered: list[sp.Expr] = []
    for kink in sorted(kinks.values(), key=cmp_to_key(compare)):
        if not ordered or compare(ordered[-1], kink):
            ordered.append(kink)
    result = []
    # Between two kinks each |u| is u or -u. So every piece is analytic, which the integrator needs to converge fast.
    for index, (lower, upper) in enumerate(pairwise([None, *ordered, None])):
        replacement: dict[sp.Expr, sp.Expr] = {}
        for argument, kink in kinks.items():
            # The piece lies right of the kinks ordered[:index].
            right = any(compare(kink, other) == 0 for other in ordered[:index])
            sign = compare(argument.diff(Z), sp.Integer(0)) * (1 if right else -1)
            replacement |= {sp.sign(argument): sp.Integer(sign), sp.Abs(argument): sign * argument}
        result.append(Piece(expr.xreplace(replacement), lower, upper))
    return result


@lru_cache(maxsize=4096)
def restricted(expr: sp.Expr, d: int) -> sp.Expr:
    """``expr`` without the kinks that |z| <= sqrt(d) never reaches: relu(z - 2) is zero on the sphere at d = 3."""
    if not expr.has(sp.Abs, sp.sign):
        return expr
    inside = [
        piece
        for piece in pieces(expr)
        if not (piece.upper is not None and compare(piece.upper, -sp.sqrt(d)) <= 0)
        and not (piece.lower is not None and compare(piece.lower, sp.sqrt(d)) >= 0)
    ]
    return inside[0].expr if len(inside) == 1 else expr


def sphere_expectation(expr: sp.Expr, d: int, weight: fmpq_poly, bits: int) -> arb:
    r"""E_{tau_d}[ g(sqrt(d) t) q(t) ] as a ball, with an absolute error near 2^{-bits}.

    Args:
        expr: g, an expression in z.
        d: dimension, 3 <= d <= 10**6.
        weight: q, an exact polynomial in t.
        bits: working precision; the caller raises it (:func:`theory.balls.ball.refine`).

    Source: Johansson, Numerical integration in arbitrary-precision ball arithmetic (arXiv:1802.07942).
    """
    polynomial, root = acb_poly(weight), acb(d).sqrt()
    half = arb.pi() / 2
    total = acb(0)
    for piece in pieces(expr):
        limits = [
            sign * half if z is None else _angle(ball(z) / arb(d).sqrt())
            for sign, z in ((-1, piece.lower), (1, piece.upper))
        ]
        program = Program([piece.expr], Z, lambda e: acb(ball(e)))
        total += integrate(_integrand(program, polynomial, root, d), limits[0], limits[1], bits)
    half_d = arb(fmpq(d, 2))
    return total.real * half_d.gamma() / ((half_d - fmpq(1, 2)).gamma() * arb.pi().sqrt())


def _angle(t: arb) -> arb:
    """arcsin of t, clipped to [-1, 1]: a kink beyond the end of the range leaves an empty piece."""
    if t < 0:
        return -_angle(-t)
    if t >= 1:
        return arb.pi() / 2
    return t.asin() if t < 1 else t.lower().asin().union(arb.pi() / 2)


def _integrand(program: Program, weight: acb_poly, root: acb, d: int) -> Callable[[acb, bool], acb]:
    functions = {flag: _complex_functions(flag) for flag in (False, True)}

    def integrand(theta: acb, analytic: bool) -> acb:
        t, cosine = theta.sin_cos()
        return program(root * t, functions[analytic])[0] * weight(t) * cosine ** (d - 2)

    return integrand


def gaussian_expectation(expr: sp.Expr, weight: fmpq_poly, bits: int) -> arb:
    r"""E[ g(G) q(G) ], G standard normal, as a ball with an absolute error near 2^{-bits}.

    The range is cut at R; with |g(z) q(z)| <= C (1+|z|)^p e^{r|z|} the two tails are together at most
    2 C (1+R)^p e^{rR} phi(R) / (R - r - p/(1+R)), because the logarithm of the bound falls at least that fast.

    Raises:
        ValueError: no bound on the growth of g is known (see :class:`Growth`).
    """
    coefficients = [arb(weight[i]) for i in range(weight.length())]
    growth = Growth.of(expr)
    scale = growth.scale * sum((abs(c) for c in coefficients), arb(0))
    power = growth.power + max(weight.degree(), 0)
    if not (scale.is_finite() and growth.rate.is_finite()):
        raise ValueError(f"{written(expr)}: its bound on growth is not finite; use smaller constants")
    # A few steps suffice, because the Gaussian density soon falls faster than any admitted growth.
    radius = arb(4) + 2 * growth.rate.upper()
    while True:
        fall = radius - growth.rate - arb(power) / (1 + radius)
        density = (-radius * radius / 2).exp() / (2 * arb.pi()).sqrt()
        tail = 2 * scale * (1 + radius) ** power * (growth.rate * radius).exp() * density / fall
        if fall > 0 and tail < arb(2) ** -bits:
            break
        if radius > 10**9:
            raise ValueError(f"{written(expr)}: too large for a Gaussian integral; use smaller constants")
        radius = radius + 1 + radius / 16
    radius = radius.upper()

    polynomial = acb_poly(weight)
    functions = {flag: _complex_functions(flag) for flag in (False, True)}
    total = acb(0)
    for piece in pieces(expr):
        lower = -radius if piece.lower is None else ball(piece.lower).max(-radius).min(radius)
        upper = radius if piece.upper is None else ball(piece.upper).min(radius).max(-radius)
        program = Program([piece.expr], Z, lambda e: acb(ball(e)))

        def integrand(z: acb, analytic: bool, program: Program = program) -> acb:
            return program(z, functions[analytic])[0] * polynomial(z) * (-z * z / 2).exp()

        total += integrate(integrand, lower, upper, bits)
    return total.real / (2 * arb.pi()).sqrt() + arb(0, tail.upper())


def _double(value: arb, towards: float) -> float:
    """The double next to a ball on the side of ``towards``, which is plus or minus infinity."""
    # lower() and upper() would round by the precision of the process.
    rounded = float(value.mid()) + math.copysign(float(value.rad()), towards)
    while not (arb(rounded) >= value if towards > 0 else arb(rounded) <= value):
        rounded = math.nextafter(rounded, towards)
    return rounded


SUPREMUM_BITS = 53
"""Working precision of a supremum: its bound is asked to about three digits."""


def supremum(expr: sp.Expr, lower: float, upper: float, relative: float = 1e-3) -> arb:
    """A certified upper bound of sup |g| on [lower, upper], at most ``relative`` above the true supremum.

    Branch and bound on real balls: the interval with the largest upper bound is halved until that bound is
    within ``relative`` of the largest value seen.

    Raises:
        ValueError: lower > upper, or an end that is not finite.
        Undecided: not separated after 100,000 intervals, or within the work allowed.
    """
    if not (math.isfinite(lower) and math.isfinite(upper) and lower <= upper):
        raise ValueError(f"lower={lower!r}, upper={upper!r}: needs finite lower <= upper")
    with evaluation(f"sup|{written(expr)}| on [{lower}, {upper}]"), exclusive, ctx.workprec(SUPREMUM_BITS):
        return _branch_and_bound(expr, lower, upper, relative)


def _branch_and_bound(expr: sp.Expr, lower: float, upper: float, relative: float) -> arb:
    serial = count()  # breaks ties, because balls and programs have no order
    heap: list[tuple[float, int, arb, float, float, Program]] = []
    best = arb(0)

    def magnitude(program: Program, x: arb) -> arb:
        return abs(arb(program(x, REAL_FUNCTIONS)[0]))

    def push(program: Program, a: float, b: float) -> None:
        high = magnitude(program, arb(a).union(arb(b))).upper()
        # The float only orders the heap; the bound that is returned is the ball's own.
        heapq.heappush(heap, (-float(high) if high.is_finite() else -math.inf, next(serial), high, a, b, program))

    for piece in pieces(expr):
        # Each piece is analytic beyond its kinks, so rounding these outwards only adds to the bound.
        a = lower if piece.lower is None else max(lower, _double(ball(piece.lower), -math.inf))
        b = upper if piece.upper is None else min(upper, _double(ball(piece.upper), math.inf))
        if a <= b:
            program = Program([piece.expr], Z, ball)
            best = max(best, magnitude(program, arb((a + b) / 2)).lower())
            push(program, a, b)
    for _ in range(100_000):
        check_work()
        _, _, bound, a, b, program = heap[0]
        goal = best * (1 + arb(relative))
        if bound <= goal:
            # Keys are rounded, so the first entry need not hold the largest ball.
            largest = reduce(arb.max, (entry[2] for entry in heap))
            if largest <= goal:
                return largest
        heapq.heappop(heap)
        middle = a + (b - a) / 2
        best = max(best, *(magnitude(program, arb(point)).lower() for point in (a, middle, b)))
        push(program, a, middle)
        push(program, middle, b)
    raise Undecided(f"sup|{written(expr)}| on [{lower}, {upper}]: not bounded within {relative} after 100000 halvings")
