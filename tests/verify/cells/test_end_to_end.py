"""The runs through the whole theorem, at small size, against what they state."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from numerics import Objective, optimality_gap
from numerics.curvature import hessian_vector
from verify.cells.end_to_end import Descended, EndToEnd, alone
from verify.cells.optimization import CURVE_POINTS

FIELDS: dict[str, Any] = {
    "activation": "sin(z + pi/4)",
    "device": "cpu",
    "d": 5,
    "m": 20,
    "n": 40,
    "k": 1,
    "steps": 40,
    "start": 0.1,
    "draws": 2,
    "weights": (1.0, 0.01),
    "tolerance": 5e-3,
    "radius": 1e-2,
    "wait": 30,
    "decrease": 1e-3,
    "step": 1 / 1.2,
    "most": 3000,
}
OWN: dict[str, Any] = {"signs": 2, "lanczos": 1e-4}


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    return EndToEnd(**FIELDS, **OWN).run()


def least_eigenvalue(objective: Objective, W: torch.Tensor) -> float:
    """Of the whole Hessian."""
    basis = torch.eye(W.numel(), dtype=W.dtype).reshape(-1, *W.shape)
    return float(torch.linalg.eigvalsh(torch.stack([hessian_vector(objective, W, V).flatten() for V in basis]))[0])


def test_the_end_is_what_it_is_said_to_be(numbers: dict[str, Any]) -> None:
    """Gradient, loss and least eigenvalue again, the last from the whole Hessian."""
    cell = EndToEnd(**FIELDS, **OWN)
    draws = cell.drawn_all()
    run = cell.descend(draws)
    for i, W in enumerate(run.W):
        objective = cell.objective(alone(draws, i), "joint", cell.weights)
        parts, gradient = objective.value_and_gradient(W)
        assert numbers["losses"][i][1] == pytest.approx(float(parts.total))
        assert numbers["gradient"][i] == pytest.approx(float(gradient.norm()))
        assert numbers["gradient"][i] <= cell.tolerance
        assert numbers["losses"][i][1] < numbers["reference"][i] < 2.5
        value, residual = numbers["curvature"][i]
        assert abs(value - least_eigenvalue(objective, W)) <= max(residual, 1e-4)
    assert all(fall >= 0.5 for fall in numbers["fall"])
    assert all(a > b for (a, b) in numbers["losses"])


def test_the_start_is_that_of_the_first_draw(numbers: dict[str, Any]) -> None:
    """Its least eigenvalue again; the other draw's start has another one, with the first draw's data too."""
    cell = EndToEnd(**FIELDS, **OWN)
    draws = cell.drawn_all()
    objective = cell.objective(alone(draws, 0), "joint", cell.weights)
    first, other = (least_eigenvalue(objective, W) for W in cell.begin(draws))
    value, residual = numbers["start_curvature"]
    assert abs(value - first) <= max(residual, 1e-4) < abs(other - first)


def test_the_end_against_the_bound_of_its_taylor_model(numbers: dict[str, Any]) -> None:
    """The bound again from W = 0; the two losses differ by no more than the remainder says."""
    cell = EndToEnd(**FIELDS, **OWN)
    draws = cell.drawn_all()
    for i in range(cell.draws):
        one = alone(draws, i)
        loss, model, lower = numbers["losses"][i][1], numbers["taylor"][i], numbers["lower"][i]
        apart = abs(loss**0.5 - model**0.5)
        assert 0 < apart <= numbers["apart"][i] ** 0.5
        assert lower <= model
        other = EndToEnd(**FIELDS, **OWN, model="taylor").objective(one, "joint", cell.weights)
        again = optimality_gap(other, torch.zeros_like(one.network.w), "relaxation", 400)
        assert lower == pytest.approx(float(again.lower), rel=0.05)


def test_numbers_are_json_and_one_for_each_draw(numbers: dict[str, Any]) -> None:
    json.dumps(numbers, allow_nan=False)
    for name in ("reached", "fall", "gradients", "early", "gradient", "curvature", "losses", "reference", "risks"):
        assert len(numbers[name]) == 2, name
    assert numbers["start_curvature"][0] < -0.01
    assert np.all(np.diff([loss for _, loss in numbers["curve"]]) < 1e-3)


def test_a_short_curve_has_every_step_and_a_long_one_sixty_points_or_more(numbers: dict[str, Any]) -> None:
    short = EndToEnd(**FIELDS | {"most": 40}, **OWN).run()
    assert [t for t, _ in short["curve"]] == list(range(len(short["curve"])))
    assert 40 <= len(short["curve"]) <= 41
    assert short["curve"][0][1] == short["losses"][0][0]
    assert CURVE_POINTS <= len(numbers["curve"]) <= 2 * CURVE_POINTS


def test_descent_without_regulariser_is_judged_by_the_whole_loss(numbers: dict[str, Any]) -> None:
    free = EndToEnd(**FIELDS | {"most": 400}, **OWN, arm="unregularised").run()
    assert all(end > reference for (_, end), reference in zip(free["losses"], free["reference"], strict=True))
    assert free["reference"] == numbers["reference"]
    assert "curve" not in free


def test_steps_that_are_too_long_break_the_descent_lemma() -> None:
    assert min(Descended(**FIELDS | {"step": 4.0, "most": 12}).run()["fall"]) < 0.5


def test_a_run_that_diverges_has_no_end() -> None:
    lost = EndToEnd(**FIELDS | {"step": 1e6, "most": 5}, **OWN).run()
    json.dumps(lost, allow_nan=False)
    assert lost["reached"] == [None, None]
    assert lost["gradient"] == lost["curvature"] == [None, None]
    assert [end for _, end in lost["losses"]] == [None, None]


def test_a_spent_budget_has_ends_that_had_not_ended() -> None:
    short = EndToEnd(**FIELDS | {"most": 20}, **OWN).run()
    assert short["reached"] == [None, None]
    assert all(half > last > 5e-3 for half, last in short["gradients"])
