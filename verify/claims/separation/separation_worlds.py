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

SCATTER = {"dense": 0.14, "sparse": 0.14, "signs": 0.13}
"""Standard deviation of the logarithm of a part's mean square on one network."""
COHERENT = math.log(80.0)
"""log of what the parts without signs have in the mean square."""


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
        drawn = chance.of("E1", cell.replicate)
        row = {
            part: truth * parts[part][place] * lognormal([size], [drawn.standard_normal()])
            for part, size in SCATTER.items()
        }
        quartic = 3 * cell.d_min / (cell.d_min + 2)
        row["taylor"] = row["dense"] + quartic * row["sparse"] + row["signs"]
        row |= {"cross": 0.0, "network": 1.1 * row["taylor"], "failed": 0.0}
        row["coherent_signs"] = math.exp(COHERENT + drawn.standard_normal() / 2)
        found[cell] = row | {"coherent": row["coherent_signs"] + row["dense"] + quartic * row["sparse"]}
    return found
