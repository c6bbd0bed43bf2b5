"""Ridge regression by one eigendecomposition."""

import math
import re

import pytest
import references
import torch

from numerics.ridge import KernelRidge
from numerics.sampling import generator

N = 20


def test_against_the_dense_solve(device: str, dtype: torch.dtype) -> None:
    """Coefficients and predictions for all ridges from one decomposition, and interpolation at ridge 0."""
    gen = generator(0)
    root = torch.randn(N, N, generator=gen, dtype=torch.float64)
    gram = (root @ root.T + torch.eye(N, dtype=torch.float64)).to(device, dtype)
    y = torch.randn(N, generator=gen, dtype=torch.float64).to(device, dtype)
    fit, exact = KernelRidge(gram, y), gram.double().cpu()
    largest = float(exact.norm())
    for ridge in (0.0, 1e-3, 1.0, 50.0):
        direct = references.kernel_ridge(exact, y, ridge)
        # Backward error of the decomposition, n eps |K|, times the inverse's norm, at most 1 / (1 + ridge).
        atol = 4 * N * torch.finfo(dtype).eps * (largest + ridge) / (1 + ridge) * float(direct.norm())
        assert float((fit.coefficients(ridge).double().cpu() - direct).norm()) <= atol
        assert float((fit.predict(gram, ridge).double().cpu() - exact @ direct).norm()) <= atol * largest
        assert float((fit.coefficients(1.01 * ridge + 0.01).double().cpu() - direct).norm()) > atol
    assert float((fit.predict(gram, 0.0) - y).norm()) <= 4 * N * torch.finfo(dtype).eps * largest**2 * float(y.norm())


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: KernelRidge(torch.eye(3), torch.zeros(4)), "shape (4, 4)"),
        (lambda: KernelRidge(torch.eye(3), torch.zeros(3, 1, 1)), "y of shape (3, 1, 1)"),
        (lambda: KernelRidge(-torch.eye(3), torch.zeros(3)), "eigenvalue -1"),
        (lambda: KernelRidge(torch.ones(2, 2).triu(), torch.zeros(2)), "not symmetric"),
        (lambda: KernelRidge(torch.full((2, 2), math.nan), torch.zeros(2)), "not finite"),
        (lambda: KernelRidge(torch.eye(3), torch.zeros(3)).coefficients(math.nan), "ridge=nan"),
        (lambda: KernelRidge(torch.zeros(2, 2), torch.zeros(2)).coefficients(0.0), "ridge > 0"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()


@pytest.mark.parametrize("size", [1.0, 1e-150, 1e-200])
def test_a_singular_matrix_is_refused_at_every_size(size: float) -> None:
    """Its squares underflow at 1e-200, and rounding would decide the result as it would at 1."""
    root = torch.randn(6, 3, generator=generator(1), dtype=torch.float64)
    fit = KernelRidge(root @ root.T * size, torch.arange(1.0, 7.0, dtype=torch.float64))
    with pytest.raises(ValueError, match="rounding would decide"):
        fit.coefficients(1e-17 * size)
