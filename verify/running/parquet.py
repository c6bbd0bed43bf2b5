"""Records as Parquet: immutable files, for more records than SQLite should hold and for other tools.

A shard holds up to :data:`ROWS` rows of the table ``records``, checksums included, sorted by key, and is named by the
SHA-256 of those checksums; it appears whole or not at all, and is never written again. Polars (extra ``parquet``) reads
all shards of a folder as one table. The answers are those of :class:`verify.running.store.Store`: a row that does not
match its checksum is as good as not there.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from verify.running.database import StoreError, guard
from verify.running.experiment import Cell, Numbers
from verify.running.forms import sound
from verify.running.rows import COLUMNS, loads
from verify.running.store import Store

ROWS = 100_000
"""Records in a shard at most."""


def export(store: Store, folder: Path) -> int:
    """Write the records that ``folder`` lacks, or has damaged, as further shards; what is there stays untouched.

    Args:
        store: the records.
        folder: of the shards; it need not be there.

    Returns:
        How many records are new.

    Raises:
        StoreError: the records cannot be read or the shards not be written.
        ImportError: Polars is not installed; with the command that installs it.
    """
    polars = _polars()
    there = {row[0] for row in ParquetRecords(folder).rows()} if folder.is_dir() else set()
    fresh = sorted(row for row in store.rows() if row[0] not in there)
    with guard(folder, "cannot keep records there"):
        folder.mkdir(parents=True, exist_ok=True)
        for first in range(0, len(fresh), ROWS):
            rows = fresh[first : first + ROWS]
            name = hashlib.sha256("\n".join(row[-1] for row in rows).encode()).hexdigest()[:32]
            part = folder / f".{name}.{os.getpid()}.part"
            kinds = {column: polars.Float64 if column == "seconds" else polars.String for column in COLUMNS}
            try:
                buffer = io.BytesIO()  # Polars says of a full disk that the file is out of specification
                polars.DataFrame(rows, schema=kinds, orient="row").write_parquet(buffer, row_group_size=10_000)
                part.write_bytes(buffer.getvalue())
                os.replace(part, folder / f"{name}.parquet")
            finally:
                part.unlink(missing_ok=True)
    return len(fresh)


class ParquetRecords:
    """The shards of a folder, read as one table.

    Args:
        folder: that holds them.

    Raises:
        StoreError: there is no such folder.
        ImportError: Polars is not installed; with the command that installs it.
    """

    def __init__(self, folder: Path) -> None:
        self._polars = _polars()
        if not folder.is_dir():
            raise StoreError(f"{folder}: no such folder of Parquet files; write it from the records first")
        self.path = folder
        self._files = sorted(folder.glob("*.parquet"))

    def find(self, cells: dict[Cell, str]) -> dict[Cell, tuple[Numbers, float]]:
        """Numbers and seconds of the cells, given with their keys, of which there is a record that verifies.

        One pass over the files, in which groups of rows that cannot hold any of the keys are skipped.

        Raises:
            StoreError: a file cannot be read.
        """
        by_key = {key: cell for cell, key in cells.items()}
        found: dict[Cell, tuple[Numbers, float]] = {}
        for row in self._select(by_key):
            cell = by_key[row[0]]
            if sound(row) and list(row[1:3]) == [type(cell).__name__, cell.specification]:
                found[cell] = (loads(row[3]), float(row[4]))
        return {cell: found[cell] for cell in cells if cell in found}

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Every row that verifies, by key within each file."""
        return (row for row in self._select() if sound(row))

    def _select(self, keys: Iterable[str] | None = None) -> list[tuple[Any, ...]]:
        if not self._files:
            return []
        polars = self._polars
        try:
            table = polars.scan_parquet(self._files)
            if keys is not None:
                table = table.filter(polars.col("key").is_in(list(keys)))
            return table.select(COLUMNS).collect().rows()
        except (OSError, polars.exceptions.PolarsError) as error:
            raise StoreError(
                f"{self.path}: its Parquet files cannot be read ({error}); move them away and write them again from "
                f"the records"
            ) from None


def _polars() -> Any:
    try:
        return importlib.import_module("polars")
    except ImportError:
        raise ImportError("polars is not installed: pip install 'escape-ntk[parquet]'") from None
