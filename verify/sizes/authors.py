"""Sizes of the authors' experiment, A1 and A2."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, Strict, model_validator

from verify.sizes import Count, Dimension, Sizes

Strength = Annotated[float, Strict(), Field(ge=0, le=1e3, allow_inf_nan=False)]
Seed = Annotated[int, Strict(), Field(ge=0, le=10**6)]


class AuthorSizes(Sizes):
    """Sizes of A1, the figure itself, and of A2, its shape at a smaller size; m = d^2 and n = d^(3/2) in both.

    Attributes:
        strengths: values of lambda, those of the figure or some of them; A1 is not judged where there are none.
        seeds: of the runs at each lambda. The controls' runs have the first one alone.
        dimension, steps: d and steps of A1. points: test points of A1 and A2.
        shape_draws: seeds of A2, which is not judged where there are none.
        shape_dimension, shape_steps: its d and steps.
    """

    strengths: tuple[Strength, ...] = Field(default=(), max_length=6)
    seeds: tuple[Seed, ...] = Field(default=(1, 11, 111), min_length=1, max_length=100)
    dimension: Dimension = 100
    steps: Count = 20_000
    points: Count = 10_000
    shape_draws: Annotated[int, Strict(), Field(ge=0, le=100)] = 0
    shape_dimension: Dimension = 48
    shape_steps: Count = Field(default=5000, ge=100)

    @model_validator(mode="after")
    def judged(self) -> Self:
        """What the comparisons need is there: lambda = 0 and the best one, an even width, several draws."""
        for name in ("strengths", "seeds"):
            values = getattr(self, name)
            if any(b <= a for a, b in pairwise(values)):
                raise ValueError(f"{name}={values!r}: needs increasing values, each once")
        if self.strengths and not {0.0, 1e-2} <= set(self.strengths):
            raise ValueError(f"strengths={self.strengths!r}: needs 0.0 and 0.01 among them, which A1 compares")
        if self.shape_draws == 1:
            raise ValueError("shape_draws=1: needs none, or two and more: A2 judges means over them")
        for name in ("dimension", "shape_dimension"):
            if getattr(self, name) % 2:
                raise ValueError(f"{name}={getattr(self, name)}: needs an even d, so that m = d^2 is even")
        return self


FULL = AuthorSizes(shape_draws=8, shape_dimension=40)
GPU = AuthorSizes(shape_draws=8)
AUTHORS = AuthorSizes(strengths=(0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1))
