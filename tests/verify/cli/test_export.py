"""``escape-ntk export``: each format is written from records, and misuse ends in a sentence with the remedy."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from verify.cli.main import main
from verify.records import load


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    assert main(["verify", "--claims", "S3", "--workers", "1", "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(("name", "start"), [("c.html", "<!doctype"), ("c.dot", "digraph"), ("c.json", "{")])
def test_graph(out: Path, tmp_path: Path, name: str, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "graph", "--out", str(out), "--to", str(tmp_path / name)]) == 0
    assert capsys.readouterr().out == f"graph: {tmp_path / name}\n"
    assert (tmp_path / name).read_text().startswith(start)


def test_without_records_nothing_is_judged(tmp_path: Path) -> None:
    target = tmp_path / "c.json"
    assert main(["export", "graph", "--out", str(tmp_path / "none"), "--to", str(target)]) == 0
    assert {entry["status"] for entry in json.loads(target.read_text())["claims"]} == {"not judged"}


def test_with_records_the_claims_of_the_run_are(out: Path, tmp_path: Path) -> None:
    target = tmp_path / "c.json"
    assert main(["export", "graph", "--out", str(out), "--to", str(target)]) == 0
    judged = [e["id"] for e in json.loads(target.read_text())["claims"] if e["status"] == "HOLDS"]
    assert judged == ["S3"]


def test_logbook(out: Path, tmp_path: Path) -> None:
    assert main(["export", "logbook", "--out", str(out), "--to", str(tmp_path / "book")]) == 0
    assert (tmp_path / "book" / ".trackio" / "logbook" / "pages" / "s3" / "page.md").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["graph", "--to", "claims.svg"], "ends in .html, .dot, .json"),
        (["graph", "--to", "no/such/folder.html"], "there is no folder no/such"),
        (["logbook", "--out", "no-records"], "no records.sqlite there"),
        (["ledger"], "see escape-ntk --help"),
    ],
)
def test_misuse(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *words]) == 2
    assert sentence in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


RECORDS = ["verify", "--claims", "T2", "--workers", "1", "--activation", "tanh(z + 1)", "--seed", "0"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the cells of T2."""
    folder = tmp_path_factory.mktemp("measured")
    assert main([*RECORDS, "--out", str(folder)]) in (0, 1, 3)
    return folder


def test_records_as_a_table(measured: Path, tmp_path: Path) -> None:
    """Every number in the file is the number in the records, bit by bit; lists are JSON."""
    found = load(measured)
    every, kind = tmp_path / "all.csv", found.cells[0].kind
    assert main(["export", "records", "--out", str(measured), "--to", str(every)]) == 0
    rows = list(csv.DictReader(every.read_text().splitlines()))
    assert [json.loads(row["numbers"]) for row in rows] == [cell.numbers for cell in found.cells]
    assert [json.loads(row["fields"]) for row in rows] == [cell.fields for cell in found.cells]
    one = tmp_path / "one.csv"
    assert main(["export", "records", "--out", str(measured), "--to", str(one), "--kind", kind]) == 0
    for row, cell in zip(csv.DictReader(one.read_text().splitlines()), found.of(kind), strict=True):
        assert int(row["replicate"]) == cell.fields["replicate"]
        for name, value in cell.numbers.items():
            assert (json.loads(row[name]) if isinstance(value, list) else type(value)(row[name])) == value
    assert sorted(tmp_path.iterdir()) == [every, one]


def test_records_as_a_grid(measured: Path, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    to, kind = tmp_path / "grid.nc", load(measured).cells[0].kind
    dims = load(measured).varying(kind)
    words = ["export", "records", "--out", str(measured), "--to", str(to), "--kind", kind, "--dims", ",".join(dims)]
    assert main(words) == 0
    with xarray.open_dataset(to, engine="scipy") as grid:
        expected = load(measured).to_xarray(kind, dims)
        for name in expected.data_vars:
            if expected[name].dtype == float:
                np.testing.assert_array_equal(grid[name].values, expected[name].values)


def test_records_as_parquet(measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("polars")
    words = ["export", "records", "--out", str(measured), "--to", str(tmp_path / "shards")]
    assert main(words) == 0
    assert f"records: {len(load(measured).cells)} new" in capsys.readouterr().out
    assert main(words) == 0
    assert "records: 0 new" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "x.parquet"], "ends in .csv or .nc, or the name of a folder"),
        (["--to", "none/x.csv"], "there is no folder none"),
        (["--kind", "GramSpectrun"], "kind='GramSpectrun': needs one of"),
        (["--to", "x.csv", "--dims", "d"], "dimensions are those of a grid"),
        (["--to", "x", "--kind", "TermSizes"], "leave --kind out"),
    ],
)
def test_records_that_cannot_be_written(
    words: list[str], said: str, measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "records", "--out", str(measured), *words]) == 2
    assert said in capsys.readouterr().err
