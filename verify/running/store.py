"""Records in SQLite: a row for each computed cell, each cell that failed, and each run.

Numbers are JSON text; nothing is pickled. Every row carries a SHA-256 of its other columns. What does not verify, by a
flipped bit or by hand, is as good as not there: it is computed again by a run, and refused by whoever only reads. The
file carries an application id and the version of its schema; a file of another program or version is refused before
SQLite touches it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from verify.running.database import StoreError, exists, guard, reader, recognise, writer
from verify.running.experiment import Cell, Numbers
from verify.running.forms import is_run, is_verdicts, sound
from verify.running.lock import Lock
from verify.running.rows import COLUMNS, TABLES, Failure, RunRow, failure_row, loads, now, record_row, seal

_RECORDS = f"SELECT {', '.join(COLUMNS)} FROM records"  # noqa: S608 (names of our own)
_RECORD = f"{_RECORDS} WHERE key = ?"
_RECORDS += " ORDER BY rowid"
_RUN = "SELECT id, profile, claims, fingerprint, provenance, created, digest FROM runs WHERE id = ?"
_FAILURE = "SELECT key, specification, attempts, reason, trace, fingerprint, provenance, created, digest FROM failures"


class Store:
    """The file records.sqlite of one output folder; a context manager. A second writer is refused.

    Args:
        folder: that holds the file, or shall hold it.
        create: whether to write; when False nothing in the folder is touched, and the folder may be read-only.

    Attributes:
        damaged: how many records did not verify when they were looked up.
        origins: provenance (JSON) of those that did.

    Raises:
        StoreError: the folder cannot be written, another process writes there, or the file is not a store of this
            version.
    """

    def __init__(self, folder: Path, create: bool = True) -> None:
        self.path = folder / "records.sqlite"
        self.damaged = 0
        self.origins: set[str] = set()
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._lock: Lock | None = None
        self._file: tuple[int, int] | None = None
        if create:
            with guard(self.path, "cannot keep records there"):
                folder.mkdir(parents=True, exist_ok=True)
                if self.path.exists():
                    recognise(self.path, empty=True)
                self._lock = Lock(folder)
                try:
                    self._connection = writer(self.path, TABLES)
                    self._file = self._stands()
                except BaseException:
                    self._lock.release()
                    raise
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
        if self._lock is not None:
            self._lock.release()

    def _stands(self) -> tuple[int, int] | None:
        """What file stands under the store's name."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def require(self) -> None:
        """Check that the file is still the one that was opened: SQLite would go on writing into a deleted one.

        Raises:
            StoreError: the folder was deleted, moved or replaced.
        """
        if self._file is not None and self._stands() != self._file:
            raise StoreError(
                f"{self.path}: was deleted or replaced while it was written, and what was computed is gone with it; "
                f"run the same command again"
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Where several writes are one transaction: all are kept, or none.

        Raises:
            StoreError: they cannot be written.
        """
        self.require()
        self._write("BEGIN IMMEDIATE")
        try:
            yield
            self._write("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def find(self, cell: Cell, fingerprint: str, key: str | None = None) -> tuple[Numbers, float] | None:
        """Numbers and seconds of a cell as its present code gives them; None when there are none that verify.

        Args:
            cell: to look up.
            fingerprint: of the libraries, for the key.
            key: the cell's, where it is known already; nothing else decides then.

        Raises:
            StoreError: the file cannot be read.
        """
        key = cell.key(fingerprint) if key is None else key
        row = self._one(_RECORD, key)
        if row is None:
            return None
        known = row[6] in self.origins or isinstance(loads(row[6]), dict)
        if not (known and sound(row)) or row[:3] != (key, type(cell).__name__, cell.specification):
            self.damaged += 1
            return None
        self.origins.add(row[6])
        return loads(row[3]), float(row[4])

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Every record that verifies, in the order of storing, as the row of its :data:`COLUMNS`.

        Raises:
            StoreError: the file cannot be read.
        """
        with guard(self.path, "cannot be read"):
            rows = self._connection.execute(_RECORDS).fetchall()
        good = [row for row in rows if sound(row)]
        self.damaged += len(rows) - len(good)
        yield from good

    def each(self) -> Iterator[tuple[str, str, Numbers, float, str, str]]:
        """As :meth:`rows`: kind, specification, numbers, seconds, code, created."""
        for _, kind, specification, numbers, seconds, code, _, created, _ in self.rows():
            yield kind, specification, loads(numbers), float(seconds), code, created

    def add(
        self,
        cell: Cell,
        fingerprint: str,
        numbers: Numbers,
        seconds: float,
        provenance: dict[str, str],
        key: str | None = None,
    ) -> None:
        """Keep the numbers of a cell; that it failed before is forgotten.

        Raises:
            TypeError: the numbers are no JSON values.
            ValueError: one of them is not finite.
            StoreError: they cannot be written.
        """
        self.require()
        self._put(record_row(cell, fingerprint, numbers, seconds, provenance, key))

    def _put(self, row: Sequence[Any]) -> None:
        self._write("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
        self._write("DELETE FROM failures WHERE key = ?", row[0])

    def add_failure(self, key: str, failure: Failure, fingerprint: str, provenance: dict[str, str]) -> None:
        """Keep that a cell gave no numbers, in place of what was said of it before.

        Raises:
            StoreError: it cannot be written.
        """
        self.require()
        self._put_failure(failure_row(key, failure, fingerprint, provenance))

    def _put_failure(self, row: Sequence[Any]) -> None:
        self._write("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)

    def has(self, key: str) -> bool:
        """Whether there is a record with this key, sound or not."""
        return self._one("SELECT 1 FROM records WHERE key = ?", key) is not None

    def merge(self, rows: Sequence[Sequence[Any]], failures: Sequence[Sequence[Any]]) -> int:
        """Take over rows of another folder, whose checksums were checked; what is there stays.

        Returns:
            How many records are new.

        Raises:
            StoreError: they cannot be written.
        """
        fresh = [row for row in rows if not self.has(row[0])]
        for row in fresh:
            self._put(row)
        for row in failures:
            if not self.has(row[0]):
                self._put_failure(row)
        return len(fresh)

    def failure(self, key: str) -> Failure | None:
        """Why the cell with this key has no numbers; None where nothing is known, or what is does not verify."""
        found = self._failures(" WHERE key = ?", key)
        return found[0] if found else None

    def failures(self) -> list[Failure]:
        """Every cell that failed when it was last tried, by specification; damaged rows are left out."""
        return self._failures(" ORDER BY specification")

    def _failures(self, where: str, *values: str) -> list[Failure]:
        if self._one("SELECT 1 FROM sqlite_master WHERE name = 'failures'") is None:  # written before there were any
            return []
        with guard(self.path, "cannot be read"):
            rows = self._connection.execute(_FAILURE + where, values).fetchall()
        kinds = (str, str, int, str, str, str, str, str, str)
        sound = [row for row in rows if tuple(map(type, row)) == kinds and seal(*row[:-1]) == row[-1]]
        return [Failure(what, tries, why, trace, at) for _, what, tries, why, trace, _, _, at, _ in sound]

    def add_run(self, profile: str, claims: list[str], fingerprint: str, provenance: dict[str, str]) -> int:
        """Note that a run was begun: its profile as JSON, its claims and its code. Returns its number.

        The code is the text of :func:`verify.running.rows.run_code`.
        """
        columns = (profile, json.dumps(claims), fingerprint, json.dumps(provenance), now())
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
        found = loads(text)
        if seal(number, text) != mark or not is_verdicts(found):
            raise self._damage("the verdicts of its newest run")
        return found

    def run(self, number: int | None = None) -> RunRow:
        """A run by its number, or the newest that ended: one that was interrupted does not hide it.

        Raises:
            StoreError: there is none, or it does not verify.
        """
        row = self._one(_RUN, self._ended() if number is None else number)
        if row is None or seal(*row[:-1]) != row[-1] or not is_run(row[:-1]):
            raise self._damage("its newest run")
        found, profile, claims, fingerprint, provenance, created, _ = row
        return RunRow(found, profile, loads(claims), fingerprint, loads(provenance), created)

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
