"""R4 and its derivatives against autograd of the definition."""

import pytest
import torch
from flint import arb

from numerics.network import TwoLayerNetwork
from numerics.sampling import generator
from numerics.terms.r4 import R4, sum_of_fourth_powers
from theory import Activation

NETWORK = TwoLayerNetwork(4, 6, Activation.parse("sin(z + pi/4)"), seed=1)
W, V = torch.randn(2, 6, 4, generator=generator(2), dtype=torch.float64)


def test_the_norm_is_its_definition() -> None:
    rows = [float(row @ row) ** 2 for row in W]
    assert float(sum_of_fourth_powers(W)) == pytest.approx(sum(rows), rel=1e-14)
    batch = torch.stack([W, 2 * W])
    assert sum_of_fourth_powers(batch).tolist() == pytest.approx([sum(rows), 16 * sum(rows)], rel=1e-14)


@pytest.mark.parametrize("power", [4, 8])
def test_derivatives(power: int) -> None:
    term, l4 = R4(0.3, power, NETWORK), 0.3

    def value(W: torch.Tensor) -> torch.Tensor:
        return l4 * (W.norm(dim=1) ** 4).sum() ** (power // 4)

    gradient, product = torch.zeros_like(W), torch.zeros_like(W)
    assert l4 * float(term.add_gradient(W, gradient)) == pytest.approx(float(value(W)), rel=1e-13)
    term.add_hessian_product(W, V, product)
    slope, curve = torch.func.jvp(torch.func.grad(value), (W,), (V,))
    torch.testing.assert_close(gradient, slope, rtol=1e-12, atol=0)
    torch.testing.assert_close(product, curve, rtol=1e-11, atol=1e-11)
    # Over random signs each row moves alone, which changes nothing at power 4, a sum over the rows.
    hessian = torch.func.hessian(value)(W)
    alone = sum(float(V[r] @ hessian[r, :, r] @ V[r]) for r in range(6))
    assert float(term.sign_variation(W, V)) == pytest.approx(alone, rel=1e-12)
    together = float((V * curve).sum())
    assert (float(term.sign_variation(W, V)) == pytest.approx(together, rel=1e-3)) == (power == 4)


@pytest.mark.parametrize("power", [4, 8])
def test_conjugate_and_slopes(power: int) -> None:
    """F*(s) = <s, t> - F(t) at F'(t) = s, and F(t) >= <s, t> - F*(s) everywhere."""
    # Checks :eq:`capacity-conjugate`.
    term = R4(0.3, power, NETWORK)

    def value(t: torch.Tensor) -> torch.Tensor:
        return 0.3 * t.square().sum() ** (power // 4)

    t, other = (torch.rand(6, generator=generator(k), dtype=torch.float64) for k in (4, 5))
    s = term.slopes(t)
    torch.testing.assert_close(s, torch.func.grad(value)(t), rtol=1e-12, atol=0)
    torch.testing.assert_close(term.touching(s), t, rtol=1e-12, atol=0)
    torch.testing.assert_close(term.conjugate(s), s @ t - value(t), rtol=1e-12, atol=0)
    assert float(value(other)) > float(s @ other - term.conjugate(s))
    torch.testing.assert_close(torch.func.grad(term.conjugate)(s), t, rtol=1e-10, atol=0)
    ball = term.conjugate_of(sum((arb(one) ** 2 for one in s.tolist()), arb(0)))
    assert float(ball) == pytest.approx(float(term.conjugate(s)), rel=1e-13)
    assert float(term.touching(0 * s).abs().max()) == 0


@pytest.mark.parametrize("power", [4, 8])
def test_rows_that_share_a_length(power: int) -> None:
    """Halves (W_+, V_+), (W_-, V_-): lengths |W_r|^2 + |V_r|^2."""
    term = R4(0.3, power, NETWORK, copies=2)
    rows, moves = torch.randn(2, 8, 4, generator=generator(6), dtype=torch.float64)

    def value(rows: torch.Tensor) -> torch.Tensor:
        t = rows.square().sum(1).unflatten(0, (2, 2, 2)).sum(1)
        return 0.3 * t.square().sum() ** (power // 4)

    gradient, product = torch.zeros_like(rows), torch.zeros_like(rows)
    assert 0.3 * float(term.add_gradient(rows, gradient)) == pytest.approx(float(value(rows)), rel=1e-13)
    term.add_hessian_product(rows, moves, product)
    slope, curve = torch.func.jvp(torch.func.grad(value), (rows,), (moves,))
    torch.testing.assert_close(gradient, slope, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(product, curve, rtol=1e-11, atol=1e-11)
