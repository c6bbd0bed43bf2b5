"""Sizes of the claims on neighbouring theorems, S10 and N12."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, Strict, model_validator

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes, Width

Replicates = Annotated[Count, Field(ge=4)]


class NeighbourSizes(Sizes):
    """Sizes of S10 and N12; in both, k is the degree l that about N(d,l) samples are enough to see.

    Attributes:
        bulk_dimension, bulk_width: by k, d and m of S10. bulk_ratios: its n / N(d,l). bulk_replicates: draws of inputs
            and network at each of them, more where few eigenvalues fluctuate more.
        bulk_stretch: by how much a control stretches half of the coordinates of its inputs.
        peak_dimensions: by k, the grid of d of N12. peak_replicates: draws at each d, shared by the activations.
        peak_scale: c, for which the kernel is that of sigma(c z). Degree l + 1 has about c^2 / l times the trace of
            degree l, and the peak at degree l about l^{1/2} / (2 c) times the height of the noise.
        peak_noise: variance of the labels' noise, beside a target of energy 1 in degree l. peak_tests, peak_targets:
            test points and targets of a draw.
        peak_span, peak_points: the grid of n is geometric, from N(d,l) / span to N(d,l) span, with so many points.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {"bulk_dimension": ("bulk_width",)}

    bulk_dimension: ByK[Dimension] = {1: 256, 2: 28}
    bulk_width: ByK[Width] = {1: 4096, 2: 4096}
    bulk_ratios: Grid[Positive] = (0.5, 2.0)
    bulk_replicates: Annotated[tuple[Replicates, ...], Field(min_length=2)] = (9, 8)
    bulk_stretch: Annotated[float, Strict(), Field(gt=1, allow_inf_nan=False)] = 2.0

    peak_dimensions: ByK[Grid[Dimension]] = {1: (32, 64, 128), 2: (18, 21, 24)}
    peak_replicates: Count = Field(default=12, ge=6)
    peak_scale: Positive = Field(default=0.125, le=1)
    peak_noise: Positive = 1.0
    peak_tests: Count = 256
    peak_targets: Count = 4
    peak_span: Annotated[float, Strict(), Field(gt=1.5, le=8)] = 2.2
    peak_points: Count = Field(default=17, ge=7, le=100)

    @model_validator(mode="after")
    def one_number_for_each_ratio(self) -> Self:
        """Every ratio has its number of draws."""
        if len(self.bulk_replicates) != len(self.bulk_ratios):
            raise ValueError(
                f"bulk_replicates={self.bulk_replicates}: needs one number for each of bulk_ratios={self.bulk_ratios}"
            )
        return self


FULL = NeighbourSizes(
    bulk_dimension={1: 384, 2: 36},
    bulk_width={1: 8192, 2: 8192},
    bulk_ratios=(0.5, 1.5, 2.0),
    bulk_replicates=(16, 8, 8),
    peak_dimensions={1: (32, 64, 128, 256), 2: (18, 21, 24, 32)},
    peak_replicates=15,
    peak_tests=512,
)
GPU = FULL
