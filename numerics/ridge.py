"""Kernel ridge regression: by one eigendecomposition for all ridges, or iteratively without the Gram matrix."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch

from numerics.memory import require
from numerics.precision import full_precision
from numerics.sampling import check_samples, generator

Multiply = Callable[[torch.Tensor], torch.Tensor]


class KernelRidge:
    """Ridge regression on a Gram matrix: coefficients (K + ridge I)^{-1} y.

    Args:
        gram: K, (n, n), symmetric positive semi-definite.
        y: labels, (n,).

    Raises:
        ValueError: shapes that do not match, entries that are not finite, or a matrix that is not symmetric
            positive semi-definite beyond rounding.
        WouldNotFit: the eigendecomposition does not fit in memory.

    Cost: one symmetric eigendecomposition, O(n^3) and 3 n^2 numbers beyond K; each further ridge O(n^2).
    """

    @full_precision
    def __init__(self, gram: torch.Tensor, y: torch.Tensor) -> None:
        n = len(y)
        if y.ndim != 1 or gram.shape != (n, n):
            shapes = f"gram of shape {tuple(gram.shape)}, y of shape {tuple(y.shape)}"
            raise ValueError(f"{shapes}: needs gram of shape ({n}, {n}) and y of shape ({n},)")
        size = 3 * gram.element_size()  # the eigenvectors, and LAPACK's work space of 2 n^2

        def remedy(there: int) -> str:
            return f"n <= {math.isqrt(there // size)} would fit, or use iterative_kernel_ridge, which needs no matrix"

        require(size * n**2, f"eigendecomposition of {n} x {n} numbers", gram.device, remedy)
        if not (torch.isfinite(gram).all() and torch.isfinite(y).all()):
            raise ValueError("gram or y has entries that are not finite; rescale the data")
        scale = float(gram.abs().max())
        rounding = 100 * n * torch.finfo(gram.dtype).eps * scale
        if float((gram - gram.T).abs().max()) > rounding:
            raise ValueError("gram is not symmetric; pass the Gram matrix of one set of points")
        values, self._vectors = torch.linalg.eigh(gram)
        if float(values[0]) < -rounding:
            raise ValueError(f"gram has the eigenvalue {float(values[0]):.3g}; needs a positive semi-definite matrix")
        self._values = values.clamp_min(0.0)
        self._rotated = self._vectors.T @ y

    @full_precision
    def coefficients(self, ridge: float) -> torch.Tensor:
        """(K + ridge I)^{-1} y, shape (n,).

        Raises:
            ValueError: ridge < 0, or ridge = 0 on a singular K.
        """
        shifted = self._values + ridge
        if not (math.isfinite(ridge) and ridge >= 0) or bool((shifted <= 0).any()):
            raise ValueError(f"ridge={ridge!r}: needs ridge > 0 (ridge = 0 only for a non-singular Gram matrix)")
        return self._vectors @ (self._rotated / shifted)

    @full_precision
    def predict(self, cross_gram: torch.Tensor, ridge: float) -> torch.Tensor:
        """Predictions at test points, from their Gram matrix with the training points, shape (n_test, n)."""
        return cross_gram @ self.coefficients(ridge)


class KernelOperator(Protocol):
    """A kernel on n inputs, such as :class:`numerics.kernels.NTKOperator`."""

    def matmul(self, v: torch.Tensor) -> torch.Tensor:
        """K v, (n,)."""

    def columns(self, index: torch.Tensor) -> torch.Tensor:
        """K[:, index], (n, s)."""

    def evaluate(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """sum_j K(x_i, X_j) v_j at other inputs x."""


@dataclass(frozen=True)
class RidgeSolution:
    """What :func:`iterative_kernel_ridge` found.

    Attributes:
        coefficients: a, (n,).
        residual: ||y - (K + ridge) a|| / ||y||, computed from a, not carried along by the iteration.
        iterations: of conjugate gradients, in all.
        converged: residual <= tolerance.
        status: why it stopped, with the remedy when not converged.
    """

    coefficients: torch.Tensor
    residual: float
    iterations: int
    converged: bool
    status: str
    operator: KernelOperator = field(repr=False)

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """sum_j K(x_i, X_j) a_j at test inputs (n_test, d), without their n_test x n matrix, shape (n_test,)."""
        return self.operator.evaluate(x, self.coefficients)


class NystromPreconditioner:
    """K ~ C K_SS^{-1} C^T = U diag(values) U^T from s columns C = K_nS at random, for (K + ridge)^{-1}.

    The factorisation is that of arXiv:2110.02820, Algorithm 2.1, with columns of I for the test matrix: the singular
    values of B = (C + nu I_nS) R^{-1}, R^T R = K_SS + nu I, are (values + nu)^{1/2}. The shift nu = eps ||C||_F is
    raised until K_SS + nu I is positive definite.
    One factorisation serves all ridges.

    Args:
        operator: K.
        n: its size. rank: s, 0 <= s <= n. seed: of the columns.
        like: a tensor with dtype and device of K.

    Raises:
        ValueError: rank < 0 or > n, or entries of K that are not finite.
        WouldNotFit: three n x s matrices do not fit in memory.

    Cost: the columns and O(n s^2); memory n s numbers kept, three times that while it is built.
    """

    @full_precision
    @torch.no_grad()
    def __init__(self, operator: KernelOperator, n: int, rank: int, like: torch.Tensor, seed: int = 0) -> None:
        if isinstance(rank, bool) or not isinstance(rank, int) or not 0 <= rank <= n:
            raise ValueError(f"rank={rank!r}: needs an integer 0 <= rank <= n = {n}")
        self.vectors, self.values = like.new_zeros(n, 0), like.new_zeros(0)
        if rank == 0:
            return
        size = 3 * n * like.element_size()
        require(
            size * rank, f"{rank} columns at n={n}", like.device, lambda there: f"rank <= {there // size} would fit"
        )
        index = torch.randperm(n, generator=generator(seed))[:rank].to(like.device)
        columns = operator.columns(index)
        if not bool(torch.isfinite(columns).all()):
            raise ValueError("the kernel has entries that are not finite; rescale the data")
        shift = torch.finfo(columns.dtype).eps * float(columns.norm())
        # K_SS is small: in double precision its factorisation adds no error to that of the columns.
        core = columns[index].double()
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

    @full_precision
    def solve(self, v: torch.Tensor, ridge: float) -> torch.Tensor:
        """P^{-1} v with P^{-1} = (values_s + ridge) U (diag(values) + ridge)^{-1} U^T + I - U U^T, v of shape (n,).

        Up to the weight of the complement this is Woodbury's inverse of K_nS K_SS^{-1} K_Sn + ridge I.
        """
        if not len(self.values):
            return v
        weights = (self.values[-1] + ridge) / (self.values + ridge) - 1
        return v + self.vectors @ (weights * (self.vectors.T @ v))


@full_precision
@torch.no_grad()
def iterative_kernel_ridge(
    operator: KernelOperator,
    y: torch.Tensor,
    ridge: float,
    rank: int | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
    seed: int = 0,
    preconditioner: NystromPreconditioner | None = None,
) -> RidgeSolution:
    """(K + ridge I)^{-1} y by preconditioned conjugate gradients on K as an operator.

    The solution is refined: whenever the iteration has reduced its own residual by the root of the machine precision,
    the true residual replaces it; the solve ends when that has reached ``tolerance`` or no longer halves.

    Args:
        operator: K, of n inputs; arithmetic is in its precision.
        y: labels, (n,), of the dtype and on the device of K.
        ridge: > 0.
        rank: columns of the preconditioner; 0 for none, None for min(n, 512).
        tolerance: of ||y - (K + ridge) a|| / ||y||, > 0.
        max_iterations: of conjugate gradients in all; each is one product with K.
        seed: of the preconditioner's columns.
        preconditioner: one built before, for instance at another ridge; then rank and seed are not used.

    Returns:
        The solution, converged or not: the result says which, and why.

    Raises:
        ValueError: ridge or tolerance not positive and finite, y not finite or not a vector, rank > n.
        WouldNotFit: the preconditioner does not fit in memory.

    Cost: one product with K, 4 n rank for the preconditioner, and O(n) per iteration; memory n rank + 6 n numbers.
    """
    for name, value in (("ridge", ridge), ("tolerance", tolerance)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name}={value!r}: needs a positive finite {name}")
    check_samples(max_iterations, "max_iterations")
    if y.ndim != 1 or not bool(torch.isfinite(y).all()):
        raise ValueError(f"y of shape {tuple(y.shape)}: needs n finite labels, of shape (n,)")
    if preconditioner is None:
        preconditioner = NystromPreconditioner(operator, len(y), min(len(y), 512) if rank is None else rank, y, seed)
    precondition, size = preconditioner, float(y.norm())

    def multiply(v: torch.Tensor) -> torch.Tensor:
        return operator.matmul(v).add_(v, alpha=ridge)

    digits = math.sqrt(torch.finfo(y.dtype).eps)
    best, iterations = torch.zeros_like(y), 0
    residual, relative = y, 1.0 if size else 0.0
    status = "converged"
    while not relative <= tolerance:
        if iterations >= max_iterations:
            status = f"max_iterations={max_iterations} reached; raise it, the rank or the ridge"
            break
        goal = max(tolerance * size / 2, digits * relative * size)
        step, used = _conjugate_gradients(
            multiply, lambda v: precondition.solve(v, ridge), residual, goal, max_iterations - iterations
        )
        iterations += used
        trial = best + step
        remaining = y - multiply(trial)
        reached = float(remaining.norm()) / size
        if reached < relative:
            best, residual = trial, remaining
        stalled = not reached < relative / 2
        relative = min(reached, relative) if math.isfinite(reached) else relative
        if stalled and relative > tolerance and iterations < max_iterations:
            attained = f"residual {relative:.1e} is what {str(y.dtype).removeprefix('torch.')} attains here"
            remedy = "raise the tolerance or the ridge" + ("" if y.dtype == torch.float64 else ", or use float64")
            status = f"{attained}, above tolerance={tolerance:.1e}; {remedy}"
            break
    return RidgeSolution(best, relative, iterations, relative <= tolerance, status, operator)


def _conjugate_gradients(
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
