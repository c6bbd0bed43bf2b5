"""``escape-ntk export``: each format is written from records, and misuse ends in a sentence with the remedy."""

import json
from pathlib import Path

import pytest

from verify.cli.main import main


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
