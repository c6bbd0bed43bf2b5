"""Signs of constants at a kink: by a ball, and zero by algebra alone."""

import pytest
import sympy as sp

from theory.activations.derivatives import _sign

ROOT = sp.sqrt(2)


@pytest.mark.parametrize(
    ("constant", "sign"),
    [
        (sp.Rational(-3, 7), -1),
        (sp.Integer(0), 0),
        (ROOT - sp.Rational(141421, 100000), 1),
        (sp.Rational(141421, 100000) - ROOT, -1),
        ((ROOT - 1) * (ROOT + 1) - 1, 0),  # no ball excludes or proves it
    ],
)
def test_sign(constant: sp.Expr, sign: int) -> None:
    assert _sign(constant) == sign


def test_zero_beyond_algebra_is_not_decided() -> None:
    with pytest.raises(ValueError, match="is not decided"):
        _sign(sp.sqrt(3 + 2 * ROOT, evaluate=False) - 1 - ROOT)
