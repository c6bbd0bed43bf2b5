"""Sizes of the spectral claims S1..S9."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SpectralSizes(BaseModel):
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

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: int = Field(default=10, ge=3)
    degrees: int = Field(default=4, ge=2)
    quadrature_points: int = Field(default=48, ge=8)
    blocks: int = Field(default=400, ge=100)
    trace_degree: int = Field(default=8, ge=2)
    trace_order: int = Field(default=4, ge=1)
    quadratic_trace_degree: int = Field(default=12, ge=3)
    quadratic_trace_order: int = Field(default=5, ge=1)
    limit_dimensions: tuple[int, ...] = (12_500, 25_000, 50_000, 100_000)
    exponent_dimensions: tuple[int, ...] = (256, 512, 1024, 2048, 4096, 8192)

    block_dimension: dict[int, int] = {1: 8, 2: 6}
    block_widths: dict[int, tuple[int, ...]] = {1: (256, 512, 1024), 2: (256, 512, 1024)}
    block_replicates: dict[int, int] = {1: 28, 2: 20}

    gram_dimension: dict[int, int] = {1: 96, 2: 28}
    gram_samples: dict[int, int] = {1: 512, 2: 1200}
    gram_width: dict[int, int] = {1: 4096, 2: 4096}
    gram_replicates: int = Field(default=12, ge=12)

    parity_dimension: int = Field(default=3, ge=3)
    parity_width: int = Field(default=512, ge=2)
    parity_samples: int = Field(default=300, ge=50)
    parity_tests: int = Field(default=2000, ge=100)
    parity_degree: int = Field(default=5, ge=3)
    parity_replicates: int = Field(default=10, ge=10)


FULL = SpectralSizes(
    blocks=4000,
    block_widths={1: (256, 512, 1024, 2048), 2: (256, 512, 1024, 2048)},
    block_replicates={1: 32, 2: 32},
    gram_dimension={1: 128, 2: 32},
    gram_samples={1: 1024, 2: 1600},
    gram_width={1: 8192, 2: 16_384},
    gram_replicates=16,
    parity_replicates=24,
)
GPU = FULL
