"""The two number types of the closed forms: one formula in symbols and in balls has one value."""

import dataclasses

import pytest
import sympy as sp
from flint import arb

from theory.balls.arithmetic import BALLS, SYMBOLS

HALF, THIRD = sp.Rational(1, 2), sp.Rational(1, 3)


@pytest.mark.parametrize(
    ("degree", "d", "root"),
    [(2, 3, 1 / sp.sqrt(3)), (3, 3, sp.sqrt(sp.Rational(3, 5))), (2, 10, 1 / sp.sqrt(10))],
)
def test_a_root_of_a_legendre_polynomial_is_exactly_zero(degree: int, d: int, root: sp.Expr) -> None:
    assert BALLS.legendre(degree, d, root).is_zero()
    beside = BALLS.legendre(degree, d, root + sp.Rational(1, 10**6))
    assert beside > 0
    assert not BALLS.legendre(degree + 1, d, root).contains(0)


VALUES = {
    "legendre": (4, 7, THIRD),
    "hermite": (5, sp.sqrt(THIRD)),
    "gamma_ratio": (sp.Rational(7, 2),),
    "half_power": (sp.Rational(3, 2), 5),
    "hyp0f1": (sp.Rational(5, 2), -THIRD),
    "hyp1f1": (HALF, sp.Rational(5, 2), -THIRD),
    "hyp2f1": (HALF, 2, sp.Rational(5, 2), -THIRD),
    "exp": (-THIRD,),
    "erf": (HALF,),
    "sqrt": (THIRD,),
    "pi": (),
}
"""Arguments of each function; phi3 has no value in SymPy: closed forms of Gaussians, tested by quadrature, use it."""


def test_every_function_is_looked_at() -> None:
    functions = {field.name for field in dataclasses.fields(BALLS)}
    assert functions == {*VALUES, "number", "phi3"}


@pytest.mark.parametrize("name", VALUES)
def test_symbols_and_balls_agree(name: str) -> None:
    given = VALUES[name]
    exact = {"legendre": (0, 1, 2), "hermite": (0, 1), "half_power": (1,)}.get(name, ())
    balls = [value if place in exact else BALLS.number(value) for place, value in enumerate(given)]
    found, expected = getattr(BALLS, name)(*balls), getattr(SYMBOLS, name)(*given)
    assert found.overlaps(arb(str(sp.N(expected, 30))) + arb(0, "1e-14"))
    assert found.rad() < arb("1e-12")
