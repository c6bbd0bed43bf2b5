r"""Predicted learning curves of kernel ridge regression: everything here is from the certified spectrum alone.

At finite width the kernel is a mean over m/2 independent neurons with d components each, so it has m d / 2 features in
place of infinitely many. The law behind kappa then gains a relative correction of the order of

.. math:: \delta = \frac{n}{m d / 2},

the share of the features that n samples use up; risks, quadratic in kappa, move by about twice that. Both are entered
in the error budgets as errors that are no matter of chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

import theory
from verify.cells.kernels import Energies
from verify.cells.search import crossing
from verify.judging.outcome import Interval
from verify.judging.statistics import extrapolate
from verify.predictions.pairs import Pairs
from verify.sizes.profile import parse

DEGREES = 12
"""Largest degree listed; what lies above enters through the trace."""
FAR = (64, 128, 256, 512)
"""Dimensions, each twice the one before, at which the exponent of the predicted n*(d) is read off."""


@lru_cache(maxsize=256)
def spectrum(activation: str, d: int) -> theory.Spectrum:
    """Lambda_0 .. Lambda_12 and the trace above."""
    return theory.ntk_spectrum(parse(activation), d, DEGREES)


def crowding(n: float, m: int, d: int) -> float:
    """delta = n / (m d / 2)."""
    return 2 * n / (m * d)


@dataclass(frozen=True)
class Curve:
    """A learning curve at fixed ridges.

    Attributes:
        activation, d: of the kernel.
        energies: of the target.
        scale: c, for the kernel c K.
        tail: whether the kernel has degrees above the target's, which act on it as an implicit ridge.
    """

    activation: str
    d: int
    energies: Energies
    scale: float = 1.0
    tail: bool = True

    @property
    def _spectrum(self) -> theory.Spectrum:
        from flint import arb

        full = spectrum(self.activation, self.d)
        if self.tail:
            return full
        kept = max(dict(self.energies)) + 1
        return replace(
            full,
            degrees=full.degrees[:kept],
            multiplicities=full.multiplicities[:kept],
            eigenvalues=full.eigenvalues[:kept],
            tail=arb(0),
        )

    def risk(self, n: int, ridge: float) -> float:
        """Test risk. A kernel multiplied by c with a ridge is the kernel with ridge / c."""
        return theory.kernel_ridge_risk(self._spectrum, n, ridge / self.scale, dict(self.energies))

    def kappa(self, n: int, ridge: float) -> float:
        """kappa, in the units of the scaled kernel."""
        return self.scale * theory.effective_regularization(self._spectrum, n, ridge / self.scale)

    def inverse_trace(self, n: int, ridge: float) -> float:
        """1/tr (K + ridge)^{-1}: kappa, lowered by close pairs of inputs to first order in their excess."""
        listed, kappa = self._spectrum, self.kappa(n, ridge)
        eigenvalues = np.array([float(x.mid()) for x in listed.eigenvalues])
        pairs = Pairs(eigenvalues, np.array(listed.multiplicities, dtype=float), self.d, n)
        return kappa * (1 - pairs.excess(kappa / self.scale))

    def training(self, n: int, ridge: float) -> float:
        """Mean squared residual on the training inputs, (ridge / (n kappa))^2 times the risk (arXiv:2110.03922)."""
        return (ridge / (n * self.kappa(n, ridge))) ** 2 * self.risk(n, ridge)


def best_risk(activation: str, d: int, n: int, energies: Energies) -> float:
    """Risk at the best ridge."""
    listed, target = spectrum(activation, d), dict(energies)
    return theory.kernel_ridge_risk(listed, n, theory.optimal_ridge(listed, n, target), target)


@lru_cache(maxsize=1024)
def samples_needed(activation: str, d: int, energies: Energies, level: float) -> float:
    """n*(d): where the risk at the best ridge falls to ``level``, between two integers by the logarithm of the risk."""
    n = theory.samples_for_risk(spectrum(activation, d), level, dict(energies))
    before, after = (best_risk(activation, d, count, energies) for count in (n - 1, n))
    return n - 1 + math.log(before / level) / math.log(before / after)


@lru_cache(maxsize=1024)
def interpolation_error(activation: str, d: int, energies: Energies, level: float, samples: tuple[int, ...]) -> float:
    """|log| of the ratio of n* read off the predicted curve on the grid ``samples`` to the exact one."""
    exact = samples_needed(activation, d, energies, level)
    end = next((i for i, n in enumerate(samples) if n >= exact), len(samples) - 1)
    pair = samples[max(end - 1, 0) : end + 1]
    found = crossing(pair, [best_risk(activation, d, n, energies) for n in pair], level)
    return abs(math.log(found / exact)) if math.isfinite(found) else math.inf


@lru_cache(maxsize=64)
def far_exponent(activation: str, energies: Energies, level: float) -> Interval:
    """Exponent of the predicted n*(d) as d grows.

    Its local exponents over the doublings of :data:`FAR` converge as 1/d and are extrapolated.
    """
    counts = [samples_needed(activation, d, energies, level) for d in FAR]
    local = [math.log(b / a) / math.log(2) for a, b in pairwise(counts)]
    return extrapolate(FAR[1:], local)
