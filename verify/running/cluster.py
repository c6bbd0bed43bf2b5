"""An executor on a Dask cluster, of somebody's or started here by SLURM jobs. Needs the extra ``cluster``."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from typing import Any

CONNECT = 30
"""Seconds to wait for a scheduler."""


@contextmanager
def cluster(scheduler: str | None, jobs: int | None, device: str) -> Iterator[Executor]:
    """Where cells can be sent to a Dask cluster.

    Cells on an accelerator ask for the resource GPU, of which each worker needs one: ``dask worker --resources GPU=1``.

    Args:
        scheduler: its address, such as "tcp://node7:8786".
        jobs: number of SLURM jobs to start instead, as dask-jobqueue is configured (jobqueue.yaml).
        device: of the profile.

    Raises:
        ValueError: the extra is missing, nobody answers, or workers compute with several threads, which share torch's
            settings and one memory.
    """
    with ExitStack() as stack:
        client = stack.enter_context(_connect(scheduler, jobs, stack))
        crowded = [w for w, about in client.scheduler_info(n_workers=-1)["workers"].items() if about["nthreads"] != 1]
        if crowded:
            raise ValueError(f"{crowded[0]}: computes with several threads; start workers with --nthreads 1")
        resources = {} if device == "cpu" else {"GPU": 1}
        yield client.get_executor(pure=False, **({"resources": resources} if resources else {}))


def _connect(scheduler: str | None, jobs: int | None, stack: ExitStack) -> Any:
    try:
        client = importlib.import_module("dask.distributed").Client
        if scheduler is None:
            started = stack.enter_context(importlib.import_module("dask_jobqueue").SLURMCluster())
            started.scale(jobs=jobs)
            return client(started)
    except ImportError as error:
        raise ValueError(
            f"a cluster needs {error.name}, which is not installed: pip install 'escape-ntk[cluster]'"
        ) from None
    try:
        return client(scheduler, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise ValueError(f"scheduler={scheduler!r}: no Dask scheduler answers there ({error})") from None
