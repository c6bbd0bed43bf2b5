"""What the process or the thread has set for torch changes no bit of a result, and is as it was afterwards."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
import torch

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
    allow_tf32,
    dense_construction,
    extreme_eigenvalue,
    generator,
    hessian_vector,
    iterative_kernel_ridge,
    joint_construction,
    lipschitz_constant,
    ntk_gram,
    quadntk_gram,
    random_signs,
    sign_variation,
    small_start,
    sphere,
    train,
)
from numerics.precision import full_precision
from numerics.quadrature import pair_rule
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")
D, M, N = 4, 12, 10


MADE_HERE = ("energies", "variation", "estimate")
"""Numbers of which the test itself makes a tensor."""


def everything(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Results of every kind of public call."""
    network = TwoLayerNetwork(D, M, SIGMA, seed=3, dtype=dtype)
    target = Target.dense(D, 1, 1.0, 1) + Target.sparse(D, 2, [0.5], 2)
    x = sphere(N, D, 2.0, generator(0), dtype)
    y, W = target(x), small_start(network, 1.0, 4)
    objective = Objective(network, x, y, PenaltyWeights(r1=0.5), GoodDirections(network, 1), "network", unlabeled=x)
    operator, gram = NTKOperator(network, x), ntk_gram(network, x)
    parts, gradient = objective.value_and_gradient(W)
    covariance = FeatureCovariance(network)
    signs = random_signs(M, generator(5))
    found = {
        "weights": network.w,
        "forward": network.forward(x, W),
        "linear": network.linear(x, W),
        "quadratic": network.quadratic(x, W),
        "cross": network.cross(x, W, W),
        "target": y,
        "energies": torch.tensor(list(target.energies().values()), dtype=torch.float64, device="cpu"),
        "gram": gram,
        "gram at W": ntk_gram(network, x, x[:3], W, "taylor"),
        "quadntk": quadntk_gram(network, x),
        "operator": operator.matmul(y),
        "columns": operator.columns(torch.tensor([1, 2], device="cpu")),
        "ridge": KernelRidge(gram, y).predict(gram, 0.1),
        "iterative": iterative_kernel_ridge(operator, y, 0.1, tolerance=1e-3).coefficients,
        "total": parts.total,
        "gradient": gradient,
        "hessian": hessian_vector(objective, W, W),
        "curvature": extreme_eigenvalue(objective, W, "largest").vector,
        "lipschitz": lipschitz_constant(objective, W),
        "projection": objective.directions.project(W),
        "eigen": GoodDirections(network, 1, "eigen").project(W),
        "shuffled": objective.directions.random_subspace(1).project(W),
        "energy": covariance.energy(W),
        "dense": dense_construction(network, target, 1).W,
        "joint": joint_construction(network, target, 1, signs).W,
        "harmonics": Harmonics(D, 3, dtype).values(x / 2),
        "variation": torch.tensor(sign_variation(objective, W, W).total, dtype=torch.float64, device="cpu"),
        "estimate": torch.tensor(Estimate.of(x, 0).stderr, dtype=torch.float64, device="cpu"),
        "rule": pair_rule(D, 4)[2],
    }
    for method in (GradientDescent(), PerturbedGradientDescent(gradient=9.0, wait=1), Adam(), LBFGS()):
        run = train(objective, W, method, 4, 2, test=(x, y))
        found[type(method).__name__] = run.W
        found[f"{type(method).__name__} movement"] = run.records[-1].kernel_movement
    return found


@pytest.fixture(scope="module", params=[torch.float32, torch.float64], ids=["float32", "float64"])
def reference(request: pytest.FixtureRequest) -> tuple[torch.dtype, dict[str, torch.Tensor]]:
    torch.set_num_threads(1)
    return request.param, everything(request.param)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


def switches() -> tuple[str, str, str]:
    return (
        torch.backends.fp32_precision,
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.mkldnn.matmul.fp32_precision,
    )


@contextmanager
def newer(module: Any, value: str) -> Iterator[None]:
    """A newer switch; afterwards all of them are as at the start of a process."""
    module.fp32_precision = value
    before = switches()
    try:
        yield
        assert switches() == before
    finally:
        for each in (torch.backends, torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
            each.fp32_precision = "none"
        assert torch.get_float32_matmul_precision() == "highest"


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "float16": lambda: default_dtype(torch.float16),
    "float64": lambda: default_dtype(torch.float64),
    "meta": lambda: default_device("meta"),
    "with meta": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "deterministic": deterministic,
    "cuda.matmul tf32": lambda: newer(torch.backends.cuda.matmul, "tf32"),
    "mkldnn.matmul bf16": lambda: newer(torch.backends.mkldnn.matmul, "bf16"),
    "all tf32": lambda: newer(torch.backends, "tf32"),
}


def state() -> tuple[Any, ...]:
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_autocast_enabled("cpu"),
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        switches(),
    )


@pytest.mark.parametrize("name", list(SETTINGS))
def test_settings_change_no_bit(name: str, reference: tuple[torch.dtype, dict[str, torch.Tensor]]) -> None:
    dtype, expected = reference
    with SETTINGS[name]():
        before = state()
        found = everything(dtype)
        assert state() == before
        with pytest.raises(ValueError, match="needs an even integer"):
            TwoLayerNetwork(D, 3, SIGMA)
        assert state() == before
    for call, value in expected.items():
        assert found[call].dtype == value.dtype, call
        assert not found[call].is_inference() or call in MADE_HERE, call
        assert torch.equal(found[call], value), call


def test_the_settings_would_be_seen() -> None:
    """Planted: the same product outside a door follows what is set."""
    a = torch.randn(8, 8, generator=generator(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
    with torch.device("meta"):
        assert torch.ones(2).is_meta


@full_precision
def inside() -> tuple[str, ...]:
    return switches()[1:]


def test_a_newer_switch_is_met_and_still_inherits_afterwards() -> None:
    with newer(torch.backends, "tf32"):
        assert inside() == ("ieee", "ieee")
        with allow_tf32():
            assert inside() == ("tf32", "tf32")
        assert switches() == ("tf32", "tf32", "tf32")
        torch.backends.fp32_precision = "ieee"
        assert switches() == ("ieee", "ieee", "ieee"), "what was inherited before is inherited now"
        torch.backends.fp32_precision = "tf32"


def test_threads_share_the_switch() -> None:
    """The first call in saves what it finds, the last one out puts it back, in whichever order they end."""
    entered, go = threading.Event(), threading.Event()
    seen: list[tuple[str, ...]] = []

    @full_precision
    def slow() -> None:
        entered.set()
        go.wait(10)
        seen.append(switches()[1:])

    thread = threading.Thread(target=slow)
    with newer(torch.backends.cuda.matmul, "tf32"):
        thread.start()
        entered.wait(10)
        with allow_tf32():
            inside()
            assert inside()[0] == "ieee", "TF32 is not forced on a call that runs in full precision"
        go.set()
        thread.join()
        assert seen[0][0] == "ieee"
        assert switches()[1] == "tf32"


def test_a_setting_of_another_thread_stands() -> None:
    @full_precision
    def meddled() -> None:
        torch.set_float32_matmul_precision("medium")

    torch.set_float32_matmul_precision("high")
    try:
        meddled()
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_inputs_that_require_a_gradient() -> None:
    """Same numbers; where a call is differentiable, autograd goes through it."""
    network = TwoLayerNetwork(D, M, SIGMA)
    x, W = sphere(N, D, 2.0, generator(0)), small_start(network, 1.0, 1)
    plain = network.forward(x, W)
    followed = network.forward(x.clone().requires_grad_(), W.clone().requires_grad_())
    assert followed.requires_grad
    assert torch.equal(followed, plain)
    leaf, y = x.clone().requires_grad_(), torch.ones(N, dtype=torch.float64, requires_grad=True)
    objective = Objective(network, leaf, y, directions=GoodDirections(network, 1))
    assert not objective.value_and_gradient(W.clone().requires_grad_())[1].requires_grad
    gram = ntk_gram(network, leaf)
    assert not KernelRidge(gram.clone().requires_grad_(), y).coefficients(0.1).requires_grad
    assert not iterative_kernel_ridge(NTKOperator(network, leaf), y, 0.1).coefficients.requires_grad
    extreme_eigenvalue(objective, W.clone().requires_grad_(), "smallest")
    train(objective, W.clone().requires_grad_(), LBFGS(), 2)
    rows = torch.func.vmap(lambda one: network.forward(one[None], W)[0])(x)
    torch.testing.assert_close(rows, plain)
    assert math.isfinite(float(np.asarray(rows.sum())))
