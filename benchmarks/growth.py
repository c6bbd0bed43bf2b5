"""How cost grows with d, m, n and k, against the formula in the docstring of each function.

    python benchmarks/growth.py [--json] [--only gradient gram span eigen ridge]

Each line varies one size. Its slope is that of log(time) over log(formula) by least squares, time being the least of
several processor times on one thread; a cost that grows as stated has slope 1. The status is 1 where a slope is more
than 10 % away. Sizes are such that what the formula names is most of the work.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from numerics import (
    GoodDirections,
    KernelRidge,
    Objective,
    PenaltyWeights,
    TwoLayerNetwork,
    generator,
    ntk_gram,
    sphere,
)
from theory import cumulative_multiplicity

ACTIVATION = "sin(z + pi/4)"
ALLOWED = 0.1
Call = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """One size of one computation: the values it takes, the call at a value, and the formula there."""

    name: str
    formula: str
    values: Sequence[int]
    call: Callable[[int], Call]
    cost: Callable[[int], float]


def network(d: int, m: int) -> TwoLayerNetwork:
    """A network in float32."""
    return TwoLayerNetwork(d, m, ACTIVATION, dtype=torch.float32)


def points(n: int, d: int) -> torch.Tensor:
    """n inputs."""
    return sphere(n, d, math.sqrt(d), generator(1), torch.float32)


def gradient(n: int, m: int, d: int) -> Call:
    """Of the Taylor model's squared loss."""
    one, W = network(d, m), torch.randn(m, d, generator=generator(2)) / 16
    objective = Objective(one, points(n, d), torch.randn(n, generator=generator(3)), PenaltyWeights(r4=0.0))
    return lambda: objective.value_and_gradient(W)


def gram(n: int, m: int, d: int) -> Call:
    """The NTK at the initialisation."""
    one, x = network(d, m), points(n, d)
    return lambda: ntk_gram(one, x)


def span(m: int, d: int, k: int) -> Call:
    """A displacement projected on the good directions in closed form, eight times."""
    directions = GoodDirections(network(d, m), k)
    W = torch.randn(m, d, generator=generator(2))
    return lambda: [directions.project(W) for _ in range(8)]


def eigen(m: int, d: int) -> Call:
    """The directions by their definition, k = 1."""
    one = network(d, m)
    return lambda: GoodDirections(one, 1, "eigen")


def ridge(n: int) -> Call:
    """Kernel ridge regression on a Gram matrix."""
    one = TwoLayerNetwork(64, 4096, ACTIVATION)
    K, y = ntk_gram(one, points(n, 64).double()), torch.randn(n, generator=generator(3), dtype=torch.float64)
    return lambda: KernelRidge(K, y)


LINES = {
    "gradient": (
        Line("n", "2 n m d", (2048, 4096, 8192), lambda n: gradient(n, 1024, 512), lambda n: n),
        Line("m", "2 n m d", (1024, 2048, 4096), lambda m: gradient(1024, m, 512), lambda m: m),
        Line("d", "2 n m d", (512, 1024, 2048), lambda d: gradient(1024, 1024, d), lambda d: d),
    ),
    "gram": (
        Line("n", "n^2 (d + m/2)", (1024, 2048, 4096), lambda n: gram(n, 1024, 64), lambda n: n**2),
        Line("m", "n^2 (d + m/2)", (4096, 8192, 16384), lambda m: gram(1024, m, 64), lambda m: 64 + m / 2),
        Line("d", "n^2 (d + m/2)", (1024, 2048, 4096), lambda d: gram(1024, 512, d), lambda d: d + 256),
    ),
    "span": (
        Line("m", "m d^k + n_k^2, k = 2", (8192, 16384, 32768), lambda m: span(m, 32, 2), lambda m: spanned(m, 32, 2)),
        Line("d", "m d^k + n_k^2, k = 2", (24, 36, 48), lambda d: span(4096, d, 2), lambda d: spanned(4096, d, 2)),
        Line("k", "m d^k + n_k^2, d = 16", (2, 3), lambda k: span(2048, 16, k), lambda k: spanned(2048, 16, k)),
    ),
    "eigen": (Line("m", "m^2 d, some tens of times", (1024, 2048, 4096), lambda m: eigen(m, 16), lambda m: m**2),),
    "ridge": (Line("n", "n^3", (1024, 2048, 4096), ridge, lambda n: n**3),),
}


def spanned(m: int, d: int, k: int) -> float:
    """m d^k + n_k^2."""
    return m * d**k + int(cumulative_multiplicity(d, k)) ** 2


def least(call: Call, rounds: int) -> float:
    """The least processor time of a call."""
    call()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def slope(line: Line, rounds: int) -> float:
    """Of log(time) over log(formula)."""
    times = [least(line.call(value), rounds) for value in line.values]
    return float(np.polyfit(np.log([line.cost(value) for value in line.values]), np.log(times), 1)[0])


def main() -> int:
    """Print the slopes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="*", choices=LINES, default=list(LINES))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    far = False
    for name in chosen.only:
        for line in LINES[name]:
            found = slope(line, chosen.rounds)
            far |= abs(found - 1) > ALLOWED
            if chosen.json:
                print(json.dumps({"name": f"{name}-{line.name}", "slope": found, "formula": line.formula}), flush=True)
            else:
                print(f"| {name} | {line.name} = {line.values} | {line.formula} | {found:.2f} |", flush=True)
    return int(far)


if __name__ == "__main__":
    sys.exit(main())
