r"""Second derivatives of the regularised loss: products with the Hessian and its extreme eigenvalues.

Along V the slopes of each block (see :mod:`numerics.objective`) move by their curvatures, which depend on W alone: one
product with the Hessian costs about two gradients, each further one at the same W less than one. R1 is a quadratic
form: its Hessian applied to V is its gradient at V.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import scipy.sparse.linalg
import torch

from numerics.blocks import Block, accumulate
from numerics.equality import ByValue
from numerics.inputs import Array, computed, displacement, finite, integer, named, number, tensor
from numerics.memory import SMALL, available_bytes, require
from numerics.objective import Objective, objective_first
from numerics.precision import full_precision
from numerics.sampling import generator
from numerics.scale import displacement_units, unit
from numerics.scale import norm as scaled_norm
from numerics.terms.data import Expansion
from numerics.terms.pairs import NOTHING, PairGradient, Pairs, Products

KEPT = 7
"""Numbers that a Hessian keeps for each input and pair: three products, two slopes and two curvatures."""


@full_precision
class Hessian:
    """The Hessian of the regularised loss at one W, as an operator on displacements.

    At the kinks of a loss ("absolute", "hinge") its second derivative counts as zero.

    Args:
        objective: the loss.
        W: where, (..., m, d).
        few: whether few products are asked for.
        once: whether one alone is.

    What depends on W alone is evaluated once and kept, if it takes at most a quarter of the memory available, or 64 MiB
    where products are few; otherwise, and for one product alone, at each product. Cost: built by about one gradient;
    memory at most :data:`KEPT` n m / 2 numbers, of which training keeps two.
    """

    @torch.no_grad()
    def __init__(self, objective: Objective, W: Array, few: bool = False, once: bool = False) -> None:
        self._objective, self._W = objective, objective.network.check_displacement(W, "W")
        at = Pairs(self._W, objective.directions_in_use())
        self._directions = torch.cat(at.parts(objective.crossed), dim=-2)
        need = KEPT * objective.n * objective.network.half[..., 0].numel() * self._W.element_size()
        keep = not once and (need <= SMALL or (not few and 4 * need <= available_bytes(self._W.device)))
        self._kept = [self._expand(rows, block) for rows, block in objective.blocks()] if keep else None

    def _expand(self, rows: slice, block: Block) -> tuple[Products, Expansion]:
        """The products of the block at W, where a penalty needs them again, and the data term around them."""
        products = Products.of(block.x @ self._directions.mT, self._objective.network.half.shape[-2])
        expansion = self._objective.data.expand(rows, block, products, self._objective.network.reduce)
        return products if self._objective.crossed else Products(NOTHING), expansion

    @torch.no_grad()
    def matmul(self, V: Array) -> torch.Tensor:
        """The Hessian applied to V, of the shape of V: (..., m, d); for one network also several at once, (s, m, d).

        Cost: that of a gradient without its activations.
        """
        objective, network = self._objective, self._objective.network
        V = displacement(network, V, "V", stacked=True)
        along = Pairs(V, objective.directions_in_use())
        directions = torch.cat(along.parts(objective.crossed), dim=-2)
        gradient = PairGradient(along, objective.directions_in_use(), objective.crossed)
        half, moved = network.half.shape[-2], directions.new_empty(0)
        for i, (rows, block) in enumerate(objective.blocks()):
            products, expansion = self._expand(rows, block) if self._kept is None else self._kept[i]
            shape = (*directions.shape[:-2], block.x.shape[-2], directions.shape[-2])
            if moved.shape != shape:
                moved, changed = block.x.new_empty(shape), block.x.new_empty(shape)
            torch.matmul(block.x, directions.mT, out=moved)
            moves, slopes = Products.of(moved, half), Products.of(changed, half)
            begun = [term.tangent(rows, block, along, products, moves) for term in objective.averages]
            sums = [expansion.change(moves), *(one for partial, _ in begun for one in partial)]
            change, *others = network.reduce(torch.stack(torch.broadcast_tensors(*sums))).unbind()
            expansion.tangent(change, moves, slopes)
            for partial, pullback in begun:
                own, others = others[: len(partial)], others[len(partial) :]
                pullback(own, slopes, gradient)
            accumulate(gradient.stacked, changed, block.x)
        for form in objective.forms:
            form.add_gradient(along, gradient)
        product = gradient.displacement()
        objective.r4.add_hessian_product(self._W, V, product)
        return product


@full_precision
def hessian_vector(objective: Objective, W: Array, V: Array) -> torch.Tensor:
    """Hessian of the regularised loss at W applied to V, shape (..., m, d); for several products see :class:`Hessian`.

    Args:
        objective: the loss.
        W: where, (..., m, d).
        V: the displacement it is applied to, (..., m, d); on a single network also several at once.

    Raises:
        ValueError: a W or V of another shape, dtype or device, or a product that is not finite, as where W or V is not.

    Cost: about two gradients for each.
    """
    return computed(
        Hessian(objective_first(objective), W, once=True).matmul(V), "H V", "W, V or the slopes of the loss are"
    )


@dataclass(frozen=True, eq=False)
class Eigenvalue(ByValue):
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
    network = objective_first(objective).network
    m, d = network.m, network.d
    W = finite(tensor(W, "W", network.w, "network"), "W")
    if W.shape != (m, d) or W.shape != network.w.shape:  # Lanczos would take a part for the whole
        raise ValueError(f"W of shape {tuple(W.shape)}: needs one network in one process, (m, d)")
    tolerance = number(tolerance, "tolerance")
    require(8 * 44 * m * d, f"the vectors of Lanczos at m={m}, d={d}", "cpu", "use a narrower network")
    named(end, ("smallest", "largest"), "end", "'smallest' or 'largest'")
    hessian, products = Hessian(objective, W), 0

    def apply(flat: np.ndarray) -> np.ndarray:
        nonlocal products
        products += 1
        V = torch.from_numpy(np.ascontiguousarray(flat)).to(W).reshape(W.shape)
        image = hessian.matmul(V).double().cpu().numpy().ravel()
        if not np.isfinite(image).all():
            raise _not_finite(objective, W)
        return image

    size = W.numel()
    start = np.random.default_rng(0).standard_normal(size)
    image = apply(start)
    if not image.any():  # Lanczos cannot start where the Hessian is zero
        direction = start / np.linalg.norm(start)
        return Eigenvalue(0.0, 0.0, torch.from_numpy(direction).to(W).reshape(W.shape))
    # Of size one, as Lanczos, whose tolerances have a floor, would stop too early at a small Hessian.
    products, scale = 0, unit(torch.from_numpy(image))
    operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=lambda v: apply(v) / scale, dtype=np.float64)
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
def lipschitz_constant(objective: Objective, W: Array, iterations: int = 12) -> torch.Tensor:
    """Largest |eigenvalue| of the Hessian at W by Lanczos, of shape batch: a local Lipschitz constant.

    An estimate from below, by a few per cent at most unless the largest eigenvalues crowd; steps that use it check that
    the loss falls as it should. Vectors are not orthogonalised again, as the extreme Ritz values do not suffer from
    that. Works on batches and on sharded networks.

    Args:
        objective: the loss.
        W: where, (..., m, d).
        iterations: products with the Hessian, >= 1.

    Raises:
        ValueError: a W of another shape, dtype or device, or not finite; iterations < 1.
        ArithmeticError: a Hessian that is not finite.

    Cost: ``iterations`` products with the Hessian; memory of four displacements, and at most 64 MiB beside them.
    """
    network, iterations = objective_first(objective).network, integer(iterations, "iterations")
    W = finite(network.check_displacement(W), "W")
    hessian, image = Hessian(objective, W, few=True), _draws(objective, W)
    tiny = torch.finfo(W.dtype).tiny
    vector, diagonal, beside = torch.zeros_like(W), list[torch.Tensor](), list[torch.Tensor]()
    scale = torch.ones_like(W[..., 0, 0])
    for _ in range(iterations):
        length = norm(objective, image)
        beside.append(length)
        before, vector = vector, image / length[..., None, None].clamp_min(tiny)
        image = hessian.matmul(vector)
        if not diagonal:  # of size one from here on: squares of a small or large Hessian would leave the range
            scale = displacement_units(image, network.reduce)
        image = image / scale[..., None, None]
        diagonal.append(network.reduce((image * vector).sum((-2, -1))))
        image = image - diagonal[-1][..., None, None] * vector
        if len(diagonal) > 1:
            image = image - length[..., None, None] * before
    tridiagonal = torch.diag_embed(torch.stack(diagonal, dim=-1).double())
    if iterations > 1:
        off = torch.diag_embed(torch.stack(beside[1:], dim=-1).double(), offset=1)
        tridiagonal = tridiagonal + off + off.mT
    if not bool(torch.isfinite(tridiagonal).all()):
        raise _not_finite(objective, W)
    return (torch.linalg.eigvalsh(tridiagonal).abs().amax(-1) * scale.double()).to(W)


def _draws(objective: Objective, W: torch.Tensor) -> torch.Tensor:
    """The same Gaussian displacement for each network, in the shape of W."""
    network = objective.network
    draws = torch.randn((network.m, network.d), generator=generator(0), dtype=torch.float64, device="cpu")
    return network.scatter(draws.to(W)).expand_as(W)


def _not_finite(objective: Objective, W: torch.Tensor) -> ArithmeticError:
    draws = _draws(objective, W)
    draws = draws / scaled_norm(draws, objective.network.reduce)[..., None, None]
    cause = too_large(objective, lambda zero: Hessian(objective, zero, once=True).matmul(draws), "use a smaller W")
    size = float(scaled_norm(W, objective.network.reduce).max())
    return ArithmeticError(f"the Hessian at a W of norm {size:.3g} is not finite; {cause}")


def too_large(objective: Objective, evaluate: Callable[[torch.Tensor], torch.Tensor], otherwise: str) -> str:
    """What to change where a result at some W is not finite: the data, if that at W = 0 is not, else ``otherwise``."""
    zero = torch.zeros_like(objective.network.w)
    if not bool(torch.isfinite(objective.value_and_gradient(zero)[0].total).all()):
        return f"the labels y are too large for {zero.dtype}, at W = 0 too; rescale y"
    if not bool(torch.isfinite(evaluate(zero)).all()):
        return f"the inputs x, labels y or penalty weights are too large for {zero.dtype}, at W = 0 too; rescale them"
    return otherwise


@full_precision
def norm(objective: Objective, V: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of a displacement, of shape batch, over all neurons wherever they are kept."""
    return scaled_norm(V, objective.network.reduce)
