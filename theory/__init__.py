"""Exact and certified mathematics of two-layer networks near initialisation.

Spectra of the NTK and the QuadNTK, the coefficients behind them, their expansions as d grows, the norms of the
constructions, rates with their derivations, learning curves. Every number leaves as a ``flint.arb`` (midpoint and
certified radius) or as a SymPy expression, in which d may be a symbol; only learning curves are floats.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.activations import Activation
    from theory.balls.hypergeometric import humbert_phi3
    from theory.bounds.all_dimensions import AllDimensionBounds, bounds_for_all_dimensions
    from theory.bounds.degrees import LearnableDegrees, learnable_degrees
    from theory.funk_hecke.coefficient import (
        certified,
        coefficient,
        coefficient_expr,
        hermite_coefficient,
        hermite_coefficient_expr,
    )
    from theory.funk_hecke.parity import vanishes
    from theory.funk_hecke.rodrigues import coefficient_rodrigues, rodrigues_form
    from theory.funk_hecke.summands import NoClosedForm
    from theory.funk_hecke.tables import coefficients
    from theory.golden.constants import GoldenConstant, golden_constants
    from theory.harmonics.gegenbauer import legendre, monomial_coefficients, multiplication
    from theory.harmonics.sphere import cumulative_multiplicity, moment, multiplicity
    from theory.harmonics.work import Undecided, WorkLimit, work_limit
    from theory.learning.curve import LearningCurve, learning_curve
    from theory.learning.derivation import Derivation, Step
    from theory.learning.floors import risk_floor, samples_necessary
    from theory.learning.learning_curve import (
        effective_regularization,
        kernel_ridge_risk,
        learnabilities,
        optimal_ridge,
        samples_for_risk,
    )
    from theory.learning.rademacher import linear_rademacher, quadratic_rademacher
    from theory.learning.rates import RATES
    from theory.learning.separation import SeparationTheorem, separation_theorem
    from theory.network.constructions import (
        dense_norm,
        dense_norm_expr,
        profile_energy,
        profile_energy_expr,
        sparse_norm,
        sparse_profile,
        sparse_profile_expr,
    )
    from theory.network.energy_limit import profile_energy_limit
    from theory.network.signs import random_sign_energy, slope_covariance, slope_covariance_expr, sparse_sign_energy
    from theory.network.taylor import (
        TaylorSums,
        TaylorTerms,
        neuron_term,
        range_radius,
        remainder_bound,
        taylor_sums,
        taylor_terms,
        third_derivative_bound,
    )
    from theory.spectra.decisions import coefficient_sign, hermite_sign, learnable
    from theory.spectra.deep_ntk import deep_relu_ntk
    from theory.spectra.eigenvalue_signs import EigenvalueSigns, eigenvalue_signs
    from theory.spectra.eigenvalues import (
        effective_ridge,
        ntk_eigenvalue,
        ntk_eigenvalue_expr,
        ntk_tail_bound,
        ntk_trace,
        quadntk_eigenvalue,
        quadntk_eigenvalue_expr,
        quadntk_tail_bound,
        quadntk_trace,
    )
    from theory.spectra.expansions import (
        Expansion,
        ntk_expansion,
        ntk_expansion_expr,
        quadntk_expansion,
        quadntk_expansion_expr,
    )
    from theory.spectra.limits import limit_in_dimension, ntk_limit, ntk_limit_expr
    from theory.spectra.spectrum import Spectrum
    from theory.spectra.tangent_spectra import ntk_spectrum, quadntk_spectrum
    from theory.spectra.zonal_kernel import ZonalKernel
    from theory.spectra.zonal_spectrum import zonal_eigenvalue, zonal_expansion, zonal_spectrum, zonal_trace

__all__ = [
    "RATES",
    "Activation",
    "AllDimensionBounds",
    "Derivation",
    "EigenvalueSigns",
    "Expansion",
    "GoldenConstant",
    "LearnableDegrees",
    "LearningCurve",
    "NoClosedForm",
    "SeparationTheorem",
    "Spectrum",
    "Step",
    "TaylorSums",
    "TaylorTerms",
    "Undecided",
    "WorkLimit",
    "ZonalKernel",
    "bounds_for_all_dimensions",
    "certified",
    "coefficient",
    "coefficient_expr",
    "coefficient_rodrigues",
    "coefficient_sign",
    "coefficients",
    "cumulative_multiplicity",
    "deep_relu_ntk",
    "dense_norm",
    "dense_norm_expr",
    "effective_regularization",
    "effective_ridge",
    "eigenvalue_signs",
    "golden_constants",
    "hermite_coefficient",
    "hermite_coefficient_expr",
    "hermite_sign",
    "humbert_phi3",
    "kernel_ridge_risk",
    "learnabilities",
    "learnable",
    "learnable_degrees",
    "learning_curve",
    "legendre",
    "limit_in_dimension",
    "linear_rademacher",
    "moment",
    "monomial_coefficients",
    "multiplication",
    "multiplicity",
    "neuron_term",
    "ntk_eigenvalue",
    "ntk_eigenvalue_expr",
    "ntk_expansion",
    "ntk_expansion_expr",
    "ntk_limit",
    "ntk_limit_expr",
    "ntk_spectrum",
    "ntk_tail_bound",
    "ntk_trace",
    "optimal_ridge",
    "profile_energy",
    "profile_energy_expr",
    "profile_energy_limit",
    "quadntk_eigenvalue",
    "quadntk_eigenvalue_expr",
    "quadntk_expansion",
    "quadntk_expansion_expr",
    "quadntk_spectrum",
    "quadntk_tail_bound",
    "quadntk_trace",
    "quadratic_rademacher",
    "random_sign_energy",
    "range_radius",
    "remainder_bound",
    "risk_floor",
    "rodrigues_form",
    "samples_for_risk",
    "samples_necessary",
    "separation_theorem",
    "slope_covariance",
    "slope_covariance_expr",
    "sparse_norm",
    "sparse_profile",
    "sparse_profile_expr",
    "sparse_sign_energy",
    "taylor_sums",
    "taylor_terms",
    "third_derivative_bound",
    "vanishes",
    "work_limit",
    "zonal_eigenvalue",
    "zonal_expansion",
    "zonal_spectrum",
    "zonal_trace",
]

_HOMES = {
    "theory.activations": "Activation",
    "theory.balls.hypergeometric": "humbert_phi3",
    "theory.harmonics.work": "Undecided WorkLimit work_limit",
    "theory.bounds.all_dimensions": "AllDimensionBounds bounds_for_all_dimensions",
    "theory.bounds.degrees": "LearnableDegrees learnable_degrees",
    "theory.funk_hecke.coefficient": "certified coefficient coefficient_expr "
    "hermite_coefficient hermite_coefficient_expr",
    "theory.funk_hecke.parity": "vanishes",
    "theory.funk_hecke.rodrigues": "coefficient_rodrigues rodrigues_form",
    "theory.funk_hecke.summands": "NoClosedForm",
    "theory.funk_hecke.tables": "coefficients",
    "theory.golden.constants": "GoldenConstant golden_constants",
    "theory.harmonics.gegenbauer": "legendre monomial_coefficients multiplication",
    "theory.harmonics.sphere": "cumulative_multiplicity moment multiplicity",
    "theory.learning.curve": "LearningCurve learning_curve",
    "theory.learning.derivation": "Derivation Step",
    "theory.learning.floors": "risk_floor samples_necessary",
    "theory.learning.learning_curve": "effective_regularization kernel_ridge_risk learnabilities "
    "optimal_ridge samples_for_risk",
    "theory.learning.rademacher": "linear_rademacher quadratic_rademacher",
    "theory.learning.rates": "RATES",
    "theory.learning.separation": "SeparationTheorem separation_theorem",
    "theory.network.constructions": "dense_norm dense_norm_expr profile_energy profile_energy_expr "
    "sparse_norm sparse_profile sparse_profile_expr",
    "theory.network.energy_limit": "profile_energy_limit",
    "theory.network.signs": "random_sign_energy slope_covariance slope_covariance_expr sparse_sign_energy",
    "theory.network.taylor": "TaylorSums TaylorTerms neuron_term range_radius remainder_bound taylor_sums taylor_terms "
    "third_derivative_bound",
    "theory.spectra.decisions": "coefficient_sign hermite_sign learnable",
    "theory.spectra.deep_ntk": "deep_relu_ntk",
    "theory.spectra.eigenvalue_signs": "EigenvalueSigns eigenvalue_signs",
    "theory.spectra.eigenvalues": "effective_ridge ntk_eigenvalue ntk_eigenvalue_expr ntk_tail_bound ntk_trace "
    "quadntk_eigenvalue quadntk_eigenvalue_expr quadntk_tail_bound quadntk_trace",
    "theory.spectra.expansions": "Expansion ntk_expansion ntk_expansion_expr quadntk_expansion quadntk_expansion_expr",
    "theory.spectra.limits": "limit_in_dimension ntk_limit ntk_limit_expr",
    "theory.spectra.spectrum": "Spectrum",
    "theory.spectra.tangent_spectra": "ntk_spectrum quadntk_spectrum",
    "theory.spectra.zonal_kernel": "ZonalKernel",
    "theory.spectra.zonal_spectrum": "zonal_eigenvalue zonal_expansion zonal_spectrum zonal_trace",
}
"""Where the public names are written, by module."""


def __getattr__(name: str) -> Any:
    """A public name on first use: SymPy and python-flint are loaded with the first module that computes."""
    for home, names in _HOMES.items():
        if name in names.split():
            globals()[name] = found = getattr(import_module(home), name)
            return found
    raise AttributeError(f"module 'theory' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, whether loaded or not."""
    return sorted({*globals(), *__all__})
