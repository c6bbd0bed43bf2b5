"""A run as an experiment logbook that Trackio reads: pages of verdicts, and the measurements as runs of a project.

``FOLDER/.trackio`` holds both: in ``logbook/pages`` an index and a page for each claim, which ``trackio logbook
read`` shows, and in ``escape-ntk.db`` the project ``escape-ntk``, which the commands of Trackio read where TRACKIO_DIR
names ``FOLDER/.trackio``. Trackio itself is not needed to write them. Layout: Trackio 0.43, schema 2.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from verify.files import write_whole
from verify.judging.judgement import Judgement
from verify.judging.outcome import Comparison
from verify.judging.shown import CONTROLS, shown
from verify.records import Records, StoredCell
from verify.report.graph import SYMBOLS
from verify.session import Run

PROJECT = "escape-ntk"
LONGEST = 64
"""Entries of a list of numbers that become metrics, ``name/0`` and so on; the config names longer lists."""
TABLES = """
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,
    step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT
);
CREATE TABLE configs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL, config TEXT NOT NULL,
    created_at TEXT NOT NULL, UNIQUE(run_id)
);
"""
Step = tuple[str, dict[str, Any]]
"""When, and the metrics."""


class LogbookError(ValueError):
    """The logbook cannot be written there."""


def write_logbook(run: Run, records: Records, folder: Path) -> Path:
    """Write ``folder``/.trackio; returns its path. What an earlier call wrote there is replaced, page by page.

    Args:
        run: whose verdicts are told.
        records: whose measurements are told, a run of Trackio for each kind of cell.
        folder: exists, or is made.

    Raises:
        LogbookError: there is a logbook that this function did not write, or the folder cannot be written.
    """
    home = folder / ".trackio"
    pages = home / "logbook" / "pages"
    if (pages / "index.md").exists() and _heading(run) not in (pages / "index.md").read_text(encoding="utf-8"):
        raise LogbookError(f"{home}: holds a logbook of something else; name another folder with --to")
    try:
        for judgement in run.judgements:
            _write(pages / judgement.claim.id.lower() / "page.md", _page(judgement, run.created))
        _write(pages / "index.md", _index(run))
        _write(home / "metadata.json", json.dumps({"created_at": run.created, "emoji": "🎯"}))
        write_whole(home / f"{PROJECT}.db", _database(run, records))
    except OSError as error:
        raise LogbookError(f"{home}: cannot be written ({error.strerror}); name another folder with --to") from None
    return home


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode("utf-8", "replace"))


def _heading(run: Run) -> str:
    return f"# Claims of escape-ntk, profile {run.profile.name}"


def _index(run: Run) -> str:
    """The page that lists the others, with their verdicts."""
    settings = f"Activations {', '.join(run.profile.activations)}; base seed {run.profile.base_seed}; {run.created}."
    origin = "; ".join(f"{name} {version}" for name, version in run.provenance.items())
    rows = [
        (f"[{j.claim.id} {_cell(j.claim.title)}](#/{j.claim.id.lower()})", _status(j), _grade(j))
        for j in run.judgements
    ]
    table = _table(("Page", "Status", "Grade"), rows)
    return (
        "\n\n".join(
            [_heading(run), settings, "## Pages", table, _block("provenance", "Provenance", origin, run.created)]
        )
        + "\n"
    )


def _page(judgement: Judgement, created: str) -> str:
    """Statement, verdict, comparisons and controls of a claim, each a cell of the logbook."""
    claim = judgement.claim
    builds = f" Builds on {', '.join(claim.depends_on)}." if claim.depends_on else ""
    stated = f"$${claim.statement}$$\n\n{claim.why}\n\nSource: {claim.source}.{builds} Refuted by: {claim.refuted_by}"
    reasons = "".join(f"\n\n{reason}." for reason in judgement.reasons)
    found = f"**{_status(judgement)}**, grade {_grade(judgement)}. {judgement.outcome.explanation}{reasons}"
    controls = _table(
        ("Planted error", "Control"), [(_cell(c.planted), CONTROLS[c.verdict]) for c in judgement.controls]
    )
    head = ("Quantity", "Verdict", "Admitted", "Measured", "Interval", "Grade")
    compared = _table(head, [_row(c) for c in judgement.outcome.comparisons])
    cells = (("Statement", stated), ("Verdict", found), ("Comparisons", compared), ("Controls", controls))
    blocks = [_block(f"{claim.id} {title}", title, body, created) for title, body in cells]
    return "\n\n".join([f"# {claim.id} {claim.title}", *blocks]) + "\n"


def _row(c: Comparison) -> tuple[str, ...]:
    text = shown(c)
    return _cell(c.label), str(c.verdict), text.admitted, text.measured, text.interval, str(c.grade)


def _status(judgement: Judgement) -> str:
    return f"{SYMBOLS[str(judgement.verdict)]} {judgement.verdict}"


def _grade(judgement: Judgement) -> str:
    return "none" if judgement.grade is None else str(judgement.grade)


def _block(key: str, title: str, body: str, created: str) -> str:
    """A cell of a page: a rule, the cell's properties in a comment, and Markdown."""
    number = hashlib.sha256(key.encode()).hexdigest()[:12]
    properties = {"type": "markdown", "id": f"cell_{number}", "created_at": created, "title": title}
    return f"---\n<!-- trackio-cell\n{json.dumps(properties)}\n-->\n{body}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _cell(text: str) -> str:
    """Text within a table: without line feeds, its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def _database(run: Run, records: Records) -> bytes:
    """The SQLite file: a run for each claim, with a step for each comparison, and one for each kind of cell."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        for name, config, created, steps in [*_verdicts(run), *_measurements(records)]:
            number = hashlib.sha256(name.encode()).hexdigest()[:32]
            row = (number, name, json.dumps(config), created)
            connection.execute("INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)", row)
            connection.executemany(
                "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)",
                [(number, when, name, step, json.dumps(metrics)) for step, (when, metrics) in enumerate(steps)],
            )
        connection.commit()
        return connection.serialize()


def _verdicts(run: Run) -> Iterator[tuple[str, dict[str, Any], str, list[Step]]]:
    for j in run.judgements:
        config = {
            "title": j.claim.title,
            "statement": j.claim.statement,
            "source": j.claim.source,
            "depends_on": list(j.claim.depends_on),
            "verdict": str(j.verdict),
            "grade": _grade(j),
            "control": CONTROLS[j.control],
            "profile": run.profile.name,
            "base_seed": run.profile.base_seed,
            "comparisons": [c.label for c in j.outcome.comparisons],
            **run.provenance,
        }
        yield j.claim.id, config, run.created, [(run.created, _compared(c)) for c in j.outcome.comparisons]


def _compared(c: Comparison) -> dict[str, Any]:
    numbers = {
        "predicted": c.predicted,
        "measured": c.measured.value,
        "lower": c.measured.lower,
        "upper": c.measured.upper,
        "margin": c.margin,
    }
    return {name: value for name, value in numbers.items() if math.isfinite(value)} | {"verdict": str(c.verdict)}


def _measurements(records: Records) -> Iterator[tuple[str, dict[str, Any], str, list[Step]]]:
    for kind in records.kinds:
        cells, varying = records.of(kind), records.varying(kind)
        config: dict[str, Any] = {name: value for name, value in cells[0].fields.items() if name not in varying}
        long = [
            name for name, value in cells[0].numbers.items() if isinstance(value, list) and len(_flat(value)) > LONGEST
        ]
        if long:
            config["lists_left_out"] = long
        steps = [(cell.created, _measured(cell, varying)) for cell in cells]
        yield f"cells {kind}", config, cells[0].created, steps


def _measured(cell: StoredCell, varying: Sequence[str]) -> dict[str, Any]:
    """The fields that vary, the seconds, and the numbers, lists taken apart."""
    own: dict[str, Any] = {f"field {name}": cell.fields[name] for name in varying} | {"seconds": cell.seconds}
    return {name: _plain(value) for name, value in {**own, **_numbers(cell.numbers)}.items() if _known(value)}


def _numbers(numbers: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in numbers.items():
        if isinstance(value, list):
            flat = _flat(value)
            if len(flat) <= LONGEST:
                found |= {f"{name}/{i}": entry for i, entry in enumerate(flat)}
        else:
            found[name] = value
    return found


def _known(value: Any) -> bool:
    """Whether a value can be a metric: neither missing nor infinite."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _plain(value: Any) -> int | float | str:
    """A number or a text; anything else as JSON."""
    return value if isinstance(value, int | float | str) else json.dumps(value)


def _flat(value: list[Any]) -> list[Any]:
    return [entry for part in value for entry in (_flat(part) if isinstance(part, list) else [part])]
