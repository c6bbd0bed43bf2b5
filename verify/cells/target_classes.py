"""Trained models on other targets, labels and losses than a dense harmonic plus one sparse direction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch

from numerics.sampling import generator
from numerics.targets import Target
from numerics.trajectory import Trajectory
from verify.cells.trained import TrainedModels
from verify.cells.training import WAYS, Arm, Draws

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
        degree, parts = self.k + 1, [self._dense(label)]
        seed = self.drawn("sparse", label)
        if self.target_class == "three directions":
            raw = Target.sparse(self.d, degree, [math.sqrt(share) for share in STRENGTHS], seed)
            parts.append(_normalised(raw, degree))
        elif self.target_class == "product":
            parts.append(product(self.d, degree, seed))
        else:
            parts.append(Target.sparse(self.d, degree, [1.0], seed))
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def _dense(self, label: str) -> Target:
        seed = self.drawn("dense", label)
        if self.target_class != "all degrees":
            return Target.dense(self.d, self.k, 1.0, seed)
        parts = [Target.dense(self.d, degree, 1 / (self.k + 1), seed + degree) for degree in range(self.k + 1)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def prepare(self, labels: Sequence[str], n: int) -> Draws:
        """As for other cells, with the noise on the labels or their signs."""
        draws = super().prepare(labels, n)
        if self.target_class == "label noise":
            noise = [
                torch.randn(n, generator=generator(self.drawn("label noise", label)), dtype=torch.float64)
                for label in labels
            ]
            return replace(draws, y=draws.y + math.sqrt(NOISE) * torch.stack(noise).to(draws.y))
        if self.target_class == "logistic":
            return replace(draws, y=_signs(draws.y), answers=_signs(draws.answers))
        return draws

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


def product(d: int, degree: int, seed: int) -> Target:
    """A multiple, of energy 1, of the product of the first ``degree`` coordinates in a random orthonormal frame.

    By polarisation x_1 ... x_l is the mean of s_2 ... s_l (x_1 + s_2 x_2 + ... + s_l x_l)^l over all signs s, over l!;
    it is harmonic, so the parts of lower degree cancel and zonal harmonics can stand for the powers.
    """
    frame = torch.linalg.qr(torch.randn(d, degree, generator=generator(seed), dtype=torch.float64)).Q.T
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=degree - 1)), dtype=torch.float64)
    directions = frame[0] + signs @ frame[1:]
    return _normalised(Target.zonal(d, degree, directions, signs.prod(-1)), degree)


def _normalised(target: Target, degree: int) -> Target:
    weights, directions = target.terms[degree]
    return Target.zonal(target.d, degree, directions, weights / math.sqrt(target.energies()[degree]))


def _signs(values: torch.Tensor) -> torch.Tensor:
    return torch.where(values < 0, -1.0, 1.0).to(values)
