import math

import numpy as np

from verify.claims.optimization.descent import groups, level
from verify.sizes.profile import QUICK


def test_activations_take_turns() -> None:
    assert groups(QUICK, 7) == (("sin(z + pi/4)", 3), ("tanh(z + 1)", 2), ("erf(z + 1/2)", 2))
    assert groups(QUICK, 2) == (("sin(z + pi/4)", 1), ("tanh(z + 1)", 1))


def test_level_removes_a_factor_and_keeps_slopes() -> None:
    table = np.array([[1.0, 2.0], [2.0, math.nan]])
    assert np.allclose(level(5 * table), level(table), equal_nan=True)
    assert np.allclose(level(table)[0, 1] / level(table)[0, 0], 2)
