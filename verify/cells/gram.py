"""Cells on Gram matrices: their spectrum, and what ridge regression with them learns."""

from __future__ import annotations

from verify.cells.spectral import KernelName
from verify.running.experiment import Cell, Numbers


class GramSpectrum(Cell):
    """Eigenvalues of the empirical NTK Gram matrix of n random inputs and one random network.

    Numbers: ``smallest``; ``means`` over consecutive eigenvalues in descending order, as many as ``sizes`` says, and
    over the rest; ``histogram`` of the logarithm of the rest, as ``edges`` and ``counts``.
    """

    activation: str
    d: int
    m: int
    n: int
    sizes: tuple[int, ...]

    def run(self) -> Numbers:
        from verify.cells.gram_run import gram_spectrum

        return gram_spectrum(self)


class LearnedShares(Cell):
    """What kernel regression with an empirical kernel learns of a random harmonic of each degree.

    The share <f, f_l> / |f_l|^2 over fresh test points, f fitted to n noiseless values of f_l with a ridge that is
    ``RIDGE`` of the mean diagonal. sigma' (or sigma'') may have kinks. Numbers: ``shares`` by degree 0 .. L.
    """

    activation: str
    d: int
    m: int
    n: int
    tests: int
    max_degree: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        from verify.cells.gram_run import learned_shares

        return learned_shares(self)


RIDGE = 1e-7
"""Relative to the mean diagonal: far above rounding, far below every eigenvalue that is not zero by parity."""
