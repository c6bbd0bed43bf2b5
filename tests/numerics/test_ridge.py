"""Iterative ridge regression against the dense solve, and what it says of itself."""

import math
import re
from dataclasses import replace

import pytest
import references
import torch
from operators import SIGMA, D, Dense, M, N, problem

from numerics import memory
from numerics.kernels import ntk_gram
from numerics.memory import WouldNotFit
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.ridge import KernelRidge, NystromPreconditioner, RidgeSolution, iterative_kernel_ridge
from numerics.sampling import generator


def rounding(gram: torch.Tensor, y: torch.Tensor, a: torch.Tensor, ridge: float, dtype: torch.dtype) -> float:
    """Relative error of a residual in ``dtype``: m + 5 d + 8 roundings of entries of K, n of the sums."""
    size = float((gram.norm() + ridge) * a.double().norm().cpu() / y.double().norm().cpu())
    return torch.finfo(dtype).eps * (M + 5 * D + 8 + N) * size


@pytest.mark.parametrize("rank", [0, 20, 120, None])
@pytest.mark.parametrize("ridge", [0.5, 30.0])
def test_iterative_against_the_dense_solve(device: str, dtype: torch.dtype, rank: int | None, ridge: float) -> None:
    operator, y, test, gram = problem(device, dtype)
    tolerance = 1e-10 if dtype == torch.float64 else 1e-4
    solution = iterative_kernel_ridge(operator, y, ridge, rank, tolerance)
    assert solution.converged
    assert solution.status == "converged"
    assert solution.residual <= tolerance
    error = rounding(gram, y, solution.coefficients, ridge, dtype)
    assert abs(references.kernel_ridge_residual(gram, y, ridge, solution.coefficients) - solution.residual) <= error
    # The inverse has norm at most 1 / ridge.
    expected = references.kernel_ridge(gram, y, ridge)
    bound = (tolerance + error) * float(y.norm()) / ridge
    assert float((solution.coefficients.double().cpu() - expected).norm()) <= bound
    exact = TwoLayerNetwork(D, M, SIGMA)
    exact._place(operator.network.half.double().cpu())
    cross = ntk_gram(exact, test.double().cpu(), operator.x.double().cpu())
    difference = solution.predict(test).double().cpu() - cross @ expected
    spread = float(cross.norm()) * bound + error * float(y.norm())
    assert float(difference.norm()) <= spread
    # Planted: the solution of another ridge, and predictions from a coefficient too few.
    assert float((references.kernel_ridge(gram, y, 1.1 * ridge) - expected).norm()) > bound
    short = solution.coefficients.clone()
    short[short.abs().argmax()] = 0
    planted = replace(solution, coefficients=short).predict(test).double().cpu() - cross @ expected
    assert float(planted.norm()) > spread


def test_iterative_agrees_with_the_eigendecomposition() -> None:
    operator, y, _, gram = problem("cpu", torch.float64)
    fit, preconditioner = KernelRidge(gram, y), NystromPreconditioner(operator, N, 40, y)
    for ridge in (0.1, 1.0, 10.0):
        solution = iterative_kernel_ridge(operator, y, ridge, tolerance=1e-12, preconditioner=preconditioner)
        assert solution.converged
        error = rounding(gram, y, solution.coefficients, ridge, torch.float64)
        difference = solution.coefficients - fit.coefficients(ridge)
        assert float(difference.norm()) <= (1e-12 + 2 * error) * float(y.norm()) / ridge


def test_iterations_and_products_are_counted() -> None:
    _, y, _, gram = problem("cpu", torch.float64)
    dense = Dense(gram)
    solution = iterative_kernel_ridge(dense, y, 1.0, 0, tolerance=1e-6)
    assert dense.products == solution.iterations + 1, "one more for the true residual"


def test_running_out_of_iterations_is_said() -> None:
    operator, y, _, gram = problem("cpu", torch.float64)
    short = iterative_kernel_ridge(operator, y, 1e-3, 0, max_iterations=3)
    assert not short.converged
    assert short.iterations == 3
    assert short.residual > 1e-8
    assert "max_iterations=3 reached" in short.status
    assert short.residual == pytest.approx(
        references.kernel_ridge_residual(gram, y, 1e-3, short.coefficients), rel=1e-10
    )
    assert iterative_kernel_ridge(operator, y, 1e-3).converged


def test_float32_stops_where_it_can_do_no_more(device: str) -> None:
    operator, y, _, gram = problem(device, torch.float32)
    solution = iterative_kernel_ridge(operator, y, 0.01, 20, tolerance=1e-12, max_iterations=100_000)
    assert not solution.converged
    assert solution.iterations < 5000
    assert re.search(r"attains here, above tolerance=1.0e-12; .* use float64", solution.status)
    assert solution.residual <= rounding(gram, y, solution.coefficients, 0.01, torch.float32)
    true = references.kernel_ridge_residual(gram, y, 0.01, solution.coefficients)
    assert abs(true - solution.residual) <= rounding(gram, y, solution.coefficients, 0.01, torch.float32)
    double, y64, _, _ = problem(device, torch.float64)
    assert iterative_kernel_ridge(double, y64, 0.01, 20, tolerance=1e-10).converged


def test_reported_residual_is_the_true_one() -> None:
    """An operator that drifts after some products: the recursive residual does not notice, the true one does."""
    _, y, _, gram = problem("cpu", torch.float64)

    class Drifting(Dense):
        def matmul(self, v: torch.Tensor) -> torch.Tensor:
            image = super().matmul(v)
            return image * 1.01 if self.products > 4 else image

    drifting = Drifting(gram)
    solution = iterative_kernel_ridge(drifting, y, 1.0, 0, max_iterations=2000)
    steady = references.kernel_ridge_residual(1.01 * gram, y, 1.0, solution.coefficients)
    assert solution.residual == pytest.approx(steady, rel=1e-6, abs=1e-12)
    assert solution.converged == (steady <= 1e-8)


def test_indefinite_operator_is_not_called_solved() -> None:
    y = torch.randn(20, generator=generator(0), dtype=torch.float64)
    solution = iterative_kernel_ridge(Dense(-torch.eye(20, dtype=torch.float64)), y, 0.5, 0)
    assert not solution.converged
    assert solution.residual == 1.0
    nan = iterative_kernel_ridge(Dense(torch.full((20, 20), math.nan, dtype=torch.float64)), y, 0.5, 0)
    assert not nan.converged


def test_zero_labels() -> None:
    operator, y, test, _ = problem("cpu", torch.float64)
    solution = iterative_kernel_ridge(operator, torch.zeros_like(y), 1.0)
    assert (solution.converged, solution.residual, solution.iterations) == (True, 0.0, 0)
    assert torch.equal(solution.predict(test), torch.zeros(30, dtype=torch.float64))
    assert isinstance(solution, RidgeSolution)


def test_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    operator, y, _, gram = problem("cpu", torch.float64)
    monkeypatch.setattr(memory, "SMALL", 1)
    monkeypatch.setattr(memory, "available_bytes", lambda device: 3 * 8 * 50**2)
    with pytest.raises(WouldNotFit, match="n <= 50 would fit, or use iterative_kernel_ridge"):
        KernelRidge(gram[:51, :51], y[:51])
    KernelRidge(gram[:50, :50], y[:50])
    with pytest.raises(WouldNotFit, match="rank <= 20 would fit"):
        iterative_kernel_ridge(operator, y, 1.0, 21)
    assert iterative_kernel_ridge(Dense(gram), y, 1.0, 20).converged


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        ({"ridge": 0.0}, "ridge=0.0: needs a positive finite ridge"),
        ({"ridge": math.nan}, "ridge=nan"),
        ({"tolerance": 0.0}, "tolerance=0.0: needs a positive finite tolerance"),
        ({"max_iterations": 0}, "max_iterations=0: needs an integer"),
        ({"rank": N + 1}, f"rank={N + 1}: needs an integer 0 <= rank <= n = {N}"),
        ({"rank": -1}, "rank=-1"),
        ({"y": torch.zeros(N, 1)}, f"y of shape ({N}, 1): needs n finite labels"),
        ({"y": torch.full((N,), math.inf)}, "needs n finite labels"),
    ],
)
def test_bad_input(arguments: dict, needle: str) -> None:
    operator, y, _, _ = problem("cpu", torch.float64)
    with pytest.raises(ValueError, match=re.escape(needle)):
        iterative_kernel_ridge(**{"operator": operator, "y": y, "ridge": 1.0, **arguments})


def test_several_outputs_are_solved_column_by_column(dtype: torch.dtype) -> None:
    _, y, test, gram = problem("cpu", dtype)
    outputs = torch.stack([y, y.flip(0) + 1, y.square()], dim=1)
    cross = gram[: len(test)].to(dtype)
    for matrix, ridge, minimum_norm in ((gram.to(dtype), 30.0, False), (torch.ones(N, N, dtype=dtype), 0.0, True)):
        together = KernelRidge(matrix, outputs)
        for column in range(3):
            alone = KernelRidge(matrix, outputs[:, column])
            expected = alone.coefficients(ridge, minimum_norm)
            found = together.coefficients(ridge, minimum_norm)[:, column]
            tolerance = 100 * torch.finfo(dtype).eps
            torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
            predicted = together.predict(cross, ridge, minimum_norm)
            assert predicted.shape == (len(cross), 3)
            scale = float(cross.norm() * expected.norm())
            torch.testing.assert_close(
                predicted[:, column], alone.predict(cross, ridge, minimum_norm), rtol=0, atol=tolerance * scale
            )
            assert not torch.allclose(predicted[:, column], predicted[:, column - 1])
    assert KernelRidge(gram, outputs[:, :1]).coefficients(1.0).shape == (N, 1)


def test_several_outputs_elsewhere_name_the_way_out() -> None:
    operator, y, _, gram = problem("cpu", torch.float64)
    outputs = torch.stack([y, y], dim=1)
    with pytest.raises(ValueError, match=re.escape("y[:, j], or use KernelRidge")):
        iterative_kernel_ridge(operator, outputs, 1.0)
    with pytest.raises(ValueError, match=re.escape("take one Objective for each column, y[:, j]")):
        Objective(operator.network, operator.x, outputs)
    for bad in (torch.ones(N, 2, 2), torch.ones(N, 0), torch.ones(N - 1, 2)):
        with pytest.raises(ValueError, match=r"or \(\d+, c\), n >= 1"):
            KernelRidge(gram, bad)


@pytest.mark.parametrize("size", [1.0, 1e-100, 1e-170])
def test_labels_of_every_size_are_fitted(size: float) -> None:
    """The squares of 1e-170 underflow; the solution is linear in the labels all the same."""
    root = torch.randn(7, 7, generator=generator(3), dtype=torch.float64)
    gram = root @ root.T
    y = torch.arange(1.0, 8.0, dtype=torch.float64)
    found = iterative_kernel_ridge(Dense(gram), y * size, 1.0)
    exact = torch.linalg.solve(gram + torch.eye(7, dtype=torch.float64), y)
    assert found.converged
    assert torch.allclose(found.coefficients / size, exact, rtol=1e-6)
