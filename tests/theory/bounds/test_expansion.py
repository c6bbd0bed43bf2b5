"""Expansions with a remainder contain the functions they stand for, through sums, products and quotients."""

import random
from fractions import Fraction

import pytest
import sympy as sp
from flint import arb, ctx, fmpq

from theory.bounds.expansion import RemainderExpansion

X = sp.Symbol("x", positive=True)
SWITCH, ORDER = 20, 4


def random_function(rng: random.Random) -> sp.Expr:
    """A quotient of polynomials that is positive on 0 <= x <= 1/20."""
    above = 1 + sum(sp.Rational(rng.randint(-9, 9), 4) * X**i for i in range(1, 7))
    return above / (1 + rng.randint(0, 8) * X + rng.randint(0, 8) * X**2)


def contains(expansion: RemainderExpansion, expr: sp.Expr) -> bool:
    """Whether the expansion contains the function at many d >= d0, its ends included."""
    with ctx.workprec(300):
        for d in (SWITCH, SWITCH + 1, SWITCH + 7, 90, 10**3, 10**6):
            value = sp.Rational(expr.subs(X, sp.Rational(1, d)))
            if not expansion.at(d).overlaps(arb(fmpq(int(value.p), int(value.q)))):
                return False
    return True


def test_arithmetic_keeps_the_function_inside() -> None:
    rng = random.Random(5)
    for _ in range(6):
        f, g = random_function(rng), random_function(rng)
        a, b = (RemainderExpansion.rational(e, X, ORDER, SWITCH) for e in (f, g))
        for found, expr in (
            (a, f),
            (a + b, f + g),
            (a * b, f * g),
            (a.squared(), f**2),
            (a.reciprocal(), 1 / f),
            (a.times(arb(-3)), -3 * f),
            (a.shifted(2), f * X**2),
            (a.shifted(1) + b, f * X + g),
            (a.shifted(2).divided(2), f),
        ):
            assert contains(found, expr)
            low, high = found.range()
            assert all(low <= found.at(d).upper() and found.at(d).lower() <= high for d in (SWITCH, 77, 10**5))
            assert found.size() >= abs(found.at(SWITCH)).lower()
        taylor = sp.Poly(sp.series(1 / f, X, 0, ORDER).removeO(), X).all_coeffs()[::-1]
        assert all(
            c.overlaps(arb(fmpq(int(t.p), int(t.q)))) for c, t in zip(a.reciprocal().coefficients, taylor, strict=False)
        )


def test_a_remainder_that_is_too_small_is_seen() -> None:
    f = 1 / (1 + 3 * X)
    expansion = RemainderExpansion.rational(f, X, ORDER, SWITCH)
    assert contains(expansion, f)
    # The true remainder is 81 x^4/(1 + 3x), at d0 81/(1 + 3/20) = 70.4.
    assert 70 < expansion.remainder < 130
    assert not contains(RemainderExpansion(expansion.coefficients, arb(60), SWITCH), f)


def test_what_may_vanish_is_not_divided_by() -> None:
    with pytest.raises(ZeroDivisionError):
        RemainderExpansion.rational(1 - 25 * X, X, ORDER, SWITCH).reciprocal()
    with pytest.raises(ZeroDivisionError):
        RemainderExpansion.rational(1 + X, X, ORDER, SWITCH).divided(1)
    assert contains(RemainderExpansion.rational(-1 - X, X, ORDER, SWITCH).reciprocal(), -1 / (1 + X))


def test_equal_when_their_balls_are() -> None:
    one, two = (RemainderExpansion.rational(1 / (1 + X), X, ORDER, SWITCH) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one != one.times(arb(2))
    assert Fraction(1, SWITCH) == Fraction(1, one.switch)
