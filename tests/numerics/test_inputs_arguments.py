"""Arguments of constructors and functions: each bad one is refused in one sentence with the remedy."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

from numerics import (
    Adam,
    Estimate,
    FeatureCovariance,
    GoodDirections,
    GradientDescent,
    Harmonics,
    KernelRidge,
    NTKOperator,
    Objective,
    PenaltyWeights,
    PerturbedGradientDescent,
    Target,
    TwoLayerNetwork,
    extreme_eigenvalue,
    generator,
    iterative_kernel_ridge,
    lipschitz_constant,
    random_signs,
    small_start,
    sphere,
    train,
)
from numerics.quadrature import gauss_rule
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")
D, M, N = 4, 8, 6
NAN = math.nan
X = sphere(N, D, 2.0, generator(0))
W = torch.randn(M, D, generator=generator(1), dtype=torch.float64)
Y = X[:, 0].clone()
BAD_SEEDS = [
    1.2,
    1.0,
    "12",
    b"12",
    True,
    -1,
    2**64,
    None,
    NAN,
    [1, 2.0],
    ["1"],
    [],
    {1, 2},
    np.array([0.5]),
    [0, 2**32],
]


@pytest.fixture(scope="module")
def network() -> TwoLayerNetwork:
    return TwoLayerNetwork(D, M, SIGMA)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda n: KernelRidge(torch.zeros(0, 0), torch.zeros(0)), "n >= 1"),
        (lambda n: KernelRidge(torch.eye(3), 1.0), "y of shape ()"),
        (lambda n: KernelRidge(torch.eye(3).long(), torch.ones(3)), "gram is torch.int64: needs float32 or float64"),
        (lambda n: KernelRidge(torch.eye(3), torch.ones(3)).predict(torch.ones(2, 4), 1.0), "needs (n_test, 3)"),
        (
            lambda n: KernelRidge(torch.eye(3), torch.ones(3)).predict(torch.ones(2, 3).double(), 1.0),
            "use cross_gram.to",
        ),
        (lambda n: KernelRidge(torch.eye(3), torch.ones(3)).coefficients("1"), "ridge='1': needs a finite ridge >= 0"),
        (lambda n: KernelRidge(torch.eye(3), torch.ones(3)).coefficients(-1e-9), "ridge=-1e-09"),
        (lambda n: KernelRidge(torch.eye(3, dtype=torch.float64) * 1e300, torch.ones(3)), "overflow"),
        (lambda n: KernelRidge(torch.eye(3), torch.tensor([True, False, True])), "needs real numbers"),
        (lambda n: iterative_kernel_ridge(NTKOperator(n, X), Y[:3], 1.0), "needs"),
        (lambda n: iterative_kernel_ridge(NTKOperator(n, X), Y[:0], 1.0), "needs n finite labels"),
        (lambda n: NTKOperator(n, X).matmul(Y[:3]), "v of shape (3,): needs (6,)"),
        (lambda n: NTKOperator(n, X).columns([0.5]), "needs integers"),
        (lambda n: NTKOperator(n, X).columns([N]), "needs 0 <= index < n"),
        (lambda n: Objective(X, n, Y), "needs a TwoLayerNetwork"),
        (lambda n: Objective(n, X, Y, weights=1.0), "needs numerics.PenaltyWeights"),
        (lambda n: Objective(n, X, Y, loss=["squared"]), "needs one of"),
        (lambda n: Objective(n, X, Y, directions=1), "directions belong to another network"),
        (lambda n: PenaltyWeights(r1="1"), "r1='1': needs a finite weight"),
        (lambda n: PenaltyWeights(r1=True), "r1=True"),
        (lambda n: PenaltyWeights(r1_modes=(["exact"],)), "r1_modes"),
        (lambda n: PenaltyWeights(r4_power=4.0), "r4_power=4.0"),
        (lambda n: train(n, W, Adam(), 1), "needs a numerics.Objective"),
        (lambda n: train(Objective(n, X, Y), W, Adam(), 2.0), "steps=2.0"),
        (lambda n: train(Objective(n, X, Y), W, Adam(), 1, test=X), "needs a pair"),
        (lambda n: train(Objective(n, X, Y), W, Adam(), 1, test=(X[:0], Y[:0])), "test inputs of shape (0, 4)"),
        (lambda n: small_start(n, NAN, 0), "scale=nan"),
        (lambda n: small_start(n, -1.0, 0), "scale=-1.0"),
        (lambda n: Adam("0.1"), "rate='0.1'"),
        (lambda n: GradientDescent(remeasure=1.5), "remeasure=1.5"),
        (lambda n: lipschitz_constant(Objective(n, X, Y), W, 0), "iterations=0"),
        (lambda n: extreme_eigenvalue(Objective(n, X, Y), W, "largest", NAN), "tolerance=nan"),
        (lambda n: GoodDirections(n, 1).combine([1.0]), "needs (..., n_k = 5)"),
        (lambda n: GoodDirections(n, 1.0), "k=1.0"),
        (lambda n: FeatureCovariance(n).top(1.0), "count=1.0"),
        (lambda n: FeatureCovariance(n).half_matmul(W), "needs (4, 4)"),
        (lambda n: Harmonics(D, 2).values(X[:, :3]), "u of shape (6, 3)"),
        (lambda n: Harmonics(D, 2).tensors(torch.ones(3).double()), "needs (..., N = 9)"),
        (lambda n: gauss_rule(4, 2.5), "count=2.5"),
        (lambda n: sphere(0, D, 2.0, generator(0)), "n=0"),
        (lambda n: sphere(N, D, 2.0, None), "needs a torch.Generator"),
        (lambda n: sphere(N, D, "2", generator(0)), "radius='2'"),
        (lambda n: random_signs(0, generator(0)), "m=0"),
        (lambda n: n.member(1.5), "index"),
        (lambda n: Estimate.of([], 0), "at least 2"),
        (lambda n: TwoLayerNetwork(D, M, 3), "activation of type int: needs an Activation, a text"),
        (lambda n: TwoLayerNetwork(D, M, "tahn(z)"), "tahn"),
        (lambda n: TwoLayerNetwork(True, M, SIGMA), "d=True"),
        (lambda n: TwoLayerNetwork(D, 8.0, SIGMA), "m=8.0"),
        (lambda n: TwoLayerNetwork(D, -2, SIGMA), "m=-2"),
    ],
)
def test_bad_arguments(network: TwoLayerNetwork, call: Callable[[TwoLayerNetwork], object], needle: str) -> None:
    with pytest.raises((ValueError, IndexError), match=re.escape(needle)) as refused:
        call(network)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: Target.zonal(D, 1, torch.full((1, D), NAN), [1.0]), "directions has entries that are not finite"),
        (lambda: Target.zonal(D, 1, torch.ones(1, D), [math.inf]), "weights has entries that are not finite"),
        (lambda: Target.zonal(D, 1, torch.zeros((1, D), dtype=torch.float64), [1.0]), "non-zero finite rows"),
        (lambda: Target.zonal(D, -1, torch.ones(1, D), [1.0]), "degree=-1"),
        (lambda: Target.zonal(D, 1.0, torch.ones(1, D), [1.0]), "degree=1.0"),
        (lambda: Target.zonal(D, 1, torch.ones(1, D), 1.0), "directions of shape (1, 4)"),
        (lambda: Target(D, {1: (torch.ones(1), torch.ones(1, D))}), "needs |x|^2 = 1"),
        (lambda: Target(D, {"1": (torch.ones(1), torch.eye(D)[:1])}), "degree='1'"),
        (lambda: Target(D, {-1: (torch.ones(1), torch.eye(D)[:1])}), "degree=-1"),
        (lambda: Target.dense(D, 1, NAN, 0), "energy=nan"),
        (lambda: Target.dense(D, 1, "1", 0), "energy='1'"),
        (lambda: Target.sparse(D, 1, [NAN], 0), "alpha=nan"),
        (lambda: Target.sparse(D, 1, [], 0), "one or more"),
        (lambda: Target.dense(D, 1, 1.0, 0)(X[:0]), "needs (n, 4), n >= 1"),
        (lambda: Target.dense(D, 1, 1.0, 0)(X[0]), "needs (n, 4), n >= 1"),
        (lambda: Target.dense(D, 1, 1.0, 0)(X[:, :3]), "needs (n, 4), n >= 1"),
        (lambda: Target.dense(D, 1, 1.0, 0)(X * NAN), "not finite"),
    ],
)
def test_bad_targets(call: Callable[[], object], needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()


@pytest.mark.parametrize("seeds", [[3, 1], (3, 1), np.array([3, 1]), torch.tensor([3, 1]), range(3, 0, -2)])
def test_several_seeds(seeds: object) -> None:
    assert torch.equal(TwoLayerNetwork(D, M, SIGMA, seeds).w, TwoLayerNetwork(D, M, SIGMA, (3, 1)).w)


@pytest.mark.parametrize("seed", BAD_SEEDS, ids=repr)
def test_bad_seeds(seed: object) -> None:
    calls: list[Callable[[], object]] = [lambda: TwoLayerNetwork(D, M, SIGMA, seed)]
    if not isinstance(seed, list | set | np.ndarray):
        network = TwoLayerNetwork(D, M, SIGMA)
        calls += [
            lambda: generator(seed),
            lambda: Target.dense(D, 1, 1.0, seed),
            lambda: Target.sparse(D, 1, [1.0], seed),
            lambda: small_start(network, 1.0, seed),
            lambda: PerturbedGradientDescent(seed=seed),
            lambda: GoodDirections(network, 1).random_subspace(seed),
            lambda: Estimate.of(Y, seed),
        ]
    for call in calls:
        with pytest.raises(ValueError, match="seed"):
            call()


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.bfloat16, torch.complex128, torch.bool, "float32"])
def test_bad_dtypes(dtype: object) -> None:
    calls = (
        lambda: TwoLayerNetwork(D, M, SIGMA, dtype=dtype),
        lambda: sphere(N, D, 2.0, generator(0), dtype),
        lambda: Harmonics(D, 2, dtype),
    )
    for call in calls:
        with pytest.raises(ValueError, match=re.escape("needs torch.float32 or torch.float64")):
            call()


@pytest.mark.parametrize("device", ["meta", "gpu", "cuda:77", "mps", None, 3.5])
def test_bad_devices(device: object) -> None:
    for call in (lambda: TwoLayerNetwork(D, M, SIGMA, device=device), lambda: generator(0, device)):
        with pytest.raises(ValueError, match="device="):
            call()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_cuda_without_a_card() -> None:
    for call in (lambda: TwoLayerNetwork(D, M, SIGMA, device="cuda"), lambda: Harmonics(D, 2, device="cuda")):
        with pytest.raises(ValueError, match="torch sees 0 CUDA devices here; use device='cpu'"):
            call()
