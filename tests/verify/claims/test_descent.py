import math

import numpy as np

from verify.claims.descent import level


def test_level_removes_a_factor_and_keeps_slopes() -> None:
    table = np.array([[1.0, 2.0], [2.0, math.nan]])
    assert np.allclose(level(5 * table), level(table), equal_nan=True)
    assert np.allclose(level(table)[0, 1] / level(table)[0, 0], 2)
