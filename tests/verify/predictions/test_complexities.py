"""Complexities of the unit balls between what small networks reach, and by their laws in n and the radii."""

import math

import numpy as np
import pytest

from numerics import TwoLayerNetwork, generator, sphere
from theory import Activation, ntk_trace
from verify.cells.rademacher_run import fair_signs, quadratic_supremum
from verify.predictions.complexities import gap_bound, linear_bound, quadratic_bound, quadratic_floor

SIGMA = "sin(z + pi/4)"


def test_small_networks_lie_between_floor_and_bound() -> None:
    d, n, gen = 4, 12, generator(2)
    squares = []
    for seed in range(60):
        network = TwoLayerNetwork(d, 6, Activation.parse(SIGMA), seed=seed)
        x = sphere(n, d, math.sqrt(d), gen)
        squares.append(float(quadratic_supremum(network, x, fair_signs(n, gen))[0]) ** 2)
    stderr = np.std(squares, ddof=1) / math.sqrt(len(squares))
    assert quadratic_floor(SIGMA, d, n) ** 2 < np.mean(squares) - 4 * stderr
    assert np.mean(squares) + 4 * stderr < quadratic_bound(SIGMA, d, n) ** 2


def test_laws_in_n_and_the_radii() -> None:
    d, n = 10, 64
    assert n * linear_bound(SIGMA, d, n) ** 2 == pytest.approx(float(ntk_trace(Activation.parse(SIGMA), d)), rel=1e-14)
    assert quadratic_floor(SIGMA, d, 4 * n) == pytest.approx(quadratic_floor(SIGMA, d, n) / 2, rel=1e-14)
    assert gap_bound(SIGMA, d, n, 1.5, 0.0) == pytest.approx(3 * linear_bound(SIGMA, d, n))
    assert gap_bound(SIGMA, d, n, 0.0, 3.0) == pytest.approx(18 * quadratic_bound(SIGMA, d, n))
