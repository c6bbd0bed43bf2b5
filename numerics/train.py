"""Training loops on the regularised loss; each returns a Trajectory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.network import TwoLayerNetwork
from numerics.objective import Parts, TaylorObjective
from numerics.sampling import check_samples, generator


class Diverged(ArithmeticError):
    """Training met a loss that is not finite."""


@dataclass(frozen=True)
class Trajectory:
    """What a training run left behind.

    Attributes:
        W: final displacement, (m, d).
        steps: at which ``parts`` were recorded, the last included.
        parts: loss and its parts at those steps.
        gradient_norm: Frobenius norm of the gradient at the last step.
    """

    W: torch.Tensor
    steps: tuple[int, ...]
    parts: tuple[Parts, ...]
    gradient_norm: float


def small_start(network: TwoLayerNetwork, scale: float, seed: int) -> torch.Tensor:
    """Gaussian displacement with E|W_r|^2 = scale^2 m^{-1/2}, shape (m, d).

    The quadratic term then starts at order scale^2.
    """
    gen = generator(seed, network.device)
    shape = (network.m, network.d)
    noise = torch.randn(shape, generator=gen, dtype=network.dtype, device=network.device)
    return noise * (scale * network.m**-0.25 / math.sqrt(network.d))


def adam(
    objective: TaylorObjective,
    start: torch.Tensor,
    steps: int,
    rate: float,
    record_every: int = 100,
    progress: Callable[[int, Parts], None] | None = None,
) -> Trajectory:
    """Full-batch Adam (beta = 0.9, 0.999) with a cosine decay of the rate to zero.

    Args:
        objective: the loss.
        start: first displacement, (m, d).
        steps: number of updates, >= 1.
        rate: initial step of each coordinate of W.
        record_every: steps between records.
        progress: called with each record.

    Raises:
        Diverged: the loss is not finite, with the step, the value and what to change.
        ValueError: steps < 1, record_every < 1, or a rate that is not positive and finite.

    Source: Kingma & Ba (arXiv:1412.6980).
    """
    check_samples(steps, "steps")
    check_samples(record_every, "record_every")
    if not 0 < rate < math.inf:
        raise ValueError(f"rate={rate!r}: needs a positive finite rate")
    W = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([W], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    recorded_steps: list[int] = []
    recorded: list[Parts] = []
    gradient_norm = math.nan
    for step in range(steps + 1):
        with torch.no_grad():
            parts, gradient = objective.value_and_gradient(W)
        if not math.isfinite(parts.total):
            raise Diverged(f"loss={parts.total} at step {step}: reduce rate={rate} or the scale of the start")
        if step % record_every == 0 or step == steps:
            recorded_steps.append(step)
            recorded.append(parts)
            gradient_norm = float(gradient.norm())
            if progress is not None:
                progress(step, parts)
        if step < steps:
            W.grad = gradient
            optimizer.step()
            schedule.step()
    return Trajectory(W.detach(), tuple(recorded_steps), tuple(recorded), gradient_norm)
