"""The objective in double precision keeps weights, inputs, labels and subspace."""

import pytest
import torch
from objectives import Problem, weights

from numerics.certificate.double import in_double


def test_a_float64_objective_is_itself() -> None:
    objective = Problem.of().objective(weights())
    assert in_double(objective) is objective


@pytest.mark.parametrize("subspace", ["span", "random"])
def test_float32(subspace: str, device: str) -> None:
    problem = Problem.of(device, torch.float32)
    if subspace == "random":
        problem.directions = problem.directions.random_subspace(3)
    objective = problem.objective(weights())
    wide = in_double(objective)
    assert wide.network.dtype == wide.x.dtype == wide.y.dtype == torch.float64
    assert torch.equal(wide.network.half, objective.network.half.double())
    torch.testing.assert_close(wide.x, objective.x.double(), rtol=1e-6, atol=0)
    single, double = (one.value_and_gradient(problem.W.to(one.network.w))[0].numbers() for one in (objective, wide))
    assert single == pytest.approx(double, rel=1e-4, nan_ok=True)
    inexact = problem.objective(weights(("training",)))
    assert torch.equal(in_double(inexact).x, inexact.x.double())
