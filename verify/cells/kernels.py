"""Cells of kernel ridge regression with the Gram matrix of one random wide network."""

from __future__ import annotations

import math

import torch

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.targets import Target
from theory import Activation
from verify.running.experiment import Cell, Numbers

TEST_POINTS = 2000
RIDGES = (0.0, *(10.0 ** (exponent / 4) for exponent in range(-12, 13)))
"""Candidates for the best ridge, which is 0 for much of a curve without noise: the degrees above act as a ridge."""
Energies = tuple[tuple[int, float], ...]
"""(degree, energy) pairs."""


class _Regression(Cell):
    """Draws of one regression; the first n of ``points`` inputs are the training set of size n.

    So all sizes of a cell share one network, one test set and nested inputs: their errors are correlated, and a cell
    counts as one observation.

    Attributes:
        activation, device, d, m: of the network.
        samples: n, increasing.
        dense, sparse: energy by degree of dense random harmonics and of single zonal harmonics.
        targets: independent targets on the same inputs, over which errors are averaged.
    """

    activation: str
    device: str
    d: int
    m: int
    samples: tuple[int, ...]
    dense: Energies
    sparse: Energies = ()
    targets: int = 8

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gram matrix (n, n), cross Gram matrix (test, n), labels (n, targets) and test labels, n the largest."""
        network = TwoLayerNetwork(
            self.d, self.m, Activation.parse(self.activation), self.seed("network"), device=self.device
        )
        gen = generator(self.seed("data"))
        x = sphere(self.samples[-1], self.d, math.sqrt(self.d), gen).to(network.w)
        test = sphere(TEST_POINTS, self.d, math.sqrt(self.d), gen).to(network.w)
        functions = [self.target(index) for index in range(self.targets)]
        labels, answers = (torch.stack([f(points) for f in functions], dim=1) for points in (x, test))
        return ntk_gram(network, x), ntk_gram(network, test, x), labels, answers

    def target(self, index: int) -> Target:
        """Target ``index``: a sum of harmonics of exactly the stated energies."""
        parts = [Target.dense(self.d, degree, e, self.seed(f"dense {degree}, {index}")) for degree, e in self.dense]
        parts += [
            Target.sparse(self.d, degree, [math.sqrt(e)], self.seed(f"sparse {degree}, {index}"))
            for degree, e in self.sparse
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total


class RidgeCurve(_Regression):
    """Ridge regression at fixed ridges.

    Numbers, each a table (ridge, n): ``risks`` on test points; ``training``, the mean squared residual
    ridge^2 |(K + ridge)^{-1} y|^2 / n; ``kappas``, 1 / tr (K + ridge)^{-1}.
    """

    ridges: tuple[float, ...]

    def run(self) -> Numbers:
        gram, cross, labels, answers = self.draw()
        risks, training, kappas = ([[0.0] * len(self.samples) for _ in self.ridges] for _ in range(3))
        for row, ridge in enumerate(self.ridges):
            for column, n in enumerate(self.samples):
                shifted = gram[:n, :n] + ridge * torch.eye(n, dtype=gram.dtype, device=gram.device)
                factor = torch.linalg.cholesky(shifted)
                coefficients = torch.cholesky_solve(labels[:n], factor)
                risks[row][column] = float((cross[:, :n] @ coefficients - answers).square().mean())
                training[row][column] = ridge**2 * float(coefficients.square().mean())
                kappas[row][column] = 1 / float(torch.cholesky_inverse(factor).diagonal().sum())
        return {"risks": risks, "training": training, "kappas": kappas}


class SamplesToRisk(_Regression):
    """Test risk with the best of :data:`RIDGES`, n by n until it is at most ``level``.

    The best ridge is the one with the smallest mean risk of the targets on the test points. Numbers: ``risks`` and
    ``ridges`` up to the first n that reaches the level, or all of them.
    """

    level: float

    def run(self) -> Numbers:
        gram, cross, labels, answers = self.draw()
        risks: list[float] = []
        ridges: list[float] = []
        for n in self.samples:
            values, vectors = torch.linalg.eigh(gram[:n, :n])
            rotated, features = vectors.T @ labels[:n], cross[:, :n] @ vectors
            tried = {}
            for ridge in RIDGES:
                error = features @ (rotated / (values + ridge)[:, None]) - answers
                tried[ridge] = float(error.square().mean())
            ridges.append(min(tried, key=lambda r: tried[r]))
            risks.append(tried[ridges[-1]])
            if risks[-1] <= self.level:
                break
        return {"risks": risks, "ridges": ridges}
