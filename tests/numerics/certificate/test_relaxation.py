"""The relaxed loss against its definition, and the mean over random signs by enumeration."""

from __future__ import annotations

import itertools

import pytest
import torch
from objectives import D, M, Problem, training_problem, weights

from numerics import LBFGS, GradientDescent, PenaltyWeights, Relaxation, small_start, train
from numerics.curvature import Hessian
from numerics.sampling import generator

PROBLEM = Problem.of()
W, V = 0.3 * torch.randn(2, M, D, generator=generator(5), dtype=torch.float64)


@pytest.mark.parametrize("model", ["taylor", "quadratic", "linear"])
@pytest.mark.parametrize("power", [4, 8])
def test_value_and_derivatives(model: str, power: int) -> None:
    # Checks :eq:`relaxed-loss`.
    objective = PROBLEM.objective(weights(power=power), model=model)
    network, w = objective.network, objective.weights
    relaxation = Relaxation(objective)

    def definition(W: torch.Tensor, V: torch.Tensor) -> torch.Tensor:
        x = objective.x
        linear = network.linear(x, W) if model != "quadratic" else 0
        curved = network.quadratic(x, W) + network.quadratic(x, V) if model != "linear" else 0
        alone = objective.value_and_gradient(W.detach())[0]  # its R1 is a form of W, checked in the tests of the loss
        r4 = (W.square().sum(1) + V.square().sum(1)).square().sum() ** (power // 4)
        r1 = alone.r1_exact + alone.r1_training + alone.r1_unlabeled
        return (linear + curved - objective.y).square().mean() + w.r1 * r1 + w.r4 * r4

    at = relaxation.join(W, V)
    parts, gradient = relaxation.value_and_gradient(at)
    assert float(parts.total) == pytest.approx(float(definition(W, V)), rel=1e-12)
    first, second = relaxation.split(at)
    assert torch.equal(first, W)
    assert torch.equal(second, V)
    leaf = V.clone().requires_grad_()
    (slope,) = torch.autograd.grad(definition(W, leaf), leaf)
    torch.testing.assert_close(relaxation.split(gradient)[1], slope, rtol=1e-10, atol=1e-12)
    # Without a second displacement: the loss itself, R3 apart.
    alone = objective.value_and_gradient(W)[0]
    plain = relaxation.value_and_gradient(relaxation.join(W, 0 * V))[0]
    assert float(plain.total) == pytest.approx(float(alone.total - w.r3 * alone.r3), rel=1e-12)
    # Its own gradient and Hessian agree.
    step, move = 1e-5, torch.randn(at.shape, generator=generator(6), dtype=torch.float64)
    ahead, behind = (relaxation.value_and_gradient(at + sign * step * move)[1] for sign in (1, -1))
    torch.testing.assert_close(
        Hessian(relaxation, at).matmul(move), (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-6
    )


def test_mean_over_signs_by_enumeration() -> None:
    # Checks :eq:`relaxation-excess`.
    problem, _ = training_problem("taylor", weights=PenaltyWeights(1.0, 1.0, 0.0, 0.05))
    network = problem.network
    shape, count = network.w.shape, 4
    W, V = 0.3 * torch.randn(2, *shape, generator=generator(7), dtype=torch.float64)
    V[count // 2 : shape[0] // 2] = 0  # all but four rows, two in either half, so that there are 16 signs
    V[shape[0] // 2 + count // 2 :] = 0
    rows = [0, 1, shape[0] // 2, shape[0] // 2 + 1]
    total = 0.0
    for signs in itertools.product((-1.0, 1.0), repeat=count):
        S = torch.ones(shape[0], 1, dtype=torch.float64)
        S[rows, 0] = torch.tensor(signs, dtype=torch.float64)
        total += float(problem.value_and_gradient(W + S * V)[0].total) / 2**count
    relaxation = Relaxation(problem)
    at = relaxation.join(W, V)
    relaxed = float(relaxation.value_and_gradient(at)[0].total)
    assert total == pytest.approx(relaxed + float(relaxation.sign_excess(at)), rel=1e-12)
    assert total > 1.01 * relaxed


def test_the_loop_trains_it() -> None:
    problem, _ = training_problem("taylor")
    relaxation = Relaxation(problem)
    start = relaxation.join(small_start(problem.network, 0.3, 0), small_start(problem.network, 0.3, 1))
    for method in (GradientDescent(), LBFGS()):
        run = train(relaxation, start, method, 40, 20)
        losses = run.curve("total").tolist()
        assert losses == sorted(losses, reverse=True)
        assert float(relaxation.predict(problem.x, run.W).sub(problem.y).square().mean()) == pytest.approx(
            float(run.records[-1].parts.data), rel=1e-12
        )
        first, second = relaxation.split(run.W)
        energy = problem.network.quadratic(problem.x, first) + problem.network.quadratic(problem.x, second)
        assert float(run.records[-1].quadratic_energy) == pytest.approx(float(energy.square().mean()), rel=1e-12)
        assert float(run.records[-1].linear_energy) == pytest.approx(
            float(problem.network.linear(problem.x, first).square().mean()), rel=1e-12
        )
        assert run.records[-1].kernel_movement.isnan()


def test_what_is_refused() -> None:
    network_loss, _ = training_problem("network")
    with pytest.raises(ValueError, match="use model='taylor'"):
        Relaxation(network_loss)
    objective = PROBLEM.objective(weights(power=8))
    relaxation = Relaxation(objective)
    with pytest.raises(ValueError, match="r4_power=4"):
        relaxation.sign_excess(relaxation.join(W, V))
