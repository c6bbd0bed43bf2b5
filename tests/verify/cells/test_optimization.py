"""Cells of O1 and O2: perturbed descent on a batch against plain loops, ends and references against slow twins."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from references import dense_hessian

from numerics import (
    GoodDirections,
    Objective,
    Target,
    generator,
    optimality_gap,
    small_start,
)
from numerics.constructions import joint_construction, random_signs
from numerics.perturbed_descent import PerturbedGradientDescent, perturbed_descent
from verify.cells.optimization import (
    EARLY,
    SCALES,
    Descent,
    IndependentInitialisations,
)

ACTIVATION = "tanh(z + 1)"
TINY = {"activation": ACTIVATION, "device": "cpu", "d": 4, "m": 8, "n": 12, "k": 1, "r4": 0.03}
NOISE = {"start": 0.3, "tolerance": 0.02, "radius": 0.01, "wait": 20, "decrease": 1e-4}


def descent(**changes: Any) -> Descent:
    return Descent(**TINY | NOISE | {"draws": 2, "steps": 400, "step": 1.0, "spectra": 2, "lanczos": 1e-8} | changes)


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
    noise = PerturbedGradientDescent(0.01, 0.02, 20, 1e-4, cell.drawn("noise"))
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


def independent(**changes: Any) -> IndependentInitialisations:
    return IndependentInitialisations(
        **TINY | NOISE | {"draws": 2, "initialisations": 2, "signs": 3, "steps": 400, "step": 1.0} | changes
    )


def test_initialisations_share_the_draw_and_are_judged_by_the_full_loss() -> None:
    cell = independent()
    objective = cell.batch(2, model="taylor")
    assert torch.equal(objective.x[0], objective.x[1])
    assert torch.equal(objective.network.w[2], objective.network.w[3])
    assert not torch.equal(objective.x[1], objective.x[2])
    ends, free = cell.run(), independent(regularised=False).run()
    assert ends["ends"][0][0] != ends["ends"][0][1]
    # The data term alone leaves R1 and R4 where they are: its ends have a larger regularised loss.
    assert np.min(free["ends"]) > np.max(ends["ends"]) * 0.9
    assert np.mean(free["ends"]) > 1.2 * np.mean(ends["ends"])
    assert set(free) == {"ends", "reached"}


def test_the_bound_is_below_every_loss_of_the_draw_and_a_planted_one_is_not() -> None:
    """The bound again from W = 0, which knows nothing of the ends; the remainder by the triangle inequality."""
    cell = independent(m=64, n=24, steps=1500)
    numbers = {name: np.array(values, dtype=float) for name, values in cell.run().items()}
    lower, least = numbers["lower"], numbers["ends"].min(1)
    assert (lower <= least).all()
    assert (lower <= numbers["reference"]).all()
    assert (1 - lower / numbers["ends"].max(1) < 0.15).all()
    assert (1 - lower / numbers["early"].min(1) > 0.15).all()
    assert (numbers["heavier"] > least).all()
    objective = cell.batch(model="taylor")
    anywhere = optimality_gap(objective, torch.zeros_like(objective.network.w), "relaxation")
    assert anywhere.lower.tolist() == pytest.approx(lower.tolist(), rel=0.02)
    # |L_f^(1/2) - L^(1/2)| is at most the root mean square of what the model leaves out.
    apart = np.abs(np.sqrt(numbers["network"]) - np.sqrt(numbers["ends"]))
    assert (apart > 0).all()
    assert (apart <= np.sqrt(numbers["remainder"])).all()


def test_the_reference_is_the_best_construction() -> None:
    """By building each target's construction anew: a W_L + b S W_Q."""
    cell = independent()
    network, target, whole = cell.network(0), cell.target(0), cell.batch(model="taylor")
    objective = Objective(network, whole.x[0], whole.y[0], whole.weights, GoodDirections(network, 1), "taylor")
    gen, losses = generator(cell.drawn("signs 0")), []
    silent = joint_construction(network, target, 1, torch.ones(8, dtype=torch.float64)).W
    for _ in range(3):
        signs = random_signs(8, gen)
        both = [joint_construction(network, target, 1, s * signs).W for s in (1, -1)]
        for a, b in itertools.product(SCALES, SCALES):
            W = a * (both[0] + both[1]) / 2 + b * (both[0] - both[1]) / 2
            losses.append(float(objective.value_and_gradient(W)[0].total))
    best, zero = (numbers[0] for numbers in cell.references())
    assert best == pytest.approx(min(losses), rel=1e-12)
    assert zero == pytest.approx(float(cell.target(0)(cell.inputs(0)).square().mean()), rel=1e-12)
    assert float(objective.value_and_gradient(silent)[0].total) != pytest.approx(best, rel=1e-6)
