"""Sizes of the spectral claims S1..S9."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from verify.sizes import ByK, Count, Dimension, Doubling, Grid, Sizes, Width


class SpectralSizes(Sizes):
    """Sizes of the spectral claims.

    Attributes:
        dimension, degrees: d and largest degree of S1 and S8.
        quadrature_points: nodes per axis of their rule. blocks: of their Monte Carlo.
        trace_degree, trace_order: S2's last degree, and the order of its tail bound. quadratic_trace_degree,
            quadratic_trace_order: the same of S8, whose spectrum falls more slowly.
        limit_dimensions, exponent_dimensions: grids of d of S3 and S4, each twice the one before.
        block_dimension, block_widths, block_replicates: by k, d, widths m and networks at each width of S5 and S7. The
            widths begin where degrees 0 and 1 are apart (k = 1) and where the largest sine is below 1/3 (k = 2).
        gram_dimension, gram_samples, gram_width: by k, d, n and m of S6, d^k < n < d^{k+1} and m d >> n.
            gram_replicates: draws of inputs and network.
        parity_dimension, parity_width, parity_samples, parity_tests: d, m, training and test points of S9.
            parity_degree: its largest degree. parity_replicates: draws.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "block_dimension": (
            "block_widths",
            "block_replicates",
        ),
        "gram_dimension": (
            "gram_samples",
            "gram_width",
        ),
    }

    dimension: Dimension = 10
    degrees: Count = Field(default=4, ge=2)
    quadrature_points: Count = Field(default=48, ge=8)
    blocks: Count = Field(default=400, ge=100)
    trace_degree: Count = Field(default=8, ge=2)
    trace_order: Count = 4
    quadratic_trace_degree: Count = Field(default=12, ge=3)
    quadratic_trace_order: Count = 5
    limit_dimensions: Doubling = (12_500, 25_000, 50_000, 100_000)
    exponent_dimensions: Annotated[Doubling, Field(min_length=4)] = (256, 512, 1024, 2048, 4096, 8192)

    block_dimension: ByK[Dimension] = {1: 8, 2: 6}
    block_widths: ByK[Grid[Width]] = {1: (256, 512, 1024), 2: (256, 512, 1024)}
    block_replicates: ByK[Count] = {1: 28, 2: 20}

    gram_dimension: ByK[Dimension] = {1: 96, 2: 28}
    gram_samples: ByK[Count] = {1: 512, 2: 1200}
    gram_width: ByK[Width] = {1: 4096, 2: 4096}
    gram_replicates: Count = Field(default=12, ge=12)

    parity_dimension: Dimension = 3
    parity_width: Width = 512
    parity_samples: Count = Field(default=300, ge=50)
    parity_tests: Count = Field(default=2000, ge=100)
    parity_degree: Count = Field(default=3, ge=3)
    parity_replicates: Count = Field(default=10, ge=10)


FULL = SpectralSizes(
    blocks=4000,
    block_dimension={1: 32, 2: 6},
    block_widths={1: (1024, 2048, 4096), 2: (256, 512, 1024, 2048)},
    block_replicates={1: 32, 2: 32},
    gram_dimension={1: 128, 2: 32},
    gram_samples={1: 1024, 2: 1600},
    gram_width={1: 8192, 2: 16_384},
    gram_replicates=16,
    parity_degree=5,
    parity_replicates=24,
)
GPU = FULL
