"""How the cells of :mod:`verify.cells.training` are computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.models import ModelName
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import Adam, GradientDescent, Method
from numerics.sampling import generator, sphere
from numerics.shifted import solve_shifted
from numerics.targets import Target
from numerics.terms.weights import PenaltyWeights
from numerics.train import small_start, train
from numerics.trajectory import Trajectory
from theory import Activation
from verify.cells.training import TEST_POINTS, WAYS, Arm, Draws, Training, Weights, mean_square

Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""A risk of outputs against answers on test points, over the last axis."""


def training_prepare(cell: Training, labels: Sequence[str], n: int) -> Draws:
    """Networks, n training inputs each, and :data:`TEST_POINTS` test inputs."""
    network = TwoLayerNetwork(
        cell.d,
        cell.m,
        Activation.parse(cell.activation),
        [cell.drawn("network", label) for label in labels],
        dtype=getattr(torch, cell.precision),
        device=cell.device,
    )
    targets = tuple(cell._target(label) for label in labels)
    x, test = (
        torch.stack(
            [sphere(count, cell.d, math.sqrt(cell.d), generator(cell.drawn(name, label))) for label in labels]
        ).to(network.w)
        for name, count in (("data", n), ("test", TEST_POINTS))
    )
    y, answers = (torch.stack([f(part) for f, part in zip(targets, inputs, strict=True)]) for inputs in (x, test))
    return Draws(tuple(labels), network, targets, x, y, test, answers)


def training_target(cell: Training, label: str) -> Target:
    """The target of one draw."""
    dense = Target.dense(cell.d, cell.k, 1.0, cell.drawn("dense", label))
    sparse = Target.sparse(cell.d, cell.k + 1, [1.0], cell.drawn("sparse", label))
    return {"joint": dense + sparse, "dense": dense, "sparse": sparse}[cell.target]


def training_begin(cell: Training, draws: Draws, scale: float | None = None) -> torch.Tensor:
    """Starts of a scale, ``cell.start`` when None, each with its own noise, (B, m, d)."""
    members, scale = enumerate(draws.labels), cell.start if scale is None else scale
    return torch.stack(
        [small_start(draws.network.member(i), scale, cell.drawn("start", label)) for i, label in members]
    )


def training_objective(cell: Training, draws: Draws, arm: Arm, weights: Weights) -> Objective:
    """The loss that an arm minimises."""
    way, y = WAYS[arm], draws.y
    directions: GoodDirections | None = None
    if way.modes is not None:
        directions = GoodDirections(draws.network, cell.k)
        if way.directions == "random":
            directions = directions.random_subspace(cell.drawn("blind", draws.labels[0]))
    if arm == "permuted_labels":
        n = y.shape[-1]
        orders = [torch.randperm(n, generator=generator(cell.drawn("order", label))) for label in draws.labels]
        y = torch.stack([row[order.to(row.device)] for row, order in zip(y, orders, strict=True)])
    penalty, capacity = weights
    chosen = PenaltyWeights(r1=penalty, r3=penalty, r4=capacity if way.penalised else 0.0, r1_modes=way.modes or ())
    model: ModelName = "quadratic" if arm == "quadntk" else cell.model
    return Objective(draws.network, draws.x, y / way.scale, chosen, directions, model, cell.loss)


def training_learn(cell: Training, draws: Draws, arm: Arm, weights: Weights) -> Trajectory:
    """Train one arm on every draw; records at half the steps and at the end, in units of the arm's scale."""
    scale, half = WAYS[arm].scale, max(1, cell.steps // 2)
    method: Method = GradientDescent(remeasure=half) if cell.method == "descent" else Adam(cell.rate / scale)
    objective, test = cell.objective(draws, arm, weights), (draws.test, draws.answers / scale)
    return train(objective, cell.begin(draws) / scale, method, cell.steps, half, test=test)


def kernel_risks(draws: Draws, ridges: Sequence[float], measure: Measure = mean_square) -> list[list[float]]:
    """Test risks of ridge regression with each network's NTK: a row for each draw, a number for each ridge.

    ``measure`` maps outputs and answers on the test points to a risk.

    In double precision, on Gram matrices in the networks' own. Cost: n^3/3 multiplications for each draw and ridge.
    """
    rows = []
    for i in range(len(draws.labels)):
        network, x, test = draws.network.member(i), draws.x[i], draws.test[i]
        gram, cross = ntk_gram(network, x).double(), ntk_gram(network, test, x).double()
        y, answers = draws.y[i].double(), draws.answers[i].double()
        row = []
        for ridge in ridges:
            coefficients = solve_shifted(gram, y[:, None], ridge)[:, 0]
            row.append(float(measure(cross @ coefficients, answers)))
        rows.append(row)
    return rows
