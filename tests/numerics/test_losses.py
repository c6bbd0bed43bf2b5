"""The losses and their derivatives against autograd of the formula."""

import pytest
import references
import torch

from numerics.losses import LOSSES
from numerics.sampling import generator


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses(name: str, dtype: torch.dtype) -> None:
    """Value, slope and second derivative against autograd of the formula, and the Lipschitz bound."""
    loss, eps = LOSSES[name], float(torch.finfo(dtype).eps)
    gen = generator(0)
    y = torch.randn(400, generator=gen, dtype=torch.float64).sign().to(dtype)
    f = (4 * torch.randn(400, generator=gen, dtype=torch.float64)).to(dtype)
    exact, label = f.double().clone().requires_grad_(), y.double()
    value = references.LOSSES[name](exact, label)
    (first,) = torch.autograd.grad(value.sum(), exact, create_graph=True)
    second = torch.autograd.grad(first.sum(), exact)[0] if first.requires_grad else torch.zeros_like(exact)
    # A few operations on numbers of size up to |f| + 1, squared at most.
    atol = 8 * eps * (1 + float(f.abs().max())) ** 2
    for found, expected in ((loss.value, value), (loss.first, first), (loss.second, second)):
        assert found(f, y).dtype == dtype
        assert float((found(f, y).double() - expected.detach()).abs().max()) <= atol
        if found is loss.value:
            assert float((1.01 * found(f, y).double() - expected.detach()).abs().max()) > atol
    assert loss.name == name
    far = torch.tensor([-1e4, 1e4], dtype=dtype)
    assert bool(torch.isfinite(loss.value(far, torch.ones_like(far))).all())
    if loss.lipschitz is not None:
        steepest = float(loss.first(far, torch.ones_like(far)).abs().max())
        assert steepest == pytest.approx(loss.lipschitz)
