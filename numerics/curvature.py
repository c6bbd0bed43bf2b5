r"""Second derivatives of the regularised loss: products with the Hessian and its extreme eigenvalues.

Along V the slopes of each block (see :mod:`numerics.objective`) move by their tangents, so one product with the Hessian
costs about two gradients and keeps no graph. R1 is a quadratic form: its Hessian applied to V is its gradient at V.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import scipy.sparse.linalg
import torch

from numerics.inputs import Array, finite, integer, number, tensor
from numerics.memory import require
from numerics.objective import Objective, accumulate
from numerics.precision import full_precision
from numerics.regularizer import capacity, capacity_tangent
from numerics.sampling import generator


@full_precision
@torch.no_grad()
def hessian_vector(objective: Objective, W: Array, V: Array) -> torch.Tensor:
    """Hessian of the regularised loss at W applied to V, shape (..., m, d).

    At the kinks of a loss ("absolute", "hinge") its second derivative counts as zero.

    Args:
        objective: the loss.
        W: where, (..., m, d).
        V: the displacement it is applied to, (..., m, d).

    Cost: about two gradients.
    """
    network, lam, n, half = objective.network, objective.weights, objective.n, objective.network.half.shape[-2]
    directions, features = objective.directions, objective.features
    W, V = network.check_displacement(W, "W"), network.check_displacement(V, "V")

    def parts(W: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor | None, torch.Tensor | None]:
        """D, S and, with R3, p; the coordinates of P W; p."""
        plus, minus = W.chunk(2, dim=-2)
        if directions is None:
            return [plus - minus, plus + minus], None, None
        coordinates = directions.half_coordinates(plus - minus)
        good = directions.half_combine(coordinates)
        return [plus - minus, plus + minus, *([good] if objective.r3 else [])], coordinates, good

    here, _, _ = parts(W)
    there, coordinates, good = parts(V)
    moving = torch.cat(here + there, dim=-2)
    gradients = torch.zeros_like(torch.cat(there, dim=-2))
    pull = None if coordinates is None else torch.zeros_like(coordinates)

    for rows, block in objective.blocks():
        products = (block.x @ moving.mT).split(half, dim=-1)
        (p, q, *g), (dp, dq, *dg) = products[: len(here)], products[len(here) :]
        output, *slopes = objective.engine.evaluate(block, p, q)
        d_output, *bends = objective.engine.tangent(block, p, q, dp, dq)
        sums = [output, d_output]
        if features is not None:
            sums.append(torch.linalg.vecdot(block.first, dp))
        if objective.r3:
            bent, d_bent = 2 * block.curve * q, 2 * block.curve * dq
            sums += [
                torch.linalg.vecdot(bent, g[0]),
                torch.linalg.vecdot(d_bent, g[0]) + torch.linalg.vecdot(bent, dg[0]),
            ]
        output, d_output, *others = network.reduce(torch.stack(sums)).unbind()
        label = objective.y[..., rows]
        error = objective.loss.first(output, label)[..., None] / n
        d_error = (objective.loss.second(output, label) * d_output)[..., None] / n
        weights = [slope * d_error + bend * error for slope, bend in zip(slopes, bends, strict=True)]
        if objective.r3:
            d_push, push = ((2 * lam.r3 / n) * others.pop()[..., None] for _ in range(2))
            weights[1] += 2 * block.curve * (g[0] * d_push + dg[0] * push)
            weights.append(bent * d_push + d_bent * push)
        if features is not None and coordinates is not None and pull is not None:
            known = features[..., rows, :]
            push = (2 * lam.r1 / n) * (others.pop()[..., None] - known @ coordinates[..., None])
            weights[0].addcmul_(block.first, push)
            pull -= (known.mT @ push)[..., 0]
        accumulate(gradients, torch.cat(weights, dim=-1), block.x)

    result, _, _ = objective.assemble(gradients, there[0], coordinates, good, pull)
    squares, moves = W.square().sum(-1), 2 * (W * V).sum(-1)
    _, factors = capacity(squares, lam.r4_power, network.reduce)
    tangents = capacity_tangent(squares, moves, lam.r4_power, network.reduce)
    return result.addcmul_(factors[..., None], V, value=lam.r4).addcmul_(tangents[..., None], W, value=lam.r4)


@dataclass(frozen=True)
class Eigenvalue:
    """An extreme eigenvalue of the Hessian.

    Attributes:
        value: Rayleigh quotient of ``vector``: never above the largest, never below the smallest eigenvalue.
        residual: |H v - value v|: some eigenvalue lies within this distance of ``value``.
        vector: unit, (m, d).
    """

    value: float
    residual: float
    vector: torch.Tensor = field(repr=False)


@full_precision
@torch.no_grad()
def extreme_eigenvalue(
    objective: Objective, W: Array, end: Literal["smallest", "largest"], tolerance: float = 1e-6
) -> Eigenvalue:
    """Smallest or largest eigenvalue of the Hessian at W, with a residual bound.

    Lanczos (scipy ``eigsh``, fixed start vector) in double precision, on products with the Hessian in the network's.

    Args:
        objective: the loss of one network.
        W: where, (m, d).
        end: which one.
        tolerance: relative, of the Ritz value.

    Raises:
        ValueError: a batch of networks, an unknown ``end``, a W of another shape or not finite.
        ArithmeticError: no convergence, with the number of products spent, or a Hessian that is not finite.
        WouldNotFit: the 40 vectors of Lanczos do not fit in memory.

    Cost: some tens of products with the Hessian, hundreds where the end of the spectrum is crowded.
    """
    network, m, d = objective.network, objective.network.m, objective.network.d
    W = finite(tensor(W, "W", network.w, "network"), "W")
    if W.shape != (m, d) or W.shape != network.w.shape:  # Lanczos would take a part for the whole
        raise ValueError(f"W of shape {tuple(W.shape)}: needs one network in one process, (m, d)")
    tolerance = number(tolerance, "tolerance")
    require(8 * 44 * m * d, f"the vectors of Lanczos at m={m}, d={d}", "cpu", "use a narrower network")
    if end not in ("smallest", "largest"):
        raise ValueError(f"end={end!r}: needs 'smallest' or 'largest'")
    products = 0

    def apply(flat: np.ndarray) -> np.ndarray:
        nonlocal products
        products += 1
        V = torch.from_numpy(np.ascontiguousarray(flat)).to(W).reshape(W.shape)
        image = hessian_vector(objective, W, V).double().cpu().numpy().ravel()
        if not np.isfinite(image).all():
            raise ArithmeticError(f"the Hessian at a W of norm {float(W.norm()):.3g} is not finite; use a smaller W")
        return image

    size = W.numel()
    operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=apply, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(size)
    if not apply(start).any():  # Lanczos cannot start where the Hessian is zero
        unit = start / np.linalg.norm(start)
        return Eigenvalue(0.0, 0.0, torch.from_numpy(unit).to(W).reshape(W.shape))
    products = 0
    which = "SA" if end == "smallest" else "LA"
    try:
        _, vectors = scipy.sparse.linalg.eigsh(operator, k=1, which=which, v0=start, tol=tolerance, ncv=min(size, 40))
    except scipy.sparse.linalg.ArpackNoConvergence as failure:
        raise ArithmeticError(
            f"the {end} eigenvalue did not converge in {products} products; raise tolerance={tolerance}"
        ) from failure
    vector = vectors[:, 0]
    image = apply(vector)
    value = float(vector @ image)
    residual = float(np.linalg.norm(image - value * vector))
    return Eigenvalue(value, residual, torch.from_numpy(vector).to(W).reshape(W.shape))


@full_precision
@torch.no_grad()
def lipschitz_constant(objective: Objective, W: Array, iterations: int = 30) -> torch.Tensor:
    """Largest |eigenvalue| of the Hessian at W by power iteration, of shape batch: a local Lipschitz constant.

    An estimate from below, by less than a few per cent once the eigenvalues behind are smaller by that much; steps that
    use it check that the loss falls as it should. Works on batches and on sharded networks.

    Args:
        objective: the loss.
        W: where, (..., m, d).
        iterations: products with the Hessian, >= 1.

    Raises:
        ValueError: a W of another shape, dtype or device, or not finite; iterations < 1.

    Cost: ``iterations`` products with the Hessian.
    """
    network, iterations = objective.network, integer(iterations, "iterations")
    W = finite(network.check_displacement(W), "W")
    draws = torch.randn((network.m, network.d), generator=generator(0), dtype=torch.float64, device="cpu")
    V = network.scatter(draws.to(W))
    V = V.expand_as(W)
    size = torch.ones(W.shape[:-2], dtype=W.dtype, device=W.device)
    for _ in range(iterations):
        V = V / norm(objective, V)[..., None, None].clamp_min(torch.finfo(W.dtype).tiny)
        V = hessian_vector(objective, W, V)
        size = norm(objective, V)
    return size


@full_precision
def norm(objective: Objective, V: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of a displacement, of shape batch, over all neurons wherever they are kept."""
    return objective.network.reduce(V.square().sum((-2, -1))).sqrt()
