"""Sizes of the training runs, and of the claims on how many samples training needs, N3 and N4."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from verify.sizes import ByK, Count, Dimension, Grid, Positive, Sizes


class TrainingSizes(Sizes):
    """Sizes of every training run, and of N3 and N4. Samples n are given as n / (A_k d^k).

    A_k is defined in :mod:`verify.predictions.sample_counts`. Sizes were chosen from pilot runs of the risks alone.

    Attributes:
        width: by k, m / d. start: scale of the start.
        steps: by k, of gradient descent. At k = 2 the risk falls more slowly, the more so the larger d.
        share: l4 ||W_Q||_{2,4}^4, what R4 takes of the sparse part's energy 1 at the construction; so the weight l4 has
            the same meaning for every activation and d. quadratic_share: the same of the QuadNTK alone.
        more_activations: take the place of activations that are left out, so that three remain.
        largest_scale: by k, activations with a larger A_k are left out. At k = 2 gelu(z + 1), with A_2 = 3, trains
            slowly and reaches a risk of 1/2 beyond 6 d^2 samples, which at d = 24 are more than N(d, 3).
        dimensions: by k, the grid of d of N3 and N4. repetitions, quadratic_repetitions: by k, of N3 and N4, for each
            activation at each d.
        averaged: draws whose mean log n* is one repetition, at the smallest d; fewer at larger d, as the cost grows,
            and one at the largest.
        first: by k, the smallest n / (A d^k); doubled until every draw has reached the risk, up to 4 N(d, k+1).
        finest: ratio of two n between which n* is interpolated, at most; the doubling alone gives 2.
        largest_samples: n beyond which no network is trained, whatever d; what is not reached then is censored.
        joint_risk: the risk to reach with f_k + f_sp, energies 1 + 1: f_k learnt and half of f_sp. sparse_risk: with
            f_sp alone.
        kernel_width: by k, m / d of the NTK that the trained arms are held against: near infinite width, as its
            m d / 2 features are many times N(d, k+1). With 16 d at k = 2 they are fewer than that, and its n* grew more
            slowly with d than that of the kernel it stands for.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "dimensions": ("first", "repetitions", "quadratic_repetitions", "steps", "width", "kernel_width")
    }

    width: ByK[Count] = {1: 4, 2: 20}
    steps: ByK[Annotated[Count, Field(ge=2)]] = {1: 500}
    start: Positive = 0.01
    share: Positive = Field(default=0.06, lt=1)
    quadratic_share: Positive = Field(default=0.006, lt=1)
    more_activations: tuple[str, ...] = ("gelu(z)", "gelu(z + 1)")
    largest_scale: ByK[Positive] = {1: 4.0, 2: 2.9, 3: 4.0}

    dimensions: ByK[Grid[Dimension]] = {1: (32, 64)}
    repetitions: ByK[Count] = {1: 4}
    quadratic_repetitions: ByK[Count] = {1: 6}
    averaged: Count = 3
    first: ByK[Positive] = {1: 0.55, 2: 0.1}
    finest: Positive = Field(default=2.0, ge=1)
    largest_samples: Count = 20_000
    joint_risk: Positive = Field(default=0.5, lt=2)
    sparse_risk: Positive = Field(default=0.5, lt=1)
    kernel_width: ByK[Count] = {1: 16, 2: 128, 3: 128}

    @model_validator(mode="after")
    def even_widths(self) -> Self:
        """Every width m = width[k] d is even: neurons come in antisymmetric pairs."""
        for k, entry in self.dimensions.items():
            for d in entry:
                for name in ("width", "kernel_width"):
                    ratio = getattr(self, name)[k]
                    if ratio * d % 2:
                        raise ValueError(f"{name}[{k}]={ratio}: needs an even m = {name}[{k}] d at d = {d}")
        return self


FULL = TrainingSizes(
    steps={1: 1000, 2: 2000},
    dimensions={1: (32, 64, 128), 2: (16, 24, 32)},
    repetitions={1: 4, 2: 6},
    quadratic_repetitions={1: 6, 2: 8},
)
GPU = FULL.model_copy(
    update={
        "width": {1: 10, 2: 40},
        "steps": {1: 1000, 2: 3000},
        "dimensions": {1: (32, 64, 128, 192, 256), 2: (16, 24, 32, 48)},
        "repetitions": {1: 5, 2: 8},
        "quadratic_repetitions": {1: 10, 2: 8},
        "largest_samples": 100_000,
    }
)
