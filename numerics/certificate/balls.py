r"""The lower bound with a certified error, for small networks: every operation in balls.

What is taken as exact are the numbers that are stored: weights, inputs and labels, the multipliers, the basis of the
good directions and, for R1 in population, the matrix Sigma. From them sigma' and sigma'' are evaluated in balls, and
so is the whole of Q, (m d)^2 numbers. With X the inverse of a Cholesky factor of Q in floating point, M = X Q X^T is
computed in balls. Where its distance delta from the identity is below 1 in the maximum of the sums of rows, Q is
positive definite, and with rho = c + 2 Q W

.. math:: q(W) - \frac{|X\rho|^2}{4(1-\delta)} \le \min q \le q(W) .

The eigenvalues of the blocks are enclosed by Gershgorin's discs after a change of basis to the eigenvectors in floating
point, and Ostrowski's theorem for what those lack of being orthonormal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from flint import arb, arb_mat, ctx

from numerics.certificate.double import in_double
from numerics.certificate.gap import certifiable, check_multipliers
from numerics.certificate.multipliers import Multipliers
from numerics.equality import ByValue
from numerics.objective import Objective, objective_first
from numerics.precision import full_precision
from numerics.terms.r1 import PopulationR1, SampleR1, UnlabeledR1
from numerics.terms.r3 import R3
from theory.activations import Z
from theory.balls.ball import REAL_FUNCTIONS, ball
from theory.balls.precision import exclusive
from theory.balls.program import Program
from theory.harmonics.work import Undecided

BITS = 128
LARGEST = 500
"""Most coordinates m d of a displacement."""


@dataclass(frozen=True, eq=False)
class CertifiedBound(ByValue):
    """The bound at given multipliers, in balls.

    Attributes:
        value: contains the smallest value of the quadratic function below the loss; its lower end is below the loss at
            every displacement.
        smallest: contains the least eigenvalue of the blocks a_r B_r + s_r over all neurons.
        defect: delta, below 1: how far from the identity the form is that was proved positive.
    """

    value: arb
    smallest: arb
    defect: float


@full_precision
@torch.no_grad()
def certified_bound(objective: Objective, multipliers: Multipliers) -> CertifiedBound:
    """The lower bound of :func:`numerics.optimality_gap` at given multipliers, every rounding error enclosed.

    Args:
        objective: the loss of one network, m d <= 500.
        multipliers: of a :class:`numerics.Gap`; the shifts are taken as they are.

    Raises:
        Undecided: the form is not proved positive, so these multipliers give no bound: use larger shifts.
        ValueError: what :func:`numerics.optimality_gap` refuses, a batch of networks, or m d > 500.

    Cost: three products of size m d in balls, a second or two at m d = 500.

    Source: docs/mathematics, :eq:`dual-bound`, :eq:`certified-remainder`.
    """
    network = objective_first(objective).network
    certifiable(objective)
    network.require_single("certified_bound")
    if network.m * network.d > LARGEST:
        raise ValueError(f"m={network.m}, d={network.d}: needs m d <= {LARGEST} in balls; use optimality_gap")
    check_multipliers(objective, multipliers)
    with exclusive, ctx.workprec(BITS):
        return _bound(in_double(objective), multipliers)


def _bound(objective: Objective, multipliers: Multipliers) -> CertifiedBound:
    problem = _Problem(objective)
    g, s = _exact(objective.loss.clamp(multipliers.slopes, objective.y)), _exact(multipliers.shifts)
    blocks = problem.blocks(g, s)
    Q, constant = problem.form(blocks), -problem.conjugates(g, s)
    for term in objective.averages:
        if isinstance(term, R3) and multipliers.crossing is not None:
            v = _exact(multipliers.crossing)
            Q = Q + problem.crossing(v)
            constant -= sum((one * one for one in v), arb(0)) / (4 * arb(term.weight) * objective.n)
    c = problem.linear(g)
    value, defect = _smallest_value(Q, c)
    return CertifiedBound(constant + value, _least([_lowest(block) for block in blocks]), defect)


class _Problem:
    """An objective in balls; half stands for m/2, and rows of Phi for the gradients of f_L(x_i) in D, (m/2) d."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._d, self._half = objective.network.d, objective.network.m // 2
        self._x = _matrix(objective.x)
        root = arb(objective.network.m).sqrt()
        linear, quadratic = (objective.model != name for name in ("quadratic", "linear"))
        nothing = [[arb(0)] * self._half for _ in range(objective.n)]
        self._slopes = self._derivatives(self._x, 1, root) if linear else nothing
        self._curvatures = self._derivatives(self._x, 2, 2 * root) if quadratic else nothing
        self._root = root

    def _derivatives(self, x: arb_mat, order: int, scale: arb) -> list[list[arb]]:
        """The derivative of sigma at <w_r, x_i> over ``scale``, (n, m/2)."""
        network = self._objective.network
        program = Program([network.activation.exact.derivative(order)], Z, ball)
        z = x * _matrix(network.half).transpose()
        return [[arb(program(one, REAL_FUNCTIONS)[0]) / scale for one in row] for row in z.tolist()]

    def _weighted(self, weights: Sequence[arb], curvatures: list[list[arb]], r: int) -> arb_mat:
        """sum_i u_i c_ir x_i x_i^T."""
        scaled = [
            [w * row[r] * one for one in x] for w, row, x in zip(weights, curvatures, self._x.tolist(), strict=True)
        ]
        return self._x.transpose() * arb_mat(scaled)

    def blocks(self, g: Sequence[arb], s: Sequence[arb]) -> list[arb_mat]:
        """a_r B_r + s_r for every neuron."""
        n, identity = self._objective.n, _identity(self._d)
        matrices = [self._weighted([one / n for one in g], self._curvatures, r) for r in range(self._half)]
        signed = [*matrices, *(-1 * one for one in matrices)]
        return [one + shift * identity for one, shift in zip(signed, s, strict=True)]

    def linear(self, g: Sequence[arb]) -> arb_mat:
        """c, a column of m d numbers."""
        n, x = self._objective.n, self._x.tolist()
        half = [
            sum((g[i] * self._slopes[i][r] * x[i][j] for i in range(n)), arb(0)) / n
            for r in range(self._half)
            for j in range(self._d)
        ]
        return arb_mat([[one] for one in (*half, *(-one for one in half))])

    def conjugates(self, g: Sequence[arb], s: Sequence[arb]) -> arb:
        """The mean of the loss's conjugate, and that of l4 R4."""
        objective = self._objective
        loss = [objective.loss.conjugate(one, label) for one, label in zip(g, _exact(objective.y), strict=True)]
        squares = sum((one * one for one in s), arb(0))
        return sum(loss, arb(0)) / objective.n + objective.r4.conjugate_of(squares)

    def form(self, blocks: Sequence[arb_mat]) -> arb_mat:
        """The blocks and R1, (m d, m d)."""
        Q = _diagonal(blocks)
        R = self._r1()
        return Q if R is None else Q + _joined([(R, -1 * R), (-1 * R, R)])

    def _r1(self) -> arb_mat | None:
        """l1 R as a form of D, all modes together: (1 - 2 P^T P) (Sigma + Phi^T Phi / n + ..) (1 - 2 P^T P)."""
        objective, total = self._objective, None
        for form in (*objective.forms, *objective.averages):
            if isinstance(form, PopulationR1):
                size = self._half * self._d
                own = _matrix(form.covariance.dense()[:size, :size])
                own = (own + own.transpose()) / 2
            elif isinstance(form, SampleR1 | UnlabeledR1):
                sample = (
                    objective.x if objective.unlabeled is None or isinstance(form, SampleR1) else objective.unlabeled
                )
                rows = self._gradients(_matrix(sample))
                own = rows.transpose() * rows / rows.nrows()
            else:
                continue
            own = arb(form.weight) * own
            total = own if total is None else total + own
        if total is None:
            return None
        basis = self._basis()
        outside = _identity(self._half * self._d) - 2 * (basis.transpose() * basis)
        return outside * total * outside

    def _gradients(self, x: arb_mat) -> arb_mat:
        """Phi at inputs x."""
        slopes = self._derivatives(x, 1, self._root)
        rows = zip(slopes, x.tolist(), strict=True)
        return arb_mat([[slope * one for slope in row for one in point] for row, point in rows])

    def _basis(self) -> arb_mat:
        """The stored p_j, (n_k, (m/2) d)."""
        directions = self._objective.directions
        if directions is None:
            raise ValueError("this objective has no good directions")
        return _matrix(directions.half_basis().flatten(-2))

    def crossing(self, v: Sequence[arb]) -> arb_mat:
        """The form of (1/n) sum_i v_i f_Q(x_i; P W, P_perp W): <p, C S> with p = P^T P D."""
        curvatures = self._curvatures
        if self._objective.model == "linear":
            curvatures = self._derivatives(self._x, 2, 2 * self._root)
        scaled = [2 * one / self._objective.n for one in v]
        C, basis = _diagonal([self._weighted(scaled, curvatures, r) for r in range(self._half)]), self._basis()
        G = basis.transpose() * (basis * C)
        even, odd = (G + G.transpose()) / 2, (G - G.transpose()) / 2
        return _joined([(even, odd), (-1 * odd, -1 * even)])


def _smallest_value(Q: arb_mat, c: arb_mat) -> tuple[arb, float]:
    """min <c, W> + <W, Q W> over W, and delta."""
    middle = _floats(Q)
    try:
        factor = np.linalg.cholesky((middle + middle.T) / 2)
    except np.linalg.LinAlgError as failure:
        raise Undecided("the quadratic form below the loss is not positive; use larger shifts") from failure
    inverse = np.linalg.inv(factor)
    X = arb_mat(inverse.tolist())
    off = X * Q * X.transpose() - _identity(Q.nrows())
    defect = _greatest([sum((abs(one) for one in row), arb(0)) for row in off.tolist()]).upper()
    if not defect < 1:
        raise Undecided(f"the quadratic form below the loss is not proved positive (defect {float(defect):.1e})")
    W = arb_mat((-0.5 * (inverse.T @ (inverse @ _floats(c)))).tolist())
    image = Q * W
    rho = X * (c + 2 * image)
    above = (W.transpose() * (c + image))[0, 0]
    below = above - (rho.transpose() * rho)[0, 0] / (4 * (1 - defect))
    return below.union(above), float(defect)


def _lowest(matrix: arb_mat) -> arb:
    """The least eigenvalue of a symmetric matrix."""
    vectors = arb_mat(np.linalg.eigh(_floats(matrix))[1].tolist())
    turned = (vectors.transpose() * matrix * vectors).tolist()
    gram = (vectors.transpose() * vectors - _identity(matrix.nrows())).tolist()
    defect = _greatest([sum((abs(one) for one in row), arb(0)) for row in gram])
    diagonal = [row[k] for k, row in enumerate(turned)]
    discs = [sum((abs(one) for j, one in enumerate(row) if j != k), arb(0)) for k, row in enumerate(turned)]
    lower = _least([one - radius for one, radius in zip(diagonal, discs, strict=True)])
    return lower.union(_least(diagonal)) / (1 + defect.union(-defect))


def _least(values: Sequence[arb]) -> arb:
    return -_greatest([-one for one in values])


def _greatest(values: Sequence[arb]) -> arb:
    result = values[0]
    for one in values[1:]:
        result = result.max(one)
    return result


def _exact(values: torch.Tensor) -> list[arb]:
    return [arb(one) for one in values.tolist()]


def _matrix(values: torch.Tensor) -> arb_mat:
    return arb_mat(values.tolist())


def _floats(matrix: arb_mat) -> np.ndarray:
    return np.array([[float(one.mid()) for one in row] for row in matrix.tolist()])


def _identity(size: int) -> arb_mat:
    return arb_mat(np.eye(size).tolist())


def _diagonal(blocks: Sequence[arb_mat]) -> arb_mat:
    size = sum(block.nrows() for block in blocks)
    rows: list[list[arb]] = []
    for block in blocks:
        before = len(rows)
        rows += [[arb(0)] * before + row + [arb(0)] * (size - before - len(row)) for row in block.tolist()]
    return arb_mat(rows)


def _joined(blocks: Sequence[tuple[arb_mat, arb_mat]]) -> arb_mat:
    rows: list[list[arb]] = []
    for left, right in blocks:
        rows += [one + other for one, other in zip(left.tolist(), right.tolist(), strict=True)]
    return arb_mat(rows)
