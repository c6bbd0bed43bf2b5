"""Peak memory of a training run against the tensors that it has to hold.

    python benchmarks/memory.py --d 64 --m 640 --n 768 --k 1
    python benchmarks/memory.py --n 8192 --m 4096 --json

The peak is what the process grew by, from the setting up of the loss to the end of twenty steps of gradient descent, by
Linux' own count of its largest size. What has to be held are all tensors that are alive after the run. A target of 1.3.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
from pathlib import Path

import torch

from numerics import (
    GoodDirections,
    GradientDescent,
    Objective,
    PenaltyWeights,
    TwoLayerNetwork,
    generator,
    small_start,
    sphere,
    train,
)

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def kilobytes(field: str) -> int:
    """VmRSS or VmHWM of this process."""
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def alive() -> int:
    """Bytes of all tensors, memory that several share counted once."""
    stores = {}
    for thing in gc.get_objects():
        if type(thing) is torch.Tensor and thing.layout == torch.strided:
            stores[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
    return sum(stores.values())


def run(d: int, m: int, n: int, k: int) -> tuple[int, Objective]:
    """Peak growth in bytes, and the loss, which keeps what it holds alive."""
    gc.collect()
    CLEAR.write_text("5", encoding="utf-8")  # the largest size so far is forgotten
    before = kilobytes("VmRSS")
    network = TwoLayerNetwork(d, m, "sin(z + pi/4)", dtype=torch.float32)
    x = sphere(n, d, math.sqrt(d), generator(1), torch.float32)
    y = torch.randn(n, generator=generator(2))
    objective = Objective(network, x, y, PenaltyWeights(), GoodDirections(network, k))
    train(objective, small_start(network, 0.3, 0), GradientDescent(), steps=20)
    return (kilobytes("VmHWM") - before) * 1024, objective


def main() -> None:
    """Print peak, what is held, and their ratio."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("--d", 64), ("--m", 640), ("--n", 768), ("--k", 1)):
        options.add_argument(name, type=int, default=value)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    run(8, 16, 32, 1)  # what torch and its libraries take once
    base = alive()
    peak, objective = run(chosen.d, chosen.m, chosen.n, chosen.k)
    held = alive() - base
    del objective
    if chosen.json:
        print(json.dumps({"name": "memory", "peak": peak, "held": held, "ratio": peak / held}))
    else:
        print(f"peak {peak / 2**20:.1f} MiB, held {held / 2**20:.1f} MiB, ratio {peak / held:.2f}")


if __name__ == "__main__":
    main()
