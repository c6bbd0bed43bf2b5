"""Monte-Carlo means with their standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from numerics.inputs import Array, finite, one_seed, tensor
from numerics.precision import full_precision
from numerics.scale import unit


@full_precision
@dataclass(frozen=True)
class Estimate:
    """A Monte-Carlo mean: value, standard error, number of samples and the seed that made it."""

    value: float
    stderr: float
    n: int
    seed: int

    @staticmethod
    def of(samples: Array, seed: int) -> Estimate:
        """Mean and standard error of independent samples.

        Samples that agree do not make their mean exact: the standard error is at least the rounding of the mean in the
        precision of the samples, and zero only where all samples are zero.

        Raises:
            ValueError: fewer than two samples, or samples that are not finite.
        """
        samples = finite(tensor(samples, "samples"), "samples").detach()
        if samples.numel() < 2:
            raise ValueError(f"samples of size {samples.numel()}: a standard error needs at least 2")
        double = samples.double().flatten()
        # Samples of size one: sums of large ones would overflow, and squares of small ones be lost.
        size, n = unit(double), double.numel()
        double = double / size
        value, spread = size * float(double.mean()), size * (float(double.std(unbiased=True)) / math.sqrt(n))
        return Estimate(value, max(spread, torch.finfo(samples.dtype).eps * abs(value)), n, one_seed(seed))

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.stderr:.2g}"
