"""Cells of trained models: batches of networks, data and targets that all ways of training meet alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.models import ModelName
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import Adam
from numerics.ridge import KernelRidge
from numerics.sampling import generator, sphere
from numerics.targets import Target
from numerics.terms.weights import PenaltyWeights, R1Mode
from numerics.train import small_start, train
from theory import Activation
from verify.running.experiment import Cell, Numbers

TEST_POINTS = 1000
RIDGES = tuple(10.0 ** (exponent / 4) for exponent in range(-16, 13))
"""Ridges of kernel regression, the best one chosen on the test points, which favours the kernel."""

Arm = Literal[
    "joint",
    "no_r1",
    "no_r1_r3",
    "r1_population",
    "r1_training",
    "random_directions",
    "permuted_labels",
    "quadntk",
    "ntk",
]
Kind = Literal["joint", "sparse", "dense"]

DIRECTED: dict[Arm, tuple[R1Mode, ...]] = {
    "joint": ("exact", "training"),
    "no_r1": (),
    "r1_population": ("exact",),
    "r1_training": ("training",),
    "random_directions": ("exact", "training"),
    "permuted_labels": ("exact", "training"),
}
"""Arms with R3, and the forms of R1 in each; the others have neither."""


@dataclass(frozen=True)
class Draws:
    """Networks, data and targets of a batch.

    Attributes:
        network: a batch of B networks.
        targets: B functions.
        x, test: inputs, (B, n, d) and (B, TEST_POINTS, d). y, labels: (B, n) and (B, TEST_POINTS).
    """

    network: TwoLayerNetwork
    targets: tuple[Target, ...]
    x: torch.Tensor
    y: torch.Tensor
    test: torch.Tensor
    labels: torch.Tensor


class Training(Cell):
    """A batch of ``draws`` independent networks of width m in dimension d, each with n samples of its own target.

    Draw i has the same network, inputs and target parts in every cell with the same activation, d, m, k, replicate and
    base seed, so ways of training are compared on the same draws; more samples begin with all but the last of fewer.

    Attributes:
        target: "joint" - a dense harmonic of degree k plus one of degree k + 1 in a single direction, each of energy
            exactly 1; "sparse" - the second alone; "dense" - the first alone.
        steps, rate: of Adam with cosine decay. start: scale of the small start. r4: weight of ||W||_{2,4}^4.
    """

    activation: str
    device: str
    d: int
    m: int
    n: int
    k: int
    draws: int
    steps: int
    rate: float
    start: float
    r4: float
    target: Kind = "joint"

    def draw(self, purpose: str, index: int) -> int:
        """Seed of one draw, the same however the network is trained and however many samples it gets."""
        free = ("device", "n", "draws", "steps", "rate", "start", "r4", "target", "arm", "label_scale")
        return self.seed(f"{purpose} {index}", shared=free)

    @property
    def cost(self) -> float:
        """Multiplications of one product, times steps and draws."""
        return float(self.draws * self.steps * self.n * self.m * self.d)

    def prepare(self) -> Draws:
        """Networks in float32, their data and targets."""
        every = range(self.draws)
        network = TwoLayerNetwork(
            self.d,
            self.m,
            Activation.parse(self.activation),
            [self.draw("network", i) for i in every],
            dtype=torch.float32,
            device=self.device,
        )
        targets = tuple(self._target(i) for i in every)
        x, test = (
            torch.stack([sphere(count, self.d, math.sqrt(self.d), generator(self.draw(name, i))) for i in every]).to(
                network.w
            )
            for name, count in (("data", self.n), ("test", TEST_POINTS))
        )
        y, labels = (torch.stack([f(part) for f, part in zip(targets, inputs, strict=True)]) for inputs in (x, test))
        return Draws(network, targets, x, y, test, labels)

    def _target(self, index: int) -> Target:
        dense = Target.dense(self.d, self.k, 1.0, self.draw("dense", index))
        sparse = Target.sparse(self.d, self.k + 1, [1.0], self.draw("sparse", index))
        return {"joint": dense + sparse, "dense": dense, "sparse": sparse}[self.target]

    def begin(self, network: TwoLayerNetwork) -> torch.Tensor:
        """Small starts, each with its own noise, (B, m, d)."""
        return torch.stack(
            [small_start(network.member(i), self.start, self.draw("start", i)) for i in range(self.draws)]
        )


class TrainedModels(Training):
    """One way of learning on every draw of a batch.

    Arms on the Taylor model f_L + f_Q with R4: "joint" - R1 in both forms, R3; "r1_population", "r1_training" - one
    form of R1, R3; "no_r1" - R3 alone; "no_r1_r3" - neither; "random_directions" - as "joint" with random directions in
    place of the good ones; "permuted_labels" - as "joint" with the training labels permuted. "quadntk": f_Q alone with
    R4. "ntk": ridge regression with the network's NTK and the best ridge.

    Numbers, a list over the draws each: ``risk`` on test points; for trained arms also ``loss`` (regularised),
    ``risk_halfway`` and ``loss_halfway`` at half the steps, ``capacity`` ||W||_{2,4}^4, and ``medium``, the mean square
    over the test points of f_L(P_{>k} W) with the true good directions (0 for the QuadNTK, which has no f_L).

    Cost: about 3 n m d multiplications a step and draw for "joint" at k = 1, two thirds of it without R3.
    """

    stream: ClassVar[str] = "TrainedRuns"

    arm: Arm

    def run(self) -> Numbers:
        draws = self.prepare()
        if self.arm == "ntk":
            return self._ridge(draws)
        network = draws.network
        true = GoodDirections(network, self.k)
        directions: GoodDirections | None = None
        if self.arm in DIRECTED:
            directions = true.random_subspace(self.draw("blind", 0)) if self.arm == "random_directions" else true
        model: ModelName = "quadratic" if self.arm == "quadntk" else "taylor"
        weights = PenaltyWeights(r4=self.r4, r1_modes=DIRECTED.get(self.arm, ()))
        y = draws.y
        if self.arm == "permuted_labels":
            orders = [torch.randperm(self.n, generator=generator(self.draw("order", i))) for i in range(self.draws)]
            y = torch.stack([row[order.to(row.device)] for row, order in zip(y, orders, strict=True)])
        objective = Objective(network, draws.x, y, weights, directions, model)
        half = self.steps // 2
        trajectory = train(
            objective, self.begin(network), Adam(self.rate), self.steps, half, test=(draws.test, draws.labels)
        )
        halfway = next(record for record in trajectory.records if record.step == half)
        last = trajectory.records[-1]
        medium = torch.zeros(self.draws)
        if self.arm != "quadntk":
            medium = network.linear(draws.test, true.complement(trajectory.W)).square().mean(-1)
        return {
            "risk": last.test_risk.tolist(),
            "loss": last.parts.total.tolist(),
            "risk_halfway": halfway.test_risk.tolist(),
            "loss_halfway": halfway.parts.total.tolist(),
            "capacity": last.parts.r4.tolist(),
            "medium": medium.tolist(),
        }

    def _ridge(self, draws: Draws) -> Numbers:
        chosen, risks = [], []
        for i in range(self.draws):
            network, x, test = draws.network.member(i), draws.x[i], draws.test[i]
            fit = KernelRidge(ntk_gram(network, x).double(), draws.y[i].double())
            gram = ntk_gram(network, test, x).double()
            error = {r: float((fit.predict(gram, r) - draws.labels[i]).square().mean()) for r in RIDGES}
            chosen.append(min(error, key=lambda r: error[r]))
            risks.append(error[chosen[-1]])
        return {"risk": risks, "ridge": chosen}
