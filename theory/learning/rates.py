"""The exponents of the theory by name, each with a derivation that SymPy checks step by step.

In d: ``ntk_eigenvalue`` (l), ``linear_norm`` and ``quadratic_norm`` (k), ``ntk_samples`` and ``ntk_samples_necessary``
(p), ``ntk_alone_samples``, ``quadntk_samples`` and ``joint_samples`` (k). In m, numbers: ``width_signs_*`` at
|W_r| = m^{-1/4} with random signs, ``width_coherent_*`` at m^{-1/4} without, ``width_lazy_*`` at m^{-1/2}; each for the
linear and the quadratic term and the remainder, with random signs also for the third and the fourth order.

>>> RATES["joint_samples"].exponent, RATES["ntk_alone_samples"].exponent
(k, k + 1)
>>> RATES["quadratic_norm"].check()
>>> print(RATES["ntk_samples_necessary"].steps[3].relation)
n_min <= n
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from theory.learning.derivation import Derivation, Exponent, Step
from theory.learning.sample_rates import (
    JOINT_SAMPLES,
    NTK_ALONE_SAMPLES,
    NTK_SAMPLES,
    NTK_SAMPLES_NECESSARY,
    QUADNTK_SAMPLES,
)
from theory.learning.spectral_rates import LINEAR_NORM, NTK_EIGENVALUE, QUADRATIC_NORM
from theory.learning.width_rates import WIDTH_RATES

__all__ = ["RATES", "Derivation", "Exponent", "Step"]

RATES: Mapping[str, Derivation] = MappingProxyType(
    {
        derivation.name: derivation
        for derivation in (
            NTK_EIGENVALUE,
            LINEAR_NORM,
            QUADRATIC_NORM,
            NTK_SAMPLES,
            NTK_SAMPLES_NECESSARY,
            NTK_ALONE_SAMPLES,
            QUADNTK_SAMPLES,
            JOINT_SAMPLES,
            *WIDTH_RATES,
        )
    }
)
"""Derivation by name."""
