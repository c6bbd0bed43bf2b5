"""escape-ntk beside other libraries: how far they agree on the same numbers, and ratios of their times in one run.

    python benchmarks/comparison.py                       every comparison whose library is installed
    python benchmarks/comparison.py --only gram hessian   some of them
    python benchmarks/comparison.py --eigenlearning DIR   a folder with eigenlearning's theory.py

The others are no dependencies. An environment on top of escape-ntk's own, on Python 3.11, is enough:

    pip install "jax[cpu]==0.4.30" neural-tangents==0.6.5 curvlinops-for-pytorch geometric_kernels

Each line of the table has the task, the relative difference of the results, and the other's time over ours: the median,
and the range, of ratios of calls that follow each other, after one round that is not counted. One thread for torch and
for XLA, float32 for networks. Compilation is not counted. A ratio above 1 says that escape-ntk is faster.
"""

from __future__ import annotations

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib.metadata
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from numerics import Harmonics, Objective, PenaltyWeights, TwoLayerNetwork, generator, hessian_vector, ntk_gram, sphere
from theory import Spectrum, kernel_ridge_risk, ntk_spectrum

Call = Callable[[], Any]
ACTIVATION = "sin(z + pi/4)"


@dataclass(frozen=True)
class Sizes:
    """d, m, n of the networks, n of the Gram matrix, how often each call is timed, the folder of eigenlearning."""

    d: int
    m: int
    n: int
    gram_n: int
    repetitions: int
    eigenlearning: Path | None


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    task: str
    other: str
    difference: float
    ratios: tuple[float, ...]

    def __str__(self) -> str:
        low, high = min(self.ratios), max(self.ratios)
        speed = f"{statistics.median(self.ratios):.3g} ({low:.3g} to {high:.3g})"
        return f"| {self.task} | {self.other} | {self.difference:.1e} | {speed} |"


def ratios(other: Call, ours: Call, repetitions: int) -> tuple[float, ...]:
    """Times of the other over ours, the calls in turn."""
    found = []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        other()
        between = time.perf_counter()
        ours()
        found.append((between - start) / (time.perf_counter() - between))
    return tuple(found[1:])


def apart(other: Any, ours: Any) -> float:
    """The difference in norm, relative to ours."""
    a, b = np.asarray(other, dtype=np.float64).ravel(), np.asarray(ours, dtype=np.float64).ravel()
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def problem(sizes: Sizes) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A network in float32, inputs, labels and a displacement."""
    network = TwoLayerNetwork(sizes.d, sizes.m, ACTIVATION, seed=0, dtype=torch.float32)
    x = sphere(sizes.n, sizes.d, math.sqrt(sizes.d), generator(1), torch.float32)
    y = torch.randn(sizes.n, generator=generator(2))
    W = torch.randn(sizes.m, sizes.d, generator=generator(3)) / 16
    return network, x, y, W


def in_jax(network: TwoLayerNetwork) -> tuple[Any, Any, Any]:
    """The same network for neural-tangents: jax.numpy, f(W, x) and its weights."""
    import jax.numpy as jnp

    w, a, m = jnp.asarray(network.w.numpy()), jnp.asarray(network.a.numpy()), network.m

    def f(W: Any, x: Any) -> Any:
        return jnp.sin(x @ W.T + jnp.pi / 4) @ a / m**0.5

    return jnp, f, w


def gram(sizes: Sizes) -> list[Row]:
    """The Gram matrix of the empirical NTK of one network, by two of the other's methods.

    Its third, products of the kernel with vectors, takes memory for every pair of inputs and is left out.
    """
    import jax
    import neural_tangents as nt

    network, x, _, _ = problem(replace(sizes, n=sizes.gram_n))
    jnp, f, w = in_jax(network)
    inputs = jnp.asarray(x.numpy())
    calls: dict[str, Call] = {}
    for method in (
        nt.NtkImplementation.JACOBIAN_CONTRACTION,
        nt.NtkImplementation.STRUCTURED_DERIVATIVES,
    ):
        kernel = jax.jit(nt.empirical_ntk_fn(lambda W, x: f(W, x)[:, None], vmap_axes=0, implementation=method))

        def call(kernel: Any = kernel) -> Any:
            return kernel(inputs, None, w).block_until_ready()

        calls[method.name.lower().replace("_", " ")] = call

    rows = []
    for name, one in calls.items():
        try:
            difference = apart(one(), ntk_gram(network, x))
        except AttributeError as error:  # of a JAX that is newer than neural-tangents
            sys.stderr.write(f"{name}: left out ({error})\n")
            continue
        found = ratios(one, lambda: ntk_gram(network, x), sizes.repetitions)
        rows.append(Row(f"NTK Gram matrix, n = {sizes.gram_n} ({name})", "neural-tangents", difference, found))
    return rows


def gradient(sizes: Sizes) -> list[Row]:
    """The gradient of the squared loss of the second-order Taylor model.

    Both know the inputs beforehand: XLA folds what depends on them alone, and ours keeps tables of sigma' and sigma''.
    """
    import jax
    import neural_tangents as nt

    network, x, y, W = problem(sizes)
    jnp, f, w = in_jax(network)
    inputs, labels, moved = jnp.asarray(x.numpy()), jnp.asarray(y.numpy()), w + jnp.asarray(W.numpy())
    expanded = nt.taylor_expand(f, w, 2)
    compiled = jax.jit(jax.grad(lambda V: ((expanded(V, inputs) - labels) ** 2).mean()))
    objective = Objective(network, x, y, PenaltyWeights(r4=0.0), model="taylor")

    def other() -> Any:
        return compiled(moved).block_until_ready()

    def ours() -> torch.Tensor:
        return objective.value_and_gradient(W)[1]

    found = ratios(other, ours, sizes.repetitions)
    return [Row("gradient of the Taylor model's loss", "neural-tangents", apart(other(), ours()), found)]


def hessian(sizes: Sizes) -> list[Row]:
    """A product with the Hessian of the network's own squared loss."""
    from curvlinops import HessianLinearOperator

    network, x, y, W = problem(sizes)
    objective = Objective(network, x, y, PenaltyWeights(r4=0.0), model="network")

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W = torch.nn.Parameter((network.w + W).clone())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (torch.sin(x @ self.W.T + math.pi / 4) @ network.a / network.m**0.5)[:, None]

    layer, V = Layer(), torch.randn(sizes.m, sizes.d, generator=generator(4))
    loss = torch.nn.MSELoss()
    data = [(x, y[:, None])]
    operator = HessianLinearOperator(layer, loss, list(layer.parameters()), data, check_deterministic=False)

    def other() -> torch.Tensor:
        return operator @ V.ravel()

    def ours() -> torch.Tensor:
        return hessian_vector(objective, W, V)

    found = ratios(other, ours, sizes.repetitions)
    return [Row("product with the Hessian of the network's loss", "curvlinops", apart(other().detach(), ours()), found)]


def harmonics(sizes: Sizes) -> list[Row]:
    """N(d,l) P_l(t): the other's addition formula against our orthonormal harmonics, one by one, in float64."""
    import geometric_kernels.torch  # noqa: F401
    from geometric_kernels.spaces import Hypersphere

    d, degrees = 8, 5
    x = sphere(256, d, 1.0, generator(5), torch.float64)
    functions = Hypersphere(d - 1).get_eigenfunctions(degrees)

    def other() -> torch.Tensor:
        return functions.phi_product(x, x)[..., 1:]

    own = [Harmonics(d, degree) for degree in range(1, degrees)]

    def ours() -> torch.Tensor:
        return torch.stack([values @ values.T for values in (harmonics.values(x) for harmonics in own)], dim=-1)

    found = ratios(other, ours, sizes.repetitions)
    return [
        Row(
            f"sums over all harmonics of a degree, d = {d}, l = 1 to 4",
            "geometric_kernels",
            apart(other(), ours()),
            found,
        )
    ]


def risk(sizes: Sizes) -> list[Row]:
    """The predicted test risk of kernel ridge regression, from the same eigenvalues."""
    import jax

    if sizes.eigenlearning is None:
        raise ImportError("give --eigenlearning DIR")
    jax.config.update("jax_enable_x64", True)
    specification = importlib.util.spec_from_file_location("eigenlearning_theory", sizes.eigenlearning / "theory.py")
    if specification is None or specification.loader is None:
        raise ImportError(f"--eigenlearning {sizes.eigenlearning}: holds no theory.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    exact = ntk_spectrum("tanh(z + 1)", d=20, max_degree=4)
    values = [float(value.mid()) for value in exact.eigenvalues]
    counts = [int(count) for count in exact.multiplicities]
    same = Spectrum.from_eigenvalues(values, multiplicities=counts)
    theirs = module.Spectrum(values, counts)
    energies = {1: 1.0, 2: 1.0}
    order = [math.sqrt(energies.get(degree, 0.0)) for degree in theirs.kk]

    def other() -> float:
        found = module.theoretical_predictions(200, jax.numpy.asarray(order), theirs, ridge=0.1, noise_std=0.1)
        return float(found["test_mse"])

    def ours() -> float:
        return float(kernel_ridge_risk(same, 200, 0.1, energies, noise=0.01))

    found = ratios(other, ours, sizes.repetitions)
    return [Row("test risk of ridge regression, n = 200", "eigenlearning", apart(other(), ours()), found)]


COMPARISONS: dict[str, Callable[[Sizes], list[Row]]] = {
    "gram": gram,
    "gradient": gradient,
    "hessian": hessian,
    "harmonics": harmonics,
    "risk": risk,
}
PACKAGES = ("torch", "numpy", "jax", "neural-tangents", "curvlinops-for-pytorch", "geometric_kernels")


def versions() -> str:
    """Of the libraries that are here."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {torch.__version__ if name == 'torch' else importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--d", type=int, default=64)
    parser.add_argument("--m", type=int, default=4096)
    parser.add_argument("--n", type=int, default=1024)
    parser.add_argument("--gram-n", type=int, default=512, help="inputs of the Gram matrix; 1024 takes some 10 GB")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=COMPARISONS, default=list(COMPARISONS))
    parser.add_argument("--eigenlearning", type=Path)
    options = parser.parse_args()
    sizes = Sizes(options.d, options.m, options.n, options.gram_n, options.repetitions, options.eigenlearning)
    torch.set_num_threads(1)
    print(f"d = {sizes.d}, m = {sizes.m}, n = {sizes.n}, one thread, medians of {sizes.repetitions}; {versions()}\n")
    print("| task | other | relative difference | other's time / ours |\n|---|---|---|---|")
    for name in options.only:
        try:
            for row in COMPARISONS[name](sizes):
                print(row, flush=True)
        except ImportError as missing:
            sys.stderr.write(f"{name}: left out ({missing})\n")


if __name__ == "__main__":
    main()
