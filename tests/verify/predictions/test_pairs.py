"""Close pairs of inputs against kernels of infinite width, :eq:`close-pairs`."""

import math

import numpy as np
import pytest
import torch

import theory
from numerics.sampling import generator, sphere
from numerics.targets import legendre_polynomials
from verify.predictions.pairs import Pairs, angles

DEGREES = 20


class Kernel:
    """Lambda_l and N(d,l) of an activation, and Gram matrices of infinite width."""

    def __init__(self, activation: str, d: int) -> None:
        self.spectrum = theory.ntk_spectrum(activation, d, DEGREES)
        self.d = d
        self.eigenvalues = np.array([float(x.mid()) for x in self.spectrum.eigenvalues])
        self.counts = np.array(self.spectrum.multiplicities, dtype=float)
        self.tail = float(self.spectrum.tail.mid())

    def gram(self, x: torch.Tensor) -> torch.Tensor:
        """K(x_i, x_j) for unit vectors; degrees above :data:`DEGREES` on the diagonal alone."""
        parts = zip(self.counts * self.eigenvalues, legendre_polynomials(self.d, x @ x.T), strict=False)
        found = sum((weight * p for weight, p in parts), torch.zeros(len(x), len(x), dtype=x.dtype))
        found.diagonal().fill_(float(self.counts @ self.eigenvalues) + self.tail)
        return found

    def pairs(self, n: int) -> Pairs:
        """Among n inputs."""
        return Pairs(self.eigenvalues, self.counts, self.d, n)

    def z(self, n: int, kappa: np.ndarray) -> np.ndarray:
        """The point of the spectrum that belongs to kappa."""
        learned = (self.counts * self.eigenvalues / (self.eigenvalues + kappa[:, None])).sum(1)
        return kappa * (learned + self.tail / kappa - n)


def test_angles_are_those_of_random_inputs() -> None:
    t, probability = angles(7)
    assert probability.sum() == pytest.approx(1, abs=1e-12)
    assert probability @ t**2 == pytest.approx(1 / 7, rel=1e-6)
    assert probability @ t**4 == pytest.approx(3 / (7 * 9), rel=1e-6)


def test_the_law_says_what_a_point_has_with_itself() -> None:
    """rho(1) = 1 - ridge/(n kappa), the tail counting as ridge: the conservation law."""
    kernel, n, ridge = Kernel("tanh(z + 1)", 9), 60, 0.3
    kappa = theory.effective_regularization(kernel.spectrum, n, ridge)
    (here,) = kernel.pairs(n).overlap(np.array([kappa]), np.ones(1))
    assert here[0] == pytest.approx(1 - (ridge + kernel.tail) / (n * kappa), rel=1e-9)


@pytest.mark.parametrize(
    ("activation", "d", "count"), [("sin(z + pi/4)", 12, 16), ("tanh(z + 1)", 12, 48), ("sin(z + pi/4)", 16, 16)]
)
def test_close_pairs_raise_the_trace_of_the_inverse(activation: str, d: int, count: int) -> None:
    """At n = 3.5 d^2, k = 2, the next order is at most half of the correction; the law alone is refuted."""
    n, ridge = 7 * d * d // 2, 1e-2
    kernel = Kernel(activation, d)
    kappa = theory.effective_regularization(kernel.spectrum, n, ridge)
    draws = []
    for seed in range(count):
        gram = kernel.gram(sphere(n, d, 1.0, generator(seed)).double())
        gram.diagonal().add_(ridge)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        draws.append(kappa * float(inverse.diagonal().sum()) - 1)
    mean, error = float(np.mean(draws)), float(np.std(draws, ddof=1)) / math.sqrt(count)
    predicted = kernel.pairs(n).excess(kappa)
    assert mean > 4 * error
    assert abs(mean - predicted) < predicted / 2 + 4 * error


@pytest.mark.parametrize("activation", ["sin(z + pi/4)", "tanh(z + 1)"])
@pytest.mark.parametrize("t", [0.9, 0.75])
def test_a_planted_pair_makes_its_eigenvalue(activation: str, t: float) -> None:
    """Two of 200 inputs in d = 40 at the angle t: the smallest eigenvalue is theirs, and where |rho| = 1."""
    d, n, kernel = 40, 200, Kernel(activation, 40)
    found, weights = [], []
    for seed in range(4):
        x = sphere(n, d, 1.0, generator(seed)).double()
        side = x[1] - (x[1] @ x[0]) * x[0]
        x[1] = t * x[0] + math.sqrt(1 - t * t) * side / side.norm()
        values, vectors = torch.linalg.eigh(kernel.gram(x))
        found.append(float(values[0]))
        weights.append(float(vectors[:2, 0].square().sum()))
    assert min(weights) > 0.5
    kappa = np.geomspace(10.0, 1e-4, 20_001)
    rho = kernel.pairs(n).overlap(kappa, np.array([t]))[:, 0]
    place = float(kernel.z(n, kappa)[np.argmax(np.abs(rho) >= 1)])
    assert float(np.mean(found)) == pytest.approx(place, rel=0.03)
    alone = sum(w * float(p) for w, p in zip((kernel.counts * kernel.eigenvalues)[2:], _above(d, t), strict=False))
    ranked = float(kernel.z(n, kappa)[np.argmax(1 / (n * kappa) * abs(alone) >= 1)])
    assert t < 0.9 or abs(float(np.mean(found)) / ranked - 1) > 0.08


def _above(d: int, t: float) -> list[np.ndarray]:
    """P_2(t), P_3(t), ..."""
    return [p for _, p in zip(range(DEGREES + 1), legendre_polynomials(d, np.array(t)), strict=False)][2:]


def test_the_closest_pair_is_that_of_random_inputs() -> None:
    """Of 300 draws of 60 inputs in d = 5 a share q has a closest pair within the angle of quantile q."""
    d, n, levels = 5, 60, np.array([0.25, 0.75])
    kappa, eigenvalues = np.geomspace(10.0, 1e-3, 4001), np.array([0.0, 0.2])
    assert (Pairs(eigenvalues, np.array([1.0, 5.0]), d, n).outliers(kappa, levels) == len(kappa)).all()
    pairs = Pairs(eigenvalues, np.array([1.0, 200.0]), d, n)
    closest = []
    for seed in range(300):
        x = sphere(n, d, 1.0, generator(seed)).double()
        products = (x @ x.T).abs()
        products.fill_diagonal_(0.0)
        closest.append(float(products.max()))
    for level, index in zip(levels, pairs.outliers(kappa, levels), strict=True):
        (rho,) = pairs.overlap(kappa[[index]], np.ones(1))  # linear in t: |rho(t)| = 1 at t = 1 / rho(1)
        share = float(np.mean(np.array(closest) <= 1 / float(rho[0])))
        assert abs(share - level) < 4 * math.sqrt(level * (1 - level) / 300) + 0.02
