"""Cells on Gram matrices: their spectrum, and what ridge regression with them learns."""

from __future__ import annotations

import math

import torch

from numerics.kernels import ntk_gram, quadntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.targets import Target
from theory import Activation
from verify.cells.spectral import KernelName
from verify.running.experiment import Cell, Numbers


class GramSpectrum(Cell):
    """Eigenvalues of the empirical NTK Gram matrix of n random inputs and one random network.

    Numbers: ``smallest``; ``means`` over consecutive eigenvalues in descending order, as many as ``sizes`` says, and
    over the rest; ``histogram`` of the logarithm of the rest, as ``edges`` and ``counts``.
    """

    activation: str
    d: int
    m: int
    n: int
    sizes: tuple[int, ...]

    def run(self) -> Numbers:
        network = TwoLayerNetwork(self.d, self.m, Activation.parse(self.activation), seed=self.seed("network"))
        # The same inputs for every activation and width: their comparison is then paired.
        x = sphere(self.n, self.d, math.sqrt(self.d), generator(self.seed("inputs", shared=("activation", "m"))))
        values = torch.linalg.eigvalsh(ntk_gram(network, x)).flip(0)
        parts = values.split([*self.sizes, self.n - sum(self.sizes)])
        counts, edges = torch.histogram(parts[-1], bins=40)
        return {
            "smallest": float(values[-1]),
            "means": [float(part.mean()) for part in parts],
            "edges": edges.tolist(),
            "counts": [int(c) for c in counts],
        }


class LearnedShares(Cell):
    """What kernel regression with an empirical kernel learns of a random harmonic of each degree.

    The share <f, f_l> / |f_l|^2 over fresh test points, f fitted to n noiseless values of f_l with a ridge that is
    ``RIDGE`` of the mean diagonal. sigma' (or sigma'') may have kinks. Numbers: ``shares`` by degree 0 .. L.
    """

    activation: str
    d: int
    m: int
    n: int
    tests: int
    max_degree: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        network = TwoLayerNetwork(self.d, self.m, Activation.parse(self.activation), seed=self.seed("network"))
        gen = generator(self.seed("inputs"))
        x, fresh = (sphere(count, self.d, math.sqrt(self.d), gen) for count in (self.n, self.tests))
        seeds = torch.randint(2**62, (self.max_degree + 1,), generator=gen).tolist()
        targets = [Target.dense(self.d, degree, 1.0, seed) for degree, seed in enumerate(seeds)]
        gram = ntk_gram if self.kernel == "NTK" else quadntk_gram
        matrix, cross = gram(network, x), gram(network, fresh, x)
        matrix.diagonal().add_(RIDGE * matrix.diagonal().mean())
        fitted = cross @ torch.linalg.solve(matrix, torch.stack([target(x) for target in targets], dim=1))
        truth = torch.stack([target(fresh) for target in targets], dim=1)
        return {"shares": ((fitted * truth).mean(0) / truth.square().mean(0)).tolist()}


RIDGE = 1e-7
"""Relative to the mean diagonal: far above rounding, far below every eigenvalue that is not zero by parity."""
