"""Methods of descent: steps of the promised length and fall, batches, refusals."""

import math
from dataclasses import replace

import pytest
import torch
from objectives import training_problem as problem

from numerics import (
    LBFGS,
    Adam,
    GradientDescent,
    Objective,
    PenaltyWeights,
    PerturbedGradientDescent,
    extreme_eigenvalue,
    lipschitz_constant,
    small_start,
    train,
)
from numerics.models import ModelName
from numerics.optimizers import Method


@pytest.mark.parametrize("model", ["network", "taylor"])
def test_descent_is_monotone_by_the_promised_amount(model: ModelName, device: str, dtype: torch.dtype) -> None:
    """Each step lowers the loss by |grad|^2/(2L), up to 8 roundings of the loss; a step 4 times longer does not."""
    objective, _ = problem(model, dtype=dtype, device=device)
    start = small_start(objective.network, 1.0, 0)
    run = train(objective, start, GradientDescent(remeasure=10), 60, record_every=1)
    losses, slopes = (run.curve(name)[:-1] for name in ("total", "gradient_norm"))
    promised = run.curve("rate")[1:] * slopes**2 / 2
    slack = 8 * torch.finfo(dtype).eps * losses
    assert (run.curve("total")[1:] <= losses - promised + slack).all()
    assert len(losses) == 60
    step = 4 / float(lipschitz_constant(objective, start))
    too_long = train(objective, start, GradientDescent(step=step), 3, record_every=1).curve("total")
    assert bool((too_long[1:] > too_long[:-1]).any())


def test_plain_descent_stays_at_a_saddle() -> None:
    """W = 0 of the QuadNTK: the gradient there is zero in every bit."""
    objective, _ = problem("quadratic", weights=PenaltyWeights(r4=1e-3), directions=False)
    zero = torch.zeros_like(objective.network.w)
    assert extreme_eigenvalue(objective, zero, "smallest").value < -1e-3
    plain = train(objective, zero, GradientDescent(), 30)
    assert torch.equal(plain.W, zero)


@pytest.mark.parametrize("method", [GradientDescent(remeasure=20), Adam(0.02)], ids=["descent", "adam"])
def test_batch_equals_the_loop(method: Method, device: str, dtype: torch.dtype) -> None:
    """Same course for each network, up to rounding that 40 steps amplify by a bounded factor (no chaos here)."""
    seeds = (1, 7, 9)
    together, test = problem(seed=seeds, dtype=dtype, device=device)
    run = train(together, small_start(together.network, 0.3, 0), method, 40, 20, test=test)
    for i, seed in enumerate(seeds):
        alone, _ = problem(seed=seed, dtype=dtype, device=device)
        single = train(alone, small_start(alone.network, 0.3, 0), method, 40, 20, test=test)
        tolerance = 1e4 * torch.finfo(dtype).eps
        torch.testing.assert_close(run.W[i], single.W, rtol=tolerance, atol=tolerance)
        expected = single.records[-1].numbers()
        assert run.records[-1].member(i).numbers() == pytest.approx(expected, rel=10 * tolerance, nan_ok=True)
    assert float((run.W[0] - run.W[1]).norm()) > 0.1 * float(run.W[0].norm())


def test_a_kinked_loss_needs_a_fixed_step() -> None:
    """Perturbed descent takes its steps from the same measurement, so it refuses too."""
    original, _ = problem()
    objective = Objective(original.network, original.x, original.y, loss="absolute")
    start = small_start(objective.network, 0.3, 0)
    for method in (GradientDescent, PerturbedGradientDescent):
        with pytest.raises(ValueError, match="its derivative jumps; give a fixed step"):
            train(objective, start, method(), 3)
        assert train(objective, start, method(step=1e-2), 3).stopped == "steps"


def test_methods_for_one_network_say_so() -> None:
    objective, _ = problem(seed=(1, 2))
    with pytest.raises(ValueError, match="one network"):
        train(objective, small_start(objective.network, 0.3, 0), LBFGS(), 5)


def test_a_constant_that_is_too_small_is_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    """With L measured 50 times too small, steps are taken back until each falls by |grad|^2/(2L) all the same."""
    monkeypatch.setattr("numerics.optimizers.lipschitz_constant", lambda o, W: lipschitz_constant(o, W) / 50)
    objective, _ = problem("taylor")
    start = small_start(objective.network, 1.0, 0)
    run = train(objective, start, GradientDescent(), 20, record_every=1)
    halvings = math.log2(50 / float(lipschitz_constant(objective, start)) / float(run.curve("rate")[1]))
    assert halvings == pytest.approx(round(halvings), abs=1e-9)
    assert round(halvings) >= 1
    losses, slopes = run.curve("total"), run.curve("gradient_norm")
    promised = run.curve("rate")[1:] * slopes[:-1] ** 2 / 2
    assert (losses[1:] <= losses[:-1] - promised + 8 * torch.finfo(torch.float64).eps * losses[:-1]).all()


def test_steps_have_the_measured_length() -> None:
    """1/L, measured anew every ``remeasure`` steps, unless a step was taken back."""
    objective, _ = problem()
    start = small_start(objective.network, 0.3, 0)
    run = train(objective, start, GradientDescent(remeasure=5), 10, record_every=1)
    rates = run.curve("rate")
    assert float(rates[1]) == pytest.approx(1 / float(lipschitz_constant(objective, start)), rel=1e-12)
    middle = train(objective, start, GradientDescent(remeasure=5), 5).W
    assert float(rates[6]) == pytest.approx(1 / float(lipschitz_constant(objective, middle)), rel=1e-12)
    assert float(rates[6]) != float(rates[5])


def test_no_step_helps() -> None:
    """A loss that never falls ends the run where it stands, named as stalled."""
    objective, _ = problem()
    value = objective.value_and_gradient

    def rising(W: torch.Tensor):  # type: ignore[no-untyped-def]
        rising.calls += 1
        parts, gradient = value(W)
        return replace(parts, total=parts.total + rising.calls), gradient

    rising.calls = 0
    start = small_start(objective.network, 0.3, 0)
    objective.value_and_gradient = rising  # type: ignore[method-assign]
    run = train(objective, start, GradientDescent(), 10)
    assert run.stopped == "stalled"
    assert torch.equal(run.W, start)


def test_adam_ends_with_a_rate_of_zero() -> None:
    """The cosine at the last of 60 updates: rate (1 + cos(59 pi/60))/2, a 1,460th of the first."""
    objective, _ = problem()
    run = train(objective, small_start(objective.network, 0.3, 0), Adam(0.02), 60, 60)
    assert float(run.records[-1].rate) == pytest.approx(0.01 * (1 + math.cos(59 * math.pi / 60)), rel=1e-12)
