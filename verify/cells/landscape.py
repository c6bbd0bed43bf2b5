"""Cells of O3 and O4: the second variation over random signs, and the saddle of the QuadNTK at 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.cells.optimization import RegularisedLoss
from verify.running.experiment import Cell, Numbers

if TYPE_CHECKING:
    import torch

    from numerics.network import TwoLayerNetwork


REFERENCES = 16
"""Draws of S among which the reference is the best."""
AT_ONCE = 16
"""Draws of S to which the Hessian is applied together."""
SHARE = 0.25
"""Of W_L in W. The movement of sigma'' along W_L and the squares of the first-order changes enter the second variation
with opposite signs, both at order m^{-1/2}; near W_L/2 they cancel, and what is left would show the order after it."""


class SignCurvature(RegularisedLoss):
    r"""O3: the curvature of the loss along S W_Q over random signs S, at W = W_L/4 + a random displacement.

    Numbers, lists over the draws, with V = W_Q: ``exact``, E_S d^2/dt^2 L(W + t S V) from the diagonal blocks of the
    Hessian; ``data``, 2 <loss'(f), f_Q(V)>_n with the network's own output f; ``capacity``, what R4 adds,
    l4 sum_r (8 <W_r,V_r>^2 + 4 |W_r|^2 |V_r|^2). With ``signs`` > 0 also ``sampled``, the mean of (S V)^T H (S V) over
    draws of S; ``coherent``, V^T H V; ``opposite``, as ``exact`` along the W_Q of the opposite target; ``loss`` at W
    and ``reference``, the smallest loss of W_L + S W_Q over 16 S.

    Attributes:
        start: scale of the random displacement.
        signs: Monte-Carlo draws of S.
    """

    start: float
    signs: int

    def run(self) -> Numbers:
        rows = [self.measure(draw) for draw in range(self.draws)]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def measure(self, draw: int) -> dict[str, float]:
        from verify.cells.landscape_run import sign_curvature_measure

        return sign_curvature_measure(self, draw)


class QuadraticSaddle(Cell):
    r"""O4: (1/n) sum_i (f_Q(x_i; W) - y_i)^2 + l4 \|W\|_{2,4}^4 at and near W = 0, y = alpha <beta, x>^{k+1}.

    alpha^2 = 1/(2k+1)!!, so that y has energy about 1. Numbers:

    ``gradient``, the norm at 0; ``moved``, how far ``still`` steps of unperturbed descent lead; ``joint_gradient`` and
    ``joint_moved``, the same for f_L + f_Q; ``curvature``, (lambda_min, residual) of the Hessian at 0 by Lanczos;
    ``block``, the least eigenvalue of its blocks -2 a_r / (n sqrt m) sum_i y_i sigma''(<w_r,x_i>) x_i x_i^T, each
    diagonalised; ``block_first``, the same with sigma' in place of sigma''; ``zero``, ``still_loss`` and ``left``: the
    loss at 0, after the unperturbed and after the perturbed descent; ``reference``, the smallest loss of b W_Q.

    Attributes:
        still, steps: of unperturbed and, at most, of perturbed descent. radius, tolerance: of the noise.
    """

    activation: str
    device: str
    d: int
    m: int
    n: int
    k: int
    r4: float
    still: int
    steps: int
    radius: float
    tolerance: float

    def run(self) -> Numbers:
        from verify.cells.landscape_run import quadratic_saddle

        return quadratic_saddle(self)

    def block(self, network: TwoLayerNetwork, x: torch.Tensor, y: torch.Tensor, order: int) -> float:
        from verify.cells.landscape_run import quadratic_saddle_block

        return quadratic_saddle_block(self, network, x, y, order)
