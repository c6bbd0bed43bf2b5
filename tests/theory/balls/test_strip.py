"""Bounds on a strip of the complex plane, against values inside it, and where they are refused."""

import mpmath as mp
import pytest
import sympy as sp
from flint import arb

from theory import Activation
from theory.balls.functions import Z
from theory.balls.strip import NotAnalytic, strip_bound

BOUNDED = [
    ("sin(2*z + 1)", 3.0),
    ("cos(z)", 3.0),
    ("erf(z + 1/2)", 2.0),
    ("tanh(z + 1)", 1.5),
    ("tanh(z/3)", 4.5),
    ("softplus(z - 1)", 1.5),
    ("softplus(z)", 3.1),
    ("exp(z/2 + 1)", 5.0),
    ("exp(-z**2/2 + z)", 2.0),
    ("exp(z**2/4)", 2.0),
    ("z**3*tanh(z) - sin(z)/2", 1.0),
]
HALF_WIDTH = 3.0


def value(expr: sp.Expr, z: mp.mpc) -> mp.mpf:
    """|g(z)| by mpmath."""
    own = {"softplus": lambda w: mp.log(1 + mp.exp(w))}
    return abs(sp.lambdify(Z, expr, [own, "mpmath"])(z))


@pytest.mark.parametrize(("text", "height"), BOUNDED)
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_no_value_in_the_strip_is_above_the_bound(text: str, height: float, part: float) -> None:
    expr = Activation.parse(text).derivative(0)
    bound = strip_bound(expr, arb(HALF_WIDTH), arb(part * height))
    inside = [
        mp.mpc(HALF_WIDTH * i / 20, part * height * j / 10) for i in range(-20, 21) for j in (-10, -7, -3, 0, 4, 8, 10)
    ]
    assert max(value(expr, z) for z in inside) <= mp.mpf(float(bound.upper())) * (1 + mp.mpf(10) ** -12)


@pytest.mark.parametrize(
    ("text", "pole"),
    [("tanh(z)", "pi/2"), ("tanh(2*z + 1)", "pi/4"), ("softplus(z)", "pi"), ("softplus(z/2 - 1)", "2*pi")],
)
def test_a_strip_up_to_the_nearest_pole_and_no_further(text: str, pole: str) -> None:
    expr, nearest = Activation.parse(text).derivative(0), arb(str(sp.N(sp.sympify(pole), 30)))
    assert strip_bound(expr, arb(1), nearest * arb("0.999")).is_finite()
    for height in (nearest, nearest * arb("1.001"), 3 * nearest):
        with pytest.raises(NotAnalytic, match="not known to be analytic"):
            strip_bound(expr, arb(1), height)


@pytest.mark.parametrize("text", ["abs(z)", "relu(z - 1)", "tanh(z**2)", "exp(z**3)", "sin(sin(z))", "1/(1 + z**2)"])
def test_what_has_no_bound_here_is_refused(text: str) -> None:
    given = sp.sympify(text, locals={"z": Z}) if "/" in text else Activation.parse(text).derivative(0)
    with pytest.raises(NotAnalytic):
        strip_bound(given, arb(1), arb("0.1"))
