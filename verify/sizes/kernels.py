"""Sizes of the claims on kernel regression and Rademacher bounds, N1, N2, N7, N8."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class KernelSizes(BaseModel):
    """Sizes of the claims on kernel regression.

    Attributes:
        dimension, width, ratios, ridge, replicates: d, m, n/d, ridge and draws of N1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: int = Field(default=32, ge=3)
    width: int = Field(default=8192, ge=2)
    ratios: tuple[int, ...] = (4, 8, 16, 32)
    ridge: float = Field(default=1e-2, gt=0)
    replicates: int = Field(default=20, ge=2)


FULL = KernelSizes(ratios=(4, 8, 16, 32, 64), replicates=24)
GPU = FULL
