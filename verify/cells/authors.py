"""The experiment of the paper's authors: full-batch descent on the Taylor model, with R1 alone as regulariser."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import ClassVar, Literal

from verify.running.experiment import Cell, Numbers

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
        from verify.cells.authors_run import authors_run_numbers

        return authors_run_numbers(self, file)

    def _drawn(self, purpose: str) -> int:
        """A seed that runs on the same problem share."""
        return self.seed(purpose, shared=tuple(set(type(self).model_fields) - self.PROBLEM))
