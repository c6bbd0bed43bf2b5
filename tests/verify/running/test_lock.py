"""One coordinator a folder, and no process left behind, however the coordinator ends."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from verify.running import lock
from verify.running.database import StoreError
from verify.running.lock import NAME, Lock
from verify.running.store import Store

ROOT = Path(__file__).parents[3]
SLOW = '''"""A claim whose cells say that they have begun, and take long."""

import os
import time
from pathlib import Path

from verify import Cell, Claim, Control, DecisionRule, scaled


class Slow(Cell):
    def run(self):
        Path(f"began-{self.replicate}-{os.getpid()}").touch()
        time.sleep(0.1 if self.replicate >= 4 else 1000)
        return {"mean": 1.0}


def cells(p):
    return tuple(Slow(replicate=r) for r in reversed(range(16)))


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
        activations="none",
    ),
)
'''


def command(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "verify", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], object], what: str) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(what)


def runs(process: int) -> bool:
    """Whether a process is there and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def under_way(tmp_path: Path) -> subprocess.Popen[str]:
    """A run on two workers, twelve of whose cells are in the records and two of which take for ever."""
    (tmp_path / "slow.py").write_text(SLOW)
    process = command(tmp_path, "verify", "--claims-from", "slow.py", "--out", "o", "--workers", "2")
    until(lambda: len(list(tmp_path.glob("began-[0-3]-*"))) == 2 or process.poll() is not None, "no cell began")
    assert process.poll() is None, process.communicate()[1]
    time.sleep(1)  # the last answers are taken
    return process


def workers(folder: Path) -> set[int]:
    return {int(path.name.rpartition("-")[2]) for path in folder.glob("began-*")}


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "escape-ntk: interrupted; 12 of 16 cells are kept in o, the same command continues\n"),
        (signal.SIGTERM, 143, "escape-ntk: terminated; 12 of 16 cells are kept in o, the same command continues\n"),
        (signal.SIGKILL, -9, ""),
    ],
)
def test_no_worker_outlives_its_coordinator(
    number: signal.Signals, status: int, said: str, under_way: subprocess.Popen[str], tmp_path: Path
) -> None:
    under_way.send_signal(number)
    assert (under_way.communicate(timeout=60)[1], under_way.returncode) == (said, status)
    until(lambda: not any(runs(process) for process in workers(tmp_path)), "a worker is left")
    with Store(tmp_path / "o"):  # nothing is locked
        pass


def test_a_second_coordinator_is_refused_and_readers_are_not(under_way: subprocess.Popen[str], tmp_path: Path) -> None:
    second = command(tmp_path, "verify", "--claims", "S2", "--out", "o", "--workers", "1")
    said = second.communicate(timeout=120)[1]
    assert second.returncode == 2
    assert said.startswith(f"escape-ntk: o: process {under_way.pid} on {os.uname().nodename}, running since 20")
    assert said.count("\n") == 1
    reading = command(tmp_path, "sweep", "failures", "o")
    assert reading.communicate(timeout=120) == ("cells that failed: 0\n", "")
    assert under_way.poll() is None
    under_way.terminate()
    under_way.communicate(timeout=60)


def test_a_deleted_folder_ends_the_run_at_once(under_way: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "o").rename(tmp_path / "elsewhere")
    said = under_way.communicate(timeout=60)[1]
    assert under_way.returncode == 2
    assert "o/records.sqlite: was deleted or replaced while it was written" in said


def test_the_lock_is_let_go_and_leaves_no_file(tmp_path: Path) -> None:
    held = Lock(tmp_path)
    assert json.loads((tmp_path / NAME).read_text())["process"] == os.getpid()
    with pytest.raises(StoreError, match=rf"process {os.getpid()} on "):
        Lock(tmp_path)
    held.release()
    held.release()
    assert list(tmp_path.iterdir()) == []
    Lock(tmp_path).release()


def test_a_lock_file_left_behind_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"process": 1, "host": "gone", "since": "long ago"}')
    Lock(tmp_path).release()
    (tmp_path / NAME).write_text("not JSON")
    held = Lock(tmp_path)
    (tmp_path / NAME).write_text("not JSON")
    with pytest.raises(StoreError, match="another process writes there"):
        Lock(tmp_path)
    held.release()


def test_without_support_for_locks_nobody_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    one, two = Lock(tmp_path), Lock(tmp_path)
    one.release()
    two.release()
