"""escape-ntk beside other libraries: how far they agree on the same numbers, and ratios of their times in one run.

    python benchmarks/comparison.py                       every comparison whose library is installed
    python benchmarks/comparison.py --only gram hessian   some of them
    python benchmarks/comparison.py --eigenlearning DIR   a folder with eigenlearning's theory.py

The others are no dependencies. An environment on top of escape-ntk's own, on Python 3.11, is enough:

    pip install "jax[cpu]==0.4.30" neural-tangents==0.6.5 curvlinops-for-pytorch geometric_kernels scikit-learn

Ratios are our time over the other's (see measure.py), below 1 where escape-ntk is faster, each after a line with the
relative difference of the results. One thread for torch and for XLA, float32 for networks. Compilation is not counted.
Each comparison has a process of its own, as the libraries of one crash beside those of another.
"""

from __future__ import annotations

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib.metadata
import importlib.util
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import Bench, Call, parser

from numerics import (
    Harmonics,
    KernelRidge,
    Objective,
    PenaltyWeights,
    TwoLayerNetwork,
    generator,
    hessian_vector,
    ntk_gram,
    sphere,
)
from theory import Spectrum, kernel_ridge_risk, ntk_spectrum

ACTIVATION = "sin(z + pi/4)"


@dataclass(frozen=True)
class Sizes:
    """d, m, n of the networks, n of the Gram matrix, the folder of eigenlearning."""

    d: int
    m: int
    n: int
    gram_n: int
    eigenlearning: Path | None


@dataclass(frozen=True)
class Row:
    """A task that two libraries do.

    Attributes:
        name: of the ratio. against: the other. difference: of the results, relative. other, ours: the calls.
    """

    name: str
    against: str
    difference: float
    other: Call
    ours: Call


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
    from jax._src import source_info_util
    from jax.interpreters import ad

    for name, value in (("config", jax.config), ("source_info_util", source_info_util)):
        if not hasattr(ad, name):  # JAX took them away; neural-tangents 0.6.5 reads them there
            setattr(ad, name, value)
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

    def ours() -> torch.Tensor:
        return ntk_gram(network, x)

    rows = []
    for name, one in calls.items():
        against = f"neural-tangents' empirical_ntk_fn, {name}, n = {sizes.gram_n}"
        rows.append(Row(f"gram-neural-tangents-{name.split()[0]}", against, apart(one(), ours()), one, ours))
    return rows


def gradient(sizes: Sizes) -> list[Row]:
    """The gradient of the squared loss of the second-order Taylor model, which ours takes with kept sigma' and sigma''.

    The other's is jitted as in its own examples, as a function of weights, inputs and labels; and "folded", with
    inputs and labels as constants, where XLA evaluates all that depends on them alone when it compiles.
    """
    import jax
    import neural_tangents as nt

    network, x, y, W = problem(sizes)
    jnp, f, w = in_jax(network)
    inputs, labels, moved = jnp.asarray(x.numpy()), jnp.asarray(y.numpy()), w + jnp.asarray(W.numpy())
    expanded = nt.taylor_expand(f, w, 2)
    slope = jax.grad(lambda V, x, y: ((expanded(V, x) - y) ** 2).mean())
    compiled, folded = jax.jit(slope), jax.jit(lambda V: slope(V, inputs, labels))
    objective = Objective(network, x, y, PenaltyWeights(r4=0.0), model="taylor")

    def other() -> Any:
        return compiled(moved, inputs, labels).block_until_ready()

    def constant() -> Any:
        return folded(moved).block_until_ready()

    def ours() -> torch.Tensor:
        return objective.value_and_gradient(W)[1]

    against = "neural-tangents' taylor_expand, jitted gradient"
    return [
        Row("gradient-neural-tangents", against, apart(other(), ours()), other, ours),
        Row("gradient-neural-tangents-folded", f"{against}, folded", apart(constant(), ours()), constant, ours),
    ]


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

    against = "curvlinops' HessianLinearOperator"
    return [Row("hessian-curvlinops", against, apart(other().detach(), ours()), other, ours)]


def ridge(sizes: Sizes) -> list[Row]:
    """Kernel ridge regression with sixteen ridges on one Gram matrix, in float64."""
    from sklearn.kernel_ridge import KernelRidge as Theirs

    network, x, y, _ = problem(replace(sizes, n=sizes.gram_n))
    gram = ntk_gram(TwoLayerNetwork(sizes.d, network.m, ACTIVATION), x.double()) / sizes.d
    labels, array = y.double(), gram.numpy()
    levels = [2.0**j for j in range(-8, 8)]

    def other() -> Any:
        return np.stack([Theirs(alpha=a, kernel="precomputed").fit(array, labels.numpy()).dual_coef_ for a in levels])

    def ours() -> torch.Tensor:
        solver = KernelRidge(gram, labels)
        return torch.stack([solver.coefficients(level) for level in levels])

    against = f"scikit-learn's KernelRidge, {len(levels)} ridges, n = {sizes.gram_n}"
    return [Row("ridge-scikit-learn", against, apart(other(), ours()), other, ours)]


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

    against = f"geometric_kernels' addition formula, d = {d}, l = 1 to 4"
    return [Row("harmonics-geometric-kernels", against, apart(other(), ours()), other, ours)]


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

    return [Row("risk-eigenlearning", "eigenlearning's predictions, n = 200", apart(other(), ours()), other, ours)]


COMPARISONS: dict[str, Callable[[Sizes], list[Row]]] = {
    "gram": gram,
    "gradient": gradient,
    "hessian": hessian,
    "ridge": ridge,
    "harmonics": harmonics,
    "risk": risk,
}
PACKAGES = ("torch", "numpy", "jax", "neural-tangents", "curvlinops-for-pytorch", "geometric_kernels", "scikit-learn")


def versions() -> str:
    """Of the libraries that are here."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {torch.__version__ if name == 'torch' else importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def one_by_one(names: Sequence[str]) -> int:
    """Each of these comparisons with the options of this process; the first status that is not 0, or 0."""
    for name in names:
        done = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--only", name], check=False)
        if done.returncode:
            sys.stderr.write(f"{name}: ended with status {done.returncode}\n")
            return done.returncode
    return 0


def main() -> int:
    """Print the ratios."""
    options: argparse.ArgumentParser = parser(__doc__)
    options.add_argument("--d", type=int, default=64)
    options.add_argument("--m", type=int, default=4096)
    options.add_argument("--n", type=int, default=1024)
    options.add_argument("--gram-n", type=int, default=1024, help="inputs of the Gram matrix")
    options.add_argument("--only", nargs="+", choices=COMPARISONS, default=list(COMPARISONS))
    options.add_argument("--eigenlearning", type=Path)
    chosen = options.parse_args()
    d, m, n, gram_n = (32, 1024, 512, 256) if chosen.small else (chosen.d, chosen.m, chosen.n, chosen.gram_n)
    if len(chosen.only) > 1:
        return one_by_one(chosen.only)
    (name,) = chosen.only
    sizes, bench = Sizes(d, m, n, gram_n, chosen.eigenlearning), Bench(chosen)
    bench.say(f"{name}: d = {sizes.d}, m = {sizes.m}, n = {sizes.n}; {versions()}")
    try:
        for row in COMPARISONS[name](sizes):
            bench.say(f"{row.against}: results differ by {row.difference:.1e}, relatively")
            bench.compare({row.against: row.other, "ours": row.ours}, {row.name: ("ours", row.against)})
    except ImportError as missing:
        bench.skip(name, str(missing).partition(" from ")[0])  # what follows names files of this machine
    return 0


if __name__ == "__main__":
    sys.exit(main())
