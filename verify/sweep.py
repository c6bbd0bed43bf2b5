"""Runs cells on an executor and keeps their numbers. Only what the store lacks is computed."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass

import torch
from loky import get_reusable_executor

from verify.experiment import Cell, CellFailed, Numbers, fingerprint
from verify.store import Store


@dataclass(frozen=True)
class Done:
    """One cell is there: its numbers, its seconds, and whether it came from the store."""

    cell: Cell
    numbers: Numbers
    seconds: float
    stored: bool


def execute(cell: Cell) -> tuple[Numbers, float]:
    """Numbers of a cell and the seconds they took; what a worker runs."""
    # One thread per worker: results are then the same for every number of workers.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        return cell.run(), time.perf_counter() - start
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
        CellFailed: a cell raised. What was computed before is kept.
    """
    mark = fingerprint()
    results: dict[Cell, Done] = {}
    missing: list[Cell] = []

    def accept(cell: Cell, numbers: Numbers, seconds: float, stored: bool) -> None:
        results[cell] = Done(cell, numbers, seconds, stored)
        if on_done is not None:
            on_done(results[cell])

    for cell in dict.fromkeys(cells):
        found = store.find(cell, mark)
        if found is None:
            missing.append(cell)
        else:
            accept(cell, *found, stored=True)

    def compute(cell: Cell, outcome: Callable[[], tuple[Numbers, float]]) -> None:
        try:
            numbers, seconds = outcome()
            store.add(cell, mark, numbers, seconds, provenance)
        except Exception as error:
            raise CellFailed(f"{cell.specification}: {type(error).__name__}: {error}") from error
        accept(cell, numbers, seconds, stored=False)

    if executor is None and (workers == 1 or len(missing) <= 1):
        for cell in missing:
            compute(cell, lambda cell=cell: execute(cell))  # type: ignore[misc]
        return results
    # A worker that has grown is replaced by loky between cells; that is its business, not the user's.
    warnings.filterwarnings("ignore", message="A worker was restarted", category=UserWarning)
    pool = executor if executor is not None else get_reusable_executor(max_workers=workers)
    # Heavy cells first: a long one begun last would keep one worker busy while the others have nothing left.
    ordered = sorted(missing, key=lambda cell: -cell.cost)
    futures = {pool.submit(execute, cell): cell for cell in ordered}
    try:
        for future in as_completed(futures):
            compute(futures[future], future.result)
    finally:
        for future in futures:
            future.cancel()
    return results
