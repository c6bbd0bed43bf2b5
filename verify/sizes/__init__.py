"""Sizes of the experiments, chapter by chapter, and what every size must be: checked when a profile is made.

What holds of a single number stands in its type; what holds across the tables by k in :meth:`Sizes.keyed_alike`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, model_validator

MOST = 10**9
"""No size is larger: it would fit no machine."""


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("needs an even width m: neurons come in antisymmetric pairs")
    return value


def _increasing(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(b <= a for a, b in pairwise(values)):
        raise ValueError("needs increasing values, each once")
    return values


def _doubling(values: tuple[int, ...]) -> tuple[int, ...]:
    if any(b != 2 * a for a, b in pairwise(values)):
        raise ValueError("needs a grid in which each value is twice the one before")
    return values


def _filled(table: dict[int, Any]) -> dict[int, Any]:
    if not table:
        raise ValueError("needs an entry for at least one k, such as { 1 = ... }")
    if not all(1 <= k <= 8 for k in table):
        raise ValueError("needs keys k from 1 to 8")
    return table


def _nonzero(value: float) -> float:
    if value == 0:
        raise ValueError("needs a number other than 0")
    return value


Count = Annotated[int, Strict(), Field(ge=1, le=MOST)]
Dimension = Annotated[int, Strict(), Field(ge=3, le=10**6)]
Width = Annotated[int, Strict(), Field(ge=2, le=MOST), AfterValidator(_even)]
Positive = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Amplitude = Annotated[float, Strict(), Field(allow_inf_nan=False), AfterValidator(_nonzero)]

_T = TypeVar("_T")
Grid = Annotated[tuple[_T, ...], Field(min_length=2, max_length=100), AfterValidator(_increasing)]
"""Increasing values, at least two: an exponent is fitted through them."""
Amplitudes = Annotated[tuple[Amplitude, ...], Field(min_length=1, max_length=100)]
Doubling = Annotated[tuple[Dimension, ...], Field(min_length=3, max_length=20), AfterValidator(_doubling)]
"""Dimensions for an extrapolation in 1/d."""
ByK = Annotated[dict[int, _T], AfterValidator(_filled)]
"""A table keyed by k."""


class Sizes(BaseModel):
    """Base of the chapters.

    Attributes:
        JUDGED: table -> the tables that need an entry for each of its keys, which are the k of some claims.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @model_validator(mode="after")
    def keyed_alike(self) -> Sizes:
        """Every table that a claim reads has an entry for every k that the claim is judged for."""
        for judged, needed in self.JUDGED.items():
            for name in needed:
                missing = [k for k in getattr(self, judged) if k not in getattr(self, name)]
                if missing:
                    raise ValueError(
                        f"{name}={getattr(self, name)!r}: needs an entry for k = {', '.join(map(str, missing))}, which "
                        f"{judged} has; add it, or leave that k out of {judged}"
                    )
        return self
