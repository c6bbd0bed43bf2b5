"""Runs cells and keeps their numbers. Only what the store lacks is computed, and what fails does not end the rest."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from verify.running.costs import Rates, heavy_first
from verify.running.executors import run_on
from verify.running.experiment import Cell, CellFailed, Numbers, code_of, fingerprint, source_digest
from verify.running.rows import Failure
from verify.running.work import Attempt, attempt, execute
from verify.running.workers import Workers

__all__ = [
    "ATTEMPTS",
    "CHECKPOINTS",
    "Done",
    "Keeper",
    "codes_of",
    "cores",
    "default_workers",
    "execute",
    "keys_of",
    "run_cells",
]

CHECKPOINTS = "checkpoints"
"""Folder beside the records in which long cells keep what they go on from."""
ATTEMPTS = 3
"""How often a cell is tried before it counts as failed: memory may run out, or somebody end a worker, by chance."""
LOOK = 0.3
"""Seconds at most between two looks at whether the records are still there."""

TOGETHER = 0.1
"""Seconds within which results share a transaction, whose end waits for the disk; a lone result is kept at once."""


@dataclass(frozen=True)
class Done:
    """One cell is there: its numbers, its seconds, and whether it came from the store."""

    cell: Cell
    numbers: Numbers
    seconds: float
    stored: bool


class Keeper(Protocol):
    """Where numbers are looked up and kept: :class:`verify.running.store.Store`, or the shards of a chunk."""

    path: Path

    def find(self, cell: Cell, fingerprint: str, key: str | None = None) -> tuple[Numbers, float] | None:
        """Numbers and seconds of a cell, where they are there."""

    def add(
        self,
        cell: Cell,
        fingerprint: str,
        numbers: Numbers,
        seconds: float,
        provenance: dict[str, str],
        key: str | None = None,
    ) -> None:
        """Keep the numbers of a cell."""

    def add_failure(self, key: str, failure: Failure, fingerprint: str, provenance: dict[str, str]) -> None:
        """Keep that a cell failed."""

    def together(self) -> AbstractContextManager[None]:
        """Where several results are kept at once."""

    def require(self) -> None:
        """Check that what was kept is still there."""


def default_workers(device: str) -> int:
    """One per core on a CPU, one on an accelerator."""
    return cores() if device == "cpu" else 1


def cores() -> int:
    """How many cores this process may use: a cluster's job has a share of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keys_of(
    cells: Iterable[Cell], mark: str | None = None, codes: Mapping[type[Cell], str] | None = None
) -> dict[Cell, str]:
    """Keys of the cells, each once; the code of each class is looked at once.

    Args:
        cells: to be looked up or computed.
        mark: fingerprint of the libraries, the present one when left out.
        codes: of the classes (:func:`codes_of`), the present ones when left out.

    Raises:
        Unidentified: a cell from outside the package uses something whose content cannot be read.
    """
    mark, union = fingerprint() if mark is None else mark, tuple(dict.fromkeys(cells))
    known = codes_of(union) if codes is None else codes
    return {cell: cell.key(mark, known[type(cell)]) for cell in union}


def codes_of(cells: Iterable[Cell]) -> dict[type[Cell], str]:
    """The code of each class among the cells (:func:`verify.running.experiment.code_of`)."""
    return {kind: code_of(kind) for kind in {type(cell) for cell in cells}}


def run_cells(
    cells: Iterable[Cell],
    store: Keeper,
    provenance: dict[str, str],
    workers: int = 1,
    executor: Executor | None = None,
    on_done: Callable[[Done], None] | None = None,
    on_failed: Callable[[Cell, Failure], None] | None = None,
    limit: float | None = None,
    attempts: int = ATTEMPTS,
    isolated: bool = False,
) -> dict[Cell, Done]:
    """Numbers of every cell, from the store or computed and kept there as each cell ends.

    A cell fails when it raises, gives numbers that are no finite JSON values, ends its process, or takes longer than
    the limit. It is tried again a bounded number of times, then kept as failed, with its traceback, and the others go
    on. The next call tries it again.

    Args:
        cells: duplicates are computed once.
        store: looked up first, and written as cells end.
        provenance: where the numbers come from, kept with each record (see ``verify.session.provenance``).
        workers: processes; 1 computes in this process, which a cell that crashes then ends.
        executor: any ``concurrent.futures`` executor instead, such as ``dask.distributed.Client().get_executor()``. It
            is given several small cells at a time.
        on_done: called in this process as each cell becomes available.
        on_failed: called likewise as each cell fails; without it the call raises once everything else is done.
        limit: seconds that a cell may take; with it cells never run in this process.
        attempts: how often a cell is tried.
        isolated: whether even one worker is a process of its own.

    Returns:
        What is there; cells that failed are missing.

    Raises:
        CellFailed: without ``on_failed``, when cells failed. Always, when no worker can start or the executor breaks.
            What was computed is kept.
        StoreError: the records cannot be read or kept.
        ValueError: a limit with an executor, which would have to end its own workers.
        Unidentified: a cell from outside the package uses something whose content cannot be read.
    """
    if limit is not None and executor is not None:
        raise ValueError(f"limit={limit:g}: an executor ends its workers itself; use workers=, or a plan of chunks")
    sweep = _Sweep(store, provenance, on_done, on_failed, attempts)
    # Keys are fixed before anything runs: a cell that fills a cache of its own has another one afterwards.
    union = tuple(dict.fromkeys(cells))
    codes = codes_of(union)
    sweep.look_up(keys_of(union, codes=codes), codes)
    folder = (store.path.parent / CHECKPOINTS).absolute()
    if sweep.queue and executor is not None:
        run_on(executor, sweep, folder)
    elif sweep.queue and (workers > 1 or limit is not None or isolated):
        _in_workers(sweep, min(workers, len(sweep.queue)), folder, limit)
    _here(sweep, folder)
    if sweep.failed and on_failed is None:
        first, *others = sweep.failed.values()
        more = f"; so did {len(others)} more" if others else ""
        raise CellFailed(f"{first.sentence}{more}")
    return sweep.results


class _Sweep:
    """What is there, what is to be done, and how often each cell was tried.

    Attributes:
        queue: cells to compute, heavy ones first; a cell to be tried again comes at its end.
        waiting: what has come of cells and is not kept yet.
        keys: of all cells.
        rates: how long cells of a class take.
        results, failed: what came of them.
    """

    def __init__(
        self,
        store: Keeper,
        provenance: dict[str, str],
        on_done: Callable[[Done], None] | None,
        on_failed: Callable[[Cell, Failure], None] | None,
        attempts: int,
    ) -> None:
        self._store, self._provenance, self._attempts = store, provenance, attempts
        self._on_done, self._on_failed = on_done, on_failed
        self._tried: dict[Cell, int] = {}
        self._kept = 0.0
        self._sources: dict[type[Cell], str] = {}
        self.queue: deque[Cell] = deque()
        self.waiting: list[tuple[Cell, Attempt]] = []
        self.keys: dict[Cell, str] = {}
        self.rates = Rates()
        self.results: dict[Cell, Done] = {}
        self.failed: dict[Cell, Failure] = {}

    def look_up(self, keys: dict[Cell, str], codes: Mapping[type[Cell], str]) -> None:
        """Take what the store has; the rest is queued."""
        self.keys, missing, mark = keys, [], fingerprint()
        self._sources = {kind: source_digest(mark, code) for kind, code in codes.items()}
        for cell, key in keys.items():
            found = self._store.find(cell, self._sources[type(cell)], key)
            if found is None:
                missing.append(cell)
            else:
                self.rates.learn(cell, found[1])
                self._accept(Done(cell, *found, stored=True))
        self.queue.extend(heavy_first(missing))

    def require(self) -> None:
        """Check that the records are still there."""
        self._store.require()

    @property
    def pause(self) -> float:
        """Seconds until results are kept again."""
        return max(self._kept + TOGETHER - time.monotonic(), 0.0)

    def keep(self, at_once: bool = False) -> None:
        """Keep what waits if it is time, or at once."""
        if self.waiting and (at_once or not self.pause):
            found, self.waiting = self.waiting, []
            self.take(found)
            self._kept = time.monotonic()

    def take(self, found: Sequence[tuple[Cell, Attempt]]) -> None:
        """Keep what has come, in one transaction; cells that may be tried again are queued."""
        if not found:
            return
        done: list[Done] = []
        failed: list[tuple[Cell, Failure]] = []
        with self._store.together():
            for cell, result in found:
                mark = self._sources[type(cell)]
                if result.text:
                    done.append(Done(cell, result.numbers, result.seconds, stored=False))
                    self._store.add(cell, mark, done[-1].numbers, result.seconds, self._provenance, self.keys[cell])
                    continue
                self._tried[cell] = self._tried.get(cell, 0) + 1
                if self._tried[cell] < self._attempts:
                    self.queue.append(cell)
                    continue
                failure = Failure(cell.specification, self._tried[cell], result.reason, result.trace)
                failed.append((cell, failure))
                self._store.add_failure(self.keys[cell], failure, mark, self._provenance)
        for each in done:
            self.rates.learn(each.cell, each.seconds)
            self._accept(each)
        for cell, failure in failed:
            self.failed[cell] = failure
            if self._on_failed is not None:
                self._on_failed(cell, failure)

    def _accept(self, done: Done) -> None:
        self.results[done.cell] = done
        if self._on_done is not None:
            self._on_done(done)


def _here(sweep: _Sweep, folder: Path) -> None:
    """Compute what is queued in this process."""
    try:
        while sweep.queue:
            cell = sweep.queue.popleft()
            sweep.waiting.append((cell, attempt(cell, folder=folder)))
            sweep.keep(at_once=not sweep.queue)
    finally:
        sweep.keep(at_once=True)  # also where somebody ends the sweep


def _in_workers(sweep: _Sweep, count: int, folder: Path, limit: float | None) -> None:
    """Compute what is queued in processes of this machine, which get their next cells before results are kept."""
    under_way = 0
    with Workers(count, folder, limit) as workers:
        try:
            while sweep.queue or under_way:
                while sweep.queue:
                    cell = sweep.queue[0]
                    if not workers.give(cell, cell, sweep.keys[cell], sweep.rates.expect(cell)):
                        break
                    sweep.queue.popleft()
                    under_way += 1
                sweep.keep()
                answers = workers.wait(min(LOOK, sweep.pause) if sweep.waiting else LOOK)
                sweep.require()
                under_way -= len(answers)
                sweep.queue.extendleft(cell for cell, found in answers if found is None)
                sweep.waiting += [(cell, found) for cell, found in answers if found is not None]
                sweep.keep(at_once=not (sweep.queue or under_way))
        finally:
            sweep.keep(at_once=True)  # also where somebody ends the sweep
