"""Targets of other classes by hand; labels, losses and risks that go with them."""

import math
from itertools import pairwise
from typing import get_args

import pytest
import torch

from numerics.sampling import generator, sphere
from verify.cells.target_classes import NOISE, TargetClass, TargetClassModels
from verify.cells.target_classes_run import product
from verify.cells.trained import TrainedModels
from verify.cells.training import Arm

SIGMA = "sin(z + pi/4)"


def cell(target_class: TargetClass, arm: Arm = "joint", **changes: object) -> TargetClassModels:
    fields = {"d": 6, "m": 24, "n": 60, "k": 1, "draws": 2, "steps": 30, "start": 0.1} | changes
    kernel = {"candidates": (), "validation": 1} if arm == "ntk" else {"candidates": ((1.0, 1e-2),)}
    return TargetClassModels(activation=SIGMA, device="cpu", arm=arm, target_class=target_class, **fields, **kernel)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_product_of_coordinates(degree: int) -> None:
    """The zonal terms sum to a multiple of x_1 ... x_l, of energy 1."""
    d = 7
    target = product(d, degree, seed=3)
    frame = torch.linalg.qr(torch.randn(d, degree, generator=generator(3), dtype=torch.float64)).Q.T
    x = sphere(400, d, math.sqrt(d), generator(0))
    expected, found = (x @ frame.T).prod(-1), target(x)
    ratio = found / expected
    assert float((ratio - ratio[0]).abs().max()) <= 1e-8 * float(ratio[0].abs())
    assert target.energies()[degree] == pytest.approx(1.0, rel=1e-10)
    # Planted: another sign pattern is another function.
    weights, directions = target.terms[degree]
    wrong = type(target)(d, {degree: (weights.abs(), directions)})(x)
    assert float((wrong / expected).std()) > 0.1 * float(ratio[0].abs())


@pytest.mark.parametrize("target_class", get_args(TargetClass))
@pytest.mark.parametrize("k", [1, 2])
def test_energies(target_class: TargetClass, k: int) -> None:
    """Energy 1 in degree k + 1; 1 in degree k, or in all degrees up to k."""
    target = cell(target_class, k=k)._target("0")
    energies = target.energies()
    low = dict.fromkeys(range(k + 1), 1 / (k + 1)) if target_class == "all degrees" else {k: 1.0}
    assert energies == pytest.approx({**low, k + 1: 1.0}, rel=1e-9)


def test_three_directions_are_orthogonal_and_of_different_strengths() -> None:
    weights, directions = cell("three directions")._target("0").terms[2]
    assert float((directions @ directions.T - torch.eye(3)).abs().max()) < 1e-12
    assert all(a > b for a, b in pairwise(weights.tolist()))


def test_one_direction_is_the_target_of_the_other_cells() -> None:
    """The same draws, the same numbers as where no class is named."""
    own = cell("one direction")
    fields = own.model_dump(exclude={"target_class"})
    assert TrainedModels(**fields).run() == own.run()


def test_noise_is_on_the_labels_alone() -> None:
    noisy, clean = (cell(c, n=4000).prepare(["0", "1"], 4000) for c in ("label noise", "one direction"))
    assert torch.equal(noisy.answers, clean.answers)
    noise = (noisy.y - clean.y).double()
    assert float(noise.square().mean()) == pytest.approx(NOISE, rel=0.05)
    assert float((noise[0] * noise[1]).mean()) < 0.02  # draws have noise of their own


def test_signs_and_their_risk() -> None:
    """Labels are the target's signs, risks the share of wrong ones, at chance before anything is learnt."""
    signs = cell("logistic")
    draws, target = signs.prepare(["0"], 60), cell("one direction").prepare(["0"], 60)
    assert torch.equal(draws.y, torch.where(target.y < 0, -1.0, 1.0))
    outputs = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    assert signs.measure(outputs, torch.tensor([[1.0, 1.0, 1.0, -1.0]])).tolist() == [0.5]
    for arm in ("joint", "quadntk", "ntk"):
        risks = cell("logistic", arm, steps=60, n=300).run()["risk"]
        assert all(0 < risk < 0.45 for risk in risks)


@pytest.mark.parametrize("arm", ["joint", "quadntk"])
def test_huber_risk_is_a_mean_square(arm: Arm) -> None:
    """At the trained W, against the target, whatever the loss."""
    huber = cell("huber", arm)
    draws = huber.prepare(["0", "1"], huber.n)
    trajectory = huber.learn(draws, arm, (1.0, 1e-2))
    network = draws.network
    outputs = (
        network.quadratic(draws.test, trajectory.W) if arm == "quadntk" else network.forward(draws.test, trajectory.W)
    )
    assert huber.run()["risk"] == pytest.approx((outputs - draws.answers).square().mean(-1).tolist(), rel=1e-5)
    assert huber.objective(draws, arm, (1.0, 1e-2)).loss.name == "huber"
