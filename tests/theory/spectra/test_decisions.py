from collections.abc import Callable

import pytest
import sympy as sp

from theory import Activation, coefficient_sign, hermite_sign, learnable, vanishes

parse = Activation.parse


def test_parity_alone() -> None:
    assert [learnable(parse("tanh(z)"), degree) for degree in range(6)] == [False, True] * 3
    assert [learnable(parse("relu(z)"), degree) for degree in range(7)] == [True, True, True, False, True, False, True]
    assert [learnable(parse("z**3/3 - z"), degree) for degree in range(5)] == [False, True, False, True, False]
    for degree in (-1, 1.5):
        with pytest.raises(ValueError, match="degree"):
            learnable(parse("z"), degree)


def test_arguments_are_checked() -> None:
    for degree, d, needle in ((-1, 10, "degree=-1"), (1, 2, "d=2")):
        with pytest.raises(ValueError, match=needle):
            coefficient_sign(parse("exp(z)").expr, degree, d)


@pytest.mark.parametrize(
    "decide", [lambda e: coefficient_sign(e, 2, 10), lambda e: hermite_sign(e, 2), lambda e: vanishes(e, 2)]
)
def test_another_symbol_does_not_pass_for_a_constant(decide: Callable[[sp.Expr], object]) -> None:
    """A constant has no coefficient of degree 2: taken for one, sin(x + 1) would be proved to have none either."""
    found = decide(sp.sin(sp.Symbol("x") + 1))
    assert found == decide(parse("sin(z + 1)").expr)
    assert found not in ("zero", True)
