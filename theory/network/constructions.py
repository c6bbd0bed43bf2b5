r"""What the constructions W_L and W_Q cost: exact norms, certified and symbolic in d.

**Sparse part.** For alpha <beta,x>^{k+1} the construction W_Q (docs/mathematics, :eq:`sparse-displacement`) rests on

.. math:: g(u) = d^{(k-1)/2} \sum_{j = k-1, k-3, \dots} \frac{c_j N(d,j)}{\lambda_j(\sigma'')} P_j(u),
          \qquad c_j = E_\tau[t^{k-1} P_j(t)],

for which E_w[sigma''(<w,x>) g(<beta,w>)] = <beta,x>^{k-1}; u = <beta,w> has law tau_d. As m grows, ||W_Q||_{2,4}^4 ->
8 alpha^2 E[g^2] with E[g^2] = Theta(d^{k-1}).

**Dense part.** ||W_L||^2 = sum_l ||f_l||^2 / Lambda_l in the limit of infinite width.

Derived in docs/mathematics, :eq:`sparse-profile`, :eq:`sparse-norm` and :eq:`dense-norm`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from theory.activations import Activation, ActivationLike
from theory.balls.arithmetic import SYMBOLS
from theory.balls.ball import compare, digits_to_bits, is_zero, refine, square
from theory.balls.exact import as_ball
from theory.balls.precision import exclusive
from theory.funk_hecke.closed_forms import sphere_sum
from theory.funk_hecke.coefficient import coefficient_ball, integral_bits
from theory.harmonics.gegenbauer import monomial_coefficients, unchecked_legendre
from theory.harmonics.sphere import (
    Dimension,
    by_degree,
    check_degree,
    check_dimension,
    integer_dimension,
    is_number,
    multiplicity,
    shown,
)
from theory.harmonics.work import evaluation, watched
from theory.spectra.eigenvalues import NTK, eigenvalue_ball, ntk_eigenvalue_expr

GUARD_BITS = 32


def check_low_degree(k: int) -> int:
    """Return ``k`` when it is an integer >= 1; ValueError otherwise."""
    number = check_degree(k, "k")
    if number < 1:
        raise ValueError(f"k={number}: needs k >= 1, the sparse monomial has degree k + 1")
    return number


def _profile_weights(k: int, d: Dimension) -> dict[int, sp.Expr]:
    """c_j N(d,j) by j: what stands over lambda_j(sigma'') in g, without d^{(k-1)/2}."""
    return {j: c * multiplicity(d, j) for j, c in monomial_coefficients(k - 1, d).items()}


def profile_ball(activation: Activation, k: int, d: int, bits: int) -> dict[int, arb]:
    """The coefficients of :func:`sparse_profile` at a working precision; the caller refines."""
    expr = activation.derivative(2)
    result = {}
    # No cancellation: each coefficient is a rational number over one lambda_j, which is needed to full precision.
    for j, weight in _profile_weights(k, d).items():
        curvature = coefficient_ball(expr, j, d, bits)
        if curvature.is_zero():
            raise ValueError(
                f"lambda_{j}(sigma'') of {activation} is zero at d={d}: the construction divides by it; use an "
                f"activation such as tanh(z + 1)"
            )
        result[j] = arb(d).sqrt() ** (k - 1) * fmpq(int(weight.p), int(weight.q)) / curvature
    return result


def _profile_part(activation: Activation, k: int, d: int, j: int, bits: int) -> arb:
    return profile_ball(activation, k, d, bits)[j]


def sparse_profile(activation: ActivationLike, k: int, d: int, digits: int = 15) -> dict[int, arb]:
    r"""The coefficients of P_j in g, by degree j = k-1, k-3, ...: d^{(k-1)/2} c_j N(d,j) / lambda_j(sigma'').

    Args:
        activation: sigma, twice differentiable.
        k: low degree >= 1; the monomial has degree k + 1.
        d: dimension, 3 <= d <= 10**6.
        digits: relative decimal digits to certify.

    Raises:
        ValueError: k < 1, d < 3, or some lambda_j(sigma'') proved to be zero.
        Undecided: such a coefficient could not be told from zero.

    Cost: one coefficient for each j. Source: docs/mathematics, :eq:`sparse-profile`.

    >>> sparse_profile(Activation.parse("z**2"), 1, 10)  # sigma'' = 2, g = 1/2
    {0: 0.500000000000000}
    """
    activation = Activation.of(activation)
    k, d = check_low_degree(k), integer_dimension(d)
    subject = f"g of {activation} at k={k}, d={d}"
    return {
        j: refine(
            partial(_profile_part, activation, k, d, j),
            digits,
            max_bits=integral_bits(digits, activation.derivative(2)),
            subject=subject,
        )
        for j in _profile_weights(k, d)
    }


def sparse_profile_expr(activation: ActivationLike, k: int, d: Dimension, u: sp.Expr) -> sp.Expr:
    """g(u) in closed form, :eq:`sparse-profile`; ``d`` may be a symbol.

    Raises:
        NoClosedForm: no closed form for lambda_j(sigma'').
        ValueError: k < 1, d < 3, or a lambda_j(sigma'') that is zero.
        WorkLimit: it took longer than :func:`theory.work_limit` allows.

    >>> sparse_profile_expr(Activation.parse("exp(z) - z"), 2, sp.Symbol("d"), sp.Symbol("u"))
    d*u/hyper((), (d/2 + 1,), d/4)
    """
    activation = Activation.of(activation)
    k, d = check_low_degree(k), check_dimension(d)
    with evaluation(f"g of {activation} at k={k} in closed form"):
        return watched(_profile_expr, activation, k, d, u)


def _profile_expr(activation: Activation, k: int, d: Dimension, u: sp.Expr) -> sp.Expr:
    weights = _profile_weights(k, d)
    terms = (
        weights[j] / curvature * unchecked_legendre(j, d, u)
        for j, curvature in _curvatures_expr(activation, k, d).items()
    )
    return sp.sqrt(d) ** (k - 1) * sp.Add(*terms)


def _curvatures_expr(activation: Activation, k: int, d: Dimension) -> dict[int, sp.Expr]:
    """lambda_j(sigma'') in closed form for the j that the construction divides by."""
    result = {}
    for j in _profile_weights(k, d):
        result[j] = sphere_sum(activation.derivative(2), j, d, SYMBOLS)
        if _is_zero(result[j], d):
            raise ValueError(f"lambda_{j}(sigma'') of {activation} is zero: the construction divides by it")
    return result


def _is_zero(value: sp.Expr, d: Dimension) -> bool:
    """Whether a closed form is zero: at this d, or for every d when it is a symbol. Undecided without a proof."""
    if sp.expand(value) == 0:
        return True
    if isinstance(d, int):
        return compare(value, sp.Integer(0)) == 0
    # Three dimensions first: what is not zero at one of them is not zero, and simplifying may take long.
    return is_zero(value) if all(compare(value.subs(d, at), 0) == 0 for at in (5, 8, 11)) else False


def _energy_ball(activation: Activation, k: int, d: int, bits: int) -> arb:
    profile = profile_ball(activation, k, d, bits)
    return sum((square(value) / multiplicity(d, j) for j, value in profile.items()), arb(0))


def profile_energy(activation: ActivationLike, k: int, d: int, digits: int = 15) -> arb:
    r"""E[g^2] = d^{k-1} sum_j c_j^2 N(d,j) / lambda_j(sigma'')^2, because E[P_j^2] = 1/N(d,j).

    Arguments, errors and cost as :func:`sparse_profile`. Theta(d^{k-1}), with the constant of
    :func:`theory.profile_energy_limit`. Source: docs/mathematics, :eq:`sparse-norm`.

    >>> print(profile_energy(Activation.parse("sin(z + pi/4)"), 2, 20).str(6, radius=False))
    101.093
    """
    return _energy(activation, k, d, digits, 0)


def _energy(activation: ActivationLike, k: int, d: int, digits: int, spare: int) -> arb:
    """:func:`profile_energy` to ``spare`` digits more, for a value that it enters."""
    activation = Activation.of(activation)
    k, d = check_low_degree(k), integer_dimension(d)
    return refine(
        lambda bits: _energy_ball(activation, k, d, bits),
        digits,
        max_bits=integral_bits(digits, activation.derivative(2)),
        subject=f"E[g^2] of {activation} at k={k}, d={d}",
        spare=spare,
    )


def profile_energy_expr(activation: ActivationLike, k: int, d: Dimension) -> sp.Expr:
    """E[g^2] in closed form, :eq:`sparse-norm`; ``d`` may be a symbol. Errors as :func:`sparse_profile_expr`.

    >>> profile_energy_expr(Activation.parse("z**2"), 1, sp.Symbol("d"))
    1/4
    """
    activation = Activation.of(activation)
    k, d = check_low_degree(k), check_dimension(d)
    coefficients = monomial_coefficients(k - 1, d)
    terms = (
        coefficients[j] ** 2 * multiplicity(d, j) / curvature**2
        for j, curvature in _curvatures_expr(activation, k, d).items()
    )
    return d ** (k - 1) * sp.Add(*terms)


def sparse_norm(activation: ActivationLike, k: int, d: int, alpha: Any = 1, digits: int = 15) -> arb:
    r"""lim_{m -> oo} ||W_Q||_{2,4}^4 = 8 alpha^2 E[g^2] for alpha <beta,x>^{k+1}.

    One neuron of each antisymmetric pair is active, with |W_r|^4 = 16 alpha^2 g^2 / m: (m/2) 16/m = 8.

    Args:
        activation: sigma, twice differentiable.
        k: low degree >= 1.
        d: dimension, 3 <= d <= 10**6.
        alpha: int, SymPy Rational, arb or float (which counts as the exact binary number it is); the radius of an arb
            is passed on.
        digits: relative decimal digits to certify.

    Raises:
        ValueError: as :func:`sparse_profile`, or an alpha that is no finite number.
        Undecided: as :func:`sparse_profile`.

    Source: docs/mathematics, :eq:`sparse-norm`.

    >>> print(sparse_norm(Activation.parse("sin(z + pi/4)"), 1, 20, sp.Rational(7, 10)).str(6, radius=False))
    21.8310
    """
    activation = Activation.of(activation)
    energy = _energy(activation, k, d, digits, 1)
    with exclusive, ctx.workprec(digits_to_bits(digits) + GUARD_BITS):
        return 8 * square(as_ball("alpha", alpha)) * energy


def dense_norm(activation: ActivationLike, d: int, energies: Mapping[int, Any], digits: int = 15) -> arb:
    r"""||W_L||^2 = sum_l ||f_l||^2 / Lambda_l of the least-norm W_L with f_L(W_L) = f, at infinite width.

    Args:
        activation: sigma, differentiable.
        d: dimension, 3 <= d <= 10**6.
        energies: ||f_l||^2 in L2 by degree, numbers as alpha in :func:`sparse_norm`; ``{l: 1}`` gives the norm per unit
            energy of degree l, 1/Lambda_l = Theta(d^{l-1}).
        digits: relative decimal digits to certify.

    Raises:
        ValueError: d < 3, a negative degree or energy, or Lambda_l proved to be zero for a degree with energy.
        Undecided: Lambda_l could not be told from zero.

    Cost: two coefficients for each degree. Source: docs/mathematics, :eq:`dense-norm`.

    >>> print(dense_norm(Activation.parse("z"), 10, {1: 3}))
    3.00000000000000
    """
    activation = Activation.of(activation)
    d = integer_dimension(d)
    parts = by_degree("energies", energies)
    for degree, energy in parts.items():
        if not as_ball(f"energies[{degree}]", energy) >= 0:
            raise ValueError(f"energies[{degree}]={shown(energy)}: needs a number >= 0")

    def evaluate(bits: int) -> arb:
        total = arb(0)
        for degree, given in parts.items():
            energy = as_ball(f"energies[{degree}]", given)
            if energy.is_zero():
                continue
            value = eigenvalue_ball(NTK, activation, degree, d, bits)
            if value.is_zero():
                raise ValueError(f"Lambda_{degree} of {activation} is zero: the NTK cannot express degree {degree}")
            total = total + energy / value
        return total

    limit = integral_bits(digits, activation.derivative(1))
    return refine(evaluate, digits, max_bits=limit, subject=f"|W_L|^2 of {activation} at d={d}")


def _may_be_real(energy: sp.Expr) -> bool:
    """False only when SymPy knows better: a symbol without assumptions may be real."""
    return energy.is_real is not False and energy.is_finite is not False


def dense_norm_expr(activation: ActivationLike, d: Dimension, energies: Mapping[int, Any]) -> sp.Expr:
    """||W_L||^2 in closed form, :eq:`dense-norm`; ``d`` and the energies may be symbols.

    Raises:
        NoClosedForm: as :func:`theory.ntk_eigenvalue_expr`.
        ValueError: a Lambda_l that is zero for a degree with energy, a negative energy, d < 3 or a negative degree.

    >>> dense_norm_expr(Activation.parse("z**2"), sp.Symbol("d"), {2: sp.Symbol("E_2")})
    E_2*(d/8 + 1/4)
    """
    activation = Activation.of(activation)
    total = sp.Integer(0)
    for degree, given in by_degree("energies", energies).items():
        energy = sp.sympify(given) if is_number(given) else sp.nan
        if not isinstance(energy, sp.Expr) or energy.is_negative or energy is sp.nan or not _may_be_real(energy):
            raise ValueError(f"energies[{degree}]={shown(given)}: needs a number >= 0, or a symbol")
        if energy == 0:
            continue
        value = ntk_eigenvalue_expr(activation, degree, d)
        if _is_zero(value, d):
            raise ValueError(f"Lambda_{degree} of {activation} is zero: the NTK cannot express degree {degree}")
        total += energy / (sp.cancel(value) if value.is_rational_function() else value)
    return total
