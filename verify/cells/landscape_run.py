"""How the cells of :mod:`verify.cells.landscape` are computed."""

from __future__ import annotations

import math

import torch

from numerics.constructions import joint_construction, random_signs, sparse_displacement
from numerics.curvature import Hessian, extreme_eigenvalue
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import GradientDescent
from numerics.perturbed_descent import PerturbedGradientDescent
from numerics.sampling import generator, sphere
from numerics.terms.weights import PenaltyWeights
from numerics.train import small_start, train
from numerics.variation import sign_variation
from theory import Activation
from verify.cells.landscape import AT_ONCE, REFERENCES, SHARE, QuadraticSaddle, SignCurvature
from verify.cells.optimization import SCALES
from verify.running.experiment import Numbers


def sign_curvature_measure(cell: SignCurvature, draw: int) -> dict[str, float]:
    """The numbers of one draw."""
    objective, target = cell.single(draw), cell.target(draw)
    network, x = objective.network, objective.x
    gen = generator(cell.drawn(f"signs {draw}"))
    built = joint_construction(network, target, cell.k, torch.ones(cell.m, dtype=network.dtype))
    dense, V = built.dense, built.sparse
    W = SHARE * dense + small_start(network, cell.start, cell.drawn(f"start {draw}"))
    slopes = objective.loss.first(network.forward(x, W), objective.y)
    squares = (W.square().sum(1), V.square().sum(1), (W * V).sum(1).square())
    numbers: dict[str, float] = {
        "exact": sign_variation(objective, W, V).total,
        "data": 2 * float((slopes * network.quadratic(x, V)).mean()),
        "capacity": cell.r4 * float((8 * squares[2] + 4 * squares[0] * squares[1]).sum()),
    }
    if cell.signs == 0:
        return numbers

    hessian = Hessian(objective, W)

    def curvatures(moves: torch.Tensor) -> list[float]:
        return (moves * hessian.matmul(moves)).sum((-2, -1)).tolist()

    draws = torch.stack([random_signs(cell.m, gen)[:, None].to(V) for _ in range(cell.signs)])
    constructions = dense + draws[:REFERENCES] * V
    return numbers | {
        "sampled": math.fsum(c for some in draws.split(AT_ONCE) for c in curvatures(some * V)) / len(draws),
        "coherent": curvatures(V[None])[0],
        # The neurons of the opposite target are those that V leaves at rest: a_r = -sign(alpha g).
        "opposite": sign_variation(objective, W, V.roll(cell.m // 2, 0)).total,
        "loss": float(objective.value_and_gradient(W)[0].total),
        "reference": min(float(objective.value_and_gradient(c)[0].total) for c in constructions),
    }


def quadratic_saddle(cell: QuadraticSaddle) -> Numbers:
    """The numbers of a :class:`QuadraticSaddle`."""
    network = TwoLayerNetwork(
        cell.d, cell.m, Activation.parse(cell.activation), cell.seed("network"), device=cell.device
    )
    gen = generator(cell.seed("data"))
    beta = sphere(1, cell.d, 1.0, gen)[0].to(network.w)
    x = sphere(cell.n, cell.d, math.sqrt(cell.d), gen).to(network.w)
    alpha = 1 / math.sqrt(math.prod(range(1, 2 * cell.k + 2, 2)))
    y = alpha * (x @ beta) ** (cell.k + 1)
    objective = Objective(network, x, y, PenaltyWeights(r4=cell.r4), None, "quadratic")
    joint = Objective(network, x, y, PenaltyWeights(r4=cell.r4), GoodDirections(network, cell.k), "taylor")
    zero = torch.zeros_like(network.w)

    def value(W: torch.Tensor) -> float:
        return float(objective.value_and_gradient(W)[0].total)

    still, moving = (train(loss, zero, GradientDescent(), cell.still, cell.still).W for loss in (objective, joint))
    noise = PerturbedGradientDescent(cell.radius, cell.tolerance, seed=cell.seed("noise"))
    left = train(objective, zero, noise, cell.steps, cell.steps).W
    lowest = extreme_eigenvalue(objective, zero, "smallest")
    sparse = sparse_displacement(network, beta, alpha, cell.k)
    return {
        "gradient": float(objective.value_and_gradient(zero)[1].norm()),
        "moved": float(still.norm()),
        "joint_gradient": float(joint.value_and_gradient(zero)[1].norm()),
        "joint_moved": float(moving.norm()),
        "curvature": [lowest.value, lowest.residual],
        "block": cell.block(network, x, y, 2),
        "block_first": cell.block(network, x, y, 1),
        "zero": value(zero),
        "still_loss": value(still),
        "left": value(left),
        "reference": min(value(b * sparse) for b in SCALES),
    }


def quadratic_saddle_block(
    cell: QuadraticSaddle, network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor, order: int
) -> float:
    """Least eigenvalue over the neurons' blocks, with sigma^{(order)} in the place of sigma''."""
    (curve,) = network.activation.derivatives(x @ network.half.T, order)
    blocks = torch.einsum("i,ir,ia,ib->rab", y, curve, x, x) * (2 / (cell.n * math.sqrt(cell.m)))
    # Both copies of a neuron have the same block up to the sign a_r, so each eigenvalue comes with its negative.
    return -float(torch.linalg.eigvalsh(blocks).abs().max())
