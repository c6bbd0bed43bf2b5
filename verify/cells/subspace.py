"""Cells on the feature covariance of a network of finite width: its top eigenvalues and eigenvectors."""

from __future__ import annotations

from verify.running.experiment import Cell, Numbers


class TopBlock(Cell):
    """The largest n_k eigenvalues of the exact feature covariance of one random network, and where they point.

    Numbers: ``values``, descending; ``interpolation_error``, relative; of the sines of the principal angles between the
    top eigenvectors and span{T Y : deg Y <= k} the ``largest_sine`` and the sum of squares, ``squared_sines``; both
    again as ``random_...`` with a random antisymmetric subspace of the same dimension in place of the span.

    Sines come from the residuals of the eigenvectors, so that small angles keep their digits.
    """

    activation: str
    d: int
    m: int
    k: int

    def run(self) -> Numbers:
        from verify.cells.subspace_run import top_block

        return top_block(self)
