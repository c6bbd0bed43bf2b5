"""How the cells of :mod:`verify.cells.subspace` are computed."""

from __future__ import annotations

import math

import torch

from numerics.covariance import feature_covariance
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from theory import Activation, cumulative_multiplicity
from verify.cells.subspace import TopBlock
from verify.running.experiment import Numbers


def top_block(cell: TopBlock) -> Numbers:
    """The numbers of a :class:`TopBlock`."""
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), seed=cell.seed("network"))
    covariance = feature_covariance(network)
    values, vectors = covariance.top(cumulative_multiplicity(cell.d, cell.k))
    top = _orthonormal(vectors[:, : cell.m // 2])
    span = GoodDirections(network, cell.k)
    largest, squares = _sines(top, _orthonormal(span.half_basis()))
    random = _sines(top, _orthonormal(span.random_subspace(cell.seed("directions")).half_basis()))
    return {
        "values": values.tolist(),
        "interpolation_error": covariance.error,
        "largest_sine": largest,
        "squared_sines": squares,
        "random_largest_sine": random[0],
        "random_squared_sines": random[1],
    }


def _orthonormal(half: torch.Tensor) -> torch.Tensor:
    """Orthonormal rows, (count, m d / 2), from the halves p_j of unit displacements (p_j, -p_j)."""
    return half.flatten(1) * math.sqrt(2)


def _sines(rows: torch.Tensor, others: torch.Tensor) -> tuple[float, float]:
    """The largest sine of the angles between two subspaces of equal dimension, and the sum of their squares."""
    sines = torch.linalg.svdvals(rows - (rows @ others.T) @ others)
    return float(sines.max()), float(sines.square().sum())
