"""What a process does with a cell: one thread, the numbers as JSON, and whatever goes wrong as data.

Every way of running cells ends here: this process, the workers of :mod:`verify.running.workers`, an executor, a chunk
of a plan. So they give the same numbers.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

if sys.platform != "win32":
    import resource

from verify.running.experiment import Cell, Numbers, code_of, fingerprint

TRACE = 20_000
"""Characters of a traceback that are kept: its end."""


@dataclass(frozen=True)
class Attempt:
    """What came of running a cell once.

    Attributes:
        text: its numbers as JSON; empty when there are none that can be kept.
        seconds: they took.
        reason: why there are none, in a sentence.
        trace: the traceback, where an exception was the reason.
        memory: bytes at most that the process has had by then; 0 where the system does not say.
    """

    text: str = ""
    seconds: float = 0.0
    reason: str = ""
    trace: str = ""
    memory: int = 0

    @property
    def numbers(self) -> Numbers:
        """As they are read from the records: lists for tuples, text for the keys of tables."""
        return json.loads(self.text)


def execute(cell: Cell, key: str | None = None, folder: Path | None = None) -> tuple[Numbers, float]:
    """Numbers of a cell and the seconds they took.

    Args:
        cell: to compute.
        folder: for checkpoints; without it nothing is kept.
        key: under which the numbers shall be kept; a worker that has loaded other code than the one it stands for
            refuses.

    Raises:
        RuntimeError: this process has other code, or other versions, than the one that asked.
    """
    if key is not None and cell.key(fingerprint(), _code(type(cell))) != key:
        raise RuntimeError(
            f"{type(cell).__module__} is another one in the worker than in the session that asked: a file was edited "
            f"since it was loaded, or versions differ; restart the session, or reload the module"
        )
    with _one_thread():
        start = time.perf_counter()
        numbers = cell.run() if folder is None else cell.run_in(folder)
        return numbers, time.perf_counter() - start


_entering = threading.Lock()
_inside: list[int] = []


@contextmanager
def _one_thread() -> Iterator[None]:
    """Where torch computes with one thread: results are then the same for every number of workers.

    The setting is the process's. Where an executor runs cells in threads, the last to leave restores it.
    """
    import torch

    with _entering:
        _inside.append(_inside[0] if _inside else torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _entering:
            before = _inside.pop()
            if not _inside:
                torch.set_num_threads(before)


@lru_cache(maxsize=1024)
def _code(kind: type[Cell]) -> str:
    """A class's code as this process first saw it: a cell may fill caches of its class, which are no other code."""
    return code_of(kind)


def attempt(cell: Cell, key: str | None = None, folder: Path | None = None) -> Attempt:
    """Run a cell as :func:`execute` does; exceptions, ``sys.exit`` included, become a reason. Ctrl-C stays Ctrl-C."""
    start = time.perf_counter()
    try:
        numbers, seconds = execute(cell, key, folder)
        if not isinstance(numbers, dict):
            raise TypeError(f"run() gave a {type(numbers).__name__}; it needs to give a dict of JSON values")
        return Attempt(json.dumps(numbers, allow_nan=False), seconds, memory=_peak())
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # whatever a cell raises, the others go on
        trace = "".join(traceback.format_exception(error, limit=-40))[-TRACE:]
        return Attempt("", time.perf_counter() - start, f"{type(error).__name__}: {error}"[:2000], trace)


def _peak() -> int:
    """Bytes at most that this process has had resident."""
    if sys.platform == "win32":
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def attempt_all(work: Sequence[tuple[Cell, str]], folder: Path | None = None) -> list[Attempt]:
    """Run several cells, each given with its key, one after another: a task for an executor."""
    return [attempt(cell, key, folder) for cell, key in work]
