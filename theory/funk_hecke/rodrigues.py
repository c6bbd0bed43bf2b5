r"""The Rodrigues form of a Funk-Hecke coefficient: a second certified route for smooth activations.

Integrating by parts l times,

.. math:: \lambda_l(g) = \frac{d^{l/2}}{d(d+2)\cdots(d+2l-2)} \, E_{\tau_{d+2l}}[ g^{(l)}(\sqrt d\, t) ].

The factor that makes lambda_l small stands in front, no polynomial oscillates, and d may be a symbol. Derivatives are
taken by Taylor arithmetic on balls, so they cost O(l^2) and not an expression that grows with l.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from flint import acb, acb_series, arb, ctx, fmpq

from theory.activations import ActivationLike, Z
from theory.activations.derivatives import derivative as derived
from theory.balls.ball import ball, refine
from theory.balls.functions import written
from theory.balls.program import Program
from theory.balls.quadrature import REPETITIONS, integrate
from theory.funk_hecke.coefficient import integral_bits, integrand
from theory.funk_hecke.parity import vanishes
from theory.harmonics.gegenbauer import MAX_EXACT_DEGREE
from theory.harmonics.sphere import Dimension, check_degree, check_dimension, integer_dimension
from theory.harmonics.work import evaluation

MAX_DERIVATIVE = 1000
"""Largest degree whose derivative is written out."""


class _Singular(Exception):
    """A ball that contains a pole: there is no enclosure, and the integrator subdivides."""


def _smooth(expr: sp.Expr) -> sp.Expr:
    """``expr`` itself; ValueError when it has a kink, where its derivatives are no functions."""
    if expr.has(sp.Abs, sp.sign):
        raise ValueError(
            f"{written(expr)}: has a kink; the Rodrigues form needs a smooth function, use theory.coefficient"
        )
    return expr


def rodrigues_form(
    activation: ActivationLike, degree: int, d: Dimension, derivative: int = 0, *, power: int = 0
) -> tuple[sp.Expr, sp.Expr]:
    r"""(c, h) with lambda_l(z^p sigma^{(j)}) = c E[h(sqrt(d) t)], t ~ tau_{d+2l}; c rational in sqrt(d), h = g^{(l)}.

    Args:
        activation: sigma, without kinks.
        degree: l >= 0.
        d: integer 3 <= d <= 10**6 or a SymPy symbol.
        derivative: j, the order of the derivative of sigma.
        power: p, the power of z in front.

    Raises:
        ValueError: a kink, d < 3, degree < 0 or above 1000, or a derivative that grows beyond bounds.
        WorkLimit: it took longer than :func:`theory.work_limit` allows.

    Cost: l symbolic differentiations; the expression may grow with l. Source: docs/mathematics, :eq:`rodrigues`.

    >>> rodrigues_form("exp(z)", 2, sp.Symbol("d", positive=True))
    (1/(d + 2), exp(z))
    """
    d, degree = check_dimension(d), check_degree(degree, most=MAX_DERIVATIVE)
    expr = _smooth(integrand(activation, derivative, power))
    with evaluation(f"derivative {degree} of {written(expr)}"):
        front = sp.sqrt(d) ** degree / sp.Mul(*(d + 2 * i for i in range(degree)))
        return front, derived(expr, degree)


def coefficient_rodrigues(
    activation: ActivationLike,
    degree: int,
    d: int,
    derivative: int = 0,
    digits: int = 15,
    *,
    power: int = 0,
) -> arb:
    r"""lambda_l(z^p sigma^{(j)}) from its Rodrigues form, certified.

    It shares with :func:`theory.coefficient` neither the polynomial P_l nor a closed form, so that the two check each
    other. Arguments, result and errors as there; additionally ValueError for a kink or a degree above 10,000.

    Cost: one adaptive certified quadrature with derivatives by Taylor arithmetic, O(l^2) at each point.
    Source: docs/mathematics, :eq:`rodrigues`.

    >>> print(coefficient_rodrigues("tanh(z + 1)", 2, 10, derivative=1).str(15, radius=False))
    -0.00859366268477008
    """
    # One series of that length is a call of some tenths of a second, in which nothing can look at the work allowed.
    d, degree = integer_dimension(d), check_degree(degree, most=MAX_EXACT_DEGREE)
    expr = _smooth(integrand(activation, derivative, power))
    if vanishes(expr, degree):
        return arb(0)
    return refine(
        lambda bits: _expectation(expr, degree, d, bits),
        digits,
        max_bits=integral_bits(digits),
        subject=f"lambda_{degree} of {written(expr)} at d={d}",
    )


def _expectation(expr: sp.Expr, degree: int, d: int, bits: int) -> arb:
    """lambda_l(expr) at a working precision; the caller refines."""
    # Run on the power series z + h, the program gives g(z + h) = sum_n g^{(n)}(z) h^n/n!. The coefficient of h^l is
    # integrated, and l! multiplies the integral.
    program = Program([expr], Z, lambda e: acb(ball(e)))
    root, size, length = acb(d).sqrt(), d + 2 * degree, degree + 1
    tables = {flag: series_functions(flag) for flag in (False, True)}

    def weighted(theta: acb, analytic: bool) -> acb:
        t, cosine = theta.sin_cos()
        return taylor(program, root * t, length, tables[analytic])[degree] * cosine ** (size - 2)

    cap = ctx.cap
    try:
        half = arb.pi() / 2
        integral = integrate(weighted, -half, half, bits)
    finally:
        ctx.cap = cap
    value = integral.real * arb(int(sp.factorial(degree)))
    for i in range(degree):
        value = value * arb(d).sqrt() / (d + 2 * i)
    half_size = arb(fmpq(size, 2))
    return value / arb.pi().sqrt() * (half_size - arb("0.5")).rising(arb("0.5"))


def taylor(program: Program, z: acb, length: int, functions: dict[str, Callable[[Any], Any]]) -> list[acb]:
    """g^{(n)}(z)/n! for n < ``length``, g the program, as balls for every point of the ball z; nan near a pole.

    ``functions`` are those of :func:`series_functions`. Sets python-flint's length of series; the caller restores it.
    """
    for _ in range(REPETITIONS):
        ctx.cap = length  # python-flint cuts every series at this length
        try:
            value = program(acb_series([z, 1], length), functions)[0]
        except _Singular:
            break
        if not isinstance(value, acb_series):  # a constant
            return [acb(value), *[acb(0)] * (length - 1)]
        if value.prec >= length:
            return [value[n] for n in range(length)]
        # Code elsewhere set another length meanwhile, and what was asked for was cut off.
    return [acb("nan")] * length


def series_functions(analytic: bool) -> dict[str, Callable[[Any], Any]]:
    """Functions of a power series; tanh and softplus split off the constant term, so that nothing overflows."""

    def split(u: acb_series) -> tuple[acb, acb_series]:
        # Not u - u[0]: the difference of a ball with itself is not zero.
        return u[0], acb_series([0, *(u[i] for i in range(1, len(u)))], u.prec)

    def tanh(u: acb_series) -> acb_series:
        start, rest = split(u)
        value = start.tanh()
        if not value.is_finite():
            raise _Singular
        # tanh(a + h) = (tanh a + tanh h)/(1 + tanh a tanh h)
        grown = (2 * rest).exp()
        moved = (grown - 1) / (grown + 1)
        return (value + moved) / (1 + value * moved)

    def softplus(u: acb_series) -> acb_series:
        start, rest = split(u)
        # log(1 + e^{a+h}) = log(1 + e^a) + log(1 + s (e^h - 1)) with s = 1/(1 + e^{-a})
        rate = 1 / (1 + (-start).exp())
        if not rate.is_finite():
            raise _Singular
        return (1 + start.exp()).log(analytic=analytic) + (1 + rate * (rest.exp() - 1)).log()

    return {
        "sin": acb_series.sin,
        "cos": acb_series.cos,
        "exp": acb_series.exp,
        "erf": acb_series.erf,
        "tanh": tanh,
        "softplus": softplus,
    }
