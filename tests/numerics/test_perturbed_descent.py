"""Perturbed gradient descent: saddles, noise, and clocks of their own in a batch."""

import math
from pathlib import Path

import pytest
import torch

from numerics import (
    Objective,
    PenaltyWeights,
    PerturbedGradientDescent,
    Record,
    Target,
    TwoLayerNetwork,
    extreme_eigenvalue,
    generator,
    lipschitz_constant,
    small_start,
    sphere,
    train,
)
from numerics.directions import GoodDirections
from numerics.models import ModelName
from numerics.perturbed_descent import _Clock, measured_at, perturbed_descent
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
D, M, N = 5, 24, 60


def problem(
    model: ModelName = "network",
    seed: int | tuple[int, ...] = 1,
    r4: float = 3e-3,
    directions: bool = True,
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
) -> Objective:
    network = TwoLayerNetwork(D, M, SIGMA, seed, dtype, device)
    x = sphere(N, D, math.sqrt(D), generator(2)).to(network.w)
    target = Target.dense(D, 1, 1.0, 3) + Target.sparse(D, 2, [1.0], 4)
    good = GoodDirections(network, 1) if directions else None
    return Objective(network, x, target(x), PenaltyWeights(r4=r4), good, model)


def saddle(r4: float, seed: int | tuple[int, ...] = 1) -> tuple[Objective, torch.Tensor]:
    """The QuadNTK at W = 0, a saddle; with a large weight of R4, a minimum in effect."""
    objective = problem("quadratic", seed, r4, directions=False)
    return objective, torch.zeros_like(objective.network.w)


def test_zero_is_a_saddle_that_only_noise_leaves() -> None:
    """Plain descent is in tests of training: it stays there exactly. Perturbed descent leaves and lowers the loss."""
    objective, zero = saddle(1e-3)
    assert extreme_eigenvalue(objective, zero, "smallest").value < -1e-3
    noisy = train(objective, zero, PerturbedGradientDescent(gradient=1e-3, radius=1e-2, wait=30), 400, 100)
    assert float(noisy.records[-1].parts.total) < 0.8 * float(noisy.records[0].parts.total)


def test_it_ends_at_a_second_order_stationary_point() -> None:
    """It ends by itself, at the point before the last noise, where lambda_min is not below -delta."""
    objective = problem(r4=0.1)
    method = PerturbedGradientDescent(gradient=1e-4, radius=1e-3, wait=40, decrease=1e-7)
    run = train(objective, small_start(objective.network, 0.3, 0), method, 20_000, 5_000)
    assert run.stopped == "stationary"
    assert float(run.records[-1].gradient_norm) <= method.gradient
    smallest = extreme_eigenvalue(objective, run.W, "smallest")
    # A direction of curvature -c grows from radius/sqrt(md) as (1 + c/L)^wait; the decrease it then brings is seen
    # unless c < L/wait log(sqrt(2 decrease m d / c)/radius), about 0.05 here.
    assert smallest.value - smallest.residual > -0.05


def test_noise_is_uniform_in_a_ball() -> None:
    """E|xi|^2 = r^2 n/(n+2) for n = m d: mean over 400 draws within 5 standard errors, and no direction preferred."""
    objective, _ = saddle(1e-3)
    clock = _Clock(PerturbedGradientDescent(radius=2.0), objective.network, torch.zeros(400, M, D, dtype=torch.float64))
    noise = clock._ball(torch.zeros(400, M, D, dtype=torch.float64))
    squares, size = noise.square().sum((1, 2)), M * D
    assert float(squares.max()) <= 4.0
    expected, stderr = 4 * size / (size + 2), float(squares.std()) / 20
    assert abs(float(squares.mean()) - expected) < 5 * stderr < 0.1
    # 120 means of numbers of variance 4/122: the largest is below 5 standard errors.
    assert float(noise.mean(0).abs().max()) < 5 * math.sqrt(expected / size) / 20


def test_a_network_that_ended_stays_while_others_go_on(device: str, dtype: torch.dtype) -> None:
    """Two networks at 0: one with labels, which leaves it, and one with labels zero, whose minimum it is."""
    network = TwoLayerNetwork(D, M, SIGMA, (1, 2), dtype, device)
    x = sphere(N, D, math.sqrt(D), generator(2)).to(network.w)
    y = torch.stack([Target.sparse(D, 2, [1.0], 4)(x), torch.zeros(N).to(x)])
    objective = Objective(network, x, y, PenaltyWeights(r4=1e-2), None, "quadratic")
    zero = torch.zeros_like(network.w)
    method = PerturbedGradientDescent(gradient=1e-3, radius=1e-2, wait=30, decrease=1e-4)
    run = train(objective, zero, method, 300, 10)
    assert run.stopped == "steps"
    assert torch.equal(run.W[1], zero[1]), "the point before the noise"
    losses = run.curve("total")
    assert float(losses[1, 1]) > 0, "moved by the noise, and not ended yet"
    assert float(losses[-1, 1]) == 0
    assert float(losses[-1, 0]) < 0.8 * float(losses[0, 0])
    # Both minima: both end, and so does the run.
    still = Objective(network, x, torch.zeros_like(y), PenaltyWeights(r4=1e-2), None, "quadratic")
    both = train(still, zero, method, 300, 10)
    assert both.stopped == "stationary"
    assert torch.equal(both.W, zero)


def test_a_batch_of_one_is_the_network() -> None:
    """The same noise and the same course, to rounding."""
    method = PerturbedGradientDescent(gradient=1e-2, radius=1e-2, wait=20)
    runs = []
    for seed in (1, (1,)):
        objective, zero = saddle(1e-3, seed)
        runs.append(train(objective, zero, method, 60, 60))
    torch.testing.assert_close(runs[0].W, runs[1].W[0], rtol=1e-9, atol=1e-12)
    assert float(runs[0].W.norm()) > 1e-3


@pytest.mark.parametrize("seed", [1, (1, 2)])
def test_pending_noise_survives_a_checkpoint(seed: int | tuple[int, ...], tmp_path: Path) -> None:
    """Killed while the method waits for the effect of its noise: the point before it, its loss and clock come back."""
    objective, zero = saddle(1e3, seed)
    # With this weight 0 is a minimum in effect, so the noise brings nothing and the method returns to the start.
    method = PerturbedGradientDescent(gradient=1e-3, radius=1e-4, wait=20, decrease=1e-3, seed=3)
    whole = train(objective, zero, method, 100, 5)
    assert whole.stopped == "stationary"
    assert torch.equal(whole.W, zero)
    assert float((train(objective, zero, method, 10).W - zero).norm()) > 0

    def kill(record: Record) -> None:
        if record.step == 10:
            raise KeyboardInterrupt

    file = tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        train(objective, zero, method, 100, 5, checkpoint=file, checkpoint_every=5, progress=kill)
    again = train(objective, zero, method, 100, 5, checkpoint=file, checkpoint_every=5)
    assert again.stopped == "stationary"
    assert torch.equal(again.W, zero)


def test_the_observed_descent_of_a_batch_is_that_of_each_alone() -> None:
    """Against a plain loop over single networks; the recorded fall is the least of all its steps."""
    silent = PerturbedGradientDescent(1e-2, 1e-12, 10, 1e-6)
    batch, singles = problem(seed=(1, 2)), [problem(seed=seed) for seed in (1, 2)]
    begin = torch.stack([small_start(one.network, 0.3, i) for i, one in enumerate(singles)])
    run = perturbed_descent(batch, begin, silent, 25, 1.0)
    for i, objective in enumerate(singles):
        W, falls = begin[i], []
        for t in range(25):
            parts, gradient = objective.value_and_gradient(W)
            if measured_at(t):
                rate = 1 / lipschitz_constant(objective, W)
            W = W - rate * gradient
            after = objective.value_and_gradient(W)[0].total
            falls.append(float((parts.total - after) / (rate * gradient.square().sum())))
        torch.testing.assert_close(run.W[i], W, rtol=1e-9, atol=1e-12)
        assert float(run.fall[i]) == pytest.approx(min(falls), rel=1e-6)
        assert max(falls) > min(falls) + 1e-3
        assert float(run.losses[-1][i]) == pytest.approx(float(after), rel=1e-12)
    assert [t for t in range(1000) if measured_at(t)] == [0, 10, 20, 40, 80, 160, 320, 640, 960]


def test_the_observed_descent_leaves_a_saddle_and_keeps_a_minimum() -> None:
    objective, zero = saddle(1e-3, (1, 2))
    still = perturbed_descent(objective, zero, PerturbedGradientDescent(1e-2, 1e-300, 20, 1e-4), 1, 1.0)
    assert still.reached.tolist() == [-1, -1]
    run = perturbed_descent(objective, zero, PerturbedGradientDescent(1e-2, 1e-3, 100, 1e-4), 400, 0.2)
    assert bool((run.losses[-1] < 0.8 * run.losses[0]).all())
    # With l4 this large 0 is a minimum in effect: the run ends there, at the point before the noise.
    objective, zero = saddle(1e4, (1, 2))
    run = perturbed_descent(objective, zero, PerturbedGradientDescent(1e-2, 1e-3, 20, 1e-2), 300, 1.0)
    assert run.reached.tolist() == [0, 0]
    assert torch.equal(run.W, zero)
    assert len(run.losses) == 21
