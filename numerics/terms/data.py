r"""The data term (1/n) sum_i loss(f(x_i), y_i), through the model's slopes in the products <D_r, x> and <S_r, x>."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.blocks import Block
from numerics.losses import Loss
from numerics.models import Model
from numerics.terms.pairs import Products, SingleNeurons


@dataclass(frozen=True)
class DataTerm:
    """(1/n) sum_i loss(f(x_i), y_i).

    Attributes:
        loss: with its first two derivatives. model: f as a function of the products. y: labels, (..., n).
    """

    loss: Loss
    model: Model
    y: torch.Tensor

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.y.shape[-1]

    def value(self, outputs: torch.Tensor) -> torch.Tensor:
        """The mean loss of the outputs f(x_i), (..., n)."""
        return self.loss.value(outputs, self.y).mean(-1)

    def forward(self, block: Block, products: Products) -> tuple[torch.Tensor, Products]:
        """Outputs over the neurons kept here, (..., b), and their slopes in p and q.

        To save memory the slopes take the place of the products: p's slope is written over q, and q's over p.
        """
        output, slope_p, slope_q = self.model.evaluate(block, products.p, products.q, overwrite=True)
        return output, Products(slope_p, slope_q, products.g)

    def derivative(self, rows: slice, outputs: torch.Tensor) -> torch.Tensor:
        """loss'(f(x_i), y_i) for a block of inputs, (..., b, 1)."""
        return self.loss.first(outputs, self.y[..., rows])[..., None]

    def tangent(
        self, rows: slice, outputs: torch.Tensor, d_outputs: torch.Tensor, slopes: Products, d_slopes: Products
    ) -> Products:
        """How the slopes of the data term in p and q move along a displacement.

        Args:
            rows: of the block.
            outputs: f(x_i), (..., b).
            d_outputs: their derivative along the displacement.
            slopes: of f in p and q.
            d_slopes: how they move.
        """
        y = self.y[..., rows]
        first = self.loss.first(outputs, y)[..., None] / self.n
        d_first = (self.loss.second(outputs, y) * d_outputs)[..., None] / self.n
        return Products(slopes.p * d_first + d_slopes.p * first, slopes.q * d_first + d_slopes.q * first)

    def sign_variation(
        self, rows: slice, block: Block, products: Products, alone: SingleNeurons, moves: list[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """The block's share of the mean second variation over signs, a summand for each copy of the neurons.

        With f_i = f(x_i), first (1/n) sum_i loss'(f_i) sum_r d_r^2 f_i, then (1/n) sum_i loss''(f_i) sum_r (d_r f_i)^2,
        where d_r moves neuron r alone.
        """
        p, q = products.p, products.q
        output, slope_p, slope_q = self.model.evaluate(block, p, q)
        label = self.y[rows]
        first, second = self.loss.first(output, label), self.loss.second(output, label)
        slopes, curvatures = [], []
        for copy, h in zip(alone.copies, moves, strict=True):
            _, tangent_p, tangent_q = self.model.tangent(block, p, q, copy.sign * h, h)
            change = (copy.sign * slope_p + slope_q) * h
            curvatures.append(second @ change.square().sum(-1) / self.n)
            slopes.append(first @ torch.linalg.vecdot(copy.sign * tangent_p + tangent_q, h) / self.n)
        return slopes, curvatures
