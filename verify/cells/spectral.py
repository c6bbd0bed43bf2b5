"""Cells of the claims on the infinite-width spectra of the NTK and the QuadNTK."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from verify.running.experiment import Cell, Numbers

if TYPE_CHECKING:
    from flint import arb

KernelName = Literal["NTK", "QuadNTK"]

DIGITS = 20


def ball_text(value: arb) -> str:
    """A ball as text that encloses it: midpoint and radius in decimal."""
    return value.str(DIGITS + 5)


ACCURACY = 1e-12
"""Relative radius up to which a stored ball is what a cell promised; cells give 1e-20, doubles 1e-16."""


def read_ball(text: str) -> tuple[float, float, float]:
    """(midpoint, lower, upper) as doubles, rounded outwards.

    A ball wider than :data:`ACCURACY` stands for no number: its midpoint is NaN, its ends are infinite, and whatever is
    compared with it is INCONCLUSIVE.
    """
    from flint import arb

    value = arb(text)
    if not (value.is_finite() and value.rad() <= ACCURACY * abs(value.mid())):
        return math.nan, -math.inf, math.inf
    low, high = float(value.lower()), float(value.upper())
    middle = float(value.mid())
    return middle, math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


class CertifiedEigenvalues(Cell):
    """Lambda_0 .. Lambda_L, or Q_0 .. Q_L, by certified quadrature. Numbers: ``balls``."""

    activation: str
    d: int
    max_degree: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        from verify.cells.spectral_run import certified_eigenvalues

        return certified_eigenvalues(self)


class CertifiedLimits(Cell):
    """Closed forms of the limits of d^{l-1} Lambda_l.

    Numbers: ``symbolic`` texts and ``symbolic_balls`` where there are closed forms, else None.
    """

    activation: str
    max_degree: int

    def run(self) -> Numbers:
        from verify.cells.spectral_run import certified_limits

        return certified_limits(self)


class EveryDimension(Cell):
    """Bounds of d^e Lambda_l for every d >= 3, and its expansion in 1/d with a remainder, for l = 0 .. L.

    Numbers: ``bounds``, by degree a dictionary of ``exponent``, the texts of balls ``lower``, ``upper``,
    ``coefficients`` and ``remainder``, and ``switch``, from which d on the remainder holds; None where the eigenvalue
    is zero for every d or the proof does not apply.
    """

    activation: str
    max_degree: int

    def run(self) -> Numbers:
        from verify.cells.spectral_run import every_dimension

        return every_dimension(self)


class DegreesAtEveryDimension(Cell):
    """Which of the degrees 0 .. L are proved to be learned, or not, at every d >= 3.

    Numbers: lists ``learnable``, ``unlearnable`` and ``undecided``.
    """

    activation: str
    max_degree: int
    kernel: KernelName

    def run(self) -> Numbers:
        from verify.cells.spectral_run import degrees_at_every_dimension

        return degrees_at_every_dimension(self)


class KernelQuadrature(Cell):
    """E[K(t) P_l(t)] with the kernel of :func:`verify.cells.spectral_run.kernel_values`.

    A tensor Gauss rule over (t; <w,u>, <w,v>) in double precision. Numbers: ``values`` at ``points`` nodes per axis and
    ``coarse`` at three quarters of them; their difference estimates the quadrature error.
    """

    activation: str
    d: int
    max_degree: int
    points: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        from verify.cells.spectral_run import kernel_quadrature

        return kernel_quadrature(self)


class KernelMonteCarlo(Cell):
    """E[K_m(x,x') P_l(<x,x'>/d)] over random inputs and the empirical kernel K_m of random networks.

    Each block draws ``points`` of x, of x' and of distinct neurons w and averages over all triples among them. By
    rotation invariance the mean given any one of the three is the eigenvalue itself, so a block's variance is of second
    order, points^-2. Blocks are independent; their spread gives the standard error. Numbers: ``values`` and
    ``stderrs`` by degree.
    """

    activation: str
    d: int
    max_degree: int
    blocks: int
    points: int = 256
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        from verify.cells.spectral_run import kernel_monte_carlo

        return kernel_monte_carlo(self)


class TraceAndTail(Cell):
    """Trace of a kernel, its partial sum over degrees <= L and a bound of the rest that does not use the trace.

    Numbers: balls ``trace``, ``partial``, ``tail_bound``, and ``terms``, multiplicity times eigenvalue by degree.
    """

    activation: str
    d: int
    max_degree: int
    order: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        from verify.cells.spectral_run import trace_and_tail

        return trace_and_tail(self)
