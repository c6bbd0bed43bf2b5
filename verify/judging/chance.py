"""The chance in simulated worlds: generators by name, and scatter that observations share in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np


@dataclass(frozen=True)
class Chance:
    """What chance does in one simulated world.

    Whatever a cell draws has a generator of its own, by name. The same name gives the same numbers in every case and at
    every look: so activations that are measured on the same inputs share them in simulation too, and the repetitions of
    a further look contain those of the one before, when each repetition has its own name.

    Attributes:
        world: integers >= 0, such as the seed of the simulation and the number of the world.
    """

    world: tuple[int, ...]

    def of(self, *name: str | float) -> np.random.Generator:
        """The generator of what is drawn, from its start.

        Args:
            name: such as ("inputs", d, replicate), or a cell's own ``seed("inputs", shared)``, which cells share in
                simulation exactly when they share it in a run.
        """
        digest = blake2b(repr(name).encode(), digest_size=16).digest()
        words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
        return np.random.default_rng([*self.world, *words])

    def normal(self, *name: str | float) -> float:
        """One standard normal number by name."""
        return float(self.of(*name).standard_normal())


def lognormal(sigmas: Sequence[float], normals: Sequence[float]) -> float:
    r"""exp(sum_i sigma_i z_i - sum_i sigma_i^2 / 2): a factor of mean 1 from several sources of scatter.

    Args:
        sigmas: standard deviation of the logarithm from each source.
        normals: standard normal z_i, those of shared sources from generators with shared names.
    """
    return float(np.exp(sum(s * z - s * s / 2 for s, z in zip(sigmas, normals, strict=True))))
