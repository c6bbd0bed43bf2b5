"""Trained models: one way of learning at one number of samples, its weights chosen on draws that are left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Self

import torch
from pydantic import model_validator

from numerics.constructions import joint_construction, random_signs
from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator
from numerics.train import Diverged
from numerics.trajectory import PROBES, Trajectory
from theory import Activation
from verify.cells.training import WAYS, Arm, Draws, Training, Weights, kernel_risks
from verify.running.experiment import Numbers

RIDGES = tuple(10.0 ** (exponent / 4) for exponent in range(-16, 13))
"""Candidates for the ridge of kernel regression."""


class TrainedModels(Training):
    """One arm at one n on ``draws`` judged draws, with the best of its ``candidates`` for (l1, l4).

    Where there are several candidates, each is trained on ``validation`` other draws - other networks, data and targets
    - and the one with the least mean test risk there is taken. The NTK's ridge is chosen out of ``ridges`` in the
    same way, one for all judged draws. So no arm sees the test points on which it is judged.

    Attributes:
        n: training samples. draws: judged ones, all trained at once. candidates: (l1, l4); none for the NTK.
        ridges: for the NTK. kernel_width: m of the networks whose NTK is taken, on the same data; that of the draws
            when None.
        validation: draws left out; not needed where nothing is chosen.
        constructed: whether to measure the movement of the kernel at the construction.
        stretch: factor of W for ``stretched``.

    Numbers: ``chosen``, the position of the candidate or ridge; ``validation``, the mean validation risk of each. A
    list over the draws each, None for a draw that diverged: ``risk`` and ``risk_halfway`` on the test points, and for
    trained arms ``loss`` and ``loss_halfway``, regularised; ``gradient``, its norm at the end; ``capacity``
    ||W||_{2,4}^4; ``medium``, the mean square of f_L(P_{>k} W) over the test points with the true good directions;
    ``remainder``, the mean square of f - f_L - f_Q; ``quadratic``, that of f_Q; ``share`` = <f_Q, f_sp> over them, 1
    when f_Q carries the sparse part in full; ``linear_share`` = <f_L, f_sp>; ``movement`` ||K_W - K_0||_F / ||K_0||_F
    of the tangent kernel on up to 128 training inputs; where asked ``constructed``, the same at the displacement W_L +
    S W_Q of docs/mathematics, section 4, and ``stretched``, the remainder at W times ``stretch``. Outputs count after
    multiplying back where the arm is scaled.

    Cost: about 3 n m d multiplications a step, and evaluations of sigma and sigma' at n m preactivations, for each draw
    and each candidate's validation draws.
    """

    arm: Arm
    n: int
    draws: int
    candidates: tuple[Weights, ...]
    validation: int = 0
    ridges: tuple[float, ...] = RIDGES
    kernel_width: int | None = None
    constructed: bool = False
    stretch: float | None = None

    KERNEL: ClassVar[Arm] = "ntk"

    @model_validator(mode="after")
    def decided(self) -> Self:
        """There is something to train with, and something to choose by."""
        if self.arm != self.KERNEL and not self.candidates:
            raise ValueError(f"candidates={self.candidates!r}: arm {self.arm!r} needs a pair (l1, l4)")
        if self._chooses and self.validation < 1:
            raise ValueError(f"validation={self.validation}: arm {self.arm!r} has a choice, so it needs a draw for it")
        return self

    @property
    def _chooses(self) -> bool:
        return self.arm == self.KERNEL or len(self.candidates) > 1

    @property
    def cost(self) -> float:
        """Multiplications of one product, times steps and draws."""
        left_out = self.validation * len(self.candidates) if self._chooses else 0
        return float((self.draws + left_out) * self.steps * self.n * self.m * self.d)

    def run(self) -> Numbers:
        judged = [str(i) for i in range(self.draws)]
        left_out = [f"validation {i}" for i in range(self.validation)]
        if self.arm == self.KERNEL:
            cell = self if self.kernel_width is None else self.model_copy(update={"m": self.kernel_width})
            rows = kernel_risks(cell.prepare(left_out, self.n), self.ridges, self.measure)
            means = [math.fsum(column) / len(column) for column in zip(*rows, strict=True)]
            best = _least(means)
            one = self.ridges[best : best + 1]
            risks = [row[0] for row in kernel_risks(cell.prepare(judged, self.n), one, self.measure)]
            return {"risk": risks, "chosen": best, "validation": means}
        if not self._chooses:
            return {"chosen": 0, "validation": [], **self._learnt(judged, self.candidates[0])}
        tried = [self._validated(left_out, weights) for weights in self.candidates]
        best = _least(tried)
        return {"chosen": best, "validation": tried, **self._learnt(judged, self.candidates[best])}

    def _validated(self, labels: Sequence[str], weights: Weights) -> float | None:
        """Mean test risk of a candidate; None where a draw diverged."""
        draws = self.prepare(labels, self.n)
        try:
            _, risks = self.risks(draws, self.learn(draws, self.arm, weights), self.arm)
        except Diverged:
            return None
        return math.fsum(risks) / len(risks)

    def _learnt(self, labels: Sequence[str], weights: Weights) -> Numbers:
        """The numbers of the judged draws, by name."""
        rows = self._rows(labels, weights)
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}

    def _rows(self, labels: Sequence[str], weights: Weights) -> list[dict[str, float | None]]:
        """The numbers of each draw; {"risk": None} for one that diverged, which the others then do not suffer from."""
        draws = self.prepare(labels, self.n)
        try:
            return self._measured(draws, self.learn(draws, self.arm, weights))
        except Diverged:
            if len(labels) == 1:
                return [{"risk": None}]
            return [row for label in labels for row in self._rows([label], weights)]

    def _measured(self, draws: Draws, trajectory: Trajectory) -> list[dict[str, float | None]]:
        network, W, last = draws.network, trajectory.W, trajectory.records[-1]
        scale = WAYS[self.arm].scale
        halfway, end = self.risks(draws, trajectory, self.arm)
        linear, quadratic = network.linear(draws.test, W), network.quadratic(draws.test, W)
        outside = network.linear(draws.test, GoodDirections(network, self.k).complement(W))
        sparse = torch.stack([self._sparse(draws, i) for i in range(len(draws.labels))])
        columns: dict[str, list[float | None]] = {
            "risk": list(end),
            "risk_halfway": list(halfway),
            "loss": last.parts.total.tolist(),
            "loss_halfway": trajectory.records[1].parts.total.tolist(),
            "gradient": last.gradient_norm.tolist(),
            "capacity": last.parts.r4.tolist(),
            "medium": (scale**2 * outside.square().mean(-1)).tolist(),
            "remainder": (scale**2 * _remainder(network, draws.test, W)).tolist(),
            "quadratic": (scale**2 * quadratic.square().mean(-1)).tolist(),
            "share": (scale * (quadratic * sparse).mean(-1)).tolist(),
            "linear_share": (scale * (linear * sparse).mean(-1)).tolist(),
            "movement": last.kernel_movement.tolist(),
        }
        if self.constructed:
            columns["constructed"] = [self._constructed(draws, i) for i in range(len(draws.labels))]
        if self.stretch is not None:
            columns["stretched"] = (scale**2 * _remainder(network, draws.test, self.stretch * W)).tolist()
        return [{name: column[i] for name, column in columns.items()} for i in range(len(draws.labels))]

    def _sparse(self, draws: Draws, index: int) -> torch.Tensor:
        """The sparse part at the test points; zero where the target has none."""
        target = draws.targets[index]
        if self.k + 1 not in target.terms:
            return torch.zeros_like(draws.answers[index])
        return type(target)(self.d, {self.k + 1: target.terms[self.k + 1]})(draws.test[index])

    def _constructed(self, draws: Draws, index: int) -> float:
        """Movement of the kernel at the construction, in double precision."""
        label = draws.labels[index]
        network = TwoLayerNetwork(
            self.d, self.m, Activation.parse(self.activation), self.drawn("network", label), device=self.device
        )
        signs = random_signs(self.m, generator(self.drawn("signs", label))).to(network.w)
        W = joint_construction(network, draws.targets[index], self.k, signs).W
        probes = draws.x[index][:PROBES].double()
        before = ntk_gram(network, probes)
        return float((ntk_gram(network, probes, W=W) - before).norm() / before.norm())


def _remainder(network: TwoLayerNetwork, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """Mean square of f - f_L - f_Q over inputs, of shape batch."""
    return (network.forward(x, W) - network.linear(x, W) - network.quadratic(x, W)).square().mean(-1)


def _least(values: Sequence[float | None]) -> int:
    """Position of the least number; the first where there is none."""
    known = [math.inf if value is None else value for value in values]
    return known.index(min(known))
