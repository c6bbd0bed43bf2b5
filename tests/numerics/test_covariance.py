"""Sigma: against quadrature, Monte Carlo, closed forms and autograd, and as an operator against its matrix."""

import itertools
import math
import re

import numpy as np
import pytest
import references
import torch

from numerics import covariance as module
from numerics import memory
from numerics.covariance import FeatureCovariance, ZonalTensor, feature_covariance
from numerics.memory import WouldNotFit
from numerics.network import TwoLayerNetwork
from numerics.quadrature import gauss_rule
from numerics.sampling import generator, sphere
from theory import Activation, ntk_eigenvalue, ntk_trace

SIGMA = Activation.parse("tanh(z + 1)")
D, M = 5, 12


def displacement(network: TwoLayerNetwork, seed: int) -> torch.Tensor:
    shape = (*network.batch, network.m, network.d)
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64).to(network.w)


def rounding(network: TwoLayerNetwork, error: float = 0.0) -> float:
    """Of Sigma W, relative to |S| |D| with |S| <= m/2 max |T| / m: three products, sums of m/2 and of d terms."""
    size = 2 * (1 + network.d)  # |T(w,v)| <= |c| + 2 |K| + 2 |H| <= max sigma'^2 times |x|^2, and D = W_+ - W_-
    return size * (float(torch.finfo(network.dtype).eps) * (network.m // 2 + 2 * network.d + 8) + error)


@pytest.mark.parametrize(("text", "d"), [("tanh(z + 1)", 3), ("tanh(z + 1)", 6), ("sin(z + pi/4)", 6), ("gelu(z)", 5)])
def test_covariance_against_quadrature(text: str, d: int) -> None:
    """Every block of Sigma against scipy's rules in coordinates of its own, the diagonal ones included."""
    network = TwoLayerNetwork(d, 8, Activation.parse(text), seed=1)
    covariance = FeatureCovariance(network)
    slow = references.covariance(network)
    atol = (covariance.error + 1e-12) * float(slow.abs().max()) * 10
    assert float((covariance.dense() - slow).abs().max()) <= atol
    wrong = TwoLayerNetwork(d, 8, Activation.parse(text), seed=2)
    assert float((covariance.dense() - references.covariance(wrong)).abs().max()) > atol


def test_covariance_in_closed_form() -> None:
    """sigma' = z + 1: T(w,v) = (1 + d/(d+2) <w,v>) I + d/(d+2) (w v^T + v w^T), from moments alone.

    sigma' = z^2 / 2 has T(w,w) from moments of order 6: E[t^4 x x^T].
    """
    network = TwoLayerNetwork(D, M, Activation.parse("z**2/2 + z"), seed=1)
    dense = FeatureCovariance(network).dense().reshape(M, D, M, D)
    ratio, w = D / (D + 2), network.w
    identity = torch.eye(D, dtype=torch.float64)
    for r, s in itertools.product(range(M), repeat=2):
        outer = torch.outer(w[r], w[s])
        T = (1 + ratio * w[r] @ w[s]) * identity + ratio * (outer + outer.T)
        torch.testing.assert_close(dense[r, :, s], network.a[r] * network.a[s] * T / M, rtol=0, atol=1e-11)
    cubic = TwoLayerNetwork(D, 2, Activation.parse("z**3/6"), seed=1)
    block = FeatureCovariance(cubic).dense()[:D, :D]
    # E[z^4 x x^T] / 4 with moments 15 and 3 times d^3 / (d (d+2) (d+4)).
    scale, along = D**2 / ((D + 2) * (D + 4)) / 4, torch.outer(cubic.w[0], cubic.w[0])
    torch.testing.assert_close(block, scale * (3 * identity + 12 * along) / 2, rtol=0, atol=1e-11)


@pytest.mark.parametrize("text", ["tanh(z + 1)", "sin(z + pi/4)", "gelu(z)"])
def test_covariance_against_sampled_jacobians(text: str) -> None:
    """Mean of grad f grad f^T by autograd over 20000 inputs: all entries within 5 standard errors.

    About 500 distinct entries: chance of a false alarm below 3e-4. A factor 1.1 is excluded.
    """
    samples, network = 20_000, TwoLayerNetwork(6, 10, Activation.parse(text), seed=1)
    covariance = FeatureCovariance(network)
    assert covariance.error < 1e-9
    dense = covariance.dense()
    x = sphere(samples, 6, math.sqrt(6), generator(11))
    zero = torch.zeros_like(network.w).expand(samples, -1, -1).clone().requires_grad_()
    outputs = (network.activation(torch.einsum("nd,nrd->nr", x, network.w + zero)) * network.a).sum() / math.sqrt(10)
    (gradients,) = torch.autograd.grad(outputs, zero)
    torch.testing.assert_close(gradients[:5], references.jacobian(network, x[:5]))
    features = gradients.flatten(1)
    mean = features.T @ features / samples
    stderr = ((features.square().T @ features.square() / samples - mean.square()).clamp_min(0) / samples).sqrt()
    # 1e-12 for entries that do not vary, such as those of one neuron and its copy.
    assert ((mean - dense).abs() <= 5 * stderr + 1e-12).all()
    assert not ((mean - 1.1 * dense).abs() <= 5 * stderr + 1e-12).all()


def test_features_are_autograd_jacobians() -> None:
    network = TwoLayerNetwork(5, 4, SIGMA)
    x = sphere(7, 5, math.sqrt(5), generator(0))
    blocks = references.neurons(network, x, 1)[:, :, None] * x[:, None, :]
    torch.testing.assert_close(blocks, references.jacobian(network, x))


@pytest.mark.parametrize("text", ["tanh(z + 1)", "gelu(z)"])
def test_zonal_functions(text: str, device: str, dtype: torch.dtype) -> None:
    """Clenshaw's recurrence against numpy's, rho = +-1 included, and T(w,v) against quadrature."""
    network = TwoLayerNetwork(D, 2, Activation.parse(text))
    tensor = ZonalTensor.of(network.activation.exact, network.d)
    rho = torch.cat([torch.linspace(-1, 1, 41), torch.tensor([-1.0, 1.0])]).double().to(device, dtype)
    expected = references.zonal(tensor, rho.cpu())
    size = float(np.abs(tensor.coefficients).sum())
    # Clenshaw's rounding grows at most with the square of the number of coefficients, at the end points.
    atol = float(torch.finfo(dtype).eps) * tensor.coefficients.shape[1] ** 2 * size
    assert float((tensor(rho).double().cpu() - expected).abs().max()) <= atol
    assert float((tensor(rho.flip(0)).double().cpu() - expected).abs().max()) > atol
    w, v = network.half[0], sphere(1, D, 1.0, generator(4))[0]
    c, k, h = tensor((w @ v)[None])[:, 0]
    same, mixed = torch.outer(w, w) + torch.outer(v, v), torch.outer(w, v) + torch.outer(v, w)
    block = c * torch.eye(D, dtype=torch.float64) + k * same + h * mixed
    slow = references.covariance_block(network, w, v)
    torch.testing.assert_close(block, slow, rtol=0, atol=10 * tensor.error + 1e-12)


@pytest.mark.parametrize("cache", [True, False, None])
def test_operator_is_its_matrix(cache: bool | None, device: str, dtype: torch.dtype) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=2, dtype=dtype, device=device)
    covariance = FeatureCovariance(network, cache)
    dense = references.covariance(references.exact(network))
    W = displacement(network, 1)
    flat = W.double().cpu().flatten()
    atol = rounding(network, covariance.error) * float(flat.norm())
    image = covariance.matmul(W)
    assert image.dtype == dtype
    assert image.device.type == device
    assert float((image.double().cpu().flatten() - dense @ flat).norm()) <= atol
    assert abs(float(covariance.energy(W)) - float(flat @ dense @ flat)) <= atol * 2 * float(flat.norm())
    assert float((covariance.dense().double().cpu() - dense).abs().max()) <= rounding(network, covariance.error)
    # Planted: a symmetric displacement, whose image is zero, added to W with the sign of one copy lost; a factor.
    assert float((covariance.matmul(W.abs()).double().cpu().flatten() - dense @ flat).norm()) > atol
    assert float((1.001 * image.double().cpu().flatten() - dense @ flat).norm()) > atol
    assert float(covariance.matmul(torch.cat([W[: M // 2]] * 2)).abs().max()) == 0


def test_cache_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=2)
    W = displacement(network, 1)
    kept = FeatureCovariance(network, True)
    assert torch.equal(kept.matmul(W), FeatureCovariance(network, False).matmul(W))
    monkeypatch.setattr("numerics.memory.BLOCK_ROWS", 1)
    for numbers in (1, 13, 2 * M):
        monkeypatch.setitem(module.BLOCK_NUMBERS, "cpu", numbers)
        blocks = FeatureCovariance(network, True)
        assert len(blocks._blocks) > 1
        assert len({table.untyped_storage().data_ptr() for table in blocks._tables}) == 1
        assert float((blocks.matmul(W) - kept.matmul(W)).norm()) <= rounding(network) * float(W.norm())
        assert torch.equal(blocks.matmul(W), FeatureCovariance(network, False).matmul(W))


@pytest.mark.parametrize("seed", [2, (2, 3)])
def test_blocks_of_a_card(seed: int | tuple[int, ...], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the blocks of a card the tables are whole where a processor cuts them, and products agree to rounding."""
    network = TwoLayerNetwork(D, 800, SIGMA, seed=seed, dtype=dtype)
    assert network.half[..., 0].numel() * network.pairs > module.BLOCK_NUMBERS["cpu"]
    W, cut = displacement(network, 1), FeatureCovariance(network, True)
    monkeypatch.setitem(module.BLOCK_NUMBERS, "cpu", module.BLOCK_NUMBERS["cuda"])
    for cache in (True, False):
        whole = FeatureCovariance(network, cache)
        assert (len(cut._blocks), len(whole._blocks)) == (2 if seed == 2 else 3, 1)
        expected, image = cut.matmul(W).flatten(-2), whole.matmul(W).flatten(-2)
        atol = rounding(network) * W.flatten(-2).norm(dim=-1)
        assert ((image - expected).norm(dim=-1) <= atol).all()
        # Planted: the rows of one neuron in the place of the next one's.
        assert ((image.roll(D, -1) - expected).norm(dim=-1) > atol).all()


def test_cache_asks_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SMALL", 1)
    network = TwoLayerNetwork(D, M, SIGMA, seed=2)
    tables = 3 * (M // 2) ** 2 * 8
    for there, kept in ((4 * tables, True), (4 * tables - 1, False)):
        for target in (memory, module):
            monkeypatch.setattr(target, "available_bytes", lambda device, there=there: there)
        assert (FeatureCovariance(network)._tables is not None) == kept
    for target in (memory, module):
        monkeypatch.setattr(target, "available_bytes", lambda device: tables - 1)
    with pytest.raises(WouldNotFit, match="use cache=False"):
        FeatureCovariance(network, True)
    with pytest.raises(WouldNotFit, match="m d <= 7 would fit"):
        FeatureCovariance(network, False).dense()


def test_batch_is_the_loop_over_seeds() -> None:
    networks = TwoLayerNetwork(D, M, SIGMA, seed=(1, 2, 3))
    W = displacement(networks, 1)
    for cache in (True, False):
        batch = FeatureCovariance(networks, cache)
        for i, seed in enumerate((1, 2, 3)):
            one = FeatureCovariance(TwoLayerNetwork(D, M, SIGMA, seed=seed), cache)
            atol = rounding(one.network) * float(W[i].norm())
            assert float((batch.matmul(W)[i] - one.matmul(W[i])).norm()) <= atol
            assert float((batch.matmul(W)[i - 1] - one.matmul(W[i - 1])).norm()) > atol
            assert abs(float(batch.energy(W)[i] - one.energy(W[i]))) <= 2 * atol * float(W[i].norm())
            assert abs(float(batch.sign_energy(W)[i] - one.sign_energy(W[i]))) <= 2 * atol * float(W[i].norm())
    for call in (batch.dense, lambda: batch.top(1)):
        with pytest.raises(
            ValueError, match=re.escape("needs one network, this one has batch (3,); take network.member(i)")
        ):
            call()


def test_sign_energy_is_the_mean_over_all_signs(device: str, dtype: torch.dtype) -> None:
    """All 2^6 signs of m = 6 neurons."""
    network = TwoLayerNetwork(4, 6, SIGMA, seed=3, dtype=dtype, device=device)
    covariance = FeatureCovariance(network)
    dense, W = references.covariance(references.exact(network)), displacement(network, 4)
    flat = W.double().cpu()
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=6)), dtype=torch.float64)
    moved = (signs[:, :, None] * flat).flatten(1)
    energies = ((moved @ dense) * moved).sum(1)
    atol = 2 * rounding(network, covariance.error) * float(flat.square().sum())
    found = float(covariance.sign_energy(W))
    assert abs(found - float(energies.mean())) <= atol
    assert abs(found - float(energies[:31].mean())) > atol
    assert abs(found - float(energies[-1])) > atol


def test_top_is_the_end_of_the_spectrum(device: str) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=2, device=device)
    covariance = FeatureCovariance(network)
    values, vectors = covariance.top(7)
    spectrum = torch.linalg.eigvalsh(covariance.dense()).flip(0).cpu()
    rest = M * D // 2
    # Half of the spectrum is zero; the other half is kept, each eigenvalue once.
    size = float(spectrum[0])
    assert float(spectrum[rest:].abs().max()) <= 1e-14 * size * M * D
    assert float((values.cpu() - spectrum[:7]).abs().max()) <= 1e-13 * size * M * D
    for value, vector in zip(values, vectors, strict=True):
        assert float((covariance.matmul(vector) - value * vector).norm()) <= 1e-12 * size * M * D
        assert torch.equal(vector[: M // 2], -vector[M // 2 :])
    overlaps = vectors.flatten(1) @ vectors.flatten(1).T
    assert float((overlaps.cpu() - torch.eye(7, dtype=torch.float64)).abs().max()) <= 1e-12
    for count in (0, rest, 2 * rest):
        with pytest.raises(ValueError, match=f"count={count}: needs 1 <= count < m d / 2 = {rest}"):
            covariance.top(count)


def test_top_finds_every_member_of_a_degenerate_eigenvalue() -> None:
    """At m = 2, S = (1/2) [c I + 2 (K + H) w w^T]: one eigenvalue along w and d - 1 equal ones across."""
    covariance = FeatureCovariance(TwoLayerNetwork(D, 2, SIGMA, seed=1))
    spectrum = torch.linalg.eigvalsh(covariance.dense()).flip(0)[: D - 1]
    values, vectors = covariance.top(D - 1)
    torch.testing.assert_close(values, spectrum, rtol=0, atol=1e-12)
    assert int(((values - values.mode().values).abs() < 1e-12).sum()) >= D - 2
    overlaps = vectors.flatten(1) @ vectors.flatten(1).T
    torch.testing.assert_close(overlaps, torch.eye(D - 1, dtype=torch.float64), rtol=0, atol=1e-12)


def test_single_precision_top() -> None:
    """Eigenvalues move by at most the norm of the perturbation of Sigma (Weyl)."""
    single = FeatureCovariance(TwoLayerNetwork(D, M, SIGMA, seed=2, dtype=torch.float32))
    exact = torch.linalg.eigvalsh(references.covariance(references.exact(single.network))).flip(0)
    values, _ = single.top(5)
    assert values.dtype == torch.float32
    assert float((values.double() - exact[:5]).abs().max()) <= rounding(single.network, single.error)


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


def test_wide_network_reaches_the_infinite_width_eigenvalues() -> None:
    network = TwoLayerNetwork(6, 2000, SIGMA, seed=0)
    values, _ = feature_covariance(network).top(7)
    predicted = sorted([float(ntk_eigenvalue(SIGMA, 0, 6)), *[float(ntk_eigenvalue(SIGMA, 1, 6))] * 6], reverse=True)
    assert max(abs(v / p - 1) for v, p in zip(values.tolist(), predicted, strict=True)) < 0.1


def test_an_activation_that_overflows_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="not finite in doubles; use smaller slopes"):
        FeatureCovariance(TwoLayerNetwork(1000, 4, "exp(z**2)"))
