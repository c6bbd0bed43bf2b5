"""Tables of coefficients and the parts of a coefficient: powers, parity, Hermite polynomials, refinement."""

from math import factorial

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq, fmpq_poly
from projections import legendre, line_rule

from theory import (
    Activation,
    NoClosedForm,
    Undecided,
    certified,
    coefficient,
    coefficient_expr,
    coefficients,
    hermite_coefficient,
    hermite_coefficient_expr,
    vanishes,
)
from theory.activations import Z
from theory.funk_hecke.coefficient import hermite_polynomial, integral_bits, integrand, size_bits
from theory.funk_hecke.parity import parity_part

parse = Activation.parse
SECH = [("tanh(z + 1)", 1, lambda z: np.cosh(z + 1) ** -2), ("sin(z/2 + 1)", 0, lambda z: np.sin(z / 2 + 1))]


@pytest.mark.parametrize(("text", "derivative", "function"), SECH)
@pytest.mark.parametrize("d", [3, 8])
@pytest.mark.parametrize("power", [0, 1, 2, 5])
def test_coefficients_against_gauss_legendre(text, derivative, function, d, power) -> None:
    # Checks :eq:`funk-hecke`.
    t, weight = line_rule(d)
    z = np.sqrt(d) * t
    table = coefficients(parse(text), 4, d, derivative, power=power)
    for degree in range(5):
        expected = weight @ (z**power * function(z) * legendre(degree, d, t))
        assert abs(float(coefficient(parse(text), degree, d, derivative, power=power)) - expected) < 1e-12 * d**power
        assert abs(float(table[degree]) - expected) < 1e-12 * d**power


@pytest.mark.parametrize(
    "text", ["tanh(z + 1)", "tanh(z)", "softplus(z)", "relu(z)", "sin(z + pi/4)", "z**3 - 3*z", "tanh(z)*relu(z)"]
)
@pytest.mark.parametrize("max_degree", [0, 1, 6])
@pytest.mark.parametrize("digits", [15, 30])
def test_tables_hold_the_single_coefficients(text: str, max_degree: int, digits: int) -> None:
    for d, derivative, power in ((3, 0, 0), (40, 1, 0), (7, 1, 2)):
        table = coefficients(parse(text), max_degree, d, derivative, digits, power=power)
        assert len(table) == max_degree + 1
        for degree, value in enumerate(table):
            single = coefficient(parse(text), degree, d, derivative, digits, power=power)
            assert value.overlaps(single)
            assert value.is_zero() == single.is_zero()
            assert value.is_zero() or value.rel_accuracy_bits() >= digits * 3.3219


def test_high_degrees_and_dimensions_in_a_table() -> None:
    """lambda_l is of order d^{-l/2}: the rule works with as many more bits."""
    for value in coefficients(parse("tanh(z + 1)"), 20, 10**6):
        assert value.rel_accuracy_bits() >= 50
    single = coefficient(parse("tanh(z + 1)"), 20, 10**6)
    assert coefficients(parse("tanh(z + 1)"), 20, 10**6)[20].overlaps(single)


def test_coefficients_far_below_their_usual_size() -> None:
    """tanh(z/10 + 1): each degree costs a factor of ten more, so the first precision does not suffice."""
    for degree, value in enumerate(coefficients(parse("tanh(z/10 + 1)"), 16, 9)):
        assert value.rel_accuracy_bits() >= 49
        assert degree % 8 or value.overlaps(coefficient(parse("tanh(z/10 + 1)"), degree, 9))


def test_multiplying_by_z_follows_the_recurrence() -> None:
    """lambda_l(z g) = sqrt(d) (A_l lambda_{l+1} + B_l lambda_{l-1}) and m_l(z g) = m_{l+1} + l m_{l-1}."""
    # Checks :eq:`coefficient-rules`.
    activation, d = parse("tanh(z + 1)"), 9
    for degree in (1, 2, 5):
        size = 2 * degree + d - 2
        plain = coefficients(activation, degree + 1, d, 1, 25)
        expected = 3 * (fmpq(degree + d - 2, size) * plain[degree + 1] + fmpq(degree, size) * plain[degree - 1])
        assert coefficient(activation, degree, d, 1, 20, power=1).overlaps(expected)
        m = [hermite_coefficient(activation, j, 1, 25) * arb(factorial(j)).sqrt() for j in range(degree + 2)]
        expected = m[degree + 1] + degree * m[degree - 1]
        assert (hermite_coefficient(activation, degree, 1, 20, power=1) * arb(factorial(degree)).sqrt()).overlaps(
            expected
        )


def test_powers_in_closed_form() -> None:
    activation, d = parse("sin(z + pi/4)"), sp.Symbol("d", positive=True)
    for degree in range(3):
        for power in (1, 3):
            for n in (3, 10):
                value = coefficient(activation, degree, n, 1, power=power)
                assert certified(coefficient_expr(activation, degree, n, 1, power=power), 20).overlaps(value)
                symbolic = coefficient_expr(activation, degree, d, 1, power=power).subs(d, n)
                assert certified(symbolic, 20).overlaps(value)
            gaussian = hermite_coefficient_expr(activation, degree, 1, power=power)
            if gaussian == 0:  # an identity that the certified value cannot prove
                continue
            found = hermite_coefficient(activation, degree, 1, power=power) * arb(factorial(degree)).sqrt()
            assert certified(gaussian, 20).overlaps(found)


def test_the_derivative_may_be_named_and_the_power_must_be() -> None:
    activation = parse("exp(z/2)")
    for function, start in (
        (coefficient, (activation, 1, 5)),
        (coefficients, (activation, 1, 5)),
        (coefficient_expr, (activation, 1, 5)),
        (hermite_coefficient, (activation, 1)),
        (hermite_coefficient_expr, (activation, 1)),
    ):
        assert str(function(*start, derivative=1, power=1)) == str(function(*start, 1, power=1))
        with pytest.raises(TypeError, match="positional"):
            function(*start, 1, 15, 1)


def test_hermite_polynomials_are_written_out() -> None:
    for degree, coefficients_ in enumerate(
        ([1], [0, 1], [-1, 0, 1], [0, -3, 0, 1], [3, 0, -6, 0, 1], [0, 15, 0, -10, 0, 1])
    ):
        assert hermite_polynomial(degree) == fmpq_poly(coefficients_)


def test_gaussian_means_without_closed_form() -> None:
    """Gauss-Hermite quadrature with 200 nodes; the normalisation is 1/sqrt(l!)."""
    x, w = np.polynomial.hermite_e.hermegauss(200)
    w = w / w.sum()
    values = np.cosh(x / 2 + 1) ** -2 / 2
    for degree in range(6):
        basis = np.polynomial.hermite_e.hermeval(x, [0] * degree + [1])
        expected = w @ (values * basis) / np.sqrt(factorial(degree))
        assert abs(float(hermite_coefficient(parse("tanh(z/2 + 1)"), degree, 1)) - expected) < 1e-12


def test_polynomials_on_the_line_are_exact() -> None:
    """E[(z^2 - 1) He_l] is 0, 0, 2; no ball around zero is left."""
    values = [hermite_coefficient(parse("z**3/3 - z"), degree, 1) for degree in range(5)]
    assert [value.is_zero() for value in values] == [True, True, False, True, True]
    assert values[2].overlaps(arb(2).sqrt())
    assert hermite_coefficient(parse("z**3"), 1).overlaps(arb(3))
    assert hermite_coefficient(parse("z**3"), 3).overlaps(arb(6).sqrt())


def test_the_other_parity_vanishes_on_the_line() -> None:
    values = [hermite_coefficient(parse("tanh(z)"), degree) for degree in range(5)]
    assert [value.is_zero() for value in values] == [True, False, True, False, True]
    # E[tanh(G) G] = E[sech(G)^2]
    assert values[1].overlaps(hermite_coefficient(parse("tanh(z)"), 0, 1))


@pytest.mark.parametrize("text", ["tanh(z + 1)", "z**3 + z**2 + 1", "exp(z)*z", "relu(z - 1)"])
def test_parts_add_up_and_have_their_parity(text: str) -> None:
    expr = parse(text).expr
    even, odd = parity_part(expr, 0), parity_part(expr, 1)
    for point in (sp.Rational(1, 3), sp.Integer(2)):
        at, mirrored = expr.subs(Z, point), expr.subs(Z, -point)
        assert abs(float(even.subs(Z, point) - (at + mirrored) / 2)) < 1e-14
        assert abs(float(odd.subs(Z, point) - (at - mirrored) / 2)) < 1e-14
    assert even == sp.expand(even)
    assert parity_part(parse("z**3 + z**2").expr, 1) == Z**3


def test_vanishing_needs_degree_and_parity() -> None:
    cubic = parse("z**3 + z**2").expr
    assert [vanishes(cubic, degree) for degree in range(7)] == [False, False, False, False, True, True, True]
    assert [vanishes(parse("z**4").expr, degree) for degree in range(7)] == [
        False,
        True,
        False,
        True,
        False,
        True,
        True,
    ]


def test_the_integrand() -> None:
    activation = parse("sin(z)")
    assert integrand(activation, 1, 0) == sp.cos(Z)
    assert integrand(activation, 0, 2) == Z**2 * sp.sin(Z)
    for derivative, power, needle in ((-1, 0, "derivative=-1"), (0, -1, "power=-1"), (0.5, 0, "derivative=0.5")):
        with pytest.raises(ValueError, match=needle):
            integrand(activation, derivative, power)
        with pytest.raises(ValueError, match=needle):
            coefficients(activation, 2, 5, derivative, power=power)


def test_working_precisions() -> None:
    """d^{-l/2} in bits, and a limit for refinement that grows with the digits asked for."""
    assert size_bits(0, 10) == 0
    assert size_bits(10, 2**10) == 55
    assert size_bits(3, 9) == 6
    assert integral_bits(15) == 2060
    assert integral_bits(1000) > 3322 + 2000


def test_many_digits_of_an_integral() -> None:
    low, high = (coefficient(parse("tanh(z + 1)"), 3, 7, digits=digits) for digits in (15, 200))
    assert low.overlaps(high)
    assert high.rel_accuracy_bits() >= 664
    with ctx.workprec(800):
        table = coefficients(parse("tanh(z + 1)"), 3, 7, digits=200)
    assert table[3].overlaps(high)
    assert table[3].rel_accuracy_bits() >= 664


def test_an_undecided_value_is_named() -> None:
    """By parts: E[(10 - 9 z - z^2) e^z] = 0 at d = 10, and E[z h(z)] = E[h'(z)] with h = z^n e^z on the line."""
    for text, derivative in (("(10 - 9*z - z**2)*exp(z)", 0), ("(17 - 7*z - z**2)*exp(z)", 1)):
        with pytest.raises(Undecided, match=rf"lambda_0 of derivative {derivative} of .* at d=10: 15 digits"):
            coefficient(parse(text), 0, 10, derivative)
    for text, power, factor in (
        ("(z**2 - z - 1)*exp(z)", 0, ""),
        ("(z**2 - z - 2)*exp(z)", 1, r"z \* "),
        ("(z**2 - z - 3)*exp(z)", 2, r"z\^2 \* "),
    ):
        with pytest.raises(Undecided, match=rf"mu_0 of {factor}derivative 0 of"):
            hermite_coefficient(parse(text), 0, power=power)


def test_arguments_are_checked() -> None:
    activation = parse("exp(z)")
    for call, needle in (
        (lambda: coefficient(activation, -1, 5), "degree=-1"),
        (lambda: coefficient(activation, 1, 2), "d=2"),
        (lambda: coefficients(activation, -1, 5), "max_degree=-1"),
        (lambda: coefficients(activation, 1, 2), "d=2"),
        (lambda: coefficient_expr(activation, -1, 5), "degree=-1"),
        (lambda: coefficient_expr(activation, 1, 2), "d=2"),
        (lambda: hermite_coefficient(activation, -1), "degree=-1"),
        (lambda: hermite_coefficient_expr(activation, -1), "degree=-1"),
        (lambda: coefficient(parse("relu(z)"), 1, 5, 2), "distribution"),
    ):
        with pytest.raises(ValueError, match=needle):
            call()
    with pytest.raises(NoClosedForm):
        hermite_coefficient_expr(parse("tanh(z)"), 1)
