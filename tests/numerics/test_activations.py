"""Activations in torch: constants and tails to the last digits."""

import math

import pytest
import torch

from numerics import TwoLayerNetwork
from theory import Activation


def test_activation_constants_keep_double_precision() -> None:
    """Rational and irrational constants reach torch as the nearest double."""
    network = TwoLayerNetwork(3, 2, Activation.parse("sin(z/3 + pi/7)"))
    z = torch.tensor([0.3], dtype=torch.float64)
    assert float(network.activation(z)) == pytest.approx(math.sin(0.1 + math.pi / 7), abs=2e-16)


def test_softplus_is_exact_far_out() -> None:
    network = TwoLayerNetwork(3, 2, Activation.parse("softplus(z)"))
    z = torch.tensor([-40.0, 25.0, 700.0], dtype=torch.float64)
    expected = [math.log1p(math.exp(-40.0)), 25 + math.log1p(math.exp(-25.0)), 700.0]
    assert network.activation(z).tolist() == pytest.approx(expected, rel=1e-15)
