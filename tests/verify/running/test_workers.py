"""Cells that raise, crash, hang or end their process: they are recorded as failed, and the others go on."""

import os
import re
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from verify.judging.outcome import Verdict
from verify.registry import select
from verify.running import executors
from verify.running.database import StoreError
from verify.running.experiment import Cell, CellFailed, fingerprint
from verify.running.rows import Failure
from verify.running.store import Store
from verify.running.sweep import run_cells
from verify.session import reload, verify
from verify.sizes.profile import QUICK

BODY = '''"""Cells that go wrong."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from verify import Cell


class Odd(Cell):
    what: str
    x: int = 0
    note: str = ""

    def run(self):
        match self.what:
            case "raise":
                raise ValueError("planted")
            case "nan":
                return {"y": float("nan")}
            case "list":
                return [1.0]
            case "sys.exit":
                sys.exit(0)
            case "exit":
                os._exit(0)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "crash":
                ctypes.string_at(0)
            case "hang":
                time.sleep(1000)
            case "spin":
                while True:
                    pass
            case "once":  # the first try is killed, the second one is not
                seen = Path(self.note)
                if not seen.exists():
                    seen.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            case "delete":
                Path(self.note).rename(self.note + "-moved")
        return {"y": self.x**2, "draw": self.seed("draw"), "process": os.getpid() if self.what == "who" else 0}
'''


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The class of cells above, in a module that workers find too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "odd_cells.py").write_text(BODY)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("odd_cells", None)
    from odd_cells import Odd

    yield Odd
    sys.modules.pop("odd_cells", None)


RAISING = {
    "raise": "ValueError: planted",
    "nan": "ValueError: Out of range float values",
    "list": "TypeError: run() gave a list; it needs to give a dict",
    "sys.exit": "SystemExit: 0",
}
ENDING = {
    "exit": "its worker process ended itself (exit status 0)",
    "kill": "its worker process was killed by SIGKILL",
    "crash": "its worker process was killed by SIGSEGV",
    "hang": "took longer than the time limit of 8 s",
    "spin": "took longer than the time limit of 8 s",
}


def test_whatever_a_cell_does_the_others_are_computed(odd: type[Cell], tmp_path: Path) -> None:
    good = [odd(what="fine", x=i) for i in range(20)]
    bad = {odd(what=what): needle for what, needle in (RAISING | ENDING).items()}
    failed: dict[Cell, Failure] = {}
    with Store(tmp_path / "o") as store:
        found = run_cells([*bad, *good], store, {}, workers=2, on_failed=failed.__setitem__, limit=8.0, attempts=2)
        kept = {failure.specification: failure for failure in store.failures()}
    assert set(found) == set(good)
    assert {cell: found[cell].numbers["y"] for cell in good} == {cell: cell.x**2 for cell in good}
    assert failed.keys() == bad.keys()
    for cell, needle in bad.items():
        assert failed[cell].reason.startswith(needle)
        assert failed[cell].attempts == 2
        assert kept[cell.specification].reason == failed[cell].reason
        assert ("odd_cells.py" in failed[cell].trace or cell.what in ("nan", "list")) == (cell.what in RAISING)


@pytest.mark.parametrize("threads", [False, True])
def test_in_this_process_and_on_an_executor(threads: bool, odd: type[Cell], tmp_path: Path) -> None:
    good, bad = [odd(what="fine", x=i) for i in range(5)], [odd(what=what) for what in RAISING]
    failed: dict[Cell, Failure] = {}
    with Store(tmp_path / "o") as store, ThreadPoolExecutor(2) as pool:
        executor = pool if threads else None
        found = run_cells([*bad, *good], store, {}, executor=executor, on_failed=failed.__setitem__, attempts=2)
    assert (set(found), failed.keys()) == (set(good), set(bad))
    assert all(failure.reason.startswith(RAISING[cell.what]) for cell, failure in failed.items())
    assert {failure.attempts for failure in failed.values()} == {2}


def test_a_failed_cell_is_tried_again_by_the_next_run(odd: type[Cell], tmp_path: Path) -> None:
    cell = odd(what="raise")
    with Store(tmp_path / "o") as store:
        with pytest.raises(CellFailed, match=r'"what":"raise".* failed once: ValueError: planted'):
            run_cells([cell], store, {}, attempts=1)
        assert store.failures() != []
        store.add(cell, fingerprint(), {"y": 1}, 0.0, {})
        assert store.failures() == [], "it has numbers now"
        assert run_cells([cell], store, {})[cell].stored


def test_a_killed_worker_costs_no_other_cell_a_try(odd: type[Cell], tmp_path: Path) -> None:
    """What the dead worker held in advance goes to somebody else; the cell itself succeeds the second time."""
    cells = [odd(what="once", note=str(tmp_path / "seen")), *(odd(what="fine", x=i) for i in range(30))]
    with Store(tmp_path / "o") as store:
        found = run_cells(cells, store, {}, workers=2, attempts=2)
        assert store.failures() == []
    assert set(found) == set(cells)


def test_isolated_cells_run_elsewhere(odd: type[Cell], tmp_path: Path) -> None:
    who = odd(what="who")
    with Store(tmp_path / "o") as store:
        assert run_cells([who], store, {}, isolated=True)[who].numbers["process"] != os.getpid()
    with Store(tmp_path / "p") as store:
        assert run_cells([who], store, {})[who].numbers["process"] == os.getpid()


def test_a_lost_task_is_taken_apart(odd: type[Cell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An executor that loses a task says nothing of its cells: only the one that is lost alone is at fault."""
    real = executors.attempt_all

    def losing(work, folder):
        if any(cell.x == 7 for cell, _ in work):
            raise OSError("the worker that ran this task is gone")
        return real(work, folder)

    monkeypatch.setattr(executors, "attempt_all", losing)
    cells = [odd(what="fine", x=i) for i in range(20)]
    failed: dict[Cell, Failure] = {}
    with Store(tmp_path / "o") as store, ThreadPoolExecutor(1) as pool:
        found = run_cells(cells, store, {}, executor=pool, on_failed=failed.__setitem__, attempts=2)
    assert set(cells) - set(found) == failed.keys() == {cells[7]}
    assert failed[cells[7]].reason.startswith("its task was lost (OSError: the worker")


def test_an_executor_that_breaks_is_said(odd: type[Cell], tmp_path: Path) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with Store(tmp_path / "o") as store, pytest.raises(CellFailed, match=r"takes no more tasks.*the same command"):
        run_cells([odd(what="fine")], store, {}, executor=pool)


def test_a_limit_needs_workers_of_our_own(odd: type[Cell], tmp_path: Path) -> None:
    with Store(tmp_path / "o") as store, ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="limit=1"):
        run_cells([odd(what="fine")], store, {}, executor=pool, limit=1.0)


def test_a_folder_that_is_taken_away_is_noticed(odd: type[Cell], tmp_path: Path) -> None:
    folder = tmp_path / "o"
    with Store(folder) as store, pytest.raises(StoreError, match=r"was deleted or replaced while it was written"):
        run_cells([odd(what="delete", note=str(folder)), odd(what="hang")], store, {}, workers=2)
    other = tmp_path / "p"
    with Store(other) as store, pytest.raises(StoreError, match="was deleted or replaced"):
        run_cells([odd(what="delete", note=str(other)), odd(what="fine")], store, {})


CLAIM = '''"""A claim with two cases, one of whose cells may be told to fail."""

import os

from verify import Cell, Claim, Control, DecisionRule, scaled


class Draw(Cell):
    activation: str

    def run(self):
        import numpy as np

        if os.environ.get("PLANTED", "nothing") in self.activation and self.replicate == 3:
            raise ValueError("planted")
        return {"mean": float(np.random.default_rng(self.seed("draw")).normal(1.0, 0.1))}


def cells(p):
    return tuple(Draw(activation=p.activation, base_seed=p.base_seed, replicate=r) for r in range(16))


def predict(p):
    return {"mean": 1.0}


def observe(p, evidence):
    return {"mean": [evidence[cell]["mean"] for cell in cells(p)]}


CLAIMS = (
    Claim(
        id="M1",
        title="A mean",
        statement="m = 1",
        source="made up",
        why="It is drawn so.",
        refuted_by="Another mean.",
        hypotheses=(),
        depends_on=(),
        design=cells,
        rules=lambda p: (DecisionRule("mean", "mean", "within", 0.2, 0.5, 0.1, 16),),
        predict=predict,
        observe=observe,
        controls=(Control("twice the mean", predict=scaled(predict, 2.0)),),
    ),
)
'''


def test_a_claim_without_one_of_its_cells_is_inconclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In that case alone; the other case is judged. Reading says the same, and the next run completes it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "two_cases.py").write_text(CLAIM)
    claims = select(None, sources=[str(tmp_path / "two_cases.py")])
    sizes = QUICK.model_copy(update={"activations": ("tanh(z + 1)", "erf(z + 1/2)")})
    monkeypatch.setenv("PLANTED", "erf")
    run = verify(claims, sizes, tmp_path / "o")
    (judgement,) = run.judgements
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert re.search(r"^erf\(z \+ 1/2\): a cell could not be computed, namely .* failed 3 times", judgement.reasons[0])
    assert {c.case for c in judgement.outcome.comparisons} == {"tanh(z + 1)"}
    assert judgement.claim is claims[0]
    (failure,) = run.failed
    assert 'raise ValueError("planted")' in failure.trace
    again = reload(tmp_path / "o", {"M1": claims[0]})
    assert (again.judgements[0].reasons, [f.reason for f in again.failed]) == (judgement.reasons, [failure.reason])
    monkeypatch.delenv("PLANTED")
    whole = verify(claims, sizes, tmp_path / "o")
    assert (whole.judgements[0].verdict, whole.failed, whole.judgements[0].computed) == (Verdict.HOLDS, (), 1)
    sys.modules.pop("two_cases")


def test_a_store_of_the_version_before_is_read_and_brought_up_to_date(odd: type[Cell], tmp_path: Path) -> None:
    cell = odd(what="fine", x=3)
    with Store(tmp_path) as store:
        run_cells([cell], store, {})
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute("DROP TABLE failures")
        connection.execute("PRAGMA user_version=3")
    connection.close()
    before = (tmp_path / "records.sqlite").read_bytes()
    with Store(tmp_path, create=False) as store:
        assert store.failures() == []
        assert store.find(cell, fingerprint()) is not None
    assert (tmp_path / "records.sqlite").read_bytes() == before
    with Store(tmp_path) as store:
        assert run_cells([cell], store, {})[cell].stored
        store.add_failure("k", Failure("{}", 1, "lone surrogate \udce4"), "f", {})
        assert [failure.reason for failure in store.failures()] == ["lone surrogate \\udce4"]


def test_a_damaged_failure_is_not_believed(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_failure("k", Failure("{}", 1, "a reason"), "f", {})
        assert store.failure("k") is not None
        store._connection.execute("UPDATE failures SET reason = 'another'")
        assert (store.failure("k"), store.failures()) == (None, [])
