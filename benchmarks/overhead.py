"""What the machinery of a sweep costs beside its cells: many small ones, many records, plans of many cells.

    python benchmarks/overhead.py                      all three (three minutes)
    python benchmarks/overhead.py --only plan --points 100000

- ``cells``: 1,000 cells that wait for 50 ms, on 2 workers, beside the ideal of 25 s; once with the start of the
  workers, which import torch, and once from the first result on.
- ``records``: opening a file of 100,000 records and looking up the 300 cells of a claim; the same from Parquet, where
  Polars is installed.
- ``plan``: keys and 1,000 chunks of 1,000,000 cells, with the memory of the process.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import tempfile
import time
from pathlib import Path

from verify import Cell
from verify.running.costs import Rates
from verify.running.experiment import Numbers, fingerprint
from verify.running.parquet import ParquetRecords, export
from verify.running.plan import write_plan
from verify.running.rows import record_row
from verify.running.store import Store
from verify.running.sweep import keys_of, run_cells


class Waiting(Cell):
    """A cell that takes a stated time and no processor."""

    seconds: float

    def run(self) -> Numbers:
        """Wait."""
        time.sleep(self.seconds)
        return {"y": self.seed("y") % 1000}


class Point(Cell):
    """A point of a phase diagram; it is planned and looked up, never run."""

    d: int
    n: int
    m: int
    k: int
    arm: str


def grid(count: int) -> list[Cell]:
    """So many points."""
    return [
        Point(d=i % 64, n=i // 64 % 128, m=i // 8192 % 64, k=1 + i % 3, arm="joint", replicate=i) for i in range(count)
    ]


def small_cells(folder: Path, count: int, seconds: float, workers: int) -> dict[str, float]:
    """Ratios to the ideal time."""
    ends: list[float] = []
    cells = [Waiting(seconds=seconds, replicate=r) for r in range(count)]
    with Store(folder) as store:
        start = time.perf_counter()
        run_cells(cells, store, {}, workers=workers, on_done=lambda done: ends.append(time.perf_counter()))
        end = time.perf_counter()
    ideal = count * seconds / workers
    return {
        "whole run / ideal": round((end - start) / ideal, 3),
        "seconds until the first result": round(ends[0] - start, 2),
        "from the first result / ideal": round((end - ends[0]) / ideal, 3),
    }


def records(folder: Path, count: int, asked: int = 300) -> dict[str, float]:
    """Seconds to open the records and look up a claim's cells."""
    keys = keys_of(grid(count))
    with Store(folder) as store, store.together():
        for cell, key in keys.items():
            store.merge([record_row(cell, fingerprint(), {"y": 1.0}, 0.1, {}, key)], [])
    claim = list(keys)[:: count // asked]
    start = time.perf_counter()
    with Store(folder, create=False) as store:
        found = [store.find(cell, fingerprint(), key) for cell, key in keys_of(claim).items()]
    seconds = time.perf_counter() - start
    if None in found:
        raise SystemExit("records that were written are not found")
    shown = {"cells looked up": len(found), "seconds": round(seconds, 3)}
    if importlib.util.find_spec("polars") is not None:
        start = time.perf_counter()
        with Store(folder, create=False) as store:
            export(store, folder / "parquet")
        middle = time.perf_counter()
        same = list(ParquetRecords(folder / "parquet").find(keys_of(claim)).values()) == found
        shown["seconds to write Parquet"] = round(middle - start, 2)
        shown["seconds from Parquet"] = round(time.perf_counter() - middle, 3)
        shown["same answers"] = same
    return shown


def plan(folder: Path, count: int, chunks: int) -> dict[str, float]:
    """Seconds and memory of a plan."""
    start = time.perf_counter()
    keys = keys_of(grid(count))
    write_plan(folder, keys, chunks, Rates(), "{}")
    seconds = time.perf_counter() - start
    return {"seconds": round(seconds, 1), "GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)}


def main() -> None:
    """Print the figures of what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("cells", "records", "plan"))
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--milliseconds", type=float, default=50.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--chunks", type=int, default=1000)
    options = parser.parse_args()
    parts = {
        "cells": lambda at: small_cells(at, options.cells, options.milliseconds / 1000, options.workers),
        "records": lambda at: records(at, options.records),
        "plan": lambda at: plan(at, options.points, options.chunks),
    }
    wanted = [options.only] if options.only else list(parts)
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            print(name, json.dumps(parts[name](Path(folder) / name)), flush=True)


if __name__ == "__main__":
    main()
