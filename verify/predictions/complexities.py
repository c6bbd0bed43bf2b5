r"""Rademacher complexities of the balls of radius 1, as doubles; at radius B that of f_L is B, of f_Q B^2 times it."""

from __future__ import annotations

import math
from functools import lru_cache

import theory
from verify.sizes.profile import parse


@lru_cache(maxsize=256)
def linear_bound(activation: str, d: int, n: int) -> float:
    r"""sqrt(K(x,x)/n), which is (E sup^2)^{1/2} over \|W\|_F <= 1 exactly, at every width."""
    return float(theory.linear_rademacher(parse(activation), d, n, 1.0))


@lru_cache(maxsize=256)
def quadratic_bound(activation: str, d: int, n: int) -> float:
    r"""The bound of :func:`theory.quadratic_rademacher` over \|W\|_{2,4} <= 1."""
    return float(theory.quadratic_rademacher(parse(activation), d, n, 1.0))


@lru_cache(maxsize=256)
def quadratic_floor(activation: str, d: int, n: int) -> float:
    r"""A lower bound of (E sup^2)^{1/2} over \|W\|_{2,4} <= 1.

    With M_r as in :func:`verify.cells.rademacher_run.quadratic_supremum`, sup^2 = (1/4m) sum over the pairs of
    lambda_max(M_r)_+^2 + lambda_max(-M_r)_+^2 >= \|M_r\|_{op}^2 >= \|M_r\|_F^2/d, and E\|M_r\|_F^2 = d^2 E[sigma''^2]/n
    because the signs are independent: E sup^2 >= d E[sigma''^2]/(8n).
    """
    return math.sqrt(float(theory.quadntk_trace(parse(activation), d)) / (2 * n * d))


def gap_bound(activation: str, d: int, n: int, linear_radius: float, quadratic_radius: float) -> float:
    r"""2 R_n{f_L} + 2 R_n{f_Q} over balls of these radii: what the mean gap of a 1-Lipschitz loss is at most."""
    linear = linear_radius * linear_bound(activation, d, n)
    return 2 * (linear + quadratic_radius**2 * quadratic_bound(activation, d, n))
