"""The refined solve against the plain one, also where single precision alone fails."""

import pytest
import torch

from numerics.sampling import generator
from numerics.shifted import solve_shifted


def gram(n: int, smallest: float) -> torch.Tensor:
    """A matrix with eigenvalues from ``smallest`` to 1000."""
    basis, _ = torch.linalg.qr(torch.randn(n, n, generator=generator(0), dtype=torch.float64))
    return basis @ torch.diag(torch.logspace(0, 1, n, dtype=torch.float64) ** 3 * smallest) @ basis.T


@pytest.mark.parametrize(("smallest", "ridge"), [(1.0, 3.0), (1e-3, 1e-2), (1e-12, 1e-8), (0.0, 1e-9)])
def test_against_the_factor_in_double(smallest: float, ridge: float) -> None:
    K = gram(60, smallest)
    y = torch.randn(60, 3, generator=generator(1), dtype=torch.float64)
    found = solve_shifted(K, y, ridge)
    shifted = K + ridge * torch.eye(60, dtype=torch.float64)
    assert float((shifted @ found - y).norm()) <= 1e-10 * float(y.norm())
    # Planted: what single precision alone gives.
    rough = torch.linalg.solve(shifted.float(), y.float()).double()
    assert float((shifted @ rough - y).norm()) > 1e-10 * float(y.norm())


def test_where_single_precision_cannot_refine() -> None:
    """Condition 1e9: the float32 factor misleads or fails, and the one in float64 takes its place."""
    K = gram(40, 1.0)
    K += 1e9 * torch.ones(40, 40, dtype=torch.float64)
    y = torch.randn(40, 1, generator=generator(2), dtype=torch.float64)
    found = solve_shifted(K, y, 0.1)
    shifted = K + 0.1 * torch.eye(40, dtype=torch.float64)
    assert float((found - torch.linalg.solve(shifted, y)).norm()) <= 1e-5 * float(found.norm())


def test_a_matrix_that_is_not_positive_is_refused() -> None:
    with pytest.raises(torch.linalg.LinAlgError):
        solve_shifted(-gram(10, 1.0), torch.ones(10, 1, dtype=torch.float64), 0.1)
