"""Gauss rules for the sphere's marginal tau_d in double precision, sound for every d >= 2.

tau_d has density proportional to (1 - t^2)^{(d-3)/2}. The rules come from the Jacobi matrix of the Gegenbauer
recurrence (Golub & Welsch 1969), so no Gamma function overflows and no weight is lost at d = 10**6.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal

from numerics.inputs import integer
from numerics.memory import DRAWS, require
from numerics.precision import full_precision


@lru_cache(maxsize=64)
def _gauss_rule(d: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    j = np.arange(1, count, dtype=float)
    # A_{j-1} B_j = (j+d-3) j / ((2j+d-4)(2j+d-2)); its first entry is 1/d, also at d = 2 where the quotient is 0/0.
    squares = np.full(count - 1, 1.0 / d)
    tail = j[1:]
    squares[1:] = (tail + d - 3) * tail / ((2 * tail + d - 4) * (2 * tail + d - 2))
    nodes, vectors = eigh_tridiagonal(np.zeros(count), np.sqrt(squares))
    return nodes, vectors[0] ** 2


@full_precision
def gauss_rule(d: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes t_i and weights (summing to 1), exact for E_{tau_d} of polynomials of degree < 2 ``count``.

    Raises:
        ValueError: d < 2 or count < 2.
        WouldNotFit: ``count`` squared numbers do not fit in memory.
    """
    d, count = integer(d, "d", 2), integer(count, "count", 2)
    require(16 * count**2, f"a Gauss rule of {count} points", "cpu", "use fewer points", DRAWS)
    nodes, weights = _gauss_rule(d, count)
    return torch.from_numpy(nodes.copy()), torch.from_numpy(weights.copy())


@full_precision
def pair_rule(d: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rule for the first two coordinates of a uniform unit vector: t, u = sqrt(1 - t^2) s, weights, flat (count^2,).

    t ~ tau_d and s ~ tau_{d-1} are independent.
    """
    t, weight_t = gauss_rule(d, count)
    s, weight_s = gauss_rule(d - 1, count)
    u = (1 - t**2).clamp_min(0).sqrt()[:, None] * s[None, :]
    return (
        t[:, None].expand_as(u).flatten(),
        u.flatten(),
        (weight_t[:, None] * weight_s[None, :]).flatten(),
    )
