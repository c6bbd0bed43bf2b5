"""A sweep in parts that any queue can run: chunks of cells as files, their results as files, merged into the records.

``plan`` deals cells to N chunks; each is run by itself, anywhere the folder is seen, and writes immutable shards;
``collect`` merges them. Nothing has to run in between, and two runs of the same chunk do no harm: they give the same
numbers.

In the folder of the records::

    plan/plan.json       what was planned, and the sources of claims from outside, whose code a chunk imports
    plan/7.json          chunk 7: classes, fields and keys of its cells
    shards/7-CONTENT.json   records of chunk 7, named by the SHA-256 of what it holds
"""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.running.costs import Rates, heavy_first
from verify.running.database import StoreError, guard
from verify.running.experiment import Cell, Numbers
from verify.running.origin import named
from verify.running.rows import Failure, failure_row, loads, record_row, seal
from verify.running.store import Store

PLAN, SHARDS = "plan", "shards"
FORMAT = 1
MOST = 100_000
"""Chunks of a plan: each is a file, and no queue takes more tasks."""
EVERY = 60.0
"""Seconds between two shards of a chunk under way: what a kill can cost, apart from the cells that were running."""


def write_plan(
    folder: Path, keys: Mapping[Cell, str], chunks: int, rates: Rates, profile: str, sources: Sequence[str] = ()
) -> None:
    """Write the files of a plan, in place of an earlier one.

    Args:
        folder: of the records.
        keys: of the cells that are to be computed.
        chunks: number of parts; each gets about the same time.
        rates: how long cells take, where it is known.
        profile: the sizes, as JSON; its device is where chunks run.
        sources: of claims from outside: absolute paths, or names of packages.

    Raises:
        ValueError: fewer than one chunk, or a cell that its fields alone do not describe.
        StoreError: the files cannot be written.
    """
    if not 1 <= chunks <= MOST:
        raise ValueError(f"chunks={chunks}: needs an integer 1 <= chunks <= {MOST}; each is a file")
    for cell in {type(cell): cell for cell in keys}.values():
        if cell.__pydantic_private__ or any(field.exclude for field in type(cell).model_fields.values()):
            raise ValueError(
                f"{type(cell).__name__}: has private attributes or fields outside its specification, so a file cannot "
                f"hold it; run it with --workers or --scheduler"
            )
    shares = [(0.0, index) for index in range(chunks)]
    parts: list[list[Cell]] = [[] for _ in range(chunks)]
    for cell in heavy_first(keys):
        load, index = shares[0]
        parts[index].append(cell)
        heapq.heapreplace(shares, (load + rates.guess(cell), index))
    target = folder / PLAN
    with guard(target, "cannot be written"):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for index, part in enumerate(parts):
            lines = ",\n".join(
                f'["{type(cell).__module__}", "{type(cell).__qualname__}", "{keys[cell]}", {cell.model_dump_json()}]'
                for cell in part
            )
            _whole(target / f"{index}.json", f'{{"format": {FORMAT}, "cells": [\n{lines}\n]}}')
        about = {"format": FORMAT, "chunks": chunks, "cells": len(keys), "profile": profile, "sources": list(sources)}
        _whole(target / "plan.json", json.dumps(about))


def read_plan(folder: Path) -> dict[str, Any]:
    """What was planned: number of ``chunks`` and of ``cells``, the ``profile`` and the ``sources`` of claims.

    Raises:
        StoreError: no plan there, or one of another version.
    """
    found = _read(folder / PLAN / "plan.json")
    whole = isinstance(found.get("chunks"), int) and isinstance(found.get("sources"), list)
    if (
        not whole
        or not isinstance(found.get("profile"), str)
        or not all(isinstance(source, str) for source in found["sources"])
    ):
        raise StoreError(f"{folder / PLAN}: is no plan; write it again with escape-ntk sweep plan")
    return found


def read_chunk(path: Path) -> dict[Cell, str]:
    """Cells of a chunk with their keys. Classes are only looked up among the modules that are loaded.

    Raises:
        StoreError: the file is no chunk, or was planned by other code.
    """
    cells: dict[Cell, str] = {}
    for entry in _read(path).get("cells", [None]):
        if not (isinstance(entry, list) and len(entry) == 4 and all(isinstance(part, str) for part in entry[:3])):
            raise StoreError(f"{path}: is no chunk of a plan; write it again with escape-ntk sweep plan")
        module, name, key, fields = entry
        kind = named(module, name)
        if not (isinstance(kind, type) and issubclass(kind, Cell)):
            raise StoreError(f"{path}: {module}.{name} is no cell here; plan again with the version that runs it")
        try:
            cell = kind.model_validate_json(json.dumps(fields))
        except ValueError:
            raise StoreError(
                f"{path}: {name} has other fields here; plan again with the version that runs it"
            ) from None
        cells[cell] = key
    return cells


@dataclass
class _Waiting:
    rows: list[tuple[Any, ...]]
    failures: list[tuple[Any, ...]]


class Shards:
    """Keeps what a chunk gives, in files; it stands in for the store of a sweep. A context manager.

    Args:
        folder: of the records.
        chunk: its number.

    Attributes:
        path: where the records will be.
        there: keys that earlier runs of the chunk have computed.
    """

    def __init__(self, folder: Path, chunk: int) -> None:
        self.path = folder / "records.sqlite"
        self._folder, self._chunk = folder / SHARDS, chunk
        self._rows: dict[str, tuple[Any, ...]] = {}
        self._waiting, self._since = _Waiting([], []), time.monotonic()
        with guard(self._folder, "cannot keep results there"):
            self._folder.mkdir(parents=True, exist_ok=True)
        for _, rows, _ in shards(folder, chunk):
            self._rows |= {row[0]: row for row in rows}

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def find(self, cell: Cell, fingerprint: str, key: str | None = None) -> tuple[Numbers, float] | None:
        """Numbers and seconds of a cell that an earlier run of the chunk has computed."""
        row = self._rows.get(cell.key(fingerprint) if key is None else key)
        return None if row is None else (loads(row[3]), float(row[4]))

    def add(
        self,
        cell: Cell,
        fingerprint: str,
        numbers: Numbers,
        seconds: float,
        provenance: dict[str, str],
        key: str | None = None,
    ) -> None:
        """Keep the numbers of a cell until the next shard."""
        self._waiting.rows.append(record_row(cell, fingerprint, numbers, seconds, provenance, key))

    def add_failure(self, key: str, failure: Failure, fingerprint: str, provenance: dict[str, str]) -> None:
        """Keep that a cell failed until the next shard."""
        self._waiting.failures.append(failure_row(key, failure, fingerprint, provenance))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Where several results come at once; a shard is written when it is time."""
        yield
        if time.monotonic() - self._since > EVERY:
            self.flush()

    def require(self) -> None:
        """Check that the folder is still there.

        Raises:
            StoreError: it was deleted.
        """
        if not self._folder.is_dir():
            raise StoreError(f"{self._folder}: was deleted while it was written; plan and run the chunk again")

    def flush(self) -> None:
        """Write what has come since the last shard.

        Raises:
            StoreError: it cannot be written.
        """
        waiting, self._waiting, self._since = self._waiting, _Waiting([], []), time.monotonic()
        if waiting.rows or waiting.failures:
            text = json.dumps({"format": FORMAT, "records": waiting.rows, "failures": waiting.failures})
            name = f"{self._chunk}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
            with guard(self._folder, "cannot keep results there"):
                _whole(self._folder / name, text)


def shards(folder: Path, chunk: int | None = None) -> Iterator[tuple[Path, list[tuple[Any, ...]], list[Any]]]:
    """Every shard that is whole, of one chunk or all: its path, rows of records and rows of failures.

    A file whose content is not what its name says, and a row that does not match its checksum, are left out.
    """
    for path in sorted((folder / SHARDS).glob("*.json" if chunk is None else f"{chunk}-*.json")):
        with guard(path, "cannot be read"):
            text = path.read_bytes()
        if path.stem.rpartition("-")[2] != hashlib.sha256(text).hexdigest()[:32]:
            continue
        found = loads(text)
        if isinstance(found, dict) and found.get("format") == FORMAT:
            yield path, _sound(found["records"]), _sound(found["failures"])


def collect(folder: Path) -> tuple[int, dict[int, int], int]:
    """Merge the shards into the records.

    Returns:
        How many records are new; of each chunk that is not complete how many cells are missing; how many of these
        failed.

    Raises:
        StoreError: no plan there, or the records cannot be written.
    """
    plan = read_plan(folder)
    with Store(folder) as store:
        new = 0
        for _, rows, failures in shards(folder):
            with store.together():
                new += store.merge(rows, failures)
        missing, failed = {}, 0
        for index in range(plan["chunks"]):
            keys = [entry[2] for entry in _read(folder / PLAN / f"{index}.json")["cells"]]
            absent = [key for key in keys if not store.has(key)]
            failed += sum(store.failure(key) is not None for key in absent)
            if absent:
                missing[index] = len(absent)
    return new, missing, failed


def _sound(rows: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows if isinstance(row, list) and len(row) == 9 and seal(*row[:-1]) == row[-1]]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path}: is not there; write it with escape-ntk sweep plan") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); write it again with escape-ntk sweep plan") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise StoreError(f"{path}: is no file of a plan of this version; write it again with escape-ntk sweep plan")
    return found


def _whole(path: Path, text: str) -> None:
    """The file appears whole or not at all, also after a power cut."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
