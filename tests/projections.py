"""Averages over the unit sphere in double precision, by Gauss-Legendre and trapezoidal rules on projections.

A function of one or two coordinates of a uniform point needs only their joint law: the density of t = sin(theta) is
proportional to cos(theta)^{d-2}, that of the radius r = sin(psi) in a plane to sin(psi) cos(psi)^{d-3}.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy.special import eval_gegenbauer

Array = np.ndarray


def line_rule(d: int, breaks: tuple[float, ...] = (), count: int = 80) -> tuple[Array, Array]:
    """Nodes t and weights of tau_d, split at the ``breaks`` in t."""
    x, w = np.polynomial.legendre.leggauss(count)
    ends = np.arcsin([-1.0, *sorted(breaks), 1.0])
    theta = np.concatenate([(b + a) / 2 + (b - a) / 2 * x for a, b in pairwise(ends)])
    weight = np.concatenate([(b - a) / 2 * w for a, b in pairwise(ends)]) * np.cos(theta) ** (d - 2)
    whole = np.pi / 2 * w @ np.cos(np.pi / 2 * x) ** (d - 2)
    return np.sin(theta), weight / whole


def plane_rule(d: int, radial: int = 60, angular: int = 128) -> tuple[Array, Array, Array]:
    """Nodes (p, q) and weights of two orthogonal coordinates of a uniform unit vector."""
    x, w = np.polynomial.legendre.leggauss(radial)
    psi = np.pi / 4 * (x + 1)
    weight = w * np.sin(psi) * np.cos(psi) ** (d - 3)
    phi = 2 * np.pi * np.arange(angular) / angular
    p, q = np.outer(np.sin(psi), np.cos(phi)), np.outer(np.sin(psi), np.sin(phi))
    return p.ravel(), q.ravel(), np.repeat(weight / weight.sum() / angular, angular)


def correlation(left: Callable[[Array], Array], right: Callable[[Array], Array], d: int, t: Array) -> Array:
    """E_w[left(<w,u>) right(<w,v>)] for unit vectors with <u,v> = t, for each entry of ``t``."""
    p, q, weight = plane_rule(d)
    first = left(p) * weight
    return np.array([first @ right(s * p + np.sqrt(1 - s * s) * q) for s in t])


def zonal_eigenvalue(kernel: Callable[[Array], Array], degree: int, d: int) -> float:
    """E_{tau_d}[K(t) P_l(t)]: the eigenvalue on degree-l harmonics of a kernel that depends on <u,v> = t alone."""
    t, weight = line_rule(d, count=60)
    return float(weight @ (kernel(t) * legendre(degree, d, t)))


def legendre(degree: int, d: int, t: Array) -> Array:
    """P_{l,d}(t), P(1) = 1, from SciPy's Gegenbauer polynomials."""
    order = (d - 2) / 2
    return eval_gegenbauer(degree, order, t) / eval_gegenbauer(degree, order, 1.0)
