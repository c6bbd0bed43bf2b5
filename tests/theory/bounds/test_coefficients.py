"""Coefficients for every d >= d0 against certified ones, and against Stein's bound."""

import pytest
from flint import arb, ctx

from theory import Activation, Undecided
from theory.balls.enclosure import supremum
from theory.bounds.coefficients import coefficient_at, coefficient_expansion
from theory.bounds.expansion import RemainderExpansion
from theory.funk_hecke.coefficient import coefficient_ball, hermite_ball

CATALOGUE = ("sin(z + pi/4)", "tanh(z + 1)", "gelu(z)", "exp(z)", "softplus(z + 1)", "z**4 + z**3")
DIMENSIONS = (64, 65, 80, 150, 1000, 54_321, 10**6, 10**9)


def certified(expr, degree: int, d: int) -> arb:
    """d^{j/2} lambda_j by quadrature or a closed form."""
    return coefficient_ball(expr, degree, d, 120) * arb(d).sqrt() ** degree


@pytest.mark.parametrize("text", CATALOGUE)
def test_every_dimension_is_contained(text: str) -> None:
    # Checks :eq:`coefficient-for-all-d`.
    expr = Activation.parse(text).derivative(1)
    for degree in (0, 1, 2, 5):
        found = coefficient_expansion(expr, degree, 64, 5)
        if found is None:
            assert all(certified(expr, degree, d).contains(0) for d in DIMENSIONS[:3])
            continue
        with ctx.workprec(120):
            for d in DIMENSIONS:
                exact = certified(expr, degree, d) * arb(d) ** found.order
                assert found.expansion.at(d).overlaps(exact)
                # The ball ends where the remainder does: the certified value may not stick out on either side.
                assert abs(exact - found.expansion.at(d).mid()).lower() <= found.expansion.at(d).rad() * 1.01


def test_a_wrong_coefficient_is_caught() -> None:
    """The third coefficient off by a tenth: far below the first two, and seen all the same from some d on."""
    expr = Activation.parse("sin(z + pi/4)").derivative(1)
    right = coefficient_expansion(expr, 2, 64, 2)
    assert right is not None
    first, second, third, *rest = right.expansion.coefficients
    wrong = RemainderExpansion((first, second, third * arb("1.1"), *rest), right.expansion.remainder, 64)
    with ctx.workprec(160):
        assert any(not wrong.at(d).overlaps(certified(expr, 2, d)) for d in DIMENSIONS)


def test_leading_terms_that_vanish() -> None:
    """cos(z) - e^{-1/2} has m_0 = 0 and d lambda_0 -> -e^{-1/2}/4; a term that is not decided is refused."""
    expr = Activation.parse("cos(z) - exp(-1/2)").expr
    found = coefficient_expansion(expr, 0, 64, 0)
    assert found is not None
    assert found.order == 1
    assert found.expansion.coefficients[0].overlaps(-arb("-0.5").exp() / 4)
    for d in (64, 999, 10**5):
        assert found.expansion.at(d).overlaps(certified(expr, 0, d) * d)
    with pytest.raises(Undecided):
        coefficient_expansion(Activation.parse("tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z)").expr, 1, 64, 1)


def test_one_dimension_by_table_and_by_closed_form() -> None:
    for text in ("tanh(z + 1)", "sin(z + pi/4)"):
        expr = Activation.parse(text).derivative(1)
        for degree in (0, 3):
            for d in (3, 50):
                assert coefficient_at(expr, degree, d, 4).overlaps(coefficient_ball(expr, degree, d, 100))
    zero = Activation.parse("tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z)").expr
    assert coefficient_at(zero, 1, 10, 1).contains(0)
    assert coefficient_at(zero, 2, 10, 2).is_zero()


@pytest.mark.parametrize("text", ["tanh(z + 1)", "sin(z + pi/4)", "erf(z + 1/2)"])
def test_steins_bound(text: str) -> None:
    """|E h(X) - E h(G)| <= 2 sup|h'| / sqrt(pi (D-1)(D+2)), h bounded, D = d: another proof of the first order."""
    # Checks :eq:`stein-bound`.
    activation = Activation.parse(text)
    expr = activation.derivative(1)
    found = coefficient_expansion(expr, 0, 64, 0)
    assert found is not None
    largest = supremum(activation.derivative(2), -30.0, 30.0)
    mean = hermite_ball(expr, 0, 100)
    for d in (64, 500, 10**4):
        bound = 2 * largest / (arb.pi() * (d - 1) * (d + 2)).sqrt()
        gap = abs(found.expansion.at(d) - mean)
        assert gap <= bound
        assert gap > bound / 200  # the bound has the right order: a hundred times less would not hold
