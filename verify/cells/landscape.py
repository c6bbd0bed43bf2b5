"""Cells of O3 and O4: the second variation over random signs, and the saddle of the QuadNTK at 0."""

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
from verify.cells.optimization import SCALES, RegularisedLoss
from verify.running.experiment import Cell, Numbers

REFERENCES = 16
"""Draws of S among which the reference is the best."""
AT_ONCE = 16
"""Draws of S to which the Hessian is applied together."""
SHARE = 0.25
"""Of W_L in W. The movement of sigma'' along W_L and the squares of the first-order changes enter the second variation
with opposite signs, both at order m^{-1/2}; near W_L/2 they cancel, and what is left would show the order after it."""


class SignCurvature(RegularisedLoss):
    r"""O3: the curvature of the loss along S W_Q over random signs S, at W = W_L/4 + a random displacement.

    Numbers, lists over the draws, with V = W_Q: ``exact``, E_S d^2/dt^2 L(W + t S V) from the diagonal blocks of the
    Hessian; ``data``, 2 <loss'(f), f_Q(V)>_n with the network's own output f; ``capacity``, what R4 adds,
    l4 sum_r (8 <W_r,V_r>^2 + 4 |W_r|^2 |V_r|^2). With ``signs`` > 0 also ``sampled``, the mean of (S V)^T H (S V) over
    draws of S; ``coherent``, V^T H V; ``opposite``, as ``exact`` along the W_Q of the opposite target; ``loss`` at W
    and ``reference``, the smallest loss of W_L + S W_Q over 16 S.

    Attributes:
        start: scale of the random displacement.
        signs: Monte-Carlo draws of S.
    """

    start: float
    signs: int

    def run(self) -> Numbers:
        rows = [self.measure(draw) for draw in range(self.draws)]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def measure(self, draw: int) -> dict[str, float]:
        """The numbers of one draw."""
        objective, target = self.single(draw), self.target(draw)
        network, x = objective.network, objective.x
        gen = generator(self.drawn(f"signs {draw}"))
        built = joint_construction(network, target, self.k, torch.ones(self.m, dtype=network.dtype))
        dense, V = built.dense, built.sparse
        W = SHARE * dense + small_start(network, self.start, self.drawn(f"start {draw}"))
        slopes = objective.loss.first(network.forward(x, W), objective.y)
        squares = (W.square().sum(1), V.square().sum(1), (W * V).sum(1).square())
        numbers: dict[str, float] = {
            "exact": sign_variation(objective, W, V).total,
            "data": 2 * float((slopes * network.quadratic(x, V)).mean()),
            "capacity": self.r4 * float((8 * squares[2] + 4 * squares[0] * squares[1]).sum()),
        }
        if self.signs == 0:
            return numbers

        hessian = Hessian(objective, W)

        def curvatures(moves: torch.Tensor) -> list[float]:
            return (moves * hessian.matmul(moves)).sum((-2, -1)).tolist()

        draws = torch.stack([random_signs(self.m, gen)[:, None].to(V) for _ in range(self.signs)])
        constructions = dense + draws[:REFERENCES] * V
        return numbers | {
            "sampled": math.fsum(c for some in draws.split(AT_ONCE) for c in curvatures(some * V)) / len(draws),
            "coherent": curvatures(V[None])[0],
            # The neurons of the opposite target are those that V leaves at rest: a_r = -sign(alpha g).
            "opposite": sign_variation(objective, W, V.roll(self.m // 2, 0)).total,
            "loss": float(objective.value_and_gradient(W)[0].total),
            "reference": min(float(objective.value_and_gradient(c)[0].total) for c in constructions),
        }


class QuadraticSaddle(Cell):
    r"""O4: (1/n) sum_i (f_Q(x_i; W) - y_i)^2 + l4 \|W\|_{2,4}^4 at and near W = 0, y = alpha <beta, x>^{k+1}.

    alpha^2 = 1/(2k+1)!!, so that y has energy about 1. Numbers:

    ``gradient``, the norm at 0; ``moved``, how far ``still`` steps of unperturbed descent lead; ``joint_gradient`` and
    ``joint_moved``, the same for f_L + f_Q; ``curvature``, (lambda_min, residual) of the Hessian at 0 by Lanczos;
    ``block``, the least eigenvalue of its blocks -2 a_r / (n sqrt m) sum_i y_i sigma''(<w_r,x_i>) x_i x_i^T, each
    diagonalised; ``block_first``, the same with sigma' in place of sigma''; ``zero``, ``still_loss`` and ``left``: the
    loss at 0, after the unperturbed and after the perturbed descent; ``reference``, the smallest loss of b W_Q.

    Attributes:
        still, steps: of unperturbed and, at most, of perturbed descent. radius, tolerance: of the noise.
    """

    activation: str
    device: str
    d: int
    m: int
    n: int
    k: int
    r4: float
    still: int
    steps: int
    radius: float
    tolerance: float

    def run(self) -> Numbers:
        network = TwoLayerNetwork(
            self.d, self.m, Activation.parse(self.activation), self.seed("network"), device=self.device
        )
        gen = generator(self.seed("data"))
        beta = sphere(1, self.d, 1.0, gen)[0].to(network.w)
        x = sphere(self.n, self.d, math.sqrt(self.d), gen).to(network.w)
        alpha = 1 / math.sqrt(math.prod(range(1, 2 * self.k + 2, 2)))
        y = alpha * (x @ beta) ** (self.k + 1)
        objective = Objective(network, x, y, PenaltyWeights(r4=self.r4), None, "quadratic")
        joint = Objective(network, x, y, PenaltyWeights(r4=self.r4), GoodDirections(network, self.k), "taylor")
        zero = torch.zeros_like(network.w)

        def value(W: torch.Tensor) -> float:
            return float(objective.value_and_gradient(W)[0].total)

        still, moving = (train(loss, zero, GradientDescent(), self.still, self.still).W for loss in (objective, joint))
        noise = PerturbedGradientDescent(self.radius, self.tolerance, seed=self.seed("noise"))
        left = train(objective, zero, noise, self.steps, self.steps).W
        lowest = extreme_eigenvalue(objective, zero, "smallest")
        sparse = sparse_displacement(network, beta, alpha, self.k)
        return {
            "gradient": float(objective.value_and_gradient(zero)[1].norm()),
            "moved": float(still.norm()),
            "joint_gradient": float(joint.value_and_gradient(zero)[1].norm()),
            "joint_moved": float(moving.norm()),
            "curvature": [lowest.value, lowest.residual],
            "block": self.block(network, x, y, 2),
            "block_first": self.block(network, x, y, 1),
            "zero": value(zero),
            "still_loss": value(still),
            "left": value(left),
            "reference": min(value(b * sparse) for b in SCALES),
        }

    def block(self, network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor, order: int) -> float:
        """Least eigenvalue over the neurons' blocks, with sigma^{(order)} in the place of sigma''."""
        (curve,) = network.activation.derivatives(x @ network.half.T, order)
        blocks = torch.einsum("i,ir,ia,ib->rab", y, curve, x, x) * (2 / (self.n * math.sqrt(self.m)))
        # Both copies of a neuron have the same block up to the sign a_r, so each eigenvalue comes with its negative.
        return -float(torch.linalg.eigvalsh(blocks).abs().max())
