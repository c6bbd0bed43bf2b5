"""What the rows of the store hold: the tables, their checksums, and runs and failures as values."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from verify.running.experiment import Cell, Numbers

TABLES = """
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
CREATE TABLE IF NOT EXISTS failures (
    key TEXT PRIMARY KEY, specification TEXT NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL,
    trace TEXT NOT NULL, fingerprint TEXT NOT NULL, provenance TEXT NOT NULL, created TEXT NOT NULL,
    digest TEXT NOT NULL
);
"""

COLUMNS = ("key", "kind", "specification", "numbers", "seconds", "fingerprint", "provenance", "created", "digest")
"""Of the table of records."""


@dataclass(frozen=True)
class Failure:
    """A cell that gave no numbers although it was tried several times.

    Attributes:
        specification: of the cell.
        attempts: how often it was tried.
        reason: why the last of them failed, in a sentence.
        trace: its traceback; empty when the process died or was too slow.
        created: when.
    """

    specification: str
    attempts: int
    reason: str
    trace: str = ""
    created: str = ""

    @property
    def sentence(self) -> str:
        """Cell, attempts and reason in one line."""
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        return f"{self.specification} failed {times}: {' '.join(self.reason.split())}"


@dataclass(frozen=True)
class RunRow:
    """One run: its number, profile (JSON), ids of claims, code (:func:`run_code`), provenance and time."""

    number: int
    profile: str
    claims: list[str]
    fingerprint: str
    provenance: dict[str, str]
    created: str

    @property
    def code(self) -> tuple[str, dict[str, str]]:
        """Fingerprint of the libraries, and the code of the cell classes by module and qualified name."""
        found = loads(self.fingerprint)
        entries = {str(name): str(code) for name, code in found.items()} if isinstance(found, dict) else {}
        return entries.pop("", self.fingerprint), entries

    def repeats(self, other: RunRow) -> bool:
        """Whether both ran the same code at the same sizes and seeds, as far as both have run it."""
        (mine, codes), (theirs, others) = self.code, other.code
        return (self.profile, mine) == (other.profile, theirs) and all(
            codes[name] == others[name] for name in codes.keys() & others.keys()
        )


def run_code(fingerprint: str, codes: Mapping[type[Cell], str]) -> str:
    """What a run keeps of its code, as JSON: the fingerprint under the empty name, the code of each class under its."""
    named = {f"{kind.__module__}.{kind.__qualname__}": code for kind, code in codes.items()}
    return json.dumps({"": fingerprint} | named, sort_keys=True)


def record_row(
    cell: Cell,
    fingerprint: str,
    numbers: Numbers,
    seconds: float,
    provenance: dict[str, str],
    key: str | None = None,
) -> tuple[Any, ...]:
    """The row of a cell's numbers, its checksum last.

    Raises:
        TypeError: the numbers are no JSON values.
        ValueError: one of them is not finite.
    """
    columns = (
        cell.key(fingerprint) if key is None else key,
        type(cell).__name__,
        cell.specification,
        json.dumps(numbers, allow_nan=False),
        float(seconds),
        fingerprint,
        json.dumps(provenance),
        now(),
    )
    return (*columns, seal(*columns))


def failure_row(key: str, failure: Failure, fingerprint: str, provenance: dict[str, str]) -> tuple[Any, ...]:
    """The row of a cell that failed, its checksum last."""
    said = (failure.specification, failure.attempts, plain(failure.reason), plain(failure.trace))
    columns = (key, *said, fingerprint, json.dumps(provenance), now())
    return (*columns, seal(*columns))


def seal(*columns: Any) -> str:
    """SHA-256 of the columns of a row; every float is kept to its last bit."""
    return hashlib.sha256(json.dumps(columns, ensure_ascii=True, default=repr).encode()).hexdigest()


def loads(text: Any) -> Any:
    """JSON; None for what is none, is nested beyond reason, or has a number that is not finite or too long.

    Python reads NaN and Infinity, which JSON lacks, and 1e999 as infinity; no run has written them.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, TypeError, RecursionError):
        return None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text}: is no number")
    return value


def plain(text: str) -> str:
    """Text that SQLite can hold: lone surrogates as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
