"""The floor of linear methods as predictions ask for it."""

import pytest

from theory import multiplicity, risk_floor
from verify.predictions.floors import MORE, fewest, floor, half_known

ENERGIES = ((1, 0.5), (2, 1.0))


def test_floor_and_its_inverse() -> None:
    d, n = 12, 30
    assert floor(d, n, ENERGIES) == pytest.approx(float(risk_floor(d, n, dict(ENERGIES))), rel=1e-15)
    assert floor(d, 4 * n, ENERGIES) < floor(d, n, ENERGIES) < floor(2 * d, n, ENERGIES)
    level = 0.4
    least = fewest(d, level, ENERGIES)
    assert floor(d, least, ENERGIES) <= level < floor(d, least - 1, ENERGIES)


def test_more_samples_than_half_of_a_degree_are_seen() -> None:
    half = half_known(12, ENERGIES)
    assert half == multiplicity(12, 2) // 2
    assert floor(12, MORE * half, ENERGIES) < floor(12, half, ENERGIES)
