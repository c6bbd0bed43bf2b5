"""Sizes of the Taylor claims T1..T3."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes, Width


class TaylorSizes(Sizes):
    """Sizes of the Taylor claims.

    Attributes:
        dimension: d of T2. replicates: random points of T1, networks of T2. displacements: |W_r| of T2, the smallest
            first.
        width_dimension: by k, d of T3. widths: its m, by k. width_replicates: observations at each; one at width m is
            a mean over max(widths)/m networks. width_inputs, width_draws: inputs x, and sign vectors, for each network.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "widths": ("width_dimension",),
    }

    dimension: Dimension = 8
    replicates: Count = Field(default=8, ge=2)
    displacements: Grid[Positive] = (0.01, 0.1, 0.5)
    width_dimension: ByK[Dimension] = {1: 8, 2: 6}
    widths: ByK[Grid[Width]] = {1: (2048, 8192, 32_768), 2: (2048, 8192, 32_768)}
    width_replicates: Count = Field(default=16, ge=2)
    width_inputs: Count = Field(default=8, ge=2)
    width_draws: Count = 16


FULL = TaylorSizes(
    replicates=32,
    widths={1: (4096, 16_384, 65_536, 262_144), 2: (4096, 16_384, 65_536, 262_144)},
    width_replicates=20,
    width_inputs=12,
)
GPU = FULL
