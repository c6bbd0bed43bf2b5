"""Sizes of the claims on kernel regression and Rademacher bounds, N1, N2, N7, N8."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from verify.sizes import ByK, Count, Dimension, Grid, Sizes, Width


class KernelSizes(Sizes):
    """Sizes of the claims on kernel regression and Rademacher bounds; where keyed by k, the keys are the k judged.

    The activations of a profile share the repetitions, so their number is best a multiple of three.

    Attributes:
        curve_dimension, curve_samples: by k, d and n of N1. curve_width: its m. curve_replicates: draws. k = 2
            needs d = 24: see the margin of kappa in :mod:`verify.claims.generalization.n1_n2_n7_ridge`.
        mixed_dimensions, dense_dimensions: by k, the grids of d of N2 and of N7. mixed_width, dense_width: by k, their
            m. rate_replicates: draws at each d. beyond, most_samples: their searches for n* end at beyond N(d, k+1), by
            k, or at most_samples where that is less. At k = 2 tanh(z + 1) needs up to 4.2 N(d, 3).
        suprema_dimension, suprema_width, suprema_samples, suprema_replicates: d, m, grid of n and draws of
            N8's suprema.
        noisy_dimension, noisy_samples: d and n of N8's fits of noisy labels; noisy_networks: networks for each
            activation, of which one half fixes the radii and the other is judged; noisy_steps: of training.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "curve_dimension": ("curve_samples",),
        "mixed_dimensions": ("mixed_width", "beyond"),
        "dense_dimensions": ("dense_width", "beyond"),
    }

    curve_dimension: ByK[Dimension] = {1: 32}
    curve_samples: ByK[Grid[Count]] = {1: (128, 256, 512, 1024)}
    curve_width: Width = 8192
    curve_replicates: Count = Field(default=12, ge=6)

    mixed_dimensions: ByK[Grid[Dimension]] = {1: (8, 12, 16, 24)}
    dense_dimensions: ByK[Grid[Dimension]] = {1: (24, 40, 64, 96)}
    mixed_width: ByK[Width] = {1: 4096, 2: 16_384}
    dense_width: ByK[Width] = {1: 2048, 2: 8192}
    rate_replicates: Count = Field(default=24, ge=6)
    beyond: ByK[Count] = {1: 4, 2: 8}
    most_samples: Count = Field(default=2048, ge=16)

    suprema_dimension: Dimension = 16
    suprema_width: Width = 64
    suprema_samples: Grid[Count] = (256, 1024, 4096)
    suprema_replicates: Count = Field(default=30, ge=6)
    noisy_dimension: Dimension = 16
    noisy_samples: Count = Field(default=512, ge=2)
    noisy_networks: Count = Field(default=8, ge=4, multiple_of=2)
    noisy_steps: Count = Field(default=300, ge=2)


FULL = KernelSizes(
    curve_dimension={1: 32, 2: 24},
    curve_samples={1: (128, 256, 512, 1024, 2048), 2: (512, 1024, 2048)},
    curve_width=16_384,
    curve_replicates=18,
    mixed_dimensions={1: (12, 16, 24, 32, 40), 2: (6, 8, 10, 12)},
    dense_dimensions={1: (24, 40, 64, 96, 128), 2: (8, 10, 12, 16, 20)},
    mixed_width={1: 8192, 2: 16_384},
    dense_width={1: 4096, 2: 8192},
    rate_replicates=24,
    most_samples=4096,
    suprema_dimension=24,
    suprema_samples=(512, 2048, 8192),
    suprema_replicates=60,
    noisy_dimension=24,
    noisy_samples=1024,
    noisy_networks=12,
    noisy_steps=600,
)
GPU = FULL.model_copy(
    update={
        "curve_dimension": {1: 32, 2: 32},
        "curve_samples": {1: (128, 256, 512, 1024, 2048, 4096), 2: (1024, 2048, 4096)},
        "curve_width": 32_768,
        "mixed_dimensions": {1: (12, 16, 24, 32, 48, 64), 2: (6, 8, 10, 12, 16)},
        "dense_dimensions": {1: (32, 64, 128, 256), 2: (8, 12, 16, 24, 32)},
        "mixed_width": {1: 16_384, 2: 32_768},
        "most_samples": 16_384,
        "noisy_dimension": 32,
        "noisy_samples": 2048,
    }
)
