"""Cells of E1: the numbers of the separation theorem, and the error of its construction on networks of its width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.running.experiment import Cell, Numbers

if TYPE_CHECKING:
    from theory.learning.separation import SeparationTheorem


NEURONS = 4096
"""Evaluated at a time."""


class Separation(Cell):
    """Base: the theorem that the fields describe."""

    activation: str
    d_min: int
    share: float
    epsilon: float
    delta: float

    def theorem(self) -> SeparationTheorem:
        from verify.cells.separation_run import theorem_of

        return theorem_of(self)


class SeparationBounds(Separation):
    """The theorem's numbers, as texts of balls and fractions.

    Numbers: ``taylor_width`` and ``network_width``; ``taylor`` and ``network``, the bound of the mean square error
    there over what is allowed, and with suffix ``_narrow`` at a quarter of the width; ``floor``, by dimension, the
    exact risk of the kernels with the share of labels over the sparse part's energy, ``floor_more`` with a tenth of
    N(d,2) more labels.
    """

    dimensions: tuple[int, ...]

    def run(self) -> Numbers:
        from verify.cells.separation_run import separation_bounds

        return separation_bounds(self)


class SeparationErrors(Separation):
    r"""The construction on one network of the theorem's width, at d = d_min.

    f* = <u,x> + f_2 with a random unit vector u and f_2 = alpha (<beta,x>^2 - 1), energies one and one. W_L = T
    Lambda^{-1} f and W_Q are built by numerics, the errors evaluated at ``inputs`` random inputs.

    Numbers: mean squares ``dense`` of f_L(W_L) - f_1 + alpha and ``sparse`` of f_Q(W_Q)/<beta,x>^2 - alpha, whose
    fourth moment is smaller than without the division; over ``draws`` sign vectors ``signs`` of f_L(S W_Q), ``cross``
    of f_Q(W_L, S W_Q), ``taylor`` of f_L + f_Q - f*, ``network`` of f - f*; ``failed``, the share of the draws in
    which that of the Taylor model exceeds eps^2 |f*|^2; ``coherent``, of the Taylor model without signs, and
    ``coherent_signs``, f_L(W_Q).
    """

    inputs: int
    draws: int

    def run(self) -> Numbers:
        from verify.cells.separation_run import separation_errors

        return separation_errors(self)
