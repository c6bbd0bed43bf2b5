"""Gram matrices of the empirical NTK."""

from __future__ import annotations

import torch

from numerics.network import TwoLayerNetwork
from numerics.sampling import check_samples


def ntk_gram(
    network: TwoLayerNetwork,
    x: torch.Tensor,
    x2: torch.Tensor | None = None,
    block: int = 4096,
) -> torch.Tensor:
    """Empirical NTK K_ij = <x_i, x2_j> (1/m) sum_r sigma'(<w_r,x_i>) sigma'(<w_r,x2_j>), shape (n, n2).

    Both copies of a neuron give the same features, so only m/2 of them are evaluated.

    Args:
        network: at its initialisation.
        x: inputs, (n, d).
        x2: second inputs, (n2, d); ``x`` when None.
        block: neurons per block; memory is n n2 plus (n + n2) block numbers.

    Raises:
        ValueError: block < 1.

    Cost: products of shapes n x d x n2 and n x m/2 x n2.
    """
    check_samples(block, "block")
    other = x if x2 is None else x2
    gram = torch.zeros(len(x), len(other), dtype=x.dtype, device=x.device)
    for weights in network.half.split(block):
        (left,) = network.activation.derivatives(x @ weights.T, 1)
        right = left if x2 is None else network.activation.derivatives(other @ weights.T, 1)[0]
        gram.addmm_(left, right.T)
    return gram.mul_(x @ other.T).div_(network.m // 2)
