"""R3 against its definition through the network's cross term."""

import pytest
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
