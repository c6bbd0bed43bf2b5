r"""Losses of a prediction f and a label y, by name, each with its first two derivatives in f and its conjugate.

All of them are convex in f, so each lies above its tangents: loss(f, y) >= g f - conjugate(g, y) for every slope g in
the range of its slopes, with equality where g is a slope of the loss at f.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
        conjugate: sup_f [g f - loss(f, y)] as a function of g and y, tensors or balls, finite for the slopes that
            :meth:`clamp` returns.

    Source: docs/mathematics, :eq:`loss-conjugate`.
    """

    name: str
    value: Pointwise
    first: Pointwise
    second: Pointwise
    lipschitz: float | None
    conjugate: Callable[[Any, Any], Any]
    kink: bool = False
    signs: bool = False

    def clamp(self, g: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The slope nearest to g that the loss has somewhere, in the limit of large f included."""
        if self.signs:
            return y * (g * y).clamp(-1.0, 0.0)
        return g if self.lipschitz is None else g.clamp(-self.lipschitz, self.lipschitz)


def _entropy(a: Any) -> Any:
    """a log a, 0 at a = 0, of a tensor or of a ball."""
    if isinstance(a, torch.Tensor):
        return torch.special.xlogy(a, a)
    return a if a == 0 else a * a.log()


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
            lambda g, y: g * y + g * g / 4,
        ),
        Loss(
            "absolute",
            lambda f, y: (f - y).abs(),
            lambda f, y: torch.sign(f - y),
            lambda f, y: torch.zeros_like(f),
            1.0,
            lambda g, y: g * y,
            kink=True,
        ),
        Loss(  # quadratic within distance 1 of the label, then slope 1
            "huber",
            lambda f, y: torch.where((f - y).abs() <= 1, (f - y).square() / 2, (f - y).abs() - 0.5),
            lambda f, y: (f - y).clamp(-1.0, 1.0),
            lambda f, y: ((f - y).abs() <= 1).to(f),
            1.0,
            lambda g, y: g * y + g * g / 2,
        ),
        Loss(  # log cosh r = |r| + log(1 + e^{-2|r|}) - log 2
            "log-cosh",
            lambda f, y: torch.logaddexp(f - y, y - f) - torch.log(torch.full_like(f, 2.0)),
            lambda f, y: torch.tanh(f - y),
            lambda f, y: 1 - torch.tanh(f - y).square(),
            1.0,
            lambda g, y: g * y + (_entropy(1 + g) + _entropy(1 - g)) / 2,
        ),
        Loss(
            "logistic",
            lambda f, y: torch.logaddexp(torch.zeros_like(f), -y * f),
            lambda f, y: -y * torch.sigmoid(-y * f),
            _sigmoid_slope,
            1.0,
            lambda g, y: _entropy(-y * g) + _entropy(1 + y * g),
            signs=True,
        ),
        Loss(
            "hinge",
            lambda f, y: (1 - y * f).clamp_min(0),
            lambda f, y: torch.where(y * f < 1, -y, torch.zeros_like(y)),
            lambda f, y: torch.zeros_like(f),
            1.0,
            lambda g, y: g * y,
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
