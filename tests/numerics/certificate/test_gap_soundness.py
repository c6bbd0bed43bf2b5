"""The lower bound is below the loss at every displacement that can be found."""

from __future__ import annotations

import pytest
from certified import Small, lowest_loss

from numerics.certificate.gap import optimality_gap

NUMBERS = range(40)
"""Of the 200 problems of ``python benchmarks/certificate.py --soundness``, all of which take some minutes."""


@pytest.mark.parametrize("number", NUMBERS)
def test_no_restart_falls_below_the_bound(number: int) -> None:
    problem = Small(number)
    objective, lowest = problem.objective(), lowest_loss(problem)
    for multipliers in ("natural", "relaxation"):
        found = optimality_gap(objective, problem.start(0.3), multipliers, iterations=60)
        assert float(found.lower) <= lowest, multipliers
        assert float(found.smallest) >= 0
        assert 0 <= float(found.lower) <= float(found.value)
