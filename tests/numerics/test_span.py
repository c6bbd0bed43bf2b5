"""span{T Y}: by its definition, by Monte Carlo, and in the limit of wide networks."""

import math

import pytest
import references
import torch

from numerics.directions import GoodDirections
from numerics.harmonics import Harmonics
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.span import HarmonicTransform, Span
from theory import Activation, ntk_eigenvalue
from theory.harmonics.sphere import cumulative_multiplicity

SIGMA = Activation.parse("tanh(z + 1)")
D, M = 5, 40


def displacement(network: TwoLayerNetwork, seed: int, *shape: int) -> torch.Tensor:
    """Gaussian, of the network's shape, dtype and device."""
    drawn = torch.randn(*shape, *network.batch, network.m, network.d, generator=generator(seed), dtype=torch.float64)
    return drawn.to(network.w)


def rounding(network: TwoLayerNetwork, k: int, condition: float) -> float:
    """Of a projection, relative to |W|.

    The adjoint and the map sum m/2 products of k + 1 factors, then d^k entries; the basis sums n_k of these. Relative
    to the result the sums can be larger by the root of the condition number of the Gram matrix, once for each map.
    """
    sums = network.m // 2 + network.d**k + cumulative_multiplicity(network.d, k) + 4 * (k + 1)
    return float(torch.finfo(network.dtype).eps) * 2 * sums * condition


def condition(directions: GoodDirections) -> float:
    """Root of the condition number of T*T; 1 for a stored orthonormal basis."""
    if not isinstance(directions._basis, Span):
        return 1.0
    values = torch.linalg.eigvalsh(directions._basis.gram)
    return float((values[-1] / values[0]).sqrt())


@pytest.mark.parametrize("k", [0, 1, 2, 3])
@pytest.mark.parametrize("text", ["tanh(z + 1)", "sin(z + pi/4)"])
def test_span_is_its_definition(text: str, k: int, device: str, dtype: torch.dtype) -> None:
    """T, its adjoint and its features against harmonics times gradients by autograd, neuron by neuron."""
    network = TwoLayerNetwork(D, M, Activation.parse(text), seed=5, dtype=dtype, device=device)
    slow = references.exact(network)
    dense = references.span(slow, k)
    fast = HarmonicTransform(network, k, dtype)
    W, x = displacement(network, 1), sphere(9, D, math.sqrt(D), generator(2)).to(device, dtype)
    c = torch.randn(len(dense), generator=generator(3), dtype=torch.float64)
    adjoint = (dense * W.double().cpu()).sum((1, 2))
    half = torch.einsum("j,jrc->rc", c, dense)[: M // 2]
    features = torch.stack([references.linear(slow, x.double().cpu(), b) for b in dense], -1)
    # Sums of m/2, d^k and n_k terms of k + 2 factors, with harmonics of size at most sqrt(2 n_k).
    sums = M // 2 + D**k + len(dense) + 4 * (k + 1)
    eps = float(torch.finfo(dtype).eps) * sums
    plus, minus = W.chunk(2)
    for found, expected in (
        (fast.apply(c.to(W)), half),
        (fast.adjoint(plus - minus), adjoint),
        (fast.features(x), features),
    ):
        error, size = found.double().cpu() - expected, float(expected.norm())
        assert float(error.norm()) <= eps * size
        # Planted: one part in a hundred of one harmonic.
        planted = expected.clone()
        planted.view(-1)[planted.abs().argmax()] *= 1.01
        assert float((found.double().cpu() - planted).norm()) > eps * size


def test_span_against_monte_carlo() -> None:
    """E_x[grad f(x) Y(x)] for k = 3: all entries within 5 standard errors.

    m/2 d n_k = 4 * 5 * 50 = 1000 distinct entries: chance of a false alarm below 1000 * 6e-7 = 6e-4, once for the
    fixed seed. The control shows that T Y with lambda_l(sigma) larger by 2 % is excluded.
    """
    samples, k, m = 200_000, 3, 8
    network = TwoLayerNetwork(D, m, SIGMA, seed=5)
    x = sphere(samples, D, math.sqrt(D), generator(6))
    unit = x / math.sqrt(D)
    bases = [torch.ones(samples, 1, dtype=torch.float64), *(Harmonics(D, degree).values(unit) for degree in (1, 2, 3))]
    harmonics = torch.cat(bases, 1)
    gradients = (references.neurons(network, x, 1)[:, : m // 2, None] * x[:, None, :]).flatten(1)
    mean = harmonics.T @ gradients / samples
    stderr = ((harmonics.square().T @ gradients.square() / samples - mean.square()) / samples).sqrt()
    identity = torch.eye(harmonics.shape[1], dtype=torch.float64)
    transform = HarmonicTransform(network, k, torch.float64)
    z = ((transform.apply(identity).flatten(1) - mean) / stderr).abs()
    print(f"largest deviation {float(z.max()):.2f} standard errors among {z.numel()}")
    assert float(z.max()) <= 5
    transform._factors = [(alpha, 1.02 * beta) for alpha, beta in transform._factors]
    assert float(((transform.apply(identity).flatten(1) - mean) / stderr).abs().max()) > 5


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_span_projects_as_dense_qr(k: int, device: str, dtype: torch.dtype) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=1, dtype=dtype, device=device)
    directions = GoodDirections(network, k)
    P = references.projection(references.span(references.exact(network), k))
    W = displacement(network, 2)
    expected = P @ W.double().cpu().flatten()
    atol = rounding(network, k, condition(directions)) * float(W.double().norm())
    assert float((directions.project(W).double().cpu().flatten() - expected).norm()) <= atol
    # Planted: the span of another initialisation.
    other = references.projection(references.span(TwoLayerNetwork(D, M, SIGMA, seed=2), k))
    assert float((directions.project(W).double().cpu().flatten() - other @ W.double().cpu().flatten()).norm()) > atol


def test_gram_tends_to_the_infinite_width_eigenvalues() -> None:
    """(T*T)_jj is a mean over m/2 independent neurons of expectation Lambda_l: all 20 within 5 standard errors.

    Chance of a false alarm below 20 * 6e-7; the eigenvalues of the next degree are excluded.
    """
    network = TwoLayerNetwork(D, 20_000, SIGMA, seed=0)
    span = Span(network, 2)
    images = HarmonicTransform(network, 2, torch.float64).apply(torch.eye(20, dtype=torch.float64))
    energies = network.m * images.square().sum(-1)  # (n_k, m/2)
    mean, stderr = energies.mean(-1), energies.std(-1) / math.sqrt(network.m // 2)
    torch.testing.assert_close(span.gram.diagonal(), mean, rtol=1e-11, atol=0)
    degrees = [0] + [1] * 5 + [2] * 14
    low, high = (
        torch.tensor([float(ntk_eigenvalue(SIGMA, degree + i, D)) for degree in degrees], dtype=torch.float64)
        for i in (0, 1)
    )
    # At degree 0 every neuron has the same energy, up to rounding.
    assert ((mean - low).abs() <= 5 * stderr + 1e-12).all()
    assert ((mean - high).abs() > 5 * stderr + 1e-12).all()


def test_a_narrow_span_is_orthonormal_all_the_same() -> None:
    """At m d / 2 = 30, n_2 = 20 the Gram matrix has condition numbers above 10^3 here. One Cholesky step would leave
    1e-16 times that, up to 2e-13; the second leaves the rounding of sums of 30 products."""
    identity = torch.eye(20, dtype=torch.float64)
    for seed in (2, 11, 13, 26):
        basis = GoodDirections(TwoLayerNetwork(5, 12, SIGMA, seed=seed), 2)
        scale = torch.diagonal(basis._basis.gram).rsqrt()
        values = torch.linalg.eigvalsh(scale[:, None] * basis._basis.gram * scale)
        assert float(values[-1] / values[0]) > 1e3
        flat = basis.half_basis().flatten(1)
        torch.testing.assert_close(2 * flat @ flat.T, identity, rtol=0, atol=2e-14)
