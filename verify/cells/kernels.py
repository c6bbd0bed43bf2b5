"""Cells of kernel ridge regression with the Gram matrix of one random wide network."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.targets import Target
from theory import Activation
from verify.cells.search import bracket, coarse_grid
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
        dense, sparse: energy by degree of dense random harmonics and of single zonal harmonics.
        targets: independent targets on the same inputs, over which errors are averaged; an even number.
    """

    activation: str
    device: str
    d: int
    m: int
    dense: Energies
    sparse: Energies = ()
    targets: int = Field(default=8, ge=2, multiple_of=2)

    paired: ClassVar[tuple[str, ...]] = ()
    """Fields that change nothing in what is drawn: cells that differ only there share network, inputs and targets."""

    def inputs(self, points: int) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Network, inputs (points, d), test inputs, labels (points, targets) and test labels."""
        sigma, seed = Activation.parse(self.activation), self.seed("network", self.paired)
        network = TwoLayerNetwork(self.d, self.m, sigma, seed, device=self.device)
        gen = generator(self.seed("data", self.paired))
        x = sphere(points, self.d, math.sqrt(self.d), gen).to(network.w)
        test = sphere(TEST_POINTS, self.d, math.sqrt(self.d), gen).to(network.w)
        functions = [self.target(index) for index in range(self.targets)]
        labels, answers = (torch.stack([f(points) for f in functions], dim=1) for points in (x, test))
        return network, x, test, labels, answers

    def target(self, index: int) -> Target:
        """Target ``index``: a sum of harmonics of exactly the stated energies."""
        parts = [
            Target.dense(self.d, degree, e, self.seed(f"dense {degree}, {index}", self.paired))
            for degree, e in self.dense
        ]
        parts += [
            Target.sparse(self.d, degree, [math.sqrt(e)], self.seed(f"sparse {degree}, {index}", self.paired))
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

    Attributes:
        samples: n, increasing.
        ridges: the ridges.
    """

    samples: tuple[int, ...]
    ridges: tuple[float, ...]

    def run(self) -> Numbers:
        network, x, test, labels, answers = self.inputs(self.samples[-1])
        gram, cross = ntk_gram(network, x), ntk_gram(network, test, x)
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
    """Test risk with the best of :data:`RIDGES`, at the n that :func:`verify.cells.search.bracket` asks for.

    The best ridge is the one with the smallest mean risk of the targets on the test points, which makes the predictor
    depend on the targets. A floor holds for predictors that do not; so at ``blind`` the ridge is best for one half of
    the targets on one half of the test points, and judged by the other halves, by turns.

    Numbers: ``samples``, ``risks`` and ``ridges`` of the search; ``blind``, the risks at ``blind``.

    Attributes:
        first, last, factor, finest: the search ascends from ``first`` to ``last`` by ``factor`` and refines to a ratio
            of ``finest``.
        level: the risk to reach.
        blind: further n.
    """

    first: int
    last: int
    factor: float
    finest: float
    level: float
    blind: tuple[int, ...] = ()

    paired: ClassVar[tuple[str, ...]] = ("dense", "sparse", "first", "factor", "finest", "level", "blind")

    def run(self) -> Numbers:
        network, x, test, labels, answers = self.inputs(max(self.last, *self.blind, 0))
        empty = x.new_empty
        gram, cross = empty(0, 0), empty(len(test), 0)
        ridges: dict[int, float] = {}

        def halves(n: int) -> torch.Tensor:
            """Mean risk of each half of the targets on each half of the test points, (ridges, 2, 2)."""
            nonlocal gram, cross
            if (known := len(gram)) < n:
                fresh = ntk_gram(network, x[known:n], x[:n])
                upper = torch.cat([gram, fresh[:, :known].T], dim=1)
                gram, cross = torch.cat([upper, fresh]), torch.cat([cross, ntk_gram(network, test, x[known:n])], dim=1)
            values, vectors = torch.linalg.eigh(gram[:n, :n])
            rotated, features = vectors.T @ labels[:n], cross[:, :n] @ vectors
            errors = (features @ (rotated / (values + ridge)[:, None]) - answers for ridge in RIDGES)
            shape = (2, TEST_POINTS // 2, 2, self.targets // 2)
            return torch.stack([error.square().reshape(shape).mean(dim=(1, 3)) for error in errors])

        def risk_at(n: int) -> list[float]:
            tried = halves(n).mean(dim=(1, 2))
            ridges[n] = RIDGES[int(tried.argmin())]
            return [float(tried.min())]

        points = bracket(risk_at, coarse_grid(self.first, self.last, self.factor), self.level, self.finest)
        samples = [n for n, _ in points]
        return {
            "samples": samples,
            "risks": [risk for _, (risk,) in points],
            "ridges": [ridges[n] for n in samples],
            "blind": [_blind(halves(n)) for n in self.blind],
        }


def _blind(tried: torch.Tensor) -> float:
    """Mean over both turns of the risk of one half of targets and points at the ridge that is best for the other."""
    turns = [tried[int(tried[:, 1 - half, 1 - half].argmin()), half, half] for half in (0, 1)]
    return float(torch.stack(turns).mean())
