r"""The growth of E[g^2] as d grows: what the construction W_Q costs in high dimension.

Notation of :mod:`theory.network.constructions`. Derived in docs/mathematics, :eq:`profile-energy-limit`.
"""

from __future__ import annotations

import math

from flint import arb, fmpq

from theory.activations import Activation, ActivationLike
from theory.balls.ball import refine, square
from theory.funk_hecke.coefficient import integral_bits
from theory.funk_hecke.gaussian_series import coefficient_order, coefficient_term
from theory.funk_hecke.parity import vanishes_for_all
from theory.harmonics.work import Undecided
from theory.network.constructions import check_low_degree
from theory.spectra.expansions import MAX_ORDER


def profile_energy_limit(activation: ActivationLike, k: int, digits: int = 15) -> arb:
    r"""lim_{d -> oo} d^{-(k-1)} E[g^2], from the leading term of each lambda_j(sigma'') as d grows.

    With d^{j/2} lambda_j ~ v_j d^{-r_j}, v_j != 0 (:mod:`theory.spectra.expansions`), and d^{k-1} c_j^2 N(d,j) -> e_j,

    .. math:: E[g^2] \sim \sum_{j = k-1, k-3, \dots} \frac{e_j}{v_j^2}\, d^{\,j + 2 r_j}, \qquad
              e_j = \frac{E[G^{k-1} He_j(G)]^2}{j!} = \frac{((k-1)!)^2}{j!\,(2^i i!)^2}, \quad i = \frac{k-1-j}{2}.

    So the limit is the sum over the j with r_j = i. In general these are j = k-1 alone, with (k-1)!/m_{k-1}^2, m_j =
    E[sigma''(G) He_j(G)]; where m_j = 0 a lower j counts as much: sigma = cos(z) + e^{-1/2} z^2/2 has m_0 = 0 and, at
    k = 3, the limit 2e + 16e.

    Raises:
        ValueError: k < 1; E[g^2] grows faster than d^{k-1}, naming its exponent; a lambda_j(sigma'') is zero for every
            d, so there is no g; or sigma'' grows as fast as e^{z^2/2}, or without a known bound.
        Undecided: a term that is zero, or nearly, without a proof.

    Source: docs/mathematics, :eq:`profile-energy-limit`.

    >>> print(profile_energy_limit(Activation.parse("z**2"), 1))
    0.250000000000000
    >>> print(profile_energy_limit(Activation.parse("cos(z) + exp(-1/2)*z**2/2"), 3).str(12, radius=False))
    48.9290729123
    """
    activation = Activation.of(activation)
    k = check_low_degree(k)
    expr = activation.derivative(2)
    orders = {j: _order(activation, k, j) for j in range(k - 1, -1, -2)}
    growth, j = max((j + 2 * r, j) for j, r in orders.items())
    if growth > k - 1:
        raise ValueError(
            f"E[g^2] of {activation} at k={k} grows as d^{growth}, faster than d^{k - 1}: it has no limit, because "
            f"E[sigma''(G) He_{j}(G)] is zero; take profile_energy at a given d"
        )
    leading = {j: r for j, r in orders.items() if j + 2 * r == k - 1}

    def evaluate(bits: int) -> arb:
        total = arb(0)
        for j, r in leading.items():
            # E[G^{k-1} He_j(G)] at i = r, so that moment^2/j! is e_j.
            moment = fmpq(math.factorial(k - 1), 2**r * math.factorial(r))
            total = total + moment * moment / math.factorial(j) / square(coefficient_term(expr, j, r, bits))
        return total

    subject = f"the limit of d^-{k - 1} E[g^2] of {activation}"
    return refine(evaluate, digits, max_bits=integral_bits(digits, expr), subject=subject)


def _order(activation: Activation, k: int, degree: int) -> int:
    """r with lambda_j(sigma'') of order d^{-j/2-r}."""
    expr = activation.derivative(2)
    if vanishes_for_all(expr, degree):
        raise ValueError(
            f"lambda_{degree}(sigma'') of {activation} is zero at every d: the construction at k={k} divides by it; "
            f"use an activation such as tanh(z + 1)"
        )
    order = coefficient_order(expr, degree, MAX_ORDER, f"sigma'' of {activation}")
    if order is None:
        raise Undecided(
            f"E[g^2] of {activation} at k={k}: the first {MAX_ORDER} terms of lambda_{degree}(sigma'') in 1/d are "
            f"zero, so it grows at least as d^{degree + 2 * MAX_ORDER}"
        )
    return order
