import math

import numpy as np
import pytest
from flint import arb

from theory import Activation, Spectrum, kernel_ridge_risk, ntk_spectrum


def flat(eigenvalues: list[float], counts: list[int], tail: float = 0.0) -> Spectrum:
    return Spectrum(
        Activation.parse("z"),
        3,
        tuple(range(len(counts))),
        tuple(counts),
        tuple(arb(v) for v in eigenvalues),
        arb(tail),
    )


def test_linear_regression_closed_form() -> None:
    """One eigenvalue, ridge 0, n < N: L = n/N, and risk = (1-L) ||f||^2, the error of an n-dimensional projection."""
    spectrum = flat([2.0], [100])
    assert kernel_ridge_risk(spectrum, 40, 0.0, {0: 3.0}) == pytest.approx(0.6 * 3.0, rel=1e-9)


def test_noise_amplification_of_ridgeless_regression() -> None:
    """N -> many weak modes as tail ridge: n/(n - N L^2) with L = 1 is n/(n - N)."""
    spectrum = flat([1.0], [50])
    predicted = kernel_ridge_risk(spectrum, 200, 1e-12, {}, noise=1.0)
    assert predicted == pytest.approx(200 / 150, rel=1e-6)


def test_against_gaussian_simulation() -> None:
    """Ridge regression with Gaussian features of a two-level spectrum: the mean of 40 runs within 4 standard errors."""
    rng = np.random.default_rng(0)
    counts, values, n, ridge = [30, 300], [1.0, 0.05], 120, 0.5
    scales = np.sqrt(np.repeat(values, counts))
    risks = []
    for _ in range(40):
        coefficients = rng.standard_normal(330) / np.sqrt(np.repeat(counts, counts))
        x = rng.standard_normal((n, 330))
        gram = (x * scales**2) @ x.T
        fit = (scales**2)[:, None] * x.T @ np.linalg.solve(gram + ridge * np.eye(n), x @ coefficients)
        risks.append(((fit - coefficients) ** 2).sum())
    stderr = np.std(risks, ddof=1) / math.sqrt(40)
    predicted = kernel_ridge_risk(flat(values, counts), n, ridge, {0: 1.0, 1: 1.0})
    assert abs(np.mean(risks) - predicted) < 4 * stderr
    wrong = kernel_ridge_risk(flat([1.0], [30]), n, ridge, {0: 1.0, 1: 1.0})
    assert abs(np.mean(risks) - wrong) > 4 * stderr


def test_tail_acts_as_ridge() -> None:
    assert kernel_ridge_risk(flat([1.0], [20], tail=3.0), 10, 1.0, {0: 1.0}) == pytest.approx(
        kernel_ridge_risk(flat([1.0], [20]), 10, 4.0, {0: 1.0}), rel=1e-12
    )


def test_rounding_in_the_tail_is_no_ridge() -> None:
    spectrum = ntk_spectrum(Activation.parse("z + z**2"), 10, 3)
    assert spectrum.tail.contains(0)
    with pytest.raises(ValueError, match="ridge > 0"):
        kernel_ridge_risk(spectrum, 100, 0.0, {1: 1.0}, noise=0.1)


def test_tiny_eigenvalues_do_not_underflow() -> None:
    small = flat([1e-170], [10], tail=1e-172)
    assert kernel_ridge_risk(small, 5, 0.0, {0: 1.0}) == pytest.approx(
        kernel_ridge_risk(flat([1.0], [10], tail=0.01), 5, 0.0, {0: 1.0}), rel=1e-9
    )


def test_monotone_in_samples() -> None:
    spectrum = ntk_spectrum(Activation.parse("tanh(z + 1)"), 20, 8)
    risks = [kernel_ridge_risk(spectrum, n, 1.0, {1: 1.0, 2: 1.0}) for n in (20, 40, 80, 160)]
    assert risks == sorted(risks, reverse=True)


@pytest.mark.parametrize(
    ("n", "ridge", "energies", "needle"),
    [
        (0, 1.0, {0: 1.0}, "n=0"),
        (5, -1.0, {0: 1.0}, "ridge"),
        (5, 1.0, {0: -1.0}, "energies"),
        (99, 0.0, {0: 1.0}, "ridge > 0"),
    ],
)
def test_bad_input(n: int, ridge: float, energies: dict[int, float], needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        kernel_ridge_risk(flat([1.0], [10]), n, ridge, energies)
