r"""What two inputs at an unusual angle do to a Gram matrix, beyond the laws for many inputs.

Eliminate all inputs but two from K + ridge. By the law of the others, the share 1 - L_l that they have not learned is
left of degree l, so that the pair keeps

.. math:: \kappa \sum_\ell N L_\ell P_\ell(t) \text{ off the diagonal}, \qquad n\kappa \text{ on it}, \qquad
          \rho(t) = \frac1n \sum_\ell N L_\ell P_\ell(t), \qquad L_\ell = \frac{\Lambda_\ell}{\Lambda_\ell+\kappa} .

The inverse of this block has 1/(n kappa (1 - rho^2)) on its diagonal. The law contains 1 + rho^2 of it; summed over the
n partners of each input the rest is, to leading order,

.. math:: \operatorname{tr}(K+\text{ridge})^{-1} = \frac1\kappa\Big(1 + n\,\mathrm E\,\frac{\rho^4}{1-\rho^2}\Big) .

Where degree l leads rho and few of its harmonics are learned, the excess is of order n / N(d,l)^2. Where kappa belongs
to a point z of the spectrum in place of a ridge, the block is singular at |rho(t)| = 1: the pair makes an eigenvalue
there. The law of M random features multiplies block and diagonal by the same 1 - D/M.

Source: derived; docs/mathematics, :eq:`close-pairs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

POINTS = 40_000
"""Intervals of t = <x,x'>/d in [-1, 1]."""


@lru_cache(maxsize=16)
def angles(d: int) -> tuple[np.ndarray, np.ndarray]:
    """t between two uniform inputs on the sphere in d dimensions: midpoints, and the probability of each interval."""
    from scipy import stats

    edges = np.linspace(-1, 1, POINTS + 1)
    law = stats.beta((d - 1) / 2, (d - 1) / 2)  # of (1 + t)/2
    # From the nearer end, so that the tail keeps its digits.
    below = np.where(edges < 0, law.cdf((1 + edges) / 2), law.cdf((1 - edges) / 2))
    return (edges[1:] + edges[:-1]) / 2, np.abs(np.diff(below))


@dataclass(frozen=True)
class Pairs:
    """Pairs among n uniform inputs on the sphere in d dimensions, :eq:`close-pairs`.

    Attributes:
        eigenvalues, counts: Lambda_l and N(d,l) of the degrees 0, 1, ..., which end where the rest of the kernel is on
            the diagonal alone; (degrees,).
        d, n: dimension and inputs.
    """

    eigenvalues: np.ndarray
    counts: np.ndarray
    d: int
    n: int

    def overlap(self, kappa: np.ndarray, t: np.ndarray) -> np.ndarray:
        """rho(t), (kappas, angles)."""
        from numerics.targets import legendre_polynomials

        shares = self.counts * self.eigenvalues / (self.eigenvalues + np.asarray(kappa)[:, None])
        harmonics = [p for _, p in zip(self.eigenvalues, legendre_polynomials(self.d, t), strict=False)]
        return np.asarray(shares @ np.array(harmonics) / self.n)

    def excess(self, kappa: float) -> float:
        """n E rho^4 / (1 - rho^2), by which tr (K + ridge)^{-1} exceeds 1/kappa, relative."""
        t, probability = angles(self.d)
        rho = self.overlap(np.array([kappa]), t)[0]
        return float(self.n * (probability @ (rho**4 / (1 - rho**2))))

    def outliers(self, kappa: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """The first index of a descending kappa at which the closest pair has |rho| >= 1; len(kappa) where none has.

        The closest pair is the one with the largest |rho| at the last kappa. It lies within an angle with probability
        exp(-expected number of the n (n-1)/2 pairs beyond it); one index for each of the quantiles ``levels``.
        """
        t, probability = angles(self.d)
        order = np.argsort(-np.abs(self.overlap(kappa[-1:], t)[0]))
        beyond = self.n * (self.n - 1) / 2 * np.cumsum(probability[order])
        closest = order[np.minimum(np.searchsorted(beyond, -np.log(levels)), len(order) - 1)]
        outside = np.abs(self.overlap(kappa, t[closest])) >= 1
        return np.where(outside.any(axis=0), outside.argmax(axis=0), len(kappa))
