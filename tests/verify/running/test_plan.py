"""Chunks of a plan, a Dask cluster and workers of this machine give the same records; shards are whole or not there."""

import json
import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from verify.cells.spectral import KernelMonteCarlo
from verify.cells.subspace import TopBlock
from verify.cells.trained import TrainedModels
from verify.cli.main import main
from verify.registry import select
from verify.running import experiment
from verify.running.costs import Rates
from verify.running.database import StoreError
from verify.running.experiment import Cell, fingerprint
from verify.running.plan import SHARDS, Shards, collect, read_chunk, shards, write_plan
from verify.running.store import Store
from verify.running.sweep import keys_of, run_cells
from verify.running.work import attempt
from verify.session import verify
from verify.sizes.profile import QUICK
from verify.state import design

SIGMA = "sin(z + pi/4)"
CELLS: list[Cell] = [
    *(KernelMonteCarlo(activation=SIGMA, d=4, max_degree=2, blocks=20, points=16, replicate=r) for r in range(8)),
    *(TopBlock(activation=SIGMA, d=4, m=40, k=1, replicate=r) for r in range(4)),
]

Content = dict[str, tuple[str, str, str]]


def content(folder: Path) -> Content:
    """Everything in the records that is not about when and where: specification, numbers, code."""
    with Store(folder, create=False) as store:
        rows = store._connection.execute("SELECT key, specification, numbers, fingerprint FROM records").fetchall()
    return {key: (specification, numbers, mark) for key, specification, numbers, mark in rows}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """The records of one process, in the order of the list."""
    folder = tmp_path_factory.mktemp("alone")
    with Store(folder) as store:
        run_cells(CELLS, store, {})
    return content(folder)


def planned(folder: Path, cells: list[Cell], chunks: int) -> None:
    write_plan(folder, keys_of(cells), chunks, Rates(), QUICK.model_dump_json())


def test_workers_order_and_packing_change_no_record(alone: Content, tmp_path: Path) -> None:
    shuffled = random.Random(1).sample(CELLS, len(CELLS))
    for name, options in {
        "workers": {"workers": 2},
        "one worker": {"isolated": True},
        "tasks": {"executor": ThreadPoolExecutor(2)},
    }.items():
        with Store(tmp_path / name) as store:
            run_cells(shuffled, store, {}, **options)
        assert content(tmp_path / name) == alone, name


def test_chunks_change_no_record(alone: Content, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned(tmp_path, CELLS, 3)
    for chunk in (2, 0):
        assert main(["sweep", "run", str(tmp_path / "plan" / f"{chunk}.json"), "--workers", "1"]) == 0
    assert main(["sweep", "collect", str(tmp_path)]) == 3
    assert "missing: 4 cells, of which 0 failed; run again chunks 1" in capsys.readouterr().out
    assert main(["sweep", "run", str(tmp_path / "plan" / "1.json"), "--workers", "2"]) == 0
    assert main(["sweep", "collect", str(tmp_path)]) == 0
    assert content(tmp_path) == alone
    assert collect(tmp_path) == (0, {}, 0), "once more changes nothing"
    before = sorted((tmp_path / SHARDS).iterdir())
    assert main(["sweep", "run", str(tmp_path / "plan" / "1.json"), "--workers", "1"]) == 0
    assert sorted((tmp_path / SHARDS).iterdir()) == before, "nothing was missing"


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_threads_of_the_process_change_no_record(alone: Content, threads: str, tmp_path: Path) -> None:
    """However many threads the linear algebra of torch and NumPy would take: a cell is computed with one."""
    planned(tmp_path, CELLS, 1)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, threads) | {"PYTHONPATH": str(Path(experiment.__file__).parents[2])}
    line = [sys.executable, "-m", "verify", "sweep", "run", str(tmp_path / "plan" / "0.json"), "--workers", "1"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert collect(tmp_path) == (len(CELLS), {}, 0)
    assert content(tmp_path) == alone


def test_draws_computed_together_agree_with_draws_alone_to_rounding() -> None:
    """A batch is one matrix product, whose kernels depend on its size.

    In float32 a rounding is 6e-8, and each of 30 steps amplifies those before it a little: 1e-4 leaves a factor of 50.
    """
    fields = {"activation": SIGMA, "device": "cpu", "d": 6, "m": 60, "n": 48, "k": 1, "steps": 30, "start": 0.3}
    fields |= {"candidates": ((1.0, 3e-3),), "validation": 1, "arm": "joint"}
    together, one = (TrainedModels(**fields, draws=draws).run() for draws in (3, 1))
    assert together["risk"][:1] == pytest.approx(one["risk"], rel=1e-4)
    assert together["risk"][1] != pytest.approx(one["risk"][0], rel=1e-3), "another draw is another number"


def test_a_dask_cluster_of_processes_changes_no_record(alone: Content, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    from verify.running.cluster import cluster

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as local,
        cluster(local.scheduler_address, None, "cpu") as executor,
        Store(tmp_path) as store,
    ):
        run_cells(CELLS, store, {}, executor=executor)
    assert content(tmp_path) == alone


def test_a_cluster_that_cannot_serve_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["verify", "--claims", "S2", "--out", str(tmp_path / "o")]
    for more, needle in (
        (["--scheduler", "tcp://127.0.0.1:1", "--slurm", "2"], "need to be alone"),
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "need to be alone"),
        (["--slurm", "0"], "slurm=0: needs an integer"),
    ):
        assert main([*words, *more]) == 2
        assert needle in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from verify.running.cluster import cluster

    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'escape-ntk\[cluster\]'"), cluster("tcp://x:1", None, "cpu"):
        pass


def test_workers_with_several_threads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import ModuleType

    from verify.running.cluster import cluster

    class Client:
        def __init__(self, *_: object, **__: object) -> None:
            self.threads, self.asked = 2, {}

        def __enter__(self) -> "Client":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def scheduler_info(self, n_workers: int) -> dict:
            return {"workers": {"tcp://node:1": {"nthreads": self.threads}}}

        def get_executor(self, **asked: object) -> dict:
            return asked

    module = ModuleType("dask.distributed")
    module.Client = Client
    monkeypatch.setitem(sys.modules, "dask", ModuleType("dask"))
    monkeypatch.setitem(sys.modules, "dask.distributed", module)
    with pytest.raises(ValueError, match="several threads; start workers with --nthreads 1"), cluster("x", None, "cpu"):
        pass
    monkeypatch.setattr(Client, "scheduler_info", lambda self, n_workers: {"workers": {}})
    with cluster("x", None, "cuda") as executor:
        assert executor == {"pure": False, "resources": {"GPU": 1}}
    with cluster("x", None, "cpu") as executor:
        assert executor == {"pure": False}


def test_the_command_plans_runs_and_judges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "o")
    same = ["--claims", "S3", "--out", out]
    assert main(["sweep", "plan", "--chunks", "2", *same]) == 0
    said = capsys.readouterr().out
    assert f"cells to compute: {len(design(select('S3')[0], QUICK))} in 2 chunks; in the records: 0" in said
    for chunk in (0, 1):
        assert main(["sweep", "run", f"{out}/plan/{chunk}.json", "--workers", "1"]) == 0
    assert main(["sweep", "collect", out]) == 0
    assert main(["verify", *same, "--workers", "1"]) == 0
    assert "done: 0 computed" in capsys.readouterr().err
    assert main(["sweep", "plan", "--chunks", "2", *same]) == 0
    assert "cells to compute: 0" in capsys.readouterr().out
    direct = verify(select("S3"), QUICK, tmp_path / "direct")
    assert content(tmp_path / "direct") == content(tmp_path / "o")
    assert direct.failed == ()


def test_failures_of_a_chunk_are_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TopBlock, "run", lambda self: {"y": float("nan") if self.replicate else 1.0})
    cells: list[Cell] = [TopBlock(activation=SIGMA, d=4, m=40, k=1, replicate=r) for r in range(2)]
    planned(tmp_path, cells, 1)
    assert main(["sweep", "run", str(tmp_path / "plan" / "0.json"), "--workers", "1"]) == 3
    assert collect(tmp_path) == (1, {0: 1}, 1)
    with Store(tmp_path, create=False) as store:
        (failure,) = store.failures()
    assert failure.attempts == 3
    monkeypatch.setattr(TopBlock, "run", lambda self: {"y": 2.0})
    assert main(["sweep", "run", str(tmp_path / "plan" / "0.json"), "--workers", "1"]) == 0
    assert collect(tmp_path) == (1, {}, 0)
    with Store(tmp_path, create=False) as store:
        assert store.failures() == []


def test_an_interrupted_chunk_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def run(self: Cell) -> dict[str, float]:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return {"y": 1.0}

    monkeypatch.setattr(TopBlock, "run", run)
    cells: list[Cell] = [TopBlock(activation=SIGMA, d=4, m=40, k=1, replicate=r) for r in range(5)]
    planned(tmp_path, cells, 1)
    chunk = str(tmp_path / "plan" / "0.json")
    assert main(["sweep", "run", chunk, "--workers", "1"]) == 130
    assert sum(len(rows) for _, rows, _ in shards(tmp_path)) == 2
    assert main(["sweep", "run", chunk, "--workers", "1"]) == 0
    assert count == 6, "two cells came from the first run"


def test_damaged_shards_are_left_out(tmp_path: Path) -> None:
    cell, *_ = CELLS
    with Shards(tmp_path, 0) as kept:
        kept.add(cell, fingerprint(), {"y": 1.0}, 0.5, {})
    ((path, (row,), _),) = shards(tmp_path)
    whole = path.read_text()
    path.write_text(whole.replace("1.0", "1.5"))
    assert list(shards(tmp_path)) == [], "its name says what it held"
    path.unlink()
    forged = Shards(tmp_path, 0)
    forged._waiting.rows.append((*row[:3], '{"y": 2.0}', *row[4:]))
    forged.flush()
    ((_, rows, _),) = shards(tmp_path)
    assert rows == [], "the row does not match its checksum"
    assert [p.suffix for p in (tmp_path / SHARDS).iterdir()] == [".json"], "no temporary file is left"


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("", "is no file of a plan"),
        ("[]", "is no file of a plan"),
        ('{"format": 99}', "is no file of a plan of this version"),
        ('{"format": 1}', "is no chunk of a plan"),
        ('{"format": 1, "cells": [["os", "system", "k", {}]]}', "os.system is no cell here"),
        ('{"format": 1, "cells": [["no_such_module", "X", "k", {}]]}', "no_such_module.X is no cell here"),
        ('{"format": 1, "cells": [["verify.cells.subspace", "TopBlock", "k", {"x": 1}]]}', "has other fields here"),
        ('{"format": 1, "cells": [["verify.cells.subspace", "TopBlock", "k"]]}', "is no chunk of a plan"),
    ],
)
def test_a_chunk_of_somebody_else_s(text: str, needle: str, tmp_path: Path) -> None:
    path = tmp_path / "0.json"
    path.write_text(text)
    with pytest.raises(StoreError, match=needle):
        read_chunk(path)
    assert "no_such_module" not in sys.modules


def test_misuse_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned(tmp_path, CELLS, 2)
    for path, needle in (
        (tmp_path / "plan" / "plan.json", "is no chunk of a plan"),
        (tmp_path / "nothing" / "plan" / "0.json", "is not there; write it with escape-ntk sweep plan"),
        (tmp_path / "plan" / "7.json", "is not there"),
    ):
        assert main(["sweep", "run", str(path)]) == 2
        assert needle in capsys.readouterr().err
    chunk = tmp_path / "plan" / "0.json"
    chunk.write_text(chunk.read_text().replace(keys_of(CELLS)[CELLS[0]], "0" * 64))
    assert main(["sweep", "run", str(chunk)]) == 2
    assert "planned by other code" in capsys.readouterr().err
    assert main(["sweep", "collect", str(tmp_path / "nothing")]) == 2
    assert main(["sweep", "plan", "--chunks", "0", "--claims", "S3", "--out", str(tmp_path / "n")]) == 2
    shutil.rmtree(tmp_path / "plan")
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text(json.dumps({"format": 1, "chunks": "x"}))
    assert main(["sweep", "collect", str(tmp_path)]) == 2
    assert "is no plan" in capsys.readouterr().err.splitlines()[-1]


def test_a_cell_that_its_fields_do_not_describe_is_not_planned(tmp_path: Path) -> None:
    class Hidden(Cell):
        _note: int = 0

    with pytest.raises(ValueError, match="Hidden: has private attributes"):
        planned(tmp_path, [Hidden()], 1)


def test_chunks_are_about_equal(tmp_path: Path) -> None:
    planned(tmp_path, CELLS, 5)
    sizes = [len(json.loads((tmp_path / "plan" / f"{i}.json").read_text())["cells"]) for i in range(5)]
    assert sum(sizes) == len(CELLS)
    assert max(sizes) - min(sizes) <= 1, "all of these cells count alike"
    for i in range(5):
        assert read_chunk(tmp_path / "plan" / f"{i}.json").items() <= keys_of(CELLS).items()


def test_an_attempt_holds_what_the_records_will_say() -> None:
    found = attempt(CELLS[0])
    assert found.numbers == json.loads(json.dumps(CELLS[0].run()))
    assert (found.reason, found.trace) == ("", "")


def test_a_deleted_folder_of_shards_ends_the_chunk(tmp_path: Path) -> None:
    kept = Shards(tmp_path / "o", 0)
    shutil.rmtree(tmp_path / "o")
    with pytest.raises(StoreError, match="was deleted while it was written"):
        kept.require()
