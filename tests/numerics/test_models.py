"""The models as functions of the products p and q: slopes and tangents against autograd of the formula."""

import math

import pytest
import torch

from numerics.blocks import Block
from numerics.models import Model, Network, Taylor
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from theory import Activation

M, D, N = 8, 4, 6
NETWORK = TwoLayerNetwork(D, M, Activation.parse("sin(z + pi/4)"), seed=1)


def block() -> Block:
    x = sphere(N, D, math.sqrt(D), generator(2))
    z = x @ NETWORK.half.T
    first, second = NETWORK.activation.derivatives(z, 1, 2)
    return Block(x, z, first / math.sqrt(M), second / (2 * math.sqrt(M)))


def formula(name: str, b: Block, p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    if name == "network":
        plus, minus = (NETWORK.activation(b.z + (q + sign * p) / 2) for sign in (1, -1))
        return (plus - minus).sum(-1) / math.sqrt(M)
    linear, quadratic = (b.first * p).sum(-1), (b.second * p * q).sum(-1)
    return {"linear": linear, "quadratic": quadratic, "taylor": linear + quadratic}[name]


MODELS: dict[str, Model] = {
    "network": Network(NETWORK.activation, M),
    "taylor": Taylor(linear=True, quadratic=True),
    "linear": Taylor(linear=True, quadratic=False),
    "quadratic": Taylor(linear=False, quadratic=True),
}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_slopes_and_curvatures_are_derivatives(name: str) -> None:
    b, gen = block(), generator(3)
    p, q, dp, dq = (torch.randn(N, M // 2, generator=gen, dtype=torch.float64) for _ in range(4))

    def slopes(p: torch.Tensor, q: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, pull = torch.func.vjp(lambda p, q: formula(name, b, p, q), p, q)
        return output, *pull(torch.ones_like(output))

    expected, moved = torch.func.jvp(slopes, (p, q), (dp, dq))
    found, curves = MODELS[name].evaluate(b, p, q), MODELS[name].expand(b, p, q)
    again = curves.output, curves.slope_p * curves.slope_scale, curves.slope_q * curves.slope_scale
    pure, mixed = (one * curves.curvature_scale for one in (curves.pure, curves.mixed))
    tangents = (found[1] * dp + found[2] * dq).sum(-1), pure * dp + mixed * dq, mixed * dp + pure * dq
    # A dozen operations on numbers below 10.
    for one, other in zip((*found, *again, *tangents), (*expected, *expected, *moved), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)
    assert float((found[1] - expected[2]).abs().max()) > 0.01, "the slopes are not exchanged"


@pytest.mark.parametrize("name", sorted(MODELS))
def test_overwriting_puts_each_slope_in_the_memory_of_the_other_product(name: str) -> None:
    b, gen = block(), generator(3)
    p, q = (torch.randn(N, M // 2, generator=gen, dtype=torch.float64) for _ in range(2))
    kept = MODELS[name].evaluate(b, p, q)
    own_p, own_q = p.clone(), q.clone()
    output, slope_p, slope_q = MODELS[name].evaluate(b, own_p, own_q, overwrite=True)
    assert slope_p.data_ptr() == own_q.data_ptr()
    assert slope_q.data_ptr() == own_p.data_ptr()
    for one, other in zip((output, slope_p, slope_q), kept, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["taylor", "linear", "quadratic"])
def test_coefficients_of_the_polynomial(name: str) -> None:
    """The output is linear p + mixed p q; the network is refused."""
    b = block()
    p, q = torch.randn(2, N, M // 2, generator=generator(3), dtype=torch.float64)
    linear, mixed = MODELS[name].coefficients(b)
    torch.testing.assert_close((linear * p + mixed * p * q).sum(-1), formula(name, b, p, q))
    with pytest.raises(ValueError, match="certify model='taylor'"):
        MODELS["network"].coefficients(b)
