import mpmath as mp
import pytest
import sympy as sp
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from references import funk_hecke

from theory import (
    Activation,
    NoClosedForm,
    Undecided,
    certified,
    coefficient,
    coefficient_expr,
    hermite_coefficient,
    hermite_coefficient_expr,
    multiplicity,
    vanishes,
)
from theory.activations import Z

CLOSED = ["sin(z + pi/4)", "cos(2*z)*3 - z", "exp(z/2 - 1)", "z**5 - 3*z**2 + 1", "sin(z/3) + exp(z)"]


def ball_of(value: mp.mpf, relative: str) -> arb:
    text = mp.nstr(value, 40)
    return arb(text) * (1 + arb(0, relative))


@pytest.mark.parametrize("text", CLOSED)
@pytest.mark.parametrize("d", [3, 4, 5, 10, 101, 10**4])
def test_closed_forms_lie_in_certified_balls(text: str, d: int) -> None:
    # Checks :eq:`funk-hecke` and :eq:`coefficient-rules`.
    activation = Activation.parse(text)
    for derivative in (0, 1, 2):
        for degree in range(5):
            value = coefficient(activation, degree, d, derivative)
            closed = certified(coefficient_expr(activation, degree, d, derivative), 20)
            assert closed.overlaps(value), (degree, derivative, closed, value)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["tanh", "erf", "sin", "sigmoid"]),
    st.fractions("0.25", 2, max_denominator=8),
    st.fractions(-1, 1, max_denominator=8).filter(bool),
    st.sampled_from([3, 5, 12, 40, 1000]),
    st.integers(0, 5),
)
def test_certified_values_contain_mpmath_quadrature(name, slope, shift, d, degree) -> None:
    # Checks :eq:`funk-hecke`.
    activation = Activation.parse(f"{name}({slope}*z + {shift})")
    found = coefficient(activation, degree, d, digits=20)
    with mp.workdps(40):
        function = sp.lambdify(Z, activation.expr, "mpmath")
        expected = funk_hecke(function, degree, d)
        assert found.overlaps(ball_of(expected, "1e-18"))


@pytest.mark.parametrize("text", [*CLOSED, "erf(z)", "gelu(z)", "softplus(z + 1)", "tanh(z + 1)"])
def test_gaussian_limit(text: str) -> None:
    """N^{1/2} lambda_l at d = 10^6 lies within O(1/d) of mu_l."""
    # Checks :eq:`gaussian-limit`.
    activation = Activation.parse(text)
    for degree in range(4):
        limit = hermite_coefficient(activation, degree, 1)
        value = coefficient(activation, degree, 10**6, 1) * arb(multiplicity(10**6, degree)).sqrt()
        assert abs(value - limit) <= arb("1e-4") * (1 + abs(limit)), (degree, value, limit)


@pytest.mark.parametrize("text", CLOSED)
def test_hermite_closed_forms(text: str) -> None:
    activation = Activation.parse(text)
    for degree in range(5):
        closed = certified(hermite_coefficient_expr(activation, degree) / sp.sqrt(sp.factorial(degree)), 20)
        assert closed.overlaps(hermite_coefficient(activation, degree))


def test_symbolic_dimension_substitutes() -> None:
    d = sp.Symbol("d", positive=True)
    activation = Activation.parse("sin(z + pi/4) + z**3")
    for degree in range(4):
        expr = coefficient_expr(activation, degree, d, 1)
        at_seven = certified(expr.subs(d, 7), 20)
        assert at_seven.overlaps(certified(coefficient_expr(activation, degree, 7, 1), 20))


@pytest.mark.parametrize(
    ("text", "derivative", "zero", "nonzero"),
    [
        ("tanh(z)", 1, [1, 3, 5], [0, 2, 4]),
        ("relu(z)", 1, [2, 4, 6], [0, 1, 3, 5]),
        ("softplus(z)", 1, [2, 4], [0, 1, 3]),
        ("gelu(z)", 0, [3, 5], [0, 1, 2, 4]),
        ("erf(z)", 0, [0, 2, 4], [1, 3]),
        ("z**3 - z", 0, [0, 2, 5, 7], [1, 3]),
        ("tanh(z + 1)", 1, [], [0, 1, 2, 3, 4, 5]),
        ("sin(z + pi/4)", 1, [], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_vanishing_is_decided(text: str, derivative: int, zero: list[int], nonzero: list[int]) -> None:
    activation = Activation.parse(text)
    for degree in zero:
        assert vanishes(activation.derivative(derivative), degree)
        assert coefficient(activation, degree, 9, derivative).is_zero()
    for degree in nonzero:
        assert not vanishes(activation.derivative(derivative), degree)
        assert not coefficient(activation, degree, 9, derivative).contains(0)


def test_a_polynomial_that_cancels_at_one_dimension_is_exactly_zero() -> None:
    """E[z^2 - 1] = 0 for every d, though no parity says so; z^4 - 3 d/(d+2) vanishes only at its d."""
    assert coefficient(Activation.parse("z**3/3 - z"), 0, 11, 1).is_zero()
    assert coefficient(Activation.parse("z**4 - 5/2"), 0, 10).is_zero()
    assert not coefficient(Activation.parse("z**4 - 5/2"), 0, 11).is_zero()


@pytest.mark.parametrize("text", ["z*(exp(1) + exp(-1))", "z*sin(1)/cos(1)"])
def test_constants_that_sympy_rewrites(text: str) -> None:
    assert coefficient(Activation.parse(text), 1, 10).is_finite()
    assert certified(hermite_coefficient_expr(Activation.parse(text), 1)).is_finite()


def test_an_unproved_zero_ends_as_undecided() -> None:
    """The double-argument formula makes this zero, but no rule here knows it; the refinement must stop."""
    with pytest.raises(Undecided, match="may be exactly zero"):
        coefficient(Activation.parse("tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z)"), 1, 10)


def test_identities_of_sines_and_signs_are_decided() -> None:
    assert coefficient(Activation.parse("z*(sin(z)**2 + cos(z)**2)"), 2, 10, 1).is_zero()
    assert coefficient(Activation.parse("relu(z)**2"), 2, 10, 2).is_zero()


def test_large_expansions_are_left_alone() -> None:
    activation = Activation.parse("((z + 1)**30*sin(z) + exp(z))**20")
    assert not vanishes(activation.expr, 1)


def test_degrees_are_checked() -> None:
    with pytest.raises(ValueError, match="degree=-1"):
        vanishes(Z, -1)


def test_no_closed_form_says_so() -> None:
    with pytest.raises(NoClosedForm, match="use the certified value"):
        coefficient_expr(Activation.parse("tanh(z)"), 1, 5)


def test_digits_are_delivered_over_the_range() -> None:
    activation = Activation.parse("tanh(z + 1)")
    for d in (3, 10**6):
        for degree in (0, 20):
            for digits in (15, 60):
                assert coefficient(activation, degree, d, digits=digits).rel_accuracy_bits() >= digits * 3.32


def test_symbol_needs_the_expression_function() -> None:
    with pytest.raises(ValueError, match="_expr"):
        coefficient(Activation.parse("sin(z)"), 1, sp.Symbol("d"))
