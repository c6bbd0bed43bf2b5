r"""Losses of a prediction f and a label y, by name, each with its first two derivatives in f and its conjugate.

All of them are convex in f, so each lies above its tangents: loss(f, y) >= g f - conjugate(g, y) for every slope g in
the range of its slopes, with equality where g is a slope of the loss at f. Each function has a name, as lambdas cannot
be pickled, and a loss is part of every objective.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from numerics.quoting import shown

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


def _squared(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (f - y).square()


def _squared_first(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 2 * (f - y)


def _squared_second(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.full_like(f, 2.0)


def _squared_conjugate(g: Any, y: Any) -> Any:
    return g * y + g * g / 4


def _absolute(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (f - y).abs()


def _absolute_first(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.sign(f - y)


def _flat(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The second derivative of a loss made of straight pieces."""
    return torch.zeros_like(f)


def _straight_conjugate(g: Any, y: Any) -> Any:
    """The conjugate of such a loss, 0 at its label, at the slopes that it has."""
    return g * y


def _huber(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Quadratic within distance 1 of the label, then slope 1."""
    return torch.where((f - y).abs() <= 1, (f - y).square() / 2, (f - y).abs() - 0.5)


def _huber_first(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (f - y).clamp(-1.0, 1.0)


def _huber_second(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((f - y).abs() <= 1).to(f)


def _huber_conjugate(g: Any, y: Any) -> Any:
    return g * y + g * g / 2


def _log_cosh(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """log cosh r = |r| + log(1 + e^{-2|r|}) - log 2."""
    return torch.logaddexp(f - y, y - f) - torch.log(torch.full_like(f, 2.0))


def _log_cosh_first(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.tanh(f - y)


def _log_cosh_second(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 1 - torch.tanh(f - y).square()


def _log_cosh_conjugate(g: Any, y: Any) -> Any:
    return g * y + (_entropy(1 + g) + _entropy(1 - g)) / 2


def _logistic(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.logaddexp(torch.zeros_like(f), -y * f)


def _logistic_first(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -y * torch.sigmoid(-y * f)


def _logistic_second(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(y * f) * torch.sigmoid(-y * f) * y.square()


def _logistic_conjugate(g: Any, y: Any) -> Any:
    return _entropy(-y * g) + _entropy(1 + y * g)


def _hinge(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (1 - y * f).clamp_min(0)


def _hinge_first(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.where(y * f < 1, -y, torch.zeros_like(y))


LOSSES: Mapping[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("squared", _squared, _squared_first, _squared_second, None, _squared_conjugate),
        Loss("absolute", _absolute, _absolute_first, _flat, 1.0, _straight_conjugate, kink=True),
        Loss("huber", _huber, _huber_first, _huber_second, 1.0, _huber_conjugate),
        Loss("log-cosh", _log_cosh, _log_cosh_first, _log_cosh_second, 1.0, _log_cosh_conjugate),
        Loss("logistic", _logistic, _logistic_first, _logistic_second, 1.0, _logistic_conjugate, signs=True),
        Loss("hinge", _hinge, _hinge_first, _flat, 1.0, _straight_conjugate, kink=True, signs=True),
    )
}
"""The losses by name: squared, absolute, huber, log-cosh, logistic, hinge."""


def named_loss(name: str) -> Loss:
    """The loss called ``name``. Raises ValueError with the known names."""
    if not isinstance(name, str) or name not in LOSSES:
        raise ValueError(f"loss={shown(name)}: needs one of {', '.join(LOSSES)}")
    return LOSSES[name]
