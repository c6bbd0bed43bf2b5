"""What G1 to G5 share: dimension and degrees of a case, theory's predictions for it, and networks of several widths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from verify.cells.constructions import Networks
from verify.judging.claim import Evidence
from verify.predictions.width_limits import WidthLimits, width_limits
from verify.sizes.profile import Profile

ROUNDING = 1e-12
"""Relative: sums of m terms in double precision."""
C = TypeVar("C", bound=Networks)


def dimension(p: Profile) -> int:
    """d of the case."""
    return p.directions.dimension[p.k]


def ks(p: Profile) -> tuple[int, ...]:
    """The k that the profile has sizes for."""
    return tuple(p.directions.dimension)


def limits(p: Profile) -> WidthLimits:
    """Theory's predictions for the case."""
    return width_limits(p.sigma, p.k, dimension(p))


def low_degrees(p: Profile) -> range:
    """0..k."""
    return range(p.k + 1)


def profile_degrees(p: Profile) -> range:
    """Degrees of g, whose coefficients of sigma'' the construction divides by."""
    return range(p.k - 1, -1, -2)


def cells_by_width(kind: type[C], p: Profile, widths: Sequence[int], **fields: Any) -> tuple[C, ...]:
    """One cell of the case for each width, equal in all other fields."""
    return tuple(
        kind(activation=p.activation, d=dimension(p), m=m, k=p.k, base_seed=p.base_seed, **fields) for m in widths
    )


def table(evidence: Evidence, cells: Sequence[Networks], name: str) -> np.ndarray:
    """One number of the cells, shape (networks, widths)."""
    return np.array([evidence[cell][name] for cell in cells]).T
