"""Sizes of the Taylor claims T1..T3."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TaylorSizes(BaseModel):
    """Sizes of the Taylor claims.

    Attributes:
        dimension: d of T2. replicates: random points of T1, networks of T2. displacements: |W_r| of T2, the smallest
            first.
        width_dimension: by k, d of T3. widths: its m, by k. width_replicates: observations at each; one at width m is
            a mean over max(widths)/m networks. width_inputs, width_draws: inputs x, and sign vectors, for each network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: int = Field(default=8, ge=3)
    replicates: int = Field(default=8, ge=2)
    displacements: tuple[float, ...] = (0.01, 0.1, 0.5)
    width_dimension: dict[int, int] = {1: 8, 2: 6}
    widths: dict[int, tuple[int, ...]] = {1: (2048, 8192, 32_768), 2: (2048, 8192, 32_768)}
    width_replicates: int = Field(default=16, ge=2)
    width_inputs: int = Field(default=8, ge=2)
    width_draws: int = Field(default=16, ge=1)


FULL = TaylorSizes(
    replicates=32,
    widths={1: (4096, 16_384, 65_536, 262_144), 2: (4096, 16_384, 65_536, 262_144)},
    width_replicates=20,
    width_inputs=12,
)
GPU = FULL
