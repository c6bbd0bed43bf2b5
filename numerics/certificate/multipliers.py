"""Multipliers of the lower bound: where the tangents to the terms of the loss touch."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.batches import member_index
from numerics.certificate.relaxation import Relaxation
from numerics.equality import ByValue
from numerics.objective import Objective
from numerics.terms.r3 import R3


@dataclass(frozen=True, eq=False)
class Multipliers(ByValue):
    """A point of the dual. Every one gives a lower bound; none has to be right.

    Attributes:
        slopes: g_i, one for each training input, (..., n); at a displacement loss'(f(x_i), y_i).
        shifts: s_r, one for each neuron, (..., m); at a displacement the slope of l4 R4 in |W_r|^2.
        crossing: v_i, (..., n), at a displacement 2 l3 f_Q(x_i; P_{<=k} W, P_{>k} W); None leaves R3 out, as R3 >= 0.
    """

    slopes: torch.Tensor
    shifts: torch.Tensor
    crossing: torch.Tensor | None = None

    def member(self, index: int) -> Multipliers:
        """Those of network ``index`` of a batch; IndexError without one, or outside."""
        index = member_index(index, tuple(self.slopes.shape[:-1]))
        crossing = None if self.crossing is None else self.crossing[index]
        return Multipliers(self.slopes[index], self.shifts[index], crossing)


def natural(objective: Objective, W: torch.Tensor) -> Multipliers:
    """The multipliers at W, (..., m, d): there the bound touches the loss."""
    return _touching(objective, W, objective.predict(objective.x, W), W.square().sum(-1))


def of_relaxation(relaxation: Relaxation, displacement: torch.Tensor) -> Multipliers:
    """The multipliers at (W, V), for the loss that was relaxed; ``displacement`` of shape (..., 2 m, d)."""
    W, V = relaxation.split(displacement)
    squares = W.square().sum(-1) + V.square().sum(-1)
    return _touching(relaxation.original, W, relaxation.predict(relaxation.x, displacement), squares)


def _touching(objective: Objective, W: torch.Tensor, outputs: torch.Tensor, squares: torch.Tensor) -> Multipliers:
    crossing = None
    if objective.directions is not None:
        good = objective.directions.project(W)
        for term in objective.averages:
            if isinstance(term, R3):
                crossing = 2 * term.weight * objective.network.cross(objective.x, good, W - good)
    return Multipliers(objective.loss.first(outputs, objective.y), objective.r4.slopes(squares), crossing)
