"""What all ways of training meet alike: networks, data and targets, and gradient descent on the network."""

import pytest
import torch

from verify.cells.trained import TrainedModels
from verify.cells.training import WAYS, Arm, Kind

SIGMA = "sin(z + pi/4)"


def cell(arm: Arm, target: Kind = "joint", **changes: object) -> TrainedModels:
    fields = {"d": 5, "m": 40, "n": 30, "k": 1, "draws": 2, "steps": 40, "start": 0.01} | changes
    return TrainedModels(activation=SIGMA, device="cpu", candidates=((1.0, 1e-2),), arm=arm, target=target, **fields)


def test_draws_are_shared_between_ways_of_training() -> None:
    """Same networks, tests and targets; more samples extend fewer; the target's parts add up; draws differ."""
    joint = cell("joint").prepare(["0", "1"], 30)
    other = cell("quadntk", draws=1, steps=7, method="adam").prepare(["0"], 50)
    assert torch.equal(joint.network.half[:1], other.network.half)
    # torch draws the last 16 numbers of an array anew, whatever came before: they differ with its length.
    assert torch.equal(joint.x[:1, :24], other.x[:, :24])
    assert torch.equal(joint.answers[:1], other.answers)
    parts = [cell("joint", target).prepare(["0", "1"], 30).y for target in ("dense", "sparse")]
    torch.testing.assert_close(parts[0] + parts[1], joint.y)
    assert not torch.equal(joint.x[0], joint.x[1])
    again = TrainedModels(**cell("joint").model_dump() | {"base_seed": 1}).prepare(["0", "1"], 30)
    assert not torch.equal(joint.network.half, again.network.half)
    assert torch.equal(joint.first(7).x, joint.x[:, :7])


def test_energies_of_the_targets() -> None:
    for target, degrees in (("joint", {1, 2}), ("dense", {1}), ("sparse", {2})):
        energies = cell("joint", target).prepare(["0"], 30).targets[0].energies()
        assert set(energies) == degrees
        assert all(value == pytest.approx(1.0, rel=1e-12) for value in energies.values())


@pytest.mark.parametrize("arm", WAYS)
def test_descent_lowers_the_loss_of_every_arm(arm: Arm) -> None:
    runs = cell(arm)
    draws = runs.prepare(["0"], runs.n)
    trajectory = runs.learn(draws, arm, (1.0, 1e-2))
    totals = [float(record.parts.total) for record in trajectory.records]
    assert [record.step for record in trajectory.records] == [0, 20, 40]
    assert totals == sorted(totals, reverse=True)
    parts = trajectory.records[-1].parts
    assert bool(parts.r1_training.isnan().all()) == ("training" not in (WAYS[arm].modes or ()))
    assert bool(parts.r1_exact.isnan().all()) == ("exact" not in (WAYS[arm].modes or ()))
