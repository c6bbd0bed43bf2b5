"""The quantiles of the bulk against the eigenvalues of the Jacobian's Gram matrix."""

import math

import numpy as np
import torch

from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from theory import Activation
from verify.cells.bulk import LEVELS, GramBulk

SIGMA = "tanh(z + 1)"


def eigenvalues(cell: GramBulk, stretch: float) -> np.ndarray:
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(SIGMA), seed=cell.seed("network"))
    radius = math.sqrt(cell.d)
    x = sphere(cell.n, cell.d, radius, generator(cell.seed("inputs", shared=("activation", "m"))))
    x = x * torch.tensor([stretch] * (cell.d // 2) + [1.0] * (cell.d - cell.d // 2))
    x = radius * x / x.norm(dim=1, keepdim=True)
    zero = torch.zeros(cell.m, cell.d, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda W: network.forward(x, W), zero).flatten(1)
    return np.linalg.eigvalsh((jacobian @ jacobian.T).numpy())


def test_quantiles() -> None:
    for stretch in (1.0, 2.0):
        cell = GramBulk(activation=SIGMA, d=4, m=20, n=24, spikes=4, stretch=stretch)
        values = eigenvalues(cell, stretch)[:20]
        found = np.array(cell.run()["quantiles"])
        assert len(found) == len(LEVELS)
        # The first of 20 stands at the level 1/40, the second at 3/40.
        expected = np.interp(np.array(LEVELS) * 20 - 0.5, np.arange(20), values)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert np.abs(found / np.interp(LEVELS, np.arange(20) / 19, values) - 1).max() > 1e-3


def test_draws_are_paired_over_activations_and_other_networks() -> None:
    one, two = (GramBulk(activation=a, d=4, m=20, n=24, spikes=4) for a in (SIGMA, "sin(z + pi/4)"))
    assert one.seed("inputs", shared=("activation", "m")) == two.seed("inputs", shared=("activation", "m"))
    assert one.seed("network") != two.seed("network")
