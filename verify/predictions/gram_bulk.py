r"""The law of all eigenvalues of a Gram matrix, and its limit, shifted and scaled Marchenko-Pastur.

The Gram matrix of n inputs is K = sum_l Lambda_l Y_l Y_l^T, Y_l of shape (n, N(d,l)) with the values of orthonormal
harmonics: uncorrelated columns, entries of mean square 1. Where n is of the order of N(d,l), the degrees below l make
separate large eigenvalues and those above are near gamma_{>l} times the identity, so the other eigenvalues are near

.. math:: \gamma_{>l} + N(d,l)\,\Lambda_l\,x, \qquad x \sim \text{Marchenko-Pastur of ratio } c = n/N(d,l),

x being an eigenvalue of Y_l Y_l^T / N(d,l). At finite d every degree j > l is spread too, by about (n/N(d,j))^{1/2},
and the width is finite. The equation behind :eq:`gram-law` has all of this. It is solved here for complex z, and
the counting function comes from its potential, without an integral over the density:

.. math:: \int \log(\lambda - z)\,dF = \frac1n\Big[n\log\kappa + (n-M)\log(1-D/M) + \sum_l N\log(1+\Lambda_l/\kappa)
          - 2D\Big] + \text{const}, \qquad F(x) = -\frac1\pi\,\mathrm{Im}\int\log(\lambda-x-i0)\,dF(\lambda).

Source: docs/mathematics, :eq:`gram-potential`, :eq:`marchenko-pastur`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import theory
from verify.predictions.finite_size import Modes, modes

POINTS = 1600
"""Of the grid on which the counting function is inverted; it is exact at each of them."""
SMOOTHING = 1e-8
"""Imaginary part of z, relative to its largest real part."""
APPROACH = 0.5
"""Factor by which the imaginary part falls in a step of the continuation from large |z|."""


@dataclass(frozen=True)
class BulkLaw:
    """The law of the eigenvalues of the Gram matrix of n inputs and a network of width m.

    Attributes:
        modes: the population. n: inputs. m: width.

    Source: docs/mathematics, :eq:`gram-law` and :eq:`gram-potential`.
    """

    modes: Modes
    n: int
    m: float

    @property
    def features(self) -> float:
        """M = m d/2: antisymmetric pairs count once."""
        return self.m * self.modes.d / 2

    def solved(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(kappa, D) at z = x + i SMOOTHING max(x), shape of ``x``; Im kappa < 0.

        Newton's method along a path from large imaginary z, where kappa = -z/n (1 + O(1/z)), down to the axis.
        """
        n, large = self.n, self.n * self.modes.ridge(-1)
        imaginary, last = 4 * max(large, float(x.max())), SMOOTHING * float(x.max())
        kappa = -(x + 1j * imaginary) / n
        while True:
            kappa, used = self._newton(kappa, x + 1j * imaginary)
            if imaginary <= last:
                return kappa, used
            imaginary = max(APPROACH * imaginary, last)

    def _newton(self, kappa: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        v, counts, tail = self.modes.eigenvalues, self.modes.counts, self.modes.tail
        for _ in range(60):
            shares = 1 / (v + kappa[:, None])
            used = shares @ (counts * v) + tail / kappa
            slope = -(shares**2) @ (counts * v) - tail / kappa**2
            room = 1 - used / self.features
            value = kappa * room * (used - self.n) - z
            step = value / (room * (used - self.n) + kappa * slope * (room - (used - self.n) / self.features))
            kappa = kappa - step
            if np.abs(step).max() <= 1e-11 * np.abs(kappa).min():
                break
        return kappa, (1 / (v + kappa[:, None])) @ (counts * v) + tail / kappa

    def counting(self, x: np.ndarray) -> np.ndarray:
        """F(x), the share of the eigenvalues below x > 0."""
        kappa, used = self.solved(x)
        v, counts, tail = self.modes.eigenvalues, self.modes.counts, self.modes.tail
        logs = np.log1p(v / kappa[:, None]) @ counts + tail / kappa
        width = (self.n - self.features) * np.log1p(-used / self.features)
        return -np.imag(self.n * np.log(kappa) + width + logs - 2 * used) / (math.pi * self.n)

    def density(self, x: np.ndarray) -> np.ndarray:
        """Density of the eigenvalues at x > 0, Im s / pi with s = 1/(n kappa (1 - D/M))."""
        kappa, used = self.solved(x)
        return np.imag(1 / (self.n * kappa * (1 - used / self.features))) / math.pi

    def quantiles(self, levels: Sequence[float], degree: int) -> np.ndarray:
        """Quantiles of the bulk, the n - n_{l-1} eigenvalues that remain without the largest n_{l-1}, l = ``degree``.

        Cost: :data:`POINTS` solutions for kappa, about a tenth of a second.
        """
        bulk = self.modes.ridge(degree - 1)
        reach = (1 + math.sqrt(self.n / self.modes.counts[degree])) ** 2
        grid = np.geomspace(1e-3 * self.modes.ridge(degree), 2 * reach * bulk, POINTS)
        share = 1 - float(self.modes.counts[:degree].sum()) / self.n
        return np.interp(np.asarray(levels) * share, self.counting(grid), grid)


@lru_cache(maxsize=256)
def bulk_quantiles(
    activation: theory.Activation,
    d: int,
    n: int,
    m: int,
    degree: int,
    levels: tuple[float, ...],
    harmonics: float = 0.0,
) -> tuple[float, ...]:
    """Quantiles of the bulk of an activation's Gram matrix.

    Args:
        activation: of the network.
        d: dimension.
        n: inputs.
        m: width.
        degree: l.
        levels: of the quantiles.
        harmonics: a number in place of N(d,l), at the same N(d,l) Lambda_l; 0 for N(d,l) itself.
    """
    return tuple(BulkLaw(altered(modes(activation, d), degree, harmonics), n, m).quantiles(levels, degree).tolist())


def altered(population: Modes, degree: int, harmonics: float) -> Modes:
    """The population with another number of harmonics of one degree and the same trace; 0 leaves it as it is."""
    if not harmonics:
        return population
    counts, values = population.counts.copy(), population.eigenvalues.copy()
    values[degree] *= counts[degree] / harmonics
    counts[degree] = harmonics
    return Modes(population.d, values, counts, population.radial, population.tangential, population.tail)


def marchenko_pastur(x: np.ndarray, ratio: float) -> np.ndarray:
    r"""Density at x > 0 of the eigenvalues of Y Y^T / N, Y of shape (n, N) with uncorrelated entries of variance 1.

    .. math:: \frac{\sqrt{(b-x)(x-a)}}{2\pi c x}, \qquad a, b = (1 \mp \sqrt c)^2, \quad c = n/N;

    for c > 1 there are besides n - N eigenvalues 0, and the density integrates to 1/c.

    Source: docs/mathematics, :eq:`marchenko-pastur`.
    """
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    return np.sqrt(np.clip((high - x) * (x - low), 0, None)) / (2 * math.pi * ratio * x)
