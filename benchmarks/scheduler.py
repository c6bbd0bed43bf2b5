"""Where a Dask scheduler saturates: a cluster of 1,000 simulated workers whose cells wait, and a real scheduler.

    python benchmarks/scheduler.py                     1,000 workers (a few minutes)
    python benchmarks/scheduler.py --workers 100 --tasks 1000

The workers live in this process beside the scheduler, in one event loop, as real ``Worker`` objects of one thread each
that talk to it by Dask's in-process transport; a task is ``asyncio.sleep``, so that workers take no processor while
they wait. What is left is the work of the scheduler and of the workers' own state machines: on a cluster the latter is
spread over the machines, so the rate found here is a lower bound of what a scheduler does.

Printed are the tasks per second that go through when tasks are empty - by the clock, and by this process's processor
time, which other programs do not disturb -, and from the latter the seconds that a task must take for so many workers
to be kept busy: workers divided by tasks per second. ``verify.running.executors.TASK`` is what the planner aims at; the
share of the time that workers are at work with such tasks is measured too.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import shutil
import tempfile
import time
from contextlib import AsyncExitStack

import dask
from distributed import Client, Scheduler, Worker, wait

from verify.running.executors import TASK

QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # A thousand workers in one process: what each does for itself every few milliseconds goes.
    "distributed.admin.tick.interval": "1h",
    "distributed.admin.tick.limit": "2h",
    "distributed.admin.system-monitor.interval": "1h",
    "distributed.comm.timeouts.connect": "300s",
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.http.routes": [],
    "distributed.scheduler.http.routes": [],
}


async def waits(seconds: float, number: int) -> int:
    """A task: it waits and takes no processor."""
    await asyncio.sleep(seconds)
    return number


async def rate(client: Client, tasks: int, seconds: float) -> tuple[float, float]:
    """Tasks per second from the first submission to the last result, and per second of this process's processor."""
    start, work = time.perf_counter(), time.process_time()
    await wait(client.map(waits, [seconds] * tasks, range(tasks), pure=False))
    return tasks / (time.perf_counter() - start), tasks / (time.process_time() - work)


async def measure(workers: int, tasks: int) -> None:
    """Start the cluster, and print each figure as it is there."""
    async with AsyncExitStack() as stack:
        scheduler = await stack.enter_async_context(Scheduler(protocol="inproc", dashboard=False))
        start = time.perf_counter()
        for first in range(0, workers, 50):
            made = [
                Worker(scheduler.address, nthreads=1, memory_limit=0, dashboard=False)
                for _ in range(min(50, workers - first))
            ]
            await asyncio.gather(*(stack.enter_async_context(worker) for worker in made))
        show(f"{workers} workers are there after, seconds", time.perf_counter() - start)
        client = await stack.enter_async_context(Client(scheduler.address, asynchronous=True))
        await rate(client, workers, 0.0)
        empty, alone = await rate(client, tasks, 0.0)
        show("empty tasks per second", empty)
        show("empty tasks per second of processor", alone)
        show("a task should take at least, seconds", workers / alone)
        show("the planner's tasks take, seconds", TASK)
        through, _ = await rate(client, 2 * workers, TASK)
        show("share of the time at work with the planner's tasks", through * TASK / workers)
        show("GB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
        shutil.rmtree(dask.config.get("temporary-directory"))
        os._exit(0)  # ending a thousand workers in order takes longer than all of this


def show(what: str, value: float) -> None:
    """A line of the output."""
    print(f"{what}: {value:.3g}", flush=True)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=5_000)
    options = parser.parse_args()
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    folder = tempfile.mkdtemp(prefix="dask-")  # a thousand folders of workers, removed at the end
    with dask.config.set(QUIET | {"temporary-directory": folder}):
        asyncio.run(measure(options.workers, options.tasks))


if __name__ == "__main__":
    main()
