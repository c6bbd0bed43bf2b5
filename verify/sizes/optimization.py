"""Sizes of the claims on optimisation, O1..O4."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes, Width


class OptimizationSizes(Sizes):
    """Sizes of the claims on optimisation. Tables are keyed by k. A claim is judged for the keys of its dimension.

    Attributes:
        width_ratio, sample_ratio: m/d and n/d^k of O1, O2 and O4. r4: weight l4 of O1 and O2.
        descent_dimensions, descent_replicates: by k, the grid of d of O1; draws at each.
        descent_steps: longest descent of O1 and O2; longer ones are censored.
        initialisation_dimension, initialisation_replicates, initialisations: by k, d of O2; its draws,
            and the initialisations on each. initialisation_gap: the share of a final loss by which it may exceed the
            certified bound. At d = 8 one of 240 draws at 20 base seeds exceeded it, with 0.2008; the next was 0.153. At
            d = 16 the largest of 20 was 0.105, and their logarithms spread by 0.1; at d = 32 the largest was 0.09. Runs
            stopped after ten steps are further away in each of 42 draws at d = 8 (0.23 and more).
        sign_dimension, sign_samples: by k, d and n of O3. sign_width, sign_replicates, signs: m, draws and Monte-Carlo
            signs of its sampled second variation. sign_widths, sign_draws: grid of m of its exponent, and draws in one
            observation.
        saddle_dimension, saddle_replicates: by k, d of O4; its draws.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "descent_dimensions": (
            "width_ratio",
            "sample_ratio",
            "r4",
        ),
        "initialisation_dimension": (
            "width_ratio",
            "sample_ratio",
            "r4",
        ),
        "sign_dimension": (
            "sign_samples",
            "sign_width",
            "signs",
            "sign_widths",
            "sign_draws",
        ),
        "saddle_dimension": (
            "width_ratio",
            "sample_ratio",
        ),
    }

    width_ratio: ByK[Count] = {1: 8, 2: 12}
    sample_ratio: ByK[Count] = {1: 8, 2: 4}
    r4: ByK[Positive] = {1: 0.03, 2: 0.005}
    descent_dimensions: ByK[Grid[Dimension]] = {1: (4, 7, 11)}
    descent_replicates: Count = Field(default=12, ge=3)
    descent_steps: Count = Field(default=4000, ge=20)
    initialisation_dimension: ByK[Dimension] = {1: 16}
    initialisation_replicates: Count = Field(default=12, ge=3)
    initialisations: Count = Field(default=3, ge=2)
    initialisation_gap: Positive = Field(default=0.2, lt=1)
    sign_dimension: ByK[Dimension] = {1: 8}
    sign_samples: ByK[Count] = {1: 128, 2: 288}
    sign_width: ByK[Width] = {1: 256, 2: 1024}
    sign_replicates: Count = Field(default=12, ge=3)
    signs: ByK[Count] = {1: 96, 2: 24}
    sign_widths: ByK[Grid[Width]] = {1: (128, 256, 512, 1024)}
    sign_draws: ByK[Count] = {1: 6, 2: 4}
    saddle_dimension: ByK[Dimension] = {1: 8}
    saddle_replicates: Count = Field(default=12, ge=3)

    @model_validator(mode="after")
    def even_widths(self) -> Self:
        """Every width m = width_ratio[k] d is even: neurons come in antisymmetric pairs."""
        for table in ("descent_dimensions", "initialisation_dimension", "saddle_dimension"):
            for k, entry in getattr(self, table).items():
                for d in entry if isinstance(entry, tuple) else (entry,):
                    if self.width_ratio[k] * d % 2:
                        raise ValueError(
                            f"width_ratio[{k}]={self.width_ratio[k]}: needs an even m = width_ratio d at d = {d}"
                        )
        return self


FULL = OptimizationSizes(
    descent_dimensions={1: (8, 16, 32)},
    descent_replicates=24,
    descent_steps=10_000,
    initialisation_dimension={1: 32},
    initialisation_replicates=24,
    initialisations=3,
    sign_dimension={1: 8, 2: 6},
    sign_replicates=24,
    sign_widths={1: (128, 256, 512, 1024, 2048), 2: (512, 1024, 2048, 4096)},
    saddle_dimension={1: 8, 2: 6},
    saddle_replicates=24,
)
GPU = FULL.model_copy(
    update={
        "descent_dimensions": {1: (16, 32, 64), 2: (4, 6, 9)},
        "descent_steps": 20_000,
        "initialisation_dimension": {1: 64, 2: 6},
    }
)
