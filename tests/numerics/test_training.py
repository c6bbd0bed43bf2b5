import math

import pytest
import torch
from references import objective as reference_objective

from numerics import (
    Diverged,
    GoodDirections,
    KernelRidge,
    Target,
    TaylorObjective,
    TwoLayerNetwork,
    Weights,
    adam,
    generator,
    small_start,
    sphere,
)
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")


def problem(d: int = 5, m: int = 12, n: int = 30) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    network = TwoLayerNetwork(d, m, SIGMA, seed=1)
    x = sphere(n, d, math.sqrt(d), generator(2))
    target = Target.dense(d, 1, 1.0, 3) + Target.sparse(d, 2, [1.0], 4)
    return network, x, target(x)


@pytest.mark.parametrize("mode", ["population", "training", "both", "off"])
@pytest.mark.parametrize("power", [4, 8])
def test_value_and_gradient_against_autograd(mode: str, power: int) -> None:
    """The fast path against the definitions, R2 included with a large weight: it vanishes."""
    network, x, y = problem()
    weights = Weights(1.3, 0.7, 0.05, mode, power)
    directions = GoodDirections(network, 1)
    W = (torch.randn(12, 5, generator=generator(7), dtype=torch.float64) * 0.5).requires_grad_()
    expected = reference_objective(network, x, y, weights, directions, W, r2=100.0)
    expected.backward()
    parts, gradient = TaylorObjective(network, x, y, weights, directions).value_and_gradient(W.detach())
    assert parts.total == pytest.approx(float(expected.detach()), rel=1e-12)
    torch.testing.assert_close(gradient, W.grad, rtol=1e-10, atol=1e-12)


def test_quadntk_objective() -> None:
    network, x, y = problem()
    W = torch.randn(12, 5, generator=generator(7), dtype=torch.float64).requires_grad_()
    weights = Weights(r4=0.02)
    expected = reference_objective(network, x, y, weights, None, W)
    expected.backward()
    objective = TaylorObjective(network, x, y, weights, None)
    parts, gradient = objective.value_and_gradient(W.detach())
    assert parts.total == pytest.approx(float(expected.detach()), rel=1e-12)
    assert all(math.isnan(part) for part in (parts.r1_population, parts.r1_training, parts.r3)), "not computed"
    torch.testing.assert_close(gradient, W.grad, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(objective.predict(x, W.detach()), network.quadratic(x, W.detach()))


def test_single_precision_gradient() -> None:
    network, x, y = problem()
    single = TwoLayerNetwork(5, 12, SIGMA, seed=1, dtype=torch.float32)
    W = torch.randn(12, 5, generator=generator(7), dtype=torch.float64)
    _, exact = TaylorObjective(network, x, y, Weights(), GoodDirections(network, 1)).value_and_gradient(W)
    rough = TaylorObjective(single, x.float(), y.float(), Weights(), GoodDirections(single, 1))
    _, gradient = rough.value_and_gradient(W.float())
    assert float((gradient.double() - exact).norm() / exact.norm()) < 1e-5


def test_adam_reduces_the_loss_and_records() -> None:
    network, x, y = problem(m=40)
    objective = TaylorObjective(network, x, y, Weights(), GoodDirections(network, 1))
    seen: list[int] = []
    start = small_start(network, 0.3, 0)
    run = adam(objective, start, 200, 0.02, record_every=50, progress=lambda step, parts: seen.append(step))
    assert list(run.steps) == seen == [0, 50, 100, 150, 200]
    assert run.parts[-1].total < 0.2 * run.parts[0].total
    again = adam(objective, start, 200, 0.02)
    assert torch.equal(run.W, again.W)
    last, gradient = objective.value_and_gradient(run.W)
    assert last == run.parts[-1]
    assert float(gradient.norm()) == run.gradient_norm


def test_divergence_names_step_and_remedy() -> None:
    network, x, y = problem()
    objective = TaylorObjective(network, x, y, Weights(r4=1.0, r4_power=8), GoodDirections(network, 1))
    with pytest.raises(Diverged, match=r"at step \d+: reduce rate"):
        adam(objective, small_start(network, 1e60, 0), 5, 1e80)


def test_kernel_ridge_against_direct_solve() -> None:
    gen = generator(0)
    root = torch.randn(20, 20, generator=gen, dtype=torch.float64)
    gram, y = root @ root.T, torch.randn(20, generator=gen, dtype=torch.float64)
    fit = KernelRidge(gram, y)
    for ridge in (1e-3, 1.0, 50.0):
        direct = torch.linalg.solve(gram + ridge * torch.eye(20, dtype=torch.float64), y)
        torch.testing.assert_close(fit.coefficients(ridge), direct, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(fit.predict(gram, 0.0), y, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("d", "degree"), [(8, 1), (8, 2), (30, 3)])
def test_target_energy_is_exact(d: int, degree: int) -> None:
    """Exact energies against a sample (5 standard errors), and degrees orthogonal."""
    dense, sparse = Target.dense(d, degree, 1.5, 0), Target.sparse(d, degree + 1, [1.0, -0.5], 1)
    assert dense.energies()[degree] == pytest.approx(1.5, rel=1e-12)
    both = dense + sparse
    x = sphere(200_000, d, math.sqrt(d), generator(5))
    for target, energy in (
        (dense, 1.5),
        (sparse, sparse.energies()[degree + 1]),
        (both, sum(both.energies().values())),
    ):
        squares = target(x).square()
        assert abs(float(squares.mean()) - energy) < 5 * float(squares.std()) / math.sqrt(len(x))


def test_zonal_degree_two_is_the_centred_square() -> None:
    d = 9
    target = Target.zonal(d, 2, torch.eye(d, dtype=torch.float64)[:1], [1.0])
    x = sphere(20, d, math.sqrt(d), generator(0))
    centred = x[:, 0] ** 2 - 1
    energy = 2 * (d - 1) / (d + 2)  # of the centred square on the sphere
    torch.testing.assert_close(target(x), centred / math.sqrt(energy))


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: Weights(r1=-1.0), "r1=-1.0"),
        (lambda: Weights(r4=math.nan), "r4=nan"),
        (lambda: Weights(r1_mode="sample"), "r1_mode='sample'"),
        (lambda: Weights(r4_power=6), "r4_power=6"),
        (
            lambda: TaylorObjective(problem()[0], torch.zeros(3, 5), torch.zeros(4), Weights(), None),
            "needs (n, 5) and (n,)",
        ),
        (lambda: KernelRidge(torch.eye(3), torch.zeros(4)), "shape (4, 4)"),
        (lambda: KernelRidge(torch.eye(3), torch.zeros(3, 1)), "y of shape (3, 1)"),
        (lambda: KernelRidge(-torch.eye(3), torch.zeros(3)), "eigenvalue -1"),
        (lambda: KernelRidge(torch.ones(2, 2).triu(), torch.zeros(2)), "not symmetric"),
        (lambda: KernelRidge(torch.eye(3), torch.zeros(3)).coefficients(math.nan), "ridge=nan"),
        (lambda: TaylorObjective(problem()[0], *problem()[1:], Weights(), GoodDirections(problem()[0], 1)), "another"),
        (lambda: Target.dense(7, 2, -1.0, 1), "energy=-1.0"),
        (lambda: Target.zonal(3, 1, torch.zeros(1, 3), [1.0]), "non-zero"),
        (lambda: adam(None, torch.zeros(2, 2), 5, 0.1, record_every=0), "record_every=0"),
        (lambda: adam(None, torch.zeros(2, 2), 5, math.inf), "rate=inf"),
        (lambda: KernelRidge(torch.full((2, 2), math.nan), torch.zeros(2)), "not finite"),
        (lambda: KernelRidge(torch.zeros(2, 2), torch.zeros(2)).coefficients(0.0), "ridge > 0"),
        (lambda: Target.sparse(3, 2, [1.0] * 4, 0), "at most d orthogonal"),
        (lambda: Target.dense(3, 1, 1.0, 0) + Target.dense(4, 1, 1.0, 0), "same d"),
        (lambda: Target.zonal(3, 1, torch.zeros(2, 4), [1.0, 2.0]), "needs (2, 3)"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    import re

    with pytest.raises(ValueError, match=re.escape(needle)):
        call()
