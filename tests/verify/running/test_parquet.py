"""Parquet gives the answers of SQLite."""

import errno
import json
import sqlite3
import sys
from pathlib import Path

import pytest

from verify.running import parquet
from verify.running.database import StoreError
from verify.running.experiment import Cell, Numbers
from verify.running.rows import COLUMNS
from verify.running.store import Store
from verify.running.sweep import keys_of, run_cells


class Draw(Cell):
    """Numbers whose last bits would show a detour by text."""

    x: float

    def run(self) -> Numbers:
        return {"y": [self.x / 7, 1e300, -0.0, self.x + 2**-52], "text": "[0.5 +/- 1e-20] é"}


CELLS = [Draw(x=i / 3) for i in range(30)]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    pytest.importorskip("polars", reason="needs the extra parquet")
    with Store(tmp_path) as store:
        run_cells(CELLS[:20], store, {"device": "cpu"})
    return tmp_path


def write(folder: Path) -> int:
    with Store(folder, create=False) as store:
        return parquet.export(store, folder / "parquet")


def test_the_answers_are_those_of_sqlite(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 8)
    assert write(records) == 20
    keys = keys_of(CELLS)
    with Store(records, create=False) as store:
        expected = {cell: found for cell, key in keys.items() if (found := store.find(cell, "", key)) is not None}
        assert len(expected) == 20
        found = parquet.ParquetRecords(records / "parquet").find(keys)
        assert json.dumps([found[cell] for cell in expected]) == json.dumps(list(expected.values()))
        assert sorted(parquet.ParquetRecords(records / "parquet").rows()) == sorted(store.rows())


def test_shards_are_never_written_again(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 8)
    write(records)
    before = {path: path.read_bytes() for path in (records / "parquet").iterdir()}
    assert [path.suffix for path in before] == [".parquet"] * 3
    assert write(records) == 0
    with Store(records) as store:
        run_cells(CELLS, store, {})
    assert write(records) == 10
    after = {path: path.read_bytes() for path in (records / "parquet").iterdir()}
    assert before.items() <= after.items()
    assert len(after) == 5
    assert len(parquet.ParquetRecords(records / "parquet").find(keys_of(CELLS))) == 30


def test_what_was_altered_is_not_served(records: Path) -> None:
    polars = pytest.importorskip("polars")
    with sqlite3.connect(records / "records.sqlite") as connection:
        connection.execute("UPDATE records SET numbers = '{}' WHERE rowid = 1")
    connection.close()
    assert write(records) == 19, "what SQLite refuses is not exported"
    (path,) = (records / "parquet").glob("*.parquet")
    table = polars.read_parquet(path)
    assert tuple(table.columns) == COLUMNS
    table.with_columns(numbers=polars.lit('{"y": 0.0}')).write_parquet(path)
    found = parquet.ParquetRecords(records / "parquet")
    assert found.find(keys_of(CELLS)) == {}
    assert list(found.rows()) == []
    assert write(records) == 19, "another shard holds what this one has lost"
    assert len(parquet.ParquetRecords(records / "parquet").find(keys_of(CELLS))) == 19
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(StoreError, match="cannot be read"):
        list(parquet.ParquetRecords(records / "parquet").rows())


def test_a_full_disk_is_one_sentence(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match=r"No space left on device.*; free some space"):
        write(records)
    assert list((records / "parquet").iterdir()) == []


def test_what_is_missing_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"pip install 'escape-ntk\[parquet\]'"):
        parquet.ParquetRecords(tmp_path)
    monkeypatch.undo()
    pytest.importorskip("polars")
    with pytest.raises(StoreError, match="no such folder"):
        parquet.ParquetRecords(tmp_path / "nothing")
