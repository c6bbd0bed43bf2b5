"""Units of sample counts against Gaussian quadrature; corrections of finite d where they are known."""

import math

import numpy as np
import pytest

from numerics import FeatureCovariance, GoodDirections, Target, TwoLayerNetwork
from numerics.constructions import joint_construction, random_signs
from numerics.sampling import generator
from theory import Activation, monomial_coefficients, multiplicity, profile_energy
from theory.harmonics.sphere import cumulative_multiplicity
from verify.judging.statistics import slope
from verify.predictions.sample_counts import drifts, sample_scale, sparse_budget, width_excess

SIGMA = "sin(z + pi/4)"
ACTIVATIONS = (SIGMA, "tanh(z + 1)", "sin(z + 1)")


def test_sample_scales_against_gaussian_quadrature() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    second = {
        SIGMA: -np.sin(nodes + math.pi / 4),
        "tanh(z + 1)": -2 * np.tanh(nodes + 1) / np.cosh(nodes + 1) ** 2,
        "erf(z + 1/2)": -4 / math.sqrt(math.pi) * (nodes + 0.5) * np.exp(-((nodes + 0.5) ** 2)),
    }
    for activation, values in second.items():
        square = weights @ values**2
        assert sample_scale(activation, 1) == pytest.approx(square / (weights @ values) ** 2, rel=6e-3)
        assert sample_scale(activation, 2) == pytest.approx(square / (weights @ (nodes * values)) ** 2, rel=6e-3)
    assert sample_scale("sin(z)", 1) == math.inf


def test_drifts_at_large_d_are_small_and_signed() -> None:
    """The parts of :eq:`sample-drifts`."""
    far = drifts(ACTIVATIONS, 1, (4000, 8000, 16_000), 4, 0.5)
    assert far.logarithm == pytest.approx(1 / math.log(8000), rel=0.02)
    assert abs(far.budget) < 2e-3
    assert abs(far.dimension) < 2e-4
    assert far.width < 0.01
    grid = (24, 40, 64)
    near = drifts(ACTIVATIONS, 1, grid, 4, 0.5)
    assert near.dimension == pytest.approx(slope(grid, [cumulative_multiplicity(d, 1) for d in grid]) - 1)
    middle, radius = near.middle(joint=True), near.radius()
    assert near.middle(joint=False) == pytest.approx(near.budget + near.logarithm / 2)
    assert near.largest() == pytest.approx(near.budget + near.logarithm + near.order + near.width)
    assert near.budget < near.dimension < 0
    assert middle - radius == pytest.approx(near.budget - near.order - near.width)
    assert middle + radius == pytest.approx(near.dimension + near.logarithm + near.order + near.width)


def test_the_excess_of_finite_width_against_networks() -> None:
    """R1 at W_L + S W_Q of random networks, exactly over the sphere, times m^{1/2}."""
    d, m, draws = 12, 512, 40
    found = []
    for seed in range(draws):
        network = TwoLayerNetwork(d, m, Activation.parse(SIGMA), seed)
        target = Target.dense(d, 1, 1.0, seed) + Target.sparse(d, 2, [1.0], seed + 1)
        signs = random_signs(m, generator(seed + 2))
        W = joint_construction(network, target, 1, signs).W
        rest = GoodDirections(network, 1).complement(W)
        found.append(float(FeatureCovariance(network).energy(rest)))
    stderr = np.std(found, ddof=1) / math.sqrt(draws)
    assert np.mean(found) == pytest.approx(width_excess(SIGMA, 1, d, m), abs=4 * stderr + 0.05 * np.mean(found))


@pytest.mark.parametrize("k", [1, 2])
def test_budget_by_its_definition(k: int) -> None:
    """8 alpha^2 E[g^2] / d^{k-1} with alpha sqrt(N) c d^{(k+1)/2} = 1, c the share of P_{k+1} in t^{k+1}."""
    d = 12
    top = float(monomial_coefficients(k + 1, d)[k + 1]) * math.sqrt(multiplicity(d, k + 1))
    alpha = 1 / (top * d ** ((k + 1) / 2))
    energy = float(profile_energy(Activation.parse(SIGMA), k, d))
    assert sparse_budget(SIGMA, k, d) == pytest.approx(8 * alpha**2 * energy / d ** (k - 1), rel=1e-13)
