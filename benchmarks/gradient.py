"""Speed of gradients and Hessian products against the bare products of the same shapes, in the same run.

    python benchmarks/gradient.py                        d = 64, m = n = 4096, float32, all threads
    python benchmarks/gradient.py --threads 1 | --device cuda | --profile

The products that cannot be avoided are ``torch.mm`` into memory that is there:

- of the data term, the model's output and its gradient: n x d x m and m x n x d;
- of R3, which needs the good part p of D beside D and S: n x d x m/2 and m/2 x n x d;
- of R1 in population, S D over the m/2 distinct neurons: once m/2 x d x m/2 and twice m/2 x m/2 x d.

Calls are interleaved; every ratio is the median over the repetitions of ratios of times that follow each other. The
program exits with 1 if a target is missed: 1.2 for the gradient of the Taylor model's squared loss against its two
products, 2.5 for the whole objective (R1 in population and in training, R3, R4, k = 1) against all its products, and
1/3 for 32 networks at once against plain autograd one after the other (d = 16, m = n = 256). Beside them, without a
target: the network itself against its two products, a sine and a cosine for each neuron, and Hessian products in
gradients.
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

from numerics.curvature import hessian_vector
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.weights import PenaltyWeights
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
SEEDS = 32
NO_TARGET = math.inf
Call = Callable[[], object]


class Stopwatch:
    """Medians over interleaved repetitions; prints one line for each ratio and remembers the targets missed."""

    def __init__(self, device: str, repetitions: int) -> None:
        self._device, self._repetitions, self.missed = device, repetitions, 0

    def seconds(self, call: Call) -> float:
        """Wall time of one call, the device's queue included."""
        if self._device != "cpu":
            torch.cuda.synchronize(self._device)
        start = time.perf_counter()
        result = call()
        if self._device != "cpu":
            torch.cuda.synchronize(self._device)
        taken = time.perf_counter() - start
        del result
        return taken

    def compare(self, calls: Mapping[str, Call], ratios: Mapping[tuple[str, str], float]) -> None:
        """Print times of the calls and the ratios asked for, (numerator, denominator) with the target or NO_TARGET."""
        rounds = [{name: self.seconds(call) for name, call in calls.items()} for _ in range(self._repetitions + 1)][1:]
        for name in calls:
            print(f"  {name:42} {statistics.median(r[name] for r in rounds):.4f} s")
        for (above, below), target in ratios.items():
            ratio = statistics.median(r[above] / r[below] for r in rounds)
            verdict = "" if target == NO_TARGET else f", target {target:.3g}: {'met' if ratio <= target else 'MISSED'}"
            self.missed += ratio > target
            print(f"  {above} / {below}: {ratio:.3f}{verdict}", flush=True)


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


def main() -> None:
    """Print times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--n", type=int, default=4096)
    parser.add_argument("--m", type=int, default=4096)
    parser.add_argument("--d", type=int, default=64)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--profile", action="store_true", help="also which operations take the time")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n, m, d, device = options.n, options.m, options.d, options.device
    watch = Stopwatch(device, options.repetitions)
    print(f"n = {n}, m = {m}, d = {d}, float32, {device}, {torch.get_num_threads()} threads")

    network = TwoLayerNetwork(d, m, SIGMA, dtype=torch.float32, device=device)
    x = sphere(n, d, math.sqrt(d), generator(1), torch.float32).to(device)
    y, W, V = (torch.randn(*shape, device=device) / 16 for shape in ((n,), (m, d), (m, d)))
    good = GoodDirections(network, 1)
    taylor = Objective(network, x, y, PenaltyWeights(r4=0.0))
    whole = Objective(network, x, y, PenaltyWeights(), good)
    itself = Objective(network, x, y, PenaltyWeights(r4=0.0), model="network")
    data, r3, r1, sigma = bare(n, m, d, device)
    gradient = partial(taylor.value_and_gradient, W)
    agreement = float((gradient()[1] - autograd(network, x, y, W)).norm() / gradient()[1].norm())
    print(f"gradient by hand and autograd agree to {agreement:.1e}")

    watch.compare(
        {"two products": data, "gradient": gradient, "plain autograd": partial(autograd, network, x, y, W)},
        {
            ("gradient", "two products"): 1.2,
            ("plain autograd", "two products"): NO_TARGET,
            ("plain autograd", "gradient"): NO_TARGET,
        },
    )
    watch.compare(
        {
            "two products": data,
            "all products": lambda: (data(), r3(), r1()),
            "whole objective": partial(whole.value_and_gradient, W),
        },
        {("whole objective", "all products"): 2.5, ("whole objective", "two products"): NO_TARGET},
    )
    watch.compare(
        {
            "two products, sines, cosines": lambda: (data(), sigma()),
            "gradient of the network": partial(itself.value_and_gradient, W),
        },
        {("gradient of the network", "two products, sines, cosines"): NO_TARGET},
    )
    for name, objective in (("gradient", taylor), ("whole objective", whole)):
        product = f"Hessian product, {name}"
        calls: dict[str, Call] = {name: partial(objective.value_and_gradient, W)}
        calls[product] = partial(hessian_vector, objective, W, V)
        watch.compare(calls, {(product, name): NO_TARGET})
    several(watch, device)
    if options.profile:
        for objective in (taylor, whole):
            with torch.profiler.profile() as profile:
                objective.value_and_gradient(W)
            print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=14))
    sys.exit(1 if watch.missed else 0)


def several(watch: Stopwatch, device: str, d: int = 16, m: int = 256, n: int = 256) -> None:
    """Many small networks at once."""
    networks = TwoLayerNetwork(d, m, SIGMA, seed=range(SEEDS), dtype=torch.float32, device=device)
    x = sphere(n, d, math.sqrt(d), generator(1), torch.float32).to(device)
    y, W = (torch.randn(*shape, device=device) / 16 for shape in ((n,), (SEEDS, m, d)))
    objective = Objective(networks, x, y, PenaltyWeights(r4=0.0))
    members = [networks.member(i) for i in range(SEEDS)]
    singles = [Objective(member, x, y, PenaltyWeights(r4=0.0)) for member in members]
    at_once = f"{SEEDS} networks at once"
    watch.compare(
        {
            at_once: partial(objective.value_and_gradient, W),
            "autograd in a loop": lambda: [autograd(one, x, y, w) for one, w in zip(members, W, strict=True)],
            "gradient in a loop": lambda: [one.value_and_gradient(w) for one, w in zip(singles, W, strict=True)],
        },
        {(at_once, "autograd in a loop"): 1 / 3, (at_once, "gradient in a loop"): NO_TARGET},
    )


if __name__ == "__main__":
    main()
