"""Sizes of the claims on risks of trained networks, N5, N6, N9 and N11."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes

Choices = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=20)]
"""Candidates that validation draws choose from."""


class RiskSizes(Sizes):
    """Sizes of the paired risks. Samples n are given as n / (A_k d^k); A_k: :mod:`verify.predictions.sample_counts`.

    Sizes were chosen from pilot runs of the risks on other seeds.

    Attributes:
        dimension, ratio, draws: by k, d, n / (A d^k) and judged draws for each activation of N5, N6 and N9.
        width: by k, m / d.
        largest_share: n / N(d, k+1) up to which d counts as large for an activation; others are left out.
        validation: draws for the choice of an arm's weights, never judged.
        penalties: candidates for l1, which is l3 too. shares: candidates for l4 ||W_Q||_{2,4}^4, what R4 takes of the
            sparse part's energy 1 at the construction. quadratic_shares: the same of the QuadNTK.
        steps: of gradient descent with R1. free_steps: without R1, where risks settle sooner, and of the controls.
        lazy_steps: by k, those of N6's control in the lazy scaling; N6 is judged for its keys.
        taylor_dimension, taylor_ratio: d and n / (A d) of N11, at k = 1. taylor_widths: grid of m / d. taylor_draws:
            for each activation at each width. taylor_pairs: draws whose risks are compared, at the smallest width.
            taylor_penalty, taylor_share: as above. taylor_steps: of gradient descent.
        adam_steps, adam_rate, adam_start: of Adam in N11.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "dimension": ("ratio", "draws", "width"),
        "lazy_steps": ("dimension", "ratio", "draws", "width"),
    }

    dimension: ByK[Dimension] = {1: 56}
    ratio: ByK[Positive] = {1: 2.9}
    draws: ByK[Count] = {1: 3}
    width: ByK[Count] = {1: 4, 2: 20}
    largest_share: Positive = Field(default=0.35, lt=1)
    validation: Count = 1
    penalties: Choices = (1.0, 10.0)
    shares: Choices = (0.06,)
    quadratic_shares: Choices = (0.006, 0.02)
    steps: Count = Field(default=250, ge=2)
    free_steps: Count = Field(default=120, ge=2)
    lazy_steps: ByK[Count] = {1: 40}

    taylor_dimension: Dimension = 20
    taylor_ratio: Positive = 3.7
    taylor_widths: Grid[Count] = (4, 8, 16)
    taylor_draws: Count = 5
    taylor_pairs: Count = 8
    taylor_steps: Count = Field(default=300, ge=2)
    taylor_penalty: Positive = 1.0
    taylor_share: Positive = Field(default=0.06, lt=1)
    adam_steps: Count = Field(default=200, ge=2)
    adam_rate: Positive = 0.03
    adam_start: Positive = 0.3

    @model_validator(mode="after")
    def even_widths(self) -> Self:
        """Every width m is even: neurons come in antisymmetric pairs."""
        for k, d in self.dimension.items():
            if self.width[k] * d % 2:
                raise ValueError(f"width[{k}]={self.width[k]}: needs an even m = width[{k}] d at d = {d}")
        if self.taylor_draws > self.taylor_pairs:
            raise ValueError(
                f"taylor_draws={self.taylor_draws}: needs at most taylor_pairs = {self.taylor_pairs}, of which they are"
            )
        for ratio in self.taylor_widths:
            if ratio * self.taylor_dimension % 2:
                raise ValueError(
                    f"taylor_widths={self.taylor_widths}: needs an even m = {ratio} d at d = {self.taylor_dimension}"
                )
        return self


FULL = RiskSizes(
    dimension={1: 96, 2: 24},
    ratio={1: 3.1, 2: 0.5},
    draws={1: 3, 2: 8},
    validation=1,
    penalties=(0.3, 1.0, 3.0, 10.0, 30.0),
    shares=(0.02, 0.06),
    quadratic_shares=(0.002, 0.006, 0.02, 0.06),
    steps=400,
    free_steps=200,
    taylor_dimension=32,
    taylor_widths=(4, 8, 16, 32),
    taylor_draws=5,
    taylor_pairs=10,
    taylor_steps=600,
)
GPU = FULL.model_copy(
    update={
        "dimension": {1: 192, 2: 40},
        "draws": {1: 6, 2: 8},
        "validation": 2,
        "width": {1: 8, 2: 40},
        "steps": 1000,
        "free_steps": 500,
        "lazy_steps": {1: 200, 2: 200},
        "taylor_widths": (4, 8, 16, 32, 64),
        "taylor_draws": 8,
        "taylor_pairs": 16,
    }
)
