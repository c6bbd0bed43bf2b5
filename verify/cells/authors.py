"""The experiment of the paper's authors: full-batch descent on the Taylor model, with R1 alone as regulariser."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import ClassVar, Literal

import torch

from numerics.directions import GoodDirections
from numerics.hermite import HermiteTarget
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import GradientDescent
from numerics.sampling import gaussian, generator, sphere
from numerics.targets import Target
from numerics.terms.r1 import FreshInputs
from numerics.terms.weights import PenaltyWeights
from numerics.train import Diverged, train
from numerics.trajectory import Record, Trajectory
from theory import Activation
from verify.running.experiment import Cell, Numbers
from verify.running.progress import SUFFIX, Progress

ACTIVATION = "sigmoid(z - 1)"
PARTS = {1: math.sqrt(1 / 3), 2: math.sqrt(2 / 3)}
"""Of the target, by degree, their squares the energies: ((<b,x>)^2 - 1 + <b,x>)/sqrt 3 for Gaussian inputs."""
STEP = 1.0
RECORDS = 48
"""Records equidistant in log t."""
KEPT_EVERY = 500
"""Steps between checkpoints."""

CURVES = {
    "step": "step",
    "r1": "outside",
    "train": "data",
    "test": "test_risk",
    "linear": "linear_energy",
    "quadratic": "quadratic_energy",
}
"""Numbers of a run, and the quantities of its records that they are."""

Law = Literal["gaussian", "sphere"]


class AuthorsRun(Cell):
    """One run of gradient descent with step 1 from W = 0 on f_L + f_Q, squared loss, in float32.

    Network, target and data depend on base seed, replicate, d, m, n and the law of the inputs alone: runs that differ
    in their weights or directions share them.

    Attributes:
        d, m, n: dimension, width, training inputs. steps: of the descent.
        law: of all inputs, N(0, I_d) or uniform on |x|^2 = d. directions: top d right singular vectors of the training
            Jacobian, or the span of degree <= 1 (on the sphere only).
        training: weight of the mean of f_L(x_i; P_{>k} W)^2 over the training inputs. fresh: of that over 100 inputs
            drawn anew at each step.
        points: test points.

    Numbers: lists over the records ``step``, ``r1`` (mean over the training inputs), ``train`` and ``test``, the
    losses, ``linear`` and ``quadratic``, the mean squares of f_L and f_Q over the test points. Where a loss was not
    finite the lists are empty, and ``diverged`` says so in a sentence.

    Cost: 2 n m d multiplications a step, and half as much again with fresh inputs. Memory: 10 n m numbers.
    """

    PROBLEM: ClassVar[frozenset[str]] = frozenset({"base_seed", "replicate", "d", "m", "n", "law"})

    device: str
    d: int
    m: int
    n: int
    steps: int
    law: Law = "gaussian"
    directions: Literal["jacobian", "span"] = "jacobian"
    training: float = 0.0
    fresh: float = 0.0
    points: int

    @property
    def cost(self) -> float:
        """Multiplications."""
        return float(self.steps * self.n * self.m * self.d * (3 if self.fresh else 2))

    def run(self) -> Numbers:
        """The whole run, without anything to go on from."""
        return self._numbers(None)

    def run_in(self, folder: Path) -> Numbers:
        """The run, from its checkpoint in ``folder`` where there is one."""
        folder.mkdir(parents=True, exist_ok=True)
        return self._numbers(folder / f"authors-{hashlib.sha256(self.specification.encode()).hexdigest()[:16]}")

    def _numbers(self, file: Path | None) -> Numbers:
        network = TwoLayerNetwork(
            self.d, self.m, Activation.parse(ACTIVATION), self._drawn("network"), torch.float32, self.device
        )
        target = self._target()
        x, test = (self._inputs(name, count) for name, count in (("data", self.n), ("test", self.points)))
        y, answers = (target(one).to(network.w) for one in (x, test))
        x, test = x.to(network.w), test.to(network.w)
        weights = PenaltyWeights(r1=self.training, r2=0.0, r3=0.0, r4=0.0, r1_modes=("training",))
        fresh = FreshInputs(self.fresh, self._drawn("fresh"), law=self.law) if self.fresh else None
        objective = Objective(network, x, y, weights, self._directions(network, x), fresh=fresh)
        try:
            found = self._descend(objective, (test, answers), file)
        except Diverged as reason:
            return {name: [] for name in CURVES} | {"diverged": str(reason)}
        return {name: found.curve(field).double().tolist() for name, field in CURVES.items()}

    def _descend(self, objective: Objective, test: tuple[torch.Tensor, torch.Tensor], file: Path | None) -> Trajectory:
        """From W = 0; says how far it is at each record."""
        progress: Progress | None = None
        if file is not None:
            what = f"authors, weights {self.training:g} and {self.fresh:g}, seed {self.replicate}"
            progress = Progress(file.with_suffix(SUFFIX), what, self.steps)

        def tell(record: Record) -> None:
            if progress is not None:
                progress.reach(record.step)

        start = torch.zeros_like(objective.network.w)
        found = train(
            objective,
            start,
            GradientDescent(STEP),
            self.steps,
            test=test,
            checkpoint=file,
            checkpoint_every=KEPT_EVERY,
            progress=tell,
            record_at=record_steps(self.steps),
        )
        if progress is not None:
            progress.end()
        return found

    def _drawn(self, purpose: str) -> int:
        """A seed that runs on the same problem share."""
        return self.seed(purpose, shared=tuple(set(type(self).model_fields) - self.PROBLEM))

    def _inputs(self, purpose: str, count: int) -> torch.Tensor:
        drawn = generator(self._drawn(purpose))
        return gaussian(count, self.d, drawn) if self.law == "gaussian" else sphere(count, self.d, self.d**0.5, drawn)

    def _target(self) -> Target | HermiteTarget:
        """Both parts along one random direction: of Hermite polynomials, or of zonal harmonics on the sphere."""
        direction = sphere(1, self.d, 1.0, generator(self._drawn("target")))
        kind = HermiteTarget if self.law == "gaussian" else Target
        return kind(self.d, {degree: (torch.tensor([size]).double(), direction) for degree, size in PARTS.items()})

    def _directions(self, network: TwoLayerNetwork, x: torch.Tensor) -> GoodDirections:
        if self.directions == "span":
            return GoodDirections(network, 1)
        return GoodDirections(network, 1, "jacobian", x, count=self.d)


def record_steps(steps: int) -> tuple[int, ...]:
    """0, about :data:`RECORDS` steps equidistant in log t, and twenty equidistant ones, for the time left."""
    grid = {round(steps ** (i / (RECORDS - 1))) for i in range(RECORDS)}
    return tuple(sorted({0} | grid | {steps * i // 20 for i in range(21)}))
