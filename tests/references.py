"""Slow, obvious twins of what the packages compute fast, from definitions and from other libraries.

Twins of numerics work in double precision on the CPU, on the weights as the network has rounded them (:func:`exact`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import TypeVar

import mpmath as mp
import numpy as np
import scipy.special
import torch

from numerics import curvature
from numerics.covariance import ZonalTensor
from numerics.harmonics import Harmonics
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.terms.weights import PenaltyWeights

Number = TypeVar("Number", float, torch.Tensor)


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


def exact(network: TwoLayerNetwork) -> TwoLayerNetwork:
    """The same network, weights as rounded, in double precision on the CPU."""
    other = copy.copy(network)
    other._place(network.half.double().cpu())
    return other


def neurons(network: TwoLayerNetwork, x: torch.Tensor, order: int) -> torch.Tensor:
    """a_r sigma^{(order)}(<w_r, x_i>) / sqrt m for every neuron, shape (n, m)."""
    (value,) = network.activation.derivatives(x @ network.w.mT, order)
    return value * network.a / math.sqrt(network.m)


def forward(network: TwoLayerNetwork, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """f(x; W0 + W) as one sum over all m neurons."""
    return (network.activation(x @ (network.w + W).mT) * network.a).sum(-1) / math.sqrt(network.m)


def linear(network: TwoLayerNetwork, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """f_L as one sum over all m neurons."""
    return (neurons(network, x, 1) * (x @ W.mT)).sum(-1)


def cross(network: TwoLayerNetwork, x: torch.Tensor, W: torch.Tensor, V: torch.Tensor) -> torch.Tensor:
    """f_Q(x; W, V) as one sum over all m neurons."""
    return (neurons(network, x, 2) * (x @ W.mT) * (x @ V.mT)).sum(-1)


def quadratic(network: TwoLayerNetwork, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """f_Q(x; W), half of f_Q(x; W, W)."""
    return cross(network, x, W, W) / 2


def jacobian(network: TwoLayerNetwork, x: torch.Tensor) -> torch.Tensor:
    """grad_W f(x_i; W0) by autograd, shape (n, m, d)."""
    return torch.func.jacrev(lambda W: network.forward(x, W))(torch.zeros_like(network.w))


def ntk_gram(
    network: TwoLayerNetwork, x: torch.Tensor, x2: torch.Tensor, W: torch.Tensor, model: str = "network"
) -> torch.Tensor:
    """Products of the Jacobians at W by autograd, (n, n2); ``model`` is "network" or "taylor"."""

    def jacobian_at(points: torch.Tensor) -> torch.Tensor:
        return torch.func.jacrev(lambda V: predict(network, model, points, V))(W).flatten(1)

    return jacobian_at(x) @ jacobian_at(x2).T


def quadntk_gram(network: TwoLayerNetwork, x: torch.Tensor, x2: torch.Tensor) -> torch.Tensor:
    """f_Q = sum_r <d f_Q / d M_r, M_r> in M_r = W_r W_r^T, from second derivatives of f at W = 0 by autograd."""

    def features(points: torch.Tensor) -> torch.Tensor:
        second = torch.func.jacrev(torch.func.jacrev(lambda W: network.forward(points, W)))(torch.zeros_like(network.w))
        own = torch.stack([second[:, r, :, r, :] for r in range(network.m)], 1) / 2
        return own.flatten(1)

    return features(x) @ features(x2).T


def kernel_ridge(gram: torch.Tensor, y: torch.Tensor, ridge: float) -> torch.Tensor:
    """(K + ridge I)^{-1} y by a dense solve in double precision."""
    return torch.linalg.solve(gram + ridge * torch.eye(len(gram), dtype=torch.float64), y.double().cpu())


def kernel_ridge_residual(gram: torch.Tensor, y: torch.Tensor, ridge: float, a: torch.Tensor) -> float:
    """|y - (K + ridge) a| / |y| in double precision."""
    y, a = y.double().cpu(), a.double().cpu()
    return float((y - gram @ a - ridge * a).norm() / y.norm())


def zonal(tensor: ZonalTensor, rho: torch.Tensor) -> torch.Tensor:
    """(c, K, H) by numpy's Chebyshev series."""
    return torch.from_numpy(np.polynomial.chebyshev.chebval(rho.double().numpy(), tensor.coefficients.T))


def covariance_block(network: TwoLayerNetwork, w: torch.Tensor, v: torch.Tensor, count: int = 100) -> torch.Tensor:
    """T(w,v) = E_x[sigma'(<w,x>) sigma'(<v,x>) x x^T], (d, d), by scipy's Gauss-Gegenbauer rules.

    x = sqrt d (t e1 + u e2 + rest), with e1 = w, v in the plane of e1 and e2, t ~ tau_d, u = sqrt(1 - t^2) s and
    s ~ tau_{d-1}; given t and u the rest is isotropic, of mean square 1 - t^2 - u^2 over d - 2 directions.
    """
    d = network.d
    t, weight_t = scipy.special.roots_gegenbauer(count, (d - 2) / 2)
    s, weight_s = scipy.special.roots_gegenbauer(count, (d - 3) / 2)
    weight = torch.from_numpy(np.outer(weight_t / weight_t.sum(), weight_s / weight_s.sum()))
    t = torch.from_numpy(t)[:, None].expand_as(weight)
    u = (1 - t**2).sqrt() * torch.from_numpy(s)
    rho = float((w @ v).clamp(-1, 1))
    e2 = v - rho * w
    if float(e2.norm()) < 1e-7:  # parallel: any e2 will do
        e2 = torch.eye(d, dtype=torch.float64)[int(w.abs().argmin())]
        e2 = e2 - (e2 @ w) * w
    e2 = e2 / e2.norm()
    z1, z2 = math.sqrt(d) * t, math.sqrt(d) * (float(v @ w) * t + float(v @ e2) * u)
    density = network.activation.derivatives(z1, 1)[0] * network.activation.derivatives(z2, 1)[0] * weight * d
    plane = torch.stack([w, e2])
    moments = torch.stack([(density * a * b).sum() for a in (t, u) for b in (t, u)]).reshape(2, 2)
    rest = (density * (1 - t**2 - u**2)).sum() / (d - 2)
    return plane.T @ moments @ plane + rest * (torch.eye(d, dtype=torch.float64) - plane.T @ plane)


def covariance(network: TwoLayerNetwork) -> torch.Tensor:
    """Sigma, (m d, m d), block by block."""
    halves = range(network.m // 2)
    S = torch.stack(
        [torch.stack([covariance_block(network, network.half[r], network.half[s]) for s in halves]) for r in halves]
    )
    S = S.transpose(1, 2).reshape(len(halves) * network.d, -1) / network.m
    return torch.cat([torch.cat([S, -S], 1), torch.cat([-S, S], 1)])


def gauss_coefficient(network: TwoLayerNetwork, degree: int, order: int, power: int = 0, count: int = 200) -> float:
    """lambda_l(z^power sigma^{(order)}) = E_{tau_d}[.. P_l] by scipy's Gauss-Gegenbauer rule."""
    index = (network.d - 2) / 2
    t, weight = scipy.special.roots_gegenbauer(count, index)
    z = torch.from_numpy(math.sqrt(network.d) * t)
    (value,) = network.activation.derivatives(z, order)
    legendre = scipy.special.eval_gegenbauer(degree, index, t) / scipy.special.eval_gegenbauer(degree, index, 1.0)
    return float((value * z**power).numpy() * weight @ legendre / weight.sum())


def span(network: TwoLayerNetwork, k: int) -> torch.Tensor:
    """T Y = a_r/sqrt m [lambda_l(z sigma') Y(w_r) w_r + lambda_l(sigma) grad_tan Y(w_r)], shape (n_k, m, d).

    Y = 1 and an orthonormal basis of each degree <= k, each extended to R^d as constant along rays, so that its
    gradient by autograd is the tangential one.
    """
    scale = network.a[:, None] / math.sqrt(network.m)
    rows = [gauss_coefficient(network, 0, 1, 1) * network.w * scale]
    for degree in range(1, k + 1):
        radial, across = gauss_coefficient(network, degree, 1, 1), gauss_coefficient(network, degree, 0)
        harmonics = Harmonics(network.d, degree)
        w = network.w.clone().requires_grad_()
        values = harmonics.values(w / w.norm(dim=1, keepdim=True))
        for column in values.unbind(-1):
            (slope,) = torch.autograd.grad(column.sum(), w, retain_graph=True)
            rows.append(((radial * column.detach())[:, None] * network.w + across * slope) * scale)
    return torch.stack(rows)


def projection(directions: torch.Tensor) -> torch.Tensor:
    """Orthogonal projection on the span of displacements (count, m, d), (m d, m d), by dense QR."""
    basis = torch.linalg.qr(directions.flatten(1).T).Q
    return basis @ basis.T


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "squared": lambda f, y: (f - y) ** 2,
    "absolute": lambda f, y: (f - y).abs(),
    "huber": lambda f, y: torch.where((f - y).abs() <= 1, (f - y) ** 2 / 2, (f - y).abs() - 0.5),
    "log-cosh": lambda f, y: torch.log(torch.cosh(f - y)),
    "logistic": lambda f, y: torch.log(1 + torch.exp(-y * f)),
    "hinge": lambda f, y: torch.relu(1 - y * f),
}


def predict(network: TwoLayerNetwork, model: str, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """The model's output at x, from the sums over neurons."""
    if model == "network":
        return forward(network, x, W)
    if model == "taylor":
        return linear(network, x, W) + quadratic(network, x, W)
    return {"linear": linear, "quadratic": quadratic}[model](network, x, W)


def objective_parts(
    network: TwoLayerNetwork,
    x: torch.Tensor,
    y: torch.Tensor,
    W: torch.Tensor,
    model: str = "taylor",
    loss: str = "squared",
    r4_power: int = 4,
    projection: torch.Tensor | None = None,
    sigma: torch.Tensor | None = None,
    unlabeled: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Loss of the data and regularisers without their weights, by name, R2 included; differentiable.

    ``projection`` is P_{<=k} and ``sigma`` the covariance, both (m d, m d).
    """
    parts = {"data": LOSSES[loss](predict(network, model, x, W), y).mean()}
    parts["r4"] = (W.square().sum(1) ** 2).sum() ** (r4_power // 4)
    if projection is not None:
        good = (projection @ W.flatten()).reshape(W.shape)
        rest = W - good
        parts["r1_training"] = linear(network, x, rest).square().mean()
        parts["r2"] = quadratic(network, x, good).square().mean()
        parts["r3"] = cross(network, x, good, rest).square().mean()
        if sigma is not None:
            parts["r1_exact"] = rest.flatten() @ sigma @ rest.flatten()
        if unlabeled is not None:
            parts["r1_unlabeled"] = linear(network, unlabeled, rest).square().mean()
    return parts


def factors(weights: PenaltyWeights, directions: bool = True) -> dict[str, float]:
    """The weight of each part in the loss, by the part's name."""
    found = {"data": 1.0, "r4": weights.r4}
    if directions:
        found |= {"r2": weights.r2, "r3": weights.r3, **{f"r1_{mode}": weights.r1 for mode in weights.r1_modes}}
    return found


def objective(weights: PenaltyWeights, parts: Mapping[str, Number]) -> Number:
    """The regularised loss, term by term."""
    return sum(factor * parts[name] for name, factor in factors(weights, "r2" in parts).items())


def hessian_vector(function: Callable[[torch.Tensor], torch.Tensor], W: torch.Tensor, V: torch.Tensor) -> torch.Tensor:
    """Hessian of a scalar function at W times V, by differentiating twice."""
    W = W.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(W), W, create_graph=True)
    (product,) = torch.autograd.grad((gradient * V).sum(), W)
    return product


def neuron_variation(objective: Objective, W: torch.Tensor, V: torch.Tensor) -> float:
    """sum_r V_r^T H_rr V_r with the Hessian applied to one neuron's row at a time."""
    total = 0.0
    for r in range(len(W)):
        alone = torch.zeros_like(V)
        alone[r] = V[r]
        total += float((alone * curvature.hessian_vector(objective, W, alone)).sum())
    return total


def dense_hessian(objective: Objective, W: torch.Tensor) -> torch.Tensor:
    """The Hessian of an objective as a matrix, (md, md), column by column."""
    columns = torch.eye(W.numel(), dtype=W.dtype).reshape(-1, *W.shape)
    return torch.stack([curvature.hessian_vector(objective, W, column).flatten() for column in columns])
