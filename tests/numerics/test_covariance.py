import math

import pytest
import torch
from references import jacobian

from numerics import (
    GoodDirections,
    TwoLayerNetwork,
    feature_covariance,
    generator,
    random_signs,
    sparse_displacement,
    sphere,
)
from numerics.directions import _span
from numerics.quadrature import gauss_rule, pair_rule
from theory import Activation, coefficient, monomial_coefficients, multiplicity, ntk_eigenvalue, ntk_trace

SIGMA = Activation.parse("tanh(z + 1)")
SAMPLES = 200_000


def sampled_jacobian(network: TwoLayerNetwork, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = sphere(SAMPLES, network.d, math.sqrt(network.d), generator(seed))
    (first,) = network.activation.derivatives(network.preactivations(x), 1)
    return x, ((first * network.a / math.sqrt(network.m))[:, :, None] * x[:, None, :]).flatten(1)


@pytest.mark.parametrize("text", ["tanh(z + 1)", "sin(z + pi/4)", "gelu(z)"])
def test_covariance_against_monte_carlo(text: str) -> None:
    """All entries within 5 standard errors (about 500 distinct ones: chance of a false alarm below 3e-4)."""
    network = TwoLayerNetwork(6, 10, Activation.parse(text), seed=1)
    covariance = feature_covariance(network)
    assert covariance.error < 1e-9
    dense = covariance.dense()
    _, features = sampled_jacobian(network, 11)
    mean = features.T @ features / SAMPLES
    stderr = ((features**2).T @ (features**2) / SAMPLES - mean**2).clamp_min(0).sqrt() / math.sqrt(SAMPLES)
    assert ((mean - dense).abs() <= 5 * stderr + 1e-12).all()
    wrong = dense * 1.02
    assert not ((mean - wrong).abs() <= 5 * stderr + 1e-12).all()


def test_features_are_autograd_jacobians() -> None:
    network = TwoLayerNetwork(5, 4, SIGMA)
    x = sphere(7, 5, math.sqrt(5), generator(0))
    (first,) = network.activation.derivatives(network.preactivations(x), 1)
    blocks = (first * network.a / 2)[:, :, None] * x[:, None, :]
    torch.testing.assert_close(blocks, jacobian(network, x))


def test_operator_agrees_with_its_matrix() -> None:
    network = TwoLayerNetwork(5, 12, SIGMA, seed=2)
    covariance = feature_covariance(network)
    dense = covariance.dense()
    torch.testing.assert_close(dense, dense.T)
    W = torch.randn(12, 5, generator=generator(1), dtype=torch.float64)
    torch.testing.assert_close(covariance.matmul(W).flatten(), dense @ W.flatten())
    torch.testing.assert_close(covariance.energy(W), W.flatten() @ dense @ W.flatten())
    values, vectors = covariance.top(7)
    exact = torch.linalg.eigvalsh(dense).flip(0)[:7]
    torch.testing.assert_close(values, exact)
    for value, vector in zip(values, vectors, strict=True):
        torch.testing.assert_close(covariance.matmul(vector), value * vector, atol=1e-9, rtol=0)
        assert float(vector.norm()) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="count=30"):
        covariance.top(30)


@pytest.mark.parametrize(
    ("text", "d"), [("tanh(z + 1)", 64), ("tanh(3*z + 1)", 20), ("sin(4*z)", 32), ("erf(2*z)", 64)]
)
def test_trace_of_the_covariance_is_certified(text: str, d: int) -> None:
    """tr Sigma = (1/m) sum_r E[sigma'^2 |x|^2] equals the certified trace of the NTK, within the stated error."""
    activation = Activation.parse(text)
    covariance = feature_covariance(TwoLayerNetwork(d, 2, activation))
    trace = float(torch.trace(covariance.dense()))
    assert trace == pytest.approx(float(ntk_trace(activation, d)), rel=max(covariance.error, 1e-12) * 10)


@pytest.mark.parametrize(("text", "d"), [("relu(z)", 10), ("sin(40*z)", 64), ("tanh(20*z)", 1000)])
def test_unreachable_accuracy_is_refused(text: str, d: int) -> None:
    with pytest.raises(ValueError, match="only accurate to"):
        feature_covariance(TwoLayerNetwork(d, 4, Activation.parse(text)))


def test_identical_neurons_need_no_branch() -> None:
    """rho = 1 on the diagonal: block (r, r) is E[sigma'^2 z^2] w w^T + rest/(d-1) (I - w w^T)."""
    network = TwoLayerNetwork(5, 2, SIGMA)
    block = feature_covariance(network).dense()[:5, :5]
    t, weight = gauss_rule(5, 80)
    (first,) = network.activation.derivatives(math.sqrt(5) * t, 1)
    along = float((weight * first**2 * 5 * t**2).sum()) / 2
    across = float((weight * first**2 * 5 * (1 - t**2)).sum()) / 2 / 4
    w = network.half[0]
    expected = along * torch.outer(w, w) + across * (torch.eye(5, dtype=torch.float64) - torch.outer(w, w))
    torch.testing.assert_close(block, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("d", [2, 3, 4, 50, 10**6])
def test_gauss_rule_is_exact_on_moments(d: int) -> None:
    t, weight = gauss_rule(d, 12)
    second, fourth = 1 / d, 3 / (d * (d + 2))
    assert float(weight.sum()) == pytest.approx(1, rel=1e-13)
    assert float(weight @ t**2) == pytest.approx(second, rel=1e-11)
    assert float(weight @ t**4) == pytest.approx(fourth, rel=1e-10)
    if d >= 3:
        t, u, pair = pair_rule(d, 8)
        assert float(pair @ (t**2 * u**2)) == pytest.approx(fourth / 3, rel=1e-10)


def test_span_blocks_against_monte_carlo() -> None:
    """E_x[grad f(x) Y(x)] for Y = 1, x_1..x_d: all entries within 5 standard errors."""
    network = TwoLayerNetwork(6, 8, SIGMA, seed=5)
    x, features = sampled_jacobian(network, 6)
    harmonics = torch.cat([torch.ones(SAMPLES, 1, dtype=torch.float64), x], dim=1)
    mean = harmonics.T @ features / SAMPLES
    stderr = ((harmonics**2).T @ (features**2) / SAMPLES - mean**2).clamp_min(0).sqrt() / math.sqrt(SAMPLES)
    half = _span(network, 1).flatten(1)
    assert ((mean[:, : half.shape[1]] - half).abs() <= 5 * stderr[:, : half.shape[1]]).all()
    assert ((mean[:, half.shape[1] :] + half).abs() <= 5 * stderr[:, half.shape[1] :]).all()


@pytest.mark.parametrize("method", ["span", "eigen"])
@pytest.mark.parametrize("k", [0, 1])
def test_projection_laws(method: str, k: int) -> None:
    network = TwoLayerNetwork(5, 40, SIGMA, seed=1)
    directions = GoodDirections(network, k, method)
    gen = generator(2)
    W, V = (torch.randn(40, 5, generator=gen, dtype=torch.float64) for _ in range(2))
    P = directions.project
    assert directions.dimension == (1, 6)[k]
    torch.testing.assert_close(P(P(W)), P(W))
    torch.testing.assert_close((P(W) * V).sum(), (W * P(V)).sum())
    torch.testing.assert_close(P(W) + directions.complement(W), W)
    torch.testing.assert_close(directions.combine(directions.coordinates(W)), P(W))
    x = sphere(9, 5, math.sqrt(5), gen)
    torch.testing.assert_close(directions.features(x) @ directions.coordinates(W), network.linear(x, P(W)))
    # R2 vanishes identically: good displacements are antisymmetric.
    assert float(network.quadratic(x, P(W)).abs().max()) < 1e-14


def test_span_approaches_the_eigenspace() -> None:
    """Largest principal angle falls with m (as m^{-1/2}: a factor 4 in m at least 1.5 in the mean over 4 seeds)."""
    means = []
    for m in (60, 240, 960):
        angles = []
        for seed in range(4):
            network = TwoLayerNetwork(6, m, SIGMA, seed=seed)
            span, eigen = (GoodDirections(network, 1, method) for method in ("span", "eigen"))
            overlap = 2 * span.half_basis.flatten(1) @ eigen.half_basis.flatten(1).T
            angles.append(float(torch.linalg.svdvals(overlap).min().clamp(max=1).arccos()))
        means.append(sum(angles) / 4)
    assert means[0] > 1.5 * means[1] > 1.5**2 * means[2]


def test_wide_network_reaches_the_infinite_width_eigenvalues() -> None:
    network = TwoLayerNetwork(6, 2000, SIGMA, seed=0)
    values, _ = feature_covariance(network).top(7)
    predicted = sorted([float(ntk_eigenvalue(SIGMA, 0, 6)), *[float(ntk_eigenvalue(SIGMA, 1, 6))] * 6], reverse=True)
    assert max(abs(v / p - 1) for v, p in zip(values.tolist(), predicted, strict=True)) < 0.1


@pytest.mark.parametrize("k", [1, 2, 3])
def test_sparse_construction(k: int) -> None:
    """f_Q -> alpha <beta,x>^{k+1}, |W_Q|_{2,4}^4 -> 8 alpha^2 E[g^2], and signs leave f_Q alone."""
    d, m, alpha = 12, 200_000, 0.7
    network = TwoLayerNetwork(d, m, SIGMA, seed=1)
    gen = generator(3)
    beta = sphere(1, d, 1.0, gen)[0]
    W = sparse_displacement(network, beta, alpha, k)
    x = sphere(40, d, math.sqrt(d), gen)
    goal = alpha * (x @ beta) ** (k + 1)
    assert float((network.quadratic(x, W) - goal).square().mean() / goal.square().mean()) < 0.01
    flipped = random_signs(m, gen)[:, None] * W
    torch.testing.assert_close(network.quadratic(x, flipped), network.quadratic(x, W))
    assert float(network.linear(x, flipped).abs().max()) < 0.2 * float(network.linear(x, W).abs().max())
    g_squared = d ** (k - 1) * sum(
        float(c) ** 2 * multiplicity(d, j) / float(coefficient(SIGMA, j, d, 2)) ** 2
        for j, c in monomial_coefficients(k - 1, d).items()
    )
    assert float((W.norm(dim=1) ** 4).sum()) == pytest.approx(8 * alpha**2 * g_squared, rel=0.05)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda n: GoodDirections(TwoLayerNetwork(5, 60, SIGMA), 2), "k <= 1; use method='eigen'"),
        (lambda n: GoodDirections(n, 1, "other"), "method='other'"),
        (lambda n: GoodDirections(n, -1), "k=-1"),
        (lambda n: GoodDirections(n, 4, "eigen"), "use a wider network"),
        (lambda n: GoodDirections(TwoLayerNetwork(5, 10, Activation.parse("cos(z)")), 1), "linearly dependent"),
        (lambda n: sparse_displacement(n, n.w[0], 1.0, 0), "k=0"),
        (lambda n: sparse_displacement(TwoLayerNetwork(5, 4, Activation.parse("tanh(z)")), n.w[0], 1.0, 1), "zero"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=needle.replace("(", r"\(")):
        call(TwoLayerNetwork(5, 6, SIGMA))
