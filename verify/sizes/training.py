"""Sizes of the claims on trained models, N3..N6 and N9."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes


class TrainingSizes(Sizes):
    """Sizes of the claims on trained models; samples n are given as n / (A_k d^k).

    A_k is defined in :mod:`verify.predictions.sample_counts`.

    The grids were chosen from pilot runs of the risks alone, so that the risk to reach lies inside the grid.

    Attributes:
        width: by k, m / d. r4: by k, weight of ||W||_{2,4}^4 times d^(k-1), the order of what the target costs in it: a
            weight that does not fall with d would shrink the solution more and more.
        steps, rate, start: of Adam with cosine decay. quadratic_steps: steps of the QuadNTK, which settles sooner.
        dimensions, ratios: by k, the grids of d and of n / (A d^k) of N3 and N4. repetitions: by k, at each d, of the
            activation with the smallest A_k; others have fewer. most_draws: draws averaged in one repetition, at most.
        joint_risk: the risk to reach with f_k + f_sp, energies 1 + 1: f_k learnt and half of f_sp. sparse_risk: with
            f_sp alone.
        more_activations: take the place of those left out, so that three remain.
        largest_scale: activations with a larger A_k are left out; in N5, N6 and N9 also those for which d is not large.
        largest_share: n / N(d, k+1) up to which d counts as large in N5 and N9.
        paired_dimension, paired_ratio, paired_draws: by k, d, n / (A d^k) and draws for each activation of N5 and N9.
        feature_dimension, feature_ratio, feature_draws: likewise of N6, and feature_share its n / N(d, k+1).
        label_scale: of N6's lazy control.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "dimensions": (
            "ratios",
            "repetitions",
            "width",
            "r4",
        ),
        "paired_dimension": (
            "paired_ratio",
            "paired_draws",
            "width",
            "r4",
        ),
        "feature_dimension": (
            "feature_ratio",
            "feature_draws",
            "width",
            "r4",
        ),
    }

    width: ByK[Count] = {1: 10, 2: 40}
    r4: ByK[Positive] = {1: 3e-3, 2: 5e-3}
    steps: Count = Field(default=200, ge=2)
    quadratic_steps: Count = Field(default=120, ge=2)
    rate: Positive = 0.03
    start: Positive = 0.3

    dimensions: ByK[Grid[Dimension]] = {1: (24, 40, 64)}
    ratios: ByK[Grid[Positive]] = {1: (1.7, 4.7)}
    repetitions: ByK[Count] = {1: 4}
    most_draws: Count = 4
    joint_risk: Positive = Field(default=0.5, lt=2)
    sparse_risk: Positive = Field(default=0.45, lt=1)
    more_activations: tuple[str, ...] = ("sin(z + 1)",)
    largest_scale: Positive = 4.0
    largest_share: Positive = Field(default=0.3, lt=1)

    paired_dimension: ByK[Dimension] = {1: 48}
    paired_ratio: ByK[Positive] = {1: 2.0}
    paired_draws: ByK[Count] = {1: 5}

    feature_dimension: ByK[Dimension] = {1: 56}
    feature_ratio: ByK[Positive] = {1: 3.0}
    feature_draws: ByK[Count] = {1: 6}
    feature_share: Positive = Field(default=0.5, lt=1)
    label_scale: Positive = Field(default=100.0, gt=1)

    @model_validator(mode="after")
    def even_widths(self) -> Self:
        """Every width m = width[k] d is even: neurons come in antisymmetric pairs."""
        for table in ("dimensions", "paired_dimension", "feature_dimension"):
            for k, entry in getattr(self, table).items():
                for d in entry if isinstance(entry, tuple) else (entry,):
                    if self.width[k] * d % 2:
                        raise ValueError(f"width[{k}]={self.width[k]}: needs an even m = width d at d = {d}")
        return self


FULL = TrainingSizes(
    steps=300,
    quadratic_steps=200,
    dimensions={1: (28, 40, 56, 80, 112)},
    ratios={1: (2.0, 3.0, 4.5), 2: (0.4, 0.6, 0.9, 1.35)},
    repetitions={1: 5, 2: 5},
    paired_dimension={1: 96, 2: 28},
    paired_ratio={1: 3.0, 2: 0.55},
    paired_draws={1: 8, 2: 12},
    feature_dimension={1: 80},
    feature_draws={1: 8},
)
GPU = FULL.model_copy(
    update={
        "largest_scale": 12.0,
        "dimensions": {1: (64, 96, 128, 192, 256), 2: (32, 48, 64, 88)},
        "repetitions": {1: 5, 2: 6},
        "paired_dimension": {1: 192, 2: 40},
        "paired_ratio": {1: 2.0, 2: 0.5},
        "feature_dimension": {1: 192, 2: 48},
        "feature_ratio": {1: 3.0, 2: 0.6},
        "feature_draws": {1: 12, 2: 12},
    }
)
