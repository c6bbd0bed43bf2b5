r"""The only door from symbols to decimals: certified balls, integrals and bounds.

A ball (``flint.arb``) is a midpoint and a radius that is guaranteed to contain the true value. Everything here
raises the working precision until the digits asked for are certified, or says that it could not.

Integrals over the sphere are taken after t = sin(theta), which makes the weight entire:

.. math:: E_{\tau_d}[h(t)] = \frac{\Gamma(d/2)}{\sqrt\pi\,\Gamma((d-1)/2)}
          \int_{-\pi/2}^{\pi/2} h(\sin\theta) \cos^{d-2}\theta \, d\theta .

Integrals against a Gaussian are cut at a radius beyond which a bound on the integrand's growth certifies the tail.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp
from flint import acb, acb_poly, arb, ctx, fmpq, fmpq_poly

from theory.activations import Z
from theory.balls import REAL_FUNCTIONS, ball, certified_float
from theory.growth import Growth
from theory.program import Program

MAX_BITS = 20_000
DIGITS_RANGE = (1, 1000)


class Undecided(ArithmeticError):
    """A value could not be separated from zero, or its digits not certified, at the precision limit."""


def digits_to_bits(digits: int) -> int:
    """Bits that carry ``digits`` decimal digits, rounded up; ValueError outside 1..1000."""
    low, high = DIGITS_RANGE
    if isinstance(digits, bool) or not isinstance(digits, int) or not low <= digits <= high:
        raise ValueError(f"digits={digits!r}: needs an integer {low} <= digits <= {high}")
    return int(digits * 3.3219280948873626) + 2


def refine(
    evaluate: Callable[[int], arb],
    digits: int,
    start_bits: int = 0,
    subject: str = "the value",
    max_bits: int = MAX_BITS,
) -> arb:
    """Evaluate at rising working precision until ``digits`` relative digits are certified.

    Args:
        evaluate: maps working precision in bits to a ball; called inside that precision.
        digits: relative decimal digits to certify; an exact zero is accepted.
        start_bits: first working precision where the size of the value is known to need more.
        subject: what is computed, for the error message.
        max_bits: working precision at which to give up.

    Returns:
        A ball that contains the value, with relative radius below 10**-digits.

    Raises:
        Undecided: the digits are not certified at ``max_bits``; a true value of exactly zero ends here.
    """
    goal = digits_to_bits(digits)
    bits = max(goal + 32, start_bits)
    while True:
        with ctx.workprec(bits):
            value = evaluate(bits)
        if value.is_zero() or (value.is_finite() and value.rel_accuracy_bits() >= goal):
            return value
        if bits >= max_bits:
            raise Undecided(
                f"{subject}: {digits} digits not certified at {bits} bits, the ball is {value.str(5)}; "
                f"the value may be exactly zero"
            )
        bits = min(2 * bits, max_bits)


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


def pieces(expr: sp.Expr) -> list[Piece]:
    """Split an expression at the kinks of its |az+b| and sign(az+b); one piece when it has none.

    Raises:
        ValueError: |.| or sign of something not affine in z.
    """
    atoms = expr.atoms(sp.Abs, sp.sign)
    arguments = {atom.args[0] for atom in atoms if atom.has(Z)}
    kinks: set[sp.Expr] = set()
    for argument in arguments:
        slope = argument.diff(Z)
        if slope.has(Z) or slope.is_zero:
            raise ValueError(f"{argument}: a kink needs an argument affine in z")
        kinks.add(-argument.subs(Z, 0) / slope)
    ordered = sorted(kinks, key=certified_float)
    ends: list[sp.Expr | None] = [None, *ordered, None]
    result = []
    for lower, upper in pairwise(ends):
        inside = upper - 1 if lower is None and upper is not None else lower
        if lower is not None:
            inside = lower + 1 if upper is None else (lower + upper) / 2
        signs = {u: sp.sign(u.subs(Z, inside)) for u in arguments} if arguments else {}
        replacement = {sp.sign(u): s for u, s in signs.items()} | {sp.Abs(u): s * u for u, s in signs.items()}
        result.append(Piece(expr.xreplace(replacement), lower, upper))
    return result


def restricted(expr: sp.Expr, d: int) -> sp.Expr:
    """``expr`` without the kinks that |z| <= sqrt(d) never reaches: relu(z - 2) is zero on the sphere at d = 3."""
    inside = [
        piece
        for piece in pieces(expr)
        if not (piece.upper is not None and piece.upper <= -sp.sqrt(d))
        and not (piece.lower is not None and piece.lower >= sp.sqrt(d))
    ]
    return inside[0].expr if len(inside) == 1 else expr


def sphere_expectation(expr: sp.Expr, d: int, weight: fmpq_poly, bits: int) -> arb:
    r"""E_{tau_d}[ g(sqrt(d) t) q(t) ] as a ball, with an absolute error near 2^{-bits}.

    Args:
        expr: g, an expression in z.
        d: dimension, 3 <= d <= 10**6.
        weight: q, an exact polynomial in t.
        bits: working precision; the caller raises it (see :func:`refine`).

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
        total += acb.integral(
            _integrand(program, polynomial, root, d),
            limits[0],
            limits[1],
            rel_tol=arb(2) ** -bits,
            abs_tol=arb(2) ** -bits,
        )
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
    radius = arb(4) + 2 * growth.rate.upper()
    while True:
        fall = radius - growth.rate - arb(power) / (1 + radius)
        density = (-radius * radius / 2).exp() / (2 * arb.pi()).sqrt()
        tail = 2 * scale * (1 + radius) ** power * (growth.rate * radius).exp() * density / fall
        if fall > 0 and tail < arb(2) ** -bits:
            break
        radius += 1
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

        total += acb.integral(integrand, lower, upper, rel_tol=arb(2) ** -bits, abs_tol=arb(2) ** -bits)
    return total.real / (2 * arb.pi()).sqrt() + arb(0, tail.upper())


def supremum(expr: sp.Expr, lower: float, upper: float, relative: float = 1e-3) -> arb:
    """A certified upper bound of sup |g| on [lower, upper], at most ``relative`` above the true supremum.

    Branch and bound on real balls: the interval with the largest upper bound is halved until that bound is
    within ``relative`` of the largest value seen.

    Raises:
        ValueError: lower > upper.
        Undecided: not separated after 100,000 intervals.
    """
    if not lower <= upper:
        raise ValueError(f"lower={lower!r}, upper={upper!r}: needs lower <= upper")
    program = Program([expr], Z, ball)

    def magnitude(x: arb) -> arb:
        return abs(arb(program(x, REAL_FUNCTIONS)[0]))

    def entry(a: arb, b: arb) -> tuple[float, float, float]:
        high = magnitude(a.union(b)).upper()
        return (-float(high) if high.is_finite() else float("-inf"), float(a), float(b))

    best = max(magnitude(arb(lower)).lower(), magnitude(arb(upper)).lower())
    heap = [entry(arb(lower), arb(upper))]
    for _ in range(100_000):
        negative_bound, a, b = heap[0]
        bound = arb(-negative_bound) * (1 + arb(2) ** -50)  # covers the rounding of the heap's key
        if bound <= best * (1 + arb(relative)) + arb("1e-300"):
            return bound
        heapq.heappop(heap)
        middle = a + (b - a) / 2
        best = max(best, magnitude(arb(middle)).lower())
        heapq.heappush(heap, entry(arb(a), arb(middle)))
        heapq.heappush(heap, entry(arb(middle), arb(b)))
    raise Undecided(f"sup|{expr}| on [{lower}, {upper}]: not bounded within {relative} after 100000 halvings")
