"""Sizes of the claims on optimisation, O1..O4."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class OptimizationSizes(BaseModel):
    """Sizes of the claims on optimisation. Tables are keyed by k. A claim is judged for the keys of its dimension.

    Attributes:
        width_ratio, sample_ratio: m/d and n/d^k of O1, O2 and O4. r4: weight l4 of O1 and O2.
        descent_dimensions, descent_replicates: by k, the grid of d of O1; draws at each.
        descent_steps: longest descent of O1 and O2; longer ones are censored.
        start_dimension, start_replicates, starts: by k, d of O2; its draws, and the starts on each.
        sign_dimension, sign_samples: by k, d and n of O3. sign_width, sign_replicates, signs: m, draws and Monte-Carlo
            signs of its sampled second variation. sign_widths, sign_draws: grid of m of its exponent, and draws in one
            observation.
        saddle_dimension, saddle_replicates: by k, d of O4; its draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_ratio: dict[int, int] = {1: 8, 2: 12}
    sample_ratio: dict[int, int] = {1: 8, 2: 4}
    r4: dict[int, float] = {1: 0.03, 2: 0.005}
    descent_dimensions: dict[int, tuple[int, ...]] = {1: (4, 7, 11)}
    descent_replicates: int = Field(default=12, ge=3)
    descent_steps: int = Field(default=4000, ge=20)
    start_dimension: dict[int, int] = {1: 8}
    start_replicates: int = Field(default=12, ge=3)
    starts: int = Field(default=3, ge=2)
    sign_dimension: dict[int, int] = {1: 8}
    sign_samples: dict[int, int] = {1: 128, 2: 288}
    sign_width: dict[int, int] = {1: 256, 2: 1024}
    sign_replicates: int = Field(default=12, ge=3)
    signs: dict[int, int] = {1: 96, 2: 24}
    sign_widths: dict[int, tuple[int, ...]] = {1: (128, 256, 512, 1024)}
    sign_draws: dict[int, int] = {1: 6, 2: 4}
    saddle_dimension: dict[int, int] = {1: 8}
    saddle_replicates: int = Field(default=12, ge=3)


FULL = OptimizationSizes(
    descent_dimensions={1: (5, 8, 12, 18)},
    descent_replicates=24,
    descent_steps=10_000,
    start_dimension={1: 12},
    start_replicates=24,
    starts=4,
    sign_dimension={1: 8, 2: 6},
    sign_replicates=24,
    sign_widths={1: (128, 256, 512, 1024, 2048), 2: (512, 1024, 2048, 4096)},
    saddle_dimension={1: 8, 2: 6},
    saddle_replicates=24,
)
GPU = FULL.model_copy(
    update={
        "descent_dimensions": {1: (5, 8, 12, 18), 2: (4, 6, 9)},
        "descent_steps": 20_000,
        "start_dimension": {1: 12, 2: 6},
    }
)
