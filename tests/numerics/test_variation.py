"""The mean second variation over random signs."""

import math

import pytest
import torch
from references import neuron_variation

from numerics import (
    GoodDirections,
    Objective,
    PenaltyWeights,
    Target,
    TwoLayerNetwork,
    generator,
    sign_variation,
    small_start,
    sparse_construction,
    sphere,
)
from numerics.models import ModelName
from theory import Activation

SINE = Activation.parse("sin(z + pi/4)")


@pytest.mark.parametrize("model", ["network", "taylor", "linear", "quadratic"])
@pytest.mark.parametrize("modes", [(), ("exact",), ("training",), ("unlabeled",), ("exact", "training", "unlabeled")])
@pytest.mark.parametrize("power", [4, 8])
def test_sign_variation_is_the_sum_over_neurons(model: ModelName, modes: tuple[str, ...], power: int) -> None:
    """Against the Hessian applied to one neuron at a time, for the whole and for each part."""
    network = TwoLayerNetwork(4, 10, SINE, seed=1)
    x = sphere(20, 4, 2.0, generator(2))
    y = torch.randn(20, generator=generator(3), dtype=torch.float64)
    weights = PenaltyWeights(r1=0.7, r3=0.9, r4=0.05, r1_modes=modes, r4_power=power)
    unlabeled = sphere(15, 4, 2.0, generator(4))
    objective = Objective(network, x, y, weights, GoodDirections(network, 1), model, "log-cosh", unlabeled)
    W, V = small_start(network, 2.0, 0), small_start(network, 1.0, 1)
    found, expected = sign_variation(objective, W, V), neuron_variation(objective, W, V)
    assert found.total == pytest.approx(expected, rel=1e-10)
    assert (1.01 * found.data_slope + found.total - found.data_slope) != pytest.approx(expected, rel=1e-6) or (
        model == "linear"
    )
    if model in ("taylor", "quadratic"):
        slope = objective.loss.first(objective.predict(x, W), y)
        identity = 2 * float((slope * network.quadratic(x, V)).mean())
        assert found.data_slope == pytest.approx(identity, rel=1e-10)


def test_curvature_along_the_construction_falls_with_width() -> None:
    """The part that is not the descent identity is O(m^{-1/2}) along S W_Q: a factor 16 in m makes it 4 smaller."""
    d, parts = 6, []
    for m in (400, 6400):
        network = TwoLayerNetwork(d, m, SINE, seed=1)
        x = sphere(200, d, math.sqrt(d), generator(2))
        target = Target.sparse(d, 2, [1.0], 3)
        built = sparse_construction(network, target.terms[2][1], [1.0], 1)
        objective = Objective(network, x, target(x), PenaltyWeights(r4=0.0))
        parts.append(sign_variation(objective, torch.zeros_like(network.w), built.W))
    assert 3 < parts[0].data_curvature / parts[1].data_curvature < 5
    assert parts[1].total < 0


def test_variation_wants_one_network() -> None:
    network = TwoLayerNetwork(5, 8, SINE, seed=(0, 1))
    x = sphere(4, 5, math.sqrt(5), generator(0))
    objective = Objective(network, x, x[:, 0])
    W = small_start(network, 1.0, 0)
    with pytest.raises(ValueError, match="one network"):
        sign_variation(objective, W, W)
