"""Work shared among threads that keep to one core each, where torch would open many short parallel sections.

A parallel section of torch ends when its slowest thread does. In a gradient that works through blocks there are some
hundred of them, and where another process takes a core, each waits for that core's next time slice. Here each thread
takes a whole task and then the next one, so a core that is taken slows the tasks of its own thread alone.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")

_pools: dict[int, ThreadPoolExecutor] = {}
"""The threads waiting for work, by their number: at most one entry."""
_lock = threading.Lock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)  # threads do not survive a fork


def _pool(threads: int) -> ThreadPoolExecutor:
    """As many threads as asked for, in each of which torch uses one core."""
    with _lock:
        if threads not in _pools:
            while _pools:
                _pools.popitem()[1].shutdown(wait=False)
            pool, started = ThreadPoolExecutor(threads, "escape-ntk"), threading.Barrier(threads)

            def alone() -> None:
                torch.get_num_threads()  # the first question in a thread sets its number, which would come too late
                torch.set_num_threads(1)
                started.wait()

            for one in [pool.submit(alone) for _ in range(threads)]:
                one.result()
            torch.set_num_threads(threads)  # for threads that are yet to come; this one has that number already
            _pools[threads] = pool
        return _pools[threads]


def shared(task: Callable[[int], T], count: int) -> list[T]:
    """task(0), ..., task(count - 1), by as many threads as torch may use in this one.

    Which thread takes which task is left to chance, so tasks must not write to the same memory. They run without
    gradients, and with the caller's context variables.

    Raises:
        Exception: the first of those that the tasks raise, after all have ended.
    """
    threads = torch.get_num_threads()
    if threads == 1 or count == 1:
        return [task(index) for index in range(count)]

    def run(index: int) -> T:
        with torch.no_grad():
            return task(index)

    pool = _pool(threads)
    futures = [pool.submit(contextvars.copy_context().run, run, index) for index in range(count)]
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    if errors:
        raise errors[0]
    return [future.result() for future in futures]
