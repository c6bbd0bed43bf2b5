"""Directions of the training Jacobian against a dense singular value decomposition."""

import math
import re

import pytest
import torch
from gaussian import COUNT, SIGMA, D, M, N, dense_jacobian, gaussian_problem

from numerics import FreshInputs, GoodDirections, HermiteTarget, Objective, PenaltyWeights, TwoLayerNetwork, gaussian
from numerics.jacobian import RANK
from numerics.sampling import generator


def test_projection_is_that_of_the_dense_decomposition(device: str, dtype: torch.dtype) -> None:
    # Checks :eq:`jacobian-directions`.
    network, x, W = gaussian_problem(dtype, device)
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    exact = TwoLayerNetwork(D, M, SIGMA, 1)
    J = dense_jacobian(exact, x.double().cpu())
    _, values, right = torch.linalg.svd(J, full_matrices=False)
    flat = W.double().cpu().flatten()
    expected = right[:COUNT].T @ (right[:COUNT] @ flat)
    gap = float(values[COUNT - 1] ** 2 - values[COUNT] ** 2) / float(values[0] ** 2)
    # The Gram matrix is rounded in sums of m/2 and d terms; its eigenvectors move by that over the relative gap.
    eps = torch.finfo(dtype).eps * (M + D + N)
    atol = 4 * eps / gap * float(flat.norm())
    assert gap > 0.01
    assert float((directions.project(W).double().cpu().flatten() - expected).norm()) <= atol
    wrong = right[1 : COUNT + 1].T @ (right[1 : COUNT + 1] @ flat)
    assert float((expected - wrong).norm()) > atol, "another subspace is seen"
    assert directions.dimension == COUNT
    found = directions.jacobian()
    assert found is not None
    assert float((found.values.double().cpu() - values[:COUNT]).abs().max()) <= 4 * eps * float(values[0])


def test_projection_laws_and_features(dtype: torch.dtype, device: str) -> None:
    """Idempotent, symmetric, orthonormal; features at the inputs themselves, and at others, by f_L of each vector."""
    network, x, W = gaussian_problem(dtype, device)
    directions = GoodDirections(network, 1, "jacobian", x)
    assert directions.dimension == D + 1, "n_k where no count is given"
    V, other = W.flip(0), gaussian(7, D, generator(5)).to(network.w)
    P = directions.project
    found = directions.jacobian()
    assert found is not None
    atol = 400 * torch.finfo(dtype).eps * float(found.values[0] / found.values[-1]) * float(W.norm())
    assert float((P(P(W)) - P(W)).norm()) <= atol
    assert abs(float((P(W) * V).sum() - (W * P(V)).sum())) <= atol * float(V.norm())
    half = directions.half_basis().flatten(-2)
    identity = torch.eye(D + 1, dtype=dtype, device=network.device)
    assert float((2 * half @ half.mT - identity).norm()) <= atol
    for inputs in (x, other):
        for one, column in zip(directions.half_basis(), directions.features(inputs).mT, strict=True):
            assert float((network.linear(inputs, torch.cat([one, -one])) - column).norm()) <= atol
    linear = network.linear(x, W)
    assert float((found.outside(linear) - network.linear(x, directions.complement(W))).norm()) <= atol
    assert float(found.outside(linear).norm()) > atol
    slope, c = linear.flip(0), directions.coordinates(W)
    assert abs(float(found.along(linear) @ c - linear @ found.pulled(c))) <= atol * float(c.norm()), "adjoint"
    assert float((found.along(slope) - found.along(linear)).norm()) > atol


def test_a_batch_is_the_loop_over_its_networks() -> None:
    networks, x, W = gaussian_problem(seed=(1, 5))
    many = GoodDirections(networks, 1, "jacobian", x, count=COUNT)
    fresh = gaussian(6, D, generator(8))
    for i, seed in enumerate((1, 5)):
        one = GoodDirections(TwoLayerNetwork(D, M, SIGMA, seed), 1, "jacobian", x, count=COUNT)
        torch.testing.assert_close(many.project(W)[i], one.project(W[i]))
        first, second = (
            g @ directions.coordinates(w)[..., None]
            for g, directions, w in ((many.features(fresh)[i], one, W[i]), (one.features(fresh), one, W[i]))
        )
        torch.testing.assert_close(first.abs(), second.abs())
        assert not torch.allclose(many.project(W)[i], one.project(W[1 - i]))


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x, _ = gaussian_problem()
    with pytest.raises(ValueError, match=re.escape("count=41: needs count <= n = 40")):
        GoodDirections(network, 1, "jacobian", x, count=N + 1)
    with pytest.raises(ValueError, match="zero to rounding"):
        GoodDirections(network, 1, "jacobian", torch.cat([x[:4]] * 5), count=COUNT)
    assert RANK * N * torch.finfo(torch.float64).eps < 1e-10, "only what is zero to rounding is refused"
    target = HermiteTarget(D, {1: (torch.ones(1), torch.eye(D)[:1])})
    directions = GoodDirections(network, 1, "jacobian", x)
    with pytest.raises(ValueError, match="R1 in population, a mean over the sphere"):
        Objective(network, x, target(x), PenaltyWeights(), directions)
    on = x * (math.sqrt(D) / x.norm(dim=1, keepdim=True))
    with pytest.raises(ValueError, match="needs fresh inputs on it; use 'sphere'"):
        Objective(network, on, target(on), PenaltyWeights(), directions, fresh=FreshInputs(1.0, 3))
    with pytest.raises(ValueError, match="needs directions"):
        Objective(network, x, target(x), fresh=FreshInputs(1.0, 3))


def test_no_matrix_of_directions_is_stored() -> None:
    network, x, W = gaussian_problem()
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    directions.project(W)
    held = [value for value in vars(directions._basis).values() if isinstance(value, torch.Tensor)]
    assert max(value.numel() for value in held) <= N * max(N, D)
