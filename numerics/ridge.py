r"""Kernel ridge regression: by one eigendecomposition for all ridges, or iteratively without the Gram matrix.

What rounding leaves of (K + ridge)^{-1} y. The eigenvectors and eigenvalues that are computed are exact for a matrix
K + E, and the entries of K were rounded before. Rounding each entry once changes K by at most eps \|K\|_F / 2; the n
reflections of the eigensolver add up to about sqrt(n) such errors; (8 + sqrt n) eps \|K\|_F covers both. To first order
a = (K + ridge)^{-1} y changes by (K + ridge)^{-1} E a, hence

    relative error of a  <=  delta / (smallest eigenvalue + ridge),   delta = (8 + sqrt n) eps \|K\|_F.

An eigenvalue below n eps (largest eigenvalue) cannot be told from zero and counts as zero. A result is given only where
the bound leaves a quarter of the digits, delta / (smallest + ridge) <= eps^{1/4} (1.2e-4 in float64, 1.9e-2 in
float32). Otherwise the part of y along the smallest eigenvalues, which 1 / ridge magnifies, is noise; the rest can be
had by leaving out the null space (``minimum_norm``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from numerics.equality import ByValue
from numerics.inputs import Array, computed, converted, finite, instance, integer, number, tensor, vector
from numerics.memory import require
from numerics.nystrom import KernelOperator, NystromPreconditioner, conjugate_gradients
from numerics.precision import full_precision
from numerics.scale import unit

NONNEGATIVE = "a finite ridge >= 0"


@full_precision
class KernelRidge:
    """Ridge regression on a Gram matrix: coefficients (K + ridge I)^{-1} y.

    Args:
        gram: K, (n, n), symmetric positive semi-definite.
        y: labels, (n,), or (n, c) of c outputs, converted to the dtype and device of K.

    Attributes:
        rank: eigenvalues that are not zero to rounding; below n, ridge = 0 needs ``minimum_norm``.

    Raises:
        ValueError: shapes that do not match, entries that are not finite, or a matrix that is not symmetric
            positive semi-definite beyond rounding.
        WouldNotFit: the eigendecomposition does not fit in memory.

    Results carry no gradient. Cost: one symmetric eigendecomposition, O(n^3) and 3 n^2 numbers beyond K; each further
    ridge O(n^2).
    """

    @torch.no_grad()
    def __init__(self, gram: Array, y: Array) -> None:
        gram = tensor(gram, "gram")
        y = vector(y, "gram or y", gram)
        n = y.shape[0] if y.ndim else 0
        if y.ndim not in (1, 2) or gram.shape != (n, n) or not y.numel():
            shapes = f"gram of shape {tuple(gram.shape)}, y of shape {tuple(y.shape)}"
            raise ValueError(f"{shapes}: needs gram of shape ({n}, {n}) and y of shape ({n},) or ({n}, c), n >= 1")
        size = 3 * gram.element_size()  # the eigenvectors, and LAPACK's work space of 2 n^2

        def remedy(there: int) -> str:
            return f"n <= {math.isqrt(there // size)} would fit, or use iterative_kernel_ridge, which needs no matrix"

        require(size * n**2, f"eigendecomposition of {n} x {n} numbers", gram.device, remedy)
        scale, eps = float(finite(gram, "gram or y").abs().max()), torch.finfo(gram.dtype).eps
        rounding = 100 * n * eps * scale
        if float((gram - gram.T).abs().max()) > rounding:
            raise ValueError("gram is not symmetric; pass the Gram matrix of one set of points")
        if not math.isfinite(float(torch.linalg.matrix_norm(gram))):
            raise ValueError(f"gram has entries of size {scale:.3g}: the squares overflow; rescale the data")
        # Divided by the largest entry, as squares of small ones are lost to underflow.
        self._delta = (8 + math.sqrt(n)) * eps * scale * float(torch.linalg.matrix_norm(gram / (scale or 1.0)))
        values, self._vectors = torch.linalg.eigh(gram)
        if float(values[0]) < -rounding:
            raise ValueError(f"gram has the eigenvalue {float(values[0]):.3g}; needs a positive semi-definite matrix")
        self._values = values.clamp_min(0.0)
        self._rotated = self._vectors.T @ y
        self.rank = int((values > n * eps * float(values[-1])).sum())

    @torch.no_grad()
    def coefficients(self, ridge: float, minimum_norm: bool = False) -> torch.Tensor:
        """(K + ridge I)^{-1} y, of the shape of y.

        With ``minimum_norm`` the null space of K (eigenvalues below n eps max) is left out: the result is
        P (K + ridge)^{-1} P y, P being the projection on the range of K. At ridge = 0 this is, of all a that minimise
        |K a - y|, the one of least norm; the component of y in the null space cannot be fitted (two labels of one input
        are averaged). At ridge > 0 the coefficients lack the part y_0 / ridge from that component y_0; predictions do
        not change, because functions in the kernel's space do not see the null space of K. Eigenvalues above the
        threshold always stay in: on a K of full rank nothing is left out and nothing is refused.

        Args:
            ridge: >= 0.
            minimum_norm: leave out the null space of K.

        Raises:
            ValueError: a ridge that is negative or not finite, ridge = 0 on a singular K, a ridge so small that
                rounding may leave less than a quarter of the digits (see the module), or a result that overflows.
        """
        ridge = number(ridge, "ridge", NONNEGATIVE, zero=True)
        n, eps = len(self._values), torch.finfo(self._values.dtype).eps
        first = n - self.rank
        if minimum_norm:
            return _coefficients(self._vectors[:, first:] @ self._divided(first, self._values[first:] + ridge))
        smallest, bound = 0.0 if first else float(self._values[0]), self._delta / eps**0.25
        shifted = self._values + ridge
        if smallest + ridge < bound or not bool((shifted > 0).all()):
            what = f"of rank {self.rank} at n={n}" if first else f"with the eigenvalue {smallest:.2g}"
            least = max(bound - smallest, torch.finfo(self._values.dtype).tiny)
            raise ValueError(
                f"ridge={ridge!r} on a Gram matrix {what}: its rounding would decide the result; needs a ridge >= "
                f"{1.01 * least:.3g}, that is ridge > 0, or minimum_norm=True, which leaves out the null space"
            )
        return _coefficients(self._vectors @ self._divided(0, shifted))

    def _divided(self, first: int, shifted: torch.Tensor) -> torch.Tensor:
        """What y has along the eigenvectors from ``first`` on, each divided by its number."""
        rotated = self._rotated[first:]
        return rotated / (shifted if rotated.ndim == 1 else shifted[:, None])

    @torch.no_grad()
    def predict(self, cross_gram: Array, ridge: float, minimum_norm: bool = False) -> torch.Tensor:
        """Predictions at test points, (n_test,) or (n_test, c), from their Gram matrix with the training points.

        ``cross_gram`` has shape (n_test, n). Args and errors as :meth:`coefficients`.
        """
        cross = finite(tensor(cross_gram, "cross_gram", self._values, "gram"), "cross_gram")
        if cross.ndim != 2 or cross.shape[1] != len(self._values):
            raise ValueError(f"cross_gram of shape {tuple(cross.shape)}: needs (n_test, {len(self._values)})")
        return computed(cross @ self.coefficients(ridge, minimum_norm), "the predictions", "cross_gram or y is")


def _coefficients(result: torch.Tensor) -> torch.Tensor:
    cause = "the Gram matrix and ridge are too small for their dtype, or y is too large"
    return finite(result, f"(K + ridge)^{{-1}} y: {cause}, so it")


@dataclass(frozen=True, eq=False)
class RidgeSolution(ByValue):
    """What :func:`iterative_kernel_ridge` found.

    Attributes:
        coefficients: a, (n,).
        residual: ||y - (K + ridge) a|| / ||y||, computed from a, not carried along by the iteration.
        iterations: of conjugate gradients, in all.
        converged: residual <= tolerance.
        status: why it stopped, with the remedy when not converged.
        operator: K, which predicts; two solutions are equal whatever it is.
    """

    coefficients: torch.Tensor
    residual: float
    iterations: int
    converged: bool
    status: str
    operator: KernelOperator = field(repr=False, compare=False)

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """sum_j K(x_i, X_j) a_j at test inputs (n_test, d), without their n_test x n matrix, shape (n_test,)."""
        return self.operator.evaluate(x, self.coefficients)


@full_precision
@torch.no_grad()
def iterative_kernel_ridge(
    operator: KernelOperator,
    y: Array,
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
        y: labels, (n,), converted to the dtype and device of ``operator.x``; without such an x they need those of K.
        ridge: > 0. Where ``residual`` stays small, fitted values are accurate to it; coefficients only to residual
            times |y| / ridge.
        rank: columns of the preconditioner; 0 for none, None for min(n, 512).
        tolerance: of ||y - (K + ridge) a|| / ||y||, > 0.
        max_iterations: of conjugate gradients in all; each is one product with K.
        seed: of the preconditioner's columns.
        preconditioner: one built before, for instance at another ridge; then rank and seed are not used.

    Returns:
        The solution, converged or not: the result says which, and why.

    Raises:
        ValueError: ridge or tolerance not positive and finite, y not finite, not a vector or of another length, dtype
            or device than K, rank > n, a K that is no operator or not symmetric, or coefficients that overflow.
        WouldNotFit: the preconditioner does not fit in memory.

    Cost: one product with K, 4 n rank for the preconditioner, and O(n) per iteration; memory n rank + 6 n numbers.
    """
    ridge, tolerance = (
        number(value, name, f"a positive finite {name}") for name, value in (("ridge", ridge), ("tolerance", tolerance))
    )
    max_iterations = integer(max_iterations, "max_iterations")
    if preconditioner is not None:
        instance(preconditioner, NystromPreconditioner, "preconditioner", "a NystromPreconditioner of this operator")
    rank = None if rank is None else integer(rank, "rank", 0)
    needed = ("matmul", "columns") if preconditioner is None and rank != 0 else ("matmul",)
    if isinstance(operator, torch.Tensor) or not all(callable(getattr(operator, name, None)) for name in needed):
        what = f"operator of type {type(operator).__name__}: needs {' and '.join(needed)}"
        raise ValueError(f"{what}; give a numerics.NTKOperator, or a matrix to KernelRidge")
    x = getattr(operator, "x", None)  # an NTKOperator has the inputs; a matrix that multiplies by itself need not
    y = converted(y, "y", x) if isinstance(x, torch.Tensor) else tensor(y, "y")
    if y.ndim != 1 or not len(y) or not bool(torch.isfinite(y).all()):
        several = "; solve for one output at a time, y[:, j], or use KernelRidge" if y.ndim == 2 else ""
        raise ValueError(f"y of shape {tuple(y.shape)}: needs n finite labels, of shape (n,){several}")
    sizes = {"operator": x, "preconditioner": None if preconditioner is None else preconditioner.vectors}
    for name, rows in sizes.items():
        if isinstance(rows, torch.Tensor) and len(rows) != len(y):
            raise ValueError(
                f"y of shape {tuple(y.shape)}: needs n = {len(rows)} labels, as many as the {name} has inputs"
            )
    if preconditioner is None:
        preconditioner = NystromPreconditioner(operator, len(y), min(len(y), 512) if rank is None else rank, y, seed)
    # Labels of size one, by a power of two, which rounds nothing: squares of small ones would be lost to underflow.
    scale = unit(y)
    y = y / scale
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
        step, used = conjugate_gradients(
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
    return RidgeSolution(_coefficients(best * scale), relative, iterations, relative <= tolerance, status, operator)
