"""Directions of the training Jacobian against a dense singular value decomposition, and R1 through them."""

import math
import re

import pytest
import torch

from numerics import (
    FreshInputs,
    GoodDirections,
    GradientDescent,
    HermiteTarget,
    Objective,
    PenaltyWeights,
    TwoLayerNetwork,
    gaussian,
    generator,
    hessian_vector,
    sign_variation,
    train,
)
from numerics.jacobian import RANK
from theory import Activation

SIGMA = Activation.parse("sigmoid(z - 1)")
D, M, N, COUNT = 5, 24, 40, 5
ALONE = {"r2": 0.0, "r3": 0.0, "r4": 0.0, "r1_modes": ("training",)}


def problem(
    dtype: torch.dtype = torch.float64, device: str = "cpu", seed: int | tuple[int, ...] = 1
) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    """A network and Gaussian inputs, and a displacement for each network."""
    network = TwoLayerNetwork(D, M, SIGMA, seed, dtype, device)
    x = gaussian(N, D, generator(2)).to(network.w)
    W = torch.randn(*network.batch, M, D, generator=generator(3), dtype=torch.float64).to(network.w)
    return network, x, W


def dense(network: TwoLayerNetwork, x: torch.Tensor) -> torch.Tensor:
    """The Jacobian of f at W = 0, (n, m d), by automatic differentiation of the network itself."""
    flat = torch.zeros(network.m * network.d, dtype=network.dtype, device=network.device)
    return torch.func.jacrev(lambda W: network.forward(x, W.reshape(network.m, network.d)))(flat)


def test_projection_is_that_of_the_dense_decomposition(device: str, dtype: torch.dtype) -> None:
    # Checks :eq:`jacobian-directions`.
    network, x, W = problem(dtype, device)
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    exact = TwoLayerNetwork(D, M, SIGMA, 1)
    J = dense(exact, x.double().cpu())
    _, values, right = torch.linalg.svd(J, full_matrices=False)
    flat = W.double().cpu().flatten()
    expected = right[:COUNT].T @ (right[:COUNT] @ flat)
    gap = float(values[COUNT - 1] ** 2 - values[COUNT] ** 2) / float(values[0] ** 2)
    # The Gram matrix is rounded in sums of m/2 and d terms; its eigenvectors move by that over the relative gap.
    eps = torch.finfo(dtype).eps * (M + D + N)
    atol = 4 * eps / gap * float(flat.norm())
    assert gap > 0.01
    assert float((directions.project(W).double().cpu().flatten() - expected).norm()) <= atol
    wrong = right[1 : COUNT + 1].T @ (right[1 : COUNT + 1] @ flat)
    assert float((expected - wrong).norm()) > atol, "another subspace is seen"
    assert directions.dimension == COUNT
    found = directions.jacobian()
    assert found is not None
    assert float((found.values.double().cpu() - values[:COUNT]).abs().max()) <= 4 * eps * float(values[0])


def test_projection_laws_and_features(dtype: torch.dtype, device: str) -> None:
    """Idempotent, symmetric, orthonormal; features at the inputs themselves, and at others, by f_L of each vector."""
    network, x, W = problem(dtype, device)
    directions = GoodDirections(network, 1, "jacobian", x)
    assert directions.dimension == D + 1, "n_k where no count is given"
    V, other = W.flip(0), gaussian(7, D, generator(5)).to(network.w)
    P = directions.project
    found = directions.jacobian()
    assert found is not None
    atol = 400 * torch.finfo(dtype).eps * float(found.values[0] / found.values[-1]) * float(W.norm())
    assert float((P(P(W)) - P(W)).norm()) <= atol
    assert abs(float((P(W) * V).sum() - (W * P(V)).sum())) <= atol * float(V.norm())
    half = directions.half_basis().flatten(-2)
    identity = torch.eye(D + 1, dtype=dtype, device=network.device)
    assert float((2 * half @ half.mT - identity).norm()) <= atol
    for inputs in (x, other):
        for one, column in zip(directions.half_basis(), directions.features(inputs).mT, strict=True):
            assert float((network.linear(inputs, torch.cat([one, -one])) - column).norm()) <= atol
    linear = network.linear(x, W)
    assert float((found.outside(linear) - network.linear(x, directions.complement(W))).norm()) <= atol
    assert float(found.outside(linear).norm()) > atol
    slope, c = linear.flip(0), directions.coordinates(W)
    assert abs(float(found.along(linear) @ c - linear @ found.pulled(c))) <= atol * float(c.norm()), "adjoint"
    assert float((found.along(slope) - found.along(linear)).norm()) > atol


def test_a_batch_is_the_loop_over_its_networks() -> None:
    networks, x, W = problem(seed=(1, 5))
    many = GoodDirections(networks, 1, "jacobian", x, count=COUNT)
    fresh = gaussian(6, D, generator(8))
    for i, seed in enumerate((1, 5)):
        one = GoodDirections(TwoLayerNetwork(D, M, SIGMA, seed), 1, "jacobian", x, count=COUNT)
        torch.testing.assert_close(many.project(W)[i], one.project(W[i]))
        first, second = (
            g @ directions.coordinates(w)[..., None]
            for g, directions, w in ((many.features(fresh)[i], one, W[i]), (one.features(fresh), one, W[i]))
        )
        torch.testing.assert_close(first.abs(), second.abs())
        assert not torch.allclose(many.project(W)[i], one.project(W[1 - i]))


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x, _ = problem()
    with pytest.raises(ValueError, match=re.escape("count=41: needs count <= n = 40")):
        GoodDirections(network, 1, "jacobian", x, count=N + 1)
    with pytest.raises(ValueError, match="zero to rounding"):
        GoodDirections(network, 1, "jacobian", torch.cat([x[:4]] * 5), count=COUNT)
    assert RANK * N * torch.finfo(torch.float64).eps < 1e-10, "only what is zero to rounding is refused"
    target = HermiteTarget(D, {1: (torch.ones(1), torch.eye(D)[:1])})
    directions = GoodDirections(network, 1, "jacobian", x)
    with pytest.raises(ValueError, match="R1 in population, a mean over the sphere"):
        Objective(network, x, target(x), PenaltyWeights(), directions)
    on = x * (math.sqrt(D) / x.norm(dim=1, keepdim=True))
    with pytest.raises(ValueError, match="needs fresh inputs on it; use 'sphere'"):
        Objective(network, on, target(on), PenaltyWeights(), directions, fresh=FreshInputs(1.0, 3))
    with pytest.raises(ValueError, match="needs directions"):
        Objective(network, x, target(x), fresh=FreshInputs(1.0, 3))


def by_definition(
    network: TwoLayerNetwork,
    x: torch.Tensor,
    y: torch.Tensor,
    W: torch.Tensor,
    weights: tuple[float, float],
    fresh: torch.Tensor,
) -> torch.Tensor:
    """The loss of f_L + f_Q with R1 on training and on fresh inputs, from a dense projection."""
    right = torch.linalg.svd(dense(network, x), full_matrices=False)[2][:COUNT]
    outside = (W.flatten() - right.T @ (right @ W.flatten())).reshape(W.shape)
    z, first, second = x @ network.w.T, *(network.activation.derivatives(x @ network.w.T, 1, 2))
    assert z.shape == first.shape
    move = x @ W.T
    f = (network.a * (first * move + second * move.square() / 2)).sum(1) / math.sqrt(M)
    penalties = []
    for inputs in (x, fresh):
        (slope,) = network.activation.derivatives(inputs @ network.w.T, 1)
        penalties.append(((network.a * slope * (inputs @ outside.T)).sum(1) / math.sqrt(M)).square().mean())
    return (f - y).square().mean() + weights[0] * penalties[0] + weights[1] * penalties[1]


@pytest.mark.parametrize("weights", [(0.0, 0.7), (1.3, 0.0), (1.3, 0.7)])
def test_value_and_gradient_by_definition(weights: tuple[float, float]) -> None:
    network, x, W = problem()
    y = x[:, 0] ** 2 - 1 + x[:, 1]
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    fresh = FreshInputs(weights[1], 9, count=12)
    objective = Objective(network, x, y, PenaltyWeights(r1=weights[0], **ALONE), directions, fresh=fresh)
    W = W.requires_grad_()
    values = []
    for step in (0, 3):
        objective.draw(step)
        parts, gradient = objective.value_and_gradient(W.detach())
        expected = by_definition(network, x, y, W, weights, fresh.inputs(D, step))
        (slope,) = torch.autograd.grad(expected, W)
        assert float(parts.total) == pytest.approx(float(expected.detach()), rel=1e-10)
        torch.testing.assert_close(gradient, slope, rtol=1e-9, atol=1e-12)
        values.append(float(parts.total))
    assert (values[0] == values[1]) == (weights[1] == 0), "each step has inputs of its own"
    off = by_definition(network, x, y, W, (weights[0] + 0.01, weights[1]), fresh.inputs(D, 3))
    assert abs(float(off.detach()) - values[1]) > 1e-6 * values[1], "a weight off by 0.01 is seen"


def test_linear_first_is_the_general_pass(device: str, dtype: torch.dtype) -> None:
    """The pass that forms f_L first against the one for any directions, here a stored basis of the same subspace."""
    network, x, W = problem(dtype, device)
    y = x[:, 0]
    own = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    same = own.random_subspace(0)
    same._basis._flat = own.half_basis().flatten(-2)  # type: ignore[attr-defined]
    fresh = FreshInputs(0.7, 9, count=12)
    weights = PenaltyWeights(r1=1.3, **ALONE)
    fast, slow = (Objective(network, x, y, weights, one, fresh=fresh) for one in (own, same))
    assert (fast._linear_first is None, slow._linear_first is None) == (False, True)
    (a, one), (b, two) = (objective.value_and_gradient(W) for objective in (fast, slow))
    rtol = 4000 * torch.finfo(dtype).eps
    assert float(a.total) == pytest.approx(float(b.total), rel=rtol)
    assert float((one - two).norm()) <= rtol * float(two.norm())
    W.mul_(1.01)
    assert float((fast.value_and_gradient(W)[1] - two).norm()) > rtol * float(two.norm())


def test_other_terms_take_the_general_pass() -> None:
    """R3, Hessian and sign variation need coordinates only, and inputs may lie anywhere."""
    network, x, W = problem()
    y = x[:, 0]
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    weights = PenaltyWeights(r1=1.3, r3=0.7, r4=0.01, r1_modes=("training",))
    objective = Objective(network, x, y, weights, directions)
    assert objective._linear_first is None
    parts, gradient = objective.value_and_gradient(W)
    P = directions.project(W)
    cross = network.cross(x, P, W - P).square().mean()
    assert float(parts.r3) == pytest.approx(float(cross), rel=1e-10)
    V, h = W.flip(1), 1e-5
    ahead, behind = (objective.value_and_gradient(W + s * V)[1] for s in (h, -h))
    torch.testing.assert_close(hessian_vector(objective, W, V), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-6)
    alone = Objective(network, x, y, PenaltyWeights(r1=1.3, **ALONE), directions)
    ahead, behind = (alone.value_and_gradient(W + s * V)[1] for s in (h, -h))
    torch.testing.assert_close(hessian_vector(alone, W, V), (ahead - behind) / (2 * h), rtol=1e-5, atol=1e-6)
    assert math.isfinite(sign_variation(alone, W, V).total)
    assert float(gradient.norm()) > 0


def test_no_matrix_of_directions_is_stored() -> None:
    network, x, W = problem()
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    directions.project(W)
    held = [value for value in vars(directions._basis).values() if isinstance(value, torch.Tensor)]
    assert max(value.numel() for value in held) <= N * max(N, D)


def test_resumes_bit_by_bit_with_fresh_inputs(tmp_path) -> None:  # type: ignore[no-untyped-def]
    network, x, _ = problem(torch.float32)
    y = (x[:, 0] ** 2 - 1 + x[:, 0]) / math.sqrt(3)
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)

    def objective(seed: int = 9) -> Objective:
        fresh = FreshInputs(0.5, seed, count=12)
        return Objective(network, x, y, PenaltyWeights(r1=1.0, **ALONE), directions, fresh=fresh)

    start, method, at = torch.zeros(M, D), GradientDescent(1.0), (1, 3, 9, 30)
    whole = train(objective(), start, method, 30, record_at=at)
    assert [record.step for record in whole.records] == [0, *at]

    class Killed(Exception):
        pass

    def kill(record) -> None:  # type: ignore[no-untyped-def]
        if record.step == 9:
            raise Killed

    file = tmp_path / "run"
    with pytest.raises(Killed):
        train(objective(), start, method, 30, record_at=at, checkpoint=file, checkpoint_every=7, progress=kill)
    rest = train(objective(), start, method, 30, record_at=at, checkpoint=file, checkpoint_every=7)
    assert torch.equal(rest.W, whole.W)
    assert repr([record.numbers() for record in rest.records]) == repr([r.numbers() for r in whole.records])
    assert not torch.equal(train(objective(10), start, method, 30, record_at=at).W, whole.W)
    outside = network.linear(x, directions.complement(whole.W)).square().mean()
    assert float(whole.records[-1].outside) == pytest.approx(float(outside), rel=1e-4)
    assert float(whole.records[-1].outside) == pytest.approx(float(whole.records[-1].parts.r1_training), rel=1e-3)
    with pytest.raises(ValueError, match="belongs to another run"):
        train(objective(10), start, method, 30, record_at=at, checkpoint=file)
    with pytest.raises(ValueError, match="use Adam, or GradientDescent with a fixed step"):
        train(objective(), start, GradientDescent(), 30)


def test_fresh_inputs_depend_on_seed_and_step_alone() -> None:
    fresh = FreshInputs(1.0, 3, count=4)
    assert torch.equal(fresh.inputs(D, 7), fresh.inputs(D, 7))
    drawn = [fresh.inputs(D, step) for step in range(50)] + [FreshInputs(1.0, 4, count=4).inputs(D, 0)]
    assert len({tuple(one.flatten().tolist()) for one in drawn}) == 51
    lengths = FreshInputs(1.0, 3, law="sphere").inputs(D, 0).square().sum(1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, D))
    many = FreshInputs(1.0, 3, count=20_000).inputs(D, 0)
    assert abs(float(many.mean())) < 5 / math.sqrt(many.numel())
    for bad, needle in (({"weight": -1.0}, "weight=-1.0"), ({"count": 0}, "count=0"), ({"law": "cube"}, "law='cube'")):
        with pytest.raises(ValueError, match=re.escape(needle)):
            FreshInputs(**{"weight": 1.0, "seed": 3} | bad)


def test_the_residual_outside_is_the_weight_times_the_linear_term() -> None:
    """Where the gradient has no part outside the good directions, the residual there over f_L is minus the weight."""
    # Checks :eq:`residual-outside`.
    network, x, _ = problem()
    y, weight = x[:, 0] ** 2 - 1 + x[:, 1], 2.5
    directions = GoodDirections(network, 1, "jacobian", x, count=COUNT)
    jacobian = directions.jacobian()
    assert jacobian is not None
    outside, J = jacobian.outside(y), dense(network, x)
    f = outside / (1 + weight) + 0.3 * (y - outside)
    W = torch.linalg.lstsq(J, f, driver="gelsd").solution.reshape(M, D)
    energy = outside.square().sum() * (weight / (1 + weight)) ** 2 / N

    def at(w: float) -> tuple[float, float]:
        objective = Objective(network, x, y, PenaltyWeights(r1=w, **ALONE), directions, model="linear")
        parts, gradient = objective.value_and_gradient(W)
        assert float(directions.project(gradient).norm()) > 0.01, "the good part is free"
        return float(directions.complement(gradient).norm()), float(parts.r1_training)

    rest, r1 = at(weight)
    assert rest < 1e-9
    assert weight**2 * r1 == pytest.approx(float(energy), rel=1e-9)
    assert at(weight + 0.1)[0] > 1e-3
