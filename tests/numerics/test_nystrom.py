"""The preconditioner from some columns of the Gram matrix."""

import math

import pytest
import torch
from operators import Dense, N, problem

from numerics.ridge import NystromPreconditioner, iterative_kernel_ridge
from numerics.sampling import generator


def test_preconditioner_is_woodbury_of_the_columns() -> None:
    """P^{-1}, up to its weight off the columns, against the dense inverse of K_nS K_SS^{-1} K_Sn + ridge I."""
    operator, y, _, gram = problem("cpu", torch.float64)
    rank, ridge = 12, 0.7
    made = NystromPreconditioner(operator, N, rank, y, seed=3)
    index = torch.randperm(N, generator=generator(3))[:rank]
    columns = gram[:, index]
    low = columns @ torch.linalg.solve(columns[index], columns.T)
    identity = torch.eye(N, dtype=torch.float64)
    torch.testing.assert_close(made.vectors * made.values @ made.vectors.T, low, rtol=1e-9, atol=1e-9)
    inverse = torch.stack([made.solve(e, ridge) for e in identity], 1)
    inside = made.vectors @ made.vectors.T
    weight = float(made.values[-1]) + ridge
    woodbury = torch.linalg.inv(low + ridge * identity)
    torch.testing.assert_close(inside @ inverse @ inside, weight * inside @ woodbury @ inside, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(inverse - inside @ inverse, identity - inside, rtol=1e-9, atol=1e-9)
    other = NystromPreconditioner(operator, N, rank, y, seed=4)
    assert not torch.allclose(other.vectors * other.values @ other.vectors.T, low, rtol=1e-9, atol=1e-9)


def test_preconditioner_saves_iterations() -> None:
    """Eigenvalues 1/j^2: after the s largest, s ~ sqrt(1 / ridge), the rest is the ridge and CG has little to do."""
    values = 1000 / torch.arange(1.0, 201.0, dtype=torch.float64) ** 2
    root, _ = torch.linalg.qr(torch.randn(200, 200, generator=generator(0), dtype=torch.float64))
    operator, y = Dense(root * values @ root.T), torch.randn(200, generator=generator(1), dtype=torch.float64)
    ranks = (0, 60, 200)
    plain, helped, whole = (iterative_kernel_ridge(operator, y, 0.1, rank) for rank in ranks)
    assert plain.converged
    assert helped.converged
    # All columns make P = K + ridge I up to rounding: one iteration, and one more that refines.
    assert whole.iterations <= 2 < helped.iterations < plain.iterations / 2


def test_columns_rounded_worse_than_by_eps() -> None:
    """A Gram matrix of rank 3 with errors of 1e-6 relative: the shift grows until the factorisation exists."""
    root = torch.randn(60, 3, generator=generator(0), dtype=torch.float64)
    error = torch.randn(60, 60, generator=generator(1), dtype=torch.float64)
    gram = root @ root.T + 1e-6 * (error + error.T)
    eps = torch.finfo(torch.float64).eps * float(gram.norm())
    assert int(torch.linalg.cholesky_ex(gram + eps * torch.eye(60, dtype=torch.float64)).info) > 0
    y = torch.randn(60, generator=generator(2), dtype=torch.float64)
    assert iterative_kernel_ridge(Dense(gram), y, 0.1, 60).converged
    with pytest.raises(ValueError, match="not finite"):
        NystromPreconditioner(Dense(gram * math.nan), 60, 5, y)


def test_an_operator_that_is_not_symmetric() -> None:
    class Skew:
        gram = torch.arange(16.0, dtype=torch.float64).reshape(4, 4)

        def columns(self, index: torch.Tensor) -> torch.Tensor:
            return self.gram[:, index]

    with pytest.raises(ValueError, match="not those of a symmetric matrix"):
        NystromPreconditioner(Skew(), 4, 2, torch.ones(4, dtype=torch.float64))


def test_rounding_of_a_symmetric_matrix_is_no_asymmetry() -> None:
    """Sums of n terms are off by n eps; what is off by more than a hundred times that was not symmetric."""
    n = 200
    root, noise = (torch.randn(n, n, generator=generator(seed), dtype=torch.float64) for seed in (0, 1))
    gram = root @ root.T
    unit = n * torch.finfo(torch.float64).eps * float(gram.norm())
    y = torch.ones(n, dtype=torch.float64)
    assert NystromPreconditioner(Dense(gram + unit * noise), n, 50, y).values.numel() == 50
    with pytest.raises(ValueError, match="not those of a symmetric matrix"):
        NystromPreconditioner(Dense(gram + 1000 * unit * noise), n, 50, y)
