"""What the rates of joint training assume of R1: in population alone it bounds no complexity, on the inputs it does.

The lower bound of a supremum is the value at one explicit displacement of the class.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from numerics import GoodDirections, TwoLayerNetwork, generator, sphere
from theory import Activation
from theory.learning.rates import RATES

SIGMA = Activation.parse("sin(z + pi/4)")
D, K, N = 4, 1, 12
RADIUS, EPSILON = 1.0, 0.01


class Linear:
    """f_L(x; P_{>k} W) for W = (p, -p): its features at a population and at n inputs, (points, m d / 2)."""

    def __init__(self, m: int, draw: int) -> None:
        self.network = TwoLayerNetwork(D, m, SIGMA, draw)
        self.good = GoodDirections(self.network, K)
        gen = generator(100 + draw)
        self.population, self.inputs = (sphere(count, D, math.sqrt(D), gen) for count in (3000, N))
        self.signs = torch.randint(0, 2, (N,), generator=gen).double() * 2 - 1

        identity = torch.eye(m * D // 2, dtype=torch.float64)
        self.projection = torch.stack([self.complement(p)[: m // 2].flatten() for p in identity])

    def complement(self, p: torch.Tensor) -> torch.Tensor:
        """P_{>k} of (p, -p)."""
        half = p.reshape(-1, D)
        return self.good.complement(torch.cat([half, -half]))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        slopes = 2 / math.sqrt(self.network.m) * torch.cos(x @ self.network.half.T + math.pi / 4)
        return (slopes[:, :, None] * x[:, None, :]).flatten(1) @ self.projection


def suprema(m: int, draw: int, on_inputs: bool) -> tuple[float, float]:
    """Best (1/n) sum eps_i h(x_i) that is found in the class, and R1 on the inputs there.

    Where one quadratic constraint alone is active, the maximum is at (C + mu)^{-1} v up to a factor; each mu is tried,
    and scaled until it meets all constraints.
    """
    linear = Linear(m, draw)
    rows, big = linear.features(linear.inputs), linear.features(linear.population)
    values, vectors = torch.linalg.eigh(big.T @ big / len(big))
    v = rows.T @ linear.signs / N
    best, train = 0.0, 0.0
    for mu in np.geomspace(1e-3, 1, 10):
        p = vectors @ ((vectors.T @ v) / (values.clamp(min=0) + mu))
        W, h, everywhere = linear.complement(p), rows @ p, big @ p
        limits = [everywhere, h] if on_inputs else [everywhere]
        norm = float(W.square().sum(dim=1).square().sum()) ** 0.25
        scale = min(RADIUS / norm, *(math.sqrt(EPSILON / float(part.square().mean())) for part in limits))
        found = scale * float((linear.signs * h).mean())
        if found > best:
            best, train = found, scale**2 * float(h.square().mean())
    assert h.numpy() == pytest.approx(linear.network.linear(linear.inputs, W).numpy(), abs=1e-9)
    return best, train


def test_the_class_with_r1_in_population_alone_grows_with_the_width() -> None:
    found = [np.mean([suprema(m, draw, on_inputs=False) for draw in range(3)], axis=0) for m in (16, 64, 256)]
    values, trains = np.array(found).T
    assert values[0] > math.sqrt(EPSILON)
    assert values[1] > 1.25 * values[0]
    assert values[2] > 1.05 * values[1]
    assert (trains > 2 * EPSILON).all()  # that is how: R1 on the inputs is not small there
    assert trains[2] > trains[1] > trains[0]


@pytest.mark.parametrize("m", [16, 64])
def test_with_r1_on_the_inputs_it_is_bounded(m: int) -> None:
    # Checks :eq:`joint-test-loss`.
    for draw in range(3):
        found, train = suprema(m, draw, on_inputs=True)
        assert found <= math.sqrt(EPSILON) * (1 + 1e-9)
        assert train <= EPSILON * (1 + 1e-9)


LOSSES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "absolute": lambda r: r.abs(),
    "truncated": lambda r: r.square().clamp(max=0.25),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_losses_of_f_and_g_differ_by_r1(loss: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """The two inequalities of the proof, at a displacement with all parts, and what the bare square would need."""
    network = TwoLayerNetwork(D, 64, SIGMA, 0)
    good, gen = GoodDirections(network, K), generator(7)
    W = 0.5 * torch.randn(64, D, generator=gen, dtype=torch.float64)
    x = sphere(400, D, math.sqrt(D), gen)
    h = network.linear(x, good.complement(W))
    f = network.linear(x, W) + network.quadratic(x, W)
    g = network.linear(x, good.project(W)) + network.quadratic(x, W)
    assert (f - g).numpy() == pytest.approx(h.numpy(), abs=1e-10)
    y = torch.randn(400, generator=gen, dtype=torch.float64)
    difference = abs(float(loss(f - y).mean() - loss(g - y).mean()))  # both losses have the constant 1
    assert 0 < difference <= float(h.square().mean().sqrt())


def test_both_premises_are_used() -> None:
    """Without either form of R1 the bound of the test loss does not follow."""
    joint = RATES["joint_samples"]
    number = next(i for i, step in enumerate(joint.steps, 1) if set(step.uses) >= {1, 2, 3})
    for left_out in (1, 2):
        uses = tuple(used for used in joint.steps[number - 1].uses if used != left_out)
        steps = list(joint.steps)
        steps[number - 1] = replace(steps[number - 1], uses=uses)
        with pytest.raises(ValueError, match=f"joint_samples, step {number}"):
            replace(joint, steps=tuple(steps)).check()
