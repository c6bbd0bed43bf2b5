"""optimality_gap: no loss below the bound can be found; what it states, batches, precisions, refusals."""

from __future__ import annotations

import pytest
import torch
from certified import Small, descended, lowest_loss
from objectives import SIGMA, Problem, training_problem

from numerics import Multipliers, PenaltyWeights, Relaxation, TwoLayerNetwork, optimality_gap, small_start
from numerics.certificate.gap import relative_gap
from numerics.objective import Objective

PLAIN = PenaltyWeights(1.0, 1.0, 0.0, 0.01)
NUMBERS = range(40)
"""Of the 200 problems of ``python benchmarks/certificate.py --soundness``, all of which take some minutes."""


@pytest.mark.parametrize("number", NUMBERS)
def test_no_restart_falls_below_the_bound(number: int) -> None:
    problem = Small(number)
    objective, lowest = problem.objective(), lowest_loss(problem)
    for multipliers in ("natural", "relaxation"):
        found = optimality_gap(objective, problem.start(0.3), multipliers, iterations=60)
        assert float(found.lower) <= lowest, multipliers
        assert float(found.smallest) >= 0
        assert 0 <= float(found.lower) <= float(found.value)


@pytest.mark.parametrize("power", [4, 8])
@pytest.mark.parametrize("loss", ["squared", "huber", "log-cosh", "logistic"])
def test_a_convex_loss_is_certified_exactly(loss: str, power: int) -> None:
    """f_L alone: at the minimum the bound is the loss."""
    # Checks :eq:`dual-bound`.
    problem, penalties = Problem.of(signs=loss == "logistic"), PenaltyWeights(r1=0.0, r3=0.0, r4=0.05, r4_power=power)
    data = (problem.x, problem.y, penalties, None, "linear", loss)
    network = TwoLayerNetwork(5, 12, SIGMA, [1])
    W = descended(Objective(network, *data), problem.W[None], 400)[0]
    found = optimality_gap(Objective(problem.network, *data), W)
    assert -1e-12 <= float(found.relative) <= 1e-4


def test_the_quadratic_model_is_certified_where_it_is_solved_and_not_where_it_is_not() -> None:
    single, _ = training_problem("quadratic", weights=PLAIN, directions=False)
    batch, _ = training_problem("quadratic", (1,), PLAIN, directions=False)
    start = small_start(single.network, 0.3, 0)
    W = descended(batch, start[None], 500)[0]
    trained = optimality_gap(single, W, "relaxation")
    assert float(trained.relative) <= 0.05
    assert float(optimality_gap(single, start, "relaxation").relative) > 0.5
    saddle = optimality_gap(single, 0 * W, trained.multipliers)
    assert float(saddle.lower) == pytest.approx(float(trained.lower), rel=1e-10)
    assert float(saddle.relative) > 0.5
    assert float(optimality_gap(single, 0 * W).lower) <= float(trained.value)


@pytest.mark.parametrize("multipliers", ["natural", "relaxation", "ascent"])
def test_a_batch_is_its_members(multipliers: str) -> None:
    batch, _ = training_problem("taylor", (1, 7), PLAIN)
    W = torch.stack([small_start(batch.network.member(0), scale, 3) for scale in (0.3, 1.0)])
    together = optimality_gap(batch, W, multipliers, iterations=6 if multipliers == "ascent" else 40)
    for i, seed in enumerate((1, 7)):
        alone, _ = training_problem("taylor", seed, PLAIN)
        given = optimality_gap(alone, W[i], together.multipliers.member(i))
        one = together.member(i)
        assert float(one.value) == pytest.approx(float(given.value), rel=1e-12)
        assert float(one.lower) <= float(given.lower) * (1 + 1e-3) + 1e-3
        if multipliers == "natural":
            assert float(one.lower) == pytest.approx(float(optimality_gap(alone, W[i]).lower), abs=1e-4)
        assert float(one.absolute) >= 0
        assert 0 <= float(one.relative) <= 1


def test_float32_and_devices(device: str) -> None:
    single, double = (
        training_problem("taylor", 1, PLAIN, dtype, device)[0] for dtype in (torch.float32, torch.float64)
    )
    W = small_start(single.network, 1.0, 0)
    found, expected = optimality_gap(single, W), optimality_gap(double, W.double())
    assert found.lower.dtype == found.value.dtype == torch.float64
    assert float(found.lower) == pytest.approx(float(expected.lower), abs=1e-3)


def test_what_is_refused() -> None:
    objective, _ = training_problem("taylor", weights=PLAIN)
    network, W = objective.network, small_start(objective.network, 0.3, 0)
    itself, _ = training_problem("network", weights=PLAIN)
    free = Objective(network, objective.x, objective.y, PenaltyWeights(r4=0.0))
    at = optimality_gap(objective, W).multipliers
    for call, needle in (
        (lambda: optimality_gap(itself, W), "certify model='taylor'"),
        (lambda: optimality_gap(free, W), "use PenaltyWeights"),
        (lambda: optimality_gap(Relaxation(objective), torch.cat([W, W])), "certify its original"),
        (lambda: optimality_gap(objective, W, "best"), "needs one of natural, ascent, relaxation"),
        (lambda: optimality_gap(objective, W * torch.nan), "not finite"),
        (lambda: optimality_gap(objective, W * 1e200), "certify a smaller W"),
        (lambda: optimality_gap(objective, W[:3]), "needs (24, 5)"),
        (lambda: optimality_gap(network, W), "which comes first"),
        (lambda: optimality_gap(objective, W, iterations=0), "iterations=0"),
        (lambda: optimality_gap(objective, W, Multipliers(at.slopes[:3], at.shifts)), "slopes of shape (3,)"),
        (lambda: optimality_gap(objective, W, Multipliers(at.slopes, -at.shifts - 1)), "no negative slope"),
        (lambda: optimality_gap(objective, W, Multipliers(at.slopes * torch.nan, at.shifts)), "slopes has entries"),
    ):
        with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is looked at below
            call()
        assert needle in str(refusal.value)


def test_a_loss_of_zero_has_no_relative_gap_whatever_rounding_leaves_of_its_bound() -> None:
    found = relative_gap(torch.tensor([0.0, 2.0, 2.0]), torch.tensor([-1e-9, 1.0, torch.nan]))
    assert found[:2].tolist() == [0.0, 0.5]
    assert found[2].isnan()
