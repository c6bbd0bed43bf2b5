"""Records in SQLite: one row per computed cell, one per run. Numbers are JSON text; nothing is pickled."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from verify.experiment import Cell, Numbers

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, specification TEXT NOT NULL, numbers TEXT NOT NULL,
    seconds REAL NOT NULL, fingerprint TEXT NOT NULL, provenance TEXT NOT NULL, created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, profile TEXT NOT NULL, claims TEXT NOT NULL, fingerprint TEXT NOT NULL,
    provenance TEXT NOT NULL, created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS said (run INTEGER PRIMARY KEY REFERENCES runs, judgements TEXT NOT NULL);
"""


class Store:
    """The file records.sqlite of one output folder; a context manager. One writer at a time (WAL).

    Raises:
        ValueError: the folder cannot be written, or the file is not a store.
    """

    def __init__(self, folder: Path, create: bool = True) -> None:
        self.path = folder / "records.sqlite"
        if not create and not self.path.is_file():
            raise ValueError(f"{folder}: no records.sqlite there; run escape-ntk verify --out {folder} first")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=60)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise ValueError(
                f"{folder}: cannot keep records there ({error}); give a folder that can be written with --out"
            ) from None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def find(self, cell: Cell, fingerprint: str) -> tuple[Numbers, float] | None:
        """Numbers and seconds of a cell computed by code with this fingerprint, or None."""
        row = self._connection.execute(
            "SELECT numbers, seconds FROM records WHERE key = ?", (cell.key(fingerprint),)
        ).fetchone()
        return None if row is None else (json.loads(row[0]), float(row[1]))

    def add(self, cell: Cell, fingerprint: str, numbers: Numbers, seconds: float, provenance: dict[str, str]) -> None:
        """Keep the numbers of a cell; one transaction."""
        self._connection.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                cell.key(fingerprint),
                type(cell).__name__,
                cell.specification,
                json.dumps(numbers, allow_nan=False),
                seconds,
                fingerprint,
                json.dumps(provenance),
                _now(),
            ),
        )

    def add_run(self, profile: str, claims: list[str], fingerprint: str, provenance: dict[str, str]) -> int:
        """Note that a run was made: its profile as JSON and its claims. Returns its number."""
        cursor = self._connection.execute(
            "INSERT INTO runs (profile, claims, fingerprint, provenance, created) VALUES (?, ?, ?, ?, ?)",
            (profile, json.dumps(claims), fingerprint, json.dumps(provenance), _now()),
        )
        return int(cursor.lastrowid or 0)

    def say(self, number: int, judgements: list[dict[str, Any]]) -> None:
        """Note what a run said, for comparing versions. Never read as truth: verdicts are derived from the records."""
        self._connection.execute("INSERT OR REPLACE INTO said VALUES (?, ?)", (number, json.dumps(judgements)))

    def said(self) -> list[dict[str, Any]]:
        """What the newest run that ended said, claim by claim.

        Raises:
            ValueError: no run ended.
        """
        row = self._connection.execute("SELECT judgements FROM said ORDER BY run DESC LIMIT 1").fetchone()
        if row is None:
            raise ValueError(f"{self.path}: no run in it that ended; run escape-ntk verify first")
        return json.loads(row[0])

    def run(self, number: int | None = None) -> tuple[str, list[str], str, dict[str, str], str]:
        """Profile (JSON), claims, fingerprint, provenance and time of a run, the newest when no number is given.

        Raises:
            ValueError: there is none.
        """
        row = self._connection.execute(
            "SELECT profile, claims, fingerprint, provenance, created FROM runs WHERE id = ? OR ? IS NULL "
            "ORDER BY id DESC LIMIT 1",
            (number, number),
        ).fetchone()
        if row is None:
            raise ValueError(f"{self.path}: no run in it; run escape-ntk verify first")
        return row[0], json.loads(row[1]), row[2], json.loads(row[3]), row[4]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
