"""Sizes of O5 and O6: certified gaps of trained Taylor models."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes, Width


class CertificateSizes(Sizes):
    """Sizes of O5 and O6. Tables are keyed by k.

    Attributes:
        share: l4 ||W_Q||_{2,4}^4, what R4 takes of the sparse part's energy 1 at the construction.
        dimensions, width, samples, draws, steps: by k, of O5: its d, m / d, n / d^k, draws of each activation, and
            steps of gradient descent from each start.
        joint_dimension, joint_widths, joint_samples, joint_draws, joint_steps: by k, of O6: d, the grid of m, n,
            draws of each activation at each m, steps. joint_gap: what its mean gap may be at the largest m, which is
            small only where m is large.
        iterations: of the relaxation.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "dimensions": ("width", "samples", "draws", "steps"),
        "joint_dimension": ("joint_widths", "joint_samples", "joint_draws", "joint_steps"),
    }

    share: Positive = Field(default=0.2, lt=1)
    dimensions: ByK[tuple[Dimension, ...]] = {1: (16,)}
    width: ByK[Count] = {1: 10}
    samples: ByK[Count] = {1: 12}
    draws: ByK[Count] = {1: 1}
    steps: ByK[Count] = {1: 1200}
    joint_dimension: ByK[Dimension] = {1: 6}
    joint_widths: ByK[Grid[Width]] = {1: (24, 64, 160)}
    joint_samples: ByK[Count] = {1: 54}
    joint_draws: ByK[Count] = {1: 2}
    joint_steps: ByK[Count] = {1: 1200}
    joint_gap: Positive = Field(default=0.3, lt=1)
    iterations: Count = 200

    @model_validator(mode="after")
    def even_widths(self) -> Self:
        """Every width m = width[k] d is even: neurons come in antisymmetric pairs."""
        for k, entry in self.dimensions.items():
            for d in entry:
                if self.width[k] * d % 2:
                    raise ValueError(f"width[{k}]={self.width[k]}: needs an even m = width[{k}] d at d = {d}")
        return self


FULL = CertificateSizes(
    dimensions={1: (16, 32, 64)},
    draws={1: 2},
    steps={1: 2000},
    joint_dimension={1: 12},
    joint_widths={1: (48, 96, 192, 384)},
    joint_samples={1: 144},
    joint_draws={1: 3},
    joint_steps={1: 2500},
    joint_gap=0.2,
    iterations=300,
)
GPU = FULL.model_copy(
    update={
        "dimensions": {1: (16, 32, 64), 2: (12,)},
        "width": {1: 10, 2: 20},
        "samples": {1: 12, 2: 6},
        "draws": {1: 4, 2: 4},
        "steps": {1: 2500, 2: 4000},
        "joint_dimension": {1: 12, 2: 8},
        "joint_widths": {1: (96, 192, 384, 768, 1536), 2: (96, 192, 384, 768)},
        "joint_samples": {1: 144, 2: 256},
        "joint_draws": {1: 3, 2: 6},
        "joint_steps": {1: 3000, 2: 4000},
    }
)
