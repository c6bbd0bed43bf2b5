"""A sweep whose workers and coordinator are killed at random, resumed each time: are its records those of a quiet one?

    python benchmarks/chaos.py                       200 cells, 50 SIGKILLs (about seven minutes on two cores)
    python benchmarks/chaos.py --cells 40 --kills 5

Each cell waits for ``--seconds``, draws a matrix and takes its singular values. A kill hits the coordinator or one of
its child processes, with equal chance; when the coordinator is gone it is started again by the same command. Afterwards
the records of both sweeps have to agree in every bit, no process of the sweep may be left, and nothing may be locked.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from verify import Cell
from verify.running.experiment import Numbers
from verify.running.store import Store
from verify.running.sweep import run_cells

MANY = 1000
"""Tries of a cell: here it is killed for no fault of its own."""


class Product(Cell):
    """Singular values of a random matrix, and a sum, after some work. Numbers: ``values``, ``sum``."""

    seconds: float

    def run(self) -> Numbers:
        """Work for a while, then compute."""
        import torch

        drawn = torch.Generator().manual_seed(self.seed("matrix"))
        matrix = torch.randn(64, 64, generator=drawn, dtype=torch.float64)
        time.sleep(self.seconds)
        return {"values": torch.linalg.svdvals(matrix).tolist(), "sum": float(matrix.sum())}


def sweep(folder: Path, cells: int, seconds: float) -> None:
    """The sweep itself: what the coordinator does."""
    with Store(folder) as store:
        run_cells([Product(seconds=seconds, replicate=r) for r in range(cells)], store, {}, workers=2, attempts=MANY)


def content(folder: Path) -> dict[str, tuple[str, str]]:
    """Specification and numbers of every record, by key."""
    with sqlite3.connect(folder / "records.sqlite") as connection:
        rows = connection.execute("SELECT key, specification, numbers FROM records").fetchall()
    return {key: (specification, numbers) for key, specification, numbers in rows}


def children(process: int) -> list[int]:
    """Workers of a coordinator, from /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def marked(mark: str) -> list[int]:
    """Processes in whose environment the mark stands: the sweep's, whoever their parent is now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            state = (path.parent / "stat").read_text().rpartition(")")[2].split()[0]
            if mark.encode() in path.read_bytes() and state != "Z":
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def disturbed(folder: Path, options: argparse.Namespace, kills: int, mark: str) -> dict[str, int]:
    """Run the sweep to its end under kills; how many there were."""
    rng = random.Random(options.seed)  # noqa: S311 (no secret)
    counts = {"coordinator": 0, "worker": 0, "starts": 0}
    words = ["--sweep", str(folder), "--cells", str(options.cells), "--seconds", str(options.seconds)]
    environment = os.environ | {"CHAOS": mark}
    while True:
        coordinator = subprocess.Popen([sys.executable, __file__, *words], env=environment)
        counts["starts"] += 1
        while coordinator.poll() is None:
            try:
                coordinator.wait(rng.uniform(0.2, 2 * options.between))
                break
            except subprocess.TimeoutExpired:
                pass
            if counts["coordinator"] + counts["worker"] >= kills:
                continue
            whom = rng.choice(["coordinator", "worker"])
            while whom == "worker" and not children(coordinator.pid) and coordinator.poll() is None:
                time.sleep(0.05)  # it is still starting
            victims = [coordinator.pid] if whom == "coordinator" else children(coordinator.pid)
            if victims:
                os.kill(rng.choice(victims), signal.SIGKILL)
                counts[whom] += 1
        if coordinator.returncode == 0:
            return counts
        if coordinator.returncode != -signal.SIGKILL:
            raise SystemExit(f"the sweep ended with status {coordinator.returncode}")


def main() -> None:
    """Run both sweeps, compare, and print the figures; status 1 when anything differs or is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each cell")
    parser.add_argument("--between", type=float, default=3.0, help="mean seconds between kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sweep", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sweep is not None:
        sweep(options.sweep, options.cells, options.seconds)
        return
    with tempfile.TemporaryDirectory() as folder:
        quiet, noisy, mark = Path(folder) / "quiet", Path(folder) / "noisy", f"chaos-{os.getpid()}"
        start = time.perf_counter()
        disturbed(quiet, options, 0, mark)
        middle = time.perf_counter()
        counts = disturbed(noisy, options, options.kills, mark)
        end = time.perf_counter()
        time.sleep(1.0)
        left = marked(mark)
        with Store(noisy) as store:  # refused if anything were locked
            failures = len(store.failures())
        found = {
            "cells": options.cells,
            "kills of the coordinator": counts["coordinator"],
            "kills of a worker": counts["worker"],
            "starts": counts["starts"],
            "records that differ": len(dict(content(quiet).items() ^ content(noisy).items())),
            "cells that failed": failures,
            "processes left": len(left),
            "files left beside the records": len(list(noisy.iterdir())) - 1,
            "seconds": round(end - middle, 1),
            "seconds undisturbed": round(middle - start, 1),
        }
    print(json.dumps(found, indent=2))
    wrong = ("records that differ", "cells that failed", "processes left", "files left beside the records")
    sys.exit(any(found[name] for name in wrong))


if __name__ == "__main__":
    main()
