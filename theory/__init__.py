"""Exact and certified mathematics of two-layer networks near initialisation: spectra, coefficients, Taylor terms.

Every number leaves as a ``flint.arb`` (midpoint and certified radius) or as a SymPy expression.
"""

from theory.activations import Activation
from theory.balls import Undecided
from theory.funk_hecke import (
    NoClosedForm,
    certified,
    coefficient,
    coefficient_expr,
    hermite_coefficient,
    hermite_coefficient_expr,
    vanishes,
)
from theory.gegenbauer import legendre, monomial_coefficients
from theory.learning_curve import kernel_ridge_risk
from theory.spectrum import (
    Spectrum,
    learnable,
    ntk_eigenvalue,
    ntk_eigenvalue_expr,
    ntk_limit,
    ntk_limit_expr,
    ntk_spectrum,
    ntk_tail_bound,
    ntk_trace,
    quadntk_eigenvalue,
)
from theory.sphere import cumulative_multiplicity, moment, multiplicity
from theory.taylor import TaylorTerms, neuron_term, taylor_terms, third_derivative_bound

__all__ = [
    "Activation",
    "NoClosedForm",
    "Spectrum",
    "TaylorTerms",
    "Undecided",
    "certified",
    "coefficient",
    "coefficient_expr",
    "cumulative_multiplicity",
    "hermite_coefficient",
    "hermite_coefficient_expr",
    "kernel_ridge_risk",
    "learnable",
    "legendre",
    "moment",
    "monomial_coefficients",
    "multiplicity",
    "neuron_term",
    "ntk_eigenvalue",
    "ntk_eigenvalue_expr",
    "ntk_limit",
    "ntk_limit_expr",
    "ntk_spectrum",
    "ntk_tail_bound",
    "ntk_trace",
    "quadntk_eigenvalue",
    "taylor_terms",
    "third_derivative_bound",
    "vanishes",
]
