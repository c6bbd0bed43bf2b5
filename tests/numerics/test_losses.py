"""The losses and their derivatives against autograd of the formula."""

import pytest
import references
import torch
from flint import arb

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


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_the_conjugate_is_its_definition(name: str) -> None:
    """sup_f [g f - loss(f, y)] on a fine grid of f, at slopes inside their range; balls agree with floats."""
    # Checks :eq:`loss-conjugate`.
    loss = LOSSES[name]
    f = torch.linspace(-60, 60, 240_001, dtype=torch.float64)
    for y in (-1.0, 1.0) if loss.signs else (-0.7, 1.3):
        label = torch.full_like(f, y)
        for raw in (-0.95, -0.4, 0.3, 0.9):
            g = -y * (1 + raw) / 2 if loss.signs else raw
            slope = torch.tensor(g, dtype=torch.float64)
            found = loss.conjugate(slope, torch.tensor(y, dtype=torch.float64))
            supremum = float((g * f - loss.value(f, label)).max())
            assert float(found) == pytest.approx(supremum, abs=1e-6)
            assert float(loss.conjugate(arb(g), arb(y))) == pytest.approx(float(found), rel=1e-12, abs=1e-14)
            assert float(loss.clamp(slope, label[:1])) == g
    if loss.lipschitz is not None:
        ends = loss.clamp(torch.tensor([-50.0, 50.0], dtype=torch.float64), torch.ones(2, dtype=torch.float64))
        assert ends.tolist() == ([-1.0, 0.0] if loss.signs else [-1.0, 1.0])
        assert bool(torch.isfinite(loss.conjugate(ends, torch.ones(2, dtype=torch.float64))).all())


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_slope_and_conjugate_touch_the_loss(name: str) -> None:
    loss = LOSSES[name]
    f = torch.linspace(-3, 3, 31, dtype=torch.float64)
    y = torch.where(f > 0.2, 1.0, -1.0).to(f)
    g = loss.first(f, y)
    torch.testing.assert_close(g * f - loss.conjugate(g, y), loss.value(f, y), rtol=1e-9, atol=1e-12)
