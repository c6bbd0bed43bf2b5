"""Sizes of the claims on good directions, G1..G5."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class DirectionSizes(BaseModel):
    """Sizes of the claims on good directions."""

    model_config = ConfigDict(frozen=True, extra="forbid")


FULL = DirectionSizes()
GPU = FULL
