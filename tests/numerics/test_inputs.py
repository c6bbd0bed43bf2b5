"""What callers hand in: converted at one door, or refused in one sentence with the remedy."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch

import numerics
from numerics import (
    LBFGS,
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
    WouldNotFit,
    extreme_eigenvalue,
    generator,
    hessian_vector,
    iterative_kernel_ridge,
    lipschitz_constant,
    ntk_gram,
    process_group,
    quadntk_gram,
    random_signs,
    sign_variation,
    small_start,
    sparse_displacement,
    sphere,
    train,
)
from numerics.quadrature import gauss_rule
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")
D, M, N = 4, 8, 6
NAN = math.nan


@pytest.fixture(scope="module")
def network() -> TwoLayerNetwork:
    return TwoLayerNetwork(D, M, SIGMA)


X = sphere(N, D, 2.0, generator(0))
W = torch.randn(M, D, generator=generator(1), dtype=torch.float64)
Y = X[:, 0].clone()


def test_numpy_integers_are_integers() -> None:
    one = np.int64(1)
    plain, found = TwoLayerNetwork(4, 8, SIGMA, 1), TwoLayerNetwork(one * 4, np.int32(8), SIGMA, np.uint8(1))
    assert torch.equal(found.w, plain.w)
    assert (type(found.d), type(found.m), type(found.seed)) == (int, int, int)
    assert torch.equal(sphere(one * N, one * D, np.float32(2), generator(one * 0)), X)
    assert torch.equal(Target.dense(one * D, one, one, one)(X), Target.dense(D, 1, 1.0, 1)(X))
    assert torch.equal(GoodDirections(plain, one).project(W), GoodDirections(plain, 1).project(W))
    assert Harmonics(one * D, one * 2).count == Harmonics(D, 2).count
    assert repr(Adam(np.float64(0.01))) == repr(Adam(0.01)), "a checkpoint knows a run by it"
    assert repr(PerturbedGradientDescent(wait=np.int64(50), seed=np.int64(0))) == repr(PerturbedGradientDescent())
    assert repr(PenaltyWeights(np.float64(1), r4_power=np.int64(4))) == repr(PenaltyWeights(1))
    run = train(Objective(plain, X, Y), W, LBFGS(np.int64(20)), np.int64(2), np.int64(1))
    assert torch.equal(run.W, train(Objective(plain, X, Y), W, LBFGS(), 2, 1).W)
    assert torch.equal(FeatureCovariance(plain).top(one * 2)[0], FeatureCovariance(plain).top(2)[0])


@pytest.mark.parametrize("seeds", [[3, 1], (3, 1), np.array([3, 1]), torch.tensor([3, 1]), range(3, 0, -2)])
def test_several_seeds(seeds: object) -> None:
    assert torch.equal(TwoLayerNetwork(D, M, SIGMA, seeds).w, TwoLayerNetwork(D, M, SIGMA, (3, 1)).w)


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
            lambda: GoodDirections(network, 1).shuffled(seed),
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


def calls_on_inputs(network: TwoLayerNetwork, x: object) -> dict[str, Callable[[], object]]:
    directions = GoodDirections(network, 1)
    return {
        "forward": lambda: network.forward(x, W),
        "linear": lambda: network.linear(x, W),
        "quadratic": lambda: network.quadratic(x, W),
        "cross": lambda: network.cross(x, W, W),
        "preactivations": lambda: network.preactivations(x),
        "ntk_gram": lambda: ntk_gram(network, x),
        "ntk_gram x2": lambda: ntk_gram(network, X, x),
        "quadntk_gram": lambda: quadntk_gram(network, x),
        "operator": lambda: NTKOperator(network, x).diagonal(),
        "evaluate": lambda: NTKOperator(network, X).evaluate(x, Y),
        "objective": lambda: Objective(network, x, Y).value_and_gradient(W)[1],
        "unlabeled": lambda: Objective(
            network, X, Y, PenaltyWeights(r1_modes=("unlabeled",)), directions, unlabeled=x
        ).value_and_gradient(W)[1],
        "predict": lambda: Objective(network, X, Y).predict(x, W),
        "features": lambda: directions.features(x),
        "train": lambda: train(Objective(network, X, Y), W, Adam(), 1, test=(x, Y)).curve("test_risk"),
    }


def calls_on_displacements(network: TwoLayerNetwork, W: object) -> dict[str, Callable[[], object]]:
    objective, directions, covariance = Objective(network, X, Y), GoodDirections(network, 1), FeatureCovariance(network)
    V = torch.ones(M, D, dtype=torch.float64)
    return {
        "forward": lambda: network.forward(X, W),
        "linear": lambda: network.linear(X, W),
        "quadratic": lambda: network.quadratic(X, W),
        "cross W": lambda: network.cross(X, W, V),
        "cross V": lambda: network.cross(X, V, W),
        "ntk_gram": lambda: ntk_gram(network, X, W=W),
        "value": lambda: objective.value_and_gradient(W)[1],
        "hessian W": lambda: hessian_vector(objective, W, V),
        "hessian V": lambda: hessian_vector(objective, V, W),
        "eigenvalue": lambda: extreme_eigenvalue(objective, W, "largest").vector,
        "lipschitz": lambda: lipschitz_constant(objective, W),
        "variation": lambda: torch.tensor(sign_variation(objective, W, V).total),
        "project": lambda: directions.project(W),
        "complement": lambda: directions.complement(W),
        "coordinates": lambda: directions.coordinates(W),
        "sign energy": lambda: directions.sign_energy(W),
        "matmul": lambda: covariance.matmul(W),
        "energy": lambda: covariance.energy(W),
        "covariance sign energy": lambda: covariance.sign_energy(W),
        "train": lambda: train(objective, W, GradientDescent(), 1).W,
    }


def test_arrays_and_lists_are_converted(network: TwoLayerNetwork) -> None:
    for name, expected in calls_on_inputs(network, X).items():
        for form in (X.numpy(), X.tolist(), X.numpy().astype(">f8"), np.asfortranarray(X.numpy())):
            assert torch.equal(calls_on_inputs(network, form)[name](), expected()), name
    for name, expected in calls_on_displacements(network, W).items():
        assert torch.equal(calls_on_displacements(network, W.numpy())[name](), expected()), name
    gram = ntk_gram(network, X)
    fit, fitted = KernelRidge(gram, Y), KernelRidge(gram.numpy(), Y.tolist())
    assert torch.equal(fitted.predict(gram.numpy(), np.float32(1)), fit.predict(gram, 1.0))
    operator = NTKOperator(network, X)
    found = iterative_kernel_ridge(operator, Y.numpy(), np.float64(1)).predict(X.numpy())
    assert torch.equal(found, iterative_kernel_ridge(operator, Y, 1.0).predict(X))
    target = Target.zonal(D, 1, np.eye(D), np.arange(1, D + 1))
    assert torch.equal(target(X.numpy()), target(X))
    assert torch.equal(Objective(network, X, np.sign(Y.numpy()).astype(int), loss="logistic").y, Y.sign())
    single = TwoLayerNetwork(D, M, SIGMA, dtype=torch.float32)
    assert ntk_gram(single, X.numpy()).dtype == torch.float32
    assert torch.equal(
        KernelRidge(gram.float(), Y).coefficients(1.0), KernelRidge(gram.float(), Y.float()).coefficients(1)
    )


STACKED = (
    "forward",
    "linear",
    "quadratic",
    "cross W",
    "cross V",
    "project",
    "complement",
    "coordinates",
    "sign energy",
    "matmul",
    "energy",
    "covariance sign energy",
)
"""Linear maps and quadratic forms of displacements take several at once."""


def bad_arrays(shape: tuple[int, ...], value: torch.Tensor) -> dict[str, object]:
    """Things that are no ``value``, by what is wrong with them."""
    holed = value.clone()
    holed[0, 0] = NAN
    infinite = value.clone()
    infinite[-1, -1] = math.inf
    masked = np.ma.masked_array(value.numpy(), mask=np.zeros(shape, dtype=bool))
    masked[0, 0] = np.ma.masked
    return {
        "float32": value.float(),
        "half": value.half(),
        "complex": value.to(torch.complex128),
        "integers": value.long(),
        "too few rows' length": value[:, :-1],
        "a vector": value[0],
        "nothing": value[:0],
        "another axis": value[None, None],
        "NaN": holed,
        "infinity": infinite,
        "text": "x",
        "texts": np.full(shape, "1.0"),
        "complex array": value.numpy() + 0j,
        "objects": value.numpy().astype(object),
        "ragged": [[1.0], [1.0, 2.0]],
        "None": None,
        "masked": masked,
        "sparse": value.to_sparse(),
        "meta": value.to("meta"),
        "a set": {1.0},
    }


@pytest.mark.parametrize("what", list(bad_arrays((N, D), X)))
def test_bad_inputs_and_displacements(network: TwoLayerNetwork, what: str) -> None:
    x, displaced = bad_arrays((N, D), X)[what], bad_arrays((M, D), W)[what]
    allowed = {"ntk_gram x2"} if what == "None" else set()
    for name, call in calls_on_inputs(network, x).items():
        if name not in allowed:
            with pytest.raises(ValueError, match=r"needs|not finite"):
                call()
    for name, call in calls_on_displacements(network, displaced).items():
        if name == "ntk_gram" and what == "None":
            continue
        if what in ("NaN", "infinity") and name in ("value", "hessian W", "hessian V"):
            assert not bool(torch.isfinite(call()).all()), "not finite in, not finite out: descent takes the step back"
            continue
        if what == "another axis" and name in STACKED:
            continue
        with pytest.raises(ValueError, match=r"needs|not finite"):
            call()


@pytest.mark.parametrize("rows", [1, 2, M // 2, M - 1, M + 2])
def test_a_short_displacement_is_not_broadcast(network: TwoLayerNetwork, rows: int) -> None:
    for call in calls_on_displacements(network, torch.ones(rows, D, dtype=torch.float64)).values():
        with pytest.raises(ValueError, match=re.escape(f"shape ({rows}, {D})")):
            call()


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
        (lambda: Target.zonal(D, 1, torch.full((1, D), 1e200, dtype=torch.float64), [1.0]), "non-zero finite rows"),
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


@pytest.mark.parametrize("scale", [1 + 1e-12, 0.5, 0.0])
def test_off_the_sphere(network: TwoLayerNetwork, scale: float) -> None:
    """R1 in population and targets are functions of the sphere; R1 on the inputs themselves is not."""
    directions, off = GoodDirections(network, 1), X.clone()
    off[2] *= scale
    exact = PenaltyWeights(r1_modes=("exact",))
    calls = (
        lambda: Objective(network, off, Y, exact, directions),
        lambda: Objective(network, X, Y, PenaltyWeights(r1_modes=("exact", "unlabeled")), directions, unlabeled=off),
        lambda: Target.dense(D, 2, 1.0, 0)(off),
    )
    for call in calls:
        with pytest.raises(ValueError, match=re.escape("needs |x|^2 = 4; use 4 ** 0.5 * ")):
            call()
    for weights, given in ((PenaltyWeights(r1_modes=("training",)), directions), (exact, None)):
        Objective(network, off, Y, weights, given)
    beta = torch.eye(D, dtype=torch.float64)[0] * scale
    with pytest.raises(ValueError, match=re.escape("needs |x|^2 = 1")):
        sparse_displacement(network, beta, 1.0, 1)


@pytest.mark.parametrize("d", [3, 50, 1000])
def test_normalised_inputs_are_on_the_sphere(dtype: torch.dtype, d: int) -> None:
    """The remedy helps: rows divided by their norm, from any start and in each precision, are accepted."""
    x = torch.rand(200, d, generator=generator(d), dtype=dtype) * 1000
    target = Target.sparse(d, 1, [1.0], 0)
    with pytest.raises(ValueError, match="use"):
        target(x)
    target(d**0.5 * x / x.norm(dim=-1, keepdim=True))
    target(sphere(200, d, d**0.5, generator(1)).to(dtype))


HUGE = 10**12


@pytest.mark.parametrize(
    "call",
    [
        lambda: TwoLayerNetwork(16, HUGE, SIGMA),
        lambda: TwoLayerNetwork(16, 2 * 10**200, SIGMA),
        lambda: TwoLayerNetwork(10**6, 10**8, SIGMA, range(100)),
        lambda: sphere(HUGE, 16, 4.0, generator(0)),
        lambda: sphere(10**400, 16, 4.0, generator(0)),
        lambda: random_signs(HUGE, generator(0)),
        lambda: Harmonics(1000, 8),
        lambda: Harmonics(10**6, 3),
        lambda: Target.dense(10**6, 2, 1.0, 0),
        lambda: Target.sparse(10**6, 2, [1.0] * 10**6, 0),
        lambda: gauss_rule(5, 10**7),
    ],
)
def test_memory_is_asked_for_first(call: Callable[[], object]) -> None:
    with pytest.raises(WouldNotFit, match=r"needs .* GiB on cpu, .* there; "):
        call()


def test_working_space_is_asked_for_first(network: TwoLayerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, target, basis = NTKOperator(network, X), Target.dense(D, 2, 1.0, 0), Harmonics(D, 2)
    covariance, objective = FeatureCovariance(network), Objective(network, X, Y)
    monkeypatch.setattr(numerics.memory, "SMALL", 1)
    monkeypatch.setattr(numerics.memory, "available_bytes", lambda device: 100)
    for call in (
        lambda: operator.matmul(torch.ones(N, 3, dtype=torch.float64)),
        lambda: target(X),
        target.energies,
        lambda: basis.values(X),
        lambda: covariance.top(2),
        lambda: extreme_eigenvalue(objective, W, "largest"),
    ):
        with pytest.raises(WouldNotFit):
            call()


def test_torch_out_of_memory_is_would_not_fit() -> None:
    """The net under what is asked first."""

    @numerics.precision.full_precision
    def takes() -> torch.Tensor:
        return torch.empty(2**57, dtype=torch.float64)

    with pytest.raises(WouldNotFit, match="use fewer inputs or a smaller width"):
        takes()


def test_a_process_group_of_cards_needs_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="gpu"), process_group("gpu"):
        pass


@pytest.mark.parametrize("value", [1, np.float32(1), Fraction(1), sp.Integer(1), torch.tensor(1.0), np.array(1.0)])
def test_numbers_of_every_kind(value: object) -> None:
    gram = torch.eye(3, dtype=torch.float64)
    assert torch.equal(KernelRidge(gram, [2, 4, 6]).coefficients(value), torch.tensor([1.0, 2.0, 3.0]).double())


def test_text_is_an_activation(network: TwoLayerNetwork) -> None:
    assert torch.equal(TwoLayerNetwork(D, M, "tanh(z + 1)").forward(X, W), network.forward(X, W))


def test_one_network_takes_several_displacements(network: TwoLayerNetwork) -> None:
    stack = torch.stack([W, 2 * W, W.flip(0)])
    for name in ("forward", "linear", "quadratic"):
        found = getattr(network, name)(X, stack)
        expected = torch.stack([getattr(network, name)(X, one) for one in stack])
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-14)
