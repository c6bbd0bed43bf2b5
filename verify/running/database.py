"""The file beneath the store: recognised before SQLite touches it, read without a trace, refused with a remedy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

APPLICATION = 0x65736361
"""In the file's header: "esca"."""
SCHEMA, OLDEST = 4, 3
"""Version of the tables, and the oldest that is read; a writer brings it up to date: version 4 added a table. A file of
any other version is refused."""


class StoreError(ValueError):
    """The records cannot be read or kept: the folder, the file or the disk. The message says what would help."""


@contextmanager
def guard(path: Path, what: str) -> Iterator[None]:
    """Whatever goes wrong with the file becomes one sentence with a remedy."""
    try:
        yield
    except StoreError:
        raise
    except (OSError, sqlite3.Error, ValueError, OverflowError, RecursionError) as error:  # the last: a path too deep
        said = " ".join(str(error).split())  # SQLite repeats what a damaged file says of its tables
        raise StoreError(f"{path}: {what} ({said}); {_remedy(error)}") from None


def writer(path: Path, tables: str) -> sqlite3.Connection:
    """A connection that writes; a new file gets the tables, one of an older version those that it lacks."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.text_factory = _text
    # As safe as SQLite's default and eight times as fast; unlike WAL it needs no second file and works on NFS.
    connection.execute("PRAGMA journal_mode=TRUNCATE")
    if not path.stat().st_size:
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA application_id={APPLICATION}; PRAGMA user_version={SCHEMA}; {tables} COMMIT;"
        )
    elif connection.execute("PRAGMA user_version").fetchone() != (SCHEMA,):
        connection.executescript(f"BEGIN IMMEDIATE; {tables} PRAGMA user_version={SCHEMA}; COMMIT;")
    return connection


def reader(path: Path) -> tuple[sqlite3.Connection, tempfile.TemporaryDirectory[str] | None]:
    """A connection that changes nothing; where a writer was killed half-way, its work is undone in a copy.

    Returns:
        The connection, and the folder of the copy.
    """
    try:
        return _connect(path, "ro"), None
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise
    folder = tempfile.TemporaryDirectory(prefix="escape-ntk-")
    try:
        for file in (path, *_leftovers(path)):
            shutil.copyfile(file, Path(folder.name) / file.name)
        return _connect(Path(folder.name) / path.name, "rw"), folder
    except BaseException:
        folder.cleanup()
        raise


def _remedy(error: Exception) -> str:
    text = str(error)
    if "locked" in text:
        return "another escape-ntk verify writes there; wait until it ends, or give another folder with --out"
    if "full" in text or "I/O" in text or "No space" in text:
        return "free some space; what was kept before is safe, and the same command continues"
    if isinstance(error, sqlite3.Error) and not any(word in text for word in ("unable to open", "readonly")):
        return "the file is damaged: move it away, or give another folder with --out"
    return "give a folder that can be read and written with --out"


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """An existing file, "ro" or "rw", once SQLite has read its tables."""
    address = f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=20)
    connection.text_factory = _text
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _text(data: bytes) -> str:
    """Text with whatever a damaged file holds, for the checksum to refuse."""
    return data.decode("utf-8", "surrogateescape")


def _leftovers(path: Path) -> list[Path]:
    """What a killed writer leaves beside the file."""
    beside = [path.with_name(path.name + suffix) for suffix in ("-journal", "-wal")]
    return [file for file in beside if file.exists() and file.stat().st_size]


def recognise(path: Path, empty: bool) -> None:
    """Refuse what is no store of this version, by its first page alone: SQLite would extend a foreign file.

    Args:
        path: of an existing file.
        empty: whether an empty file will do: one to be filled.
    """
    elsewhere = "move it away, or give another folder with --out"
    if not path.is_file():
        raise StoreError(f"{path}: is no file; {elsewhere}")
    with path.open("rb") as file:
        page = file.read(8192)
    if not page and not _leftovers(path):
        if empty:
            return
        raise StoreError(f"{path}: is empty, so no run in it that ended; run escape-ntk verify --out {path.parent}")
    if len(page) < 100 or not page.startswith(b"SQLite format 3\0"):
        raise StoreError(f"{path}: cannot keep records there (no SQLite file, or a damaged one); {elsewhere}")
    version, application = (int.from_bytes(page[at : at + 4], "big") for at in (60, 68))
    first = b"key TEXT PRIMARY KEY, kind TEXT NOT NULL" in page
    if application != APPLICATION and not (application == 0 and first):
        raise StoreError(f"{path}: is the file of another program and is left as it is; {elsewhere}")
    if application == 0 or version < OLDEST:
        raise StoreError(
            f"{path}: was written by an older escape-ntk (schema {version or 1}, here {SCHEMA}); run again with "
            f"another folder for --out"
        )
    if version > SCHEMA:
        raise StoreError(
            f"{path}: was written by a newer escape-ntk (schema {version}, here {SCHEMA}); update escape-ntk, or give "
            f"another folder with --out"
        )


def exists(path: Path) -> bool:
    """Whether it exists, as whatever; what cannot be told may, so that opening it says why."""
    try:
        return path.exists()
    except OSError:
        return True
