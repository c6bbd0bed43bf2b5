"""The floor of the risk against predictors that should reach it or stay above it, and against exact counts."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import multiplicity, risk_floor, samples_necessary

SIGMAS = 4.0  # standard errors granted to a Monte-Carlo mean
D, DRAWS = 3, 4000


def sphere(rng: np.random.Generator, n: int) -> np.ndarray:
    x = rng.standard_normal((n, D))
    return x * math.sqrt(D) / np.linalg.norm(x, axis=1, keepdims=True)


def harmonics(x: np.ndarray) -> np.ndarray:
    """The five harmonics of degree 2 at d = 3, orthonormal in L2 of the sphere of radius sqrt(3), (n, 5)."""
    a, b, c = (x / math.sqrt(D)).T
    columns = [2 * a * b, 2 * a * c, 2 * b * c, a**2 - b**2, (3 * c**2 - 1) / math.sqrt(3)]
    return math.sqrt(15) / 2 * np.stack(columns, axis=1)


def dense(rng: np.random.Generator) -> np.ndarray:
    """Coefficients of a uniform harmonic of energy 1."""
    g = rng.standard_normal(5)
    return g / np.linalg.norm(g)


def sparse(rng: np.random.Generator) -> np.ndarray:
    """Those of one zonal harmonic: proportional to the harmonics at its direction, by the addition theorem."""
    return harmonics(sphere(rng, 1))[0] / math.sqrt(5)


def mean_risk(
    target: Callable[[np.random.Generator], np.ndarray],
    predict: Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray],
    n: int,
) -> tuple[float, float]:
    """Mean and standard error of |coefficients found - true ones|^2, the risk of a predictor in degree 2."""
    rng, risks = np.random.default_rng(n), []
    for _ in range(DRAWS):
        truth, features = target(rng), harmonics(sphere(rng, n))
        risks.append(float(((predict(features, features @ truth, rng) - truth) ** 2).sum()))
    return float(np.mean(risks)), float(np.std(risks, ddof=1) / math.sqrt(DRAWS))


def least_norm(features: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(np.linalg.pinv(features) @ labels)


def ridge(features: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(features.T @ np.linalg.solve(features @ features.T + 0.5 * np.eye(len(labels)), labels))


def random_linear(features: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return least_norm(features, labels, rng) + 0.2 * rng.standard_normal((5, len(labels))) @ labels


def known_energy(features: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Not linear: it uses that the energy is 1 and completes the solution in a random direction it cannot know."""
    found = least_norm(features, labels, rng)
    _, _, rows = np.linalg.svd(features)
    hidden = rows[len(labels) :].T @ rng.standard_normal(5 - len(labels))
    missing = max(1 - float(found @ found), 0.0)
    return np.asarray(found + 0.3 * math.sqrt(missing) * hidden / np.linalg.norm(hidden))


def test_the_basis_is_orthonormal() -> None:
    # The integrals of products of degree 4 are exact on a Gauss grid.
    z, weight = np.polynomial.legendre.leggauss(8)
    angle = 2 * math.pi * np.arange(16) / 16
    ring = np.sqrt(1 - z**2)[:, None]
    points = np.stack([ring * np.cos(angle), ring * np.sin(angle), np.broadcast_to(z[:, None], (8, 16))], axis=-1)
    features = harmonics(math.sqrt(D) * points.reshape(-1, D))
    gram = features.T @ (features * np.repeat(weight / 32, 16)[:, None])
    assert gram == pytest.approx(np.eye(5), abs=1e-12)


@pytest.mark.parametrize("target", [dense, sparse])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_linear_predictors_stay_above_and_the_best_reaches_it(
    target: Callable[[np.random.Generator], np.ndarray], n: int
) -> None:
    """The least-norm solution is the best answer to a dense target, so its mean risk is the floor itself."""
    # Checks :eq:`risk-floor`.
    floor = float(risk_floor(D, n, {2: 1.0}))
    best, error = mean_risk(target, least_norm, n)
    assert best == pytest.approx(floor, abs=SIGMAS * error)
    for predict in (ridge, random_linear):
        found, error = mean_risk(target, predict, n)
        assert found >= floor - SIGMAS * error


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_predictor_that_is_not_linear_stays_above_for_dense_targets(n: int) -> None:
    found, error = mean_risk(dense, known_energy, n)
    assert found >= float(risk_floor(D, n, {2: 1.0})) - SIGMAS * error


def test_the_floor_sees_a_predictor_that_was_told() -> None:
    """An oracle, more labels than it says, and for a single direction a method that is not linear: all fall below."""
    n = 3
    floor = float(risk_floor(D, n, {2: 1.0}))
    rng, grid = np.random.default_rng(0), harmonics(sphere(np.random.default_rng(1), 2000)) / math.sqrt(5)
    oracle, error = mean_risk(lambda _: grid[0], lambda features, labels, _: grid[0], n)
    assert oracle + error < floor
    more, error = mean_risk(dense, least_norm, n + 1)
    assert more + SIGMAS * error < floor

    def search(features: np.ndarray, labels: np.ndarray, _: np.random.Generator) -> np.ndarray:
        """The single direction that fits the labels best."""
        return np.asarray(grid[((features @ grid.T - labels[:, None]) ** 2).sum(axis=0).argmin()])

    found = [
        float(((search(features, features @ truth, rng) - truth) ** 2).sum())
        for _ in range(400)
        for truth, features in [(sparse(rng), harmonics(sphere(rng, n)))]
    ]
    assert float(np.mean(found)) + SIGMAS * float(np.std(found)) / 20 < floor


def test_parts_add() -> None:
    """Degrees 1 and 2 with one set of labels: the best answer to a Gaussian target of both stays above the sum."""
    rng, n, risks = np.random.default_rng(7), 4, []
    for _ in range(DRAWS):
        x = sphere(rng, n)
        features = np.concatenate([x, harmonics(x)], axis=1)  # (n, 3 + 5), orthonormal functions
        weight = np.repeat([2.0 / 3, 1.0 / 5], [3, 5])  # variances: energies 2 and 1
        gain = (features * weight).T @ np.linalg.solve((features * weight) @ features.T, features * weight)
        risks.append(float(weight.sum() - np.trace(gain)))
    floor = float(risk_floor(D, n, {1: 2.0, 2: 1.0}))
    assert floor == pytest.approx(0.2)
    assert float(np.mean(risks)) > floor
    assert risk_floor(D, 2, {1: 2.0, 2: 1.0}) == risk_floor(D, 2, {1: 2.0}) + risk_floor(D, 2, {2: 1.0})


def test_exact_values_and_ends() -> None:
    d = 12
    count = multiplicity(d, 3)
    assert risk_floor(d, count // 2, {3: sp.Rational(1, 3)}) == sp.Rational(1, 3) * (1 - sp.Rational(count // 2, count))
    assert risk_floor(d, 0, {1: Fraction(1, 3), 3: 2}) == sp.Rational(7, 3)
    assert risk_floor(d, 10 * count, {1: 1, 3: 2}) == 0
    assert risk_floor(d, 5, {}) == 0
    assert isinstance(risk_floor(d, 5, {1: 0.1}), sp.Rational)


@pytest.mark.parametrize("risk", [Fraction(1, 7), 0.5, 1.2, 0, 2, 5])
def test_samples_necessary_inverts_the_floor(risk: float) -> None:
    energies = {1: 1, 2: 0.5, 3: 0.5}
    n = samples_necessary(9, risk, energies)
    assert risk_floor(9, n, energies) <= Fraction(risk)
    assert n == 0 or risk_floor(9, n - 1, energies) > Fraction(risk)


@pytest.mark.parametrize(
    ("d", "n", "energies", "sentence"),
    [
        (2, 3, {1: 1.0}, "needs d >= 3"),
        (5, -1, {1: 1.0}, "needs an integer n >= 0"),
        (5, 1.5, {1: 1.0}, "needs an integer n >= 0"),
        (5, 3, {0: 1.0}, "needs degrees >= 1"),
        (5, 3, {1: -1.0}, "needs a finite number >= 0"),
        (5, 3, {1: math.nan}, "needs a finite number >= 0"),
    ],
)
def test_bad_input(d: int, n: int, energies: dict[int, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        risk_floor(d, n, energies)
    if sentence != "needs an integer n >= 0":
        with pytest.raises(ValueError, match=sentence):
            samples_necessary(d, 0.1, energies)


def test_a_negative_risk_is_refused() -> None:
    with pytest.raises(ValueError, match="risk"):
        samples_necessary(5, -0.1, {1: 1.0})
