"""A small network with Gaussian inputs, and its Jacobian as a matrix."""

from __future__ import annotations

import torch

from numerics import TwoLayerNetwork, gaussian, generator
from theory import Activation

SIGMA = Activation.parse("sigmoid(z - 1)")
D, M, N, COUNT = 5, 24, 40, 5
"""Dimension, width, inputs, directions."""


def gaussian_problem(
    dtype: torch.dtype = torch.float64, device: str = "cpu", seed: int | tuple[int, ...] = 1
) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    """A network and Gaussian inputs, and a displacement for each network."""
    network = TwoLayerNetwork(D, M, SIGMA, seed, dtype, device)
    x = gaussian(N, D, generator(2)).to(network.w)
    W = torch.randn(*network.batch, M, D, generator=generator(3), dtype=torch.float64).to(network.w)
    return network, x, W


def dense_jacobian(network: TwoLayerNetwork, x: torch.Tensor) -> torch.Tensor:
    """The Jacobian of f at W = 0, (n, m d), by automatic differentiation of the network itself."""
    flat = torch.zeros(network.m * network.d, dtype=network.dtype, device=network.device)
    return torch.func.jacrev(lambda W: network.forward(x, W.reshape(network.m, network.d)))(flat)
