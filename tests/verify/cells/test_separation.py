"""The construction's errors on small networks, against their exact variances, and planted slips."""

import math

import numpy as np
import pytest

from theory.learning.separation import separation_theorem
from verify.cells.separation import SeparationBounds, SeparationErrors
from verify.claims.separation.e1_finite_size import _exact

TEXT = "sin(z + pi/4)"
SIZES = {"activation": TEXT, "d_min": 100, "share": 0.3, "epsilon": 0.55, "delta": 0.2}


@pytest.fixture(scope="module")
def rows():
    return [SeparationErrors(**SIZES, inputs=100, draws=32, replicate=r).run() for r in range(24)]


def test_mean_squares_are_the_exact_ones(rows) -> None:
    # Checks :eq:`separation-taylor` by Monte Carlo: 24 networks at m = 424, where every part scatters by 25 % at most.
    exact = _exact(TEXT, 100, separation_theorem(TEXT, share="3/10", epsilon="11/20", delta="1/5").taylor_width)
    for part in ("dense", "sparse", "signs"):
        ratios = np.array([row[part] for row in rows]) / exact[part]
        error = ratios.std(ddof=1) / math.sqrt(len(rows))
        assert abs(ratios.mean() - 1) < 4 * error
        assert 4 * error < 0.4  # a factor 2 would be seen


def test_the_share_of_failures_is_below_delta_and_the_bounds_hold(rows) -> None:
    theorem = separation_theorem(TEXT, share="3/10", epsilon="11/20", delta="1/5")
    bound = theorem.errors(theorem.taylor_width)
    assert np.mean([row["failed"] for row in rows]) <= 0.2
    assert np.mean([row["cross"] for row in rows]) <= float(bound.cross.mid()) ** 2
    assert np.mean([row["taylor"] for row in rows]) <= float(bound.taylor.mid())
    assert np.mean([row["network"] for row in rows]) <= float(bound.network.mid())
    assert np.mean([row["coherent"] for row in rows]) > 10 * float(bound.taylor.mid())


def test_bounds_cell() -> None:
    numbers = SeparationBounds(**SIZES, dimensions=(100, 1000)).run()
    assert numbers["taylor_width"] < numbers["network_width"]
    assert len(numbers["floor"]) == 2
