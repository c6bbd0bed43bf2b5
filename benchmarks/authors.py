"""One run of the authors' experiment on several threads: how long a step and the whole run take.

    python benchmarks/authors.py --threads 2              d = 100, n = 1000, m = 10,000, 20,000 steps, lambda = 0.01
    python benchmarks/authors.py --threads 2 --steps 100 --run 0

``escape-ntk verify --profile authors`` gives each of its runs one thread, so that records do not depend on how many run
at once. Somebody who wants a single run has all cores for it. The products that no step can avoid are four of
n x d x m/2: <D, x> and <S, x>, and what they add to the gradient; they are timed before the run, on the same threads.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from gradient import bare
from measure import Call

from verify.registry import CLAIMS
from verify.sizes.profile import load_profile

ROUNDS = 20
"""Of the bare products, whose median counts."""


def seconds(call: Call) -> float:
    """Of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Run, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--steps", type=int, default=20_000)
    options.add_argument("--run", type=int, default=1, help="which of A1's runs at lambda = 0 and 0.01, in its order")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    sizes = "authors.strengths=[0.0,0.01]", "authors.seeds=[1]", f"authors.steps={chosen.steps}"
    cell = CLAIMS["A1"].design(load_profile("authors", sizes))[chosen.run]
    products = bare(cell.n, cell.m, cell.d, "cpu")[0]
    least = statistics.median([seconds(products) for _ in range(ROUNDS + 1)][1:])
    start = time.perf_counter()
    numbers = cell.run()
    taken = time.perf_counter() - start
    print(f"{torch.get_num_threads()} threads: {cell}")
    print(f"{taken / 60:.1f} minutes, records included; {1e3 * taken / cell.steps:.1f} ms a step,", end=" ")
    print(f"{taken / cell.steps / least:.2f} times the products' {1e3 * least:.1f} ms")
    print(f"training loss {numbers['train'][-1]:.4g}, test loss {numbers['test'][-1]:.4g}")


if __name__ == "__main__":
    main()
