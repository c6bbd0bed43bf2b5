from collections.abc import Callable
from typing import Any

import pytest

from verify.claims.optimization.o4_saddle import LAMBDA_MIN, O4


def test_the_draw_where_the_blocks_miss_most_is_judged(judged: Callable[..., Any]) -> None:
    """In units of the blocks' own eigenvalue, with the residual in the same unit."""
    _, _, outcome = judged(
        O4, lambda cell, row: row.__setitem__("curvature", [-0.2002 - 1e-4 * cell.replicate, 1e-3]), block=-0.1
    )
    [worst] = [c for c in outcome.comparisons if c.label == LAMBDA_MIN]
    last = -0.2002 - 1e-4 * 11
    assert (worst.predicted, worst.measured.value) == (1.0, pytest.approx(last / -0.1))
    assert worst.measured.upper - worst.measured.value == pytest.approx(1e-2)
