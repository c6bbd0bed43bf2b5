"""Test risks of joint training, QuadNTK and NTK at k = 1 over d and n/d (docs/mathematics, section 6).

    python benchmarks/pilot.py                  the table, 5 draws per cell, with 95 % t intervals
    python benchmarks/pilot.py --sensitivity    how the risks move with Adam's rate and start at d = 32, n = 18 d

Each line prints the mean risks and, for the separation, the ratios joint/NTK and joint/QuadNTK.
"""

from __future__ import annotations

import argparse
from concurrent.futures import Executor
from typing import Any

import numpy as np
from loky import get_reusable_executor

from verify.cells.generalization import PairedRisks
from verify.statistics import mean_interval
from verify.sweep import default_workers, execute

METHODS = ("joint", "quadntk", "ntk")


def cell(d: int, ratio: int, replicate: int, rate: float = 0.01, start: float = 0.3) -> PairedRisks:
    """The pilot's experiment: m = 10 d, l1 = l3 = 1, l4 = 3e-3 on |W|_{2,4}^4, Adam with cosine decay."""
    return PairedRisks(
        activation="sin(z + pi/4)",
        device="cpu",
        d=d,
        m=10 * d,
        n=ratio * d,
        steps=1000,
        rate=rate,
        start=start,
        r4=3e-3,
        replicate=replicate,
    )


def measure(pool: Executor, cells: list[PairedRisks]) -> list[dict[str, Any]]:
    """Numbers of the cells, in order."""
    return [numbers for numbers, _ in pool.map(execute, cells)]


def row(numbers: list[dict[str, Any]]) -> str:
    """Mean risks with half-widths of 95 % intervals, and the ratios of the means."""
    means = {m: float(np.mean([r[m] for r in numbers])) for m in METHODS}
    parts = []
    for method in METHODS:
        interval = mean_interval([r[method] for r in numbers], 0.95)
        parts.append(f"{interval.value:.3f} +- {interval.upper - interval.value:.3f}")
    ratios = (means["joint"] / means["ntk"], means["joint"] / means["quadntk"])
    return " | ".join([*parts, *(f"{r:.2f}" for r in ratios)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensitivity", action="store_true")
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    pool = get_reusable_executor(max_workers=default_workers("cpu"))
    draws = range(options.draws)
    if options.sensitivity:
        show_heading("rate | start")
        for rate in (0.005, 0.01, 0.02):
            for start in (0.1, 0.3):
                numbers = measure(pool, [cell(32, 18, r, rate, start) for r in draws])
                print(f"| {rate} | {start} | {row(numbers)} |", flush=True)
        return
    show_heading("n/d | d")
    for ratio in (8, 12, 18):
        for d in (16, 32, 64):
            numbers = measure(pool, [cell(d, ratio, r) for r in draws])
            print(f"| {ratio} | {d} | {row(numbers)} |", flush=True)


def show_heading(first: str) -> None:
    """The two heading lines of a Markdown table."""
    print(f"| {first} | joint | QuadNTK | NTK best ridge | joint/NTK | joint/QuadNTK |")
    print("|---" * 7 + "|", flush=True)


if __name__ == "__main__":
    main()
