"""Speed of the Gram matrix against its bare products, and a kernel ridge regression at n = 10^5 without the matrix.

    python benchmarks/gram.py                ntk_gram at d = 64, m = n = 4096, float32, 2 threads; target 1.15
    python benchmarks/gram.py --ridge        iterative ridge at n = 10^5, m = 1024, d = 64: iterations, residual, time

The bare products are x x2^T and F F2^T with F of shape (n, m/2): the first into memory that is there, the second
returned as a new matrix, as ntk_gram returns its own. Ratios are of medians over interleaved repetitions in this run;
the program exits with 1 if one against the bare products is above the target.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch

from numerics.kernels import NTKOperator, ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.ridge import iterative_kernel_ridge
from numerics.sampling import generator, sphere
from theory import Activation

TARGET = 1.15
SIGMA = Activation.parse("sin(z + pi/4)")


def inputs(n: int, d: int, seed: int, device: str) -> torch.Tensor:
    """n points of S^{d-1}(sqrt d) in float32."""
    return sphere(n, d, math.sqrt(d), generator(seed), torch.float32).to(device)


def seconds(call: Callable[[], object], device: str) -> float:
    """Wall time of one call, the device's queue included."""
    if device != "cpu":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    result = call()
    if device != "cpu":
        torch.cuda.synchronize(device)
    taken = time.perf_counter() - start
    del result
    return taken


def medians(calls: Mapping[str, Callable[[], object]], repetitions: int, device: str) -> dict[str, float]:
    """Median seconds of each call, interleaved so that all see the same machine; the first round is not counted."""
    rounds = [{name: seconds(call, device) for name, call in calls.items()} for _ in range(repetitions + 1)]
    return {name: statistics.median(r[name] for r in rounds[1:]) for name in calls}


def gram(options: argparse.Namespace) -> bool:
    """Print times and ratios; whether the target is met."""
    n, m, d, device = options.n, options.m, options.d, options.device
    network = TwoLayerNetwork(d, m, SIGMA, dtype=torch.float32, device=device)
    x, x2 = inputs(n, d, 1, device), inputs(n, d, 2, device)
    f, f2 = (torch.randn(n, m, device=device) for _ in range(2))
    half, half2 = f[:, : m // 2].contiguous(), f2[:, : m // 2].contiguous()
    scratch, there = (torch.empty(n, n, device=device) for _ in range(2))

    def bare(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor | None) -> torch.Tensor:
        torch.mm(x, x2.T, out=scratch)
        return left @ right.T if out is None else torch.mm(left, right.T, out=out)

    times = medians(
        {
            "bare": partial(bare, half, half2, None),
            "bare, all memory there": partial(bare, half, half2, there),
            "bare, all m neurons": partial(bare, f, f2, None),
            "ntk_gram(x)": partial(ntk_gram, network, x),
            "ntk_gram(x, x2)": partial(ntk_gram, network, x, x2),
        },
        options.repetitions,
        device,
    )
    print(f"n = {n}, m = {m}, d = {d}, float32, {device}, {torch.get_num_threads()} threads")
    for name, taken in times.items():
        against = " | ".join(f"{taken / other:.2f} x {bare}" for bare, other in list(times.items())[:3])
        print(f"{name:24} {taken:.4f} s   {against}")
    worst = max(times[name] / times["bare"] for name in ("ntk_gram(x)", "ntk_gram(x, x2)"))
    print(f"worst ratio to bare {worst:.3f}, target {TARGET}: {'met' if worst <= TARGET else 'MISSED'}")
    return worst <= TARGET


def ridge(options: argparse.Namespace) -> bool:
    """Print iterations, residual and seconds; whether it converged."""
    n, m, d, device = options.ridge_n, options.ridge_m, options.d, options.device
    network = TwoLayerNetwork(d, m, SIGMA, dtype=torch.float32, device=device)
    x, test = inputs(n, d, 1, device), inputs(1000, d, 2, device)

    def label(x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] + x[:, 0] * x[:, 1]

    noise = torch.randn(n, generator=generator(3)).to(device) / 10
    start = time.perf_counter()
    operator = NTKOperator(network, x)
    solution = iterative_kernel_ridge(operator, label(x) + noise, options.ridge_at, options.rank, options.tolerance)
    taken = time.perf_counter() - start
    error = float((solution.predict(test) - label(test)).square().mean() / label(test).square().mean())
    print(f"n = {n}, m = {m}, d = {d}, float32, {device}, ridge {options.ridge_at}, rank {options.rank}")
    print(f"{solution.iterations} iterations, residual {solution.residual:.2e}, {taken:.1f} s, {solution.status}")
    print(f"relative test error {error:.3f}")
    return solution.converged


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--n", type=int, default=4096)
    parser.add_argument("--m", type=int, default=4096)
    parser.add_argument("--d", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--ridge", action="store_true")
    parser.add_argument("--ridge-n", type=int, default=10**5)
    parser.add_argument("--ridge-m", type=int, default=1024)
    parser.add_argument("--ridge-at", type=float, default=100.0)
    parser.add_argument("--rank", type=int, default=512)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sys.exit(0 if (ridge if options.ridge else gram)(options) else 1)


if __name__ == "__main__":
    main()
