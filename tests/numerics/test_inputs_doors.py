"""Every public name of numerics takes arrays and numbers as people have them, or says what it needs instead.

Each name of ``numerics.__all__`` stands in one of the tables below: a new one is not forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import numerics
from numerics import (
    LBFGS,
    Adam,
    Estimate,
    FeatureCovariance,
    FreshInputs,
    GoodDirections,
    GradientDescent,
    Harmonics,
    HermiteTarget,
    KernelRidge,
    NTKOperator,
    Objective,
    PenaltyWeights,
    PerturbedGradientDescent,
    Relaxation,
    Target,
    TwoLayerNetwork,
    dense_construction,
    extreme_eigenvalue,
    feature_covariance,
    gaussian,
    generator,
    hessian_vector,
    iterative_kernel_ridge,
    joint_construction,
    lipschitz_constant,
    ntk_gram,
    optimality_gap,
    quadntk_gram,
    random_signs,
    sign_variation,
    small_start,
    sparse_construction,
    sparse_displacement,
    sphere,
    to_sphere,
    train,
)

D, M, N = 4, 8, 6
SIGMA = "tanh(z + 1)"
NETWORK = TwoLayerNetwork(D, M, SIGMA)
X = sphere(N, D, 2.0, generator(0))
W, V = torch.randn(2, M, D, generator=generator(1), dtype=torch.float64)
Y = X[:, 0] + X[:, 1] * X[:, 2]
SIGNS = random_signs(M, generator(2))
GRAM = ntk_gram(NETWORK, X)
FIRST = torch.eye(D, dtype=torch.float64)[:1]
ONES = torch.ones(1, dtype=torch.float64)
Form = Callable[[torch.Tensor], Any]


def objective(c: Form = lambda x: x, **settings: Any) -> Objective:
    return Objective(NETWORK, c(X), c(Y), PenaltyWeights(), **settings)


ARRAYS: dict[str, Callable[[Form], Any]] = {
    "Estimate": lambda c: Estimate.of(c(Y), 0).value,
    "FeatureCovariance": lambda c: FeatureCovariance(NETWORK).matmul(c(W)),
    "GoodDirections": lambda c: GoodDirections(NETWORK, 1, "jacobian", c(X), 2).project(c(W)),
    "Harmonics": lambda c: Harmonics(D, 2).values(c(X)),
    "HermiteTarget": lambda c: HermiteTarget(D, {2: (c(ONES), c(FIRST))})(c(X)),
    "KernelRidge": lambda c: KernelRidge(c(GRAM), c(Y)).predict(c(GRAM), 1.0),
    "NTKOperator": lambda c: NTKOperator(NETWORK, c(X)).evaluate(c(X), Y),
    "Objective": lambda c: objective(c).value_and_gradient(c(W))[1],
    "Relaxation": lambda c: Relaxation(objective(c)).join(c(W), c(V)),
    "Target": lambda c: Target.zonal(D, 2, c(FIRST), c(ONES))(c(X)),
    "TwoLayerNetwork": lambda c: NETWORK.forward(c(X), c(W)),
    "extreme_eigenvalue": lambda c: extreme_eigenvalue(objective(), c(W), "largest").value,
    "feature_covariance": lambda c: feature_covariance(NETWORK).energy(c(W)),
    "hessian_vector": lambda c: hessian_vector(objective(), c(W), c(V)),
    "iterative_kernel_ridge": lambda c: iterative_kernel_ridge(NTKOperator(NETWORK, c(X)), c(Y), 1.0).predict(c(X)),
    "joint_construction": lambda c: (
        joint_construction(
            NETWORK, Target.zonal(D, 1, c(FIRST), c(ONES)) + Target.zonal(D, 2, c(FIRST), c(ONES)), 1, c(SIGNS)
        ).W
    ),
    "lipschitz_constant": lambda c: lipschitz_constant(objective(), c(W)),
    "ntk_gram": lambda c: ntk_gram(NETWORK, c(X), c(X), W=c(W)),
    "optimality_gap": lambda c: optimality_gap(objective(model="quadratic"), c(W)).lower,
    "quadntk_gram": lambda c: quadntk_gram(NETWORK, c(X)),
    "sign_variation": lambda c: sign_variation(objective(), c(W), c(V)).total,
    "sparse_construction": lambda c: sparse_construction(NETWORK, c(FIRST), c(ONES), 1, c(SIGNS)).W,
    "sparse_displacement": lambda c: sparse_displacement(NETWORK, c(FIRST[0]), 1.0, 1, c(SIGNS)),
    "to_sphere": lambda c: to_sphere(c(X)),
    "train": lambda c: train(objective(), c(W), steps=1, test=(c(X), c(Y))).records[-1].test_risk,
}
NUMBERS: dict[str, Callable[[Callable[[float], Any], Callable[[int], Any]], Any]] = {
    "Adam": lambda f, i: Adam(f(0.5)),
    "FreshInputs": lambda f, i: FreshInputs(f(0.5), seed=i(2)),
    "GradientDescent": lambda f, i: GradientDescent(f(0.5)),
    "LBFGS": lambda f, i: LBFGS(i(2)),
    "PenaltyWeights": lambda f, i: PenaltyWeights(f(0.5), f(0.5), f(0.5), f(0.5), r4_power=i(4)),
    "PerturbedGradientDescent": lambda f, i: PerturbedGradientDescent(wait=i(2), seed=i(2)),
    "dense_construction": lambda f, i: dense_construction(NETWORK, Target.dense(i(4), i(1), f(0.5), i(2)), i(1)).W,
    "gaussian": lambda f, i: gaussian(i(2), i(4), generator(0)),
    "generator": lambda f, i: generator(i(2)).initial_seed(),
    "random_signs": lambda f, i: random_signs(i(4), generator(0)),
    "small_start": lambda f, i: small_start(NETWORK, f(0.5), i(2)),
    "sphere": lambda f, i: sphere(i(2), i(4), f(0.5), generator(0)),
}
NEITHER = {
    "LOSSES": "a table of names",
    "Loss": "made of functions",
    "ShardedNetwork": "a TwoLayerNetwork by its arguments; needs processes",
    "allow_tf32": "without arguments",
    "certified_bound": "takes what optimality_gap returns",
    "process_group": "takes the name of a device",
    **dict.fromkeys(("CertifiedBound", "Construction", "Eigenvalue", "Gap", "JointConstruction", "Norm"), "a result"),
    **dict.fromkeys(("Multipliers", "Parts", "Record", "RidgeSolution", "SignVariation", "Trajectory"), "a result"),
    **dict.fromkeys(("Diverged", "WouldNotFit"), "an exception"),
}


def test_no_door_is_forgotten() -> None:
    listed = [*ARRAYS, *NUMBERS, *NEITHER]
    assert sorted(listed) == sorted(numerics.__all__)


def pandas(x: torch.Tensor) -> Any:
    """A table, or a column, as a user has read it from a file."""
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(x.numpy()) if x.ndim == 2 else pd.Series(x.numpy()) if x.ndim == 1 else x.numpy()


def nullable(x: torch.Tensor) -> Any:
    """The same in pandas' own numbers, which may be missing."""
    return pandas(x).astype("Float64") if x.ndim <= 2 else x.numpy()


FORMS: dict[str, Form] = {
    "numpy": lambda x: x.numpy(),
    "Fortran order": lambda x: np.asfortranarray(x.numpy()),
    "list": lambda x: x.tolist() if x.ndim else [x.item()],
    "pandas": pandas,
    "nullable": nullable,
}


def close(found: Any, expected: Any) -> bool:
    if isinstance(expected, torch.Tensor):
        return bool(torch.equal(torch.as_tensor(found), expected))
    return repr(found) == repr(expected)


@pytest.mark.filterwarnings("ignore:x has a row")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_as_people_have_them(name: str, form: str) -> None:
    assert close(ARRAYS[name](FORMS[form]), ARRAYS[name](lambda x: x))


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_no_array_of_numbers_is_refused_in_a_sentence(name: str) -> None:
    pd = pytest.importorskip("pandas")
    bad: dict[str, Form] = {
        "texts": lambda x: np.full(tuple(x.shape), "one"),
        "dates": lambda x: np.full(tuple(x.shape), np.datetime64("2024-01-01")),
        "a column of texts": lambda x: pd.DataFrame({"a": ["x"] * max(len(x), 1)}),
        "missing": lambda x: pandas(x).astype("Float64").mask(pandas(x) == pandas(x)),
        "complex": lambda x: x.numpy() + 1j,
    }
    if name == "hessian_vector":  # not finite in, not finite out, as for the loss: descent takes the step back
        del bad["missing"]
    for what, form in bad.items():
        with pytest.raises(ValueError, match=r"needs|not finite|two samples") as refused:
            ARRAYS[name](form)
        assert len(str(refused.value)) < 300, what


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_every_library(name: str) -> None:
    expected = NUMBERS[name](float, int)
    kinds = [(np.float64, np.int64), (np.float32, np.uint8), (lambda v: np.array(v), np.int32)]
    for real, integer in kinds:
        assert close(NUMBERS[name](real, integer), expected)
    for real, integer in ((str, str), (lambda v: [v], lambda v: v + 0.5), (lambda v: float("nan"), float)):
        with pytest.raises(ValueError, match="needs"):
            NUMBERS[name](real, integer)


def test_integers_as_inputs() -> None:
    whole = (10 * X).round()
    for form in (whole.long().numpy(), whole.long().tolist(), whole.int().numpy()):
        assert torch.equal(ntk_gram(NETWORK, form), ntk_gram(NETWORK, whole))
    with pytest.raises(ValueError, match=re.escape("use x.to(network.w)")):
        ntk_gram(NETWORK, whole.long())


def test_float32_beside_float64() -> None:
    """Arrays follow the network; a tensor of another precision is never converted silently."""
    single = X.float()
    assert ntk_gram(NETWORK, single.numpy()).dtype == torch.float64
    with pytest.raises(ValueError, match=re.escape("x is torch.float32 on cpu: needs the network's torch.float64")):
        ntk_gram(NETWORK, single)
    assert objective(lambda x: x).y.dtype == torch.float64
    assert Objective(NETWORK, X, Y.float()).y.dtype == torch.float64, "labels follow the inputs"


def test_a_table_with_other_columns_names_the_way_out() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X.numpy()).assign(name="a")
    with pytest.raises(ValueError, match=re.escape("x.select_dtypes('number') are its numbers")):
        ntk_gram(NETWORK, frame)
    assert torch.equal(ntk_gram(NETWORK, frame.select_dtypes("number")), GRAM)
