"""Cells of G1 and G2: large directions as matrices, random signs one by one."""

import itertools

import numpy as np
import pytest
import torch

from numerics import FeatureCovariance, GoodDirections, TwoLayerNetwork, generator, sparse_displacement, sphere
from numerics.span import Span
from theory import Activation
from verify.cells.directions import LargeDirections, SignEnergies

SINE, ERF = "sin(z + pi/4)", "erf(z + 1/2)"


def test_large_directions_against_the_covariance_as_a_matrix() -> None:
    """Eigenvalues, the span's smallest quotient and the energies of T Y from the md x md matrix."""
    d, m, k = 4, 24, 1
    cell = LargeDirections(activation=SINE, d=d, m=m, k=k, inputs=40_000)
    network = TwoLayerNetwork(d, m, Activation.parse(SINE), seed=cell.seed("network"))
    sigma = FeatureCovariance(network).dense().numpy()
    numbers = cell.run()
    n_k = 1 + d
    values = np.linalg.eigvalsh(sigma)[::-1]
    assert numbers["threshold"] == pytest.approx(values[n_k - 1], rel=1e-9)
    assert numbers["smallest"] == pytest.approx(values[n_k - 1], rel=0.02)
    assert numbers["gaussian"] >= numbers["smallest"]
    assert numbers["complement"] < values[n_k - 1]
    span = Span(network, k)
    columns = [span.apply(row) for row in torch.eye(n_k, dtype=torch.float64)]
    T = torch.stack([torch.cat([p, -p]).flatten() for p in columns], dim=1).numpy()
    gram, energies = T.T @ T, np.diag(T.T @ sigma @ T)
    assert numbers["span_threshold"] == pytest.approx(np.linalg.eigvalsh(gram)[0], rel=1e-9)
    q, _ = np.linalg.qr(T)
    assert numbers["span_smallest"] == pytest.approx(np.linalg.eigvalsh(q.T @ sigma @ q)[0], rel=1e-8)
    assert numbers["energies"] == pytest.approx([energies[0], energies[1:].mean()], rel=1e-9)


def test_exact_sign_energies_are_means_over_all_signs() -> None:
    """Every one of the 2^8 sign vectors, none sampled."""
    d, m = 3, 8
    cell = SignEnergies(activation=ERF, d=d, m=m, k=1, networks=1, inputs=2, draws=4000)
    network = cell.network(0)
    W = sparse_displacement(network, sphere(1, d, 1.0, generator(cell.shared("data", 0)))[0], 1.0, 1)
    good, covariance = GoodDirections(network, 1), FeatureCovariance(network)
    linear, projected = [], []
    for signs in itertools.product([1.0, -1.0], repeat=m):
        V = torch.tensor(signs, dtype=torch.float64)[:, None] * W
        linear.append(float(covariance.energy(V)))
        projected.append(float(good.project(V).square().sum()))
    numbers = {name: values[0] for name, values in cell.run().items()}
    assert numbers["linear_exact"] == pytest.approx(np.mean(linear), rel=1e-6)
    assert numbers["good_exact"] == pytest.approx(np.mean(projected), rel=1e-9)
    # The spread over signs is at most about the mean: 4,000 draws leave 1.6 % of it.
    assert numbers["good"] == pytest.approx(np.mean(projected), rel=0.08)
    assert numbers["quadratic_gap"] < 1e-12 < numbers["coordinate_gap"]
    assert numbers["coherent_good"] == pytest.approx(float(good.project(W).square().sum()), rel=1e-9)
