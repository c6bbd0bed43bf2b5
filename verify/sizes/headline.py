"""Sizes of N10: the theorem end to end, and the phase diagram."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes

Candidates = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=20)]


class HeadlineSizes(Sizes):
    """Sizes of N10; widths, starts and the weight l4 of joint training are those of every training run.

    Attributes:
        dimension: by k, d of the runs through the whole theorem, one of ``dimensions``. runs: of each activation.
        most_steps: of perturbed descent.
        penalty: the weight l1 = l3.
        steps: by k, of gradient descent at a point of the phase diagram. At k = 1 more would lower joint training's
            risk by a tenth at most, and hardly move the others'; at k = 2 joint training is slower. control_steps: of
            the controls' arms.
        dimensions, ratios: by k, the grid of the phase diagram, d and n / d^k. Joint training is judged at the largest
            ratio; against the two kernels at the largest d.
        draws: by k, of each activation where it is judged.
        averaged: draws whose geometric mean is one observation, at all d but the largest.
        mapped: draws of each activation elsewhere on the grid.
        validation: further draws, on which the kernels' weights are chosen.
        shares: candidates for the QuadNTK's l4, as the share of the sparse part's energy that R4 takes at W_Q; its risk
            hardly depends on it.
        ridges: candidates of the NTK.
        largest_share: n / N(d, k+1) at most, at the largest d and ratio.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "dimensions": ("dimension", "ratios", "draws", "steps", "control_steps")
    }

    dimension: ByK[Dimension] = {1: 32}
    runs: Count = 1
    most_steps: Count = Field(default=6000, ge=20)
    penalty: Positive = 1.0
    steps: ByK[Count] = {1: 300}
    control_steps: ByK[Count] = {1: 120}
    dimensions: ByK[Grid[Dimension]] = {1: (32, 64)}
    ratios: ByK[Grid[Positive]] = {1: (4.0, 6.5, 10.0)}
    draws: ByK[Count] = {1: 3}
    averaged: Count = 2
    mapped: Count = 1
    validation: Count = 1
    shares: Candidates = (0.002, 0.05)
    ridges: Candidates = (1e-3, 1e-2, 1e-1, 1.0)
    largest_share: Positive = Field(default=0.5, lt=1)

    @model_validator(mode="after")
    def on_the_grid(self) -> Self:
        """The runs through the whole theorem are compared with the kernels on the same data, a point of the diagram."""
        for k, grid in self.dimensions.items():
            if self.dimension[k] not in grid:
                raise ValueError(f"dimension[{k}]={self.dimension[k]}: needs one of dimensions[{k}]={list(grid)}")
        return self


FULL = HeadlineSizes(
    dimension={1: 32, 2: 16},
    runs=2,
    most_steps=20_000,
    steps={1: 400, 2: 800},
    control_steps={1: 200, 2: 300},
    dimensions={1: (32, 64, 128), 2: (16, 24, 32)},
    ratios={1: (2.5, 4.0, 6.5, 10.0), 2: (1.0, 1.6, 2.5)},
    draws={1: 3, 2: 8},
)
GPU = FULL.model_copy(
    update={
        "dimension": {1: 64, 2: 16},
        "dimensions": {1: (32, 64, 128, 192, 256), 2: (16, 24, 32, 48, 64)},
        "ratios": {1: (2.5, 3.5, 5.0, 7.0, 10.0, 14.0), 2: (1.0, 1.5, 2.2, 3.0)},
        "draws": {1: 5, 2: 8},
        "mapped": 2,
        "validation": 2,
    }
)
