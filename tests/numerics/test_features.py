"""Features of single neurons, whose products are the kernels, against their formulas."""

import math

import pytest
import torch

from numerics import features
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from theory import Activation

NETWORK = TwoLayerNetwork(5, 12, Activation.parse("sin(z + pi/4)"), seed=1)
PAIRS = slice(1, 4)
X = sphere(7, 5, math.sqrt(5), generator(2))
W = torch.randn(12, 5, generator=generator(3), dtype=torch.float64)


def slopes(shift: torch.Tensor) -> torch.Tensor:
    return torch.cos(X @ (NETWORK.half[PAIRS] + shift).T + math.pi / 4)


def test_initial() -> None:
    found = features.initial(NETWORK, 1)(PAIRS)(X)
    torch.testing.assert_close(found, slopes(torch.zeros(3, 5).double()), rtol=0, atol=1e-14)


def test_displaced_and_expanded() -> None:
    """Both copies of each pair; the expansion is the derivative of the displaced features at W = 0."""
    parts = [W[:6][PAIRS], W[6:][PAIRS]]
    displaced = features.displaced(NETWORK, W)(PAIRS)(X)
    torch.testing.assert_close(displaced, torch.cat([slopes(part) for part in parts], dim=1), rtol=0, atol=1e-14)
    start, along = torch.func.jvp(lambda t: torch.cat([slopes(t * part) for part in parts], dim=1), *one())
    torch.testing.assert_close(features.expanded(NETWORK, W)(PAIRS)(X), start + along, rtol=0, atol=1e-13)
    assert float((displaced - start - along).abs().max()) > 0.1


def one() -> tuple[tuple[torch.Tensor], tuple[torch.Tensor]]:
    """t = 0 and a direction of length 1."""
    return (torch.zeros((), dtype=torch.float64),), (torch.ones((), dtype=torch.float64),)


@pytest.mark.parametrize("numbers", [1, 2**18])
def test_fill_works_in_blocks(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(features.ACTIVATION_NUMBERS, "cpu", numbers)
    evaluate = features.initial(NETWORK, 1)(PAIRS)
    out = torch.full((7, 3), math.nan, dtype=torch.float64)
    features.fill(out, X, evaluate)
    torch.testing.assert_close(out, evaluate(X), rtol=0, atol=1e-14)
