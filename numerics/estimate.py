"""The type of every random number: a value with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Estimate:
    """A Monte-Carlo mean: value, standard error, number of samples and the seed that made it."""

    value: float
    stderr: float
    n: int
    seed: int

    @staticmethod
    def of(samples: torch.Tensor, seed: int) -> Estimate:
        """Mean and standard error of independent samples.

        Raises:
            ValueError: fewer than two samples.
        """
        if samples.numel() < 2:
            raise ValueError(f"samples of size {samples.numel()}: a standard error needs at least 2")
        double = samples.detach().double().flatten()
        stderr = float(double.std(unbiased=True)) / math.sqrt(double.numel())
        return Estimate(float(double.mean()), stderr, double.numel(), seed)

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.stderr:.2g}"
