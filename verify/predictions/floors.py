"""Where the floor of the risk is asked for, and what it says there."""

from __future__ import annotations

import theory
from verify.cells.kernels import Energies

MORE = 4
"""A method that takes this many times the samples it admits to must be seen to fall below the floor."""


def half_known(d: int, energies: Energies) -> int:
    """The n of which linear methods know at most half of the part of highest degree: N(d,l)/2, rounded down."""
    return theory.multiplicity(d, max(degree for degree, _ in energies)) // 2


def floor(d: int, n: int, energies: Energies) -> float:
    """The floor of the risk at n labels."""
    return float(theory.risk_floor(d, n, dict(energies)))


def fewest(d: int, level: float, energies: Energies) -> int:
    """The smallest n at which the floor is at most ``level``."""
    return theory.samples_necessary(d, level, dict(energies))
