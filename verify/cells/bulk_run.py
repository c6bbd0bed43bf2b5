"""How the cells of :mod:`verify.cells.bulk` are computed."""

from __future__ import annotations

import math

import torch

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from theory import Activation
from verify.cells.bulk import LEVELS, GramBulk
from verify.running.experiment import Numbers


def gram_bulk(cell: GramBulk) -> Numbers:
    """The numbers of a :class:`GramBulk`."""
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), seed=cell.seed("network"))
    # The same inputs for every activation and width: their comparison is then paired.
    x = sphere(cell.n, cell.d, math.sqrt(cell.d), generator(cell.seed("inputs", shared=("activation", "m"))))
    x[:, : cell.d // 2] *= cell.stretch
    x *= math.sqrt(cell.d) / x.norm(dim=1, keepdim=True)
    bulk = torch.linalg.eigvalsh(ntk_gram(network, x))[: cell.n - cell.spikes]
    places = (torch.tensor(LEVELS, dtype=bulk.dtype) * len(bulk) - 0.5).clamp(0, len(bulk) - 1)
    below = places.long().clamp(max=len(bulk) - 2)
    quantiles = torch.lerp(bulk[below], bulk[below + 1], places - below)
    return {"quantiles": quantiles.tolist()}
