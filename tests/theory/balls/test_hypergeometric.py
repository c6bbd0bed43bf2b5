"""Hypergeometric functions as balls against mpmath, where arb's own choice of method is good and where it is not."""

import random

import mpmath
import pytest
import sympy as sp
from flint import arb, ctx

from theory.balls.hypergeometric import humbert_phi3, hyp0f1, hyp1f1
from theory.balls.precision import exclusive

DIGITS = 140
"""Of the references, for balls of at most 300 bits whose sums cancel at most 100 more."""


def _reference(value: object) -> arb:
    """The reference as a ball with its own error."""
    return arb(mpmath.nstr(value, DIGITS)) * (1 + arb(0, arb(10) ** (5 - DIGITS)))


@pytest.mark.parametrize("bits", [83, 300])
def test_balls_contain_the_values_of_mpmath(bits: int) -> None:
    rng = random.Random(20220603)
    with exclusive, ctx.workprec(bits), mpmath.workdps(DIGITS + 10):
        for _ in range(60):
            c = rng.choice([0.5, 1.5, 5.0, 50.0, 200.5, 4000.0])
            a = rng.choice([x for x in (0.5, 1.5, c - 0.5, c) if 0 < x <= c])
            z = rng.choice([-1, 1]) * 10 ** rng.uniform(-1, 3)
            one = hyp1f1(arb(a), arb(c), arb(z))
            assert one.overlaps(_reference(mpmath.hyp1f1(a, c, z))), (a, c, z)
            assert one.rel_accuracy_bits() > bits - 40, (a, c, z)
            zero = hyp0f1(arb(c), arb(z))
            assert zero.overlaps(_reference(mpmath.hyp0f1(c, z))), (c, z)
            if z > 0:  # nothing cancels
                assert zero.rel_accuracy_bits() > bits - 40, (c, z)


@pytest.mark.parametrize(("z", "expected"), [(1, 2**0.5), (-1, 0.5**0.5)])
def test_an_argument_near_a_large_parameter_ends(z: int, expected: float) -> None:
    """1F1(1/2; c; z c) near its limit (1 - z)^{-1/2}, with c/2 in place of c for z > 0: once no end in sight."""
    c = 20_000
    with exclusive, ctx.workprec(128):
        value = hyp1f1(arb(0.5), arb(c), arb(z * c) / (2 if z > 0 else 1))
    assert value.rel_accuracy_bits() > 80
    assert abs(float(value) / expected - 1) < 1e-4


@pytest.mark.parametrize("bad", [None, b"1", "1", [1], True, {}, object()])
@pytest.mark.parametrize("place", range(4))
def test_humbert_takes_expressions_and_numbers_alone(bad: object, place: int) -> None:
    arguments: list[object] = [sp.Rational(1, 2), 1, 2, 1]
    assert humbert_phi3(*arguments).args == (sp.Rational(1, 2), 1, 2, 1)
    arguments[place] = bad
    with pytest.raises(ValueError, match=r"^humbert_phi3, argument .*: needs a SymPy expression or a number"):
        humbert_phi3(*arguments)
