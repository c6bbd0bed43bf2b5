"""Records and trajectories: their numbers, members of a batch, curves; tests of whole runs are in test_train."""

import dataclasses
import math

import matplotlib
import pytest
import torch

from numerics import GoodDirections, Objective, TwoLayerNetwork, generator, sphere, train
from numerics.terms.weights import Parts
from numerics.trajectory import Record, Trajectory

matplotlib.use("Agg")


def record(step: int, total: float = 2.0, bound: float = 1.5) -> Record:
    """A made-up record of two networks, the second with everything doubled."""
    pair = torch.tensor([1.0, 2.0])
    parts = Parts(**{f.name: total * pair for f in dataclasses.fields(Parts)})
    own = {f.name: pair for f in dataclasses.fields(Record) if f.name not in ("step", "parts", "lower_bound")}
    return Record(step=step, parts=parts, lower_bound=bound * pair.double(), **own)


def test_the_gap_is_relative() -> None:
    assert record(0).gap.tolist() == pytest.approx([0.25, 0.25])
    assert record(0, total=0.0, bound=0.0).gap.tolist() == [0.0, 0.0]
    assert record(0, bound=math.nan).gap.isnan().all()


def test_members_and_numbers() -> None:
    numbers = record(3).member(1).numbers()
    assert numbers["step"] == 3
    assert numbers["total"] == 4.0
    assert numbers["lower_bound"] == 3.0
    assert numbers["gap"] == 0.25
    assert numbers["test_risk"] == 2.0
    assert {f.name for f in dataclasses.fields(Record)} - {"parts"} <= numbers.keys()


def test_curves() -> None:
    run = Trajectory(torch.zeros(2, 4, 3), (record(0), record(5, total=1.0)), "steps")
    assert run.curve("step").tolist() == [0, 5]
    assert run.curve("total").tolist() == [[2.0, 4.0], [1.0, 2.0]]
    assert run.curve("gap").shape == (2, 2)
    with pytest.raises(AttributeError):
        run.curve("nothing")


def trained(seed: int | tuple[int, ...]) -> Trajectory:
    network = TwoLayerNetwork(4, 8, "tanh(z + 1)", seed)
    x = sphere(12, 4, 2.0, generator(0))
    y = x[:, 0] + x[:, 1] * x[:, 2]
    objective = Objective(network, x, y, directions=GoodDirections(network, 0), model="network")
    return train(objective, steps=40, record_every=2, test=(x, y))


@pytest.mark.parametrize("seed", [0, (0, 1)])
def test_a_trajectory_shows_and_draws_itself(seed: int | tuple[int, ...]) -> None:
    run = trained(seed)
    page = run._repr_html_()
    assert page.count("<tr>") == 13, "a head and twelve records"
    assert ("means over 2 networks" in page) == isinstance(seed, tuple)
    assert "lower bound" not in page, "none was asked for"
    expected = {"losses": 3, "energies": 3, "movement": 2}
    for what, count in expected.items():
        ax = run.plot(what=what)
        assert run.plot(ax, what) is ax
        curves = ax.get_lines()[: len(ax.get_lines()) // 2]
        assert len(curves) == count * (2 if isinstance(seed, tuple) else 1)
        assert list(curves[0].get_xdata()) == list(range(0, 41, 2))
    drawn = run.plot(what="losses").get_lines()[0].get_ydata()
    assert list(drawn) == run.curve("total").double().reshape(21, -1)[:, 0].tolist()
    with pytest.raises(ValueError, match="what='loss': needs one of losses, energies, movement"):
        run.plot(what="loss")


def test_numbers_that_are_not_there_are_not_drawn() -> None:
    run = Trajectory(torch.zeros(2, 4, 3), (record(0, total=0.0, bound=math.nan), record(5, total=0.0)), "steps")
    assert len(run.plot().get_lines()) == 4, "the test risks of two networks, and one bound each"
    nothing = dataclasses.replace(record(0), weight_movement=torch.zeros(2), kernel_movement=torch.full((2,), math.nan))
    ax = Trajectory(torch.zeros(2, 4, 3), (nothing,), "steps").plot(what="movement")
    assert (len(ax.get_lines()), ax.get_yscale()) == (0, "linear")
