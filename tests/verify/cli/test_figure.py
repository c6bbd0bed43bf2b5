"""``escape-ntk figure``: files of every format from stored records, and a sentence for everything that is amiss."""

import errno
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from verify import registry
from verify.cli.main import main


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    assert main(["verify", "--claims", "S2,S4", "--workers", "1", "--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("PNG", b"\x89PNG"), ("pdf", b"%PDF")])
def test_a_figure_of_every_format(records: Path, tmp_path: Path, ending: str, start: bytes, capsys) -> None:
    target = tmp_path / f"mine.{ending}"
    assert main(["figure", "S4", "--out", str(records), "--to", str(target), "--width", "4"]) == 0
    assert target.read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert "figure:" in capsys.readouterr().out


def test_a_narrow_figure_says_nothing_of_its_layout(records: Path, tmp_path: Path, recwarn) -> None:
    assert main(["figure", "S2", "--out", str(records), "--to", str(tmp_path / "a.svg"), "--width", "1"]) == 0
    assert [str(each.message) for each in recwarn if "constrained_layout" in str(each.message)] == []


def test_without_a_name_it_lies_in_this_folder(records: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["figure", "s2", "--out", str(records / "records.sqlite")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["S2.svg"]


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (["X1"], "unknown claim X1"),
        (["S2,S4"], "needs one id"),
        (["S1"], "its newest run does not hold S1; run escape-ntk verify --claims S1"),
        (["S2", "--to", "a.jpg"], "needs a name that ends in .svg, .png, .pdf"),
        (["S2", "--to", "a"], "needs a name that ends in"),
        (["S2", "--to", "nowhere/a.svg"], "there is no folder nowhere"),
        (["S2", "--width", "0"], "needs a width of 1 to 40 inches"),
        (["S2", "--width", "nan"], "needs a width of 1 to 40 inches"),
        (["S2", "--width", "41"], "needs a width of 1 to 40 inches"),
        (["S2", "--to", "folder.svg"], "cannot be written"),
    ],
)
def test_misuse_is_a_sentence(
    records: Path, tmp_path: Path, words: list[str], needle: str, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.svg").mkdir()
    assert main(["figure", *words, "--out", str(records)]) == 2
    error = capsys.readouterr().err
    assert needle in " ".join(error.split())
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


def test_a_folder_that_cannot_be_written(records: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Refused by the system, or for a superuser, who may write everywhere, in its place."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    if os.geteuid() == 0:

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(closed))

        monkeypatch.setattr("verify.files.tempfile.mkstemp", refuse)
    assert main(["figure", "S2", "--out", str(records), "--to", str(closed / "a.svg")]) == 2
    assert "cannot be written (Permission denied)" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("what", ["empty", "missing"])
def test_no_records(tmp_path: Path, what: str, capsys) -> None:
    folder = tmp_path if what == "empty" else tmp_path / "missing"
    assert main(["figure", "S2", "--out", str(folder), "--to", str(tmp_path / "a.svg")]) == 2
    assert re.search("no records.sqlite there; name the folder", " ".join(capsys.readouterr().err.split()))


def test_a_figure_that_fails_is_a_sentence(records: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    def broken(*_: object) -> None:
        raise IndexError("no colour left")

    monkeypatch.setitem(registry.CLAIMS, "S2", replace(registry.CLAIMS["S2"], figure=broken))
    assert main(["figure", "S2", "--out", str(records), "--to", str(tmp_path / "a.svg")]) == 2
    assert "S2: the figure cannot be drawn (IndexError: no colour left)" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
