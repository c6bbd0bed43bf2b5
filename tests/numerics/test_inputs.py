"""What callers hand in: converted at one door, or refused in one sentence with the remedy."""

import math
import re
from collections.abc import Callable
from contextlib import nullcontext
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch

from numerics import (
    LBFGS,
    Adam,
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
    hessian_vector,
    iterative_kernel_ridge,
    lipschitz_constant,
    ntk_gram,
    process_group,
    quadntk_gram,
    sign_variation,
    sparse_displacement,
    sphere,
    to_sphere,
    train,
)
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
    "hessian V",
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
        if name in ("ntk_gram", "train") and what == "None":  # at the initialisation; from a small start
            continue
        if what in ("NaN", "infinity") and name == "value":
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
        with pytest.raises(ValueError, match=re.escape("needs |x|^2 = 4; use numerics.to_sphere(")):
            call()
    training = PenaltyWeights(r1_modes=("training",))
    seen = pytest.warns(UserWarning, match=re.escape("|x|^2 = 4; use numerics.to_sphere(x)"))
    with nullcontext() if scale == 1 + 1e-12 else seen:  # rounding of float32 is no other law of the inputs
        Objective(network, off, Y, training, directions)
    Objective(network, off, Y, training, GoodDirections(network, 1, "jacobian", off, count=2))
    Objective(network, off, Y, exact, None)
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
    target(to_sphere(x))
    assert to_sphere(x).dtype == dtype
    target(sphere(200, d, d**0.5, generator(1)).to(dtype))


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
