"""Sizes of the claims on optimisation, O1..O4."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class OptimizationSizes(BaseModel):
    """Sizes of the claims on optimisation."""

    model_config = ConfigDict(frozen=True, extra="forbid")


FULL = OptimizationSizes()
GPU = FULL
