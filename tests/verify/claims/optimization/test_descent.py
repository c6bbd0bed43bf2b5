from verify.claims.optimization.descent import groups
from verify.sizes.profile import QUICK


def test_activations_take_turns() -> None:
    assert groups(QUICK, 7) == (("sin(z + pi/4)", 3), ("tanh(z + 1)", 2), ("erf(z + 1/2)", 2))
    assert groups(QUICK, 2) == (("sin(z + pi/4)", 1), ("tanh(z + 1)", 1))
