"""Values, parts and gradients of the regularised loss against autograd of their definitions."""

import dataclasses
import itertools
import math
import re

import pytest
import references
import torch
from objectives import N_U, SIGMA, D, K, M, N, Problem, weights

from numerics.directions import GoodDirections
from numerics.losses import LOSSES
from numerics.models import MODELS
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.weights import R1_MODES

SUBSETS = [modes for count in range(4) for modes in itertools.combinations(R1_MODES, count)]


def gradients(parts: dict[str, torch.Tensor], W: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: torch.autograd.grad(part, W, retain_graph=True)[0] for name, part in parts.items()}


def detached(parts: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(part.detach()) for name, part in parts.items()}


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("model", MODELS)
def test_value_parts_and_gradient(model: str, loss: str, device: str, dtype: torch.dtype) -> None:
    """Every model, loss, set of modes of R1 and power of R4 against autograd; R2 with weight 10^6 is not seen."""
    problem = Problem.of(device, dtype, signs=loss in ("logistic", "hinge"))
    eps = problem.rounding()
    assert problem.smooth(model, loss, 10 * eps)
    W = problem.W.double().cpu().clone().requires_grad_()
    twins = problem.twins(model, loss, W)
    slopes, twins = [gradients(parts, W) for parts in twins], [detached(parts) for parts in twins]
    assert twins[0]["r2"] < 1e-28
    for modes, (power, parts, slope) in itertools.product(SUBSETS, zip((4, 8), twins, slopes, strict=True)):
        w = weights(modes, power)
        found, gradient = problem.objective(w, model=model, loss=loss).value_and_gradient(problem.W)
        factors = references.factors(w)
        assert gradient.dtype == dtype
        assert gradient.device.type == device

        expected = references.objective(w, parts)  # of positive parts
        assert abs(float(found.total) - expected) <= eps * expected
        for name in ("data", "r1_exact", "r1_training", "r1_unlabeled", "r2", "r3", "r4"):
            value = float(getattr(found, name))
            if name in factors:
                assert abs(value - parts[name]) <= eps * parts[name] + 1e-28
            else:
                assert math.isnan(value), "not computed"
        assert float(found.r2) == 0

        error = gradient.double().cpu() - sum(factors[name] * slope[name] for name in factors)
        atol = eps * sum(factors[name] * float(slope[name].abs().max()) for name in factors)
        assert float(error.abs().max()) <= atol
        # Planted: each weight, in its turn, off by one part in a hundred.
        for name in factors.keys() - {"r2"}:
            assert float((error - 0.01 * factors[name] * slope[name]).abs().max()) > atol, name


@pytest.mark.parametrize("model", MODELS)
def test_without_directions_r4_alone_applies(model: str, device: str, dtype: torch.dtype) -> None:
    problem = Problem.of(device, dtype)
    W = problem.W.double().cpu().clone().requires_grad_()
    parts = problem.twins(model, "squared", W, directions=False)[0]
    slope = gradients(parts, W)
    found, gradient = problem.objective(weights(), directions=None, model=model).value_and_gradient(problem.W)
    expected = slope["data"] + 0.05 * slope["r4"]
    atol = problem.rounding() * float((slope["data"].abs() + slope["r4"].abs()).max())
    assert float((gradient.double().cpu() - expected).abs().max()) <= atol
    assert float((gradient.double().cpu() - slope["data"]).abs().max()) > atol
    assert all(math.isnan(getattr(found, name)) for name in ("r1_exact", "r1_training", "r1_unlabeled", "r2", "r3"))


@pytest.mark.parametrize("name", ["r1", "r3", "r4"])
def test_a_weight_of_zero_switches_off(name: str) -> None:
    problem = Problem.of()
    W = problem.W.clone().requires_grad_()
    parts = problem.twins("taylor", "squared", W)[0]
    w = dataclasses.replace(weights(), **{name: 0.0})
    found, gradient = problem.objective(w).value_and_gradient(problem.W)
    slope, factors = gradients(parts, W), references.factors(w)
    error = gradient - sum(factors[part] * slope[part] for part in factors)
    assert float(error.abs().max()) <= problem.rounding() * sum(float(s.abs().max()) for s in slope.values())
    off = {"r1": ("r1_exact", "r1_training", "r1_unlabeled"), "r3": ("r3",), "r4": ()}[name]
    nothing = {f.name for f in dataclasses.fields(found) if math.isnan(getattr(found, f.name))}
    assert nothing == {*off, "r1_fresh"}


@pytest.mark.parametrize("model", MODELS)
def test_predictions(model: str, device: str, dtype: torch.dtype) -> None:
    problem = Problem.of(device, dtype)
    objective = problem.objective(weights(), model=model)
    x, W = problem.unlabeled.double().cpu(), problem.W.double().cpu()
    expected = references.predict(references.exact(problem.network), model, x, W)
    # |f| <= sqrt d |W| (1 + |W|) in sums of d and m terms.
    atol = float(torch.finfo(dtype).eps) * (D + M + 8) * math.sqrt(D) * float(W.norm()) * (1 + float(W.norm()))
    assert float((objective.predict(problem.unlabeled, problem.W).double().cpu() - expected).abs().max()) <= atol
    assert float((objective.predict(problem.unlabeled, 1.01 * problem.W).double().cpu() - expected).abs().max()) > atol
    zero = objective.predict(problem.unlabeled, torch.zeros_like(problem.W))
    assert float(zero.abs().max()) == 0


@pytest.mark.parametrize("own", [False, True], ids=["shared inputs", "inputs of each"])
@pytest.mark.parametrize("model", MODELS)
def test_batch_is_the_loop_over_seeds(model: str, own: bool) -> None:
    seeds, problem = (1, 5, 9), Problem.of()
    networks, gen = TwoLayerNetwork(D, M, SIGMA, seed=seeds), generator(3)
    x, unlabeled, y = problem.x, problem.unlabeled, problem.y
    if own:
        x, unlabeled = (torch.stack([sphere(n, D, math.sqrt(D), gen) for _ in seeds]) for n in (N, N_U))
        y = torch.randn(3, N, generator=gen, dtype=torch.float64)
    W = 0.3 * torch.randn(3, M, D, generator=gen, dtype=torch.float64)
    many = Objective(networks, x, y, weights(), GoodDirections(networks, K), model, unlabeled=unlabeled)
    parts, gradient = many.value_and_gradient(W)
    assert parts.total.shape == (3,)
    assert gradient.shape == W.shape
    assert many.predict(x, W).shape == (3, N)
    for i, seed in enumerate(seeds):
        network = TwoLayerNetwork(D, M, SIGMA, seed=seed)
        mine = [t[i] if own else t for t in (x, y, unlabeled)]
        one = Objective(network, *mine[:2], weights(), GoodDirections(network, K), model, unlabeled=mine[2])
        expected, slope = one.value_and_gradient(W[i])
        assert float((gradient[i] - slope).abs().max()) <= problem.rounding() * 10
        assert float((gradient[i - 1] - slope).abs().max()) > problem.rounding() * 10
        for name, value in expected.numbers().items():
            assert parts.member(i).numbers()[name] == pytest.approx(
                value, rel=problem.rounding(), nan_ok=name == "r1_fresh"
            )
    with pytest.raises(ValueError, match=re.escape("parts of batch (3,): take member(i)")):
        parts.numbers()


def test_single_precision_is_close_to_double(device: str) -> None:
    """The gradient in float32 from float64 inputs: rounding the inputs moves it as much as the arithmetic does."""
    double, single = Problem.of(), Problem.of(device, torch.float32)
    _, exact = double.objective(weights()).value_and_gradient(double.W)
    _, rough = single.objective(weights()).value_and_gradient(single.W)
    error = float((rough.double().cpu() - exact).norm() / exact.norm())
    print(f"relative error of the gradient in float32: {error:.2g}")
    assert 1e-9 < error <= 2 * single.rounding()


P = Problem.of()
OTHER = GoodDirections(TwoLayerNetwork(D, M, SIGMA, seed=1), K)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: Objective(P.network, P.x[:, :4], P.y), "x of shape (30, 4): needs (n, 5)"),
        (lambda: Objective(P.network, P.x[0], P.y), "x of shape (5,): needs (n, 5)"),
        (lambda: Objective(P.network, P.x[None], P.y), "x of shape (1, 30, 5): needs (n, 5)"),
        (lambda: Objective(P.network, P.x, P.y[:-1]), "y of shape (29,): needs (n, 5) and (n,)"),
        (lambda: Objective(P.network, P.x, P.y[:, None]), "y of shape (30, 1): needs (n, 5) and (n,)"),
        (
            lambda: Objective(P.network, P.x.float(), P.y),
            "x is torch.float32 on cpu: needs the network's torch.float64",
        ),
        (lambda: Objective(P.network, P.x, P.y, model="cubic"), "model='cubic': needs one of network, taylor"),
        (lambda: Objective(P.network, P.x, P.y, loss="exp"), "loss='exp': needs one of squared, absolute"),
        (lambda: P.objective(weights(), directions=OTHER), "directions belong to another network"),
        (lambda: P.objective(weights(), unlabeled=None), "r1_modes holds 'unlabeled': needs the argument unlabeled"),
        (lambda: P.objective(weights(), unlabeled=P.x.T), "unlabeled of shape (5, 30): needs (n, 5)"),
        (lambda: P.objective(weights(), unlabeled=P.x.float()), "unlabeled is torch.float32"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()
