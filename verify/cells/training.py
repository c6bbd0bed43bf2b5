"""Training: networks, data and targets that all ways of learning meet alike, and the ways of learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from verify.running.experiment import Cell

if TYPE_CHECKING:
    import torch

    from numerics.network import TwoLayerNetwork
    from numerics.objective import Objective
    from numerics.targets import Target
    from numerics.terms.weights import R1Mode
    from numerics.trajectory import Trajectory


TEST_POINTS = 2000
LAZY = 100.0
"""Factor of the lazy scaling of arXiv:1812.07956: labels and start are divided by it and outputs multiplied back, so
that the network approaches its linearisation as it grows."""

Arm = Literal[
    "joint",
    "no_r1",
    "no_r1_r3",
    "unregularised",
    "r1_population",
    "r1_training",
    "random_directions",
    "permuted_labels",
    "lazy",
    "quadntk",
    "ntk",
]
Kind = Literal["joint", "sparse", "dense"]
Weights = tuple[float, float]
"""l1, which is l3 too, and l4."""


PER_INPUT_AND_NEURON = {"taylor": 100.0, "network": 300.0, "penalised": 100.0}
"""What a step does at each input and neuron beside its products, in multiplications of a product that take as long:
with the Taylor model, with the network, whose sigma is evaluated again, and more with R1 and R3 (two kinds of CPU)."""


def mean_square(outputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """Mean squared difference over the last axis."""
    return (outputs - answers).square().mean(-1)


@dataclass(frozen=True)
class Way:
    """What an arm minimises.

    Attributes:
        modes: forms of R1; None where neither R1 nor R3 is in the loss.
        penalised: whether R4 is.
        directions: whether the directions are the good ones, or random ones of the same dimension.
        scale: by which labels and start are divided.
    """

    modes: tuple[R1Mode, ...] | None = ("exact", "training")
    penalised: bool = True
    directions: Literal["good", "random"] = "good"
    scale: float = 1.0


WAYS: dict[Arm, Way] = {
    "joint": Way(),
    "no_r1": Way(modes=()),
    "no_r1_r3": Way(modes=None),
    "unregularised": Way(modes=None, penalised=False),
    "r1_population": Way(modes=("exact",)),
    "r1_training": Way(modes=("training",)),
    "random_directions": Way(directions="random"),
    "permuted_labels": Way(),
    "lazy": Way(modes=None, penalised=False, scale=LAZY),
    "quadntk": Way(modes=None),
}
"""The arms that descend; "ntk" is ridge regression with the network's NTK."""


def step_cost(arm: Arm, model: str, n: int, m: int, d: int) -> float:
    """Multiplications of one step of a draw: 2 n m d of the data term, n m d of R3, 3 m^2 d/4 of R1 in population.

    What is done at each input and neuron is added as :data:`PER_INPUT_AND_NEURON` says.
    """
    modes = WAYS[arm].modes
    each = PER_INPUT_AND_NEURON["taylor" if arm == "quadntk" else model]
    penalised = 0.0 if modes is None else n * m * (d + PER_INPUT_AND_NEURON["penalised"])
    population = 0.75 * m**2 * d if modes is not None and "exact" in modes else 0.0
    return n * m * (2 * d + each) + penalised + population


def kernel_cost(n: int, m: int, d: int, ridges: int) -> float:
    """Multiplications of ridge regression on a draw: the NTK between n inputs, and with the test points; the solves."""
    return (n + TEST_POINTS) * n * (d + m / 2) + ridges * n**3 / 3


@dataclass(frozen=True)
class Draws:
    """Networks, data and targets of a batch.

    Attributes:
        labels: of the draws; seeds depend on them.
        network: a batch of B networks.
        targets: B functions.
        x, y: training inputs and labels, (B, n, d) and (B, n). test, answers: likewise for testing.
    """

    labels: tuple[str, ...]
    network: TwoLayerNetwork
    targets: tuple[Target, ...]
    x: torch.Tensor
    y: torch.Tensor
    test: torch.Tensor
    answers: torch.Tensor

    def first(self, n: int) -> Draws:
        """The same with the first n training inputs alone.

        Raises:
            ValueError: there are fewer.
        """
        if n > self.x.shape[1]:
            raise ValueError(f"n={n}: only {self.x.shape[1]} inputs were drawn; prepare as many as the largest n")
        return replace(self, x=self.x[:, :n].contiguous(), y=self.y[:, :n].contiguous())

    def some(self, places: Sequence[int]) -> Draws:
        """The draws at these places alone."""
        rows = list(places)
        return Draws(
            tuple(self.labels[i] for i in rows),
            self.network.members(rows),
            tuple(self.targets[i] for i in rows),
            *(tensor[rows] for tensor in (self.x, self.y, self.test, self.answers)),
        )


class Training(Cell):
    """Independent networks of width m in dimension d, each with its own data and target.

    A draw has the same inputs and target parts, and at equal m the same network, in every cell with the same
    activation, d, k, replicate and base seed, so ways of training are compared on the same draws. Networks are in
    :attr:`precision`.

    Attributes:
        target: "joint" - a dense harmonic of degree k plus one of degree k + 1 in a single direction, each of energy
            exactly 1; "sparse" - the second alone; "dense" - the first alone.
        model: what descends where the arm is not the QuadNTK: the network f itself or its Taylor model f_L + f_Q.
        method: "descent" - gradient descent with step 1/L, L measured; "adam" - Adam with cosine decay of ``rate``.
        steps: of the descent. start: its scale (:func:`numerics.small_start`).
    """

    PROBLEM: ClassVar[frozenset[str]] = frozenset({"base_seed", "replicate", "activation", "d", "k"})
    """The fields that seeds depend on."""

    stream: ClassVar[str] = "TrainedRuns"
    precision: ClassVar[Literal["float32", "float64"]] = "float32"

    activation: str
    device: str
    d: int
    m: int
    k: int
    steps: int
    start: float
    target: Kind = "joint"
    model: Literal["network", "taylor"] = "network"
    method: Literal["descent", "adam"] = "descent"
    rate: float = 0.03

    def drawn(self, purpose: str, label: str) -> int:
        """Seed of one draw, the same however the network is trained and however many samples it gets."""
        return self.seed(f"{purpose} {label}", shared=tuple(set(type(self).model_fields) - self.PROBLEM))

    def prepare(self, labels: Sequence[str], n: int) -> Draws:
        from verify.cells.training_run import training_prepare

        return training_prepare(self, labels, n)

    def _target(self, label: str) -> Target:
        from verify.cells.training_run import training_target

        return training_target(self, label)

    def begin(self, draws: Draws, scale: float | None = None) -> torch.Tensor:
        from verify.cells.training_run import training_begin

        return training_begin(self, draws, scale)

    def objective(self, draws: Draws, arm: Arm, weights: Weights) -> Objective:
        from verify.cells.training_run import training_objective

        return training_objective(self, draws, arm, weights)

    @property
    def loss(self) -> str:
        """The loss that is trained with, of :data:`numerics.losses.LOSSES`."""
        return "squared"

    def measure(self, outputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """The risk of outputs on test points, over the last axis."""
        return mean_square(outputs, answers)

    def risks(self, draws: Draws, trajectory: Trajectory, arm: Arm) -> tuple[list[float], list[float]]:
        """Test risks at half the steps and at the end, a number for each draw."""
        return risk_path(trajectory, arm)

    def learn(self, draws: Draws, arm: Arm, weights: Weights) -> Trajectory:
        from verify.cells.training_run import training_learn

        return training_learn(self, draws, arm, weights)


def risk_path(trajectory: Trajectory, arm: Arm) -> tuple[list[float], list[float]]:
    """Test risks at half the steps and at the end, a number for each draw, after multiplying back."""
    halfway, last = (trajectory.records[i].test_risk * WAYS[arm].scale ** 2 for i in (1, -1))
    return halfway.tolist(), last.tolist()
