"""Conjugate gradients on a kernel as an operator, and their preconditioner from columns of the kernel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch

from numerics.inputs import Array, finite, integer, number, plain, tensor
from numerics.memory import require
from numerics.precision import full_precision
from numerics.quoting import shown
from numerics.sampling import generator

Multiply = Callable[[torch.Tensor], torch.Tensor]


class KernelOperator(Protocol):
    """A kernel on n inputs, such as :class:`numerics.kernels.NTKOperator`."""

    def matmul(self, v: torch.Tensor) -> torch.Tensor:
        """K v, (n,)."""

    def columns(self, index: torch.Tensor) -> torch.Tensor:
        """K[:, index], (n, s)."""

    def evaluate(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """sum_j K(x_i, X_j) v_j at other inputs x."""


@full_precision
class NystromPreconditioner:
    """A preconditioner for (K + ridge)^{-1} from s random columns of K.

    With C = K_nS the columns, K is approximated by C K_SS^{-1} C^T = U diag(values) U^T (Nystrom). The factorisation is
    that of arXiv:2110.02820, Algorithm 2.1, with columns of I for the test matrix: the singular values of
    B = (C + nu I_nS) R^{-1}, R^T R = K_SS + nu I, are (values + nu)^{1/2}. The shift nu = eps ||C||_F is raised until
    K_SS + nu I is positive definite. One factorisation serves all ridges.

    Args:
        operator: K.
        n: its size. rank: s, 0 <= s <= n. seed: of the columns.
        like: a tensor with dtype and device of K.

    Raises:
        ValueError: rank < 0 or > n, or a K that is not symmetric or has entries that are not finite.
        WouldNotFit: three n x s matrices do not fit in memory.

    Cost: the columns and O(n s^2); memory n s numbers kept, three times that while it is built.
    """

    @torch.no_grad()
    def __init__(self, operator: KernelOperator, n: int, rank: int, like: torch.Tensor, seed: int = 0) -> None:
        n, like = integer(n, "n"), tensor(like, "like")
        rank = plain(rank)
        if isinstance(rank, bool) or not isinstance(rank, int) or not 0 <= rank <= n:
            raise ValueError(f"rank={shown(rank)}: needs an integer 0 <= rank <= n = {n}")
        self.vectors, self.values = like.new_zeros(n, 0), like.new_zeros(0)
        if rank == 0:
            return
        row = 3 * n * like.element_size()
        require(row * rank, f"{rank} columns at n={n}", like.device, lambda there: f"rank <= {there // row} would fit")
        index = torch.randperm(n, generator=generator(seed))[:rank].to(like.device)
        columns = operator.columns(index)
        finite(columns, "the kernel")
        eps, size = torch.finfo(columns.dtype).eps, float(columns.norm())
        if size == 0:  # K = 0 on these columns: nothing to precondition with, and no shift that would grow
            return
        shift = eps * size
        # K_SS is small: in double precision its factorisation adds no error to that of the columns.
        core = columns[index].double()
        if float((core - core.T).abs().max()) > 100 * n * eps * size:
            raise ValueError(
                "operator: its columns are not those of a symmetric matrix; needs a kernel of one set of x"
            )
        core, identity = (core + core.T) / 2, torch.eye(rank, dtype=torch.float64, device=like.device)
        factor, failed = torch.linalg.cholesky_ex(core + shift * identity, upper=True)
        while int(failed):  # entries of K were rounded worse than by eps
            shift *= 10
            factor, failed = torch.linalg.cholesky_ex(core + shift * identity, upper=True)
        columns[index, torch.arange(rank, device=like.device)] += shift
        factor = factor.to(columns.dtype)
        left = torch.linalg.solve_triangular(factor, columns, upper=True, left=False)
        del columns
        self.vectors, singular, _ = torch.linalg.svd(left, full_matrices=False)
        self.values = (singular.square() - shift).clamp_min(0.0)

    def solve(self, v: Array, ridge: float) -> torch.Tensor:
        """P^{-1} v with P^{-1} = (values_s + ridge) U (diag(values) + ridge)^{-1} U^T + I - U U^T, v of shape (n,).

        Up to the weight of the complement this is Woodbury's inverse of K_nS K_SS^{-1} K_Sn + ridge I. Raises
        ValueError unless ridge > 0.
        """
        ridge, v = number(ridge, "ridge", "a positive finite ridge"), tensor(v, "v", self.vectors, "kernel")
        if not len(self.values):
            return v
        weights = (self.values[-1] + ridge) / (self.values + ridge) - 1
        return v + self.vectors @ (weights * (self.vectors.T @ v))


def conjugate_gradients(
    multiply: Multiply, precondition: Multiply, b: torch.Tensor, goal: float, max_iterations: int
) -> tuple[torch.Tensor, int]:
    """Approximate A^{-1} b until the recursive residual is at most ``goal``, and the iterations used."""
    solution, residual = torch.zeros_like(b), b.clone()
    direction = precondition(residual).clone()
    product = residual @ direction
    for iteration in range(1, max_iterations + 1):
        image = multiply(direction)
        step = product / (direction @ image)
        if not 0 < float(step) < math.inf:  # positive definite no more, to rounding: the caller sees no progress
            return solution, iteration
        solution.add_(step * direction)
        residual.sub_(step * image)
        if float(residual.norm()) <= goal:
            return solution, iteration
        scaled = precondition(residual)
        previous, product = product, residual @ scaled
        direction.mul_(product / previous).add_(scaled)
    return solution, max_iterations
