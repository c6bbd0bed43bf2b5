"""An objective in double precision, with the weights, inputs and labels as they were rounded."""

from __future__ import annotations

import copy

import torch

from numerics.directions import Dense, GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.span import Span


def in_double(objective: Objective) -> Objective:
    """The same loss in float64: the objective itself where it is.

    Weights, inputs and labels keep their values. Where R1 is taken in population, inputs are brought back to the sphere
    |x|^2 = d, from which float32 had moved them by a relative 1e-7; a subspace that is stored keeps its entries.

    Cost: that of building an objective.
    """
    if objective.network.dtype == torch.float64:
        return objective
    network = _network(objective.network)
    exact = objective.directions is not None and objective.weights.uses("exact")

    def widened(x: torch.Tensor) -> torch.Tensor:
        x = x.double()
        return x * (network.d**0.5 / x.norm(dim=-1, keepdim=True)) if exact else x

    unlabeled = None if objective.unlabeled is None else widened(objective.unlabeled)
    directions = None if objective.directions is None else _directions(objective.directions, network)
    return Objective(
        network,
        widened(objective.x),
        objective.y.double(),
        objective.weights,
        directions,
        objective.model,
        objective.loss.name,
        unlabeled,
    )


def _network(network: TwoLayerNetwork) -> TwoLayerNetwork:
    other = copy.copy(network)
    other._place(network.half.double())
    return other


def _directions(directions: GoodDirections, network: TwoLayerNetwork) -> GoodDirections:
    other = copy.copy(directions)
    other.network = network
    if isinstance(directions._basis, Span):
        other._basis = Span(network, directions.k)
    else:
        other._basis = Dense(network, directions.half_basis().double())
    return other
