r"""Displacements by pairs of neurons: the variables D, S, p and c in which the terms of the loss are written.

At antisymmetric initialisation the neurons r and r + m/2 have the same weights and opposite signs. A displacement W
with the halves W_+ and W_- is written as

    D = W_+ - W_-,   S = W_+ + W_-,   P_{<=k} W = (p, -p),   c = <b_j, W>,

each of D, S and p of shape (..., m/2, d), and c, the coordinates in the orthonormal basis b_j of the good directions,
of shape (..., n_k).
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import NamedTuple

import torch

from numerics.directions import GoodDirections

NOTHING = torch.empty(0, dtype=torch.float64, device="cpu")
"""Stands for products that no term needs."""


@lru_cache(maxsize=16)
def _signs(rows: tuple[tuple[float, float], ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return torch.tensor(rows, dtype=dtype, device=device)


def combined(halves: torch.Tensor, rows: tuple[tuple[float, float], ...]) -> torch.Tensor:
    """[s_1 A + s_2 B; t_1 A + t_2 B] of [A; B], (..., m, d), for ``rows`` ((s_1, s_2), (t_1, t_2)) of signs.

    One small product in place of a sum, a difference and their copies side by side; with signs it rounds like them.
    """
    both = halves.unflatten(-2, (2, -1)).flatten(-2)  # (..., 2, m d / 2)
    return (_signs(rows, halves.dtype, halves.device) @ both).view(halves.shape)


class Pairs:
    """A displacement in the variables D, S, c and p.

    Args:
        W: (..., m, d).
        directions: the good directions; when None, c and p are empty.

    Attributes:
        stacked: S and below it D, (..., m, d). total, difference: views of it. coordinates: c. good: p.
    """

    def __init__(self, W: torch.Tensor, directions: GoodDirections | None) -> None:
        self.stacked = combined(W, ((1.0, 1.0), (1.0, -1.0)))
        self.total, self.difference = self.stacked.chunk(2, dim=-2)
        if directions is None:
            self.coordinates, self.good = W.new_empty(0), self.difference[..., :0, :]
        else:
            self.coordinates = directions.half_coordinates(self.difference)
            self.good = directions.half_combine(self.coordinates)

    def first(self, count: int) -> Pairs:
        """The first ``count`` pairs alone, as a view."""
        other = copy.copy(self)
        other.difference, other.total = self.difference[..., :count, :], self.total[..., :count, :]
        other.good = self.good[..., :count, :]
        return other

    def parts(self, crossed: bool) -> list[torch.Tensor]:
        """D, S and, where ``crossed``, p: what the inputs are multiplied with."""
        return [self.difference, self.total, self.good] if crossed else [self.difference, self.total]


class PairGradient:
    """A gradient in the variables D, S, p and c, to which every term adds its own.

    Args:
        at: the point or, for a product with the Hessian, the displacement it is applied to.
        directions: the good directions, or None.
        crossed: whether a term is a function of the products <p_r, x>, as R3 is.

    Attributes:
        stacked: the gradients in D, S and, where ``crossed``, p, one under the other, so that one product with the
            inputs adds to all of them. difference, total, good: views of it (good: of its own where not ``crossed``).
        coordinates: the gradient in c.
    """

    def __init__(self, at: Pairs, directions: GoodDirections | None, crossed: bool) -> None:
        half = at.difference.shape[-2]
        shape = (*at.difference.shape[:-2], (3 if crossed else 2) * half, at.difference.shape[-1])
        self.stacked = at.difference.new_zeros(shape)
        self.difference, self.total = self.stacked[..., :half, :], self.stacked[..., half : 2 * half, :]
        self.good = self.stacked[..., 2 * half :, :] if crossed else _zeros(at.good)
        self.coordinates = _zeros(at.coordinates)
        self._directions = directions

    def first(self, count: int) -> PairGradient:
        """The gradient in the first ``count`` pairs and in c, as a view: what is added to it is added here."""
        other = copy.copy(self)
        other.difference, other.total = self.difference[..., :count, :], self.total[..., :count, :]
        other.good = self.good[..., :count, :]
        return other

    def add(self, other: PairGradient) -> None:
        """Add what a pass over other inputs has left in D, S, c and, where ``crossed``, p."""
        self.stacked += other.stacked
        self.coordinates += other.coordinates

    def displacement(self) -> torch.Tensor:
        """The gradient in W, (..., m, d): chain rule through D, S, c = <b_j, W> and p = sum_j c_j p_j."""
        if self._directions is None:
            return combined(self.stacked, ((1.0, 1.0), (-1.0, 1.0)))
        coordinates = self.coordinates + self._directions.half_coordinates(self.good)
        difference = self.difference + self._directions.half_combine(coordinates)
        *batch, half, d = difference.shape
        whole = difference.new_empty(*batch, 2 * half, d)
        torch.add(self.total, difference, out=whole[..., :half, :])
        torch.sub(self.total, difference, out=whole[..., half:, :])
        return whole


def _zeros(like: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(like) if like.numel() else like


class Products:
    """p = <D_r, x_i>, q = <S_r, x_i> and g = <p_r, x_i> for a block of inputs, or slopes in them; each (..., b, m/2).

    Those that nothing needs are :data:`NOTHING`. Terms write over the entries, or put others in their place.
    """

    __slots__ = ("g", "p", "q")

    def __init__(self, p: torch.Tensor, q: torch.Tensor = NOTHING, g: torch.Tensor = NOTHING) -> None:
        self.p, self.q, self.g = p, q, g

    @classmethod
    def of(cls, stacked: torch.Tensor, pairs: int) -> Products:
        """Views of what stands side by side, (..., b, 2 m/2 or 3 m/2), in the order of :attr:`PairGradient.stacked`."""
        return cls(*stacked.split(pairs, dim=-1))


class Copy(NamedTuple):
    """The neurons 1..m/2 or m/2+1..m, each moving alone along V_r.

    Attributes:
        sign: +1 or -1, the sign with which this copy enters D. V: (m/2, d).
        coordinates: of each neuron's displacement in the good directions, (n_k, m/2).
    """

    sign: float
    V: torch.Tensor
    coordinates: torch.Tensor


class SingleNeurons:
    """The displacements of one neuron alone along V, which is all that a mean over independent signs is made of.

    Args:
        V: (m, d). directions: the good directions, or None.

    Attributes:
        V: (m, d). basis: p_j, (n_k, m/2, d); n_k = 0 without directions. copies: the two halves of V.
    """

    def __init__(self, V: torch.Tensor, directions: GoodDirections | None) -> None:
        plus, minus = V.chunk(2)
        self.V = V
        self.basis = plus.new_empty((0, *plus.shape)) if directions is None else directions.half_basis()
        self.copies = tuple(
            Copy(sign, half, sign * torch.einsum("jrd,rd->jr", self.basis, half))
            for sign, half in ((1.0, plus), (-1.0, minus))
        )
