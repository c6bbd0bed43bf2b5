"""Cells of the claims on constructions: W_Q, W_L and their sum with random signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.running.experiment import Cell, Numbers

if TYPE_CHECKING:
    import torch

    from numerics.network import TwoLayerNetwork
    from numerics.targets import Target


CHUNK = 8192
"""Neurons evaluated at a time."""


class Networks(Cell):
    """Base of cells that repeat a measurement over independent networks of one width.

    Cells that differ only in m share inputs, targets and directions, repetition by repetition, but no network.

    Attributes:
        activation, d, m, k: of the networks and the construction.
        networks: repetitions; every list of numbers has one entry for each.
        inputs: x for each repetition.
    """

    activation: str
    d: int
    m: int
    k: int
    networks: int
    inputs: int

    def run(self) -> Numbers:
        rows = [self.measure(index) for index in range(self.networks)]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def measure(self, index: int) -> dict[str, float]:
        """The numbers of one network."""
        raise TypeError(f"{type(self).__name__} does not say what it measures")

    def network(self, index: int) -> TwoLayerNetwork:
        from verify.cells.constructions_run import networks_network

        return networks_network(self, index)

    def shared(self, purpose: str, index: int) -> int:
        """A seed that does not depend on m."""
        return self.seed(f"{purpose} {index}", shared=("m",))

    def signs(self, index: int, count: int) -> torch.Tensor:
        from verify.cells.constructions_run import networks_signs

        return networks_signs(self, index, count)

    def dense_target(self, index: int, energy: float) -> Target:
        from verify.cells.constructions_run import networks_dense_target

        return networks_dense_target(self, index, energy)


class SparseExpression(Networks):
    """f_Q of W_Q against f_sp = sum_i alpha_i <beta_i,x>^{k+1}, with orthonormal beta_i.

    Numbers: ``error`` mean of (f_Q - f_sp)^2 over inputs; ``lowered`` the same with sigma in place of sigma'' in f_Q
    (not sigma': at sin(z + pi/4) and k = 2 that has the same coefficient); ``degree`` the same with <beta,x>^{k+2} in
    place of <beta,x>^{k+1}; ``norm`` |W_Q|_{2,4}^4.
    """

    alphas: tuple[float, ...]

    def measure(self, index: int) -> dict[str, float]:
        from verify.cells.constructions_run import sparse_expression_measure

        return sparse_expression_measure(self, index)


class DenseExpression(Networks):
    """f_L of W_L against f_k, a random harmonic of energy one in every degree <= k.

    Numbers: ``norm`` |W_L|^2; ``residual`` mean of (f_L(W_L) - f_k)^2 over inputs; ``shuffled`` the same for the
    projection of W_L on a random subspace in place of the good one.
    """

    def measure(self, index: int) -> dict[str, float]:
        from verify.cells.constructions_run import dense_expression_measure

        return dense_expression_measure(self, index)


class JointExpression(Networks):
    """The network at W_L + S W_Q against f* = f_k + f_sp, and the regularisers there.

    f_k: random harmonics of energy ``energy`` in every degree <= k; f_sp: harmonics of degree k + 1 and energies
    alpha_i^2 along orthonormal directions.

    Numbers: ``error`` mean of (f(x; W0 + W) - f*(x))^2 over inputs and sign draws, ``coherent_error`` with s_r = 1,
    ``lazy_error`` with m^{-1/4} W_Q; ``r1``, ``r2``, ``r3`` on the same inputs and ``r4`` = |W|_{2,4}^4, over a quarter
    of the draws; these four with prefix ``coherent_`` and ``lazy_``, with ``swapped_`` (P_{<=k} and P_{>k} exchanged)
    and ``shuffled_`` (a random subspace in place of the good one).
    """

    alphas: tuple[float, ...]
    energy: float
    draws: int

    def measure(self, index: int) -> dict[str, float]:
        from verify.cells.constructions_run import joint_expression_measure

        return joint_expression_measure(self, index)
