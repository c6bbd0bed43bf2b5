r"""Funk-Hecke coefficients lambda_l(g) and their Gaussian limits.

Normalisation: lambda_l(g) = E_{tau_d}[ g(sqrt(d) t) P_l(t) ] with P_l(1) = 1, so that for a degree-l harmonic Y

.. math:: E_w[ g(\langle w, x\rangle) Y(w) ] = \lambda_l(g)\, Y(x/\sqrt d).

Rodrigues form, from which the closed forms below are read:

.. math:: \lambda_l(g) = \frac{d^{l/2}}{d(d+2)\cdots(d+2l-2)} \, E_{\tau_{d+2l}}[ g^{(l)}(\sqrt d\, t) ].

Gaussian limit: N(d,l)^{1/2} lambda_l(g) -> mu_l(g) = E[g(G) He_l(G)] / sqrt(l!), with an error O(1/d).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import sympy as sp
from flint import arb, ctx, fmpq_poly

from theory.activations import Activation, Z
from theory.balls import ball, refine
from theory.enclosure import gaussian_expectation, restricted, sphere_expectation
from theory.gegenbauer import legendre_polynomial
from theory.sphere import Dimension, check_degree, check_dimension, integer_dimension, unchecked_moment

MAX_TERMS = 1000
"""Expressions that would expand to more terms are left as they are: their zeros are then not decided."""

INTEGRAL_BITS = 2000
"""Working precision, beyond the size of the coefficient, at which a certified integral gives up."""


class NoClosedForm(ValueError):
    """No closed form is implemented for this activation; the certified value exists all the same."""


@lru_cache(maxsize=4096)
def parity_part(expr: sp.Expr, parity: int) -> sp.Expr:
    """Even (``parity`` 0) or odd (1) part of an expression in z, expanded unless that would be very large.

    Only this part enters lambda_l with l of that parity. When it expands to a polynomial of degree < l the
    coefficient is exactly zero: this is how vanishing coefficients are decided, never by a float.
    """
    mirrored = expr.subs(Z, -Z)
    part = (expr + mirrored if parity == 0 else expr - mirrored) / 2
    return sp.expand(part) if _expanded_terms(part) <= MAX_TERMS else part


def _expanded_terms(expr: sp.Expr) -> int:
    """An upper bound of the number of terms that expanding ``expr``, arguments included, can produce."""
    inner = [_expanded_terms(argument) for argument in expr.args]
    if expr.is_Add:
        return sum(inner)
    if expr.is_Mul:
        return math.prod(inner)
    if expr.is_Pow and expr.args[1].is_Integer:
        return math.comb(inner[0] + abs(int(expr.args[1])) - 1, inner[0] - 1)
    return max([1, *inner])


def vanishes(expr: sp.Expr, degree: int) -> bool:
    """True when lambda_l(expr) is proved to be zero, for every d, by parity and degree.

    False says only that this proof does not apply; a ball that excludes zero is the proof of the contrary.

    >>> vanishes(Activation.parse("tanh(z)").derivative(1), 3)
    True
    """
    polynomial = _polynomial_part(expr, degree)
    return polynomial is not None and (polynomial.is_zero or polynomial.degree() < degree)


def _polynomial_part(expr: sp.Expr, degree: int) -> sp.Poly | None:
    """The part of the parity of ``degree`` when it is a polynomial, else None."""
    part = parity_part(expr, check_degree(degree) % 2)
    return sp.Poly(part, Z) if part.is_polynomial(Z) else None


def _on_sphere(power: int, degree: int, d: Dimension) -> sp.Expr:
    """lambda_l(z^p) = p!/(p-l)! d^{p/2} E_{tau_{d+2l}}[t^{p-l}] / (d(d+2)...(d+2l-2))."""
    if power < degree or (power - degree) % 2:
        return sp.Integer(0)
    rest = unchecked_moment(sp.sympify(d) + 2 * degree, power - degree)
    return sp.ff(power, degree) * sp.sympify(d) ** sp.Rational(power, 2) * rest / _rising(d, degree)


def _on_line(power: int, degree: int) -> sp.Expr:
    """E[G^p He_l(G)] = p!/(p-l)! (p-l-1)!! for even p-l >= 0, else 0."""
    if power < degree or (power - degree) % 2:
        return sp.Integer(0)
    return sp.ff(power, degree) * sp.factorial2(power - degree - 1)


def _rising(d: Dimension, degree: int) -> sp.Expr:
    """d (d+2) ... (d+2l-2)."""
    return sp.Mul(*(d + 2 * i for i in range(degree)))


def _exact_ball(polynomial: sp.Poly, monomial: Callable[[int], sp.Expr]) -> arb:
    """sum_p c_p monomial(p): exactly zero when the algebra says so."""
    value = sp.Add(*(c * monomial(p) for (p,), c in polynomial.terms()))
    return arb(0) if sp.simplify(value).is_zero else ball(value)


@lru_cache(maxsize=65536)
def coefficient_ball(expr: sp.Expr, degree: int, d: int, bits: int) -> arb:
    """lambda_l(expr) at a working precision of ``bits``: absolute error near 2^-bits.

    A polynomial is integrated exactly, so its zeros are decided; everything else by certified quadrature.
    """
    expr = restricted(expr, d)
    polynomial = _polynomial_part(expr, degree)
    with ctx.workprec(bits):
        if polynomial is not None:
            return _exact_ball(polynomial, lambda p: _on_sphere(p, degree, d))
        return sphere_expectation(expr, d, legendre_polynomial(degree, d), bits)


@lru_cache(maxsize=4096)
def hermite_ball(expr: sp.Expr, degree: int, bits: int) -> arb:
    """E[expr(G) He_l(G)] (not divided by sqrt(l!)), absolute error near 2^-bits; polynomials exactly."""
    polynomial = _polynomial_part(expr, degree)
    with ctx.workprec(bits):
        if polynomial is not None:
            return _exact_ball(polynomial, lambda p: _on_line(p, degree))
        return gaussian_expectation(expr, hermite_polynomial(degree), bits)


def hermite_polynomial(degree: int) -> fmpq_poly:
    """He_l, the probabilists' Hermite polynomial, by He_{l+1} = z He_l - l He_{l-1}."""
    previous, current = fmpq_poly([0]), fmpq_poly([1])
    for j in range(degree):
        previous, current = current, fmpq_poly([0, 1]) * current - j * previous
    return current


def size_bits(degree: int, d: int) -> int:
    """Bits by which lambda_l, of order d^{-l/2}, lies below one: where refinement starts."""
    return int(degree * d.bit_length() / 2)


def integral_bits(digits: int, degree: int = 0, d: int = 3) -> int:
    """Where refining an integral gives up: a value this far below its expected size counts as undecidable."""
    return INTEGRAL_BITS + 4 * digits + 3 * size_bits(degree, d)


def coefficient(activation: Activation, degree: int, d: int, derivative: int = 0, digits: int = 15) -> arb:
    r"""lambda_l(sigma^{(j)}) = E_{tau_d}[ sigma^{(j)}(sqrt(d) t) P_{l,d}(t) ], certified.

    Args:
        activation: sigma.
        degree: l >= 0.
        d: dimension, 3 <= d <= 10**6.
        derivative: j, the order of the derivative of sigma.
        digits: relative decimal digits to certify.

    Returns:
        A ball containing the true value, of relative radius below 10**-digits; exactly zero where parity proves it.

    Raises:
        ValueError: d < 3, degree < 0, or a derivative that is a distribution.
        Undecided: the value is zero, or nearly, without a proof.

    Cost: one adaptive certified quadrature, milliseconds at 15 digits for d up to 10**6 and degree below 10.
    Source: Funk-Hecke theorem, Dai & Xu, section 1.2; quadrature arXiv:1802.07942.

    >>> print(coefficient(Activation.parse("tanh(z + 1)"), 2, 10, derivative=1).str(15, radius=False))
    -0.00859366268477008
    """
    check_degree(degree)
    d = integer_dimension(d)
    expr = activation.derivative(derivative)
    return refine(
        lambda bits: coefficient_ball(expr, degree, d, bits),
        digits,
        start_bits=size_bits(degree, d),
        max_bits=integral_bits(digits, degree, d),
        subject=f"lambda_{degree} of derivative {derivative} of {activation} at d={d}",
    )


def coefficient_expr(activation: Activation, degree: int, d: Dimension, derivative: int = 0) -> sp.Expr:
    r"""lambda_l(sigma^{(j)}) in closed form; ``d`` may be a symbol.

    For each term of the expanded derivative, from the Rodrigues form with D = d + 2l:

    - z^p:            p!/(p-l)! d^{p/2} E_{tau_D}[t^{p-l}] / (d(d+2)...(d+2l-2)), zero unless p-l is even and >= 0;
    - sin(a z + b):   a^l sin(b + l pi/2) 0F1(; D/2; -a^2 d/4) times the prefactor, since sin integrates to zero;
    - exp(a z + b):   a^l e^b 0F1(; D/2; a^2 d/4) times the prefactor.

    0F1 is the Bessel function J (or I) of order l + d/2 - 1 without its vanishing prefactor, so these forms stay
    well-conditioned as d grows. Derived here; checked against certified quadrature in the tests.

    Raises:
        NoClosedForm: the expanded derivative has a term of another kind.
        ValueError: d < 3 or degree < 0.
    """
    d, degree = check_dimension(d), check_degree(degree)
    big = sp.sympify(d) + 2 * degree
    prefactor = sp.sympify(d) ** sp.Rational(degree, 2) / _rising(d, degree)
    total = sp.Integer(0)
    for term in _terms(activation, derivative):
        a, b = term.a, term.b
        if term.kind == "power":
            value = _on_sphere(int(a), degree, d)
        elif term.kind == "sin":
            phase = sp.sin(b + sp.pi * degree / 2)
            value = prefactor * a**degree * phase * sp.hyper((), (big / 2,), -(a**2) * d / 4)
        else:
            value = prefactor * a**degree * sp.exp(b) * sp.hyper((), (big / 2,), a**2 * d / 4)
        total += term.factor * value
    return total


def hermite_coefficient_expr(activation: Activation, degree: int, derivative: int = 0) -> sp.Expr:
    r"""E[ sigma^{(j)}(G) He_l(G) ] in closed form (not divided by sqrt(l!)).

    Since E[g He_l] = E[g^{(l)}]: sin(a z + b) gives a^l sin(b + l pi/2) e^{-a^2/2}, exp(a z + b) gives
    a^l e^{b + a^2/2}, and z^p gives p!/(p-l)! (p-l-1)!! for even p-l >= 0.

    Raises:
        NoClosedForm: as :func:`coefficient_expr`.
    """
    degree = check_degree(degree)
    total = sp.Integer(0)
    for term in _terms(activation, derivative):
        if term.kind == "power":
            value = _on_line(int(term.a), degree)
        elif term.kind == "sin":
            value = term.a**degree * sp.sin(term.b + sp.pi * degree / 2) * sp.exp(-(term.a**2) / 2)
        else:
            value = term.a**degree * sp.exp(term.b + term.a**2 / 2)
        total += term.factor * value
    return total


def hermite_coefficient(activation: Activation, degree: int, derivative: int = 0, digits: int = 15) -> arb:
    r"""mu_l(sigma^{(j)}) = E[ sigma^{(j)}(G) He_l(G) ] / sqrt(l!), certified.

    Raises:
        ValueError: no bound on the growth of the integrand is known, or a distribution.
        Undecided: the value is zero, or nearly, without a proof.
    """
    check_degree(degree)
    expr = activation.derivative(derivative)
    return refine(
        lambda bits: hermite_ball(expr, degree, bits) / arb(int(sp.factorial(degree))).sqrt(),
        digits,
        max_bits=integral_bits(digits),
        subject=f"mu_{degree} of derivative {derivative} of {activation}",
    )


@dataclass(frozen=True)
class _Term:
    """factor * z^a ("power"), factor * sin(a z + b) or factor * exp(a z + b)."""

    kind: Literal["power", "sin", "exp"]
    factor: sp.Expr
    a: sp.Expr
    b: sp.Expr


def _terms(activation: Activation, derivative: int) -> list[_Term]:
    expanded = sp.expand(activation.derivative(derivative), trig=False, power_exp=False)
    result = []
    for summand in sp.Add.make_args(expanded):
        factor, rest = summand.as_independent(Z, as_Add=False)
        power = rest.as_poly(Z)
        if power is not None and power.is_monomial and rest.is_polynomial(Z):
            result.append(_Term("power", factor * power.LC(), sp.Integer(power.degree()), sp.Integer(0)))
            continue
        argument = rest.args[0].as_poly(Z) if isinstance(rest, sp.sin | sp.cos | sp.exp) else None
        if argument is None or argument.degree() != 1:
            raise NoClosedForm(
                f"{rest}: no closed form for this term of derivative {derivative} of {activation}; "
                f"use the certified value"
            )
        a, b = argument.all_coeffs()
        if isinstance(rest, sp.exp):
            result.append(_Term("exp", factor, a, b))
        else:
            shift = sp.pi / 2 if isinstance(rest, sp.cos) else sp.Integer(0)
            result.append(_Term("sin", factor, a, b + shift))
    return result


def certified(expr: sp.Expr, digits: int = 15) -> arb:
    """A closed form without free symbols as a certified ball (see :func:`theory.enclosure.refine`)."""
    return refine(lambda bits: ball(expr), digits, subject=str(expr))
