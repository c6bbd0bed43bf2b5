"""Rows that somebody else has sealed: what no run writes is damage, and never a number or a verdict."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import verify
from verify.running.database import StoreError
from verify.running.experiment import Cell
from verify.running.rows import Failure, loads, seal
from verify.running.store import Store


class Risk(Cell):
    d: int = 8


KEY = Risk().key("f")
ENTRY = {
    "id": "S1",
    "verdict": "HOLDS",
    "prediction": {"a": 1.0},
    "estimate": {"a": {"value": 1.0, "lower": 0.5, "upper": None}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store(tmp_path) as store:
        number = store.add_run("{}", ["S1"], "f", {"device": "cpu"})
        store.add(Risk(), "f", {"risk": 0.5}, 0.1, {"device": "cpu"})
        store.add_failure("k", Failure("Risk", 2, "died"), "f", {})
        store.keep_verdicts(number, [ENTRY], [{"device": "cpu"}])
    return tmp_path


def forge(folder: Path, table: str, column: str, value: Any) -> None:
    """Put a value in and seal the rows anew."""
    with sqlite3.connect(folder / "records.sqlite") as connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608
        rows = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()  # noqa: S608
        for row, *columns, _ in rows:
            connection.execute(f"UPDATE {table} SET digest = ? WHERE rowid = ?", (seal(*columns), row))  # noqa: S608
    connection.close()


def test_what_a_run_wrote_is_read(folder: Path) -> None:
    forge(folder, "records", "numbers", '{"risk": 0.75}')  # sealed anew and of the right form: nothing tells
    with Store(folder, create=False) as store:
        assert store.find(Risk(), "f", KEY) == ({"risk": 0.75}, 0.1)
        assert (store.verdicts(), store.run().claims, len(store.failures())) == ([ENTRY], ["S1"], 1)


@pytest.mark.parametrize("text", ['{"y": NaN}', '{"y": -Infinity}', '{"y": 1e999}', '{"y": [-1e400]}', "9" * 5000])
def test_numbers_that_are_none(text: str, folder: Path) -> None:
    assert loads(text) is None
    forge(folder, "records", "numbers", text)
    with Store(folder, create=False) as store:
        assert store.find(Risk(), "f", KEY) is None
        assert store.damaged == 1
    assert verify.load(folder).damaged == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("numbers", "[]"),
        ("specification", "5"),
        ("specification", '{"kind": "Risk"}'),
        ("specification", '{"kind": "Other", "fields": {}}'),
        ("specification", '{"kind": "Risk", "fields": 3}'),
        ("seconds", "soon"),
        ("seconds", b"1"),
        ("seconds", -1.0),
        ("seconds", float("inf")),
        ("created", b"today"),
        ("kind", b"Risk"),
    ],
)
def test_records_of_another_form_are_damaged(column: str, value: Any, folder: Path) -> None:
    forge(folder, "records", column, value)
    records = verify.load(folder)
    assert (records.kinds, records.damaged) == ({}, 1)
    with Store(folder, create=False) as store:
        assert store.find(Risk(), "f", KEY) is None


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("runs", "claims", "3"),
        ("runs", "claims", "[1]"),
        ("runs", "claims", "nonsense"),
        ("runs", "profile", b"{}"),
        ("runs", "provenance", '{"device": 1}'),
        ("verdicts", "judgements", '{"risk": 1}'),
        ("verdicts", "judgements", '{"judgements": [3], "machines": []}'),
        ("verdicts", "judgements", '{"judgements": [], "machines": [{"device": null}]}'),
        ("verdicts", "judgements", json.dumps({"judgements": [ENTRY | {"estimate": {"a": 1}}], "machines": []})),
        ("verdicts", "judgements", json.dumps({"judgements": [ENTRY | {"prediction": {"a": "1"}}], "machines": []})),
        ("verdicts", "judgements", json.dumps({"judgements": [ENTRY | {"prediction": {}}], "machines": []})),
    ],
)
def test_runs_and_verdicts_of_another_form_are_refused(table: str, column: str, value: Any, folder: Path) -> None:
    forge(folder, table, column, value)
    with Store(folder, create=False) as store:
        look = store.run if table == "runs" else store.verdicts
        with pytest.raises(StoreError, match=r"records\.sqlite: .*damaged"):
            look()


def test_failures_of_another_form_are_left_out(folder: Path) -> None:
    forge(folder, "failures", "reason", b"died")
    with Store(folder, create=False) as store:
        assert store.failures() == []


def test_what_sqlite_repeats_of_a_damaged_file_stays_in_one_line(folder: Path) -> None:
    path = folder / "records.sqlite"
    content = path.read_bytes()
    at = content.index(b"reason TEXT NOT NULL")
    path.write_bytes(content[:at] + b"(((" + content[at + 3 :])
    with pytest.raises(StoreError) as refused:
        verify.load(folder)
    assert "\n" not in str(refused.value)
