"""What numerics returns can be pickled, copied, compared and hashed; objectives and operators compute after it."""

import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from flint import arb

import numerics
from numerics import (
    LBFGS,
    LOSSES,
    Adam,
    Construction,
    Estimate,
    FeatureCovariance,
    FreshInputs,
    GoodDirections,
    GradientDescent,
    HermiteTarget,
    KernelRidge,
    Norm,
    NTKOperator,
    Objective,
    PenaltyWeights,
    PerturbedGradientDescent,
    Relaxation,
    Target,
    TwoLayerNetwork,
    certified_bound,
    dense_construction,
    extreme_eigenvalue,
    generator,
    iterative_kernel_ridge,
    joint_construction,
    ntk_gram,
    optimality_gap,
    sign_variation,
    sphere,
    train,
)
from numerics.equality import ByValue, same

D, M, N = 4, 16, 12
NETWORK = TwoLayerNetwork(D, M, "tanh(z + 1)", seed=1)
X = sphere(N, D, 2.0, generator(0, purpose="inputs"))
Y = X[:, 0] * X[:, 1]
W = torch.randn(M, D, generator=generator(1), dtype=torch.float64) / 100
DIRECTIONS = GoodDirections(NETWORK, 1)


def round_trip(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 (bytes of our own)


def objective(size: float = 1.0, **settings: Any) -> Objective:
    return Objective(NETWORK, X, size * Y, PenaltyWeights(r3=0.0), DIRECTIONS, **settings)


def joint(size: float) -> Any:
    target = Target.dense(D, 1, 1.0, 0) + Target.sparse(D, 2, [size], 0)
    return joint_construction(NETWORK, target, 1, torch.ones(M))


# Each of them at two sizes: equal at the same one, different at another.
RESULTS: dict[str, Callable[[float], Any]] = {
    "Target": lambda s: Target.dense(D, 2, s, 0),
    "HermiteTarget": lambda s: HermiteTarget(D, {2: ([s], torch.eye(D, dtype=torch.float64)[:1])}),
    "Trajectory": lambda s: train(objective(s), W, steps=2),
    "Record": lambda s: train(objective(s), W, steps=1).records[-1],
    "Parts": lambda s: objective(s).value_and_gradient(W)[0],
    "Gap": lambda s: optimality_gap(objective(s), W),
    "Multipliers": lambda s: optimality_gap(objective(s), W).multipliers,
    "CertifiedBound": lambda s: certified_bound(objective(s), optimality_gap(objective(s), W).multipliers),
    "Construction": lambda s: dense_construction(NETWORK, Target.dense(D, 1, s, 0), 1),
    "JointConstruction": joint,
    "Norm": lambda s: Norm(1.0, arb("0.1") * s),
    "Eigenvalue": lambda s: extreme_eigenvalue(objective(s), s * W, "largest"),
    "RidgeSolution": lambda s: iterative_kernel_ridge(NTKOperator(NETWORK, X), s * Y, 1.0),
    "SignVariation": lambda s: sign_variation(objective(), W, s * W),
    "Estimate": lambda s: Estimate.of([s, 2 * s, 4 * s], 0),
    "PenaltyWeights": lambda s: PenaltyWeights(r1=s),
    "FreshInputs": lambda s: FreshInputs(s, 0),
    "Loss": lambda s: LOSSES["huber" if s == 1 else "hinge"],
    "GradientDescent": lambda s: GradientDescent(s),
    "Adam": lambda s: Adam(s),
    "LBFGS": lambda s: LBFGS(round(10 * s)),
    "PerturbedGradientDescent": lambda s: PerturbedGradientDescent(s),
}


def test_every_public_record_is_among_them() -> None:
    public = {name for name in numerics.__all__ if dataclasses.is_dataclass(getattr(numerics, name))}
    assert public == set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_records_are_equal_by_value(name: str) -> None:
    """Pickled, copied or made again it is the same, with the same hash; at another size it is not."""
    one, other = RESULTS[name](1.0), RESULTS[name](2.0)
    for again in (round_trip(one), copy.deepcopy(one), copy.copy(one), RESULTS[name](1.0)):
        assert again == one
        assert hash(again) == hash(one)
        assert again in {one}
    assert one != other
    assert one != name
    assert type(one).__name__ == name


HOLDERS: dict[str, tuple[Callable[[], Any], Callable[[Any], torch.Tensor]]] = {
    "Objective": (objective, lambda o: o.value_and_gradient(W)[1]),
    "Objective, logistic": (
        lambda: Objective(NETWORK, X, Y.sign(), PenaltyWeights(), DIRECTIONS, loss="logistic"),
        lambda o: o.value_and_gradient(W)[1],
    ),
    "Objective, Jacobian": (
        lambda: Objective(
            NETWORK, X, Y, PenaltyWeights(r1_modes=("training",)), GoodDirections(NETWORK, 1, "jacobian", X)
        ),
        lambda o: o.value_and_gradient(W)[1],
    ),
    "Relaxation": (lambda: Relaxation(objective()), lambda o: o.value_and_gradient(o.join(W, W))[1]),
    "NTKOperator": (lambda: NTKOperator(NETWORK, X), lambda o: o.matmul(Y)),
    "NTKOperator without cache": (lambda: NTKOperator(NETWORK, X, cache=False), lambda o: o.evaluate(X, Y)),
    "RidgeSolution": (
        lambda: iterative_kernel_ridge(NTKOperator(NETWORK, X), Y, 1.0),
        lambda found: found.predict(X),
    ),
    "KernelRidge": (lambda: KernelRidge(ntk_gram(NETWORK, X), Y), lambda ridge: ridge.coefficients(1.0)),
    "TwoLayerNetwork": (lambda: NETWORK, lambda network: network.forward(X, W)),
    "GoodDirections": (lambda: DIRECTIONS, lambda directions: directions.project(W)),
    "FeatureCovariance": (lambda: FeatureCovariance(NETWORK), lambda sigma: sigma.matmul(W)),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_objects_compute_the_same_after_a_round_trip(name: str) -> None:
    make, use = HOLDERS[name]
    made = make()
    for again in (round_trip(made), copy.deepcopy(made)):
        assert torch.equal(use(again), use(made))


def test_every_loss_comes_back_as_itself() -> None:
    for loss in LOSSES.values():
        again = round_trip(loss)
        assert again == loss
        assert again.value is loss.value


def test_what_is_the_same() -> None:
    """NaN is NaN; other dtypes, shapes, lengths, keys and radii are not the same."""
    x = torch.tensor([1.0, math.nan])
    assert same(x, x.clone())
    assert same({1: (x, [2.0])}, {1: (x.clone(), [2.0])})
    assert same(math.nan, float("nan"))
    assert same(arb(1, 2), arb(1, 2))
    assert same(arb("nan"), arb("nan"))
    for a, b in (
        (x, x.double()),
        (x, x[:1]),
        (x, [1.0]),
        ((1.0,), [1.0]),
        ((1.0,), (1.0, 2.0)),
        ({1: x}, {2: x}),
        (arb(1, 2), arb(1, 3)),
        (math.nan, 1.0),
    ):
        assert not same(a, b)


def test_another_class_is_never_equal() -> None:
    """Construction has W and norms, and so might another record."""

    @dataclasses.dataclass(frozen=True, eq=False)
    class Other(ByValue):
        W: torch.Tensor
        norms: dict[str, Norm]

    assert Other(W, {}) != Construction(W, {})
    assert Other(W, {}) == Other(W.clone(), {})
