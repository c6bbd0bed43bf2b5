import math

import pytest
import sympy as sp
import torch
from references import jacobian

from numerics import Estimate, TwoLayerNetwork, generator, ntk_gram, sphere
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")


def test_initial_output_is_exactly_zero() -> None:
    network = TwoLayerNetwork(7, 20, SIGMA)
    x = sphere(50, 7, math.sqrt(7), generator(0))
    assert torch.equal(
        network.forward(x, torch.zeros(20, 7, dtype=torch.float64)), torch.zeros(50, dtype=torch.float64)
    )


@pytest.mark.parametrize("text", ["tanh(z + 1)", "softplus(z)", "gelu(z)", "z**3/6 + z", "sigmoid(2*z)*z", "exp(z/2)"])
def test_terms_are_derivatives_along_a_ray(text: str) -> None:
    network = TwoLayerNetwork(5, 8, Activation.parse(text), seed=3)
    gen = generator(4)
    x = sphere(6, 5, math.sqrt(5), gen)
    W, V = (torch.randn(8, 5, generator=gen, dtype=torch.float64) for _ in range(2))

    def along(s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return network.forward(x, s * W + t * V)

    zero = torch.zeros((), dtype=torch.float64)
    first = torch.func.jacfwd(along)
    torch.testing.assert_close(first(zero, zero), network.linear(x, W))
    torch.testing.assert_close(torch.func.jacfwd(first)(zero, zero) / 2, network.quadratic(x, W))
    torch.testing.assert_close(torch.func.jacfwd(first, argnums=1)(zero, zero), network.cross(x, W, V))
    both = network.quadratic(x, W) + network.cross(x, W, V) + network.quadratic(x, V)
    torch.testing.assert_close(network.quadratic(x, W + V), both)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gram_is_the_jacobian_product(dtype: torch.dtype) -> None:
    network = TwoLayerNetwork(4, 10, SIGMA, seed=1, dtype=dtype)
    gen = generator(2)
    x, x2 = (sphere(n, 4, 2.0, gen).to(dtype) for n in (9, 5))
    left, right = jacobian(network, x).flatten(1), jacobian(network, x2).flatten(1)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(ntk_gram(network, x, x2, block=2), left @ right.T, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(ntk_gram(network, x), left @ left.T, rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_cpu() -> None:
    x = sphere(30, 6, math.sqrt(6), generator(0))
    cpu = ntk_gram(TwoLayerNetwork(6, 12, SIGMA), x)
    cuda = ntk_gram(TwoLayerNetwork(6, 12, SIGMA, device="cuda"), x.cuda())
    torch.testing.assert_close(cpu, cuda.cpu())


def test_activation_constants_keep_double_precision() -> None:
    """Rational and irrational constants reach torch as the nearest double."""
    network = TwoLayerNetwork(3, 2, Activation.parse("sin(z/3 + pi/7)"))
    z = torch.tensor([0.3], dtype=torch.float64)
    assert float(network.activation(z)) == pytest.approx(math.sin(0.1 + math.pi / 7), abs=2e-16)


def test_softplus_is_exact_far_out() -> None:
    network = TwoLayerNetwork(3, 2, Activation.parse("softplus(z)"))
    z = torch.tensor([-40.0, 25.0, 700.0], dtype=torch.float64)
    expected = [math.log1p(math.exp(-40.0)), 25 + math.log1p(math.exp(-25.0)), 700.0]
    assert network.activation(z).tolist() == pytest.approx(expected, rel=1e-15)


def test_sphere_points() -> None:
    x = sphere(4000, 5, 3.0, generator(0))
    torch.testing.assert_close(x.norm(dim=1), torch.full((4000,), 3.0, dtype=torch.float64))
    # E[x x^T] = (9/5) I; entries have standard error below 9/5 * sqrt(2/4000).
    deviation = (x.T @ x / 4000 - 9 / 5 * torch.eye(5, dtype=torch.float64)).abs().max()
    assert deviation < 5 * 9 / 5 * math.sqrt(2 / 4000)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: TwoLayerNetwork(2, 4, SIGMA), "d=2: needs d >= 3"),
        (lambda: TwoLayerNetwork(5, 3, SIGMA), "m=3: needs an even"),
        (lambda: TwoLayerNetwork(5, 0, SIGMA), "m=0: needs an even"),
        (lambda: sphere(0, 5, 1.0, generator(0)), "n=0: needs an integer n >= 1"),
        (lambda: sphere(4, 5, math.nan, generator(0)), "radius"),
        (lambda: TwoLayerNetwork(sp.Symbol("d"), 4, SIGMA), "integer d"),
        (lambda: ntk_gram(TwoLayerNetwork(5, 4, SIGMA), torch.zeros(2, 5), block=0), "block=0"),
        (lambda: Estimate.of(torch.tensor([1.0]), 0), "at least 2"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        call()
