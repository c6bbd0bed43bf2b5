"""Sizes of the claims on trained models, N3..N6 and N9."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrainingSizes(BaseModel):
    """Sizes of the claims on trained models.

    Attributes:
        paired_dimension, paired_ratio, paired_replicates, paired_steps: d, n/d, draws and steps of N5.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paired_dimension: int = Field(default=64, ge=3)
    paired_ratio: int = Field(default=12, ge=1)
    paired_replicates: int = Field(default=6, ge=2)
    paired_steps: int = Field(default=1000, ge=1)


FULL = TrainingSizes(paired_ratio=18, paired_replicates=10, paired_steps=2000)
GPU = FULL.model_copy(update={"paired_dimension": 128})
