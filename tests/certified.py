"""Small random problems for lower bounds, and how low their losses are found to go."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch

from numerics.certificate import improvement
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.weights import R1_MODES, PenaltyWeights
from theory import Activation

ACTIVATIONS = ("sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)")
RESTARTS = 20


@dataclass(frozen=True)
class Small:
    """Problem ``number``: model, loss, penalties, sizes and labels drawn from it alone."""

    number: int

    @property
    def draw(self) -> random.Random:
        return random.Random(f"small problem {self.number}")

    def objective(self, copies: int = 0) -> Objective:
        """The loss of one network, or of a batch of ``copies`` equal ones."""
        draw, gen = self.draw, generator(self.number)
        d, m, n = draw.choice((3, 4)), draw.choice((4, 6, 8)), draw.choice((4, 8, 12))
        model = draw.choice(("taylor", "taylor", "quadratic", "quadratic", "linear"))
        loss = draw.choice(("squared", "squared", "squared", "huber", "logistic", "log-cosh"))
        modes = tuple(mode for mode in R1_MODES if draw.random() < 0.5)
        r1, r3 = draw.choice((0.0, 0.3, 1.0)), draw.choice((0.0, 0.0, 1.0))
        weights = PenaltyWeights(r1, 1.0, r3, draw.choice((1e-3, 1e-2, 1e-1)), modes, draw.choice((4, 4, 8)))
        seed = [self.number] * copies if copies else self.number
        network = TwoLayerNetwork(d, m, Activation.parse(draw.choice(ACTIVATIONS)), seed)
        x, unlabeled = (sphere(count, d, math.sqrt(d), gen) for count in (n, 5))
        y = draw.choice((0.5, 2.0)) * torch.randn(n, generator=gen, dtype=torch.float64)
        y = y.sign() if loss == "logistic" else y
        good = GoodDirections(network, 0 if m * d < 2 * (d + 1) else 1) if draw.random() < 0.7 else None
        return Objective(network, x, y, weights, good, model, loss, unlabeled)

    def start(self, scale: float = 1.0) -> torch.Tensor:
        """A displacement that is no minimiser."""
        network = self.objective().network
        noise = torch.randn(network.w.shape, generator=generator(self.number + 10**6), dtype=torch.float64)
        return scale * self.draw.choice((0.1, 1.0, 3.0)) * noise / math.sqrt(network.m)


def descended(objective: Objective, starts: torch.Tensor, iterations: int = 200) -> torch.Tensor:
    """Displacements where L-BFGS ends, one for each network of a batch."""

    def evaluate(W: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        parts, gradient = objective.value_and_gradient(W)
        return parts.total, gradient

    return improvement.descend(evaluate, starts, iterations)


def lowest_loss(problem: Small) -> float:
    """The least loss over some restarts from small, middling and large random displacements."""
    objective = problem.objective(RESTARTS)
    shape = objective.network.w.shape
    scales = torch.logspace(-2, 1, RESTARTS, dtype=torch.float64)[:, None, None] / math.sqrt(shape[-2])
    starts = scales * torch.randn(shape, generator=generator(problem.number + 10**7), dtype=torch.float64)
    return float(objective.value_and_gradient(descended(objective, starts))[0].total.min())
