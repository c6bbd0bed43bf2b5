"""Sizes of the spectral claims S1..S9."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SpectralSizes(BaseModel):
    """Sizes of the spectral claims.

    Attributes:
        dimension, degrees: S1's d and largest degree.
        quadrature_points: nodes per axis of S1's rule. blocks: of its Monte Carlo.
        trace_degree, trace_order: S2's last degree, and the order of its tail bound.
        limit_dimensions, exponent_dimensions: grids of d of S3 and S4, each twice the one before.
        block_dimension: by k, d of S5. block_widths: its widths m. block_replicates: networks at each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: int = Field(default=10, ge=3)
    degrees: int = Field(default=4, ge=1)
    quadrature_points: int = Field(default=48, ge=8)
    blocks: int = Field(default=400, ge=100)
    trace_degree: int = Field(default=8, ge=2)
    trace_order: int = Field(default=4, ge=1)
    limit_dimensions: tuple[int, ...] = (12_500, 25_000, 50_000, 100_000)
    exponent_dimensions: tuple[int, ...] = (256, 512, 1024, 2048, 4096, 8192)

    block_dimension: dict[int, int] = {1: 8}
    block_widths: tuple[int, ...] = (128, 256, 512, 1024)
    block_replicates: int = Field(default=48, ge=2)


FULL = SpectralSizes(blocks=4000, block_widths=(128, 256, 512, 1024, 2048), block_replicates=96)
GPU = FULL
