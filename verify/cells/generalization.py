"""Cells of the generalisation claims."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from flint import arb

from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.models import ModelName
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import Adam
from numerics.regularizer import Weights
from numerics.ridge import KernelRidge
from numerics.sampling import generator, sphere
from numerics.targets import Target
from numerics.train import small_start, train
from theory import Activation, kernel_ridge_risk, ntk_spectrum
from verify.experiment import Cell, Numbers

TEST_POINTS = 4000


class RidgeRisk(Cell):
    """Test risk of kernel ridge regression with the Gram matrix of one random wide network. Numbers: ``risk``."""

    activation: str
    device: str
    d: int
    m: int
    n: int
    ridge: float
    energies: tuple[float, ...]

    def run(self) -> Numbers:
        network = TwoLayerNetwork(
            self.d, self.m, Activation.parse(self.activation), self.seed("network"), device=self.device
        )
        target = sum_of_harmonics(self.d, self.energies, self.seed("target"))
        gen = generator(self.seed("data"))
        x = sphere(self.n, self.d, math.sqrt(self.d), gen).to(network.w)
        test = sphere(TEST_POINTS, self.d, math.sqrt(self.d), gen).to(network.w)
        fit = KernelRidge(ntk_gram(network, x), target(x))
        error = fit.predict(ntk_gram(network, test, x), self.ridge) - target(test)
        return {"risk": float(error.square().mean())}


def sum_of_harmonics(d: int, energies: tuple[float, ...], seed: int) -> Target:
    """Dense random harmonics of degree 1, 2, ... with the given energies."""
    total = Target.dense(d, 1, energies[0], seed)
    for degree, energy in enumerate(energies[1:], start=2):
        total = total + Target.dense(d, degree, energy, seed + degree)
    return total


class PredictedRisk(Cell):
    """The risk of :class:`RidgeRisk` from the certified spectrum, and without the tail's implicit ridge.

    Numbers: ``risks`` and ``without_tail``, by n.
    """

    activation: str
    d: int
    samples: tuple[int, ...]
    ridge: float
    energies: tuple[float, ...]
    max_degree: int = 12

    def run(self) -> Numbers:
        spectrum = ntk_spectrum(Activation.parse(self.activation), self.d, self.max_degree)
        energies = dict(enumerate(self.energies, start=1))
        # For the control: only the degrees of the target are kept, the implicit ridge gamma_{>k} of the
        # others is forgotten.
        kept = len(self.energies) + 1
        bare = replace(
            spectrum,
            degrees=spectrum.degrees[:kept],
            multiplicities=spectrum.multiplicities[:kept],
            eigenvalues=spectrum.eigenvalues[:kept],
            tail=arb(0),
        )
        return {
            "risks": [kernel_ridge_risk(spectrum, n, self.ridge, energies) for n in self.samples],
            "without_tail": [kernel_ridge_risk(bare, n, self.ridge, energies) for n in self.samples],
        }


class PairedRisks(Cell):
    """Test risks of five methods on the same data and network.

    ``joint``: training with R1 to R4. ``quadntk``: f_Q alone. ``ntk``: ridge regression with the network's NTK and the
    best ridge, chosen on the test points, which favours it. ``free``: joint training without R1 and R3.
    ``blind``: joint training with random directions. Target: <b,x> + a unit-energy harmonic of degree 2 in one
    direction (k = 1). Numbers: the risks, ``ntk_ridge``, and for each trained method its losses over ``steps``.
    """

    activation: str
    device: str
    d: int
    m: int
    n: int
    steps: int
    rate: float
    start: float
    r4: float

    def draw(self, purpose: str) -> int:
        """A seed that does not depend on how the network is trained: other settings meet the same draws."""
        return self.seed(purpose, shared=("steps", "rate", "start", "r4"))

    def run(self) -> Numbers:
        network = TwoLayerNetwork(
            self.d,
            self.m,
            Activation.parse(self.activation),
            self.draw("network"),
            dtype=torch.float32,
            device=self.device,
        )
        target = Target.sparse(self.d, 1, [1.0], self.draw("dense")) + Target.sparse(
            self.d, 2, [1.0], self.draw("sparse")
        )
        gen = generator(self.draw("data"))
        x = sphere(self.n, self.d, math.sqrt(self.d), gen).to(network.w)
        test = sphere(TEST_POINTS, self.d, math.sqrt(self.d), gen).to(network.w)
        labels = target(test)
        numbers: Numbers = {"energies": target.energies()}
        good = GoodDirections(network, 1)
        arms: dict[str, tuple[ModelName, GoodDirections | None]] = {
            "joint": ("taylor", good),
            "quadntk": ("quadratic", None),
            "free": ("taylor", None),
            "blind": ("taylor", good.shuffled(self.draw("blind"))),
        }
        for method, (model, directions) in arms.items():
            objective = Objective(network, x, target(x), Weights(r4=self.r4), directions, model)
            begin = small_start(network, self.start, self.draw("start"))
            every = max(self.steps // 20, 1)
            trajectory = train(objective, begin, Adam(self.rate), self.steps, every, test=(test, labels))
            last = trajectory.records[-1]
            numbers[method] = float(last.test_risk)
            numbers["steps"] = [record.step for record in trajectory.records]
            numbers[f"{method}_loss"] = trajectory.curve("total").tolist()
            numbers[f"{method}_data"] = float(last.parts.data)
        fit = KernelRidge(ntk_gram(network, x).double(), target(x).double())
        gram = ntk_gram(network, test, x).double()
        risks = {ridge: float((fit.predict(gram, ridge) - labels).square().mean()) for ridge in RIDGES}
        numbers["ntk_ridge"] = min(risks, key=lambda r: risks[r])
        numbers["ntk"] = risks[numbers["ntk_ridge"]]
        return numbers


RIDGES = tuple(10.0 ** (exponent / 4) for exponent in range(-16, 13))
