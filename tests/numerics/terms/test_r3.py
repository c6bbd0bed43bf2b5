"""R3 against its definition through the network's cross term."""

import pytest
import torch
from objectives import Problem

from numerics.terms.weights import PenaltyWeights


def test_value_is_the_mean_square_of_the_cross_term() -> None:
    """f_Q(x; P W, W - P W) at the training inputs; with the projection in place of the rest it vanishes (R2)."""
    problem = Problem.of()
    w = PenaltyWeights(r1=0.0, r3=1.0, r4=0.0)
    parts, _ = problem.objective(w).value_and_gradient(problem.W)
    good, rest = problem.directions.project(problem.W), problem.directions.complement(problem.W)
    expected = float(problem.network.cross(problem.x, good, rest).square().mean())
    assert float(parts.r3) == pytest.approx(expected, rel=1e-12)
    assert float(parts.total - parts.data) == pytest.approx(expected, rel=1e-11)
    assert float(problem.network.cross(problem.x, good, good).square().mean()) < 1e-28
    assert float(problem.network.cross(problem.x, rest, rest).square().mean()) != pytest.approx(expected, rel=0.01)


def test_tilted_coefficients() -> None:
    """(1/n) sum_i v_i f_Q(x_i; P W, W - P W) as a sum of coefficients times <p_r, x_i><S_r, x_i>; below l3 R3."""
    problem = Problem.of()
    objective = problem.objective(PenaltyWeights(r1=0.0, r3=0.7, r4=0.0))
    (term,) = objective.averages
    good, rest = problem.directions.project(problem.W), problem.directions.complement(problem.W)
    crossed = problem.network.cross(problem.x, good, rest)
    v = torch.linspace(-1, 2, len(problem.x), dtype=torch.float64)
    half, total = problem.network.m // 2, problem.W.chunk(2)
    tilted = sum(
        float((term.tilted(rows, b, v) * (b.x @ good[:half].T) * (b.x @ (total[0] + total[1]).T)).sum())
        for rows, b in objective.blocks()
    )
    assert tilted == pytest.approx(float((v * crossed).mean()), rel=1e-12)
    value = 0.7 * float(crossed.square().mean())
    assert tilted - float(term.conjugate(v)) < value
    touching = 2 * 0.7 * crossed
    assert float((touching * crossed).mean() - term.conjugate(touching)) == pytest.approx(value, rel=1e-12)
