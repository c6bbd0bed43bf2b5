r"""R3 = (1/n) sum_i f_Q(x_i; P_{<=k} W, P_{>k} W)^2: the quadratic term must not mix good directions with others.

The function inside the square is the :eq:`cross-term` at P_{<=k} W = (p, -p) and W - P_{<=k} W. Neurons come in pairs
with opposite signs a_r; with W = (W_+, W_-) and S = W_+ + W_- a pair contributes <p,x> <W_+ - p, x> + <p,x> <W_- + p,
x> = <p,x> <S,x>, so over the m/2 pairs

.. math:: f_Q(x; P_{<=k}W, P_{>k}W) = m^{-1/2}\sum_{r\le m/2} \sigma''(\langle w_r,x\rangle)
          \langle p_r,x\rangle\langle S_r,x\rangle .

In the code ``block.second`` is m^{-1/2} sigma''/2, hence the factors 2; ``products.g`` is <p_r,x> and ``products.q`` is
<S_r,x>, each (..., b, m/2) for b inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from numerics.blocks import Block
from numerics.terms.pairs import PairGradient, Pairs, Products, SingleNeurons
from numerics.terms.penalty import Pullback, TangentPullback


@dataclass(frozen=True)
class R3:
    """R3 on the training inputs.

    Attributes:
        weight: l3. n: number of inputs. name: of the value in :class:`numerics.Parts`.
    """

    weight: float
    n: int
    name: str = "r3"

    def forward(self, rows: slice, block: Block, at: Pairs, products: Products) -> tuple[torch.Tensor, Pullback]:
        """f_Q(x_i; P_{<=k} W, P_{>k} W) over the neurons kept here, (..., b)."""
        curved = block.second * products.q  # kept: the data term, whose pullback runs first, writes over q

        def pullback(crossed: torch.Tensor, slopes: Products, gradient: PairGradient) -> torch.Tensor:
            derivative = (4 * self.weight) * crossed[..., None]
            slopes.q.add_((block.second * products.g).mul_(derivative))
            torch.mul(curved, derivative, out=slopes.g)  # over g, which is not needed any more
            return crossed.square().sum(-1)

        return 2 * torch.linalg.vecdot(curved, products.g), pullback

    def tilted(self, rows: slice, block: Block, slopes: torch.Tensor) -> torch.Tensor:
        """(1/n) sum_i v_i f_Q(x_i; P_{<=k} W, P_{>k} W): the coefficients of g_ir q_ir, (..., b, m/2).

        This less :meth:`conjugate` lies below l3 R3, for all ``slopes`` v of shape (..., n).
        """
        return 2 * block.second * slopes[..., rows, None] / self.n

    def conjugate(self, slopes: torch.Tensor) -> torch.Tensor:
        """(1/n) sum_i v_i^2 / (4 l3), of shape batch."""
        return slopes.square().mean(-1) / (4 * self.weight)

    def tangent(
        self, rows: slice, block: Block, along: Pairs, products: Products, moves: Products
    ) -> tuple[list[torch.Tensor], TangentPullback]:
        """The function and its derivative along the displacement, both over the neurons kept here."""
        g, d_g = products.g, moves.g
        curved, d_curved = block.second * products.q, block.second * moves.q

        def pullback(sums: Sequence[torch.Tensor], slopes: Products, gradient: PairGradient) -> None:
            derivative, d_derivative = ((4 * self.weight / self.n) * one[..., None] for one in sums)
            slopes.q.addcmul_(block.second, (g * d_derivative).addcmul_(d_g, derivative))
            torch.mul(curved, d_derivative, out=slopes.g).addcmul_(d_curved, derivative)

        change = (curved * d_g).addcmul_(d_curved, g).sum(-1)
        return [2 * torch.linalg.vecdot(curved, g), 2 * change], pullback

    def sign_variation(
        self, rows: slice, block: Block, products: Products, alone: SingleNeurons, moves: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        """(2 l3/n) sum_i sum_r [(d_r u_i)^2 + u_i d_r^2 u_i], u_i as squared in R3. Cost: b m d n_k.

        A neuron that moves alone changes its own S_r by V_r, and p, through its coordinates, at all neurons.
        """
        g, curved = products.g, 2 * block.second * products.q
        crossed = torch.linalg.vecdot(curved, g)
        along = torch.stack([torch.linalg.vecdot(curved, block.x @ one.T) for one in alone.basis], dim=-1)
        parts = []
        for copy, h in zip(alone.copies, moves, strict=True):
            change = along @ copy.coordinates + 2 * block.second * g * h
            own = block.x @ torch.einsum("jr,jrd->rd", copy.coordinates, alone.basis).T
            d2 = 2 * (2 * block.second * h * own).sum(-1)
            parts.append((2 * self.weight) * (change.square().sum() + crossed @ d2) / self.n)
        return parts
