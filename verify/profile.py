"""Profiles: how large each experiment is. A profile is data, fixed before looking at any result."""

from __future__ import annotations

from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from theory.activations import Activation


@lru_cache(maxsize=64)
def _parse(text: str) -> Activation:
    return Activation.parse(text)


class Profile(BaseModel):
    """Sizes of every experiment of a run.

    Sizes were chosen from the pilot tables (docs/mathematics, section 6) and from the known
    finite-size corrections stated with each claim, not from the verdicts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    base_seed: int = Field(default=0, ge=0)
    activation: str = "sin(z + pi/4)"
    device: str = "cpu"

    spectral_dimension: int = Field(default=10, ge=3)
    spectral_degrees: int = Field(default=4, ge=1)
    quadrature_points: int = Field(default=48, ge=8)
    blocks: int = Field(default=400, ge=100)
    trace_degree: int = Field(default=8, ge=2)
    trace_order: int = Field(default=4, ge=1)
    limit_dimensions: tuple[int, ...] = (12_500, 25_000, 50_000, 100_000)
    exponent_dimensions: tuple[int, ...] = (256, 512, 1024, 2048, 4096, 8192)

    block_dimension: int = Field(default=8, ge=3)
    block_widths: tuple[int, ...] = (128, 256, 512, 1024)
    block_replicates: int = Field(default=48, ge=2)

    taylor_dimension: int = Field(default=8, ge=3)
    taylor_replicates: int = Field(default=8, ge=2)
    remainder_displacements: tuple[float, ...] = (0.01, 0.1, 0.5)
    exponent_widths: tuple[int, ...] = (1024, 4096, 16_384, 65_536)
    exponent_replicates: int = Field(default=8, ge=2)

    ridge_dimension: int = Field(default=32, ge=3)
    ridge_width: int = Field(default=8192, ge=2)
    ridge_ratios: tuple[int, ...] = (4, 8, 16, 32)
    ridge: float = Field(default=1e-2, gt=0)
    ridge_replicates: int = Field(default=20, ge=2)

    paired_dimension: int = Field(default=64, ge=3)
    paired_ratio: int = Field(default=12, ge=1)
    paired_replicates: int = Field(default=6, ge=2)
    paired_steps: int = Field(default=1000, ge=1)

    @property
    def sigma(self) -> Activation:
        """The activation, parsed."""
        return _parse(self.activation)


QUICK = Profile(name="quick")
FULL = Profile(
    name="full",
    blocks=4000,
    block_widths=(128, 256, 512, 1024, 2048),
    block_replicates=96,
    taylor_replicates=32,
    exponent_replicates=32,
    ridge_ratios=(4, 8, 16, 32, 64),
    ridge_replicates=24,
    paired_ratio=18,
    paired_replicates=10,
    paired_steps=2000,
)
GPU = FULL.model_copy(
    update={
        "name": "gpu",
        "device": "cuda",
        "paired_dimension": 128,
        "exponent_widths": (16_384, 65_536, 262_144, 1_048_576),
    }
)

PROFILES = {profile.name: profile for profile in (QUICK, FULL, GPU)}
