"""Cells on the feature covariance of a network of finite width: its top eigenvalues and eigenvectors."""

from __future__ import annotations

import math

import torch

from numerics.covariance import feature_covariance
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from theory import Activation, cumulative_multiplicity
from verify.running.experiment import Cell, Numbers


class TopBlock(Cell):
    """The largest n_k eigenvalues of the exact feature covariance of one random network, and where they point.

    Numbers: ``values``, descending; ``interpolation_error``, relative; of the sines of the principal angles between the
    top eigenvectors and span{T Y : deg Y <= k} the ``largest_sine`` and the sum of squares, ``squared_sines``; both
    again as ``random_...`` with a random antisymmetric subspace of the same dimension in place of the span.

    Sines come from the residuals of the eigenvectors, so that small angles keep their digits.
    """

    activation: str
    d: int
    m: int
    k: int

    def run(self) -> Numbers:
        network = TwoLayerNetwork(self.d, self.m, Activation.parse(self.activation), seed=self.seed("network"))
        covariance = feature_covariance(network)
        values, vectors = covariance.top(cumulative_multiplicity(self.d, self.k))
        top = _orthonormal(vectors[:, : self.m // 2])
        span = GoodDirections(network, self.k)
        largest, squares = _sines(top, _orthonormal(span.half_basis()))
        random = _sines(top, _orthonormal(span.random_subspace(self.seed("directions")).half_basis()))
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
