"""Sizes of E1: the finite-size separation theorem and the networks that are built at its width."""

from __future__ import annotations

from pydantic import Field

from verify.sizes import Count, Dimension, Positive, Sizes


class SeparationSizes(Sizes):
    """Sizes of E1.

    Attributes:
        d_min: the theorem is about every d from here on; networks are built at this d.
        share: of N(d,2), the labels of the kernels.
        epsilon, delta: error of the network relative to the target, and probability of failure.
        dimensions: at which the kernels' floor is evaluated.
        networks, inputs, draws: built at the theorem's width, of each activation; for each, inputs and sign vectors.
    """

    d_min: Dimension = 100
    share: Positive = Field(default=0.3, lt=1)
    epsilon: Positive = Field(default=0.35, lt=1)
    delta: Positive = Field(default=0.1, lt=1)
    dimensions: tuple[Dimension, ...] = Field(default=(100, 200, 1000, 10_000, 100_000), min_length=1)
    networks: Count = Field(default=8, ge=2)
    inputs: Count = Field(default=100, ge=2)
    draws: Count = Field(default=48, ge=2)


FULL = SeparationSizes(epsilon=0.25, networks=24, inputs=200, draws=96)
GPU = FULL
