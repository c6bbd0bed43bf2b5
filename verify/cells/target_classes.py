"""Trained models on other targets, labels and losses than a dense harmonic plus one sparse direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from verify.cells.trained import TrainedModels
from verify.cells.training import WAYS, Arm, Draws

if TYPE_CHECKING:
    import torch

    from numerics.targets import Target
    from numerics.trajectory import Trajectory


TargetClass = Literal["one direction", "three directions", "all degrees", "product", "label noise", "huber", "logistic"]
STRENGTHS = (0.6, 0.3, 0.1)
"""Shares of the sparse part's energy in "three directions"."""
NOISE = 0.25
"""Variance of "label noise"."""


class TargetClassModels(TrainedModels):
    """As :class:`TrainedModels`, on a target of one class; the sparse part and the dense part have energy 1 each.

    Attributes:
        target_class: "one direction" - the target of all other cells; "three directions" - the sparse part in three
            orthogonal directions of energies about :data:`STRENGTHS`; "all degrees" - the dense part in all degrees
            0..k, of equal energies; "product" - the sparse part proportional to x_1 x_2 ... x_{k+1} in a random
            orthonormal frame; "label noise" - labels with Gaussian noise of variance :data:`NOISE`; "huber" - trained
            with the Huber loss; "logistic" - labels are signs of the target, trained with the logistic loss.

    Risks are mean squares against the target without noise, whatever the loss; with "logistic" the share of wrong signs
    on the test points. The NTK is fitted by ridge regression throughout, to the signs with "logistic". For the last two
    the risk at half the steps is that at the end times the ratio of the test losses.
    """

    target_class: TargetClass

    def _target(self, label: str) -> Target:
        from verify.cells.target_classes_run import target_class_models_target

        return target_class_models_target(self, label)

    def prepare(self, labels: Sequence[str], n: int) -> Draws:
        from verify.cells.target_classes_run import target_class_models_prepare

        return target_class_models_prepare(self, labels, n)

    @property
    def loss(self) -> str:
        """The loss that is trained with."""
        return self.target_class if self.target_class in ("huber", "logistic") else "squared"

    def measure(self, outputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """The share of wrong signs for "logistic", else the mean square."""
        if self.target_class == "logistic":
            return (outputs * answers <= 0).to(outputs).mean(-1)
        return super().measure(outputs, answers)

    def risks(self, draws: Draws, trajectory: Trajectory, arm: Arm) -> tuple[list[float], list[float]]:
        """Risks at half the steps and at the end, a number for each draw."""
        if self.loss == "squared":
            return super().risks(draws, trajectory, arm)
        network, W, scale = draws.network, trajectory.W, WAYS[arm].scale
        outputs = network.quadratic(draws.test, W) if arm == "quadntk" else network.forward(draws.test, W)
        end = self.measure(scale * outputs, draws.answers)
        fallen = trajectory.records[1].test_risk / trajectory.records[-1].test_risk
        return (end * fallen).tolist(), end.tolist()
