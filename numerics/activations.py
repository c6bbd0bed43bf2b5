"""Torch forms of the activations: the same SymPy expression, run over tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import torch

from numerics.precision import full_precision
from theory.activations import Activation, ActivationLike, Z
from theory.balls.ball import certified_float
from theory.balls.program import Program

_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "sin": torch.sin,
    "cos": torch.cos,
    "exp": torch.exp,
    "erf": torch.erf,
    "tanh": torch.tanh,
    "softplus": lambda u: torch.logaddexp(u, torch.zeros_like(u)),  # torch's own is cut at 20
    "Abs": torch.abs,
    "sign": torch.sign,
}


@lru_cache(maxsize=256)
def _program(activation: Activation, orders: tuple[int, ...]) -> Program:
    """The derivatives of these orders, with constants in double."""
    return Program([activation.derivative(j) for j in orders], Z, certified_float)


@full_precision
class TorchActivation:
    """sigma, sigma', sigma'' ... on tensors of any dtype and device, elementwise.

    Args:
        activation: sigma, exact; its constants are rounded to double once.

    Derivatives come from SymPy, not from autograd; repeated subexpressions are evaluated once per call. The programs
    are shared by all networks with this activation.

    Raises:
        ValueError: what is no activation, see :meth:`theory.Activation.of`.
    """

    def __init__(self, activation: ActivationLike) -> None:
        self.exact = Activation.of(activation)

    def derivatives(self, z: torch.Tensor, *orders: int) -> tuple[torch.Tensor, ...]:
        """sigma^{(j)}(z) for each j in ``orders``, each of the shape of ``z``.

        Raises:
            ValueError: a derivative that is a distribution (second derivative of ReLU).
        """
        values = _program(self.exact, orders)(z, _FUNCTIONS)
        return tuple(v if isinstance(v, torch.Tensor) else torch.full_like(z, v) for v in values)

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        """sigma(z)."""
        return self.derivatives(z, 0)[0]
