r"""What is trained: the network itself or its Taylor terms, as functions of P = x D^T and Q = x S^T.

With D = W_+ - W_- and S = W_+ + W_-, each (m/2, d), a model's output at an input is a sum over the distinct neurons of
a function of the two numbers p = <D_r, x>, q = <S_r, x>:

    f_L:      m^{-1/2} sigma' p                    f_Q:  (1/2) m^{-1/2} sigma'' p q
    network:  m^{-1/2} [ sigma(z + (q+p)/2) - sigma(z + (q-p)/2) ],   z = <w_r, x>

A model gives the output, its slopes in p and q, and its curvatures: all that gradients and Hessian products need. Every
summand is F(q + p) - F(q - p) for some function F, so its second derivative in p twice is that in q twice.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Protocol

import torch

from numerics.activations import TorchActivation
from numerics.blocks import Block

ModelName = Literal["network", "taylor", "linear", "quadratic"]
MODELS = ("network", "taylor", "linear", "quadratic")


Slopes = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Output of shape (..., b), and its derivatives in p and in q, (..., b, m/2)."""


class Curves(NamedTuple):
    """A model at its products, to second order.

    Attributes:
        output: over the neurons kept here, (..., b).
        slope_p, slope_q: its derivatives in p and in q over ``slope_scale``, (..., b, m/2).
        pure, mixed: second derivatives of the summands over ``curvature_scale``, the pure one in p twice or in q twice;
            each (..., b, m/2), or one zero of shape () for all.
        slope_scale, curvature_scale: numbers that are left for the caller to multiply with, among factors of its own.
    """

    output: torch.Tensor
    slope_p: torch.Tensor
    slope_q: torch.Tensor
    pure: torch.Tensor
    mixed: torch.Tensor
    slope_scale: float = 1.0
    curvature_scale: float = 1.0


class Model(Protocol):
    """One of the models."""

    def evaluate(self, block: Block, p: torch.Tensor, q: torch.Tensor, overwrite: bool = False) -> Slopes:
        """Output over the neurons kept here, and its slopes in p and q.

        With ``overwrite`` no memory is taken: afterwards q's holds the slope in p, and p's the slope in q.
        """

    def expand(self, block: Block, p: torch.Tensor, q: torch.Tensor) -> Curves:
        """Output, slopes and curvatures, from one evaluation of the activation."""

    def coefficients(self, block: Block) -> tuple[torch.Tensor, torch.Tensor]:
        """Of p and of p q in the output of a Taylor model, each (..., b, m/2), or one zero for all.

        Raises ValueError for the network itself, which is no polynomial in p and q.
        """


class Taylor:
    """f_L + f_Q, or one of them."""

    def __init__(self, linear: bool, quadratic: bool) -> None:
        self._linear, self._quadratic = linear, quadratic

    def evaluate(self, block: Block, p: torch.Tensor, q: torch.Tensor, overwrite: bool = False) -> Slopes:
        """Slopes sigma' + sigma'' q / 2 in p, and sigma'' p / 2 in q (over sqrt m)."""
        over_q, over_p = (q, p) if overwrite else (torch.empty_like(q), torch.empty_like(p))
        if not self._quadratic:
            return torch.linalg.vecdot(block.first, p), over_q.copy_(block.first), over_p.zero_()
        if self._linear:
            torch.addcmul(block.first, block.second, q, out=over_q)
        else:
            torch.mul(block.second, q, out=over_q)
        output = torch.linalg.vecdot(over_q, p)
        return output, over_q, torch.mul(block.second, p, out=over_p)

    def expand(self, block: Block, p: torch.Tensor, q: torch.Tensor) -> Curves:
        """Only f_Q is curved, and only along p and q together."""
        nothing = p.new_zeros(())
        return Curves(*self.evaluate(block, p, q), nothing, block.second if self._quadratic else nothing)

    def coefficients(self, block: Block) -> tuple[torch.Tensor, torch.Tensor]:
        """sigma' and sigma'' / 2 (over sqrt m)."""
        nothing = block.x.new_zeros(())
        return block.first if self._linear else nothing, block.second if self._quadratic else nothing


class Network:
    """The network itself, with the activation evaluated at the displaced weights."""

    def __init__(self, activation: TorchActivation, m: int) -> None:
        self._activation, self._scale = activation, 1 / math.sqrt(m)

    def evaluate(self, block: Block, p: torch.Tensor, q: torch.Tensor, overwrite: bool = False) -> Slopes:
        """Both copies of each neuron; at p = q = 0 they agree in every bit and cancel."""
        (plus, d_plus), (minus, d_minus) = (
            self._activation.derivatives(block.z.add(shift, alpha=0.5), 0, 1) for shift in (q + p, q - p)
        )
        output = (plus - minus).sum(-1) * self._scale
        half = self._scale / 2
        over_q, over_p = (q, p) if overwrite else (torch.empty_like(q), torch.empty_like(p))
        return (
            output,
            torch.add(d_plus, d_minus, out=over_q).mul_(half),
            torch.sub(d_plus, d_minus, out=over_p).mul_(half),
        )

    def expand(self, block: Block, p: torch.Tensor, q: torch.Tensor) -> Curves:
        """Sum and difference of sigma' and of sigma'' at the two copies, over 2 sqrt m and 4 sqrt m."""
        (plus, d_plus, d2_plus), (minus, d_minus, d2_minus) = (
            self._activation.derivatives(block.z.add(shift, alpha=0.5), 0, 1, 2) for shift in (q + p, q - p)
        )
        return Curves(
            (plus - minus).sum(-1) * self._scale,
            d_plus + d_minus,
            d_plus - d_minus,
            d2_plus - d2_minus,
            d2_plus + d2_minus,
            self._scale / 2,
            self._scale / 4,
        )

    def coefficients(self, block: Block) -> tuple[torch.Tensor, torch.Tensor]:
        """None: refused."""
        raise ValueError("model='network': is no polynomial in W, which a lower bound needs; certify model='taylor'")
