r"""Mean of the second variation of the regularised loss over random signs, exactly.

For independent signs S = diag(s_r), E[s_r s_q] = 0 off the diagonal, so

.. math:: E_S \frac{d^2}{dt^2} L(W + t S V) \Big|_{t=0} = \sum_r V_r^T H_{rr} V_r

with H the Hessian at W: each neuron moves alone. The data term splits in two: (1/n) sum_i loss'(f_i) d^2 f_i, which on
the Taylor model is 2 <loss'(f), f_Q(V)>_n, and (1/n) sum_i loss''(f_i) sum_r (d_r f_i)^2 >= 0, of order m^{-1/2} along
W_Q. Derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.inputs import Array, computed, finite
from numerics.objective import Objective, objective_first
from numerics.precision import full_precision
from numerics.terms.pairs import Pairs, Products, SingleNeurons


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
        objective: the loss of one network.
        W: where, (m, d).
        V: the displacement whose signs are drawn, (m, d).

    Raises:
        ValueError: a batch, a sharded network, a W or V of another shape or not finite, or parts that overflow.

    Cost: two gradients, and with directions n m d n_k for R3, n m n_k for R1. Memory: n_k m d numbers.

    Source: docs/mathematics, :eq:`sign-variation`, :eq:`sign-variation-data`.
    """
    network = objective_first(objective).network
    network.require_single("sign_variation")
    W, V = (finite(network.check_displacement(part, name), name) for part, name in ((W, "W"), (V, "V")))
    at, alone = Pairs(W, objective.directions_in_use()), SingleNeurons(V, objective.directions_in_use())
    totals = dict.fromkeys(("slope", "curvature", "r1", "r3"), torch.zeros((), dtype=W.dtype, device=W.device))

    def add(name: str, summands: list[torch.Tensor]) -> None:
        totals[name] = sum(summands, totals[name])

    for rows, block in objective.blocks():
        products = Products(block.x @ at.difference.T, block.x @ at.total.T, block.x @ at.good.T)
        moves = [block.x @ copy.V.T for copy in alone.copies]
        slopes, curvatures = objective.data.sign_variation(rows, block, products, alone, moves)
        add("slope", slopes)
        add("curvature", curvatures)
        for term in objective.averages:
            add(term.name[:2], term.sign_variation(rows, block, products, alone, moves))
    for form in objective.forms:
        add(form.name[:2], [form.sign_variation(alone)])
    r4 = objective.r4.sign_variation(W, V)
    parts = torch.stack([*totals.values(), r4.to(W)])
    return SignVariation(*computed(parts, "the second variation", "W, V or the slopes of the loss are").tolist())
