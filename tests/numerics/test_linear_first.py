"""R1 through directions of the training Jacobian, by definition; runs with fresh inputs."""

import math
from pathlib import Path

import pytest
import torch
from gaussian import COUNT, SIGMA, D, M, N, dense_jacobian, gaussian_problem

from numerics import (
    FreshInputs,
    GoodDirections,
    GradientDescent,
    Objective,
    PenaltyWeights,
    Record,
    TwoLayerNetwork,
    hessian_vector,
    sign_variation,
    train,
)

ALONE = {"r2": 0.0, "r3": 0.0, "r4": 0.0, "r1_modes": ("training",)}


def by_definition(
    network: TwoLayerNetwork,
    x: torch.Tensor,
    y: torch.Tensor,
    W: torch.Tensor,
    weights: tuple[float, float],
    fresh: torch.Tensor,
) -> torch.Tensor:
    """The loss of f_L + f_Q with R1 on training and on fresh inputs, from a dense projection."""
    right = torch.linalg.svd(dense_jacobian(network, x), full_matrices=False)[2][:COUNT]
    outside = (W.flatten() - right.T @ (right @ W.flatten())).reshape(W.shape)
    z, first, second = x @ network.w.T, *(network.activation.derivatives(x @ network.w.T, 1, 2))
    assert z.shape == first.shape
    move = x @ W.T
    f = (network.a * (first * move + second * move.square() / 2)).sum(1) / math.sqrt(M)
    penalties = []
    for inputs in (x, fresh):
        (slope,) = network.activation.derivatives(inputs @ network.w.T, 1)
        penalties.append(((network.a * slope * (inputs @ outside.T)).sum(1) / math.sqrt(M)).square().mean())
    return (f - y).square().mean() + weights[0] * penalties[0] + weights[1] * penalties[1]


@pytest.mark.parametrize("weights", [(0.0, 0.7), (1.3, 0.0), (1.3, 0.7)])
def test_value_and_gradient_by_definition(weights: tuple[float, float]) -> None:
    network, x, W = gaussian_problem()
    y = x[:, 0] ** 2 - 1 + x[:, 1]
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    fresh = FreshInputs(weights[1], 9, count=12)
    objective = Objective(network, x, y, PenaltyWeights(r1=weights[0], **ALONE), directions, fresh=fresh)
    W = W.requires_grad_()
    values = []
    for step in (0, 3):
        objective.draw(step)
        parts, gradient = objective.value_and_gradient(W.detach())
        expected = by_definition(network, x, y, W, weights, fresh.inputs(D, step))
        (slope,) = torch.autograd.grad(expected, W)
        assert float(parts.total) == pytest.approx(float(expected.detach()), rel=1e-10)
        torch.testing.assert_close(gradient, slope, rtol=1e-9, atol=1e-12)
        values.append(float(parts.total))
    assert (values[0] == values[1]) == (weights[1] == 0), "each step has inputs of its own"
    off = by_definition(network, x, y, W, (weights[0] + 0.01, weights[1]), fresh.inputs(D, 3))
    assert abs(float(off.detach()) - values[1]) > 1e-6 * values[1], "a weight off by 0.01 is seen"


def test_linear_first_is_the_general_pass(device: str, dtype: torch.dtype) -> None:
    """The pass that forms f_L first against the one for any directions, here a stored basis of the same subspace."""
    network, x, W = gaussian_problem(dtype, device)
    y = x[:, 0]
    own = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    same = own.random_subspace(0)
    same._basis._flat = own.half_basis().flatten(-2)  # type: ignore[attr-defined]
    fresh = FreshInputs(0.7, 9, count=12)
    weights = PenaltyWeights(r1=1.3, **ALONE)
    fast, slow = (Objective(network, x, y, weights, one, fresh=fresh) for one in (own, same))
    assert (fast._linear_first is None, slow._linear_first is None) == (False, True)
    (a, one), (b, two) = (objective.value_and_gradient(W) for objective in (fast, slow))
    rtol = 4000 * torch.finfo(dtype).eps
    assert float(a.total) == pytest.approx(float(b.total), rel=rtol)
    assert float((one - two).norm()) <= rtol * float(two.norm())
    W.mul_(1.01)
    assert float((fast.value_and_gradient(W)[1] - two).norm()) > rtol * float(two.norm())


def test_other_terms_take_the_general_pass() -> None:
    """R3, Hessian and sign variation need coordinates only, and inputs may lie anywhere."""
    network, x, W = gaussian_problem()
    y = x[:, 0]
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    weights = PenaltyWeights(r1=1.3, r3=0.7, r4=0.01, r1_modes=("training",))
    objective = Objective(network, x, y, weights, directions)
    assert objective._linear_first is None
    parts, gradient = objective.value_and_gradient(W)
    P = directions.project(W)
    cross = network.cross(x, P, W - P).square().mean()
    assert float(parts.r3) == pytest.approx(float(cross), rel=1e-10)
    V, h = W.flip(1), 1e-5
    ahead, behind = (objective.value_and_gradient(W + s * V)[1] for s in (h, -h))
    torch.testing.assert_close(hessian_vector(objective, W, V), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-6)
    alone = Objective(network, x, y, PenaltyWeights(r1=1.3, **ALONE), directions)
    ahead, behind = (alone.value_and_gradient(W + s * V)[1] for s in (h, -h))
    torch.testing.assert_close(hessian_vector(alone, W, V), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-6)
    assert math.isfinite(sign_variation(alone, W, V).total)
    assert float(gradient.norm()) > 0


def test_resumes_bit_by_bit_with_fresh_inputs(tmp_path: Path) -> None:
    network, x, _ = gaussian_problem(torch.float32)
    y = (x[:, 0] ** 2 - 1 + x[:, 0]) / math.sqrt(3)
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)

    def objective(seed: int = 9) -> Objective:
        fresh = FreshInputs(0.5, seed, count=12)
        return Objective(network, x, y, PenaltyWeights(r1=1.0, **ALONE), directions, fresh=fresh)

    start, method, at = torch.zeros(M, D), GradientDescent(1.0), (1, 3, 9, 30)
    whole = train(objective(), start, method, 30, record_at=at)
    assert [record.step for record in whole.records] == [0, *at]

    class Killed(Exception):
        pass

    def kill(record: Record) -> None:
        if record.step == 9:
            raise Killed

    file = tmp_path / "run"
    with pytest.raises(Killed):
        train(objective(), start, method, 30, record_at=at, checkpoint=file, checkpoint_every=7, progress=kill)
    rest = train(objective(), start, method, 30, record_at=at, checkpoint=file, checkpoint_every=7)
    assert torch.equal(rest.W, whole.W)
    assert repr([record.numbers() for record in rest.records]) == repr([r.numbers() for r in whole.records])
    assert not torch.equal(train(objective(10), start, method, 30, record_at=at).W, whole.W)
    outside = network.linear(x, directions.complement(whole.W)).square().mean()
    assert float(whole.records[-1].outside) == pytest.approx(float(outside), rel=1e-4)
    assert float(whole.records[-1].outside) == pytest.approx(float(whole.records[-1].parts.r1_training), rel=1e-3)
    with pytest.raises(ValueError, match="belongs to another run"):
        train(objective(10), start, method, 30, record_at=at, checkpoint=file)
    with pytest.raises(ValueError, match="use Adam, or GradientDescent with a fixed step"):
        train(objective(), start, GradientDescent(), 30)


def test_the_residual_outside_is_the_weight_times_the_linear_term() -> None:
    """Where the gradient has no part outside the good directions, the residual there over f_L is minus the weight."""
    # Checks :eq:`residual-outside`.
    network, x, _ = gaussian_problem()
    y, weight = x[:, 0] ** 2 - 1 + x[:, 1], 2.5
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    jacobian = directions.jacobian()
    assert jacobian is not None
    outside, J = jacobian.outside(y), dense_jacobian(network, x)
    f = outside / (1 + weight) + 0.3 * (y - outside)
    W = torch.linalg.lstsq(J, f, driver="gelsd").solution.reshape(M, D)
    energy = outside.square().sum() * (weight / (1 + weight)) ** 2 / N

    def at(w: float) -> tuple[float, float]:
        objective = Objective(network, x, y, PenaltyWeights(r1=w, **ALONE), directions, model="linear")
        parts, gradient = objective.value_and_gradient(W)
        assert float(directions.project(gradient).norm()) > 0.01, "the good part is free"
        return float(directions.complement(gradient).norm()), float(parts.r1_training)

    rest, r1 = at(weight)
    assert rest < 1e-9
    assert weight**2 * r1 == pytest.approx(float(energy), rel=1e-9)
    assert at(weight + 0.1)[0] > 1e-3


def test_a_batch_is_the_loop_over_its_networks(device: str) -> None:
    networks, x, W = gaussian_problem(device=device, seed=(1, 5))
    y, fresh, weights = x[:, 0], FreshInputs(0.7, 9, count=12), PenaltyWeights(r1=1.3, **ALONE)

    def objective(network: TwoLayerNetwork) -> Objective:
        return Objective(network, x, y, weights, GoodDirections(network, 1, "jacobian", x, count=COUNT), fresh=fresh)

    many = objective(networks)
    assert many._linear_first is not None
    parts, gradient = many.value_and_gradient(W)
    for i, seed in enumerate((1, 5)):
        alone = objective(TwoLayerNetwork(D, M, SIGMA, seed, device=device))
        expected, slope = alone.value_and_gradient(W[i])
        torch.testing.assert_close(gradient[i], slope, rtol=1e-8, atol=1e-11)
        torch.testing.assert_close(parts.total[i], expected.total, rtol=1e-10, atol=0.0)
        assert not torch.allclose(gradient[1 - i], slope)
