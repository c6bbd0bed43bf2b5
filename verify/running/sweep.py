"""Runs cells on an executor and keeps their numbers. Only what the store lacks is computed."""

from __future__ import annotations

import json
import os
import sys
import sysconfig
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from loky import get_reusable_executor

from verify.running.experiment import Cell, CellFailed, Numbers, code_of, fingerprint
from verify.running.store import Store


@dataclass(frozen=True)
class Done:
    """One cell is there: its numbers, its seconds, and whether it came from the store."""

    cell: Cell
    numbers: Numbers
    seconds: float
    stored: bool


CHECKPOINTS = "checkpoints"
"""Folder beside the records in which long cells keep what they go on from."""


def execute(cell: Cell, key: str | None = None, folder: Path | None = None) -> tuple[Numbers, float]:
    """Numbers of a cell and the seconds they took; what a worker runs.

    Args:
        cell: to compute.
        folder: for checkpoints; without it nothing is kept.
        key: under which the numbers shall be kept; a worker that has loaded other code than the one it stands for
            refuses.

    Raises:
        RuntimeError: this process has other code, or other versions, than the one that asked.
    """
    if key is not None and cell.key(fingerprint()) != key:
        raise RuntimeError(
            f"{type(cell).__module__} is another one in the worker than in the session that asked: a file was edited "
            f"since it was loaded, or versions differ; restart the session, or reload the module"
        )
    # One thread per worker: results are then the same for every number of workers.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        numbers = cell.run() if folder is None else cell.run_in(folder)
        return numbers, time.perf_counter() - start
    finally:
        torch.set_num_threads(before)


def default_workers(device: str) -> int:
    """One per core on a CPU, one on an accelerator."""
    return (os.cpu_count() or 1) if device == "cpu" else 1


def run_cells(
    cells: Iterable[Cell],
    store: Store,
    provenance: dict[str, str],
    workers: int = 1,
    executor: Executor | None = None,
    on_done: Callable[[Done], None] | None = None,
) -> dict[Cell, Done]:
    """Numbers of every cell, from the store or computed and kept there.

    Args:
        cells: duplicates are computed once.
        store: looked up first, and written as each cell ends.
        provenance: where the numbers come from, kept with each record (see ``verify.session.provenance``).
        workers: processes; 1 computes in this process.
        executor: any ``concurrent.futures`` executor instead, such as ``dask.distributed.Client().get_executor()``.
        on_done: called in this process as each cell becomes available.

    Raises:
        CellFailed: a cell raised, or a worker ended without a word. What was computed before is kept.
        StoreError: the records cannot be read or kept.
        Unidentified: a cell from outside the package uses something whose content cannot be read.
    """
    mark = fingerprint()
    results: dict[Cell, Done] = {}
    # Keys are fixed before anything runs: a cell that fills a cache of its own has another one afterwards.
    union = tuple(dict.fromkeys(cells))
    codes = {kind: code_of(kind) for kind in {type(cell) for cell in union}}
    keys = {cell: cell.key(mark, codes[type(cell)]) for cell in union}
    folder = (store.path.parent / CHECKPOINTS).absolute()
    missing: list[Cell] = []

    def accept(cell: Cell, numbers: Numbers, seconds: float, stored: bool) -> None:
        results[cell] = Done(cell, numbers, seconds, stored)
        if on_done is not None:
            on_done(results[cell])

    for cell, key in keys.items():
        found = store.find(cell, mark, key)
        if found is None:
            missing.append(cell)
        else:
            accept(cell, *found, stored=True)

    def compute(cell: Cell, outcome: Callable[[], tuple[Numbers, float]]) -> None:
        try:
            numbers, seconds = outcome()
            # As they will be read again: lists for tuples, text for the keys of tables.
            numbers = json.loads(json.dumps(numbers, allow_nan=False))
        except BrokenExecutor:
            raise CellFailed(
                f"{cell.specification}: a worker process ended without a word: it was killed, memory ran out, or it "
                f"could not start; use fewer workers (--workers 1 shows the cause), the same command continues"
            ) from None
        except Exception as error:  # whatever a cell raises, it is named
            raise CellFailed(f"{cell.specification}: {type(error).__name__}: {error}") from error
        store.add(cell, mark, numbers, seconds, provenance, keys[cell])
        accept(cell, numbers, seconds, stored=False)

    if executor is None and (workers == 1 or len(missing) <= 1):
        for cell in missing:
            compute(cell, lambda cell=cell: execute(cell, folder=folder))  # type: ignore[misc]
        return results
    # A worker that has grown is replaced by loky between cells; that is its business, not the user's.
    warnings.filterwarnings("ignore", message="A worker was restarted", category=UserWarning)
    # Heavy cells first: a long one begun last would keep one worker busy while the others have nothing left.
    ordered = sorted(missing, key=lambda cell: -cell.cost)
    with _library_first():
        pool: Any = executor if executor is not None else _workers(workers, missing)
        futures = {}
        try:
            futures = {pool.submit(execute, cell, keys[cell], folder): cell for cell in ordered}
            for future in as_completed(futures):
                compute(futures[future], future.result)
        except BaseException:
            if executor is None:
                pool.shutdown(wait=True, kill_workers=True)
            for future in futures:
                future.cancel()
            raise
    return results


def _workers(count: int, cells: Iterable[Cell]) -> Any:
    """Worker processes; for cells from outside the package new ones, which have loaded no earlier state of them."""
    outside = any(" " in code_of(kind) for kind in {type(cell) for cell in cells})
    return get_reusable_executor(max_workers=count, reuse=False if outside else "auto", kill_workers=outside)


@contextmanager
def _library_first() -> Iterator[None]:
    """While processes are started, Python's own modules come before those of the same name in the user's folders.

    Workers take over this process's path, and would import a random.py that lies beside a notebook.
    """
    path, safe = list(sys.path), os.environ.get("PYTHONSAFEPATH")
    library = [entry for entry in path if entry and entry in _library()]
    sys.path[:] = [*library, *(entry for entry in path if entry not in library)]
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        sys.path[:] = path
        if safe is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = safe


def _library() -> set[str]:
    """Folders of the standard library on the path: itself, its compiled modules, and its archive."""
    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    found |= {os.path.join(folder, "lib-dynload") for folder in found}
    return found | {entry for entry in sys.path if entry.endswith(".zip") and "python" in os.path.basename(entry)}
