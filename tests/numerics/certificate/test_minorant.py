"""The quadratic function below the loss against its definition, and its smallest value against a dense solve."""

from __future__ import annotations

import pytest
import references
import torch
from objectives import K, Problem, weights

from numerics.certificate.minorant import Minorant, better
from numerics.certificate.multipliers import Multipliers, natural
from numerics.losses import LOSSES
from numerics.models import ModelName
from numerics.objective import Objective
from numerics.sampling import generator
from numerics.terms.weights import R1Mode

MODELS: tuple[ModelName, ...] = ("taylor", "quadratic", "linear")


def setting(model: str, loss: str, power: int, modes: tuple[R1Mode, ...] = ("exact", "training", "unlabeled")):  # type: ignore[no-untyped-def]
    problem = Problem.of(signs=LOSSES[loss].signs)
    return problem, problem.objective(weights(modes, power), model=model, loss=loss)


def definition(problem: Problem, objective: Objective, minorant: Minorant, s: torch.Tensor, v, theta: float):  # type: ignore[no-untyped-def]
    """c_0 + <c, W> + <W, Q W> as a function of W, from the terms' definitions."""
    network, g, w = objective.network, minorant.slopes, objective.weights
    exact = references.exact(network)
    P, sigma = references.projection(references.span(exact, K)), references.covariance(exact)
    constant = -objective.loss.conjugate(g, objective.y).mean() - objective.r4.conjugate(s)
    constant = constant - theta**2 * v.square().mean() / (4 * w.r3)

    def value(W: torch.Tensor) -> torch.Tensor:
        parts = references.objective_parts(
            exact, objective.x, objective.y, W, objective.model, "squared", 4, P, sigma, problem.unlabeled
        )
        f = references.predict(exact, objective.model, objective.x, W)
        good = (P @ W.flatten()).reshape(W.shape)
        cross = references.cross(exact, objective.x, good, W - good)
        r1 = sum(parts[f"r1_{mode}"] for mode in w.r1_modes)
        return constant + (g * f).mean() + theta * (v * cross).mean() + w.r1 * r1 + (s * W.square().sum(1)).sum()

    return value


@pytest.mark.parametrize("power", [4, 8])
@pytest.mark.parametrize("loss", ["squared", "huber", "logistic"])
@pytest.mark.parametrize("model", MODELS)
def test_definition_and_smallest_value(model: str, loss: str, power: int) -> None:
    # Checks :eq:`quadratic-minorant`, :eq:`dual-bound`, :eq:`crossing-form`.
    problem, objective = setting(model, loss, power)
    at = natural(objective, problem.W)
    minorant = Minorant(objective, at)
    for crossed in (False, True):
        bound = minorant.minimum(problem.W, 0.1, crossed)
        theta, s = float(bound.theta), bound.shifts
        assert (theta > 0) == (crossed and model != "quadratic")
        q = definition(problem, objective, minorant, s, at.crossing, theta)
        shape = problem.W.shape
        W = torch.randn(shape, generator=generator(8), dtype=torch.float64)
        product = minorant.product(W, s, bound.theta)
        (slope,) = torch.autograd.grad(q(leaf := W.clone().requires_grad_()), leaf)
        torch.testing.assert_close(minorant.linear + product, slope, rtol=1e-8, atol=1e-9)
        # Below the loss, at that W and others.
        for scale in (0.1, 1.0, 3.0):
            assert float(q(scale * W)) <= float(objective.value_and_gradient(scale * W)[0].total) + 1e-10
        # The smallest value, by a dense solve.
        zero = torch.zeros(shape, dtype=torch.float64)
        hessian = torch.func.hessian(q)(zero).reshape(zero.numel(), -1)
        c = torch.func.grad(q)(zero).flatten()
        assert float(torch.linalg.eigvalsh(hessian)[0]) > 0
        smallest = float(q(zero)) - float(c @ torch.linalg.solve(hessian, c)) / 2
        slack = float(bound.unsolved) + 1e-9
        assert float(bound.value) == pytest.approx(smallest, abs=slack)
        assert float(bound.value) <= smallest + float(bound.rounding)


def test_slopes_outside_the_range_are_taken_to_its_end() -> None:
    problem, objective = setting("taylor", "huber", 4)
    at = natural(objective, problem.W)
    wild = Minorant(objective, Multipliers(100 * at.slopes, at.shifts))
    assert float(wild.slopes.abs().max()) == 1.0
    assert bool(torch.isfinite(wild.best(problem.W).value))


def test_positivity_is_checked_against_the_whole_form() -> None:
    """Q >= margin K, K >= smallest: eigenvalues of the dense forms, with R3 scaled down."""
    # Checks :eq:`crossing-form`.
    problem, objective = setting("taylor", "squared", 4, ())
    at = natural(objective, 3 * problem.W)
    minorant = Minorant(objective, Multipliers(at.slopes, at.shifts, 50 * at.crossing))
    bound = minorant.minimum(problem.W, 0.1, True)
    assert 0 < float(bound.theta) < 1
    size, shape = problem.W.numel(), problem.W.shape
    columns = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
    Q = torch.stack([minorant.product(one, bound.shifts, bound.theta).flatten() for one in columns]) / 2
    blocks = torch.stack([minorant.neurons.apply(one, bound.shifts).flatten() for one in columns])
    torch.testing.assert_close(Q, Q.T)
    assert float(torch.linalg.eigvalsh(Q - bound.margin * blocks)[0]) >= -1e-12
    assert float(torch.linalg.eigvalsh(blocks)[0]) >= float(bound.smallest) - 1e-12
    factor = torch.linalg.inv(torch.linalg.cholesky(blocks))
    assert float(torch.linalg.eigvalsh(factor @ Q @ factor.T)[0]) == pytest.approx(float(bound.margin), rel=1e-6)
    assert float(better(bound, minorant.minimum(problem.W, 0.1, False)).value) >= float(bound.value)
