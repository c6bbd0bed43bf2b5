"""The variables D, S, p, c and the chain rule back to W, against autograd."""

import math

import pytest
import torch

from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator
from numerics.terms.pairs import NOTHING, PairGradient, Pairs, Products, SingleNeurons, combined
from theory import Activation

NETWORK = TwoLayerNetwork(4, 10, Activation.parse("sin(z + pi/4)"), seed=1)
GOOD = GoodDirections(NETWORK, 1)
W = torch.randn(10, 4, generator=generator(2), dtype=torch.float64)


def test_the_variables_are_their_definitions() -> None:
    at = Pairs(W, GOOD)
    torch.testing.assert_close(torch.cat([at.good, -at.good]), GOOD.project(W))
    torch.testing.assert_close(at.coordinates, GOOD.coordinates(W))
    assert torch.equal(at.difference, W[:5] - W[5:])
    assert torch.equal(at.total, W[:5] + W[5:])
    bare = Pairs(W, None)
    assert (bare.coordinates.numel(), bare.good.numel()) == (0, 0)


@pytest.mark.parametrize("crossed", [False, True])
def test_displacement_is_the_chain_rule(crossed: bool) -> None:
    """Gradient of <A, D> + <B, S> + <C, p> + <e, c>, a part at a time."""
    gen, at = generator(3), Pairs(W, GOOD)
    factors = {name: torch.randn(5, 4, generator=gen, dtype=torch.float64) for name in ("difference", "total", "good")}
    factors["coordinates"] = torch.randn(GOOD.dimension, generator=gen, dtype=torch.float64)
    for name, factor in factors.items():
        leaf = W.clone().requires_grad_()
        (getattr(Pairs(leaf, GOOD), name) * factor).sum().backward()
        gradient = PairGradient(at, GOOD, crossed)
        getattr(gradient, name).add_(factor)
        torch.testing.assert_close(gradient.displacement(), leaf.grad, rtol=0, atol=1e-12)
        assert float(gradient.displacement().abs().max()) > 0.1
    bare = PairGradient(Pairs(W, None), None, False)
    bare.difference.add_(factors["difference"])
    assert torch.equal(bare.displacement(), torch.cat([factors["difference"], -factors["difference"]]))


def test_single_neurons() -> None:
    """Coordinates of one neuron's displacement alone, for both copies."""
    alone = SingleNeurons(W, GOOD)
    for copy, rows in zip(alone.copies, (range(5), range(5, 10)), strict=True):
        for r, row in enumerate(rows):
            V = torch.zeros_like(W)
            V[row] = W[row]
            torch.testing.assert_close(copy.coordinates[:, r], GOOD.coordinates(V), rtol=0, atol=1e-13)
            assert torch.equal(copy.V[r], W[row])


@pytest.mark.parametrize("shape", [(10, 4), (3, 10, 4)])
def test_halves_are_combined_as_sums_and_differences(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> None:
    """In every bit, of memory in any order, and where an entry is infinite."""
    W = torch.randn(shape, generator=generator(1), dtype=torch.float64).to(device, dtype)
    W[..., 0, 0] = math.inf
    turned = W.mT.contiguous().mT
    plus, minus = W.chunk(2, dim=-2)
    for rows, expected in (
        (((1.0, 1.0), (1.0, -1.0)), (plus + minus, plus - minus)),
        (((1.0, 1.0), (-1.0, 1.0)), (plus + minus, minus - plus)),
    ):
        for one in (W, turned):
            assert torch.equal(combined(one, rows), torch.cat(expected, dim=-2))


def test_products_that_nothing_needs_are_left_out() -> None:
    p, q, g = (torch.full((2, 3), float(value)) for value in range(3))
    for given in ((p, q), (p, q, g)):
        stacked = torch.cat(given, dim=1)
        products = Products.of(stacked, 3)
        for one, other in zip((products.p, products.q, products.g), (*given, NOTHING), strict=False):
            assert torch.equal(one, other)
        products.q.add_(1.0)
        assert torch.equal(stacked[:, 3:6], q + 1), "a view"


def test_the_first_pairs_are_a_view() -> None:
    at, gradient = Pairs(W, GOOD).first(2), PairGradient(Pairs(W, GOOD), GOOD, True)
    assert torch.equal(at.difference, (W[:5] - W[5:])[:2])
    assert (at.total.shape, at.good.shape, at.coordinates.shape) == ((2, 4), (2, 4), (GOOD.dimension,))
    part = gradient.first(2)
    part.difference.add_(1.0)
    part.good.add_(2.0)
    part.coordinates.add_(3.0)
    assert float(gradient.difference.sum()) == 8
    assert float(gradient.good.sum()) == 16
    assert float(gradient.coordinates.sum()) == 3 * GOOD.dimension
