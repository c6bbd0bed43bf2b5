"""Sizes of the claims on good directions, G1..G5."""
# ruff: noqa: RUF012 - pydantic copies the defaults

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from verify.sizes import Amplitudes, ByK, Count, Dimension, Grid, Sizes, Width


class DirectionSizes(Sizes):
    """Sizes of the claims on good directions.

    Attributes:
        dimension: d, by k; its keys are the k that the claims are judged for.
        energy_width: G1's m, by k. energy_replicates, energy_inputs: its networks, and inputs for each.
        sign_widths, sign_networks, sign_inputs, sign_draws: G2's m; at each, networks, inputs and sign vectors.
        sparse_widths, sparse_networks, sparse_inputs: G3's m; at each, networks and inputs.
        dense_widths, dense_networks, dense_inputs: G4's m; at each, networks and inputs.
        joint_widths, joint_networks, joint_inputs, joint_draws: G5's m; at each, networks, inputs and sign vectors.
        joint_amplitudes: root energies of its sparse harmonics, with signs, by k; g grows as d^{(k-1)/2}, so that the
            same |W_r| needs less at k = 2.
    """

    JUDGED: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "dimension": (
            "energy_width",
            "joint_amplitudes",
        ),
    }

    dimension: ByK[Dimension] = {1: 8, 2: 6}

    energy_width: ByK[Width] = {1: 384, 2: 768}
    energy_replicates: Count = Field(default=16, ge=2)
    energy_inputs: Count = Field(default=512, ge=2)

    sign_widths: Grid[Width] = (128, 512, 2048)
    sign_networks: Count = Field(default=32, ge=2)
    sign_inputs: Count = Field(default=12, ge=2)
    sign_draws: Count = Field(default=48, ge=2)

    sparse_widths: Grid[Width] = (128, 512, 2048)
    sparse_networks: Count = Field(default=72, ge=2)
    sparse_inputs: Count = 64

    dense_widths: Grid[Width] = (256, 512, 1024, 2048)
    dense_networks: Count = Field(default=24, ge=2)
    dense_inputs: Count = 256

    joint_widths: Grid[Width] = (512, 2048, 8192)
    joint_networks: Count = Field(default=16, ge=2)
    joint_inputs: Count = 32
    joint_draws: Count = Field(default=32, ge=4)
    joint_amplitudes: ByK[Amplitudes] = {1: (0.5, -0.3), 2: (0.2, -0.12)}


FULL = DirectionSizes(
    dimension={1: 32, 2: 6},
    energy_width={1: 768, 2: 1536},
    energy_replicates=24,
    sign_widths=(256, 1024, 4096),
    sign_networks=64,
    sparse_widths=(256, 1024, 4096),
    sparse_networks=192,
    dense_widths=(512, 1024, 2048, 4096),
    dense_networks=48,
    joint_widths=(2048, 8192, 32_768),
    joint_networks=24,
)
GPU = FULL
