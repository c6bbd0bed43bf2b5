"""What is compared between one process and several; as a script, one of the several.

    torchrun --nproc-per-node 2 tests/numerics/sharded_worker.py FOLDER

saves in FOLDER/<rank>.pt what each network of ``NETWORKS`` gives in that process: the sharded one and those with a
planted error.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import torch

from numerics.covariance import FeatureCovariance
from numerics.curvature import extreme_eigenvalue, hessian_vector
from numerics.directions import GoodDirections
from numerics.distributed import ShardedNetwork, process_group
from numerics.kernels import NTKOperator, ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.r1 import FreshInputs
from numerics.terms.weights import PenaltyWeights
from theory.activations import Activation

D, M, N, STEPS = 5, 64, 12, 3
SIGMA = Activation.parse("tanh(z + 1)")
CASES = tuple(product(("taylor", "network"), (1, 2), (4, 8)))
"""Model, k and the power of R4."""


class Counted(ShardedNetwork):
    """The sharded network, with a count of its exchanges."""

    exchanges = 0

    def reduce(self, partial: torch.Tensor) -> torch.Tensor:
        self.exchanges += 1
        return super().reduce(partial)

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        self.exchanges += 1
        return super().gather(rows)


class NoSum(Counted):
    """Planted: sums stay partial."""

    def reduce(self, partial: torch.Tensor) -> torch.Tensor:
        return partial


class SummedTwice(Counted):
    """Planted: sums that were complete are added again."""

    def reduce(self, partial: torch.Tensor) -> torch.Tensor:
        return super().reduce(super().reduce(partial))


class NoGather(Counted):
    """Planted: the pairs kept here stand for those kept elsewhere."""

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([rows] * self.world, dim=-2)


class FirstShare(Counted):
    """Planted: every process keeps the first pairs."""

    @property
    def first_pair(self) -> int:
        return 0


NETWORKS: dict[str, type[Counted]] = {c.__name__: c for c in (Counted, NoSum, SummedTwice, NoGather, FirstShare)}


def results(network: TwoLayerNetwork, cases: Sequence[tuple[str, int, int]], cache: bool) -> dict[str, torch.Tensor]:
    """Everything by name, displacements whole."""
    gen = generator(7)
    x, unlabeled, other = (sphere(n, D, math.sqrt(D), gen) for n in (N, 9, 8))
    y = torch.randn(N, generator=gen, dtype=torch.float64)
    W, V = (
        network.scatter(0.3 * torch.randn(*network.batch, M, D, generator=gen, dtype=torch.float64)) for _ in range(2)
    )
    covariance = FeatureCovariance(network, cache=cache)
    fresh = FreshInputs(0.3, seed=5, count=6, law="sphere")
    own = GoodDirections(network, 1, "jacobian", x)
    training = PenaltyWeights(r1=0.7, r3=0.0, r1_modes=("training",))
    _, slope = Objective(network, x, y, training, own, fresh=fresh, cache=cache).value_and_gradient(W)
    found = {
        "weights": network.collect(network.w),
        "forward": network.forward(x, W),
        "linear": network.linear(x, W),
        "quadratic": network.quadratic(x, W),
        "cross": network.cross(x, W, V),
        "covariance.matmul": network.collect(covariance.matmul(W)),
        "covariance.energy": covariance.energy(W),
        "covariance.sign_energy": covariance.sign_energy(W),
        "jacobian projection": network.collect(own.project(W)),
        "jacobian gradient": network.collect(slope),
    }
    if not network.batch:
        ntk = NTKOperator(network, x, cache=cache)
        found |= {
            "ntk_gram": ntk_gram(network, x, W=W),
            "ntk.matmul": ntk.matmul(y),
            "ntk.evaluate": ntk.evaluate(other, y),
            "ntk.displacement": network.collect(ntk.displacement(y)),
        }
    for k in sorted({k for _, k, _ in cases}):
        directions = GoodDirections(network, k)
        shuffled = directions.random_subspace(3)
        found |= {
            f"k={k} projection": network.collect(directions.project(W)),
            f"k={k} features": directions.features(x),
            f"k={k} sign_energy": directions.sign_energy(W),
            f"k={k} shuffled": network.collect(shuffled.project(W)),
            f"k={k} angles": directions.principal_angles(shuffled),
        }
        for model, power in [(model, power) for model, low, power in cases if low == k]:
            weights = PenaltyWeights(0.7, 1.0, 0.9, 0.05, ("exact", "training", "unlabeled"), power)
            objective = Objective(network, x, y, weights, directions, model, "squared", unlabeled, cache, fresh)
            parts, gradient = objective.value_and_gradient(W)
            case = f"{model} k={k} power={power}"
            found |= {f"{case} {f.name}": getattr(parts, f.name) for f in dataclasses.fields(parts)}
            found[f"{case} gradient"] = network.collect(gradient)
            found[f"{case} hessian_vector"] = network.collect(hessian_vector(objective, W, V))
            trained = W
            for _ in range(STEPS):
                trained = trained - 0.05 * objective.value_and_gradient(trained)[1]
            found[f"{case} trained"] = network.collect(trained)
            found[f"{case} predict"] = objective.predict(other, trained)
    return found


def refusals(network: ShardedNetwork) -> dict[str, str]:
    """Messages of what a sharded network refuses, by call."""
    local, full = torch.zeros(network.w.shape, dtype=torch.float64), torch.zeros(M, D, dtype=torch.float64)
    x = sphere(N, D, math.sqrt(D), generator(0))
    calls: dict[str, Callable[[], object]] = {
        "width": lambda: ShardedNetwork(D, 62, SIGMA),
        "eigen": lambda: GoodDirections(network, 1, "eigen"),
        "dense": lambda: FeatureCovariance(network).dense(),
        "eigenvalue": lambda: extreme_eigenvalue(Objective(network, x, x[:, 0]), local, "largest"),
        "scatter": lambda: network.scatter(local),
        "collect": lambda: network.collect(full),
        "gather": lambda: network.gather(full),
        "autograd": lambda: network.forward(x, local.requires_grad_()),
    }
    messages = {}
    for name, call in calls.items():
        try:
            call()
        except (ValueError, RuntimeError) as error:
            messages[name] = f"{type(error).__name__}: {error}"
    return messages


def main(folder: Path) -> None:
    with process_group():
        saved: dict[str, object] = {}
        for name, kind in NETWORKS.items():
            network = kind(D, M, SIGMA, seed=1)
            # Processes with unequal memory decide differently about caches: the exchanges must not depend on it.
            saved[name] = results(network, CASES, cache=network.rank == 0)
            saved[f"{name} exchanges"] = network.exchanges
        batch = Counted(D, M, SIGMA, seed=(1, 2))
        saved["batch"] = results(batch, CASES[:1], cache=True)
        saved["member"] = results(batch.member(1), CASES[:1], cache=True)
        saved["refusals"] = refusals(Counted(D, M, SIGMA, seed=1))
        torch.save(saved, folder / f"{batch.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
