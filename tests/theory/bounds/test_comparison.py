"""The bound of the distance to Gaussian means, against certified means over spheres."""

import pytest
from flint import arb

from theory import Activation
from theory.balls.tails import global_supremum
from theory.bounds.comparison import distance_from_gaussian
from theory.funk_hecke.coefficient import coefficient_ball, hermite_ball
from theory.learning.separation_text import zonal_means


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)", "cos(3*z)"])
@pytest.mark.parametrize("d", [3, 5, 20, 100, 3000])
def test_means_over_spheres_lie_within(text: str, d: int) -> None:
    # Checks :eq:`gaussian-comparison`.
    sigma = Activation.parse(text)
    first, second, third = (global_supremum(sigma.derivative(i)) for i in (1, 2, 3))
    expr = sigma.derivative(0)
    gap = abs(coefficient_ball(expr, 0, d, 100) - hermite_ball(expr, 0, 100))
    assert gap <= distance_from_gaussian(d, 0, first)
    # j = 1: E_{d+2}[sigma'(sqrt(d) t)] is E[z sigma(z)] over the sphere in R^d.
    z = next(iter(expr.free_symbols))
    gap = abs(coefficient_ball(z * expr, 0, d, 100) - hermite_ball(sigma.derivative(1), 0, 100))
    assert gap <= distance_from_gaussian(d, 1, second, third)


def test_it_is_not_far_from_the_truth() -> None:
    """cos(a z) with a = 2 at d = 100 is away from its limit by more than a twentieth of the bound."""
    sigma = Activation.parse("cos(2*z)")
    expr = sigma.derivative(0)
    gap = abs(coefficient_ball(expr, 0, 100, 100) - hermite_ball(expr, 0, 100))
    assert gap > distance_from_gaussian(100, 0, global_supremum(sigma.derivative(1))) / 20


def test_a_bound_without_the_factor_two_over_root_pi_of_a_thinner_sphere_is_caught() -> None:
    """The bound at d = 3000, claimed at d = 5, is refuted by the mean there."""
    expr = Activation.parse("cos(z)").derivative(0)
    gap = abs(coefficient_ball(expr, 0, 5, 100) - hermite_ball(expr, 0, 100))
    assert not gap <= distance_from_gaussian(3000, 0, arb(1))


def test_the_formula_by_hand() -> None:
    """Both parts, j = 2, d = 96: 2/sqrt(pi) 3/99 + 2*5/100."""
    assert distance_from_gaussian(96, 2, arb(3), arb(5)).overlaps(2 / arb.pi().sqrt() / 33 + arb(1) / 10)


def test_arguments() -> None:
    with pytest.raises(ValueError, match="steps"):
        distance_from_gaussian(10, 1, arb(1))
    with pytest.raises(ValueError, match="steps"):
        distance_from_gaussian(10, -1, arb(1), arb(1))


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "tanh(z + 1)"])
def test_zonal_means_against_the_slope_covariance(text: str) -> None:
    """E[sigma'^2] is (A + (d - 1) B)/d of :func:`theory.slope_covariance`."""
    from theory import slope_covariance

    d, sigma = 40, Activation.parse(text)
    along, across = slope_covariance(sigma, d)
    found = zonal_means(sigma, d)
    assert abs(found["slope energy"] - (along + (d - 1) * across) / d) < 1e-11
