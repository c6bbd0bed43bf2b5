"""Records and trajectories: their numbers, members of a batch, curves; tests of whole runs are in test_train."""

import dataclasses
import math

import pytest
import torch

from numerics.terms.weights import Parts
from numerics.trajectory import Record, Trajectory


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
