"""How far long cells have come: the files, their lines, and where they are shown."""

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from verify.cli import display
from verify.cli.display import ProgressDisplay
from verify.registry import CLAIMS
from verify.running import progress
from verify.running.costs import TimeLeft
from verify.running.experiment import Cell
from verify.running.progress import SUFFIX, Progress, lines


def test_steps_and_time_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the steps since the first call took a minute, so the other half takes another."""
    clock = iter([100.0, 160.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    told = Progress(tmp_path / f"a{SUFFIX}", "a run", 1000)
    told.reach(200)
    assert list(lines(tmp_path, 0.0)) == ["a run: step 200 of 1000"]
    told.reach(600)
    assert list(lines(tmp_path, 0.0)) == ["a run: step 600 of 1000, 60 s left"]
    told.end()
    assert list(lines(tmp_path, 0.0)) == []


def test_what_a_killed_run_left_is_not_shown(tmp_path: Path) -> None:
    Progress(tmp_path / f"a{SUFFIX}", "a run", 10).reach(1)
    (tmp_path / f"b{SUFFIX}").write_text("no json")
    (tmp_path / f"c{SUFFIX}").write_text("{}")
    assert list(lines(tmp_path, time.time() - 60)) == ["a run: step 1 of 10"]
    assert list(lines(tmp_path, time.time() + 60)) == []
    assert list(lines(tmp_path / "not there", 0.0)) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.25 s"), (2, "2 s"), (59, "59 s"), (150, "2 min"), (9000, "2.5 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text


def test_the_display_tells_long_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal a line a minute at most; on one beside the bar."""
    plain, terminal = io.StringIO(), io.StringIO()
    running = Progress(tmp_path / f"a{SUFFIX}", "a run", 10)
    monkeypatch.setattr(display, "LOOK", 1e6)
    with ProgressDisplay(Console(file=plain), [], tmp_path) as shown:
        for step in (1, 2, 3):
            running.reach(step)
            shown.long()
    assert plain.getvalue().count("a run: step") == 1
    with ProgressDisplay(Console(file=terminal, force_terminal=True, width=120), [], tmp_path) as shown:
        running.reach(4)
        shown.long()
    assert "a run: step 4 of 10" in terminal.getvalue()
    with ProgressDisplay(Console(file=plain), []):
        pass


class Heavy(Cell):
    size: float

    @property
    def cost(self) -> float:
        return self.size

    def run(self) -> dict[str, float]:
        return {"y": self.size}


class Plain(Cell):
    def run(self) -> dict[str, float]:
        return {"y": 1.0}


def test_time_left_comes_from_costs_and_not_from_counts() -> None:
    """One of size 1 took 2 s: sizes 10 and 30 take 80 s, by two workers 40 s; of the other class nothing is known."""
    small, *large = cells = [Heavy(size=1.0), Heavy(size=10.0), Heavy(size=30.0)]
    left = TimeLeft([*cells, Plain(), Plain(replicate=1)], 2)
    assert left.seconds == (0.0, True)
    left.note(small, 2.0)
    assert left.seconds == (pytest.approx(40.0), True)
    left.note(Plain(), 4.0, stored=True)
    assert left.seconds == (pytest.approx(42.0), False)
    left.drop(large[1])
    left.note(large[0], 20.0)
    assert left.seconds == (pytest.approx(2.0), False)
    left.note(Plain(replicate=1), 4.0)
    assert left.seconds == (0.0, False)


def test_uncounted_workers_are_those_that_kept_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 10 s cells of 40 s in all came back, so four workers share the 80 s that are left."""
    clock = iter([100.0, 110.0])
    monkeypatch.setattr("verify.running.costs.time.monotonic", lambda: next(clock))
    cells = [Plain(replicate=r) for r in range(12)]
    left = TimeLeft(cells, None)
    for cell in cells[:4]:
        left.note(cell, 10.0)
    assert left.seconds == (pytest.approx(20.0), False)


def test_the_display_says_what_is_left() -> None:
    claim, plain = CLAIMS["S2"], io.StringIO()
    with ProgressDisplay(Console(file=plain), [claim]) as shown:
        shown.left(150.0, least=True)
        shown.claim(claim, 1, 0)
        shown.left(0.0, least=False)
        shown.claim(claim, 1, 0)
    first, second = plain.getvalue().splitlines()
    assert first.endswith("from the records; at least 2 min left")
    assert second.endswith("from the records")
