"""Cells of kernel ridge regression with the Gram matrix of one random wide network."""

from __future__ import annotations

import math
from functools import cache

import torch
from pydantic import Field

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.shifted import solve_shifted
from numerics.targets import Target
from theory import Activation
from verify.cells.search import bracket, coarse_grid
from verify.running.experiment import Cell, Numbers

TEST_POINTS = 2000
RIDGES = (0.0, *(10.0 ** (exponent / 4) for exponent in range(-12, 13)))
"""Candidates for the best ridge, which is 0 for much of a curve without noise: the degrees above act as a ridge."""
RIVAL_RIDGES = (1.0, 10.0, 100.0, 1000.0)
"""The same for a rival target of high degree, of which little is learned."""
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

    def inputs(self, points: int) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
        """Network, inputs (points, d) and test inputs."""
        sigma = Activation.parse(self.activation)
        network = TwoLayerNetwork(self.d, self.m, sigma, self.seed("network"), device=self.device)
        gen = generator(self.seed("data"))
        x, test = (sphere(count, self.d, math.sqrt(self.d), gen).to(network.w) for count in (points, TEST_POINTS))
        return network, x, test

    def labels(self, points: torch.Tensor) -> torch.Tensor:
        """Labels (points, targets)."""
        return torch.stack([self.target(index)(points) for index in range(self.targets)], dim=1)

    def target(self, index: int) -> Target:
        """Target ``index``: a sum of harmonics of exactly the stated energies."""
        parts = [self.part(degree, energy, index) for degree, energy in self.dense]
        parts += [
            Target.sparse(self.d, degree, [math.sqrt(e)], self.seed(f"sparse {degree}, {index}"))
            for degree, e in self.sparse
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def part(self, degree: int, energy: float, index: int) -> Target:
        """The dense part of one degree of target ``index``."""
        return Target.dense(self.d, degree, energy, self.seed(f"dense {degree}, {index}"))


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
        network, x, test = self.inputs(self.samples[-1])
        labels, answers = self.labels(x), self.labels(test)
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

    A rival's targets, dense in one degree, are learned from the same inputs by the same network; their search ascends
    through the same coarse grid and is not refined. Their risks are given as shares of their mean square on the test
    points, whose scatter would hide a level close to 1. The best ridge, of :data:`RIVAL_RIDGES` for the rival, is the
    one with the smallest mean risk of the targets on the test points. That makes the predictor depend on the targets,
    and a floor holds for predictors that do not; so at ``blind`` the ridge is best for one half of the targets on one
    half of the test points, and judged by the other halves, by turns.

    Numbers: ``samples`` of the search, ``risks`` and ``ridges`` there; ``rival samples`` and ``rival risks``; and
    ``blind``, the risks at ``blind``.

    Attributes:
        first, last, factor, finest: the search ascends from ``first`` to ``last`` by ``factor`` and refines to a ratio
            of ``finest``.
        level: the risk to reach.
        rival: degree and level of the rival.
        blind: further n.
    """

    first: int
    last: int
    factor: float
    finest: float
    level: float
    rival: tuple[int, float]
    blind: tuple[int, ...] = ()

    def run(self) -> Numbers:
        network, x, test = self.inputs(max(self.last, *self.blind, 0))
        kernel = _Gram(network, x, test)
        answers, rival_answers = self.labels(test), self._rivals(test)
        energy = float(rival_answers.square().mean())
        coarse = coarse_grid(self.first, self.last, self.factor)

        @cache
        def labels(size: int) -> tuple[torch.Tensor, torch.Tensor]:
            return self.labels(x[:size]), self._rivals(x[:size])

        @cache
        def halves(n: int) -> torch.Tensor:
            """Mean risks, (ridges, half of the test points, half of the targets)."""
            values, vectors = torch.linalg.eigh(kernel.at(n)[0])
            y = labels(kernel.size)[0][:n]
            shrunk = (vectors.T @ y)[:, None] / (values[:, None] + values.new_tensor(RIDGES))[:, :, None]
            found = kernel.at(n)[1] @ (vectors @ shrunk.reshape(n, -1))
            errors = found.reshape(TEST_POINTS, len(RIDGES), self.targets) - answers[:, None]
            shape = (2, TEST_POINTS // 2, len(RIDGES), 2, self.targets // 2)
            return errors.square().reshape(shape).mean(dim=(1, 4)).movedim(1, 0)

        def means(n: int) -> torch.Tensor:
            return halves(n).mean(dim=(1, 2))

        def rival(n: int) -> float:
            (gram, cross), y = kernel.at(n), labels(kernel.size)[1][:n]
            found = []
            for ridge in RIVAL_RIDGES:
                fit = cross @ solve_shifted(gram, y, ridge)
                found.append(float((fit - rival_answers).square().mean()))
            return min(found) / energy

        (own,) = bracket(lambda n, _: [float(means(n).min())], 1, coarse, self.level, self.finest)
        (others,) = bracket(lambda n, _: [rival(n)], 1, coarse, self.rival[1], self.factor)
        return {
            "samples": [n for n, _ in own],
            "risks": [risk for _, risk in own],
            "ridges": [RIDGES[int(means(n).argmin())] for n, _ in own],
            "rival samples": [n for n, _ in others],
            "rival risks": [risk for _, risk in others],
            "blind": [_blind(halves(n)) for n in self.blind],
        }

    def _rivals(self, points: torch.Tensor) -> torch.Tensor:
        """Labels of the rival's targets, (points, targets)."""
        degree, _ = self.rival
        return torch.stack([self.part(degree, 1.0, index)(points) for index in range(self.targets)], dim=1)


class _Gram:
    """Gram matrices of the first n inputs, extended when a larger n is asked for, by at least as much again.

    Each extension evaluates the features of the test points anew, so it begins with :data:`_Gram.LEAST` inputs.
    """

    LEAST = 128

    def __init__(self, network: TwoLayerNetwork, x: torch.Tensor, test: torch.Tensor) -> None:
        self._network, self._x, self._test = network, x, test
        self._gram, self._cross = x.new_empty(0, 0), x.new_empty(len(test), 0)

    @property
    def size(self) -> int:
        """The largest n so far."""
        return len(self._gram)

    def at(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Gram matrix (n, n) and cross Gram matrix (test, n)."""
        if (known := self.size) < n:
            size = min(max(n, 2 * known, self.LEAST), len(self._x))
            rows = ntk_gram(self._network, self._x[known:size], self._x[:size])
            self._gram = torch.cat([torch.cat([self._gram, rows[:, :known].T], dim=1), rows])
            columns = ntk_gram(self._network, self._test, self._x[known:size])
            self._cross = torch.cat([self._cross, columns], dim=1)
        return self._gram[:n, :n], self._cross[:, :n]


def _blind(tried: torch.Tensor) -> float:
    """Mean over both turns of the risk of one half of points and targets at the ridge that is best for the other."""
    turns = [tried[int(tried[:, 1 - half, 1 - half].argmin()), half, half] for half in (0, 1)]
    return float(torch.stack(turns).mean())
