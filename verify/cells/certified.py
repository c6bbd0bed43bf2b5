"""Cells of O5 and O6: how far training ends from the certified lower bound of the global minimum."""

from __future__ import annotations

from typing import Literal

import torch

from numerics.certificate.double import in_double
from numerics.certificate.gap import Choice, optimality_gap
from numerics.models import ModelName
from numerics.objective import Objective
from numerics.optimizers import GradientDescent
from numerics.terms.weights import PenaltyWeights
from numerics.train import train
from verify.cells.training import Arm, Draws, Training, Weights
from verify.running.experiment import Numbers

Begin = Literal["small", "random", "memorising"]
BEGINS: tuple[Begin, ...] = ("small", "random", "memorising")
RANDOM = 1.0
"""Scale of the random start (:func:`numerics.small_start`): f_Q is then of the size of the target."""
EARLY = 20
"""Steps after which a run is looked at for a control."""


class CertifiedEnds(Training):
    r"""Training from several starts on a Taylor model's regularised loss, and a certified bound of its minimum.

    Attributes:
        arm: "quadntk", bounded at the natural multipliers, or "joint" of the Taylor model, bounded by the relaxation.
        n: training inputs. draws: of network, data and target. weights: l1, which is l3 too, and l4.
        begins: the starts. "small" - of scale ``start``; "random" - of scale :data:`RANDOM`; "memorising" - where
            ``steps`` on the data term alone have led.
        heavier: factor of l4 in the planted bound.
        iterations: of the relaxation's L-BFGS.

    Training is in single precision, losses and bounds in double. Numbers, by draw: ``value``, the regularised loss at
    the end from each start, and ``early``, after :data:`EARLY` steps; ``zero``, at W = 0; ``free``, of the memorising
    start itself; ``lower``, below the loss at every displacement; ``heavier``, the same number for the loss with l4
    times :attr:`heavier`, which is no bound of this loss.

    Cost: ``steps`` gradients a start, and one certificate.
    """

    arm: Arm
    n: int
    draws: int
    weights: Weights
    begins: tuple[Begin, ...] = BEGINS
    heavier: float
    iterations: int = 400

    def run(self) -> Numbers:
        draws = self.prepare([str(i) for i in range(self.draws)], self.n)
        places = list(range(self.draws))
        several = draws.some(places * len(self.begins))
        free = self._end(self._data_term(draws), self.begin(draws), self.steps)
        starts = {"small": self.begin(draws), "random": self.begin(draws, RANDOM), "memorising": free}
        begins = [starts[name] for name in self.begins]
        objective = self.objective(several, self.arm, self.weights)
        first = self._end(objective, torch.cat(begins), EARLY)
        end = self._end(objective, first, max(1, self.steps - EARLY))
        value, early = (self._loss(objective, W).reshape(len(self.begins), -1) for W in (end, first))
        best = end.reshape(len(self.begins), *free.shape)[value.argmin(0), places]
        penalty, capacity = self.weights
        own, heavier = (self.objective(draws, self.arm, (penalty, factor * capacity)) for factor in (1.0, self.heavier))
        multipliers: Choice = "natural" if self.arm == "quadntk" else "relaxation"
        bound = optimality_gap(own, best, multipliers, self.iterations)
        return {
            "value": value.T.tolist(),
            "early": early.T.tolist(),
            "zero": self._loss(own, torch.zeros_like(free)).tolist(),
            "free": self._loss(own, free).tolist(),
            "lower": bound.lower.tolist(),
            "heavier": optimality_gap(heavier, best, bound.multipliers).lower.tolist(),
        }

    def _data_term(self, draws: Draws) -> Objective:
        """The loss of the same model without any penalty."""
        model: ModelName = "quadratic" if self.arm == "quadntk" else "taylor"
        return Objective(draws.network, draws.x, draws.y, PenaltyWeights(0.0, 0.0, 0.0, 0.0), None, model)

    def _end(self, objective: Objective, start: torch.Tensor, steps: int) -> torch.Tensor:
        return train(objective, start, GradientDescent(remeasure=max(1, self.steps // 4)), steps, steps).W

    @staticmethod
    def _loss(objective: Objective, W: torch.Tensor) -> torch.Tensor:
        return in_double(objective).value_and_gradient(W.double())[0].total
