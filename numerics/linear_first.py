r"""The pass over the training inputs when R1 acts through the directions of their own Jacobian.

There the part of the linear term outside the good directions is a projection of its values at the training inputs,

.. math:: f_L(X; P_{>k} W) = (I - U U^T) f_L(X; W) ,

so f_L(X; W) is formed over all inputs before any slope of the loss is. It gives the coordinates c = S^{-1} U^T f_L,
and a slope in c is one in f_L(X; W). Of the four products of n x d x m/2 of a gradient, two for <D, x> and <S, x> and
two for what is added to the gradient, none is done twice: projecting costs products of n x n_k with a vector alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from numerics.blocks import Blocks, accumulate, joined
from numerics.jacobian import Jacobian
from numerics.network import TwoLayerNetwork
from numerics.terms.data import DataTerm
from numerics.terms.pairs import PairGradient, Pairs, Products
from numerics.terms.penalty import PairPenalty


class LinearFirst:
    """Value and gradient of the data term, of R1 on the training inputs and of R1 on other inputs.

    Args:
        network: at its initialisation.
        blocks: the training inputs.
        data: the data term.
        jacobian: the good directions, of the Jacobian at the same inputs.
        weight: of R1 on the training inputs; None where it is not in the loss.

    Cost: 2 n m d multiplications, and those of the other forms of R1. Memory: n m / 2 numbers for <D, x>.
    """

    def __init__(
        self, network: TwoLayerNetwork, blocks: Blocks, data: DataTerm, jacobian: Jacobian, weight: float | None
    ) -> None:
        self._network, self._blocks, self._data = network, blocks, data
        self._jacobian, self._weight = jacobian, weight
        self._along: list[torch.Tensor] = []
        """<D, x> of each block, overwritten by the next pass: memory that is taken once."""

    def __call__(
        self, W: torch.Tensor, forms: Sequence[PairPenalty]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], PairGradient]:
        """The data term, the penalties by name, and the weighted gradient of all of them."""
        network, data, n = self._network, self._data, self._data.n
        at = Pairs(W, None)
        linear = self._linear(at.difference)
        at.coordinates = self._jacobian.along(linear)
        gradient = PairGradient(at, None, crossed=False)
        values = {form.name: form.add_gradient(at, gradient) for form in forms}
        slope = n * self._jacobian.pulled(gradient.coordinates) if forms else None  # else there is no gradient in c
        if self._weight is not None:
            outside = self._jacobian.outside(linear)
            values["r1_training"] = outside.square().mean(-1)
            own = outside * (2 * self._weight)
            slope = own if slope is None else slope + own
        outputs: list[torch.Tensor] = []
        half = at.difference.shape[-2]
        for (rows, block), along in zip(self._blocks, self._along, strict=True):
            product = along.new_empty(*along.shape[:-1], 2 * half)
            q, p = product.split(half, dim=-1)
            torch.matmul(block.x, at.total.mT, out=q)
            p.copy_(along)
            output, slopes = data.forward(block, Products(p, q))
            output = network.reduce(output)
            outputs.append(output)
            product *= data.derivative(rows, output)
            if slope is not None:
                slopes.p.addcmul_(block.first, slope[..., rows, None])
            accumulate(gradient.stacked, product, block.x, 1 / n)
        return data.value(joined(outputs)), values, gradient

    def _linear(self, difference: torch.Tensor) -> torch.Tensor:
        """f_L(X; W), (..., n), from D; keeps <D, x>."""
        parts, kept = [], self._along
        self._along = []
        for i, (_, block) in enumerate(self._blocks):
            shape = (*difference.shape[:-2], block.x.shape[-2], difference.shape[-2])
            along = kept[i] if i < len(kept) and kept[i].shape == shape else difference.new_empty(shape)
            torch.matmul(block.x, difference.mT, out=along)
            self._along.append(along)
            parts.append(torch.linalg.vecdot(block.first, along))
        return self._network.reduce(joined(parts))
