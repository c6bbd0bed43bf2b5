"""Speed of the Gram matrix against its bare products, and a kernel ridge regression at n = 10^5 without the matrix.

    python benchmarks/gram.py                ntk_gram at d = 64, m = n = 4096, float32, one thread
    python benchmarks/gram.py --ridge        iterative ridge at n = 10^5, m = 1024, d = 64: iterations, residual, time

The bare products are x x2^T and F F2^T with F of shape (n, m/2): the first into memory that is there, the second
returned as a new matrix, as ntk_gram returns its own. A user of torch writes ``vmap`` of ``jacrev`` of the network; as
this holds n m d numbers, it is compared at n = 128.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from functools import partial

import torch
from measure import Bench, parser

from numerics.kernels import NTKOperator, ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.ridge import iterative_kernel_ridge
from numerics.sampling import generator, sphere
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
JACREV_N = 128


def inputs(n: int, d: int, seed: int, device: str) -> torch.Tensor:
    """n points of S^{d-1}(sqrt d) in float32."""
    return sphere(n, d, math.sqrt(d), generator(seed), torch.float32).to(device)


def jacrev(network: TwoLayerNetwork, x: torch.Tensor) -> torch.Tensor:
    """The Gram matrix from the Jacobian of every output."""

    def output(weights: torch.Tensor, one: torch.Tensor) -> torch.Tensor:
        return torch.sin(weights @ one + math.pi / 4) @ network.a / network.m**0.5

    rows = torch.func.vmap(torch.func.jacrev(output), (None, 0))(network.w, x).flatten(1)
    return rows @ rows.T


def gram(bench: Bench, n: int, m: int, d: int) -> None:
    """Print times and ratios."""
    device = bench.device
    network = TwoLayerNetwork(d, m, SIGMA, dtype=torch.float32, device=device)
    x, x2 = inputs(n, d, 1, device), inputs(n, d, 2, device)
    half, half2 = (torch.randn(n, m // 2, device=device) for _ in range(2))
    scratch = torch.empty(n, n, device=device)

    def bare() -> torch.Tensor:
        torch.mm(x, x2.T, out=scratch)
        return half @ half2.T

    bench.compare(
        {
            "its two products": bare,
            "ntk_gram(x)": partial(ntk_gram, network, x),
            "ntk_gram(x, x2)": partial(ntk_gram, network, x, x2),
        },
        {"gram": ("ntk_gram(x)", "its two products"), "gram-crossed": ("ntk_gram(x, x2)", "its two products")},
    )
    few = x[:JACREV_N]
    difference = float((jacrev(network, few) - ntk_gram(network, few)).norm() / ntk_gram(network, few).norm())
    if difference > 1e-4:
        sys.exit(f"the Gram matrices of jacrev and ours differ by {difference:.1e}, relatively; needs 1e-4")
    name = f"vmap(jacrev), n = {JACREV_N}"
    bench.compare(
        {name: partial(jacrev, network, few), "ntk_gram(x)": partial(ntk_gram, network, few)},
        {"gram-jacrev": ("ntk_gram(x)", name)},
    )


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
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=4096)
    options.add_argument("--m", type=int, default=4096)
    options.add_argument("--d", type=int, default=64)
    options.add_argument("--ridge", action="store_true")
    options.add_argument("--ridge-n", type=int, default=10**5)
    options.add_argument("--ridge-m", type=int, default=1024)
    options.add_argument("--ridge-at", type=float, default=100.0)
    options.add_argument("--rank", type=int, default=512)
    options.add_argument("--tolerance", type=float, default=1e-5)
    chosen = options.parse_args()
    bench = Bench(chosen)
    if chosen.ridge:
        sys.exit(0 if ridge(chosen) else 1)
    n = min(chosen.n, 1024) if chosen.small else chosen.n
    bench.say(f"n = {n}, m = {chosen.m}, d = {chosen.d}, float32, {chosen.device}, {chosen.threads} threads")
    gram(bench, n, chosen.m, chosen.d)


if __name__ == "__main__":
    main()
