"""The whole range is sound: every value is finite and carries the digits asked, or is exactly zero."""

import pytest

from theory import Activation, coefficient, ntk_eigenvalue

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
