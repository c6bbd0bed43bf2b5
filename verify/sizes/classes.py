"""Sizes of N13: other classes of targets. Samples n are given as n / (A_k d^k)."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from verify.sizes import Count, Dimension, Positive, Sizes

Ridges = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=20)]


class ClassSizes(Sizes):
    """Sizes of N13, by k; a profile without any k leaves the claim out.

    Attributes:
        dimension, width, ratio: d, m / d and n / (A d^k), for the target in one direction; other classes take more
            samples by the factors of :data:`verify.claims.generalization.n13_target_classes.MORE`.
        draws: of each activation. validation: draws for the choice of the NTK's ridge.
        steps: of joint training; half as many of the QuadNTK, a fifth on shuffled labels.
        narrow: the k at which the target in one direction is the only class.
        ridges: candidates of the NTK.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {"dimension": ("width", "ratio", "draws", "steps")}

    dimension: dict[int, Dimension] = {}
    width: dict[int, Count] = {}
    ratio: dict[int, Positive] = {}
    draws: dict[int, Count] = {}
    steps: dict[int, Annotated[Count, Field(ge=10)]] = {}
    validation: Count = 1
    narrow: tuple[Annotated[int, Field(ge=1, le=8)], ...] = (3,)
    ridges: Ridges = (1e-2, 1e-1, 1.0, 10.0)

    @model_validator(mode="after")
    def even_widths(self) -> Self:
        """Every width m is even: neurons come in antisymmetric pairs."""
        for k, d in self.dimension.items():
            if self.width[k] * d % 2:
                raise ValueError(f"width[{k}]={self.width[k]}: needs an even m = width[{k}] d at d = {d}")
        return self


FULL = ClassSizes(
    dimension={1: 64, 2: 24, 3: 12},
    width={1: 4, 2: 20, 3: 80},
    ratio={1: 4.4, 2: 0.92, 3: 0.16},
    draws={1: 3, 2: 4, 3: 4},
    steps={1: 300, 2: 400, 3: 800},
)
GPU = ClassSizes(
    dimension={1: 128, 2: 40, 3: 16},
    width={1: 8, 2: 40, 3: 80},
    ratio={1: 4.4, 2: 0.92, 3: 0.16},
    draws={1: 4, 2: 8, 3: 6},
    steps={1: 600, 2: 1000, 3: 2000},
    validation=2,
)
