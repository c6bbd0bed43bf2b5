"""What a run is said to take, before it."""

import json
import sys
from pathlib import Path

import pytest

from verify.cli.main import main
from verify.running import estimate as module
from verify.running.costs import Rates, packs
from verify.running.estimate import estimate
from verify.running.experiment import Cell
from verify.running.work import Attempt

BODY = '''"""Cells of known cost."""

import time

from verify import Cell


class Costly(Cell):
    size: float

    @property
    def cost(self):
        return 1e6 * self.size

    def run(self):
        time.sleep(0.1 * self.size)
        return {}


class Plain(Cell):
    def run(self):
        block = bytearray(300_000_000)
        block[::4096] = b"1" * len(block[::4096])
        time.sleep(0.1)
        return {}


class Hanging(Cell):
    def run(self):
        time.sleep(1000)
'''


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "known_cost.py").write_text(BODY)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("known_cost", None)
    import known_cost

    yield known_cost
    sys.modules.pop("known_cost", None)


class Timed:
    """Workers whose cells take what the bodies of :data:`BODY` say, as on a machine without noise."""

    def __init__(self, count: int, folder: Path, limit: float) -> None:
        self.limit = limit
        self.tried: list[Cell] = []

    def __enter__(self) -> "Timed":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def once(self, cell: Cell, key: str) -> Attempt:
        """What :meth:`verify.running.workers.Workers.once` would bring."""
        self.tried.append(cell)
        seconds = 1000.0 if type(cell).__name__ == "Hanging" else 0.1 * getattr(cell, "size", 1.0)
        done = seconds <= self.limit
        memory = 500_000_000 if type(cell).__name__ == "Plain" else 200_000_000
        text, reason = ("{}", "") if done else ("", "it took too long")
        return Attempt(text, min(seconds, self.limit), reason, memory=memory)


def test_an_estimate_extrapolates_what_it_tried_out(cells, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.1 s a unit of size: 100 of size 1 and one of 50, which takes too long to be tried, are 15 s of work."""
    monkeypatch.setattr(module, "PATIENCE", 2.0)
    monkeypatch.setattr(module, "Workers", Timed)
    costly = [cells.Costly(size=1.0, replicate=r) for r in range(100)] + [cells.Costly(size=50.0)]
    plain = [cells.Plain(replicate=r) for r in range(10)]
    found = estimate([*plain, *costly, cells.Hanging()], Rates(), 4, 7)
    by_name = {each.name: each for each in found.classes}
    assert {name: each.cells for name, each in by_name.items()} == {"Costly": 101, "Plain": 10, "Hanging": 1}
    assert by_name["Costly"].seconds == pytest.approx(15.0)
    assert by_name["Costly"].longest == pytest.approx(5.0)
    assert by_name["Plain"].seconds == pytest.approx(1.0)
    assert (by_name["Costly"].bound, by_name["Plain"].bound, by_name["Hanging"].bound) == (False, False, True)
    assert found.seconds == pytest.approx(max(5.0, (15.0 + 1.0 + 2.0) / 4))
    assert found.memory == 500_000_000
    assert not found.whole
    lines = found.lines()
    assert lines[0] == "cells to compute: 112; in the records: 7"
    assert "Hanging" in next(line for line in lines if "more than" in line)
    assert lines[-2].startswith("time: at least ")
    assert lines[-1].startswith("memory: at least ")


class Loading(Timed):
    """As when the first cell of a process loads its modules, which takes 1.5 s."""

    def once(self, cell: Cell, key: str) -> Attempt:
        first = not self.tried
        found = super().once(cell, key)
        return Attempt(found.text, found.seconds + 1.5 * first, found.reason, memory=found.memory)


def test_what_the_first_cell_loads_is_not_its_cost(cells, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 cells of 0.1 s and one of 1 s are 11 s, not the 160 s of the first one's time and its loading."""
    monkeypatch.setattr(module, "PATIENCE", 2.0)
    monkeypatch.setattr(module, "Workers", Loading)
    costly = [cells.Costly(size=1.0, replicate=r) for r in range(100)] + [cells.Costly(size=10.0)]
    found = estimate(costly, Rates(), 1, 0)
    assert found.seconds == pytest.approx(11.0)
    assert found.whole


def test_cells_are_tried_out_in_a_process(cells, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine: the memory is seen, and what does not end is stopped."""
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    found = estimate([cells.Plain()], Rates(), 4, 0)
    assert (found.whole, found.classes[0].bound) == (True, False)
    assert found.classes[0].seconds >= 0.1
    assert found.memory > 300_000_000
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    endless = estimate([cells.Hanging()], Rates(), 4, 0)
    assert endless.classes[0].bound
    assert not endless.whole


def test_the_command_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["verify", "--claims", "S3", "--out", str(tmp_path / "o"), "--dry-run", "--workers", "2"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("cells to compute: ")
    assert "GB a process" in out
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] >= max(each["longest"] for each in found["classes"])
    assert not (tmp_path / "o").exists()


def test_packs_hold_every_cell_once_and_about_as_long(cells) -> None:
    rates = Rates()
    assert rates.expect(cells.Costly(size=1.0)) == float("inf")
    rates.learn(cells.Costly(size=2.0), 0.2)
    rates.learn(cells.Plain(), 0.4)
    assert rates.expect(cells.Costly(size=30.0)) == pytest.approx(3.0)
    assert rates.expect(cells.Plain(replicate=5)) == pytest.approx(0.4)
    heavy = [cells.Costly(size=30.0, replicate=r) for r in range(3)]
    light = [cells.Costly(size=1.0, replicate=r) for r in range(25)]
    tasks = packs([cells.Hanging(), *heavy, *light], rates, 1.0, 8)
    assert [cell for task in tasks for cell in task] == [cells.Hanging(), *heavy, *light]
    assert [len(task) for task in tasks] == [1, 1, 1, 1, 8, 8, 8, 1]
    assert max(sum(map(rates.expect, task)) for task in tasks[4:]) <= 1.0
