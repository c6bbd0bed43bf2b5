r"""Mean of the second variation of the regularised loss over random signs, exactly.

For independent signs S = diag(s_r), E[s_r s_q] = 0 off the diagonal, so

.. math:: E_S \frac{d^2}{dt^2} L(W + t S V) \Big|_{t=0} = \sum_r V_r^T H_{rr} V_r

with H the Hessian at W: each neuron moves alone. The data term splits in two: (1/n) sum_i loss'(f_i) d^2 f_i, which on
the Taylor model is 2 <loss'(f), f_Q(V)>_n, and (1/n) sum_i loss''(f_i) sum_r (d_r f_i)^2 >= 0, of order m^{-1/2} along
W_Q. Derived here: docs/mathematics, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.inputs import Array, finite
from numerics.objective import Objective
from numerics.precision import full_precision


@dataclass(frozen=True)
class SignVariation:
    """E_S of the second variation along S V, weighted as in the loss.

    Attributes:
        data_slope: (1/n) sum_i loss'(f_i) d^2 f_i. data_curvature: (1/n) sum_i loss''(f_i) sum_r (d_r f_i)^2.
        r1, r3, r4: of the regularisers, zero where they are not used.
    """

    data_slope: float
    data_curvature: float
    r1: float
    r3: float
    r4: float

    @property
    def total(self) -> float:
        """Their sum."""
        return self.data_slope + self.data_curvature + self.r1 + self.r3 + self.r4


@full_precision
@torch.no_grad()
def sign_variation(objective: Objective, W: Array, V: Array) -> SignVariation:
    """E_S of the second variation of the loss at W along S V over independent signs.

    Args:
        objective: the loss of one network, with R1 in the modes "exact" and "training".
        W: where, (m, d).
        V: the displacement whose signs are drawn, (m, d).

    Raises:
        ValueError: a batch, a sharded network, the mode "unlabeled", or a W or V of another shape or not finite.

    Cost: two gradients, and with directions n m d n_k for R3, n m n_k for R1. Memory: n_k m d numbers.
    """
    network, lam, n = objective.network, objective.weights, objective.n
    network.require_single("sign_variation")
    W, V = (finite(network.check_displacement(part, name), name) for part, name in ((W, "W"), (V, "V")))
    if objective.sample is not None:
        raise ValueError("r1_modes holds 'unlabeled': needs 'exact' or 'training'")
    (plus, minus), copies = W.chunk(2), ((1.0, V.chunk(2)[0]), (-1.0, V.chunk(2)[1]))
    difference, total = plus - minus, plus + minus
    zero = torch.zeros((), dtype=W.dtype, device=W.device)
    slope, curvature, r1, r3 = zero, zero, zero, zero
    basis = good = None
    moves: list[torch.Tensor] = []
    if objective.directions is not None:
        basis = objective.directions.half_basis()  # p_j, (n_k, m/2, d)
        good = objective.directions.half_combine(objective.directions.half_coordinates(difference))
        # Coordinates of the displacement of one neuron alone, (n_k, m/2) for each copy.
        moves = [sign * torch.einsum("jrd,rd->jr", basis, move) for sign, move in copies]

    for rows, block in objective.blocks():
        p, q = block.x @ difference.T, block.x @ total.T
        output, slope_p, slope_q = objective.engine.evaluate(block, p, q)
        label = objective.y[rows]
        error, bend = objective.loss.first(output, label), objective.loss.second(output, label)
        if objective.r3 and good is not None and basis is not None:
            g, bent = block.x @ good.T, 2 * block.curve * q
            overlap = torch.linalg.vecdot(bent, g)
            along = torch.stack([torch.linalg.vecdot(bent, block.x @ one.T) for one in basis], dim=-1)
        for copy, (sign, move) in enumerate(copies):
            h = block.x @ move.T
            _, tangent_p, tangent_q = objective.engine.tangent(block, p, q, sign * h, h)
            first = (sign * slope_p + slope_q) * h
            curvature = curvature + bend @ first.square().sum(-1) / n
            slope = slope + error @ torch.linalg.vecdot(sign * tangent_p + tangent_q, h) / n
            if objective.features is not None:
                leak = sign * block.first * h - objective.features[rows] @ moves[copy]
                r1 = r1 + 2 * lam.r1 * leak.square().sum() / n
            if objective.r3 and basis is not None:
                change = along @ moves[copy] + 2 * block.curve * g * h
                own = block.x @ torch.einsum("jr,jrd->rd", moves[copy], basis).T
                second = 2 * (2 * block.curve * h * own).sum(-1)
                r3 = r3 + 2 * lam.r3 * (change.square().sum() + overlap @ second) / n

    if objective.covariance is not None and basis is not None:
        image = torch.stack([objective.covariance.half_matmul(2 * one) for one in basis])
        inner = 2 * basis.flatten(1) @ image.flatten(1).T
        energy = objective.covariance.sign_energy(V)
        for (sign, move), coordinates in zip(copies, moves, strict=True):
            seen = sign * torch.einsum("jrd,rd->jr", image, move)
            energy = energy - 2 * (coordinates * seen).sum() + (coordinates * (inner @ coordinates)).sum()
        r1 = r1 + 2 * lam.r1 * energy

    squares, products = W.square().sum(1), (W * V).sum(1)
    fourth = 8 * products.square() + 4 * squares * V.square().sum(1)
    r4 = fourth.sum()
    if lam.r4_power == 8:
        r4 = 2 * squares.square().sum() * r4 + 2 * (4 * squares * products).square().sum()
    return SignVariation(*(float(part) for part in (slope, curvature, r1, r3, lam.r4 * r4)))
