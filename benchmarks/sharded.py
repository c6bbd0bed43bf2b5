"""The regularised loss of one network whose neurons are shared among processes (numerics.distributed).

    torchrun --nproc-per-node 2 benchmarks/sharded.py          two processes
    python benchmarks/sharded.py                               one process, no exchange
    torchrun --nproc-per-node 2 benchmarks/sharded.py --check  and the whole network in the first process
    torchrun --nproc-per-node 2 -- benchmarks/sharded.py --d 32 --m 4096
                                                               "--": else torchrun takes --d, --m, --n for its own

Prints one line of JSON: world size, loss, gradient norm and norm of a Hessian product at a random start, loss after
--steps steps of gradient descent, and the median seconds of a gradient. With --check also the largest differences from
the whole network, relative to the largest entry.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median

import torch

from numerics.curvature import hessian_vector
from numerics.directions import GoodDirections
from numerics.distributed import ShardedNetwork, process_group
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.weights import PenaltyWeights
from theory.activations import Activation

SIGMA = Activation.parse("tanh(z + 1)")


@dataclass(frozen=True)
class Result:
    """What is measured; displacements whole, in every process."""

    loss: torch.Tensor
    gradient: torch.Tensor
    hessian_vector: torch.Tensor
    W: torch.Tensor
    final_loss: torch.Tensor
    seconds: float


def measure(network: TwoLayerNetwork, options: argparse.Namespace) -> Result:
    """Loss, gradient and Hessian product at a random start, then gradient descent."""
    d, m, gen = options.d, options.m, generator(1)
    x, unlabeled = (sphere(options.n, d, math.sqrt(d), gen).to(network.w) for _ in range(2))
    y = torch.randn(options.n, generator=gen, dtype=torch.float64).to(network.w)
    scale = m**-0.25 / math.sqrt(d)
    W, V = (
        network.scatter(scale * torch.randn(m, d, generator=gen, dtype=torch.float64).to(network.w)) for _ in range(2)
    )
    weights = PenaltyWeights(r1_modes=("exact", "training", "unlabeled"))
    objective = Objective(network, x, y, weights, GoodDirections(network, options.k), unlabeled=unlabeled)

    parts, gradient = objective.value_and_gradient(W)
    product = hessian_vector(objective, W, V)
    trained, times = W, []
    for _ in range(options.steps):
        wait(network.device)
        start = time.perf_counter()
        _, slope = objective.value_and_gradient(trained)
        wait(network.device)
        times.append(time.perf_counter() - start)
        trained = trained - options.rate * slope
    final, _ = objective.value_and_gradient(trained)
    return Result(
        parts.total,
        network.collect(gradient),
        network.collect(product),
        network.collect(trained),
        final.total,
        median(times),
    )


def wait(device: torch.device) -> None:
    """Until the device has done what it was asked: calls on CUDA return earlier."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def relative(value: torch.Tensor, reference: torch.Tensor) -> float:
    """Largest difference relative to the largest entry."""
    return float((value - reference).abs().max() / reference.abs().max())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("d", 16), ("m", 2048), ("n", 512), ("k", 1), ("steps", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.steps < 1:
        parser.error(f"steps={options.steps}: needs steps >= 1")
    started_by_torchrun = "RANK" in os.environ
    with process_group(options.device) if started_by_torchrun else nullcontext(torch.device(options.device)) as device:
        dtype = getattr(torch, options.dtype)
        kind = ShardedNetwork if started_by_torchrun else TwoLayerNetwork
        network = kind(options.d, options.m, SIGMA, dtype=dtype, device=device)
        found = measure(network, options)
        if network.first_pair > 0:
            return
        line = {
            "world_size": options.m // 2 // network.pairs,
            "loss": float(found.loss),
            "gradient_norm": float(found.gradient.norm()),
            "hessian_vector_norm": float(found.hessian_vector.norm()),
            "final_loss": float(found.final_loss),
            "seconds_per_gradient": found.seconds,
            "threads": torch.get_num_threads(),
        }
        if options.check:
            known = measure(TwoLayerNetwork(options.d, options.m, SIGMA, dtype=dtype, device=device), options)
            for name in ("loss", "gradient", "hessian_vector", "W"):
                line[f"difference_{name}"] = relative(getattr(found, name), getattr(known, name))
            line["seconds_per_gradient_one_process"] = known.seconds
        print(json.dumps(line))


if __name__ == "__main__":
    main()
