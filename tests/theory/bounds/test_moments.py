"""Absolute Gaussian moments are bounded from above, and not by much."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from theory import Activation, Undecided
from theory.bounds.density import HIGHEST
from theory.bounds.moments import absolute_moments

Z = np.linspace(-24, 24, 400_001)
T = np.tanh(Z + 1)
DERIVATIVES: dict[str, Callable[[int], np.ndarray]] = {
    "sin(z + pi/4)": lambda j: np.sin(Z + math.pi / 4 + j * math.pi / 2),
    "exp(z/2)": lambda j: 0.5**j * np.exp(Z / 2),
    "tanh(z + 1)": lambda j: [T, 1 - T**2, -2 * T * (1 - T**2), (1 - T**2) * (6 * T**2 - 2)][j],
    "z**3": lambda j: [Z**3, 3 * Z**2, 6 * Z, 6 + 0 * Z][j],
}


@pytest.mark.parametrize("text", DERIVATIVES)
def test_above_the_moments_and_near_them(text: str) -> None:
    """On a cell of 1/64 the integrand varies by a few per cent, more near a zero of the derivative."""
    found = absolute_moments(Activation.parse(text).expr, 3)
    for j in range(4):
        for n in (0, 1, 2, 7, HIGHEST):
            density = Z ** (2 * n) * np.exp(-(Z**2) / 2) / math.sqrt(2 * math.pi)
            true = float(np.trapezoid(abs(DERIVATIVES[text](j)) * density, Z))
            assert true * (1 - 1e-6) < float(found[j][n]) < 1.1 * true


def test_a_constant_has_no_derivative() -> None:
    found = absolute_moments(Activation.parse("z").derivative(1), 2)
    assert [float(row[0]) > 0 for row in found] == [True, False, False]


def test_what_grows_too_fast_is_refused() -> None:
    with pytest.raises(Undecided, match="grows too fast"):
        absolute_moments(Activation.parse("exp(200*z)").expr, 1)
    with pytest.raises(ValueError, match="no bound on its growth"):
        absolute_moments(Activation.parse("exp(z**2/8)").expr, 1)
