r"""Funk-Hecke coefficients lambda_l(g) and their Gaussian limits.

Normalisation: lambda_l(g) = E_{tau_d}[ g(sqrt(d) t) P_l(t) ] with P_l(1) = 1, so that for a degree-l harmonic Y

.. math:: E_w[ g(\langle w, x\rangle) Y(w) ] = \lambda_l(g)\, Y(x/\sqrt d).

Here g = z^p sigma^{(j)}(z). Closed forms are in :mod:`theory.funk_hecke.summands`; everything else is integrated with
a certified error. Gaussian limit: N(d,l)^{1/2} lambda_l(g) -> mu_l(g) = E[g(G) He_l(G)] / sqrt(l!), with an error
O(1/d).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache, partial

import sympy as sp
from flint import arb, ctx, fmpq_poly

from theory.activations import Activation, ActivationLike, Z
from theory.balls.arithmetic import BALLS, MAX_EXACT, SYMBOLS
from theory.balls.ball import MAX_BITS, ball, check_digits, proved_zero, refine
from theory.balls.enclosure import gaussian_expectation, restricted, sphere_expectation
from theory.balls.growth import check_gaussian
from theory.balls.precision import exclusive
from theory.funk_hecke.closed_forms import decompose, has_closed_form, line_sum, sphere_sum
from theory.funk_hecke.parity import parity_part, polynomial_part, vanishes
from theory.funk_hecke.polynomials import on_line, on_sphere, rational_polynomial
from theory.funk_hecke.summands import Monomial, NoClosedForm, Sign
from theory.harmonics.gegenbauer import legendre_polynomial
from theory.harmonics.sphere import Dimension, check_degree, check_dimension, integer_dimension
from theory.harmonics.work import check_work, evaluation, watched

LONG = 16
"""Degree from which on SymPy is watched while it writes out a closed form: it may take seconds."""
INTEGRAL_BITS = 2000
"""Working precision, beyond the digits asked for, at which a certified integral gives up."""


def _exact(expr: sp.Expr) -> arb:
    """A closed form as a ball, exactly zero when the algebra says so."""
    return arb(0) if proved_zero(expr) else ball(expr)


@lru_cache(maxsize=4096)
def _cancels(expr: sp.Expr, degree: int, d: int) -> bool:
    """Whether algebra proves lambda_l = 0 for a piecewise polynomial at this d: its kink may sit at a root.

    So is lambda_5(relu(z - 1)) at d = 3, which has the factor P_{3,7}(1/sqrt 3).
    """
    # Only these have algebraic coefficients. For a large d the exact numbers would be very long.
    if d > MAX_EXACT or not all(isinstance(term.kernel, Monomial | Sign) for term in decompose(expr)):
        return False
    return proved_zero(sphere_sum(expr, degree, d, SYMBOLS))


@lru_cache(maxsize=65536)
def coefficient_ball(expr: sp.Expr, degree: int, d: int, bits: int) -> arb:
    """lambda_l(expr) to about ``bits`` relative bits, before cancellation; the caller refines.

    A polynomial is integrated exactly, so its zeros are decided; then closed forms; the rest by certified quadrature.
    """
    expr = restricted(expr, d)
    with exclusive, ctx.workprec(bits):
        polynomial = rational_polynomial(expr)
        if polynomial is not None:
            return on_sphere(polynomial, degree, d)
        if polynomial_part(expr, degree % 2) is not None:
            return _exact(sphere_sum(parity_part(expr, degree % 2), degree, d, SYMBOLS))
        try:
            value = sphere_sum(expr, degree, d, BALLS)
        except NoClosedForm:
            value = None
    if value is not None:
        return arb(0) if value.contains(0) and _cancels(expr, degree, d) else value
    # The error of an integral is absolute, and lambda_l is only of order d^{-l/2}: as many bits more.
    bits += size_bits(degree, d)
    with exclusive, ctx.workprec(bits):
        return sphere_expectation(expr, d, legendre_polynomial(degree, d), bits)


@lru_cache(maxsize=4096)
def hermite_ball(expr: sp.Expr, degree: int, bits: int) -> arb:
    """E[expr(G) He_l(G)] (not divided by sqrt(l!)) to about ``bits`` bits, by the same three ways."""
    with exclusive, ctx.workprec(bits):
        polynomial = rational_polynomial(expr)
        if polynomial is not None:
            return on_line(polynomial, degree)
        if polynomial_part(expr, degree % 2) is not None:
            return _exact(line_sum(parity_part(expr, degree % 2), degree, SYMBOLS))
        try:
            return line_sum(expr, degree, BALLS)
        except NoClosedForm:
            return gaussian_expectation(expr, hermite_polynomial(degree), bits)


@lru_cache(maxsize=256)
def hermite_polynomial(degree: int) -> fmpq_poly:
    """He_l, the probabilists' Hermite polynomial, by He_{l+1} = z He_l - l He_{l-1}."""
    previous, current = fmpq_poly([0]), fmpq_poly([1])
    for j in range(degree):
        check_work()
        previous, current = current, fmpq_poly([0, 1]) * current - j * previous
    return current


def size_bits(degree: int, d: int) -> int:
    """Bits by which lambda_l, of order d^{-l/2}, lies below one."""
    return int(degree * d.bit_length() / 2)


def integral_bits(digits: int, expr: sp.Expr | None = None) -> int:
    """Where refining gives up: a value this far below its expected size counts as undecidable.

    Closed forms are cheap at any precision, so ``expr`` gets more when it has one.
    """
    whole = check_digits(digits)
    return MAX_BITS if expr is not None and has_closed_form(expr) else INTEGRAL_BITS + 4 * whole


def integrand(activation: ActivationLike, derivative: int, power: int) -> sp.Expr:
    """z^p sigma^{(j)}(z), the function whose coefficients are taken.

    Raises:
        ValueError: power < 0, derivative < 0, or a derivative that is a distribution.
    """
    expr = Activation.of(activation).derivative(check_degree(derivative, "derivative"))
    return Z ** check_degree(power, "power") * expr if power else expr


def subject_of(activation: ActivationLike, derivative: int, power: int) -> str:
    """z^p sigma^{(j)} in words, for messages."""
    times = {0: "", 1: "z * "}.get(power, f"z^{power} * ")
    return f"{times}derivative {derivative} of {activation}"


def coefficient(
    activation: ActivationLike,
    degree: int,
    d: int,
    derivative: int = 0,
    digits: int = 15,
    *,
    power: int = 0,
) -> arb:
    r"""lambda_l(z^p sigma^{(j)}) = E_{tau_d}[ z^p sigma^{(j)}(z) P_{l,d}(t) ] at z = sqrt(d) t, certified.

    Args:
        activation: sigma.
        degree: l >= 0.
        d: dimension, 3 <= d <= 10**6.
        derivative: j, the order of the derivative of sigma.
        digits: relative decimal digits to certify.
        power: p; the tangent features T Y need z sigma' (p = j = 1), the exact covariance z^2 sigma' too.

    Returns:
        A ball containing the true value, of relative radius below 10**-digits; exactly zero where parity proves it.

    Raises:
        ValueError: d < 3, degree < 0, or a derivative that is a distribution.
        Undecided: the value is zero, or nearly, without a proof.

    Cost: a closed form takes a fraction of a millisecond; otherwise one adaptive certified quadrature, up to some
    hundred milliseconds at 15 digits over d <= 10**6 and degree <= 60 for slopes of order one, seconds for slopes of
    1e-6, whose coefficients are tiny.

    Source: Funk-Hecke theorem, Dai & Xu, section 1.2 (docs/mathematics, :eq:`funk-hecke`); quadrature arXiv:1802.07942.

    >>> print(coefficient(Activation.parse("tanh(z + 1)"), 2, 10, derivative=1).str(15, radius=False))
    -0.00859366268477008
    """
    degree, d = check_degree(degree), integer_dimension(d)
    expr = integrand(activation, derivative, power)
    subject = subject_of(activation, derivative, power)
    return refined(expr, degree, d, digits, 0, integral_bits(digits, expr), subject)


def refined(expr: sp.Expr, degree: int, d: int, digits: int, spare: int, max_bits: int, subject: str) -> arb:
    """lambda_l by rising precision, exactly zero where parity proves it."""
    if vanishes(expr, degree):
        return arb(0)
    return refine(
        lambda bits: coefficient_ball(expr, degree, d, bits),
        digits,
        max_bits=max_bits,
        subject=f"lambda_{degree} of {subject} at d={d}",
        spare=spare,
    )


def coefficient_expr(
    activation: ActivationLike, degree: int, d: Dimension, derivative: int = 0, *, power: int = 0
) -> sp.Expr:
    r"""lambda_l(z^p sigma^{(j)}) in closed form; ``d`` may be a symbol.

    Closed forms exist for polynomials (rational in d), sin, cos and exp of an affine argument (0F1, that is Bessel
    functions J and I of order l + d/2 - 1 without their vanishing prefactor), Gaussians (1F1; Humbert's Phi_3 when
    shifted) and erf, ReLU and its powers (Gamma functions and a polynomial in the kink; 2F1 at degree 0), and products
    of these with polynomials: see :mod:`theory.funk_hecke.summands`. With a symbolic d and a shifted kink the result
    is a Piecewise in d, because the kink lies on the sphere only for d > z_0^2.

    Args:
        activation: sigma.
        degree: l >= 0.
        d: integer 3 <= d <= 10**6 or a SymPy symbol.
        derivative: j, the order of the derivative of sigma.
        power: p, the power of z in front.

    Raises:
        NoClosedForm: naming the term that has none.
        ValueError: d < 3 or degree < 0.

    Source: derived in docs/mathematics, :eq:`funk-hecke` by the rules :eq:`coefficient-rules`.

    >>> coefficient_expr(Activation.parse("relu(z)"), 1, sp.Symbol("d", positive=True), 0)
    1/(2*sqrt(d))
    """
    d, degree = check_dimension(d), check_degree(degree)
    expr = integrand(activation, derivative, power)
    with evaluation(f"the closed form of lambda_{degree} of {subject_of(activation, derivative, power)}"):
        closed = partial(sphere_sum, expr, degree, d, SYMBOLS)
        return closed() if degree <= LONG else watched(closed)


def hermite_coefficient_expr(
    activation: ActivationLike, degree: int, derivative: int = 0, *, power: int = 0
) -> sp.Expr:
    r"""E[ z^p sigma^{(j)}(z) He_l(z) ] for standard normal z, in closed form (not divided by sqrt(l!)).

    Raises:
        NoClosedForm: as :func:`coefficient_expr`, but degree 0 of a shifted erf has one here.
        ValueError: degree < 0, or exp(q z^2) with q >= 1/2, whose expectation diverges.

    Source: docs/mathematics, :eq:`gaussian-limit`.

    >>> hermite_coefficient_expr(Activation.parse("relu(z)"), 2)
    sqrt(2)/(2*sqrt(pi))
    """
    expr, degree = integrand(activation, derivative, power), check_degree(degree)
    check_gaussian(expr)
    with evaluation(f"the closed form of mu_{degree} of {subject_of(activation, derivative, power)}"):
        closed = partial(line_sum, expr, degree, SYMBOLS)
        return closed() if degree <= LONG else watched(closed)


def hermite_coefficient(
    activation: ActivationLike, degree: int, derivative: int = 0, digits: int = 15, *, power: int = 0
) -> arb:
    r"""mu_l = E[ z^p sigma^{(j)}(z) He_l(z) ] / sqrt(l!) for standard normal z, certified.

    Raises:
        ValueError: no bound on the growth of the integrand is known, such as exp(z**2)'s, or a distribution.
        Undecided: the value is zero, or nearly, without a proof.

    Source: docs/mathematics, :eq:`gaussian-limit`.

    >>> print(hermite_coefficient(Activation.parse("tanh(z)"), 1).str(15, radius=False))
    0.605705509602159
    """
    degree, expr = check_degree(degree), integrand(activation, derivative, power)
    check_gaussian(expr)
    return refine(
        lambda bits: hermite_ball(expr, degree, bits) / arb.fac_ui(degree).sqrt(),
        digits,
        max_bits=integral_bits(digits),
        subject=f"mu_{degree} of {subject_of(activation, derivative, power)}",
    )


def certified(expr: sp.Expr, digits: int = 15) -> arb:
    """A closed form without free symbols as a certified ball (see :func:`theory.balls.ball.refine`).

    Raises:
        TypeError: another object, a free symbol, a floating-point number or a function that is not evaluated.
        ValueError: the value is proved not to be a real number.
        Undecided: the digits are not certified; the value may be exactly zero.

    >>> certified(sp.gamma(sp.Rational(1, 2)) - sp.pi / 2, 20)
    [0.201657524110619 +/- 4.09e-16]
    """
    if isinstance(expr, bool) or not isinstance(expr, sp.Expr | int | Fraction):
        raise TypeError(f"expr of type {type(expr).__name__}: needs a SymPy expression without free symbols")
    return refine(lambda bits: ball(expr), digits, subject="the closed form")
