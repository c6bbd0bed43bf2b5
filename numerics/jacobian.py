r"""Good directions from data: the top right singular vectors of the training Jacobian, without the Jacobian.

The Jacobian of the linear term at inputs x_1..x_n has the rows J_i = grad f(x_i), displacements (g_i, -g_i) with

.. math:: g_{ir} = m^{-1/2}\sigma'(\langle w_r, x_i\rangle)\,x_i ,\qquad J J^T = K = U S^2 U^T ,

K the n x n Gram matrix of the NTK. The right singular vector b_j = J^T u_j / s_j is an antisymmetric displacement, and
with f_L(X; W) = J W

.. math:: \langle b_j, W\rangle = s_j^{-1} u_j^T f_L(X; W) ,\qquad
          f_L(x; \textstyle\sum_j c_j b_j) = K(x, X)\,U S^{-1} c .

On the training inputs themselves f_L(X; P W) = U U^T f_L(X; W). So a projection costs two products of n x d x m/2, and
no matrix of size m d x n_k is ever there. Derived here: docs/mathematics, :eq:`jacobian-directions`.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch

from numerics.blocks import Blocks, accumulate, joined
from numerics.inputs import Array, inputs, integer
from numerics.kernels import ntk_gram
from numerics.memory import by_kind, require
from numerics.network import ROW_NUMBERS, TwoLayerNetwork

UNDERFLOW = 16
"""Squares below this many times n d times the least normal number lose digits: each of n d products may lose one."""
RANK = 16
"""An eigenvalue of K below this many times n eps |K| is zero to rounding."""


class Jacobian:
    """The top right singular vectors of the Jacobian of f_L at inputs, as an operator.

    Args:
        network: at its initialisation, one or a batch.
        x: inputs X, (n, d) or (..., n, d).
        count: n_k, how many singular vectors, at most n.

    Attributes:
        x: the inputs. vectors: U, (..., n, n_k). values: S, (..., n_k), descending.

    Raises:
        ValueError: inputs of another shape, dtype or device, fewer inputs than directions, inputs whose squares
            underflow, or a singular value that is zero to rounding.
        WouldNotFit: the Gram matrix does not fit in memory.

    The subspace is that of the Gram matrix as it is rounded in the network's dtype: where the gap s_j^2 - s_{j+1}^2 at
    j = n_k is not large beside eps |K|, rounding chooses it.

    Cost: a Gram matrix, n^2 (m/2 + d), and 9 n^3 for its eigenvectors. Memory: 3 n^2 numbers in double precision, then
    n n_k, and n m/2 for sigma' at the inputs once a projection asks for it.
    """

    def __init__(self, network: TwoLayerNetwork, x: Array, count: int) -> None:
        self._network, self.x = network, inputs(network, x, "x").detach()
        n, members = self.x.shape[-2], range(network.batch[0] if network.batch else 1)
        if integer(count, "count") > n:
            raise ValueError(f"count={count}: needs count <= n = {n}; a Jacobian of n inputs has no more directions")
        require(24 * n**2, f"the Gram matrix of n={n} inputs", self.x.device, "use fewer inputs")
        found = [self._top(network.member(i) if network.batch else network, i, count) for i in members]
        vectors, values = (torch.stack(parts) if network.batch else parts[0] for parts in zip(*found, strict=True))
        self.vectors, self.values = vectors.to(network.w), values.to(network.w)
        self._columns = (vectors / values[..., None, :]).to(network.w)
        """U S^{-1}."""

    def _top(self, network: TwoLayerNetwork, member: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.x[member] if self.x.ndim == 3 else self.x
        squares, vectors = torch.linalg.eigh(ntk_gram(network, x).double())
        squares, vectors = squares.flip(0)[:count], vectors.flip(1)[:, :count]
        least = UNDERFLOW * x.numel() * torch.finfo(network.dtype).tiny
        if min(float(squares[0]), float(x.detach().double().abs().max()) ** 2) < least:
            raise ValueError(
                f"x of size {float(x.abs().max()):.2g}: the squares of the Jacobian underflow in {network.dtype}, and "
                f"its directions with them; rescale x, such as by numerics.to_sphere(x), or use float64"
            )
        if not float(squares[-1]) > RANK * len(x) * torch.finfo(network.dtype).eps * float(squares[0]):
            raise ValueError(
                f"count={count}: singular value {count} of the Jacobian is zero to rounding (squares fall from "
                f"{float(squares[0]):.3g} to {float(squares[-1]):.3g}); use fewer directions or a wider network"
            )
        return vectors, squares.sqrt()

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._network, self.x, {"first"}, None)

    def along(self, linear: torch.Tensor) -> torch.Tensor:
        """The coordinates <b_j, W>, (..., n_k), from f_L(X; W), (..., n): S^{-1} U^T f_L."""
        return (self._columns.mT @ linear[..., None])[..., 0]

    def pulled(self, slope: torch.Tensor) -> torch.Tensor:
        """The adjoint of :meth:`along`: the slope in f_L(X; W), (..., n), from one in the coordinates, (..., n_k)."""
        return (self._columns @ slope[..., None])[..., 0]

    def outside(self, linear: torch.Tensor) -> torch.Tensor:
        """f_L(X; W - P W) = (I - U U^T) f_L, (..., n), from f_L(X; W)."""
        return linear - (self.vectors @ (self.vectors.mT @ linear[..., None]))[..., 0]

    def coordinates(self, difference: torch.Tensor) -> torch.Tensor:
        """<b_j, W>, shape (..., n_k). Cost: n m d / 2."""
        parts = [torch.linalg.vecdot(block.first, block.x @ difference.mT) for _, block in self._blocks]
        return self.along(self._network.reduce(joined(parts)))

    def combine(self, coordinates: torch.Tensor) -> torch.Tensor:
        """p of sum_j c_j b_j, shape (..., m/2, d): p_r = sum_i g_ir v_i with v = U S^{-1} c. Cost: n m d / 2."""
        leading = torch.broadcast_shapes(coordinates.shape[:-1], self._network.batch)
        half = self._network.half
        stacked = coordinates.expand(*leading, -1).reshape(-1, *self._network.batch, coordinates.shape[-1])
        results = [half.new_zeros(*half.shape) for _ in stacked]
        for one, result in zip(stacked, results, strict=True):
            v = self.pulled(one)
            for rows, block in self._blocks:
                accumulate(result, block.first, block.x * v[..., rows, None])
        return torch.stack(results).reshape(*leading, *half.shape[-2:])

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """f_L(x_i; b_j) = K(x_i, X) U S^{-1}, shape (..., n', n_k); U S at X itself.

        Cost for n' inputs: n' n (m/2 + d + n_k).
        """
        if x is self.x or (x.shape == self.x.shape and torch.equal(x, self.x)):
            return self.vectors * self.values[..., None, :]
        step = max(1, by_kind(ROW_NUMBERS, x.device) // self._network.half[..., 0].numel())
        return torch.cat([self._features(part) for part in x.split(step, dim=-2)], dim=-2)

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        network = self._network
        (first,) = network.activation.derivatives(x @ network.half.mT, 1)
        first = first * (2 / math.sqrt(network.m))
        parts = [network.reduce(first @ block.first.mT) * (x @ block.x.mT) for _, block in self._blocks]
        return torch.cat(parts, dim=-1) @ self._columns
