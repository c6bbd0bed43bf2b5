r"""R4 = \|W\|_{2,4} to the power 4 or 8: the capacity of f_Q, a function of the squared lengths t_r = |W_r|^2 alone.

It is convex in t, so it lies above each of its tangents: l4 R4 >= <s, t> - F*(s) for every s >= 0, with the conjugate

.. math:: F^*(s) = \frac{|s|^2}{4 l_4} \ \text{(power 4)}, \qquad
          F^*(s) = 3\, l_4 \Big(\frac{|s|}{4 l_4}\Big)^{4/3} \ \text{(power 8)}.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        copies: rows that share one t_r, the sum of their squares; each half of W then consists of that many parts.
    """

    weight: float
    power: int
    network: TwoLayerNetwork
    copies: int = 1

    def products(self, W: torch.Tensor, V: torch.Tensor) -> torch.Tensor:
        """<W_r, V_r> for each row, (..., m): t_r at V = W. Rows that share one t_r have the same entry, their sum."""
        own = (W * V).sum(-1)
        if self.copies == 1:
            return own
        parts = own.unflatten(-1, (2, self.copies, -1))
        return parts.sum(-2, keepdim=True).expand_as(parts).flatten(-3)

    def slopes(self, squares: torch.Tensor) -> torch.Tensor:
        """The gradient of l4 R4 in t at t = ``squares``, (..., m)."""
        return self._factors(squares, self._fourth(squares)) * (self.weight / 2)

    def conjugate(self, s: torch.Tensor) -> torch.Tensor:
        """F*(s), of shape batch, for s >= 0 of shape (..., m).

        Source: docs/mathematics, :eq:`capacity-conjugate`.
        """
        return self.conjugate_of(self._fourth(s))

    def conjugate_of(self, square: Any) -> Any:
        """F* as a function of |s|^2, a tensor or a ball."""
        if self.power == 4:
            return square / (4 * self.weight)
        quotient = square * square / (4 * self.weight)
        return 3 * (quotient ** (1 / 3) if isinstance(square, torch.Tensor) else quotient.root(3)) / 4

    def touching(self, s: torch.Tensor) -> torch.Tensor:
        """The t >= 0 at which l4 R4 has the slope s, (..., m): the gradient of F*, the inverse of :meth:`slopes`."""
        if self.power == 4:
            return s / (2 * self.weight)
        length = (self._fourth(s).sqrt() / (4 * self.weight)) ** (2 / 3)
        return s / (4 * self.weight * length[..., None]).clamp_min(torch.finfo(s.dtype).tiny)

    def add_gradient(self, W: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Add the weighted gradient in W; returns the unweighted value, of shape batch."""
        squares = self.products(W, W)
        fourth = self._fourth(squares)
        if self.weight:
            gradient.addcmul_(self._factors(squares, fourth)[..., None], W, value=self.weight)
        return fourth if self.power == 4 else fourth.square()

    def add_hessian_product(self, W: torch.Tensor, V: torch.Tensor, product: torch.Tensor) -> None:
        """Add the weighted product of the Hessian at W with V."""
        squares, changes = self.products(W, W), 2 * self.products(W, V)  # t and its derivative along V
        fourth = self._fourth(squares)
        product.addcmul_(self._factors(squares, fourth)[..., None], V, value=self.weight)
        if self.power == 4:
            tangents = 4 * changes
        else:
            d_fourth = self.network.reduce(2 * (squares * changes).sum(-1)) / self.copies
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
        fourth = self.network.reduce(squares.square().sum(-1))
        return fourth if self.copies == 1 else fourth / self.copies

    def _factors(self, squares: torch.Tensor, fourth: torch.Tensor) -> torch.Tensor:
        """The factor of each row W_r in the gradient."""
        return 4 * squares if self.power == 4 else 8 * fourth[..., None] * squares
