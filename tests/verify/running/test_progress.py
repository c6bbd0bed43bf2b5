"""How far long cells have come: the files, their lines, and where they are shown."""

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from verify.cli import display
from verify.cli.display import ProgressDisplay
from verify.running import progress
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
