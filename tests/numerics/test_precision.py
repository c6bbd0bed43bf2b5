"""Full float32 products whatever the process has set, and TF32 only on request."""

import math
from collections.abc import Callable, Iterator

import pytest
import torch

from numerics.covariance import FeatureCovariance
from numerics.curvature import hessian_vector
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.precision import allow_tf32, full_precision
from numerics.sampling import generator, sphere
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")
D, M, N = 5, 12, 9


@pytest.fixture(autouse=True, params=["highest", "high", "medium"])
def setting(request: pytest.FixtureRequest) -> Iterator[str]:
    """What the process has set."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


@full_precision
def inside() -> str:
    """The setting inside a wrapped function."""
    return torch.get_float32_matmul_precision()


def test_setting_inside_and_after(setting: str) -> None:
    assert inside() == "highest"
    assert torch.get_float32_matmul_precision() == setting
    with allow_tf32():
        assert inside() == "high"
        with allow_tf32():
            assert inside() == "high"
        assert inside() == "high"
        assert torch.get_float32_matmul_precision() == setting, "the process keeps its own"
    assert inside() == "highest"
    assert torch.get_float32_matmul_precision() == setting


def test_errors_restore(setting: str) -> None:
    @full_precision
    def fails() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert torch.get_float32_matmul_precision() == setting
    with pytest.raises(KeyError), allow_tf32():
        fails()
    assert inside() == "highest"
    assert torch.get_float32_matmul_precision() == setting


def test_names_are_kept() -> None:
    assert inside.__name__ == "inside"
    assert inside.__doc__ == "The setting inside a wrapped function."


def calls() -> dict[str, Callable[[TwoLayerNetwork], object]]:
    """Computations by name, each in float32 and with the activation evaluated inside."""

    def objective(network: TwoLayerNetwork, model: str) -> tuple[Objective, torch.Tensor]:
        x = sphere(N, D, math.sqrt(D), generator(0)).float()
        made = Objective(network, x, x[:, 0], directions=GoodDirections(network, 1), model=model, cache=False)
        return made, torch.ones(M, D)

    def gradient(network: TwoLayerNetwork, model: str) -> Callable[[], object]:
        made, W = objective(network, model)
        return lambda: made.value_and_gradient(W)

    def product(network: TwoLayerNetwork, model: str) -> Callable[[], object]:
        made, W = objective(network, model)
        return lambda: hessian_vector(made, W, W)

    def term(network: TwoLayerNetwork, name: str) -> Callable[[], object]:
        x = sphere(N, D, math.sqrt(D), generator(0)).float()
        arguments = [torch.ones(M, D)] * (2 if name == "cross" else 1)
        return lambda: getattr(network, name)(x, *arguments)

    def features(network: TwoLayerNetwork, method: str) -> Callable[[], object]:
        directions = GoodDirections(network, 1, method)
        return lambda: directions.features(torch.ones(N, D))

    return {
        "value_and_gradient taylor": lambda n: gradient(n, "taylor"),
        "value_and_gradient network": lambda n: gradient(n, "network"),
        "hessian_vector": lambda n: product(n, "network"),
        "forward": lambda n: term(n, "forward"),
        "linear": lambda n: term(n, "linear"),
        "quadratic": lambda n: term(n, "quadratic"),
        "cross": lambda n: term(n, "cross"),
        "features span": lambda n: features(n, "span"),
        "features eigen": lambda n: features(n, "eigen"),
    }


@pytest.mark.parametrize("name", list(calls()))
def test_computations_enforce_it(name: str, setting: str) -> None:
    """The setting is read where the activation is evaluated, in the midst of each computation."""
    network = TwoLayerNetwork(D, M, SIGMA, dtype=torch.float32)
    call = calls()[name](network)
    seen, evaluate = [], network.activation.derivatives

    def watched(z: torch.Tensor, *orders: int) -> tuple[torch.Tensor, ...]:
        seen.append(torch.get_float32_matmul_precision())
        return evaluate(z, *orders)

    network.activation.derivatives = watched
    call()
    assert set(seen) == {"highest"}
    seen.clear()
    with allow_tf32():
        call()
    assert set(seen) == {"high"}
    assert torch.get_float32_matmul_precision() == setting
    # The watch sees what is not wrapped.
    network.activation.derivatives(torch.ones(2), 1)
    assert seen[-1] == setting


def test_covariance_and_projection_enforce_it(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, dtype=torch.float32)
    covariance, directions, W = FeatureCovariance(network, False), GoodDirections(network, 1), torch.ones(M, D)
    seen, gather, reduce = [], network.gather, network.reduce

    def watched(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        def call(tensor: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_float32_matmul_precision())
            return function(tensor)

        return call

    monkeypatch.setattr(network, "gather", watched(gather))
    monkeypatch.setattr(network, "reduce", watched(reduce))
    covariance.matmul(W)
    directions.project(W)
    assert len(seen) == 2
    assert set(seen) == {"highest"}
    network.reduce(W)
    assert seen[-1] == setting


def test_full_precision_on_the_device(device: str, setting: str) -> None:
    """float32 products to rounding, whatever is set: TF32 (10 bits) is a thousand times further off."""
    x = sphere(64, 64, 8.0, generator(0)).float().to(device)
    network = TwoLayerNetwork(64, 64, SIGMA, dtype=torch.float32, device=device)
    W = torch.randn(64, 64, generator=generator(1)).to(device)
    single = network.linear(x, W).double().cpu()
    z, p = (x.double() @ t.double().mT for t in (network.w, W))
    double = (network.activation.derivatives(z, 1)[0] * p * network.a / 8).sum(1).cpu()
    # Sums of d and of m terms of |sigma'| |x| |W_r| / sqrt m each.
    atol = 2**-23 * (64 + 64 + 8) * float(x.norm(dim=1).max() * W.norm() / 8)
    assert float((single - double).abs().max()) <= atol
