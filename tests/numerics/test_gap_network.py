"""What the bound of the Taylor model says of the network itself: docs/mathematics, the end of section 7."""

import math

import pytest
import torch

from numerics import GoodDirections, Objective, PenaltyWeights, TwoLayerNetwork, generator, sphere
from theory import Activation

D, M, N = 6, 40, 30


@pytest.mark.parametrize("scale", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("coherent", [False, True])
def test_the_remainder_in_a_ball_and_the_distance_of_the_roots(scale: float, coherent: bool) -> None:
    """sup|sigma'''| = 1 for a sine. Coherent: every neuron moves along one input, with the sign that adds up."""
    network = TwoLayerNetwork(D, M, Activation.parse("sin(z + pi/4)"), seed=0, dtype=torch.float64)
    gen = generator(1)
    x = sphere(N, D, math.sqrt(D), gen).to(network.w)
    y = x[:, 0] + x[:, 1] * x[:, 2]
    W = torch.randn(M, D, generator=gen, dtype=torch.float64)
    if coherent:
        third = -torch.cos(network.w @ x[0] + math.pi / 4)
        signs = torch.cat([torch.ones(M // 2), -torch.ones(M // 2)]).to(third) * third.sign()
        W = signs[:, None] * x[0]
    W = scale * W / W.norm(dim=1, keepdim=True)
    rest = network.forward(x, W) - network.linear(x, W) - network.quadratic(x, W)
    size = float(rest.square().mean().sqrt())
    radius = float(W.norm(dim=1).pow(4).sum()) ** 0.25
    largest = float(torch.linalg.eigvalsh(x.T @ x / N)[-1])
    bound = D * largest**0.5 * M**-0.25 * radius**3 / 6
    assert size <= bound
    # Planted: random inputs in place of any, and signs in place of a sum of moduli, are bounds of typical W alone.
    if coherent and scale < 1:
        assert size > 0.3 * 15**0.5 * M**-0.75 * radius**3 / 6
    directions, weights = GoodDirections(network, 1), PenaltyWeights(r4=0.01)
    losses = (Objective(network, x, y, weights, directions, model=name) for name in ("network", "taylor"))
    whole, model = (float(loss.value_and_gradient(W)[0].total) ** 0.5 for loss in losses)
    assert abs(whole - model) <= size
    assert whole >= model - bound
