"""Cells, their keys and seeds, the store and the sweep."""

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pydantic import ValidationError

from verify.cells.kernels import RidgeCurve
from verify.cells.spectral import KernelMonteCarlo
from verify.cells.subspace import TopBlock
from verify.cells.trained import TrainedModels
from verify.running.experiment import Cell, CellFailed, Numbers, fingerprint
from verify.running.store import Store
from verify.running.sweep import CHECKPOINTS, Done, run_cells

SIGMA = "sin(z + pi/4)"


class Square(Cell):
    x: float

    def run(self) -> Numbers:
        if self.x < 0:
            raise ValueError("x must not be negative")
        return {"y": self.x**2, "draw": self.seed("draw")}


def test_key_depends_on_fields_kind_and_code() -> None:
    cell = Square(x=2.0)
    assert cell.key("a") == Square(x=2.0).key("a")
    assert len({cell.key("a"), cell.key("b"), Square(x=3.0).key("a"), Square(x=2.0, base_seed=1).key("a")}) == 4
    assert len(fingerprint()) == 64


def test_seeds_come_from_coordinates() -> None:
    cell = Square(x=2.0)
    assert cell.seed("a") == Square(x=2.0).seed("a") != cell.seed("b")
    assert cell.seed("a") != Square(x=2.0, replicate=1).seed("a")
    assert cell.seed("a", shared=("x",)) == Square(x=5.0).seed("a", shared=("x",))
    assert 0 <= cell.seed("a") < 2**63


def test_cells_are_frozen_and_strict() -> None:
    with pytest.raises(ValidationError):
        Square(x=1.0, y=2.0)
    with pytest.raises(ValidationError):
        Square(x=math.nan)
    with pytest.raises(ValidationError):
        Square(x=1.0).x = 2.0


def test_only_what_is_missing_is_computed(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        run_cells([Square(x=1.0)], store, {})
        seen: list[Done] = []
        results = run_cells([Square(x=1.0), Square(x=2.0), Square(x=2.0)], store, {}, on_done=seen.append)
    assert [(d.cell.x, d.stored) for d in seen] == [(1.0, True), (2.0, False)]
    assert results[Square(x=2.0)].numbers["y"] == 4.0


class Counting(Store):
    """Counts its transactions."""

    transactions = 0

    def together(self) -> AbstractContextManager[None]:
        self.transactions += 1
        return super().together()


class Stopping(Square):
    def run(self) -> Numbers:
        if self.x == 40:
            raise KeyboardInterrupt
        return super().run()


def test_cells_that_end_together_share_a_transaction_which_an_interrupt_does_not_lose(tmp_path: Path) -> None:
    cells = [Stopping(x=float(x)) for x in range(41)]
    with Counting(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            run_cells(cells, store, {})
        assert store.transactions <= 20, "each waits for the disk"
        seen: list[Done] = []
        run_cells(cells[:40], store, {}, on_done=seen.append)
    assert [done.stored for done in seen] == [True] * 40


def test_any_executor_serves(tmp_path: Path) -> None:
    with Store(tmp_path) as store, ThreadPoolExecutor(2) as pool:
        results = run_cells([Square(x=float(i)) for i in range(5)], store, {}, executor=pool)
    assert sorted(d.numbers["y"] for d in results.values()) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("threads", [False, True])
def test_a_failing_cell_is_named_and_the_others_are_kept(tmp_path: Path, threads: bool) -> None:
    with Store(tmp_path) as store:
        with ThreadPoolExecutor(1) as pool, pytest.raises(CellFailed, match=r'"x":-1\.0.*must not be negative'):
            run_cells([Square(x=3.0), Square(x=-1.0)], store, {}, executor=pool if threads else None)
        assert store.find(Square(x=3.0), fingerprint()) is not None
        assert store.find(Square(x=-1.0), fingerprint()) is None


def test_results_do_not_depend_on_workers(tmp_path: Path) -> None:
    cells: list[Cell] = [
        TopBlock(activation=SIGMA, d=4, m=40, k=1, replicate=0),
        KernelMonteCarlo(activation=SIGMA, d=4, max_degree=2, blocks=100, points=16),
        RidgeCurve(
            activation=SIGMA, device="cpu", d=8, m=64, samples=(16, 32), dense=((1, 1.0),), targets=2, ridges=(0.1,)
        ),
        TrainedModels(
            activation=SIGMA,
            device="cpu",
            d=6,
            m=60,
            n=48,
            k=1,
            draws=2,
            steps=30,
            start=0.3,
            candidates=((1.0, 3e-3), (10.0, 3e-3)),
            validation=1,
            arm="joint",
        ),
    ]
    with Store(tmp_path / "a") as one, Store(tmp_path / "b") as two:
        alone = run_cells(cells, one, {}, workers=1)
        together = run_cells(cells, two, {}, workers=2)
    assert {c: d.numbers for c, d in alone.items()} == {c: d.numbers for c, d in together.items()}


def test_unusable_folders(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ValueError, match="cannot keep records there"):
        Store(file)
    with pytest.raises(ValueError, match="run escape-ntk verify"):
        Store(tmp_path / "missing", create=False)
    assert not (tmp_path / "missing").exists()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "records.sqlite").write_text("this is not a database, not at all " * 40)
    with pytest.raises(ValueError, match="cannot keep records there"):
        Store(broken)
    with Store(tmp_path / "empty") as store, pytest.raises(ValueError, match="no run in it"):
        store.run()


class Long(Cell):
    """Keeps what it has done in the folder that it is given."""

    x: float

    def run(self) -> Numbers:
        return {"y": self.x, "began": 0}

    def run_in(self, folder: Path) -> Numbers:
        folder.mkdir(exist_ok=True)
        kept = folder / f"{self.x}"
        numbers = self.run() | {"began": len(kept.read_text()) if kept.exists() else 0}
        kept.write_text("done")
        return numbers


@pytest.mark.parametrize("workers", [1, 2])
def test_long_cells_go_on_from_a_folder_beside_the_records(tmp_path: Path, workers: int) -> None:
    cells = [Long(x=1.0), Long(x=2.0)]
    pool = ThreadPoolExecutor(workers) if workers > 1 else None
    for began in (0, 4):
        (tmp_path / "records.sqlite").unlink(missing_ok=True)
        with Store(tmp_path) as store:
            found = run_cells(cells, store, {}, executor=pool)
        assert [found[cell].numbers["began"] for cell in cells] == [began, began]
    assert sorted(path.name for path in (tmp_path / CHECKPOINTS).iterdir()) == ["1.0", "2.0"]
    assert Long(x=1.0).run()["began"] == 0
