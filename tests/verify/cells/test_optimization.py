"""Cells of O1 and O2: perturbed descent on a batch against plain loops, ends and references against slow twins."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from references import dense_hessian

from numerics import (
    GoodDirections,
    Objective,
    Target,
    TwoLayerNetwork,
    Weights,
    generator,
    lipschitz_constant,
    small_start,
    sphere,
)
from numerics.constructions import joint_construction, random_signs
from numerics.models import ModelName
from verify.cells.optimization import (
    EARLY,
    SCALES,
    Descent,
    IndependentStarts,
    Perturbation,
    ball,
    measured_at,
    perturbed_descent,
)

ACTIVATION = "tanh(z + 1)"
TINY = {"activation": ACTIVATION, "device": "cpu", "d": 4, "m": 8, "n": 12, "k": 1, "r4": 0.03}
NOISE = {"start": 0.3, "tolerance": 0.02, "radius": 0.01, "wait": 20, "decrease": 1e-4}
SILENT = Perturbation(1e-2, 1e-12, 10, 1e-6, 0)


def descent(**changes: Any) -> Descent:
    return Descent(**TINY | NOISE | {"draws": 2, "steps": 400, "step": 1.0, "spectra": 2, "lanczos": 1e-8} | changes)


def test_a_batch_descends_as_each_alone() -> None:
    """Against a plain loop over single networks; the recorded fall is the least of all its steps."""
    cell = descent()
    begin = torch.stack([small_start(cell.network(draw), 0.3, draw) for draw in range(2)])
    run = perturbed_descent(cell.batch(), begin, SILENT, 25, 1.0)
    for draw in range(2):
        objective, W, falls = cell.single(draw), begin[draw], []
        for t in range(25):
            parts, gradient = objective.value_and_gradient(W)
            if measured_at(t):
                rate = 1 / lipschitz_constant(objective, W)
            W = W - rate * gradient
            after = objective.value_and_gradient(W)[0].total
            falls.append(float((parts.total - after) / (rate * gradient.square().sum())))
        torch.testing.assert_close(run.W[draw], W, rtol=1e-9, atol=1e-12)
        assert float(run.fall[draw]) == pytest.approx(min(falls), rel=1e-6)
        assert max(falls) > min(falls) + 1e-3
        assert float(run.losses[-1][draw]) == pytest.approx(float(after), rel=1e-12)
    assert [t for t in range(1000) if measured_at(t)] == [0, 10, 20, 40, 80, 160, 320, 640, 960]


def quadratic(r4: float, model: ModelName = "quadratic") -> tuple[Objective, torch.Tensor]:
    network = TwoLayerNetwork(4, 8, descent().network(0).activation.exact, (1, 2))
    x = sphere(12, 4, 2.0, generator(3))
    return Objective(network, x, x[:, 0] ** 2, Weights(r4=r4), None, model), torch.zeros_like(network.w)


def test_noise_leaves_a_saddle_and_keeps_a_minimum() -> None:
    objective, zero = quadratic(1e-3)
    still = perturbed_descent(objective, zero, Perturbation(1e-2, 1e-300, 20, 1e-4, 0), 1, 1.0)
    assert still.reached.tolist() == [-1, -1]
    run = perturbed_descent(objective, zero, Perturbation(1e-2, 1e-3, 100, 1e-4, 0), 400, 0.2)
    assert bool((run.losses[-1] < 0.5 * run.losses[0]).all())
    # With l4 this large 0 is a minimum in effect: the run ends there, at the point before the noise.
    objective, zero = quadratic(1e4)
    run = perturbed_descent(objective, zero, Perturbation(1e-2, 1e-3, 20, 1e-2, 0), 300, 1.0)
    assert run.reached.tolist() == [0, 0]
    assert torch.equal(run.W, zero)
    assert len(run.losses) == 21


def test_noise_is_uniform_in_a_ball() -> None:
    """E|xi|^2 = r^2 n/(n + 2), within 5 standard errors over 2,000 draws."""
    noise = ball(torch.zeros(2000, 2, 3, dtype=torch.float64), 2.0, generator(0))
    squares = noise.square().sum((1, 2))
    assert float(squares.max()) <= 4
    assert abs(float(squares.mean()) - 4 * 6 / 8) < 5 * float(squares.std()) / math.sqrt(2000)
    assert float(noise.mean(0).abs().max()) < 5 * 2 / math.sqrt(2000)


def test_longer_steps_break_the_descent_lemma() -> None:
    short, long = (descent(step=step, steps=12, spectra=0).run() for step in (1.0, 4.0))
    assert min(short["fall"]) > 0.45
    assert max(long["fall"]) < 0
    assert "gradient" not in long


def test_the_ends_of_a_descent() -> None:
    """lambda_min against the dense spectrum; gradient and loss of the last point, where noise brought nothing."""
    cell = descent()
    numbers = cell.run()
    assert None not in numbers["reached"]
    begin = torch.stack([small_start(cell.network(i), 0.3, cell.drawn(f"start {i}")) for i in range(2)])
    noise = Perturbation(0.01, 0.02, 20, 1e-4, cell.drawn("noise"))
    run = perturbed_descent(cell.batch(), begin, noise, 400, 1.0)
    for draw in range(2):
        objective = cell.single(draw)
        spectrum = torch.linalg.eigvalsh(dense_hessian(objective, run.W[draw]))
        value, residual = numbers["curvature"][draw]
        assert value == pytest.approx(float(spectrum[0]), abs=1e-6)
        assert residual < 1e-3
        assert numbers["gradient"][draw] == pytest.approx(
            float(objective.value_and_gradient(run.W[draw])[1].norm()), rel=1e-12
        )
        assert numbers["gradient"][draw] <= 0.02 < numbers["early"][draw]
        reached = numbers["reached"][draw]
        assert float(run.losses[reached][draw]) == pytest.approx(numbers["losses"][draw][1], rel=1e-12)
    start = torch.linalg.eigvalsh(dense_hessian(cell.single(0), begin[0]))
    assert numbers["start_curvature"][0] == pytest.approx(float(start[0]), abs=1e-6)
    assert numbers["early"] == run.gradients[EARLY].tolist()


def test_draws_do_not_depend_on_how_they_are_solved() -> None:
    first = descent()
    assert torch.equal(first.inputs(1), descent(steps=7, step=4.0, draws=5, r4=1.0).inputs(1))
    assert not torch.equal(first.inputs(0), first.inputs(1))
    assert not torch.equal(first.inputs(0), descent(base_seed=1).inputs(0))


def test_target_and_directions_follow_k() -> None:
    cell = descent(k=2, d=4, m=16, n=20)
    assert set(cell.target(0).energies()) == {2, 3}
    assert isinstance(cell.target(0), Target)
    directions = cell.single(0).directions
    assert isinstance(directions, GoodDirections)
    assert directions.k == 2


def independent(**changes: Any) -> IndependentStarts:
    return IndependentStarts(
        **TINY | NOISE | {"draws": 2, "starts": 2, "signs": 3, "steps": 400, "step": 1.0} | changes
    )


def test_starts_share_the_draw_and_are_judged_by_the_full_loss() -> None:
    cell = independent()
    objective = cell.batch(2)
    assert torch.equal(objective.x[0], objective.x[1])
    assert torch.equal(objective.network.w[2], objective.network.w[3])
    assert not torch.equal(objective.x[1], objective.x[2])
    ends, free = cell.run(), independent(regularised=False).run()
    assert ends["ends"][0][0] != ends["ends"][0][1]
    # The data term alone leaves R1 and R4 where they are: its ends have a larger regularised loss.
    assert np.min(free["ends"]) > np.max(ends["ends"]) * 0.9
    assert np.mean(free["ends"]) > 1.2 * np.mean(ends["ends"])
    assert set(free) == {"ends", "reached"}


def test_the_reference_is_the_best_construction() -> None:
    """By building each target's construction anew: a W_L + b S W_Q."""
    cell = independent()
    network, target, objective = cell.network(0), cell.target(0), cell.single(0)
    gen, losses = generator(cell.drawn("signs 0")), []
    silent = joint_construction(network, target, 1, torch.ones(8, dtype=torch.float64)).W
    for _ in range(3):
        signs = random_signs(8, gen)
        both = [joint_construction(network, target, 1, s * signs).W for s in (1, -1)]
        for a, b in itertools.product(SCALES, SCALES):
            W = a * (both[0] + both[1]) / 2 + b * (both[0] - both[1]) / 2
            losses.append(float(objective.value_and_gradient(W)[0].total))
    best, zero = cell.reference(0)
    assert best == pytest.approx(min(losses), rel=1e-12)
    assert zero == pytest.approx(float(cell.target(0)(cell.inputs(0)).square().mean()), rel=1e-12)
    assert float(objective.value_and_gradient(silent)[0].total) != pytest.approx(best, rel=1e-6)
