r"""The lower bound's quadratic form neuron by neuron: m/2 symmetric matrices of size d and their eigenvalues.

With u_i = g_i / n the tilted data term is quadratic in each neuron by itself,

.. math:: \sum_i u_i f_Q(x_i; W) = \sum_r a_r \langle W_r, B_r W_r\rangle, \qquad
          B_r = \frac{1}{2\sqrt m}\sum_i u_i\,\sigma''(\langle w_r,x_i\rangle)\,x_i x_i^\top,

and both copies of a neuron have the same B_r, one with each sign: one eigenproblem serves two neurons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.blocks import Block
from numerics.memory import require
from numerics.objective import Objective

CHUNK = 2**21
"""Numbers in one block of products x_i x_i^T."""


def weighted_squares(
    objective: Objective, weights: Callable[[slice, Block], torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """sum_i c_ir x_i x_i^T for each pair r, (..., m/2, d, d), and sum_i |c_ir| |x_i|^2, which bounds its norm.

    Args:
        objective: whose training inputs x_i are.
        weights: c_ir for a block of them, (..., b, m/2) or a zero for all.

    Cost: n m d^2 / 4 multiplications, as the products are symmetric.
    """
    d, half = objective.network.d, objective.network.half
    require(
        4 * half[..., 0].numel() * d**2 * 8, f"a matrix of size d={d} for each neuron", half.device, "use a smaller m"
    )
    rows, columns = torch.triu_indices(d, d, device=half.device)
    packed = half.new_zeros((*half.shape[:-1], len(rows)))
    moduli = half.new_zeros(half.shape[:-1])
    step = max(1, CHUNK // len(rows))
    for inputs, block in objective.blocks():
        c = weights(inputs, block)
        if not c.ndim:
            continue
        for x, part in zip(block.x.split(step, dim=-2), c.split(step, dim=-2), strict=True):
            packed += part.mT @ (x[..., rows] * x[..., columns])
            moduli += (part.abs().mT @ x.square().sum(-1)[..., None])[..., 0]
    whole = packed.new_zeros((*packed.shape[:-1], d, d))
    whole[..., rows, columns] = packed
    whole[..., columns, rows] = packed
    return whole, moduli


@dataclass(frozen=True, eq=False)
class Neurons:
    """The blocks a_r B_r of all neurons, by the eigenvalues and eigenvectors of B_r.

    Attributes:
        matrices: B_r, (..., m/2, d, d). values, vectors: its eigenvalues in ascending order and eigenvectors.
        moduli: sum_i |u_i sigma''| |x_i|^2 / (2 sqrt m), above the norm of B_r, (..., m/2). error: what rounding may
            have moved an eigenvalue by: units in the last place of sums over n inputs and of a backward stable
            eigenproblem of size d, times the moduli.
    """

    matrices: torch.Tensor
    values: torch.Tensor
    vectors: torch.Tensor
    moduli: torch.Tensor
    error: torch.Tensor

    @staticmethod
    def of(objective: Objective, slopes: torch.Tensor) -> Neurons:
        """The blocks at the slopes g, (..., n)."""
        matrices, moduli = weighted_squares(
            objective, lambda rows, block: objective.data.tilted(rows, block, slopes)[1]
        )
        values, vectors = torch.linalg.eigh(matrices)
        units = objective.n + 8 * objective.network.d + 64
        return Neurons(matrices, values, vectors, moduli, units * torch.finfo(values.dtype).eps * moduli)

    def lowest(self) -> torch.Tensor:
        """The smallest eigenvalue of a_r B_r of every neuron, (..., m)."""
        return torch.cat([self.values[..., 0], -self.values[..., -1]], dim=-1)

    def lowest_vectors(self) -> torch.Tensor:
        """Its unit eigenvectors, (..., m, d)."""
        return torch.cat([self.vectors[..., 0], self.vectors[..., -1]], dim=-2)

    def apply(self, V: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        """(a_r B_r + s_r) V_r, (..., m, d). Cost: m d^2."""
        plus, minus = ((self.matrices @ part[..., None])[..., 0] for part in V.chunk(2, dim=-2))
        return torch.cat([plus, -minus], dim=-2) + s[..., None] * V

    def solve(self, V: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        """(a_r B_r + s_r)^{-1} V_r, (..., m, d). Cost: 2 m d^2."""
        parts = []
        for sign, part, shift in zip((1.0, -1.0), V.chunk(2, dim=-2), s.chunk(2, dim=-1), strict=True):
            along = (self.vectors.mT @ part[..., None])[..., 0] / (sign * self.values + shift[..., None])
            parts.append((self.vectors @ along[..., None])[..., 0])
        return torch.cat(parts, dim=-2)
