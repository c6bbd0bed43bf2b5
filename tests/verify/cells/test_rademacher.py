"""Suprema over the balls against gradients and ascent; fits of noisy labels against what they say they are."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from numerics import Objective, TwoLayerNetwork, generator, ntk_gram, sphere
from numerics.terms.weights import PenaltyWeights
from theory import Activation
from verify.cells.rademacher import NoisyFits
from verify.cells.rademacher_run import fair_signs, linear_supremum, noisy_fits_data, quadratic_supremum

SIGMA = "sin(z + pi/4)"


def test_suprema_over_the_balls() -> None:
    """The linear one is the norm of the gradient; no displacement of the ball beats the quadratic one, its own does."""
    network = TwoLayerNetwork(5, 8, Activation.parse(SIGMA), seed=3)
    gen = generator(4)
    x = sphere(30, 5, math.sqrt(5), gen)
    signs = fair_signs(30, gen)
    W = torch.zeros(8, 5, dtype=torch.float64, requires_grad=True)
    ((signs * network.linear(x, W)).mean()).backward()
    assert float(linear_supremum(network, x, signs)) == pytest.approx(float(W.grad.norm()), rel=1e-12)

    supremum, best = quadratic_supremum(network, x, signs)
    assert float(best.square().sum(-1).square().sum()) == pytest.approx(1)
    assert float((signs * network.quadratic(x, best)).mean()) == pytest.approx(float(supremum), rel=1e-12)
    # Ascent by gradients from random starts finds the same number from below.
    found = []
    for _ in range(4):
        V = torch.randn(8, 5, generator=gen, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([V], lr=0.05)
        for _ in range(400):
            optimizer.zero_grad()
            unit = V / V.square().sum(-1).square().sum() ** 0.25
            value = (signs * network.quadratic(x, unit)).mean()
            (-value).backward()
            optimizer.step()
        found.append(float(value.detach()))
    assert max(found) <= float(supremum) * (1 + 1e-12)
    assert max(found) == pytest.approx(float(supremum), rel=1e-3)


def test_suprema_of_a_batch() -> None:
    network = TwoLayerNetwork(4, 6, Activation.parse(SIGMA), seed=(1, 2))
    gen = generator(0)
    x = torch.stack([sphere(9, 4, 2.0, gen) for _ in range(2)])
    signs = torch.stack([fair_signs(9, gen) for _ in range(2)])
    together, _ = quadratic_supremum(network, x, signs)
    norms = linear_supremum(network, x, signs)
    for i in range(2):
        one = network.member(i)
        assert float(together[i]) == pytest.approx(float(quadratic_supremum(one, x[i], signs[i])[0]), rel=1e-12)
        assert float(norms[i]) == pytest.approx(float(linear_supremum(one, x[i], signs[i])), rel=1e-12)


def test_linear_supremum_squared_has_the_kernels_mean() -> None:
    """Over all 2^n signs the mean of sup^2 is tr K / n^2, K the Gram matrix of the network."""
    network = TwoLayerNetwork(4, 10, Activation.parse(SIGMA), seed=5)
    x = sphere(6, 4, 2.0, generator(1))
    every = [torch.tensor(s, dtype=torch.float64) for s in product((-1, 1), repeat=6)]
    mean = np.mean([float(linear_supremum(network, x, s)) ** 2 for s in every])
    assert mean == pytest.approx(float(ntk_gram(network, x).trace()) / 36, rel=1e-12)


def test_noisy_fits_measure_what_they_say() -> None:
    cell = NoisyFits(activation=SIGMA, device="cpu", d=5, m=50, n=24, networks=2, steps=400, start=0.1, r4=1e-3)
    numbers = cell.run()
    for arm in ("joint", "quadntk"):
        values = {name: np.array(row) for name, row in numbers[arm].items()}
        assert all(row.shape == (2,) for row in values.values())
        assert (values["train"] < values["test"]).all()
        assert (np.abs(np.concatenate([values["own"], values["fresh"]])) <= 1).all()
        assert (values["train"] < 0.5).all()  # the noise, of size 1, is fitted
    assert numbers["quadntk"]["linear_radius"] == [0.0, 0.0]
    # f_Q alone hardly moves in its first step from a start near the saddle at 0: no radius, and the loss of f = 0.
    still = cell.model_copy(update={"steps": 1, "start": 1e-6})
    idle = still.run()
    assert max(idle["quadntk"]["quadratic_radius"]) < 1e-5
    network = TwoLayerNetwork(5, 50, Activation.parse(SIGMA), [still.seed(f"network {i}") for i in range(2)])
    x, y, *_ = noisy_fits_data(still, network)
    zero = Objective(network, x, y, PenaltyWeights(r4=0.0), loss="absolute").value_and_gradient(
        torch.zeros_like(network.w)
    )
    assert idle["quadntk"]["train"] == pytest.approx(zero[0].data.tolist(), rel=1e-4)
