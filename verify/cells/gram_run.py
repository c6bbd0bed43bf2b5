"""How the cells of :mod:`verify.cells.gram` are computed."""

from __future__ import annotations

import math

import torch

from numerics.kernels import ntk_gram, quadntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.targets import Target
from theory import Activation
from verify.cells.gram import RIDGE, GramSpectrum, LearnedShares
from verify.running.experiment import Numbers


def gram_spectrum(cell: GramSpectrum) -> Numbers:
    """The numbers of a :class:`GramSpectrum`."""
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), seed=cell.seed("network"))
    # The same inputs for every activation and width: their comparison is then paired.
    x = sphere(cell.n, cell.d, math.sqrt(cell.d), generator(cell.seed("inputs", shared=("activation", "m"))))
    values = torch.linalg.eigvalsh(ntk_gram(network, x)).flip(0)
    parts = values.split([*cell.sizes, cell.n - sum(cell.sizes)])
    counts, edges = torch.histogram(parts[-1], bins=40)
    return {
        "smallest": float(values[-1]),
        "means": [float(part.mean()) for part in parts],
        "edges": edges.tolist(),
        "counts": [int(c) for c in counts],
    }


def learned_shares(cell: LearnedShares) -> Numbers:
    """The numbers of a :class:`LearnedShares`."""
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), seed=cell.seed("network"))
    gen = generator(cell.seed("inputs"))
    x, fresh = (sphere(count, cell.d, math.sqrt(cell.d), gen) for count in (cell.n, cell.tests))
    seeds = torch.randint(2**62, (cell.max_degree + 1,), generator=gen).tolist()
    targets = [Target.dense(cell.d, degree, 1.0, seed) for degree, seed in enumerate(seeds)]
    gram = ntk_gram if cell.kernel == "NTK" else quadntk_gram
    matrix, cross = gram(network, x), gram(network, fresh, x)
    matrix.diagonal().add_(RIDGE * matrix.diagonal().mean())
    fitted = cross @ torch.linalg.solve(matrix, torch.stack([target(x) for target in targets], dim=1))
    truth = torch.stack([target(fresh) for target in targets], dim=1)
    return {"shares": ((fitted * truth).mean(0) / truth.square().mean(0)).tolist()}
