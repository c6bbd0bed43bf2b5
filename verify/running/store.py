"""Records in SQLite: one row per computed cell, one per run. Numbers are JSON text; nothing is pickled.

Every row carries a SHA-256 of its other columns. What does not verify, by a flipped bit or by hand, is as good as not
there: it is computed again by a run, and refused by whoever only reads. The file carries an application id and the
version of its schema; a file of another program or version is refused before SQLite touches it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from verify.running.database import StoreError, exists, guard, reader, recognise, writer
from verify.running.experiment import Cell, Numbers

_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, specification TEXT NOT NULL, numbers TEXT NOT NULL,
    seconds REAL NOT NULL, fingerprint TEXT NOT NULL, provenance TEXT NOT NULL, created TEXT NOT NULL,
    digest TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, profile TEXT NOT NULL, claims TEXT NOT NULL, fingerprint TEXT NOT NULL,
    provenance TEXT NOT NULL, created TEXT NOT NULL, digest TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS verdicts (run INTEGER PRIMARY KEY, judgements TEXT NOT NULL, digest TEXT NOT NULL);
"""

_RECORDS = "SELECT key, kind, specification, numbers, seconds, fingerprint, provenance, created, digest FROM records"
_RECORD = f"{_RECORDS} WHERE key = ?"
_RECORDS += " ORDER BY rowid"
_RUN = "SELECT id, profile, claims, fingerprint, provenance, created, digest FROM runs WHERE id = ?"


@dataclass(frozen=True)
class RunRow:
    """One run: its number, profile (JSON), ids of claims, fingerprint, provenance and time."""

    number: int
    profile: str
    claims: list[str]
    fingerprint: str
    provenance: dict[str, str]
    created: str


def seal(*columns: Any) -> str:
    """SHA-256 of the columns of a row; every float is kept to its last bit."""
    return hashlib.sha256(json.dumps(columns, ensure_ascii=True, default=repr).encode()).hexdigest()


class Store:
    """The file records.sqlite of one output folder; a context manager. One writer at a time.

    Args:
        folder: that holds the file, or shall hold it.
        create: whether to write; when False nothing in the folder is touched, and the folder may be read-only.

    Attributes:
        damaged: how many records did not verify when they were looked up.
        origins: provenance (JSON) of those that did.

    Raises:
        StoreError: the folder cannot be written, or the file is not a store of this version.
    """

    def __init__(self, folder: Path, create: bool = True) -> None:
        self.path = folder / "records.sqlite"
        self.damaged = 0
        self.origins: set[str] = set()
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        if create:
            with guard(self.path, "cannot keep records there"):
                folder.mkdir(parents=True, exist_ok=True)
                if self.path.exists():
                    recognise(self.path, empty=True)
                self._connection = writer(self.path, _TABLES)
        else:
            if not exists(self.path):
                raise StoreError(f"{folder}: no records.sqlite there; run escape-ntk verify --out {folder} first")
            with guard(self.path, "cannot be read"):
                recognise(self.path, empty=False)
                self._connection, self._copy = reader(self.path)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA journal_mode=DELETE")
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()

    def find(self, cell: Cell, fingerprint: str, key: str | None = None) -> tuple[Numbers, float] | None:
        """Numbers and seconds of a cell computed by code with this fingerprint; None when there are none that verify.

        Args:
            cell: to look up.
            fingerprint: of the package and the libraries.
            key: the cell's, where it is known already.

        Raises:
            StoreError: the file cannot be read.
        """
        key = cell.key(fingerprint) if key is None else key
        row = self._one(_RECORD, key)
        if row is None:
            return None
        *columns, mark = row
        expected = [key, type(cell).__name__, cell.specification, fingerprint]
        numbers = _loads(columns[3])
        sound = seal(*columns) == mark and [*columns[:3], columns[5]] == expected and isinstance(numbers, dict)
        if not sound:
            self.damaged += 1
            return None
        self.origins.add(columns[6])
        return numbers, float(columns[4])

    def each(self) -> Iterator[tuple[str, str, Numbers, float, str, str]]:
        """Every record that verifies, in the order of storing: kind, specification, numbers, seconds, code, created.

        Raises:
            StoreError: the file cannot be read.
        """
        with guard(self.path, "cannot be read"):
            rows = self._connection.execute(_RECORDS).fetchall()
        for *columns, mark in rows:
            numbers = _loads(columns[3])
            if seal(*columns) != mark or not isinstance(numbers, dict):
                self.damaged += 1
                continue
            yield columns[1], columns[2], numbers, float(columns[4]), columns[5], columns[7]

    def add(
        self,
        cell: Cell,
        fingerprint: str,
        numbers: Numbers,
        seconds: float,
        provenance: dict[str, str],
        key: str | None = None,
    ) -> None:
        """Keep the numbers of a cell; one transaction.

        Raises:
            TypeError: the numbers are no JSON values.
            ValueError: one of them is not finite.
            StoreError: they cannot be written.
        """
        columns = (
            cell.key(fingerprint) if key is None else key,
            type(cell).__name__,
            cell.specification,
            json.dumps(numbers, allow_nan=False),
            float(seconds),
            fingerprint,
            json.dumps(provenance),
            _now(),
        )
        self._write("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *columns, seal(*columns))

    def add_run(self, profile: str, claims: list[str], fingerprint: str, provenance: dict[str, str]) -> int:
        """Note that a run was begun: its profile as JSON and its claims. Returns its number."""
        columns = (profile, json.dumps(claims), fingerprint, json.dumps(provenance), _now())
        top = self._one("SELECT max(id) FROM runs")
        number = (top[0] if top is not None and isinstance(top[0], int) else 0) + 1
        self._write("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", number, *columns, seal(number, *columns))
        return number

    def keep_verdicts(
        self, number: int, judgements: list[dict[str, Any]], machines: Sequence[dict[str, str]] = ()
    ) -> None:
        """Keep the verdicts of a run that ended, for comparing versions. Never read as truth: verdicts are derived.

        Args:
            number: of the run.
            judgements: claim by claim.
            machines: on which its records were computed (see :mod:`verify.running.machine`).
        """
        text = json.dumps({"judgements": judgements, "machines": list(machines)})
        self._write("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", number, text, seal(number, text))

    def verdicts(self) -> list[dict[str, Any]]:
        """The verdicts of the newest run that ended, claim by claim.

        Raises:
            StoreError: no run ended, or it does not verify.
        """
        return self._said()["judgements"]

    def machines(self) -> list[dict[str, str]]:
        """On which machines the records of the newest run that ended were computed."""
        return self._said()["machines"]

    def _said(self) -> dict[str, Any]:
        number = self._ended()
        text, mark = self._one("SELECT judgements, digest FROM verdicts WHERE run = ?", number) or ("", "")
        found = _loads(text)
        if seal(number, text) != mark or not isinstance(found, dict):
            raise self._damage("the verdicts of its newest run")
        return found

    def run(self, number: int | None = None) -> RunRow:
        """A run by its number, or the newest that ended: one that was interrupted does not hide it.

        Raises:
            StoreError: there is none, or it does not verify.
        """
        row = self._one(_RUN, self._ended() if number is None else number)
        if row is None or seal(*row[:-1]) != row[-1]:
            raise self._damage("its newest run")
        found, profile, claims, fingerprint, provenance, created, _ = row
        return RunRow(found, profile, _loads(claims), fingerprint, _loads(provenance), created)

    def _ended(self) -> Any:
        """Number of the newest run that ended."""
        row = self._one("SELECT max(run) FROM verdicts")
        if row is None or row[0] is None:
            raise StoreError(
                f"{self.path}: no run in it that ended; complete one with escape-ntk verify --out {self.path.parent}"
            )
        return row[0]

    def _damage(self, what: str) -> StoreError:
        return StoreError(
            f"{self.path}: {what} does not match its checksum, so the file was altered or damaged; run escape-ntk "
            f"verify --out {self.path.parent} again, which computes anew what does not verify"
        )

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with guard(self.path, "cannot be read"):
            return self._connection.execute(query, values).fetchone()

    def _write(self, query: str, *values: Any) -> None:
        with guard(self.path, "cannot keep records there"):
            self._connection.execute(query, values)


def _loads(text: Any) -> Any:
    """JSON; None for what is none, nested beyond reason, or holds integers of thousands of digits."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
