"""R4 and its derivatives against autograd of the definition."""

import pytest
import torch

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
