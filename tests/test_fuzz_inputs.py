"""A slice of benchmarks/fuzz_inputs.py: a few hundred fixed draws at every door, and the same crossed."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

from fuzz_inputs import NAMES, Tally, crossed, drawn
from inputs_fuzz import DOORS, TooSlow, in_time, sentence

COUNTS = {"command": 300, "tables": 150, "records": 800, "certificate": 800}
"""Inputs of the slower doors; 3000 elsewhere."""


def test_every_door_is_named() -> None:
    assert tuple(DOORS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_strangers_get_a_result_or_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "tables":
        pytest.importorskip("pandas")
        pytest.importorskip("xarray")
    monkeypatch.setattr("fuzz_inputs.POOL", 100)
    monkeypatch.setattr("inputs_fuzz.PATIENCE", 10.0)  # here an input must end; how soon is the benchmark's question
    tally = Tally(name, DOORS[name], tmp_path)
    drawn(tally, DOORS[name].strategy, COUNTS.get(name, 3000), seed=1)
    assert not tally.wrong, capsys.readouterr().out
    assert sum(tally.counts.values()) == COUNTS.get(name, 3000)
    assert len(tally.counts) > 1, "some are admitted, some are not"


def test_what_must_not_happen_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A door that crashes, one that hangs, and an error without words."""

    def broken(value: Any, _: Path) -> str:
        if value == "hang":
            while True:
                pass
        if value == "crash":
            raise KeyError("fields")
        sentence(ValueError(value))
        return "refused"

    door = type(DOORS["kernel"])(DOORS["kernel"].strategy, broken, 0.05)
    tally = Tally("broken", door, tmp_path)
    for value in ("hang", "crash", "", "two\nlines", "a sentence"):
        tally.take(value)
    assert (tally.wrong, tally.counts["refused"]) == (4, 1)
    assert tally.counts["wrong: TooSlow"] == 1
    with pytest.raises(TooSlow), in_time(0.05):
        sum(range(10**8))


def test_crosses() -> None:
    rng = random.Random(0)
    first, second = ("abcdef", [1, 2, 3], b"12"), ("uvwxyz", [4, 5, 6], b"34")
    for _ in range(100):
        text, numbers, content = crossed(rng, first, second)
        assert set(text) <= set("abcdefuvwxyz")
        assert set(numbers) <= set(range(1, 7))
        assert isinstance(content, bytes)
