"""Long polynomials: exact integers against sums of Fractions over the moments, at degrees that SymPy is slow at."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import sympy as sp
from flint import arb, ctx, fmpq, fmpq_poly

from theory import (
    Activation,
    coefficient,
    effective_ridge,
    ntk_limit,
    ntk_spectrum,
    quadntk_spectrum,
    vanishes,
    work_limit,
)
from theory.activations import Z
from theory.balls.arithmetic import SYMBOLS
from theory.funk_hecke.parity import vanishes_for_all
from theory.funk_hecke.polynomials import (
    on_line,
    on_sphere,
    part_of,
    rational_polynomial,
    sphere_moment,
    terms_of,
)
from theory.funk_hecke.summands import Monomial

SHIFT = 10**12
LONG = "((((z-1e12)**26)**6)**3)**2"


def double_factorial(n: int) -> int:
    return math.prod(range(n, 0, -2))


def sphere_mean(p: int, d: int) -> Fraction:
    """E[z^p], z = sqrt(d) t: d^{p/2} (p-1)!! / (d (d+2) ... (d+p-2)) for even p."""
    if p % 2:
        return Fraction(0)
    return Fraction(d ** (p // 2) * double_factorial(p - 1), math.prod(d + 2 * i for i in range(p // 2)))


def line_mean(p: int) -> int:
    """E[G^p] = (p-1)!! for even p."""
    return 0 if p % 2 else double_factorial(p - 1)


def shifted_power(n: int, shift: int) -> dict[int, int]:
    """The binomial theorem for (z - shift)^n."""
    return {p: math.comb(n, p) * (-shift) ** (n - p) for p in range(n + 1)}


def contains(ball: arb, value: Fraction) -> bool:
    with ctx.workprec(80_000):
        return bool(ball.contains(arb(fmpq(value.numerator, value.denominator))))


@pytest.mark.parametrize("d", [3, 4, 10, 31])
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_means_over_the_sphere_are_those_of_the_moments(n: int, d: int) -> None:
    """lambda_0 = E[p], d^{1/2} lambda_1 = E[z p] and (d - 1) lambda_2 = E[(z^2 - 1) p] by the means of powers."""
    polynomial = rational_polynomial((Z - SHIFT) ** n)
    assert polynomial is not None
    terms = shifted_power(n, SHIFT)
    mean = [sum((c * sphere_mean(p + q, d) for p, c in terms.items()), Fraction(0)) for q in range(3)]
    found = [Fraction(int(v.p), int(v.q)) for v in (sphere_moment(polynomial, degree, d) for degree in range(3))]
    assert found == [mean[0], mean[1] / d, (mean[2] - mean[0]) / (d * (d - 1))]
    assert found != [mean[0], mean[1] / (d + 1), (mean[2] - mean[0]) / (d * (d - 1))]  # the control


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_means_over_the_line_are_those_of_the_moments(n: int) -> None:
    polynomial = rational_polynomial((Z - SHIFT) ** n)
    assert polynomial is not None
    terms = shifted_power(n, SHIFT)
    mean = [sum(c * line_mean(p + q) for p, c in terms.items()) for q in range(3)]
    for degree, value in enumerate((mean[0], mean[1], mean[2] - mean[0])):
        assert contains(on_line(polynomial, degree), Fraction(value))
        assert not contains(on_line(polynomial, degree), Fraction(value + abs(value) // 10**12 + 1))


@pytest.mark.parametrize("degree", [0, 1, 4, 7])
def test_the_ratios_give_the_closed_form_of_a_monomial(degree: int) -> None:
    for power in range(12):
        monomial, kernel = fmpq_poly([0] * power + [1]), Monomial(power)
        assert on_line(monomial, degree) == int(kernel.line(degree, SYMBOLS))
        for d in (3, 10):
            exact = sphere_moment(monomial, degree, d)
            value = sp.Rational(int(exact.p), int(exact.q)) * sp.sqrt(d) ** degree
            assert sp.simplify(value - kernel.sphere(degree, d, d, SYMBOLS)) == 0
            assert on_sphere(monomial, degree, d).is_zero() == (exact == 0)


def test_what_is_a_polynomial_with_rational_coefficients() -> None:
    expr = 3 * (Z**2 - sp.Rational(1, 3)) ** 2 * (Z + 1) - Z * (2 - Z)
    polynomial = rational_polynomial(expr)
    assert polynomial is not None
    assert terms_of(polynomial) == {m[0]: c for m, c in reversed(sp.Poly(expr, Z).terms())}
    assert part_of(polynomial, 1) == {p: c for p, c in terms_of(polynomial).items() if p % 2}
    for other in (sp.sin(Z), Z + sp.pi, sp.sqrt(2) * Z, abs(Z), sp.exp(Z) * Z, Z + sp.Symbol("a")):
        assert rational_polynomial(other) is None
    assert rational_polynomial((Z + sp.Rational(10**99, 7)) ** 1000) is None  # too large to expand


def test_a_degree_of_936_with_a_shift_of_twelve_digits() -> None:
    """E[(936 (G - 10^12)^935)^2 ...]: the limit of degree 1 is E[sigma'(G)]^2, by the binomial theorem."""
    with work_limit(2):
        limit = ntk_limit(LONG, 1)
    mean = sum(c * line_mean(p) for p, c in shifted_power(935, SHIFT).items())
    assert contains(limit, Fraction((936 * mean) ** 2))
    assert not contains(limit, Fraction((937 * mean) ** 2))
    with work_limit(2):
        value = coefficient(LONG, 0, 5)
    assert contains(value, sum((c * sphere_mean(p, 5) for p, c in shifted_power(936, SHIFT).items()), Fraction(0)))


def test_the_spectrum_of_a_long_polynomial_has_a_certified_tail() -> None:
    """Its trace is E[sigma''^2] d^2/4 by the binomial theorem: what is listed and the tail are the whole."""
    d = 5
    with work_limit(2):
        spectrum = quadntk_spectrum(LONG, d, 2, 4)
        first = ntk_spectrum(LONG, d, 1)
    assert all(value.rel_accuracy_bits() > 13 for value in (*spectrum.eigenvalues, spectrum.tail))
    square = sum((c * sphere_mean(p, d) for p, c in shifted_power(1868, SHIFT).items()), Fraction(0))
    assert contains(spectrum.trace, Fraction(d * d, 4) * (936 * 935) ** 2 * square)
    assert first.tail > 0
    with work_limit(2):
        assert spectrum.tail.overlaps(spectrum.trace - sum(spectrum.contributions, arb(0)))


def test_the_trace_above_the_degree_of_a_polynomial_is_exactly_zero() -> None:
    assert effective_ridge("(z - 1e12)**20", 10, 20).is_zero()
    assert effective_ridge("(z - 1e12)**20", 10, 19) > 0
    assert not vanishes("((z - 1e12)**30)**30", 900)
    assert vanishes("((z - 1e12)**30)**30", 901)


def test_a_long_polynomial_is_not_zero_for_every_dimension() -> None:
    with work_limit(2):
        assert not vanishes_for_all(Activation.parse("(((z-1e10)**47)**5)").expr, 2)
    assert vanishes_for_all(Z**2 - 1, 0)
