r"""The data term (1/n) sum_i loss(f(x_i), y_i), through the model's slopes in the products <D_r, x> and <S_r, x>."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.blocks import Block
from numerics.losses import Loss
from numerics.models import Model
from numerics.terms.pairs import Products, SingleNeurons

Reduce = Callable[[torch.Tensor], torch.Tensor]
"""Adds the neurons that other processes keep."""


@dataclass(frozen=True, eq=False)
class Expansion:
    """The data term on a block of inputs, to second order in p and q.

    Attributes:
        slope_p, slope_q: of f(x_i) over ``scale``, (..., b, m/2). scale: of both. second: loss''/n times ``scale``,
            (..., b, 1). pure, mixed: loss'/n times the curvatures of f(x_i), (..., b, m/2), or zeros of shape ().
    """

    slope_p: torch.Tensor
    slope_q: torch.Tensor
    scale: float
    second: torch.Tensor
    pure: torch.Tensor
    mixed: torch.Tensor

    def change(self, moves: Products) -> torch.Tensor:
        """By how much f(x_i) changes along the moves of p and q, over the neurons kept here, (..., b)."""
        return (self.slope_p * moves.p).addcmul_(self.slope_q, moves.q).sum(-1) * self.scale

    def tangent(self, change: torch.Tensor, moves: Products, slopes: Products) -> None:
        """Write to ``slopes`` by how much the slopes of the data term change.

        ``change`` is that of f(x_i) over all neurons, (..., b).
        """
        factor = self.second * change[..., None]
        for slope, own, other, out in (
            (self.slope_p, moves.p, moves.q, slopes.p),
            (self.slope_q, moves.q, moves.p, slopes.q),
        ):
            torch.mul(slope, factor, out=out)
            if self.pure.ndim:
                out.addcmul_(self.pure, own)
            if self.mixed.ndim:
                out.addcmul_(self.mixed, other)


@dataclass(frozen=True, eq=False)
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

    def curvature(self, rows: slice, outputs: torch.Tensor) -> torch.Tensor:
        """loss''(f(x_i), y_i) for a block of inputs, (..., b, 1)."""
        return self.loss.second(outputs, self.y[..., rows])[..., None]

    def expand(self, rows: slice, block: Block, products: Products, reduce: Reduce) -> Expansion:
        """The term around these products to second order, the neurons kept elsewhere added by ``reduce``."""
        curves = self.model.expand(block, products.p, products.q)
        output, scale = reduce(curves.output), curves.slope_scale
        first = self.derivative(rows, output) * (curves.curvature_scale / self.n)
        pure, mixed = (
            one if one.ndim == 0 else one * first if one is block.second else one.mul_(first)
            for one in (curves.pure, curves.mixed)
        )
        second = self.curvature(rows, output) * (scale / self.n)
        return Expansion(curves.slope_p, curves.slope_q, scale, second, pure, mixed)

    def tilted(self, rows: slice, block: Block, slopes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(1/n) sum_i g_i f(x_i) for a Taylor model: the coefficients of p_ir and of p_ir q_ir, each (..., b, m/2).

        With g_i a slope of the loss, ``slopes`` of shape (..., n), this less the mean of the conjugate lies below the
        data term. A coefficient that is zero throughout may be a zero of shape ().
        """
        weights = slopes[..., rows, None] / self.n
        first, second = self.model.coefficients(block)
        linear, mixed = (one * weights if one.ndim else one for one in (first, second))
        return linear, mixed

    def conjugate(self, slopes: torch.Tensor) -> torch.Tensor:
        """The mean of the loss's conjugate at the slopes, (..., n), of shape batch."""
        return self.loss.conjugate(slopes, self.y).mean(-1)

    def sign_variation(
        self, rows: slice, block: Block, products: Products, alone: SingleNeurons, moves: list[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """The block's share of the mean second variation over signs, a summand for each copy of the neurons.

        With f_i = f(x_i), first (1/n) sum_i loss'(f_i) sum_r d_r^2 f_i, then (1/n) sum_i loss''(f_i) sum_r (d_r f_i)^2,
        where d_r moves neuron r alone.
        """
        p, q = products.p, products.q
        curves = self.model.expand(block, p, q)
        output, label = curves.output, self.y[rows]
        first = self.loss.first(output, label) * curves.curvature_scale
        second = self.loss.second(output, label) * curves.slope_scale**2
        slopes, curvatures = [], []
        for copy, h in zip(alone.copies, moves, strict=True):
            squares, direction = h.square(), copy.sign * curves.slope_p + curves.slope_q  # p moves by sign h, q by h
            curvatures.append(second @ torch.linalg.vecdot(direction.square(), squares) / self.n)
            slopes.append(first @ (2 * (curves.pure + copy.sign * curves.mixed) * squares).sum(-1) / self.n)
        return slopes, curvatures
