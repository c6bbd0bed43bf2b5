r"""R4 = \|W\|_{2,4} to the power 4 or 8: the capacity of f_Q, a function of the lengths of the rows W_r alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.network import TwoLayerNetwork


def sum_of_fourth_powers(W: torch.Tensor) -> torch.Tensor:
    r"""\|W\|_{2,4}^4 = sum_r \|W_r\|^4 over the rows of W, shape (..., m, d); of shape (...)."""
    return W.square().sum(-1).square().sum(-1)


@dataclass(frozen=True)
class R4:
    r"""\|W\|_{2,4}^power.

    Attributes:
        weight: l4. power: 4 or 8. network: adds the neurons that are kept elsewhere.
    """

    weight: float
    power: int
    network: TwoLayerNetwork

    def add_gradient(self, W: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Add the weighted gradient in W; returns the unweighted value, of shape batch."""
        squares = W.square().sum(-1)
        fourth = self._fourth(squares)
        gradient.addcmul_(self._factors(squares, fourth)[..., None], W, value=self.weight)
        return fourth if self.power == 4 else fourth.square()

    def add_hessian_product(self, W: torch.Tensor, V: torch.Tensor, product: torch.Tensor) -> None:
        """Add the weighted product of the Hessian at W with V."""
        squares, changes = W.square().sum(-1), 2 * (W * V).sum(-1)  # |W_r|^2 and its derivative along V
        fourth = self._fourth(squares)
        product.addcmul_(self._factors(squares, fourth)[..., None], V, value=self.weight)
        if self.power == 4:
            tangents = 4 * changes
        else:
            d_fourth = self.network.reduce(2 * (squares * changes).sum(-1))
            tangents = 8 * (d_fourth[..., None] * squares + fourth[..., None] * changes)
        product.addcmul_(tangents[..., None], W, value=self.weight)

    def sign_variation(self, W: torch.Tensor, V: torch.Tensor) -> torch.Tensor:
        """The mean second variation at W along V over random signs of the rows of V, weighted. One network."""
        squares, products = W.square().sum(1), (W * V).sum(1)
        fourth = 8 * products.square() + 4 * squares * V.square().sum(1)
        result = fourth.sum()
        if self.power == 8:
            result = 2 * squares.square().sum() * result + 2 * (4 * squares * products).square().sum()
        return self.weight * result

    def _fourth(self, squares: torch.Tensor) -> torch.Tensor:
        return self.network.reduce(squares.square().sum(-1))

    def _factors(self, squares: torch.Tensor, fourth: torch.Tensor) -> torch.Tensor:
        """The factor of each row W_r in the gradient."""
        return 4 * squares if self.power == 4 else 8 * fourth[..., None] * squares
