"""The relaxation and the ascent find better multipliers, and what they follow is the slope of the bound."""

import pytest
import torch
from certified import Small, descended
from objectives import Problem, training_problem, weights

from numerics import PenaltyWeights, Relaxation, optimality_gap
from numerics.certificate import improvement
from numerics.certificate.improvement import ascended, descend, relaxed


def test_relaxed_minimum_and_bound_meet() -> None:
    """The dual of the relaxation: its minimum is the largest bound."""
    objective, _ = training_problem("taylor", weights=PenaltyWeights(1.0, 1.0, 0.0, 0.01))
    W = 0.1 * objective.network.w
    multipliers, first, second = relaxed(objective, W, 400)
    found = optimality_gap(objective, W, multipliers)
    relaxation = Relaxation(objective)
    minimum = float(relaxation.value_and_gradient(relaxation.join(first, second))[0].total)
    assert float(found.lower) == pytest.approx(minimum, rel=2e-3)
    assert float(found.lower) <= minimum
    natural = optimality_gap(objective, W)
    assert float(found.lower) > float(natural.lower) + 0.01
    again, *_ = relaxed(objective, first, 400)
    assert float(optimality_gap(objective, W, again).lower) == pytest.approx(float(found.lower), rel=1e-3)


@pytest.mark.parametrize("loss", ["absolute", "logistic"])
@pytest.mark.parametrize("model", ["taylor", "quadratic"])
def test_the_ascent_ascends(model: str, loss: str) -> None:
    problem = Problem.of(signs=loss == "logistic")
    objective = problem.objective(weights(), model=model, loss=loss)
    before = optimality_gap(objective, problem.W)
    after = optimality_gap(objective, problem.W, "ascent", iterations=6)
    assert float(before.lower) <= float(after.lower) <= float(after.value)
    assert float(after.lower) > 0


@pytest.mark.parametrize("model", ["taylor", "quadratic"])
def test_the_ascent_follows_the_slope_of_the_bound(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Central differences, for the joint model where no shift has to be raised, for f_Q alone where all are."""
    # Checks :eq:`dual-slope`.
    objective = Problem.of().objective(weights(), model=model)
    seen = []

    def record(evaluate, start, iterations, bounds=None):  # type: ignore[no-untyped-def]
        point = start.clone()
        point[..., objective.n :] += 1.0
        move = torch.linspace(-1, 1, start.numel(), dtype=torch.float64)
        _, slope = evaluate(point)
        step = 1e-5
        ahead, behind = (float(evaluate(point + sign * step * move)[0]) for sign in (1, -1))
        seen.append((float(slope @ move), (ahead - behind) / (2 * step)))
        return start

    monkeypatch.setattr(improvement, "descend", record)
    monkeypatch.setattr("numerics.certificate.minorant.TOLERANCE", 1e-14)
    monkeypatch.setattr(improvement, "ASCENT_LIFT", 0.0)
    ascended(objective, Problem.of().W, 5)
    ((found, expected),) = seen
    assert found == pytest.approx(expected, rel=1e-4)


def test_descent_keeps_the_best_of_each_network() -> None:
    problem = Small(3)
    objective = problem.objective(3)
    starts = torch.stack([problem.start(scale) for scale in (0.1, 0.5, 1.0)])
    together = objective.value_and_gradient(descended(objective, starts))[0].total
    assert bool((together <= objective.value_and_gradient(starts)[0].total).all())
    assert torch.equal(descend(lambda W: (W.sum((-2, -1)), torch.zeros_like(W)), starts, 5), starts)
