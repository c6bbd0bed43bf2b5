"""Small objectives that several tests share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import references
import torch

from numerics import blocks
from numerics.directions import GoodDirections
from numerics.models import ModelName
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.targets import Target
from numerics.terms.weights import R1_MODES, PenaltyWeights
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
D, M, N, N_U, K = 5, 12, 30, 20, 1
"""Of :class:`Problem`: dimension, width, inputs, inputs without labels, low degree."""
KINKS = {"absolute": 0.0, "huber": 1.0, "hinge": 0.0}
"""Distance of the residual, or of 1 - y f, from zero at which a derivative of the loss jumps."""


def blocks_of(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of at most so many preactivations of distinct neurons, but of one row at least."""
    monkeypatch.setitem(blocks.BLOCK_NUMBERS, "cpu", numbers)
    monkeypatch.setattr("numerics.memory.BLOCK_ROWS", 1)


def weights(modes: tuple[str, ...] = R1_MODES, power: int = 4) -> PenaltyWeights:
    """All regularisers at comparable sizes, but R2 with a weight that would show the least of it."""
    return PenaltyWeights(1.3, 1e6, 0.7, 0.05, modes, power)


@dataclass
class Problem:
    """A network with inputs, in ``dtype`` on ``device``, and the same as rounded in double precision on the CPU."""

    network: TwoLayerNetwork
    directions: GoodDirections
    x: torch.Tensor
    y: torch.Tensor
    unlabeled: torch.Tensor
    W: torch.Tensor

    @staticmethod
    def of(device: str = "cpu", dtype: torch.dtype = torch.float64, signs: bool = False) -> Problem:
        network = TwoLayerNetwork(D, M, SIGMA, seed=1, dtype=dtype, device=device)
        gen = generator(2)
        x, unlabeled = (sphere(n, D, math.sqrt(D), gen).to(network.w) for n in (N, N_U))
        y, W = (torch.randn(shape, generator=gen, dtype=torch.float64).to(network.w) for shape in ((N,), (M, D)))
        return Problem(network, GoodDirections(network, K), x, y.sign() if signs else y, unlabeled, 0.3 * W)

    def objective(self, w: PenaltyWeights, **options: object) -> Objective:
        options = {"directions": self.directions, "unlabeled": self.unlabeled, **options}
        return Objective(self.network, self.x, self.y, w, **options)

    def twins(self, model: str, loss: str, W: torch.Tensor, directions: bool = True) -> list[dict[str, torch.Tensor]]:
        """The parts at W by definition, for R4 to the powers 4 and 8."""
        exact = references.exact(self.network)
        x, y, unlabeled = (t.double().cpu() for t in (self.x, self.y, self.unlabeled))
        good = {}
        if directions:
            P, sigma = references.projection(references.span(exact, K)), references.covariance(exact)
            good = {"projection": P, "sigma": sigma, "unlabeled": unlabeled}
        return [references.objective_parts(exact, x, y, W, model, loss, power, **good) for power in (4, 8)]

    def smooth(self, model: str, loss: str, margin: float) -> bool:
        """Whether every prediction is further than ``margin`` from a kink of the loss."""
        exact, x, y, W = references.exact(self.network), *(t.double().cpu() for t in (self.x, self.y, self.W))
        f = references.predict(exact, model, x, W)
        distance = 1 - y * f if loss == "hinge" else f - y
        return loss not in KINKS or float((distance.abs() - KINKS[loss]).abs().min()) > margin

    def rounding(self) -> float:
        """Relative to the sum of the parts' moduli.

        Sums of d terms for products with x, of m over neurons, of n over inputs, of m d and n_k for P and Sigma, each
        twice, with a dozen operations between; P moves by the root of the condition number of the span's Gram matrix.
        """
        values = torch.linalg.eigvalsh(self.directions._basis.gram)
        sums = D + M + N + M * D + self.directions.dimension + 12
        return float(torch.finfo(self.x.dtype).eps) * 2 * sums * float((values[-1] / values[0]).sqrt())


def training_problem(
    model: ModelName = "network",
    seed: int | tuple[int, ...] = 1,
    weights: PenaltyWeights = PenaltyWeights(),
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
    directions: bool = True,
) -> tuple[Objective, tuple[torch.Tensor, torch.Tensor]]:
    """A target of degrees 1 and 2 to learn in d = 5 with 24 neurons from 60 inputs; and 200 test inputs with labels."""
    network = TwoLayerNetwork(5, 24, SIGMA, seed, dtype, device)
    gen = generator(2)
    x, test = (sphere(n, 5, math.sqrt(5), gen).to(network.w) for n in (60, 200))
    target = Target.dense(5, 1, 1.0, 3) + Target.sparse(5, 2, [1.0], 4)
    good = GoodDirections(network, 1) if directions else None
    return Objective(network, x, target(x), weights, good, model), (test, target(test))
