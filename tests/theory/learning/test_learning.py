"""How far the predicted risk is from that of real kernel ridge regression, whose mean over targets needs no sampling.

For inputs X, K = sum_l Lambda_l N P_l(X X^T) + tail + ridge and a random target of energy one in degree L, with
M = sum_l Lambda_l^2 N P_l and A = K^{-1}: risk(X) = 1 - 2 Lambda_L tr(A P_L) + tr(A M A P_L).
"""

from __future__ import annotations

import numpy as np
import pytest

from theory import Activation, kernel_ridge_risk, ntk_spectrum

SIGMA = Activation.parse("sin(z + pi/4)")
RIDGE = 0.1


def legendre(t: np.ndarray, d: int, most: int) -> list[np.ndarray]:
    """P_0(t), ..., P_most(t) in dimension d, P(1) = 1."""
    found = [np.ones_like(t), t]
    for degree in range(1, most):
        found.append(((2 * degree + d - 2) * t * found[-1] - degree * found[-2]) / (degree + d - 2))
    return found


def deviations(d: int, n: int, degree: int, draws: int, seed: int) -> np.ndarray:
    """risk(X) / prediction - 1 for independent X."""
    rng = np.random.default_rng(seed)
    spectrum = ntk_spectrum(SIGMA, d, 6)
    values = [float(value.mid()) for value in spectrum.eigenvalues]
    counts = [float(count) for count in spectrum.multiplicities]
    predicted = kernel_ridge_risk(spectrum, n, RIDGE, {degree: 1.0})
    risks = []
    for _ in range(draws):
        x = rng.standard_normal((n, d))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        parts = legendre(x @ x.T, d, len(values) - 1)
        kernel = sum(value * count * part for value, count, part in zip(values, counts, parts, strict=True))
        moments = sum(value**2 * count * part for value, count, part in zip(values, counts, parts, strict=True))
        inverse = np.linalg.inv(kernel + (float(spectrum.tail.mid()) + RIDGE) * np.eye(n))
        own = parts[degree]
        cross = values[degree] * float((inverse * own).sum())
        risks.append(1 - 2 * cross + float(((inverse @ moments @ inverse) * own).sum()))
    return np.array(risks) / predicted - 1


@pytest.mark.parametrize(
    ("d", "n", "degree", "draws"),
    [(16, 16, 1, 400), (48, 48, 1, 200), (12, 48, 1, 300), (32, 128, 1, 100), (16, 64, 2, 200), (32, 256, 2, 40)],
)
def test_the_error_is_as_documented(d: int, n: int, degree: int, draws: int) -> None:
    """Bias at most 1.5/n, scatter at most 0.6 n^{-1/2}; the bias may exceed it by chance with probability 1e-4."""
    found = deviations(d, n, degree, draws, seed=17)
    assert abs(found.mean()) <= 1.5 / n + 3.7 * found.std(ddof=1) / draws**0.5
    assert found.std(ddof=1) <= 0.6 / n**0.5


def test_it_would_see_a_wrong_law() -> None:
    """The same numbers against the law at 5 % more samples."""
    d, n, draws = 32, 128, 100
    spectrum = ntk_spectrum(SIGMA, d, 6)
    right, wrong = (kernel_ridge_risk(spectrum, size, RIDGE, {1: 1.0}) for size in (n, n + n // 20))
    found = (deviations(d, n, 1, draws, seed=17) + 1) * right / wrong - 1
    assert abs(found.mean()) > 1.5 / n + 3.7 * found.std(ddof=1) / draws**0.5
