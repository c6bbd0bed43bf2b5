"""The logbook has the layout that Trackio 0.43 reads; tried with Trackio itself, which is not needed here."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from verify.records import load
from verify.registry import CLAIMS
from verify.report.logbook import LogbookError, write_logbook
from verify.session import Run, verify
from verify.sizes.profile import QUICK

CELL = re.compile(r"(?:^|\n)---\n<!-- trackio-cell\n([\s\S]*?)\n-->\n([\s\S]*?)(?=\n---\n<!-- trackio-cell\n|\s*$)")
"""Trackio's own expression."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("records")
    return verify([CLAIMS["S3"], CLAIMS["S2"]], QUICK, folder), folder


@pytest.fixture(scope="module")
def home(run: tuple[Run, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_logbook(run[0], load(run[1]), tmp_path_factory.mktemp("logbook"))


def test_pages_are_linked_from_the_index_and_made_of_cells(home: Path, run: tuple[Run, Path]) -> None:
    pages = home / "logbook" / "pages"
    index = (pages / "index.md").read_text()
    slugs = re.findall(r"\(#/([A-Za-z0-9._-]+)\)", index)
    assert slugs == ["s3", "s2"]
    assert index.splitlines()[0].startswith("# ")
    for slug, judgement in zip(slugs, run[0].judgements, strict=True):
        text = (pages / slug / "page.md").read_text()
        assert text.startswith(f"# {judgement.claim.id} ")
        cells = [(json.loads(raw), body) for raw, body in CELL.findall(text)]
        assert [cell["title"] for cell, _ in cells] == ["Statement", "Verdict", "Comparisons", "Controls"]
        assert len({cell["id"] for cell, _ in cells}) == 4
        assert str(judgement.verdict) in cells[1][1]
        rows = [line for line in cells[2][1].splitlines() if line.startswith("|")]
        assert len(rows) == 2 + len(judgement.outcome.comparisons)
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_project_has_a_run_for_each_claim_and_each_kind_of_cell(home: Path, run: tuple[Run, Path]) -> None:
    records = load(run[1])
    with closing(sqlite3.connect(home / "escape-ntk.db")) as database:
        configs = dict(database.execute("SELECT run_name, config FROM configs"))
        steps = dict(database.execute("SELECT run_name, COUNT(DISTINCT step) FROM metrics GROUP BY run_name"))
        (first,) = database.execute("SELECT metrics FROM metrics WHERE run_name = 'S2' AND step = 0").fetchone()
        ids = database.execute("SELECT COUNT(DISTINCT run_id), COUNT(DISTINCT run_name) FROM metrics").fetchone()
    assert set(configs) == {"S3", "S2", *(f"cells {kind}" for kind in records.kinds)}
    assert json.loads(configs["S2"])["verdict"] == "HOLDS"
    assert ids == (len(configs), len(configs))
    for judgement in run[0].judgements:
        assert steps[judgement.claim.id] == len(judgement.outcome.comparisons)
    for kind, count in records.kinds.items():
        assert steps[f"cells {kind}"] == count
    comparison = run[0].judgements[1].outcome.comparisons[0]
    assert json.loads(first)["measured"] == comparison.measured.value


def test_metrics_are_finite_numbers_or_texts(home: Path) -> None:
    with closing(sqlite3.connect(home / "escape-ntk.db")) as database:
        for (text,) in database.execute("SELECT metrics FROM metrics"):
            metrics = json.loads(text, parse_constant=pytest.fail)
            assert all(isinstance(value, int | float | str) for value in metrics.values())


def test_a_second_call_replaces_the_first_and_another_logbook_is_left_alone(
    home: Path, run: tuple[Run, Path], tmp_path: Path
) -> None:
    before = (home / "escape-ntk.db").read_bytes()
    assert write_logbook(run[0], load(run[1]), home.parent) == home
    assert (home / "escape-ntk.db").read_bytes() == before
    other = tmp_path / ".trackio" / "logbook" / "pages" / "index.md"
    other.parent.mkdir(parents=True)
    other.write_text("# My experiment\n")
    with pytest.raises(LogbookError, match="logbook of something else"):
        write_logbook(run[0], load(run[1]), tmp_path)
    assert other.read_text() == "# My experiment\n"
