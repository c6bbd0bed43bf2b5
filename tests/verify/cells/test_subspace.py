"""The top block of the feature covariance against the dense matrix."""

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from numerics.covariance import feature_covariance
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from theory import Activation
from verify.cells.subspace import TopBlock

SIGMA = "tanh(z + 1)"


def test_top_block_against_the_dense_covariance() -> None:
    cell = TopBlock(activation=SIGMA, d=4, m=24, k=1)
    numbers = cell.run()
    network = TwoLayerNetwork(4, 24, Activation.parse(SIGMA), seed=cell.seed("network"))
    values, vectors = np.linalg.eigh(feature_covariance(network).dense().numpy())
    np.testing.assert_allclose(numbers["values"], values[::-1][:5], rtol=1e-9)
    top = vectors[:, ::-1][:, :5]
    directions = GoodDirections(network, 1)
    for prefix, space in (("", directions), ("random_", directions.random_subspace(cell.seed("directions")))):
        basis = torch.stack([space.combine(row) for row in torch.eye(5, dtype=torch.float64)])
        sines = np.sin(subspace_angles(top, basis.flatten(1).numpy().T))
        assert numbers[f"{prefix}largest_sine"] == pytest.approx(sines.max(), rel=1e-7)
        assert numbers[f"{prefix}squared_sines"] == pytest.approx((sines**2).sum(), rel=1e-7)
    assert numbers["largest_sine"] < numbers["random_largest_sine"]
