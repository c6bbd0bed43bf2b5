r"""The two-layer network and its Taylor terms.

f(x; W0 + W) = m^{-1/2} sum_r a_r sigma(<w_r + W_r, x>), inputs on S^{d-1}(sqrt d), weights w_r on S^{d-1}(1).
Antisymmetric initialisation: w_{r+m/2} = w_r, a_r = +1, a_{r+m/2} = -1 for r < m/2, so f(x; W0) = 0 exactly.
"""

from __future__ import annotations

import math

import torch

from numerics.activations import TorchActivation
from numerics.sampling import generator, sphere
from theory.activations import Activation
from theory.sphere import integer_dimension
from theory.taylor import check_width


class TwoLayerNetwork:
    """The network at its initialisation; a displacement W of shape (m, d) is an argument of every evaluation.

    Args:
        d: input dimension, >= 3.
        m: width, even.
        activation: sigma.
        seed: of the initial weights.
        dtype, device: of the weights and of everything computed from them.

    Attributes:
        w: initial weights, (m, d), rows of norm 1. a: signs, (m,).

    Raises:
        ValueError: d < 3, or m odd or < 2.
    """

    def __init__(
        self,
        d: int,
        m: int,
        activation: Activation,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> None:
        self.d, self.m, self.seed = integer_dimension(d), check_width(m), seed
        self.activation = TorchActivation(activation)
        half = sphere(m // 2, d, 1.0, generator(seed), torch.float64)
        self.half = half.to(device=device, dtype=dtype)
        self.w = torch.cat([self.half, self.half])
        ones = torch.ones(m // 2, dtype=dtype, device=device)
        self.a = torch.cat([ones, -ones])

    @property
    def dtype(self) -> torch.dtype:
        """dtype of the weights."""
        return self.w.dtype

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.w.device

    def preactivations(self, x: torch.Tensor) -> torch.Tensor:
        """<w_r, x_i>, shape (n, m)."""
        z = x @ self.half.T
        return torch.cat([z, z], dim=1)

    def forward(self, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        """f(x; W0 + W), shape (n,); exactly zero at W = 0. Cost: products of n x d x m in all."""
        # One product per half: both have the same shape, so at W = 0 they agree in every bit and cancel.
        plus, minus = (self.activation(x @ (self.half + part).T) for part in W.chunk(2))
        return (plus - minus).sum(1) / math.sqrt(self.m)

    def linear(self, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        """f_L(x; W) = m^{-1/2} sum_r a_r sigma'(<w_r,x>) <W_r,x>, shape (n,)."""
        (first,) = self.activation.derivatives(self.preactivations(x), 1)
        return self._output(first * (x @ W.T))

    def quadratic(self, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        """f_Q(x; W) = (1/2) m^{-1/2} sum_r a_r sigma''(<w_r,x>) <W_r,x>^2, shape (n,)."""
        (second,) = self.activation.derivatives(self.preactivations(x), 2)
        return self._output(second * (x @ W.T) ** 2) / 2

    def cross(self, x: torch.Tensor, W: torch.Tensor, V: torch.Tensor) -> torch.Tensor:
        """f_Q(x; W, V) = m^{-1/2} sum_r a_r sigma''(<w_r,x>) <W_r,x><V_r,x>, shape (n,)."""
        (second,) = self.activation.derivatives(self.preactivations(x), 2)
        return self._output(second * (x @ W.T) * (x @ V.T))

    def _output(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden @ self.a / math.sqrt(self.m)
