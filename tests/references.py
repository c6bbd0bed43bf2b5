"""Slow, obvious twins of what the packages compute fast, from definitions and from other libraries."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import torch

from numerics import GoodDirections, TwoLayerNetwork, Weights, feature_covariance


def gegenbauer(degree: int, d: int, t: mp.mpf) -> mp.mpf:
    """P_{l,d}(t) from mpmath's hypergeometric Gegenbauer function."""
    order = mp.mpf(d - 2) / 2
    return mp.gegenbauer(degree, order, t) / mp.gegenbauer(degree, order, 1)


def funk_hecke(g: Callable[[mp.mpf], mp.mpf], degree: int, d: int) -> mp.mpf:
    """E_{tau_d}[g(sqrt(d) t) P_l(t)] by mpmath's Gauss-Legendre rule in z = sqrt(d) t.

    Beyond |z| = 16 the density is below e^-128 relative to its top when sqrt(d) reaches that far.
    """
    root = mp.sqrt(d)
    edge = min(root, mp.mpf(16))
    points = [-edge, *[mp.mpf(k) for k in range(-14, 15, 2) if abs(k) < edge], edge]

    def density(z: mp.mpf) -> mp.mpf:
        return mp.exp(mp.mpf(d - 3) / 2 * mp.log1p(-(z**2) / d)) if abs(z) < root else mp.mpf(d == 3)

    mass = mp.quad(density, points, method="gauss-legendre")
    value = mp.quad(lambda z: density(z) * g(z) * gegenbauer(degree, d, z / root), points, method="gauss-legendre")
    return value / mass


def ntk_eigenvalue(slope: Callable[[mp.mpf], mp.mpf], degree: int, d: int) -> mp.mpf:
    """Lambda_l by the formula, from :func:`funk_hecke`; ``slope`` is sigma'."""
    upper = funk_hecke(slope, degree + 1, d) ** 2 * (degree + d - 2)
    lower = funk_hecke(slope, degree - 1, d) ** 2 * degree if degree else 0
    return mp.mpf(d) / (2 * degree + d - 2) * (lower + upper)


def jacobian(network: TwoLayerNetwork, x: torch.Tensor) -> torch.Tensor:
    """grad_W f(x_i; W0) by autograd, shape (n, m, d)."""
    zero = torch.zeros(network.m, network.d, dtype=network.dtype)
    return torch.func.jacrev(lambda W: network.forward(x, W))(zero)


def objective(
    network: TwoLayerNetwork,
    x: torch.Tensor,
    y: torch.Tensor,
    weights: Weights,
    directions: GoodDirections | None,
    W: torch.Tensor,
    r2: float = 0.0,
) -> torch.Tensor:
    """The regularised loss term by term from the definitions, R2 included; differentiable."""
    model = network.quadratic(x, W) if directions is None else network.linear(x, W) + network.quadratic(x, W)
    budget = (W.norm(dim=1) ** 4).sum()
    loss = (model - y).square().mean() + weights.r4 * budget ** (weights.r4_power // 4)
    if directions is None:
        return loss
    good = directions.project(W)
    rest = W - good
    if weights.r1_mode in ("population", "both"):
        loss = loss + weights.r1 * (rest.flatten() @ feature_covariance(network).dense() @ rest.flatten())
    if weights.r1_mode in ("training", "both"):
        loss = loss + weights.r1 * network.linear(x, rest).square().mean()
    loss = loss + r2 * network.quadratic(x, good).square().mean()
    return loss + weights.r3 * network.cross(x, good, rest).square().mean()
