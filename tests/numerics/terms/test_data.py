"""The data term: how its slopes move along a displacement, against the chain rule by autograd."""

import math

import pytest
import torch

from numerics.blocks import Block
from numerics.losses import LOSSES
from numerics.models import Taylor
from numerics.sampling import generator
from numerics.terms.data import DataTerm
from numerics.terms.pairs import Products

B, PAIRS = 6, 4


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - {"absolute", "hinge"}))
def test_tangent(loss: str) -> None:
    gen = generator(1)
    first, second, p, q, dp, dq = (torch.randn(B, PAIRS, generator=gen, dtype=torch.float64) for _ in range(6))
    y = torch.randn(B, generator=gen, dtype=torch.float64).sign()
    block, model = Block(first[:, :0], first[:, :0], first, second), Taylor(linear=True, quadratic=True)
    term = DataTerm(LOSSES[loss], model, y)
    assert term.n == B

    def slopes(p: torch.Tensor, q: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.func.grad(lambda p, q: term.value(((first + second * q) * p).sum(-1)), argnums=(0, 1))(p, q)

    _, expected = torch.func.jvp(slopes, (p, q), (dp, dq))
    output, *_ = model.evaluate(block, p, q)
    expansion, moves = term.expand(slice(0, B), block, Products(p, q), lambda partial: partial), Products(dp, dq)
    found = Products(torch.empty_like(p), torch.empty_like(q))
    expansion.tangent(expansion.change(moves), moves, found)
    torch.testing.assert_close((found.p, found.q), expected, rtol=1e-12, atol=1e-13)
    value = sum(float(LOSSES[loss].value(f, label)) for f, label in zip(output, y, strict=True)) / B
    assert float(term.value(output)) == pytest.approx(value, rel=1e-14)
    assert math.isfinite(value)
