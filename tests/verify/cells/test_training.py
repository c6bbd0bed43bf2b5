"""Cells of trained models against slow twins."""

import math

import numpy as np
import pytest
import torch

from numerics.kernels import ntk_gram
from numerics.train import small_start
from verify.cells.training import RIDGES, Arm, Kind, TrainedModels

SIGMA = "sin(z + pi/4)"


def cell(arm: Arm, target: Kind = "joint", **sizes: int) -> TrainedModels:
    fields = {"d": 5, "m": 40, "n": 30, "k": 1, "draws": 2, "steps": 40} | sizes
    return TrainedModels(
        activation=SIGMA, device="cpu", rate=0.02, start=0.3, r4=1e-2, arm=arm, target=target, **fields
    )


@pytest.mark.parametrize("arm", ["no_r1_r3", "quadntk"])
def test_training_against_automatic_differentiation(arm: Arm) -> None:
    """One draw in double precision: f_L + f_Q neuron by neuron, torch.optim.Adam, the cosine decay written out."""
    runs = cell(arm)
    draws = runs.prepare()
    for i in range(runs.draws):
        w = draws.network.member(i).w.double()
        a = draws.network.a.double()
        W = small_start(draws.network.member(i), runs.start, runs.draw("start", i)).double().requires_grad_(True)

        def model(x: torch.Tensor, W: torch.Tensor, w: torch.Tensor = w, a: torch.Tensor = a) -> torch.Tensor:
            z, moved = x.double() @ w.T, x.double() @ W.T
            terms = -torch.sin(z + math.pi / 4) * moved**2 / 2
            if arm == "no_r1_r3":
                terms = terms + torch.cos(z + math.pi / 4) * moved
            return (terms * a).sum(-1) / math.sqrt(runs.m)

        adam = torch.optim.Adam([W], lr=runs.rate)
        for step in range(runs.steps):
            adam.param_groups[0]["lr"] = runs.rate * (1 + math.cos(math.pi * step / runs.steps)) / 2
            adam.zero_grad()
            capacity = W.square().sum(1).square().sum()
            loss = (model(draws.x[i], W) - draws.y[i]).square().mean() + runs.r4 * capacity
            loss.backward()
            adam.step()
        with torch.no_grad():
            risk = float((model(draws.test[i], W) - draws.labels[i]).square().mean())
            capacity = float(W.square().sum(1).square().sum())
        numbers = runs.run()
        assert numbers["risk"][i] == pytest.approx(risk, rel=2e-3)
        assert numbers["capacity"][i] == pytest.approx(capacity, rel=2e-3)


def test_ridge_arm_against_direct_solves() -> None:
    runs = cell("ntk")
    draws, numbers = runs.prepare(), runs.run()
    network, x, test = draws.network.member(1), draws.x[1], draws.test[1]
    gram, cross = ntk_gram(network, x).double(), ntk_gram(network, test, x).double()
    risks = []
    for ridge in RIDGES:
        solution = torch.linalg.solve(gram + ridge * torch.eye(runs.n, dtype=torch.float64), draws.y[1].double())
        risks.append(float((cross @ solution - draws.labels[1]).square().mean()))
    assert numbers["risk"][1] == pytest.approx(min(risks), rel=1e-4)


def test_draws_are_shared_between_ways_of_training() -> None:
    """Same networks, starts, tests; more samples extend fewer; the target's parts add up; draws differ."""
    joint, other = cell("joint").prepare(), cell("quadntk", n=50, draws=1, steps=7).prepare()
    assert torch.equal(joint.network.half[:1], other.network.half)
    # torch draws the last 16 numbers of an array anew, whatever came before: they differ with its length.
    assert torch.equal(joint.x[:1, :24], other.x[:, :24])
    assert torch.equal(joint.labels[:1], other.labels)
    parts = [cell("joint", target).prepare().y for target in ("dense", "sparse")]
    torch.testing.assert_close(parts[0] + parts[1], joint.y)
    assert not torch.equal(joint.x[0], joint.x[1])
    again = TrainedModels(**cell("joint").model_dump() | {"base_seed": 1}).prepare()
    assert not torch.equal(joint.network.half, again.network.half)


def test_energies_of_the_targets() -> None:
    for target, degrees in (("joint", {1, 2}), ("dense", {1}), ("sparse", {2})):
        energies = cell("joint", target).prepare().targets[0].energies()
        assert set(energies) == degrees
        assert all(value == pytest.approx(1.0, rel=1e-12) for value in energies.values())


def test_shuffled_labels_and_random_directions_learn_less() -> None:
    sizes = {"d": 8, "m": 80, "n": 120, "steps": 80}
    risks = {
        arm: np.mean(cell(arm, **sizes).run()["risk"]) for arm in ("joint", "random_directions", "permuted_labels")
    }
    assert risks["joint"] < risks["random_directions"] < risks["permuted_labels"]


def test_medium_energy_is_what_r1_measures() -> None:
    """Without R1 the linear term works outside the good directions; the QuadNTK has none."""
    sizes = {"d": 8, "m": 160, "n": 40, "steps": 80}
    joint, off, quadratic = (cell(arm, **sizes).run() for arm in ("joint", "no_r1", "quadntk"))
    assert max(joint["medium"]) < min(off["medium"])
    assert quadratic["medium"] == [0.0, 0.0]
