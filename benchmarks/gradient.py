"""Speed of gradients and Hessian products against the bare products of the same shapes, and against what users write.

    python benchmarks/gradient.py                        d = 64, m = n = 4096, float32, one thread
    python benchmarks/gradient.py --threads 2 --taken    the same with and without a process that spins on one core
    python benchmarks/gradient.py --hand                 n = 100, 200, 500, 1000 against gradients written by hand
    python benchmarks/gradient.py --device cuda | --profile | --small | --json

The products that cannot be avoided are ``torch.mm`` into memory that is there:

- of the data term, the model's output and its gradient: n x d x m and m x n x d;
- of R3, which needs the good part p of D beside D and S: n x d x m/2 and m/2 x n x d;
- of R1 in population, S D over the m/2 distinct neurons: once m/2 x d x m/2 and twice m/2 x m/2 x d.

A user of torch has three ways to the gradient of the Taylor model's squared loss: autograd of f_L + f_Q; nested
``torch.func.jvp`` of the network along W, which needs no formula; and, by hand, a product for the two halves of W, the
residuals, and a product with the slopes, with sigma' and sigma'' kept.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from functools import partial

import torch
from measure import Bench, Call, parser

from numerics.curvature import hessian_vector
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.weights import PenaltyWeights
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
SEEDS = 32
BARE = PenaltyWeights(r4=0.0)


def bare(n: int, m: int, d: int, device: str) -> tuple[Call, Call, Call, Call]:
    """Products of the data term, of R3, of R1 in population; and the sines and cosines of the network."""
    half = m // 2
    x, W, slopes = (torch.randn(*shape, device=device) for shape in ((n, d), (m, d), (n, m)))
    D, table, narrow = W[:half].clone(), torch.randn(half, half, device=device), slopes[:, :half].contiguous()
    output, gradient, waves = (
        torch.empty(n, m, device=device),
        torch.empty(m, d, device=device),
        torch.empty_like(slopes),
    )
    output_3, gradient_3 = torch.empty_like(narrow), torch.empty_like(D)
    cross, image = torch.empty_like(table), torch.empty_like(D)

    def data() -> None:
        torch.mm(x, W.T, out=output)
        torch.mm(slopes.T, x, out=gradient)

    def r3() -> None:
        torch.mm(x, D.T, out=output_3)
        torch.mm(narrow.T, x, out=gradient_3)

    def r1() -> None:
        torch.mm(D, D.T, out=cross)
        torch.mm(table, D, out=image)
        torch.mm(table, D, out=image)

    def sigma() -> None:
        # One sine and one cosine for each of the m neurons: two of n x m/2 each.
        torch.sin(slopes, out=waves)
        torch.cos(slopes, out=waves)

    return data, r3, r1, sigma


def autograd(network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """Gradient of the squared loss of f_L + f_Q as a user of torch gets it."""
    W = W.detach().requires_grad_(True)
    loss = (network.linear(x, W) + network.quadratic(x, W) - y).square().mean()
    return torch.autograd.grad(loss, W)[0]


def nested(network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """The same by torch.func: f_L and f_Q as first and second derivatives of s -> f(x; W0 + s W) at s = 0."""
    start = network.w

    def output(weights: torch.Tensor) -> torch.Tensor:
        return torch.sin(x @ weights.T + math.pi / 4) @ network.a / network.m**0.5

    def loss(W: torch.Tensor) -> torch.Tensor:
        def linear(weights: torch.Tensor) -> torch.Tensor:
            return torch.func.jvp(output, (weights,), (W,))[1]

        first, second, *_ = torch.func.jvp(linear, (start,), (W,))
        return (first + second / 2 - y).square().mean()

    return torch.func.grad(loss)(W)


class ByHand:
    """The same in three lines of torch, with sigma' and sigma'' kept."""

    def __init__(self, network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor) -> None:
        first, second = network.activation.derivatives(x @ network.half.mT, 1, 2)
        self._first, self._second = first / math.sqrt(network.m), second / math.sqrt(network.m)
        self._x, self._y = x, y

    def __call__(self, W: torch.Tensor) -> torch.Tensor:
        """The gradient at W."""
        p, q = (self._x @ W.T).chunk(2, dim=1)
        r = (self._first * (p - q) + self._second * (p * p - q * q) / 2).sum(1) - self._y
        slopes = torch.cat([self._first + self._second * p, -self._first - self._second * q], dim=1)
        return (slopes * (2 / len(r) * r[:, None])).T @ self._x


def problem(n: int, m: int, d: int, device: str) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A network, inputs, labels and a displacement."""
    network = TwoLayerNetwork(d, m, SIGMA, dtype=torch.float32, device=device)
    x = sphere(n, d, math.sqrt(d), generator(1), torch.float32).to(device)
    y, W = (torch.randn(*shape, device=device) / 16 for shape in ((n,), (m, d)))
    return network, x, y, W


def apart(other: torch.Tensor, ours: torch.Tensor) -> float:
    """The difference in norm, relative to ours."""
    return float((other - ours).norm() / ours.norm())


def gradients(bench: Bench, n: int, m: int, d: int) -> None:
    """All ratios at one size."""
    device = bench.device
    network, x, y, W = problem(n, m, d, device)
    V = torch.randn(m, d, device=device) / 16
    taylor = Objective(network, x, y, BARE)
    whole = Objective(network, x, y, PenaltyWeights(), GoodDirections(network, 1))
    itself = Objective(network, x, y, BARE, model="network")
    data, r3, r1, sigma = bare(n, m, d, device)
    gradient = partial(taylor.value_and_gradient, W)
    others = [way(network, x, y, W) for way in (autograd, nested)] + [ByHand(network, x, y)(W)]
    worst = max(apart(other, gradient()[1]) for other in others)
    if worst > 1e-4:
        sys.exit(f"gradients of autograd, jvp, by hand and ours differ by {worst:.1e}, relatively; needs 1e-4")
    bench.compare(
        {"its two products": data, "gradient": gradient},
        {"gradient": ("gradient", "its two products")},
    )
    bench.compare(
        {
            "plain autograd": partial(autograd, network, x, y, W),
            "nested torch.func.jvp": partial(nested, network, x, y, W),
            "gradient": gradient,
        },
        {
            "gradient-autograd": ("gradient", "plain autograd"),
            "gradient-jvp": ("gradient", "nested torch.func.jvp"),
        },
    )
    bench.compare(
        {
            "all seven products": lambda: (data(), r3(), r1()),
            "whole objective": partial(whole.value_and_gradient, W),
        },
        {"objective": ("whole objective", "all seven products")},
    )
    bench.compare(
        {
            "two products, sines, cosines": lambda: (data(), sigma()),
            "gradient of the network": partial(itself.value_and_gradient, W),
        },
        {"gradient-network": ("gradient of the network", "two products, sines, cosines")},
    )
    product = partial(hessian_vector, taylor, W, V)
    bench.compare({"gradient": gradient, "Hessian product": product}, {"hessian": ("Hessian product", "gradient")})


def by_hand(bench: Bench, m: int, d: int) -> None:
    """Small numbers of inputs, where what Python adds to each call counts."""
    for n in (100, 200, 500, 1000):
        network, x, y, W = problem(n, m, d, bench.device)
        objective, other = Objective(network, x, y, BARE), ByHand(network, x, y)
        calls: dict[str, Call] = {"by hand": partial(other, W), "ours": partial(objective.value_and_gradient, W)}
        bench.compare(calls, {f"gradient-by-hand-{n}": ("ours", "by hand")})


def several(bench: Bench, d: int = 16, m: int = 256, n: int = 256) -> None:
    """Many small networks at once."""
    device = bench.device
    networks = TwoLayerNetwork(d, m, SIGMA, seed=range(SEEDS), dtype=torch.float32, device=device)
    x = sphere(n, d, math.sqrt(d), generator(1), torch.float32).to(device)
    y, W = (torch.randn(*shape, device=device) / 16 for shape in ((n,), (SEEDS, m, d)))
    objective = Objective(networks, x, y, BARE)
    members = [networks.member(i) for i in range(SEEDS)]
    at_once, loop = f"{SEEDS} networks at once", "plain autograd one by one"
    bench.compare(
        {
            at_once: partial(objective.value_and_gradient, W),
            loop: lambda: [autograd(one, x, y, w) for one, w in zip(members, W, strict=True)],
        },
        {"seeds": (at_once, loop)},
    )


def taken(bench: Bench, n: int, m: int, d: int) -> None:
    """The gradient against its products where another process takes one core, and where it does not."""
    network, x, y, W = problem(n, m, d, bench.device)
    objective, (data, *_) = Objective(network, x, y, BARE), bare(n, m, d, bench.device)
    calls: dict[str, Call] = {"its two products": data, "gradient": partial(objective.value_and_gradient, W)}
    bench.compare(calls, {"gradient-threads": ("gradient", "its two products")})
    spin = subprocess.Popen([sys.executable, "-c", "import os; os.sched_setaffinity(0, {0})\nwhile True: pass"])
    try:
        bench.compare(calls, {"gradient-core-taken": ("gradient", "its two products")})
    finally:
        spin.kill()
        spin.wait()


def main() -> None:
    """Print times and ratios."""
    options: argparse.ArgumentParser = parser(__doc__)
    options.add_argument("--n", type=int, default=4096)
    options.add_argument("--m", type=int, default=4096)
    options.add_argument("--d", type=int, default=64)
    options.add_argument("--hand", action="store_true", help="only small n, against gradients by hand")
    options.add_argument("--taken", action="store_true", help="only with a core taken; with --threads 2 or more")
    options.add_argument("--profile", action="store_true", help="only which operations take the time")
    chosen = options.parse_args()
    bench, m, d = Bench(chosen), chosen.m, chosen.d
    n = min(chosen.n, 1024) if chosen.small else chosen.n
    bench.say(f"n = {n}, m = {m}, d = {d}, float32, {bench.device}, {torch.get_num_threads()} threads")
    if chosen.taken:
        taken(bench, n, m, d)
    elif chosen.hand:
        by_hand(bench, m, d)
    elif chosen.profile:
        network, x, y, W = problem(n, m, d, bench.device)
        with torch.profiler.profile() as profile:
            Objective(network, x, y, BARE).value_and_gradient(W)
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=14))
    else:
        gradients(bench, n, m, d)
        by_hand(bench, m, d)
        several(bench)


if __name__ == "__main__":
    main()
