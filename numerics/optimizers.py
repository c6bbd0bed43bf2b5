"""Methods of optimisation, each a frozen description; :func:`numerics.train` runs them.

``start`` makes the moving part, a :class:`Stepper`, whose whole state can be saved and loaded. Perturbed gradient
descent is in :mod:`numerics.perturbed_descent`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch

from numerics.curvature import lipschitz_constant, norm
from numerics.inputs import Array, copied, settle
from numerics.objective import Objective
from numerics.precision import full_precision
from numerics.terms.weights import Parts

HALVINGS = 60
"""Doublings of the Lipschitz constant before a step is given up: the loss then no longer changes in its last digits."""

LINE_SEARCH = 30
"""Evaluations in one line search of L-BFGS."""


End = Literal["stationary", "stalled"]
"""How a method ends by itself: at a second-order stationary point, or where no step lowers the loss any more."""


class Stepper(Protocol):
    """The moving part of a method."""

    @property
    def W(self) -> torch.Tensor:
        """Current displacement, (..., m, d)."""

    @property
    def rate(self) -> torch.Tensor:
        """Current step length, of shape batch."""

    def evaluate(self) -> tuple[Parts, torch.Tensor]:
        """Loss and gradient at W."""

    def advance(self, step: int, steps: int) -> End | None:
        """Move W; say so when the method has ended by itself."""

    def state(self) -> dict[str, Any]:
        """Tensors and numbers from which :meth:`load` continues bit by bit."""

    def load(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""


class Method(Protocol):
    """A method of optimisation; ``remedy`` says what to change when it diverges."""

    remedy: str

    def start(self, objective: Objective, W: Array) -> Stepper:
        """The moving part, at W."""


@dataclass(frozen=True)
class GradientDescent:
    """W <- W - grad/L with L measured, so that the loss falls at every step by at least |grad|^2/(2L).

    L is the largest |eigenvalue| of the Hessian at W, measured every ``remeasure`` steps. A step after which the loss
    has not fallen as the descent lemma promises is taken back and L doubled; where 60 doublings do not help, the run
    ends as "stalled".

    Attributes:
        step: a fixed step length instead of 1/L, without any check.
        remeasure: steps between measurements.
    """

    step: float | None = None
    remeasure: int = 100
    remedy = "reduce step or the scale of the start"

    def __post_init__(self) -> None:
        settle(self, () if self.step is None else ("step",), ("remeasure",))

    def start(self, objective: Objective, W: Array) -> Stepper:
        """One gradient a step, and 12 products with the Hessian at each measurement.

        Raises ValueError on a loss whose derivative jumps: no L bounds its curvature, so a step must be given.
        """
        return Descent(objective, W, self)


@full_precision
class Descent:
    """The moving part of :class:`GradientDescent`."""

    def __init__(self, objective: Objective, W: Array, method: GradientDescent) -> None:
        if method.step is None and objective.loss.kink:
            raise ValueError(f"loss={objective.loss.name!r}: its derivative jumps; give a fixed step")
        self._objective, self._method, self.W = objective, method, copied(objective.network, W)
        at = self.W
        self.rate = torch.full(at.shape[:-2], method.step or math.nan, dtype=at.dtype, device=at.device)
        self._here: tuple[Parts, torch.Tensor] | None = None

    def evaluate(self) -> tuple[Parts, torch.Tensor]:
        """Loss and gradient at W, kept until W moves."""
        if self._here is None:
            self._here = self._objective.value_and_gradient(self.W)
        return self._here

    def advance(self, step: int, steps: int) -> End | None:
        """One step of all networks."""
        return self._descend(step, torch.ones(self.W.shape[:-2], dtype=torch.bool, device=self.W.device))

    def _descend(self, step: int, moving: torch.Tensor) -> End | None:
        """One step of the networks in the mask ``moving``, of shape batch; the others stay."""
        parts, gradient = self.evaluate()
        if not bool(moving.all()):
            gradient = torch.where(moving[..., None, None], gradient, 0)
        if self._method.step is not None:
            self.W, self._here = self.W - self._method.step * gradient, None
            return None
        if step % self._method.remeasure == 0:
            constant = lipschitz_constant(self._objective, self.W)
            inverse = (1 / constant).clamp_max(torch.finfo(constant.dtype).max)
            self.rate = torch.where(constant > 0, inverse, torch.ones_like(constant))
        slope = norm(self._objective, gradient).square()
        # What rounding of the loss can hide: a sum of positive terms, each with a relative error of a few units.
        noise = 8 * torch.finfo(gradient.dtype).eps * parts.total.abs()
        for _ in range(HALVINGS):
            W = self.W - self.rate[..., None, None] * gradient
            there = self._objective.value_and_gradient(W)
            fallen = there[0].total <= parts.total - self.rate * slope / 2 + noise
            if bool(fallen.all()):
                self.W, self._here = W, there
                return None
            self.rate = torch.where(fallen, self.rate, self.rate / 2)
        if not bool((fallen & moving).any()):
            return "stalled"
        self.W, self._here = torch.where(fallen[..., None, None], W, self.W), None
        return None

    def state(self) -> dict[str, Any]:
        """W and the step lengths."""
        return {"W": self.W, "rate": self.rate}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        self.W, self.rate, self._here = state["W"].to(self.W), state["rate"].to(self.W), None


@dataclass(frozen=True)
class Adam:
    """Full-batch Adam (beta = 0.9, 0.999) with a cosine decay of the rate to zero, for exploration.

    Steps are rate m / (sqrt v + 1e-8) with the running means m and v of the gradient and its square: where gradients
    are below 1e-8, steps shrink with them, and a loss scaled that far down should be scaled up.

    Attributes:
        rate: initial step of each coordinate of W. decay: False keeps the rate.

    Source: Kingma & Ba (arXiv:1412.6980); torch.optim.Adam.
    """

    rate: float = 0.01
    decay: bool = True
    remedy = "reduce rate or the scale of the start"

    def __post_init__(self) -> None:
        settle(self, ("rate",), ())

    def start(self, objective: Objective, W: Array) -> Stepper:
        """One gradient a step."""
        return _Torch(objective, W, self)


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS with a strong-Wolfe line search, for exploration.

    Attributes:
        history: pairs kept.

    Source: Nocedal & Wright, Numerical Optimization, section 7.2; torch.optim.LBFGS.
    """

    history: int = 20
    remedy = "reduce the scale of the start"

    def __post_init__(self) -> None:
        settle(self, (), ("history",))

    def start(self, objective: Objective, W: Array) -> Stepper:
        """A few gradients a step. Raises ValueError on batches and shards: torch's inner products know neither."""
        objective.network.require_single("L-BFGS")
        return _Torch(objective, W, self)


@full_precision
class _Torch:
    """An optimiser of torch on W, with the gradient by hand."""

    def __init__(self, objective: Objective, W: Array, method: Adam | LBFGS) -> None:
        self._objective, self._method = objective, method
        W = copied(objective.network, W)
        self._parameter = W.requires_grad_(True)
        self._here: tuple[Parts, torch.Tensor] | None = None
        self._optimizer: torch.optim.Optimizer
        if isinstance(method, Adam):
            self._optimizer = torch.optim.Adam([self._parameter], lr=method.rate)
        else:
            self._optimizer = torch.optim.LBFGS(
                [self._parameter],
                max_iter=1,
                max_eval=LINE_SEARCH,  # torch's default of 5/4 max_iter would end each search after one trial
                tolerance_grad=0.0,
                tolerance_change=0.0,
                history_size=method.history,
                line_search_fn="strong_wolfe",
            )
        self.rate = torch.full(W.shape[:-2], getattr(method, "rate", math.nan), dtype=W.dtype, device=W.device)

    @property
    def W(self) -> torch.Tensor:
        return self._parameter.detach()

    def evaluate(self) -> tuple[Parts, torch.Tensor]:
        if self._here is None:
            self._here = self._objective.value_and_gradient(self.W)
        return self._here

    def _closure(self) -> float:
        parts, gradient = self._objective.value_and_gradient(self.W)
        self._parameter.grad = gradient
        return float(parts.total)

    def advance(self, step: int, steps: int) -> End | None:
        if isinstance(self._method, Adam):
            if self._method.decay:
                rate = self._method.rate * (1 + math.cos(math.pi * step / steps)) / 2
                self._optimizer.param_groups[0]["lr"] = rate
                self.rate = torch.full_like(self.rate, rate)
            self._parameter.grad = self.evaluate()[1].clone()
            self._optimizer.step()
        else:
            self._optimizer.step(self._closure)
        self._here = None
        return None

    def state(self) -> dict[str, Any]:
        return {"W": self.W, "optimizer": self._optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self._parameter.copy_(state["W"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._here = None
