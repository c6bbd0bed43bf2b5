"""Features of single neurons whose products over neurons are the kernels, one block of neurons at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from numerics.activations import TorchActivation
from numerics.memory import by_kind
from numerics.network import TwoLayerNetwork

Evaluate = Callable[[torch.Tensor], torch.Tensor]
"""Inputs (b, d) to the features of one block of neurons, (b, features)."""

ACTIVATION_NUMBERS = {"cpu": 2**18, "cuda": 2**23}
"""Numbers per temporary of the activation. On a CPU they stay in cache: fresh pages cost more than the cosine."""


def _neurons(activation: TorchActivation, weights: torch.Tensor, order: int, x: torch.Tensor) -> torch.Tensor:
    """sigma^{(order)}(<w_r, x>), (b, features): no function within another, as those cannot be pickled."""
    return activation.derivatives(x @ weights.T, order)[0]


def initial(network: TwoLayerNetwork, order: int) -> Callable[[slice], Evaluate]:
    """sigma^{(order)}(<w_r, x>), one feature for each pair of neurons."""

    def features(pairs: slice) -> Evaluate:
        return partial(_neurons, network.activation, network.half[pairs], order)

    return features


def displaced(network: TwoLayerNetwork, W: torch.Tensor) -> Callable[[slice], Evaluate]:
    """sigma'(<w_r + W_r, x>), two features for each pair."""
    plus, minus = W.chunk(2)

    def features(pairs: slice) -> Evaluate:
        weights = torch.cat([network.half[pairs] + plus[pairs], network.half[pairs] + minus[pairs]])
        return partial(_neurons, network.activation, weights, 1)

    return features


def expanded(network: TwoLayerNetwork, W: torch.Tensor) -> Callable[[slice], Evaluate]:
    """sigma' + sigma'' <W_r, x>, two features for each pair, which shares sigma' and sigma''."""
    plus, minus = W.chunk(2)

    def features(pairs: slice) -> Evaluate:
        weights, shifts = network.half[pairs], torch.cat([plus[pairs], minus[pairs]])

        def evaluate(x: torch.Tensor) -> torch.Tensor:
            first, second = network.activation.derivatives(x @ weights.T, 1, 2)
            moved = (x @ shifts.T).unflatten(1, (2, -1))
            return torch.addcmul(first[:, None], second[:, None], moved).flatten(1)

        return evaluate

    return features


def fill(out: torch.Tensor, x: torch.Tensor, evaluate: Evaluate) -> None:
    """Write the features of ``x`` to ``out``, (n, features), a few rows at a time."""
    step = max(1, by_kind(ACTIVATION_NUMBERS, x.device) // out.shape[1])
    for start in range(0, len(x), step):
        out[start : start + step] = evaluate(x[start : start + step])
