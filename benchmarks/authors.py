"""One run of the authors' experiment on several threads: how long a step and the whole run take.

    python benchmarks/authors.py --threads 2              d = 100, n = 1000, m = 10,000, 20,000 steps, lambda = 0.01
    python benchmarks/authors.py --threads 2 --steps 100 --run 0

``escape-ntk verify --profile authors`` gives each of its runs one thread, so that records do not depend on how many run
at once. Somebody who wants a single run has all cores for it. The products that no step can avoid are four of
n x d x m/2: <D, x> and <S, x>, and what they add to the gradient; they are timed before the run, on the same threads.
"""

from __future__ import annotations

import statistics

import torch
from gradient import bare
from measure import Bench, parser

from verify.registry import CLAIMS
from verify.sizes.profile import load_profile


def main() -> None:
    """Run, and print."""
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=20_000)
    options.add_argument("--run", type=int, default=1, help="which of A1's runs at lambda = 0 and 0.01, in its order")
    chosen = options.parse_args()
    bench = Bench(chosen)
    sizes = [f'device="{bench.device}"', f"authors.steps={100 if chosen.small else chosen.steps}"]
    profile = load_profile("authors", [*sizes, "authors.strengths=[0.0,0.01]", "authors.seeds=[1]"])
    cell = CLAIMS["A1"].design(profile)[chosen.run]
    products = bare(cell.n, cell.m, cell.d, bench.device)[0]
    least = statistics.median([bench.seconds(products) for _ in range(bench.repetitions + 1)][1:])
    numbers: dict[str, list[float]] = {}
    taken = bench.seconds(lambda: numbers.update(cell.run()))
    bench.say(f"{torch.get_num_threads()} threads: {cell}")
    bench.say(f"{taken / 60:.1f} minutes, records included; {1e3 * taken / cell.steps:.1f} ms a step")
    bench.say(f"training loss {numbers['train'][-1]:.4g}, test loss {numbers['test'][-1]:.4g}")
    bench.record("authors-step", [taken / cell.steps / least], "its four products")


if __name__ == "__main__":
    main()
