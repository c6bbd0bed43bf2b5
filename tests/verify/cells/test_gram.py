"""Gram matrices against the Jacobian, learned shares against kernel ridge regression."""

import math

import numpy as np
import pytest
import torch

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.ridge import KernelRidge
from numerics.sampling import generator, sphere
from numerics.targets import Target
from theory import Activation
from verify.cells.gram import RIDGE, GramSpectrum, LearnedShares

SIGMA = "tanh(z + 1)"


def test_gram_spectrum_against_the_jacobian() -> None:
    cell = GramSpectrum(activation=SIGMA, d=4, m=12, n=9, sizes=(5,))
    network = TwoLayerNetwork(4, 12, Activation.parse(SIGMA), seed=cell.seed("network"))
    x = sphere(9, 4, 2.0, generator(cell.seed("inputs", shared=("activation", "m"))))
    zero = torch.zeros(12, 4, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda W: network.forward(x, W), zero).flatten(1)
    values = np.linalg.eigvalsh((jacobian @ jacobian.T).numpy())
    numbers = cell.run()
    assert numbers["smallest"] == pytest.approx(values[0], rel=1e-9)
    assert numbers["means"] == pytest.approx([values[4:].mean(), values[:4].mean()], rel=1e-9)
    assert sum(numbers["counts"]) == 4
    assert numbers["edges"][0] == pytest.approx(values[0], rel=1e-9)


def test_learned_shares_against_kernel_ridge() -> None:
    cell = LearnedShares(activation="relu(z)", d=3, m=40, n=30, tests=50, max_degree=2)
    network = TwoLayerNetwork(3, 40, Activation.parse("relu(z)"), seed=cell.seed("network"))
    gen = generator(cell.seed("inputs"))
    x, fresh = sphere(30, 3, math.sqrt(3), gen), sphere(50, 3, math.sqrt(3), gen)
    seeds = torch.randint(2**62, (3,), generator=gen).tolist()
    gram = ntk_gram(network, x)
    ridge = RIDGE * float(gram.diagonal().mean())
    expected = []
    for degree, seed in enumerate(seeds):
        target = Target.dense(3, degree, 1.0, seed)
        fitted = KernelRidge(gram, target(x)).predict(ntk_gram(network, fresh, x), ridge)
        expected.append(float((fitted * target(fresh)).sum() / target(fresh).square().sum()))
    assert cell.run()["shares"] == pytest.approx(expected, rel=1e-6)
