"""Worker processes of this machine that can be killed one by one: which cell was running where is always known.

A worker reads cells from a pipe and writes back each outcome as it comes. When it dies, the first cell that it has not
answered is the one that killed it; the others that it held are given to somebody else, and no other worker is touched.
Workers die with the process that started them.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import threading
import time
import warnings
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

from verify.running.experiment import Cell, CellFailed
from verify.running.origin import library_first
from verify.running.work import Attempt, attempt

LEAD = 0.25
"""Seconds of work that a worker holds in advance, so that it need not wait for the next small cell."""
HELD, BYTES = 64, 65_536
"""Most cells that a worker holds, and most bytes of them: what a pipe takes without blocking."""
PARENT_DEATH = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""
LOOK = 0.3
"""Seconds between two looks of a worker at its parent."""

Answer = tuple[Any, Attempt | None]
"""Ticket of a cell and what came of it; None when the worker that held it died before it was begun."""


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    held: deque[tuple[Any, float, int]] = field(default_factory=deque)  # ticket, seconds expected, bytes
    ready: bool = False
    since: float = 0.0

    @property
    def room(self) -> bool:
        """Whether it may be given another cell now."""
        load = sum(seconds for _, seconds, _ in self.held)
        return self.ready and len(self.held) < HELD and (not self.held or load < LEAD)


class Workers:
    """A number of workers; a context manager, whose end kills them at once.

    Args:
        count: of processes.
        folder: for the checkpoints of long cells.
        limit: seconds that one cell may take; its worker is killed then.
    """

    def __init__(self, count: int, folder: Path | None, limit: float | None = None) -> None:
        self._folder, self._limit = folder, limit
        self._count, self._stillborn = count, 0
        self._workers: list[_Worker] = []

    def __enter__(self) -> Workers:
        self._fill()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            _kill(worker)
        for worker in self._workers:
            worker.process.join(1.0)
            worker.pipe.close()
        self._workers.clear()

    def _fill(self) -> None:
        """Start what is missing."""
        if len(self._workers) == self._count:
            return
        from loky.backend import get_context

        with library_first(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            while len(self._workers) < self._count:
                ours, theirs = Pipe()
                main = threading.current_thread() is threading.main_thread()
                process = get_context("loky").Process(
                    target=serve, args=(theirs, os.getpid(), main, self._folder), daemon=False
                )
                process.start()
                theirs.close()
                self._workers.append(_Worker(process, ours))

    def _choose(self, seconds: float) -> _Worker | None:
        idle = [w for w in self._workers if w.ready and not w.held]
        if idle:
            return idle[0]
        open_ = [w for w in self._workers if w.room and seconds < LEAD]
        return min(open_, key=lambda w: len(w.held), default=None)

    def give(self, ticket: Any, cell: Cell, key: str, seconds: float) -> bool:
        """Hand a cell to a worker; False when nobody has room for it now.

        Args:
            ticket: comes back with the answer.
            cell: what is to be computed.
            key: under which its numbers will be kept.
            seconds: that it should take.
        """
        from loky.backend.reduction import dumps

        worker = self._choose(seconds)
        if worker is None:
            return False
        try:
            data = bytes(dumps((cell, key)))
        except Exception as error:
            raise CellFailed(f"{cell.specification}: cannot be sent to a worker ({error}); use --workers 1") from error
        if worker.held and len(data) + sum(size for _, _, size in worker.held) > BYTES:
            return False
        if not worker.held:
            worker.since = time.monotonic()
        worker.held.append((ticket, seconds, len(data)))
        with suppress(OSError):  # it has died: seen when it is waited for
            worker.pipe.send_bytes(data)
        return True

    def once(self, cell: Cell, key: str) -> Attempt:
        """Run one cell and wait for it, when nothing else is under way."""
        given = False
        while True:
            given = given or self.give(None, cell, key, 0.0)
            for _, found in self.wait(LOOK):
                if found is not None:
                    return found
                given = False

    def wait(self, timeout: float) -> list[Answer]:
        """What has come within ``timeout`` seconds; several answers at once where there are.

        Raises:
            CellFailed: workers die before they have begun to work.
        """
        if self._limit is not None:
            ends = [w.since + self._limit - time.monotonic() for w in self._workers if w.held]
            timeout = max(0.0, min([timeout, *ends]))
        by_handle = {h: w for w in self._workers for h in (w.pipe, w.process.sentinel)}
        stirred = {id(by_handle[h]) for h in wait(list(by_handle), timeout)}
        answers: list[Answer] = []
        for worker in tuple(self._workers):
            dead = id(worker) in stirred and self._read(worker, answers)
            late = self._limit is not None and bool(worker.held) and time.monotonic() - worker.since > self._limit
            if late and not dead:
                _kill(worker)
                dead = True
                self._read(worker, answers)
            if dead:
                self._bury(worker, late and bool(worker.held), answers)
        self._fill()
        return answers

    def _read(self, worker: _Worker, answers: list[Answer]) -> bool:
        """Take what a worker has sent; True when it is dead."""
        try:
            while worker.pipe.poll():
                message = pickle.loads(worker.pipe.recv_bytes())  # noqa: S301 (from a process of our own)
                worker.since = time.monotonic()
                if message is None:
                    worker.ready, self._stillborn = True, 0
                else:
                    answers.append((worker.held.popleft()[0], message))
        except (EOFError, OSError):
            return True
        return worker.process.exitcode is not None

    def _bury(self, worker: _Worker, late: bool, answers: list[Answer]) -> None:
        self._workers.remove(worker)
        _kill(worker)
        worker.process.join(5.0)
        worker.pipe.close()
        how = _how(worker.process.exitcode)
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn >= 3 * self._count:
                raise CellFailed(f"no worker process can start: it {how} before its first cell; use --workers 1")
        if worker.held:
            ticket, _, _ = worker.held.popleft()
            took = time.monotonic() - worker.since
            reason = f"took longer than the time limit of {self._limit:g} s" if late else f"its worker process {how}"
            answers.append((ticket, Attempt("", took, reason)))
        answers += [(ticket, None) for ticket, _, _ in worker.held]


def _kill(worker: _Worker) -> None:
    with suppress(OSError):
        os.kill(worker.process.pid, signal.SIGKILL)


def _how(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None or code >= 0:
        return f"ended itself (exit status {code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    more = ": memory ran out, or somebody killed it" if -code == signal.SIGKILL else ""
    return f"was killed by {name}{more}"


def serve(pipe: Connection, parent: int, main: bool, folder: Path | None) -> None:
    """A worker's life: answer cells until the pipe closes.

    Args:
        pipe: to the coordinator.
        parent: its process id.
        main: whether its main thread started this worker: Linux ends a worker with the thread that started it.
        folder: for checkpoints.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the coordinator, which ends its workers
    if main:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with suppress(EOFError, OSError):
        pipe.send_bytes(pickle.dumps(None))
        while True:
            pipe.send_bytes(pickle.dumps(_answer(pipe.recv_bytes(), folder)))


def _answer(data: bytes, folder: Path | None) -> Attempt:
    try:
        cell, key = pickle.loads(data)  # noqa: S301 (from the process that started this one)
    except Exception as error:  # a module that this process does not find
        return Attempt(reason=f"cannot be loaded in a worker ({type(error).__name__}: {error}); use --workers 1")
    try:
        return attempt(cell, key, folder)
    except BaseException as error:  # a KeyboardInterrupt that a cell raises itself
        return Attempt(reason=f"{type(error).__name__}: {error}")


def _end_with(parent: int) -> None:
    """End this process when its parent is gone."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)
