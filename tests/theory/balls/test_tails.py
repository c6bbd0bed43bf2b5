"""Suprema over the whole line, against values on a fine grid and in the tails, where an interval must not lose them."""

import math

import mpmath
import pytest
import sympy as sp
from flint import arb

from theory import Activation
from theory.balls.tails import global_supremum

SMOOTH = ("sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)", "softplus(z + 1)", "cos(z) + sin(z/2)")


@pytest.mark.parametrize("text", SMOOTH)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bounds_every_value_and_is_not_loose(text: str, order: int) -> None:
    expr = Activation.parse(text).derivative(order)
    bound = float(global_supremum(expr))
    values = sp.lambdify(
        sp.Symbol("z", real=True), expr.subs(next(iter(expr.free_symbols)), sp.Symbol("z", real=True)), "mpmath"
    )
    with mpmath.workdps(30):
        seen = max(abs(values(mpmath.mpf(i) / 20)) for i in range(-800, 801))
    assert seen <= bound
    # Sums of sines have tails that are bounded term by term.
    assert bound <= float(seen) * (1.1 if text.startswith("cos") else 1.01)


def test_a_peak_beyond_the_middle_is_seen() -> None:
    """exp(-(z - 30)^2) is 1 at z = 30; its tail has to cover that."""
    with pytest.raises(ValueError, match="not bounded"):
        global_supremum(Activation.parse("exp(-z**2/2 + 30*z)").derivative(0))
    assert float(global_supremum(Activation.parse("tanh(z - 30)").derivative(0))) >= 1


@pytest.mark.parametrize("text", ["z**2", "exp(z)", "z*tanh(z)", "softplus(z)"])
def test_what_grows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="bound"):
        global_supremum(Activation.parse(text).derivative(0))


def test_a_gaussian_tail_is_tiny() -> None:
    found = global_supremum(Activation.parse("erf(z)").derivative(2))
    assert abs(found - arb(2 / math.sqrt(math.pi)) * arb(2).sqrt() * arb("-0.5").exp()) < 1e-3
