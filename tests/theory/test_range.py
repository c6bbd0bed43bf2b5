"""The whole range is sound: every value is finite and carries the digits asked, or is exactly zero."""

import mpmath as mp
import pytest
from flint import arb, ctx

from theory import (
    Activation,
    coefficient,
    coefficient_sign,
    coefficients,
    learnable_degrees,
    ntk_eigenvalue,
    ntk_spectrum,
)
from theory.balls.enclosure import sphere_expectation
from theory.harmonics.gegenbauer import legendre_polynomial

ACTIVATIONS = [
    "sin(z + pi/4)",
    "exp(z/2)",
    "erf(z + 1/2)",
    "gelu(z)",
    "relu(z)",
    "relu(z + 1/3)",
    "relu(z - 2)**2",
    "z**3 - z",
    "tanh(z + 1)",
    "softplus(z)",
    "sigmoid(2*z - 1)",
    "sin(z)*z**2",
]


@pytest.mark.parametrize("text", ACTIVATIONS)
def test_digits_are_delivered(text: str) -> None:
    activation = Activation.parse(text)
    for d in (3, 37, 10**6):
        for degree in (0, 1, 30, 60):
            for digits in (15, 100):
                for derivative, power in ((0, 0), (1, 1)):
                    value = coefficient(activation, degree, d, derivative, digits, power=power)
                    assert value.is_finite()
                    assert value.is_zero() or value.rel_accuracy_bits() >= 3.3219 * digits


@pytest.mark.parametrize("text", ACTIVATIONS)
def test_eigenvalues_do_not_overflow_or_vanish(text: str) -> None:
    """Positive unless both coefficients are exactly zero; at d = 10^6 and degree 60 some lie below 1e-350."""
    activation = Activation.parse(text)
    for d in (3, 344, 800, 10**6):
        for degree in (0, 5, 60):
            value = ntk_eigenvalue(activation, degree, d)
            assert value.is_zero() or value > 0
            neighbours = [degree + 1, degree - 1] if degree else [1]
            assert value.is_zero() == all(coefficient(activation, j, d, 1).is_zero() for j in neighbours)


def test_tiny_values_are_found() -> None:
    """Of order e^{-1250}: only a closed form reaches them. mpmath's 0F1 needs some thousand digits for the same."""
    value = coefficient(Activation.parse("sin(50*z)"), 1, 10**6)
    with mp.workdps(1400):
        expected = 50 / mp.sqrt(10**6) * mp.hyp0f1(mp.mpf(10**6) / 2 + 1, -mp.mpf(2500) * 10**6 / 4)
        assert value.overlaps(arb(mp.nstr(expected, 30)) * (1 + arb(0, "1e-25")))
    assert value.rel_accuracy_bits() > 49


@pytest.mark.parametrize("d", [3, 10, 1000])
def test_gaussians_centred_far_outside(d: int) -> None:
    """erf''(z + 60) on the sphere, down to 1e-1475, against the adaptive integral at a precision beyond that."""
    activation = Activation.parse("erf(z + 60)")
    value = coefficient(activation, 1, d, 2)
    with ctx.workprec(6000):
        assert value.overlaps(sphere_expectation(activation.derivative(2), d, legendre_polynomial(1, d), 6000))
    assert value.rel_accuracy_bits() > 49


def test_large_frequencies_are_decided() -> None:
    assert learnable_degrees(Activation.parse("sin(50*z)"), 5, 10**6).undecided == ()
    assert ntk_spectrum(Activation.parse("sin(50*z)"), 10**6, 3).tail > 0


def test_a_kink_at_a_root_of_a_sum_is_decided() -> None:
    """lambda_5(relu(z - 1)) at d = 3 has the factor P_{3,7}(1/sqrt 3) = 0."""
    activation = Activation.parse("relu(z - 1)")
    assert coefficient_sign(activation.expr, 5, 3) == "zero"
    assert coefficients(activation, 6, 3)[5].is_zero()
    assert coefficient_sign(activation.expr, 5, 4) == "nonzero"
