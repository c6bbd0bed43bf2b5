"""Losses of a prediction f and a label y, by name, each with its first two derivatives in f."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Pointwise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Loss:
    """loss(f, y), elementwise.

    Attributes:
        name: key in :data:`LOSSES`.
        value, first, second: loss and its derivatives in f. Where a derivative jumps, a subgradient and zero.
        lipschitz: a bound of the first derivative; None when there is none.
        kink: whether the first derivative jumps.
        signs: whether labels are -1 and +1.
    """

    name: str
    value: Pointwise
    first: Pointwise
    second: Pointwise
    lipschitz: float | None
    kink: bool = False
    signs: bool = False


def _sigmoid_slope(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(y * f) * torch.sigmoid(-y * f) * y.square()


LOSSES: Mapping[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "squared",
            lambda f, y: (f - y).square(),
            lambda f, y: 2 * (f - y),
            lambda f, y: torch.full_like(f, 2.0),
            None,
        ),
        Loss(
            "absolute",
            lambda f, y: (f - y).abs(),
            lambda f, y: torch.sign(f - y),
            lambda f, y: torch.zeros_like(f),
            1.0,
            kink=True,
        ),
        Loss(  # quadratic within distance 1 of the label, then slope 1
            "huber",
            lambda f, y: torch.where((f - y).abs() <= 1, (f - y).square() / 2, (f - y).abs() - 0.5),
            lambda f, y: (f - y).clamp(-1.0, 1.0),
            lambda f, y: ((f - y).abs() <= 1).to(f),
            1.0,
        ),
        Loss(  # log cosh r = |r| + log(1 + e^{-2|r|}) - log 2
            "log-cosh",
            lambda f, y: torch.logaddexp(f - y, y - f) - torch.log(torch.full_like(f, 2.0)),
            lambda f, y: torch.tanh(f - y),
            lambda f, y: 1 - torch.tanh(f - y).square(),
            1.0,
        ),
        Loss(
            "logistic",
            lambda f, y: torch.logaddexp(torch.zeros_like(f), -y * f),
            lambda f, y: -y * torch.sigmoid(-y * f),
            _sigmoid_slope,
            1.0,
            signs=True,
        ),
        Loss(
            "hinge",
            lambda f, y: (1 - y * f).clamp_min(0),
            lambda f, y: torch.where(y * f < 1, -y, torch.zeros_like(y)),
            lambda f, y: torch.zeros_like(f),
            1.0,
            kink=True,
            signs=True,
        ),
    )
}
"""The losses by name: squared, absolute, huber, log-cosh, logistic, hinge."""


def named_loss(name: str) -> Loss:
    """The loss called ``name``. Raises ValueError with the known names."""
    if not isinstance(name, str) or name not in LOSSES:
        raise ValueError(f"loss={name!r}: needs one of {', '.join(LOSSES)}")
    return LOSSES[name]
