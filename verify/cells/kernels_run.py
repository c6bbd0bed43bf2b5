"""How the cells of :mod:`verify.cells.kernels` are computed."""

from __future__ import annotations

import math
from functools import cache

import torch

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.shifted import solve_shifted
from numerics.targets import Target
from theory import Activation
from verify.cells.kernels import RIDGES, RIVAL_RIDGES, TEST_POINTS, RidgeCurve, SamplesToRisk, _Regression
from verify.cells.search import Points, bracket, coarse_grid
from verify.running.experiment import Numbers


def regression_inputs(cell: _Regression, points: int) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    """Network, inputs (points, d) and test inputs."""
    sigma = Activation.parse(cell.activation)
    network = TwoLayerNetwork(cell.d, cell.m, sigma, cell.seed("network"), device=cell.device)
    gen = generator(cell.seed("data"))
    x, test = (sphere(count, cell.d, math.sqrt(cell.d), gen).to(network.w) for count in (points, TEST_POINTS))
    return network, x, test


def regression_labels(cell: _Regression, points: torch.Tensor) -> torch.Tensor:
    """Labels (points, targets)."""
    return torch.stack([cell.target(index)(points) for index in range(cell.targets)], dim=1)


def regression_target(cell: _Regression, index: int) -> Target:
    """Target ``index``: a sum of harmonics of exactly the stated energies."""
    parts = [cell.part(degree, energy, index) for degree, energy in cell.dense]
    parts += [
        Target.sparse(cell.d, degree, [math.sqrt(e)], cell.seed(f"sparse {degree}, {index}"))
        for degree, e in cell.sparse
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def regression_part(cell: _Regression, degree: int, energy: float, index: int) -> Target:
    """The dense part of one degree of target ``index``."""
    return Target.dense(cell.d, degree, energy, cell.seed(f"dense {degree}, {index}"))


def ridge_curve(cell: RidgeCurve) -> Numbers:
    """The numbers of a :class:`RidgeCurve`."""
    network, x, test = cell.inputs(cell.samples[-1])
    labels, answers = cell.labels(x), cell.labels(test)
    gram, cross = ntk_gram(network, x), ntk_gram(network, test, x)
    risks, training, kappas = ([[0.0] * len(cell.samples) for _ in cell.ridges] for _ in range(3))
    for row, ridge in enumerate(cell.ridges):
        for column, n in enumerate(cell.samples):
            shifted = gram[:n, :n] + ridge * torch.eye(n, dtype=gram.dtype, device=gram.device)
            factor = torch.linalg.cholesky(shifted)
            coefficients = torch.cholesky_solve(labels[:n], factor)
            risks[row][column] = float((cross[:, :n] @ coefficients - answers).square().mean())
            training[row][column] = ridge**2 * float(coefficients.square().mean())
            kappas[row][column] = 1 / float(torch.cholesky_inverse(factor).diagonal().sum())
    return {"risks": risks, "training": training, "kappas": kappas}


def samples_to_risk(cell: SamplesToRisk) -> Numbers:
    """The numbers of a :class:`SamplesToRisk`."""
    network, x, test = cell.inputs(max(cell.last, *cell.blind, 0))
    kernel = _Gram(network, x, test)
    answers = cell.labels(test)
    coarse = coarse_grid(cell.first, cell.last, cell.factor)

    @cache
    def labels(size: int) -> torch.Tensor:
        return cell.labels(x[:size])

    @cache
    def halves(n: int) -> torch.Tensor:
        """Mean risks, (ridges, half of the test points, half of the targets)."""
        values, vectors = torch.linalg.eigh(kernel.at(n)[0])
        y = labels(kernel.size)[:n]
        shrunk = (vectors.T @ y)[:, None] / (values[:, None] + values.new_tensor(RIDGES))[:, :, None]
        found = kernel.at(n)[1] @ (vectors @ shrunk.reshape(n, -1))
        errors = found.reshape(TEST_POINTS, len(RIDGES), cell.targets) - answers[:, None]
        shape = (2, TEST_POINTS // 2, len(RIDGES), 2, cell.targets // 2)
        return errors.square().reshape(shape).mean(dim=(1, 4)).movedim(1, 0)

    def means(n: int) -> torch.Tensor:
        return halves(n).mean(dim=(1, 2))

    (own,) = bracket(lambda n, _: [float(means(n).min())], 1, coarse, cell.level, cell.finest)
    found = {
        "samples": [n for n, _ in own],
        "risks": [risk for _, risk in own],
        "ridges": [RIDGES[int(means(n).argmin())] for n, _ in own],
        "blind": [_blind(halves(n)) for n in cell.blind],
    }
    if cell.rival is None:
        return found
    others = _rival_points(cell, kernel, x, test, cell.rival)
    return {**found, "rival samples": [n for n, _ in others], "rival risks": [risk for _, risk in others]}


def _rival_points(
    cell: SamplesToRisk, kernel: _Gram, x: torch.Tensor, test: torch.Tensor, rival: tuple[int, float]
) -> Points:
    """The search for the rival's level, at the best of :data:`RIVAL_RIDGES`."""
    degree, level = rival

    @cache
    def labels(size: int) -> torch.Tensor:
        return _rival_labels(cell, degree, x[:size])

    answers = _rival_labels(cell, degree, test)
    energy = float(answers.square().mean())

    def risk(n: int) -> float:
        (gram, cross), y = kernel.at(n), labels(kernel.size)[:n]
        fits = (cross @ solve_shifted(gram, y, ridge) for ridge in RIVAL_RIDGES)
        return min(float((fit - answers).square().mean()) for fit in fits) / energy

    (points,) = bracket(lambda n, _: [risk(n)], 1, coarse_grid(cell.first, cell.last, cell.factor), level, cell.factor)
    return points


def _rival_labels(cell: SamplesToRisk, degree: int, points: torch.Tensor) -> torch.Tensor:
    """Labels of the rival's targets, dense in one degree, (points, targets)."""
    return torch.stack([cell.part(degree, 1.0, index)(points) for index in range(cell.targets)], dim=1)


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
