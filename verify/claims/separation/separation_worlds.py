"""Networks of the certified width in other worlds: what the cells of E1 would store if mean squares were others.

The scatter is that of 27 networks of the base seeds 100 to 102 at quick sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

from verify.cells.separation import SeparationBounds, SeparationErrors
from verify.judging.chance import Chance, lognormal
from verify.running.experiment import Cell, Numbers

SCATTER = {"dense": 0.17, "sparse": 0.18, "signs": 0.12}
"""Standard deviation of the logarithm of a part's mean square on one network."""
TOGETHER = 0.6
"""Correlation of the first two of these."""
COHERENT = 32.0
"""Mean square of f_L(W_Q) without signs: 32, 68 and 320 for the three activations, to half a per cent."""


@lru_cache(maxsize=16)
def _certified(cell: SeparationBounds) -> Numbers:
    """The certified numbers, in which there is no chance: the cell's own."""
    return cell.run()


def separated(
    bounds: Sequence[SeparationBounds],
    networks: Sequence[SeparationErrors],
    parts: Mapping[str, Sequence[float]],
    truth: float,
    chance: Chance,
) -> dict[Cell, Numbers]:
    """Numbers of E1 in a world in which the mean squares are ``truth`` times the exact ones.

    Args:
        bounds: cells of certified numbers, which stay.
        networks: cells of networks.
        parts: the exact mean squares of every network, by part.
        truth: factor; 1/2 for m independent neurons in place of m/2 pairs.
        chance: of the world.
    """
    found: dict[Cell, Numbers] = {cell: _certified(cell) for cell in bounds}
    for place, cell in enumerate(networks):
        drawn = chance.of("E1", cell.replicate).standard_normal(len(SCATTER))
        drawn[1] = TOGETHER * drawn[0] + math.sqrt(1 - TOGETHER**2) * drawn[1]
        row = {
            part: truth * parts[part][place] * lognormal([size], [z])
            for (part, size), z in zip(SCATTER.items(), drawn, strict=True)
        }
        quartic = 3 * cell.d_min / (cell.d_min + 2)
        row["taylor"] = row["dense"] + quartic * row["sparse"] + row["signs"]
        row |= {"cross": 0.0, "network": 1.1 * row["taylor"], "failed": 0.0}
        without = COHERENT + row["dense"] + quartic * row["sparse"]
        found[cell] = row | {"coherent_signs": COHERENT, "coherent": without}
    return found
