"""Runs of the authors' experiment at a small size."""

from itertools import pairwise
from pathlib import Path

import pytest

from verify.cells.authors import AuthorsRun
from verify.cells.authors_run import record_steps
from verify.running.progress import SUFFIX

SMALL = AuthorsRun(device="cpu", d=6, m=36, n=15, steps=40, training=1.0, fresh=0.1, replicate=1, points=50)


def test_a_killed_run_goes_on_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers, bit by bit, and nothing under way is left behind."""
    monkeypatch.setattr("verify.cells.authors_run.KEPT_EVERY", 7)
    whole = SMALL.run()

    class Killed(Exception):
        pass

    def killed(self: object, step: int) -> None:
        if step >= 20:
            raise Killed

    folder = tmp_path / "checkpoints"
    with monkeypatch.context() as patch:
        patch.setattr("verify.cells.authors_run.Progress.reach", killed)
        with pytest.raises(Killed):
            SMALL.run_in(folder)
    (file,) = folder.iterdir()
    before = file.read_bytes()
    assert SMALL.run_in(folder) == whole
    assert file.read_bytes() != before
    assert not list(folder.glob(f"*{SUFFIX}"))
    assert SMALL.model_copy(update={"training": 2.0}).run() != whole


def test_runs_that_differ_in_weights_share_their_problem() -> None:
    """Without any penalty's effect, at step 0 and 1 from W = 0, the curves agree; another seed has other data."""
    first, second = (SMALL.model_copy(update={"training": w, "fresh": 0.0}).run() for w in (0.01, 10.0))
    assert first["test"][:2] == second["test"][:2]
    assert first["test"][-1] != second["test"][-1]
    assert SMALL.model_copy(update={"replicate": 2}).run()["test"][0] != first["test"][0]
    sphere = SMALL.model_copy(update={"law": "sphere", "directions": "span", "fresh": 0.0}).run()
    assert sphere["test"][0] != first["test"][0]
    assert sphere["train"][-1] < sphere["train"][0]


def test_a_run_that_diverges_says_so() -> None:
    numbers = SMALL.model_copy(update={"training": 1e6, "fresh": 0.0, "steps": 400}).run()
    assert numbers["step"] == []
    assert "not finite" in numbers["diverged"] or "loss=" in numbers["diverged"]


def test_records_are_equidistant_in_log_t() -> None:
    steps = record_steps(20_000)
    assert steps[0] == 0
    assert steps[-1] == 20_000
    assert len(steps) < 80
    assert {1000, 19_000} <= set(steps)
    late = [step for step in steps if step >= 50]
    assert max(b / a for a, b in pairwise(late)) < 1.3
