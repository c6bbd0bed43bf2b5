r"""Predictions of theory at finite width m and finite sample n, to leading order in 1/m and in random-matrix limits.

**Width.** In an orthonormal basis of harmonics the feature covariance has the non-zero spectrum of T*T = Lambda + E, E
an average over m/2 independent neurons with mean zero. The T Y of degree l of one neuron form a matrix with d columns
whose second moment is, by symmetry, A_l w w^T + B_l (I - w w^T), where the block of docs/mathematics, section 3, gives

.. math:: A_l = N(d,l)\,\lambda_l(z\sigma')^2, \qquad B_l = N(d,l)\,l(l+d-2)\,\lambda_l(\sigma)^2/(d-1), \qquad
          A_l + (d-1)B_l = N(d,l)\Lambda_l .

So sum |E_ij|^2 over i of degree l and j of degree l' has the mean (2/m) V_{ll'}, V_{ll'} = A_l A_{l'} + (d-1) B_l
B_{l'} less N(d,l) Lambda_l^2 where l = l', and the trace of the block of degree l is exactly N(d,l) Lambda_l.
Perturbation theory then gives, to leading order in 1/m,

- spread (standard deviation) of the eigenvalues of degree l: (2 V_ll / (m N(d,l)))^{1/2};
- displacement of their mean: (2/m) sum_{l' != l} V_{ll'} / (N(d,l) (Lambda_l - Lambda_{l'}));
- sum of the squared sines of the principal angles between the top n_k eigenvectors and span{T Y : deg Y <= k}:
  (2/m) sum_{l <= k < l'} V_{ll'} (Lambda_{l'}/Lambda_l) / (Lambda_l - Lambda_{l'})^2. The weight Lambda_{l'}/Lambda_l
  is the ratio of |T Y|^2.

**Sample.** The Gram matrix of n inputs has, for large n and d, the spectrum of a sample covariance with population
Lambda_l of multiplicity N(d,l), itself estimated from M = m d/2 features. Eigenlearning (docs/mathematics, section 6)
at the ridge -z, with random features (arXiv:2311.14646), reads

.. math:: z(\kappa) = \kappa\,(1 - D/M)\,(D - n), \qquad s(\kappa) = \frac{1}{n\kappa(1 - D/M)}, \qquad
          D(\kappa) = \sum_l N(d,l)\frac{\Lambda_l}{\Lambda_l+\kappa},

s the mean of 1/(eigenvalue - z). The lower edge of the spectrum is the first maximum of z as kappa falls from infinity;
for one degree, n << N and M = infinity it is N Lambda (1 - (n/N)^{1/2})^2, the Marchenko-Pastur edge. The smallest
eigenvalue lies 1.21 Tracy-Widom units n^{-2/3} |z''(s)/2|^{1/3} above it (real symmetric matrices).

Source: docs/mathematics, :eq:`block-moments`, :eq:`width-fluctuations`, :eq:`gram-law`, :eq:`gram-means`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

import theory
from verify.predictions.pairs import Pairs

DEGREES = 12
"""Degrees listed; the rest of the trace acts as a ridge."""
TRACY_WIDOM = 1.2065335745820
"""Minus the mean of the Tracy-Widom law with beta = 1."""


@dataclass(frozen=True)
class Modes:
    """Lambda_l, N(d,l), A_l, B_l for l <= L, and the trace above L; arrays of doubles."""

    d: int
    eigenvalues: np.ndarray
    counts: np.ndarray
    radial: np.ndarray
    tangential: np.ndarray
    tail: float

    def ridge(self, k: int) -> float:
        """gamma_{>k} = sum_{l > k} N(d,l) Lambda_l."""
        return float(self.counts[k + 1 :] @ self.eigenvalues[k + 1 :]) + self.tail

    def coupling(self, i: int, j: int) -> float:
        """V_ij of the module's formula."""
        own = self.counts[i] * self.eigenvalues[i] ** 2 if i == j else 0.0
        both = self.radial[i] * self.radial[j] + (self.d - 1) * self.tangential[i] * self.tangential[j]
        return float(max(both - own, 0.0))

    def spread(self, degree: int) -> float:
        """Limit of m^{1/2} times the standard deviation of the eigenvalues of a degree."""
        return float(np.sqrt(2 * self.coupling(degree, degree) / self.counts[degree]))

    def shift(self, degree: int) -> float:
        """Limit of m times the displacement of the mean eigenvalue of a degree.

        Degrees that are not coupled to it do not move it, whatever their eigenvalues.

        Raises:
            ValueError: a degree that is coupled to it has the same eigenvalue: the displacement is then of order
                m^{-1/2}.
        """
        pulls = {j: self.coupling(degree, j) for j in range(len(self.counts)) if j != degree}
        return float(sum(2 * v / self._gap(degree, j) for j, v in pulls.items() if v) / self.counts[degree])

    def _gap(self, i: int, j: int) -> float:
        """Lambda_i - Lambda_j where a prediction divides by it."""
        gap = float(self.eigenvalues[i] - self.eigenvalues[j])
        if gap == 0:
            raise ValueError(f"Lambda_{i} = Lambda_{j}: the prediction divides by their gap; use another d")
        return gap

    def sines(self, k: int, of: Literal["displacements", "eigenfunctions"] = "displacements") -> float:
        """Limit of m times the sum of the squared sines of the principal angles.

        Args:
            k: degrees <= k make the space.
            of: "displacements" - the top eigenvectors of the covariance against the T Y; "eigenfunctions" - the top
                eigenfunctions of the empirical kernel against the Y: the same sum without the weight
                Lambda_l'/Lambda_l.

        Raises:
            ValueError: an eigenvalue of degree <= k is zero, or equal to one of a higher degree that is coupled to it.
        """
        v, total = self.eigenvalues, 0.0
        for i in range(k + 1):
            for j in range(k + 1, len(v)):
                term = 2 * self.coupling(i, j)
                if of == "displacements":
                    if v[i] == 0:
                        raise ValueError(f"Lambda_{i} = 0: no displacement has that degree; use another activation")
                    term = term * v[j] / v[i]
                total += term / self._gap(i, j) ** 2 if term else 0.0
        return float(total)


@lru_cache(maxsize=64)
def modes(activation: theory.Activation, d: int) -> Modes:
    """The modes of an activation. Cost: 2 L certified coefficients, some milliseconds."""
    spectrum = theory.ntk_spectrum(activation, d, DEGREES)
    counts = np.array(spectrum.multiplicities, dtype=float)
    degrees = np.arange(DEGREES + 1)
    bent = np.array(
        [float(theory.coefficient(activation, degree, d, 1, power=1).mid()) for degree in range(DEGREES + 1)]
    )
    plain = np.array(
        [0.0, *(float(theory.coefficient(activation, degree, d).mid()) for degree in range(1, DEGREES + 1))]
    )
    return Modes(
        d,
        np.array([float(value.mid()) for value in spectrum.eigenvalues]),
        counts,
        counts * bent**2,
        counts * degrees * (degrees + d - 2) * plain**2 / (d - 1),
        float(spectrum.tail.mid()),
    )


@dataclass(frozen=True)
class GramLaw:
    """The spectrum of the Gram matrix of n inputs and a network of width m.

    Attributes:
        modes: the population. n: inputs. m: width. k: degrees <= k make the large eigenvalues.
    """

    modes: Modes
    n: int
    m: int
    k: int

    @property
    def features(self) -> float:
        """M = m d/2: antisymmetric pairs count once."""
        return self.m * self.modes.d / 2

    def group(self, degrees: Sequence[int]) -> float:
        r"""Mean of the eigenvalues that belong to these degrees, separated from the others.

        .. math:: n\Lambda_l + (1 + n/M) \sum_{l'} N(d,l') \frac{\Lambda_l \Lambda_{l'}}{\Lambda_l - \Lambda_{l'}},

        averaged over the degrees l, l' outside the group. The residue of z^2 at the pole -1/(n Lambda_l) of z(s); terms
        within the group cancel in the sum.
        """
        v, counts = self.modes.eigenvalues, self.modes.counts
        others = [j for j in range(len(v)) if j not in degrees]
        total = 0.0
        for i in degrees:
            pull = sum(counts[j] * v[i] * v[j] / (v[i] - v[j]) for j in others) + self.modes.tail
            total += counts[i] * (self.n * v[i] + (1 + self.n / self.features) * pull)
        return float(total / counts[list(degrees)].sum())

    def bulk(self) -> float:
        """Mean of the n - n_k small eigenvalues: what the groups leave of the trace n K(x,x)."""
        m, low = self.modes, list(range(self.k + 1))
        size = m.counts[low].sum()
        return float((self.n * m.ridge(-1) - size * self.group(low)) / (self.n - size))

    def _curve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(s, z, kappa) from kappa = infinity down to the lower edge, s and z ascending."""
        m = self.modes
        top, bottom = self.n * m.ridge(-1), 1e-4 * m.ridge(self.k) / self.n
        kappa = np.geomspace(top, bottom, 40_001)
        effective = (m.counts * m.eigenvalues / (m.eigenvalues + kappa[:, None])).sum(1) + m.tail / kappa
        share = np.minimum(effective / self.features, 1 - 1e-9)
        z = kappa * (1 - share) * (effective - self.n)
        end = int(np.argmax(np.diff(z) < 0)) + 1
        return 1 / (self.n * kappa[:end] * (1 - share[:end])), z[:end], kappa[:end]

    def smallest(self) -> float:
        """Mean of the smallest eigenvalue: at the edge, or below it where the closest pair makes one.

        A pair with t = <x,x'>/d makes an eigenvalue z(kappa) where |rho(t)| = 1: :mod:`verify.predictions.pairs`.
        """
        return float(self.smallest_at((np.arange(200) + 0.5) / 200).mean())

    def smallest_at(self, levels: np.ndarray) -> np.ndarray:
        """The same where the closest pair is at these of its quantiles, of the shape of ``levels``."""
        s, z, kappa = self._curve()
        last = slice(-60, None)
        curvature = np.polyfit(s[last] - s[-1], z[last], 2)[0]
        edge = z[-1] + TRACY_WIDOM * self.n ** (-2 / 3) * abs(curvature) ** (1 / 3)
        some = np.unique(np.linspace(0, len(z) - 1, 4001).astype(int))
        first = Pairs(self.modes.eigenvalues, self.modes.counts, self.modes.d, self.n).outliers(kappa[some], levels)
        return np.asarray(np.minimum(np.append(z[some], edge)[first], edge))
