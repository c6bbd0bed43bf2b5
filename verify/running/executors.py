"""Cells on somebody else's executor: tasks of several cells, and a task that is lost is taken apart.

Of a task that comes back without an answer, because its worker died, it is not known which of its cells was at fault.
So each of them is sent again alone, and only what is lost alone counts as tried.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from pathlib import Path
from typing import Protocol

from verify.running.costs import Rates, packs
from verify.running.experiment import Cell, CellFailed
from verify.running.origin import library_first
from verify.running.work import Attempt, attempt_all

TASK = 5.0
"""Seconds that a task should take: long beside what an executor needs for a task, short beside a sweep."""
MOST = 1000
"""Cells in a task."""
LOOK = 0.3


class Ledger(Protocol):
    """What is to be done, and who takes what has come."""

    queue: deque[Cell]
    keys: dict[Cell, str]
    rates: Rates

    def require(self) -> None:
        """Check that the records are still there."""

    def take(self, found: Sequence[tuple[Cell, Attempt]]) -> None:
        """Keep what has come; cells that may be tried again are queued."""


def run_on(executor: Executor, sweep: Ledger, folder: Path) -> None:
    """Compute what is queued.

    The first cell of each class goes alone, and the rest of the class follows when it is known how long it took.

    Raises:
        CellFailed: the executor takes no more tasks, or was lost.
    """
    done: queue.Queue[Future[list[Attempt]]] = queue.Queue()
    tasks: dict[Future[list[Attempt]], list[Cell]] = {}
    asked: set[type[Cell]] = set()
    alone: set[Cell] = set()

    def send(cells: list[Cell]) -> None:
        work = [(cell, sweep.keys[cell]) for cell in cells]
        with library_first():
            try:
                future = executor.submit(attempt_all, work, folder)
            except RuntimeError as error:
                raise _broken(error) from error
        tasks[future] = cells
        future.add_done_callback(done.put)

    try:
        while sweep.queue or tasks:
            for cells in _ready(sweep, asked, alone, bool(tasks)):
                send(cells)
            try:
                future = done.get(timeout=LOOK)
            except queue.Empty:
                sweep.require()
                continue
            cells = tasks.pop(future)
            try:
                error = future.exception()
            except CancelledError as lost:  # the scheduler is gone
                raise _broken(lost) from lost
            if error is None:
                sweep.take(list(zip(cells, future.result(), strict=True)))
            elif isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "FutureCancelledError":
                raise _broken(error) from error
            elif len(cells) > 1:
                alone.update(cells)
                sweep.queue.extendleft(cells)
            else:
                sweep.take([(cells[0], Attempt(reason=f"its task was lost ({type(error).__name__}: {error})"))])
    finally:
        for future in tasks:
            future.cancel()


def _broken(error: BaseException) -> CellFailed:
    return CellFailed(
        f"the executor takes no more tasks ({type(error).__name__}{': ' if str(error) else ''}{error}): a worker was "
        f"killed, memory ran out, or the scheduler was shut down; the same command continues"
    )


def _ready(sweep: Ledger, asked: set[type[Cell]], alone: set[Cell], busy: bool) -> list[list[Cell]]:
    """Tasks that can be sent now; cells of a class whose first is still under way stay queued."""
    single, known, later = [], [], []
    while sweep.queue:
        cell = sweep.queue.popleft()
        expected = sweep.rates.expect(cell)
        if cell in alone or type(cell) not in asked:
            asked.add(type(cell))
            single.append([cell])
        elif expected < float("inf"):
            known.append(cell)
        else:
            later.append(cell)
    if later and not (busy or single or known):  # the first of the class failed: the next one is asked
        single.append([later.pop(0)])
    sweep.queue.extend(later)
    return single + packs(known, sweep.rates, TASK, MOST)
