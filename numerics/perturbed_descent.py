r"""Perturbed gradient descent on one network or a batch: noise where the gradient is small, so that saddles are left.

Two ways to run it: :class:`PerturbedGradientDescent` with :func:`numerics.train`, which takes back steps that do not
lower the loss as they should, and :func:`perturbed_descent`, which takes nothing back and keeps the loss and the
gradient of every step, so that the descent lemma can be seen to fail. Both add noise, and end, by the same clock.

Source: Jin, Ge, Netrapalli, Kakade & Jordan (arXiv:1703.00887), Algorithm 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from numerics.curvature import lipschitz_constant, norm
from numerics.equality import ByValue
from numerics.inputs import Array, finite, integer, number, one_seed, settle
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import Descent, End, GradientDescent, Stepper
from numerics.precision import full_precision
from numerics.sampling import generator

OVERFLOW = 1e6
"""A loss above this is a run of :func:`perturbed_descent` that has diverged."""


@dataclass(frozen=True)
class PerturbedGradientDescent:
    """Gradient descent that leaves saddle points: where the gradient is small, noise is added.

    When |grad| <= ``gradient`` and no noise was added in the last ``wait`` steps, W moves to a uniform point of the
    ball of radius ``radius`` around it. If ``wait`` steps later the loss has not fallen by ``decrease``, the point
    before the noise is second-order stationary to that accuracy, with high probability, and the method ends there.
    Of a batch each network has its own clock; one that has ended stays where it is while the others go on.

    Attributes:
        radius, gradient, wait, decrease: as above; ``decrease`` must exceed the rounding of the loss, some 1e-6 of it
            in float32.
        seed: of the noise.
        step, remeasure: as :class:`numerics.GradientDescent`.

    Source: Jin, Ge, Netrapalli, Kakade & Jordan (arXiv:1703.00887), Algorithm 2, with the step length measured.
    """

    radius: float = 1e-2
    gradient: float = 1e-3
    wait: int = 50
    decrease: float = 1e-6
    seed: int = 0
    step: float | None = None
    remeasure: int = 50
    remedy = GradientDescent.remedy

    def __post_init__(self) -> None:
        positive = ("radius", "gradient", "decrease")
        settle(self, positive if self.step is None else (*positive, "step"), ("wait", "remeasure"))
        object.__setattr__(self, "seed", one_seed(self.seed))

    def start(self, objective: Objective, W: Array) -> Stepper:
        """As gradient descent, and raises ValueError as it does."""
        return _Perturbed(objective, W, self)


class _Clock:
    """For each network of a batch, when it was last moved by noise, and where it was before.

    Everything but W and the points before the noise is kept on the CPU, in double, with one entry for each network.

    Attributes:
        since: the step of the last noise, -1 before the first. before, loss: the point before it, and its loss.
        active: whether the network has not ended yet.
    """

    def __init__(self, method: PerturbedGradientDescent, network: TwoLayerNetwork, W: torch.Tensor) -> None:
        self._method, self._network, self._generator = method, network, generator(method.seed)
        count = W.shape[:-2].numel()
        self.since = torch.full((count,), -1, dtype=torch.int64, device="cpu")
        self.active = torch.ones(count, dtype=torch.bool, device="cpu")
        self.loss = torch.zeros(count, dtype=torch.float64, device="cpu")
        self.before = W

    def end(self, t: int, loss: torch.Tensor) -> torch.Tensor:
        """The networks that end now, as their loss has not fallen since the noise; they count as ended from here on."""
        waited = (self.since >= 0) & (t - self.since == self._method.wait)
        ended = self.active & waited & (flat(loss) > self.loss - self._method.decrease)
        self.active = self.active & ~ended
        return ended

    def due(self, t: int, length: torch.Tensor) -> torch.Tensor:
        """The networks that noise is to be added to now, by the lengths of their gradients."""
        rested = (self.since < 0) | (t - self.since > self._method.wait)
        return self.active & (flat(length) <= self._method.gradient) & rested

    def add_noise(self, t: int, due: torch.Tensor, W: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
        """W with noise added to the networks that are due."""
        self.before = select(due, W, self.before)
        self.loss, self.since = torch.where(due, flat(loss), self.loss), torch.where(due, t, self.since)
        return select(due, W + self._ball(W), W)

    def _ball(self, W: torch.Tensor) -> torch.Tensor:
        """A uniform point of the ball for each network, due or not, in the shape of W."""
        m, d, count = self._network.m, self._network.d, len(self.since)
        full = torch.randn((count, m, d), generator=self._generator, dtype=torch.float64, device="cpu")
        length = torch.rand(count, generator=self._generator, dtype=torch.float64, device="cpu") ** (1 / (m * d))
        scale = self._method.radius * length / full.norm(dim=(1, 2))
        return self._network.scatter((full * scale[:, None, None]).to(W)).reshape(W.shape)

    def state(self) -> dict[str, Any]:
        own = {"since": self.since, "active": self.active, "loss": self.loss, "before": self.before}
        return {**own, "generator": self._generator.get_state()}

    def load(self, state: dict[str, Any]) -> None:
        self.since, self.active, self.loss = (state[name].cpu() for name in ("since", "active", "loss"))
        self.before = state["before"].to(self.before)
        self._generator.set_state(state["generator"].cpu())


def flat(numbers: torch.Tensor) -> torch.Tensor:
    """A number for each network, of shape batch, as one axis of doubles on the CPU."""
    return numbers.reshape(-1).double().cpu()


def select(mask: torch.Tensor, there: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
    """The displacements ``there`` of the networks in the mask, and ``here`` of the others."""
    return torch.where(mask.to(here.device).reshape(*here.shape[:-2], 1, 1), there, here)


@full_precision
class _Perturbed(Descent):
    def __init__(self, objective: Objective, W: Array, method: PerturbedGradientDescent) -> None:
        super().__init__(objective, W, GradientDescent(method.step, method.remeasure))
        self._clock = _Clock(method, objective.network, self.W)

    def advance(self, step: int, steps: int) -> End | None:
        parts, gradient = self.evaluate()
        ended = self._clock.end(step, parts.total)
        if bool(ended.any()):
            self.W, self._here = select(ended, self._clock.before, self.W), None
        if not bool(self._clock.active.any()):
            return "stationary"
        due = self._clock.due(step, norm(self._objective, gradient))
        if bool(due.any()):
            self.W, self._here = self._clock.add_noise(step, due, self.W, parts.total), None
        return self._descend(step, self._clock.active.to(self.W.device).reshape(self.W.shape[:-2]))

    def state(self) -> dict[str, Any]:
        return {**super().state(), "clock": self._clock.state()}

    def load(self, state: dict[str, Any]) -> None:
        super().load(state)
        self._clock.load(state["clock"])


@dataclass(frozen=True, eq=False)
class DescentHistory(ByValue):
    r"""What :func:`perturbed_descent` saw; tensors have one entry for each network of the batch.

    Attributes:
        W: where it ended.
        reached: the step at which \|grad\| was small at that point, -1 where it did not end by itself.
        fall: smallest (L_t - L_{t+1}) / (step \|grad\|^2) over the steps of descent.
        losses, gradients: L and \|grad\|, step by step.
        constants: largest Lipschitz constant measured.
    """

    W: torch.Tensor
    reached: torch.Tensor
    fall: torch.Tensor
    losses: list[torch.Tensor]
    gradients: list[torch.Tensor]
    constants: torch.Tensor


def measured_at(t: int) -> bool:
    """Whether L is measured at step t: 0, 10, 20, 40, ..., 320, then every 320, as the curvature settles."""
    return t % 320 == 0 or (t >= 10 and t % 10 == 0 and (t // 10).bit_count() == 1 and t < 320)


@full_precision
@torch.no_grad()
def perturbed_descent(
    objective: Objective, start: Array, method: PerturbedGradientDescent, steps: int, step: float
) -> DescentHistory:
    r"""Perturbed gradient descent with steps ``step``/L on a batch, each network with its own clock.

    L is the largest modulus of the Hessian's eigenvalues, by Lanczos. Nothing is taken back when a step does
    not bring the promised fall. A network that noise was just added to rests for that step.

    Args:
        objective: the loss of a batch of networks.
        start: first displacements, (B, m, d).
        method: radius, gradient, wait, decrease and seed; its own step length is not used.
        steps: at most.
        step: step length in units of 1/L, > 0.

    Raises:
        ValueError: a single network, a start of another shape, dtype or device or not finite, steps < 1, or a step that
            is not positive and finite.

    Cost: a gradient a step, and 12 products with the Hessian at each measurement of L.
    """
    network, steps, step = objective.network, integer(steps, "steps"), number(step, "step")
    if not network.batch:
        raise ValueError("perturbed_descent: needs a batch of networks; give TwoLayerNetwork a tuple of seeds")
    W, count = finite(network.check_displacement(start, "start"), "start").detach().clone(), network.batch[0]
    clock = _Clock(method, network, W)
    reached, moved = torch.full((count,), -1, device="cpu", dtype=torch.int64), torch.zeros(count, dtype=torch.bool)
    fall, constants, rate = (torch.full((count,), value, dtype=W.dtype) for value in (math.inf, 0.0, 0.0))
    losses: list[torch.Tensor] = []
    gradients: list[torch.Tensor] = []
    for t in range(steps + 1):
        parts, gradient = objective.value_and_gradient(W)
        loss, length = parts.total.cpu(), norm(objective, gradient).cpu()
        losses.append(loss)
        gradients.append(length)
        if t:
            gain = (losses[-2] - loss) / (rate * gradients[-2].square())
            gain = torch.nan_to_num(gain, nan=-OVERFLOW, neginf=-OVERFLOW)
            fall = torch.where(moved, torch.minimum(fall, gain), fall)
        if not bool((loss < OVERFLOW).all()):
            break
        ended = clock.end(t, loss)
        W, reached = select(ended, clock.before, W), torch.where(ended, clock.since, reached)
        if t == steps or not bool(clock.active.any()):
            break
        due = clock.due(t, length)
        if bool(due.any()):
            W = clock.add_noise(t, due, W, loss)
        if measured_at(t):
            measured = lipschitz_constant(objective, W).cpu()
            rate, constants = step / measured, torch.maximum(constants, measured)
        # Where noise was just added the network rests for a step: its gradient belongs to the point before.
        moved = clock.active & ~due
        W = W - (rate * moved).to(W)[:, None, None] * gradient
    return DescentHistory(W, reached, fall, losses, gradients, constants)
