"""What a training run leaves behind: records of its states, and how they are measured."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

from numerics.batches import member_index
from numerics.certificate.gap import Choice, optimality_gap, relative_gap
from numerics.certificate.relaxation import Relaxation
from numerics.curvature import norm
from numerics.equality import ByValue
from numerics.inputs import named
from numerics.kernels import ntk_gram
from numerics.objective import Objective
from numerics.optimizers import End, Stepper
from numerics.precision import full_precision
from numerics.scale import unit
from numerics.terms.weights import Parts
from theory.showing import axes, curve, finish, number, table

PROBES = 128
"""Training inputs on which the movement of the kernel is measured."""

Stop = Literal["steps", "gradient", "gap"] | End
"""Why a run ended: all steps done, a gradient or a certified gap small enough, or by the method itself."""


Panel = Literal["losses", "energies", "movement"]
PANELS: dict[Panel, tuple[str, dict[str, str]]] = {
    "losses": (
        "loss",
        {
            "total": "regularised loss",
            "data": "data term",
            "test_risk": "test risk",
            "lower_bound": "certified lower bound",
        },
    ),
    "energies": (
        "mean square",
        {
            "linear_energy": "linear term f_L",
            "quadratic_energy": "quadratic term f_Q",
            "outside": "f_L outside the good directions",
        },
    ),
    "movement": (
        "relative movement",
        {"weight_movement": "weights, |W| / |W\u2080|", "kernel_movement": "tangent kernel, |K - K\u2080| / |K\u2080|"},
    ),
}
"""What :meth:`Trajectory.plot` draws: the label of the y axis, and the curves with their names."""
SHOWN = 12
"""Most records of a table in a notebook."""


@dataclass(frozen=True, eq=False)
class Record(ByValue):
    """State of a run at one step. Every tensor has shape batch: () for one network.

    Attributes:
        step: updates done.
        parts: the loss and its parts.
        gradient_norm: Frobenius norm of the gradient.
        linear_energy, quadratic_energy: means of f_L^2 and f_Q^2 over the test inputs (training inputs without them).
        kernel_movement: ||K_W - K_0||_F / ||K_0||_F, K_W the tangent kernel at W of the network (model "network") or of
            its Taylor model, on up to 128 training inputs; NaN where K_0 = 0.
        weight_movement: ||W||_F / ||W_0||_F, how far the weights have moved; ||W_0||_F = sqrt(m).
        outside: mean of f_L(x_i; P_{>k} W)^2 over the training inputs, R1 there whatever its weight; NaN without good
            directions.
        test_risk: mean loss on the test inputs; NaN without them.
        rate: step length of the last update; NaN before the first and for L-BFGS.
        lower_bound: certified, below the loss at every displacement: the best of this record and those before; float64.
            NaN where none was asked for.
    """

    step: int
    parts: Parts
    gradient_norm: torch.Tensor
    linear_energy: torch.Tensor
    quadratic_energy: torch.Tensor
    kernel_movement: torch.Tensor
    weight_movement: torch.Tensor
    outside: torch.Tensor
    test_risk: torch.Tensor
    rate: torch.Tensor
    lower_bound: torch.Tensor

    @property
    def gap(self) -> torch.Tensor:
        """(loss - lower bound) / loss: the relative distance from the global minimum is at most this."""
        return relative_gap(self.parts.total.double(), self.lower_bound)

    def numbers(self) -> dict[str, float]:
        """Everything as floats by name, the gap included, for one network."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("step", "parts")}
        own["gap"] = self.gap
        return {"step": self.step, **self.parts.numbers(), **{name: float(value) for name, value in own.items()}}

    def member(self, index: int) -> Record:
        """The record of network ``index`` of a batch; IndexError without one, or outside."""
        index = member_index(index, tuple(self.test_risk.shape))
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        own = {k: v if k == "step" else v.member(index) if k == "parts" else v[index] for k, v in values.items()}
        return Record(**own)


@full_precision
@dataclass(frozen=True, eq=False)
class Trajectory(ByValue):
    """What a training run left behind.

    Attributes:
        W: final displacement, (..., m, d).
        records: every ``record_every`` steps, or at the steps asked for; the first and the last included.
        stopped: "steps" when all were done, "gradient" when the gradient was small enough, "gap" when the certified gap
            was, "stationary" or "stalled" when the method ended by itself (:data:`numerics.optimizers.End`).
    """

    W: torch.Tensor
    records: tuple[Record, ...]
    stopped: Stop

    def curve(self, name: str) -> torch.Tensor:
        """One quantity over the records, (records, ...): a field of :class:`Record` or of its parts.

        Raises:
            AttributeError: no such quantity.
        """
        values = [getattr(r if hasattr(r, name) else r.parts, name) for r in self.records]
        if name == "step":
            return torch.tensor(values, dtype=torch.int64, device="cpu")
        return torch.stack(values)

    def _repr_html_(self) -> str:
        """A table of at most twelve records for a notebook; of a batch the means over its networks."""
        last = len(self.records) - 1
        places = sorted({round(i * last / (SHOWN - 1)) for i in range(SHOWN)})
        names = {name: label for _, curves in PANELS.values() for name, label in curves.items()}
        columns = {name: self.curve(name).double().reshape(len(self.records), -1).mean(1).tolist() for name in names}
        kept = [name for name, column in columns.items() if not all(map(math.isnan, column))]
        over = f", means over {self.W.shape[0]} networks" if self.W.ndim == 3 else ""
        return table(
            f"training, {self.records[-1].step} steps, ended by: {self.stopped}{over}",
            ("step", *(names[name] for name in kept)),
            ((self.records[i].step, *(number(columns[name][i]) for name in kept)) for i in places),
        )

    def plot(self, ax: Any = None, what: Panel = "losses") -> Any:
        """The course of training over the steps, on a logarithmic axis; returns the Axes.

        Args:
            ax: matplotlib Axes to draw on; a new figure's when None.
            what: "losses" (with the test risk and the certified lower bound, where they are there), "energies" (of f_L,
                of f_Q, and of f_L outside the good directions) or "movement" (of the weights and of the kernel). Of a
                batch every network has a line.

        Raises:
            ValueError: another ``what``.
            ImportError: matplotlib is not installed.
        """
        named(what, PANELS, "what")
        (ylabel, names), ax = PANELS[what], axes(ax)
        steps, positive = [record.step for record in self.records], False
        for index, (name, label) in enumerate(names.items()):
            lines = self.curve(name).double().reshape(len(steps), -1).T.tolist()
            for place, values in enumerate(lines):
                drawn = [value if value > 0 else math.nan for value in values]
                if not all(map(math.isnan, drawn)):
                    positive = True
                    ax.plot(steps, drawn, label=label if place == 0 else None, markersize=3, **curve(index))
        if positive:
            ax.set_yscale("log")
        return finish(ax, f"training, ended by: {self.stopped}", "step", ylabel)


@full_precision
class Observer:
    """Measures what a record holds beyond loss and gradient.

    Args:
        objective: the loss. test: inputs and labels for the test risk. certify: the multipliers of the lower bound.
    """

    def __init__(
        self, objective: Objective, test: tuple[torch.Tensor, torch.Tensor] | None, certify: Choice | None
    ) -> None:
        self._objective, self._test, self._certify = objective, test, certify
        network, x = objective.network, objective.x
        try:
            network.activation.derivatives(x[..., :1, :1], 2)
            self._curved = True
        except ValueError:  # sigma'' is a distribution: no quadratic term, and no Taylor model whose kernel moves
            self._curved = False
        self._inputs = x if test is None else test[0]
        count = network.batch[0] if network.batch else 1
        self._networks = [network.member(i) for i in range(count)] if network.batch else [network]
        self._probes = [(x[i] if x.ndim == 3 else x)[:PROBES] for i in range(count)]
        self._grams = [ntk_gram(one, probe) for one, probe in zip(self._networks, self._probes, strict=True)]

    def __call__(
        self, step: int, parts: Parts, length: torch.Tensor, stepper: Stepper, before: Record | None
    ) -> Record:
        """The record of a step, whose loss and gradient are known; ``before`` is the one before."""
        objective, W = self._objective, stepper.W
        network, nothing = objective.network, torch.full_like(length, math.nan)
        terms = {"linear": network.linear(self._inputs, W)}
        if self._curved:
            terms["quadratic"] = network.quadratic(self._inputs, W)
        linear = terms["linear"].square().mean(-1)
        quadratic = terms["quadratic"].square().mean(-1) if self._curved else nothing
        risk = nothing
        if self._test is not None:
            risk = objective.loss.value(objective.predict(self._test[0], W, terms), self._test[1]).mean(-1)
        outside = nothing
        if objective.directions is not None:
            outside = network.linear(objective.x, objective.directions.complement(W)).square().mean(-1)
        movement, bound = self._movement(W), self._lower_bound(W, before)
        weights = norm(objective, W) / math.sqrt(network.m)
        rate = stepper.rate.clone()
        return Record(step, parts, length, linear, quadratic, movement, weights, outside, risk, rate, bound)

    def _lower_bound(self, W: torch.Tensor, before: Record | None) -> torch.Tensor:
        """Every lower bound is one of the same minimum, so the best so far stands."""
        if self._certify is None:
            return torch.full(W.shape[:-2], math.nan, dtype=torch.float64, device=W.device)
        if before is not None and self._certify == "relaxation":
            return before.lower_bound.clone()
        found = optimality_gap(self._objective, W, self._certify).lower
        return found if before is None else torch.maximum(found, before.lower_bound)

    def _movement(self, W: torch.Tensor) -> torch.Tensor:
        if isinstance(self._objective, Relaxation) or (not self._curved and self._objective.model != "network"):
            return torch.full(W.shape[:-2], math.nan, dtype=W.dtype, device=W.device)
        model: Literal["network", "taylor"] = "network" if self._objective.model == "network" else "taylor"
        members = W if W.ndim == 3 else W[None]
        moved = [
            _relative(ntk_gram(one, probe, W=member, model=model) - gram, gram)
            for one, probe, member, gram in zip(self._networks, self._probes, members, self._grams, strict=True)
        ]
        return torch.stack(moved).reshape(W.shape[:-2])


def _relative(change: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """|change| / |start| of two matrices, over a power of two of the size of ``start``: NaN where that is zero."""
    scale = unit(start)
    size = (start / scale).norm()
    return torch.where(size > 0, (change / scale).norm() / size, math.nan)
