"""What inputs and labels must be, checked where they enter."""

from __future__ import annotations

import torch

from numerics.losses import Loss
from numerics.network import TwoLayerNetwork


def checked_labels(network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor, loss: Loss) -> torch.Tensor:
    """Labels in the dtype and on the device of x; ValueError unless they have its n, are finite and suit the loss."""
    if y.shape not in {(x.shape[-2],), (*network.batch, x.shape[-2])}:
        shapes = f"x of shape {tuple(x.shape)}, y of shape {tuple(y.shape)}"
        raise ValueError(f"{shapes}: needs (n, {network.d}) and (n,), or a leading axis {network.batch} on each")
    if not bool(torch.isfinite(y).all()):
        raise ValueError("y has entries that are not finite")
    if loss.signs and not bool((y.abs() == 1).all()):
        raise ValueError(f"loss={loss.name!r}: needs labels -1 and +1")
    return y.to(x)


def check_inputs(network: TwoLayerNetwork, x: torch.Tensor, name: str) -> None:
    """ValueError unless x has shape (n, d) or (..., n, d), n >= 1, the network's dtype and device, and is finite."""
    if x.shape[-1:] != (network.d,) or x.shape[:-2] not in {(), network.batch} or x.ndim < 2:
        batch = f", or {network.batch} in front of it" if network.batch else ""
        raise ValueError(f"{name} of shape {tuple(x.shape)}: needs (n, {network.d}){batch}")
    if not x.numel() or not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name} of shape {tuple(x.shape)}: needs one input or more, all finite")
    if x.dtype != network.dtype or x.device != network.device:
        raise ValueError(
            f"{name} is {x.dtype} on {x.device}: needs the network's {network.dtype} on {network.device}; "
            f"use {name}.to(network.w)"
        )


def check_single(network: TwoLayerNetwork, x: torch.Tensor, name: str) -> None:
    """As :func:`check_inputs`, for one network."""
    if network.batch:
        raise ValueError(f"network of batch {network.batch}: needs one network; take network.member(i)")
    check_inputs(network, x, name)
