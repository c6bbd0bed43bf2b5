"""Kernel operators that the tests of the iterative solver share."""

import math

import torch

from numerics import TwoLayerNetwork, generator, sphere
from numerics.kernels import NTKOperator, ntk_gram
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
N, D, M = 120, 5, 40


class Dense:
    """A matrix as an operator, counting its products."""

    def __init__(self, gram: torch.Tensor) -> None:
        self.gram, self.products = gram, 0

    def matmul(self, v: torch.Tensor) -> torch.Tensor:
        self.products += 1
        return self.gram @ v

    def columns(self, index: torch.Tensor) -> torch.Tensor:
        return self.gram[:, index]

    def evaluate(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Part of the interface; a bare matrix has no other inputs."""
        raise NotImplementedError


def problem(device: str, dtype: torch.dtype) -> tuple[NTKOperator, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The operator, labels, test inputs, and its Gram matrix in float64 on the CPU, from the rounded inputs."""
    network = TwoLayerNetwork(D, M, SIGMA, dtype=dtype, device=device)
    x, test = (sphere(n, D, math.sqrt(D), generator(n)).to(device, dtype) for n in (N, 30))
    exact = TwoLayerNetwork(D, M, SIGMA)
    exact._place(network.half.double().cpu())
    y = torch.randn(N, generator=generator(1), dtype=torch.float64).to(device, dtype)
    return NTKOperator(network, x), y, test, ntk_gram(exact, x.double().cpu())
