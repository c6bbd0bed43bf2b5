r"""The quadratic function below the regularised loss, why its form is positive, and its smallest value.

.. math:: q(W) = c_0 + \langle c, W\rangle + \langle W, Q W\rangle, \qquad Q = K + l_1 R + \theta V .

K = blockdiag(a_r B_r + s_r) is made positive, each s_r being raised to at least the slack above -lambda_min(a_r B_r),
which the eigenproblems of :mod:`numerics.certificate.neurons` give. R, the form of R1, is positive. V, the form of
(1/n) sum_i v_i f_Q(x_i; P W, P_perp W), has two signs but only n_k directions: with p_r = sum_j <b_j, W> p_jr and
C_r = 2 B_r at the slopes v it is

.. math:: \langle W, V W\rangle = \sum_r \langle p_r, C_r S_r\rangle = \sum_{j\le n_k} J_j(W)\,E_j(W), \qquad
          J_j = \langle p_j, D\rangle, \quad E_j = \langle p_j, C S\rangle .

So K^{-1/2} V K^{-1/2} has 2 n_k eigenvalues that may differ from zero. Where the smallest is below -1/2, v is scaled
down by theta until it is -1/2, and Q >= K/2. No eigenvalue of Q itself is estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from numerics.blocks import accumulate
from numerics.certificate.multipliers import Multipliers
from numerics.certificate.neurons import Neurons, weighted_squares
from numerics.directions import GoodDirections
from numerics.memory import require
from numerics.objective import Objective
from numerics.terms.pairs import PairGradient, Pairs
from numerics.terms.r1 import SampleR1
from numerics.terms.r3 import R3

MARGIN = 0.5
"""Of Q >= MARGIN K where R3 takes part."""

LIFTS: tuple[float, ...] = (1e-1, 1e-2, 1e-4)
"""Slacks that are tried, in units of the mean shift: where a block is near singular, a larger one may be worth its
capacity."""

SMOOTHING = 0.03
"""What the preconditioner adds to the blocks, in units of the mean shift: where K is small, R1 keeps Q from zero."""

CHECKED = 10
"""Steps of conjugate gradients between two looks at what they leave."""

TOLERANCE = 1e-5
"""Of the linear system, relative to the constant of the bound."""

ITERATIONS = 400
"""Most steps of conjugate gradients for one slack."""


@dataclass(frozen=True, eq=False)
class Crossing:
    """The form V of (1/n) sum_i v_i f_Q(x_i; P W, P_perp W).

    Attributes:
        matrices: C_r, (..., m/2, d, d). moduli: above their norms, (..., m/2). directions: the good ones.

    Source: docs/mathematics, :eq:`crossing-form`.
    """

    matrices: torch.Tensor
    moduli: torch.Tensor
    directions: GoodDirections

    @staticmethod
    def of(objective: Objective, v: torch.Tensor, term: R3, directions: GoodDirections) -> Crossing:
        """At the multipliers v, (..., n)."""
        return Crossing(*weighted_squares(objective, lambda rows, block: term.tilted(rows, block, v)), directions)

    def _images(self, half: torch.Tensor) -> torch.Tensor:
        return (self.matrices @ half[..., None])[..., 0]

    def gradient(self, W: torch.Tensor) -> torch.Tensor:
        """2 V W, (..., m, d)."""
        plus, minus = W.chunk(2, dim=-2)
        first = self.directions.half_combine(self.directions.half_coordinates(self._images(plus + minus)))
        both = self._images(self.directions.half_combine(self.directions.half_coordinates(plus - minus)))
        return torch.cat([both + first, both - first], dim=-2)

    def lowest(self, neurons: Neurons, s: torch.Tensor) -> torch.Tensor:
        """The smallest eigenvalue of K^{-1/2} V K^{-1/2}, of shape batch. Cost: 4 n_k m d^2, memory 4 n_k m d."""
        size = 4 * self.directions.dimension * s.numel() * self.matrices.shape[-1]
        require(8 * size, "the good directions, which R3 needs", s.device, "leave out the multipliers 'crossing' of R3")
        half = self.directions.half_basis().movedim(-3, 0)
        images = self._images(half)
        rows = torch.cat([torch.cat([half, -half], -2), torch.cat([images, images], -2)])
        solved = neurons.solve(rows, s)
        gram = rows.flatten(-2).movedim(0, -2) @ solved.flatten(-2).movedim(0, -1)
        values, vectors = torch.linalg.eigh((gram + gram.mT) / 2)
        root = vectors * values.clamp_min(0).sqrt()[..., None, :]  # root root^T is the Gram matrix
        first, second = root.chunk(2, dim=-2)
        return torch.linalg.eigvalsh((first.mT @ second + second.mT @ first) / 2)[..., 0]


@dataclass(frozen=True, eq=False)
class Bound:
    """The smallest value of a minorant, from below. Tensors have the shape of the batch.

    Attributes:
        value: a number below min L, before rounding. rounding: what float64 may have added to it.
        unsolved: what was taken off because the linear system is solved approximately.
        smallest: the least eigenvalue of K, less what rounding may have added. margin: Q >= margin K.
        theta: the factor by which the multipliers of R3 were scaled down, 0 where they were left out.
        shifts: s as raised, (..., m). W: where the minorant is smallest, (..., m, d). iterations: of the solver.
    """

    value: torch.Tensor
    rounding: torch.Tensor
    unsolved: torch.Tensor
    smallest: torch.Tensor
    margin: torch.Tensor
    theta: torch.Tensor
    shifts: torch.Tensor
    W: torch.Tensor
    iterations: torch.Tensor

    @property
    def lower(self) -> torch.Tensor:
        """The bound with everything taken off; never below 0, as every term of the loss is nonnegative."""
        return (self.value - self.rounding).clamp_min(0)


def better(first: Bound, second: Bound) -> Bound:
    """The larger bound, for each network of a batch."""
    chosen = second.value - second.rounding > first.value - first.rounding

    def select(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return torch.where(chosen.reshape(chosen.shape + (1,) * (one.ndim - chosen.ndim)), other, one)

    return Bound(*(select(one, other) for one, other in zip(vars(first).values(), vars(second).values(), strict=True)))


class Minorant:
    """The function below the loss at given multipliers.

    Args:
        objective: in double precision, of a Taylor model, with l4 > 0.
        multipliers: g, s and v.

    Cost: n m d^2 / 4 multiplications and m / 2 eigenproblems.

    Source: docs/mathematics, :eq:`quadratic-minorant`.
    """

    def __init__(self, objective: Objective, multipliers: Multipliers) -> None:
        self._objective, self._multipliers = objective, multipliers
        g = self.slopes = objective.loss.clamp(multipliers.slopes, objective.y)
        self.neurons = Neurons.of(objective, g)
        half = objective.network.half
        self._linear, c = False, torch.zeros_like(half)
        self._moduli, self._slope = torch.zeros_like(half[..., 0]), torch.zeros_like(half[..., 0, 0])
        for rows, block in objective.blocks():
            weights, lengths = objective.data.tilted(rows, block, g)[0], block.x.norm(dim=-1, keepdim=True)
            if weights.ndim:
                self._linear = True
                accumulate(c, weights, block.x)
                self._moduli += (weights.abs() * lengths).sum(-2)
            if block.first.numel():
                self._slope = torch.maximum(self._slope, (block.first.abs() * lengths).amax((-2, -1)))
        self.linear = torch.cat([c, -c], dim=-2)
        self._crossing: Crossing | None = None
        self._spent = torch.zeros_like(self._slope)
        for term in objective.averages:
            if isinstance(term, R3) and multipliers.crossing is not None and objective.directions is not None:
                self._crossing = Crossing.of(objective, multipliers.crossing, term, objective.directions)
                self._spent = term.conjugate(multipliers.crossing)

    def shifts(self, lift: float) -> torch.Tensor:
        """s raised until every block is positive, by ``lift`` mean shifts at least; without a linear part no further.

        Where the minorant is constant, as for f_Q alone, a smaller shift is always better.
        """
        floor = (2 * torch.cat([self.neurons.error] * 2, dim=-1) - self.neurons.lowest()).clamp_min(0)
        if not self._linear:
            return floor
        s = torch.maximum(self._multipliers.shifts, floor)
        return torch.maximum(s, floor + lift * s.mean(-1, keepdim=True))

    def best(self, start: torch.Tensor, lifts: Sequence[float] = LIFTS) -> Bound:
        """The largest bound over the slacks, with R3 and without it; the linear system is solved from ``start``."""
        if not self._linear:
            return self.minimum(start, 0.0, crossed=False)
        found = self.minimum(start, lifts[0], crossed=False)
        for lift in lifts[1:]:
            found = better(found, self.minimum(found.W, lift, crossed=False))
        if self._crossing is not None:
            for lift in lifts:
                found = better(found, self.minimum(found.W, lift, crossed=True))
        return found

    def minimum(self, start: torch.Tensor, lift: float, crossed: bool) -> Bound:
        """The smallest value of the minorant with one slack, by conjugate gradients preconditioned with K.

        With the residual rho = c + 2 Q W at the W where they end, the smallest value is at least
        q(W) - <rho, K^{-1} rho> / (4 margin), whatever W is.

        Source: docs/mathematics, :eq:`certified-remainder`.
        """
        s, neurons = self.shifts(lift), self.neurons
        theta = margin = torch.ones_like(self._slope)
        if crossed and self._crossing is not None and self._linear:
            lowest = (-self._crossing.lowest(neurons, s)).clamp_min(0)
            theta = (MARGIN / lowest).clamp_max(1.0)
            margin = 1 - theta * lowest
        else:
            theta = torch.zeros_like(theta)
        constant = -self._objective.data.conjugate(self.slopes) - self._objective.r4.conjugate(s)
        constant = constant - theta.square() * self._spent
        smallest = (neurons.lowest() + s - torch.cat([neurons.error] * 2, dim=-1)).amin(-1)
        W, iterations = start, torch.zeros_like(theta, dtype=torch.int64)
        if not self._linear:
            W = torch.zeros_like(start)
            rounding = self._rounding(W, s, theta)
            return Bound(constant, rounding, torch.zeros_like(theta), smallest, margin, theta, s, W, iterations)
        smoothed = s + SMOOTHING * s.mean(-1, keepdim=True)
        rho = self.linear + self.product(W, s, theta)
        image = neurons.solve(rho, smoothed)
        size = (rho * image).sum((-2, -1))
        along = image
        moving = torch.ones_like(size, dtype=torch.bool)
        for step in range(ITERATIONS):
            if step % CHECKED == 0:
                left = (rho * neurons.solve(rho, s)).sum((-2, -1)) / (4 * margin)
                moving = moving & (left > TOLERANCE * constant.abs())
                if not bool(moving.any()):
                    break
            curved = self.product(along, s, theta)
            rate = torch.where(moving, size / (along * curved).sum((-2, -1)), 0.0)[..., None, None]
            W, rho = W - rate * along, rho - rate * curved
            image = neurons.solve(rho, smoothed)
            size, before = (rho * image).sum((-2, -1)), size
            along = image + (size / before)[..., None, None] * along
            iterations = iterations + moving
        turned = self.product(W, s, theta)
        rho = self.linear + turned
        unsolved = (rho * neurons.solve(rho, s)).sum((-2, -1)) / (4 * margin)
        value = constant + ((self.linear + turned / 2) * W).sum((-2, -1)) - unsolved
        return Bound(value, self._rounding(W, s, theta), unsolved, smallest, margin, theta, s, W, iterations)

    def product(self, W: torch.Tensor, s: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        """2 Q W, (..., m, d). Cost: that of the gradient of R1, and m d^2."""
        product = 2 * self.neurons.apply(W, s) + self._penalties(W)
        if self._crossing is None or not bool(theta.any()):
            return product
        return product + theta[..., None, None] * self._crossing.gradient(W)

    def _penalties(self, W: torch.Tensor) -> torch.Tensor:
        """2 l1 R W."""
        objective, directions = self._objective, self._objective.directions_in_use()
        if directions is None:
            return torch.zeros_like(W)
        at = Pairs(W, directions)
        gradient = PairGradient(at, directions, crossed=False)
        for form in objective.forms:
            form.add_gradient(at, gradient)
        for term in objective.averages:
            if isinstance(term, SampleR1):
                term.add_gradient(objective.blocks(), objective.network, at, gradient)
        return gradient.displacement()

    def _rounding(self, W: torch.Tensor, s: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        """What float64 may have added to the value: units in the last place of every sum, times the moduli summed.

        Sums run over n inputs, m neurons, d coordinates and, in the good directions, m d; each factor of a product
        brings one of its own. R1 is a square of what two larger numbers leave, of modulus at most A.
        """
        objective, network = self._objective, self._objective.network
        units = (objective.n + 2 * network.m * network.d + 64) * torch.finfo(W.dtype).eps
        g, y = self.slopes, objective.y
        conjugates = (objective.loss.conjugate(g, y).abs() + g.abs() * (1 + y.abs())).mean(-1)
        constant = conjugates + objective.r4.conjugate(s) + theta.square() * self._spent
        if not self._linear:
            return units * constant
        lengths = W.norm(dim=-1)
        blocks = torch.cat([self.neurons.moduli] * 2, dim=-1) + s
        if self._crossing is not None:
            blocks = blocks + theta[..., None] * torch.cat([self._crossing.moduli] * 2, dim=-1)
        forces = torch.cat([self._moduli] * 2, dim=-1) + 2 * blocks * lengths
        parts = constant + (forces * lengths).sum(-1)
        size = self._slope * lengths.sum(-1)  # A
        weight = objective.weights.r1 * len(objective.weights.r1_modes) if objective.directions_in_use() else 0.0
        r1 = (self._penalties(W) * W).sum((-2, -1)).clamp_min(0) / 2
        parts = parts + r1 + 2 * (weight * r1).sqrt() * size + weight * units * size.square()
        forces = forces + 2 * weight * (self._slope * size)[..., None]
        hidden = (units * forces).square().sum(-1) / (4 * MARGIN * (s + self.neurons.lowest()).amin(-1))
        return units * parts + 2 * hidden
