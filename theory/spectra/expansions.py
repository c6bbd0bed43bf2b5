r"""Expansions in 1/d of the eigenvalues: exponent, limiting constant, first correction.

The coefficients d^{j/2} lambda_j are series in 1/d whose terms are Gaussian integrals
(:mod:`theory.funk_hecke.gaussian_series`, which states when that is valid); eigenvalues follow from the exact weights
of :mod:`theory.spectra.eigenvalues`. An eigenvalue is a sum of squares, so its leading terms cannot cancel: where the
terms of single coefficients vanish, which algebra decides, the exponent falls. The expansions give constants, never a
bound at a given d. Derived in docs/mathematics, :eq:`ntk-expansion` and :eq:`quadntk-expansion`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, fmpq

from theory.activations import Activation, ActivationLike
from theory.balls.ball import compare, refine, simplified, square
from theory.balls.exact import ExactlyEqual
from theory.funk_hecke.coefficient import hermite_ball, hermite_coefficient_expr, integral_bits
from theory.funk_hecke.gaussian_series import coefficient_series, coefficient_term
from theory.funk_hecke.parity import vanishes
from theory.harmonics.sphere import check_degree
from theory.harmonics.work import Undecided, evaluation
from theory.spectra.eigenvalues import NTK, QUADNTK, TangentKernel

MAX_ORDER = 6
"""Terms of the expansion that are searched for the leading one before the eigenvalue counts as undecided."""

Monomials = dict[tuple[int, int], sp.Rational]
"""A quadratic form in m_0, m_1, ...: (i, j), i <= j, stands for m_i m_j."""


@dataclass(frozen=True, eq=False)
class Expansion(ExactlyEqual):
    """eigenvalue = d^exponent (limit + correction/d + O(d^-2)), with ``limit`` not zero.

    Attributes:
        exponent: an integer, or None when the eigenvalue is proved to be zero for every d (parity).
        limit, correction: flint.arb balls, or SymPy expressions from the ``_expr`` functions.
    """

    exponent: int | None
    limit: Any
    correction: Any


@lru_cache(maxsize=256)
def _leading_weights(kernel: TangentKernel, degree: int) -> dict[int, tuple[int, sp.Rational]]:
    """By j: (n, w) with weight * d^{-j} ~ w d^{e-n}, e the exponent of :func:`eigenvalue_series`."""
    x = sp.Symbol("x", positive=True)
    scaled = {
        j: sp.cancel(w.subs(sp.Symbol("d"), 1 / x) * x**j) for j, w in kernel.weights(degree, sp.Symbol("d")).items()
    }
    powers = {j: _valuation(w, x) for j, w in scaled.items()}
    first = min(powers.values())
    return {j: (powers[j] - first, sp.cancel(w * x ** -powers[j]).subs(x, 0)) for j, w in scaled.items()}


@lru_cache(maxsize=256)
def eigenvalue_series(kernel: TangentKernel, degree: int, order: int) -> tuple[int, tuple[Monomials, ...]]:
    r"""(e, terms) with eigenvalue ~ d^e sum_n d^{-n} terms[n], n = 0..order; the first terms may be empty.

    The weight of lambda_j^2 is rational in d, expanded at infinity; lambda_j^2 = d^{-j} (d^{j/2} lambda_j)^2.
    """
    x = sp.Symbol("x", positive=True)
    d = 1 / x  # an expansion in 1/d at infinity is a power series in x at 0
    weights = {j: sp.cancel(w.subs(sp.Symbol("d"), d)) for j, w in kernel.weights(degree, sp.Symbol("d")).items()}
    # Leading power of x in weight * x^j.
    powers = {j: j + _valuation(w, x) for j, w in weights.items()}
    first = min(powers.values())
    terms: list[Monomials] = [{} for _ in range(order + 1)]
    for j, weight in weights.items():
        scaled = sp.cancel(weight * x ** (j - first))
        rational = sp.Poly(sp.series(scaled, x, 0, order + 1).removeO(), x)
        squares = _square(coefficient_series(j, order), order)
        for n in range(order + 1):
            for (r,), w in rational.terms():
                if r <= n:
                    for pair, value in squares[n - r].items():
                        terms[n][pair] = terms[n].get(pair, sp.Integer(0)) + w * value
    return -first, tuple({p: v for p, v in term.items() if v != 0} for term in terms)


def _valuation(expr: sp.Expr, x: sp.Symbol) -> int:
    """The power of x with which a quotient of polynomials begins at x = 0."""
    numerator, denominator = (sp.Poly(part, x) for part in sp.fraction(sp.together(expr)))
    return int(min(m[0] for m in numerator.monoms()) - min(m[0] for m in denominator.monoms()))


def _square(series: list[dict[int, sp.Rational]], order: int) -> list[Monomials]:
    """The square of a series in 1/d whose terms are linear in the m_n, up to ``order``."""
    result: list[Monomials] = [{} for _ in range(order + 1)]
    for r, left in enumerate(series):
        for s, right in enumerate(series[: order + 1 - r]):
            for i, u in left.items():
                for j, v in right.items():
                    pair = (min(i, j), max(i, j))
                    result[r + s][pair] = result[r + s].get(pair, sp.Integer(0)) + u * v
    return result


def _term(kernel: TangentKernel, activation: Activation, degree: int, n: int, bits: int) -> arb:
    """Term n of the expansion, a quadratic form in Gaussian integrals, at a working precision."""
    expr = activation.derivative(kernel.order)
    _, terms = eigenvalue_series(kernel, degree, MAX_ORDER)
    products = (
        hermite_ball(expr, i, bits) * hermite_ball(expr, j, bits) * fmpq(int(w.p), int(w.q))
        for (i, j), w in terms[n].items()
    )
    return sum(products, arb(0))


def _certified_term(kernel: TangentKernel, activation: Activation, degree: int, n: int, digits: int) -> arb:
    subject = f"term {n} of the expansion in 1/d of eigenvalue {degree} of the {kernel.name} of {activation}"
    return refine(
        lambda bits: _term(kernel, activation, degree, n, bits),
        digits,
        max_bits=integral_bits(digits),
        subject=subject,
    )


def _leading(kernel: TangentKernel, expr: sp.Expr, degree: int, n: int, bits: int) -> arb:
    """Term n of the eigenvalue where all before are zero: the squares of the coefficients' terms of that order."""
    # All earlier terms of this sum of squares are zero, so the series of each coefficient begins no earlier than at r.
    # Of its square, term 2r is then the square of term r alone.
    total = arb(0)
    for j, (offset, weight) in _leading_weights(kernel, degree).items():
        r, odd = divmod(n - offset, 2)
        if r >= 0 and not odd and not vanishes(expr, j):
            total = total + fmpq(int(weight.p), int(weight.q)) * square(coefficient_term(expr, j, r, bits))
    return total


def leading_term(
    kernel: TangentKernel, activation: Activation, degree: int, digits: int = 15
) -> tuple[int, arb] | None:
    """(n, value) of the first term that is not zero, None when the eigenvalue is proved to be zero for every d.

    Raises:
        Undecided: a term that is zero, or nearly, without a proof; or every term that is searched is zero.
    """
    expr, degree = activation.derivative(kernel.order), check_degree(degree)
    if all(vanishes(expr, j) for j in _leading_weights(kernel, degree)):
        return None
    subject = f"eigenvalue {degree} of the {kernel.name} of {activation}"
    for n in range(MAX_ORDER):
        value = refine(
            lambda bits, n=n: _leading(kernel, expr, degree, n, bits),  # type: ignore[misc]
            digits,
            max_bits=integral_bits(digits),
            subject=f"term {n} of the expansion in 1/d of {subject}",
        )
        if not value.is_zero():
            return n, value
    raise Undecided(
        f"{subject}: its first {MAX_ORDER} terms in 1/d are zero, so it falls faster than they tell; "
        f"take the eigenvalue at a given d"
    )


def _expansion(kernel: TangentKernel, activation: Activation, degree: int, digits: int) -> Expansion:
    degree = check_degree(degree)
    with evaluation(f"the expansion in 1/d of eigenvalue {degree} of the {kernel.name} of {activation}"):
        return _expanded(kernel, activation, degree, digits)


def _expanded(kernel: TangentKernel, activation: Activation, degree: int, digits: int) -> Expansion:
    exponent, _ = eigenvalue_series(kernel, degree, MAX_ORDER)
    leading = leading_term(kernel, activation, degree, digits)
    if leading is None:
        return Expansion(None, arb(0), arb(0))
    n, limit = leading
    try:
        correction = _certified_term(kernel, activation, degree, n + 1, digits)
    except Undecided:
        # It may be zero without a proof, as for sin(z + pi/4) at l = 2: then its ball around zero is the answer.
        correction = _term(kernel, activation, degree, n + 1, integral_bits(digits))
    return Expansion(exponent - n, limit, correction)


def _expansion_expr(kernel: TangentKernel, activation: Activation, degree: int) -> Expansion:
    degree = check_degree(degree)
    with evaluation(f"the closed expansion in 1/d of eigenvalue {degree} of the {kernel.name} of {activation}"):
        return _expanded_expr(kernel, activation, degree)


def _expanded_expr(kernel: TangentKernel, activation: Activation, degree: int) -> Expansion:
    exponent, terms = eigenvalue_series(kernel, degree, MAX_ORDER)

    def value(n: int) -> sp.Expr:
        total = sp.Add(
            *(
                w
                * hermite_coefficient_expr(activation, i, kernel.order)
                * hermite_coefficient_expr(activation, j, kernel.order)
                for (i, j), w in terms[n].items()
            )
        )
        return simplified(total)

    expr = activation.derivative(kernel.order)
    if all(vanishes(expr, j) for j in _leading_weights(kernel, degree)):
        return Expansion(None, sp.Integer(0), sp.Integer(0))
    for n in range(MAX_ORDER):
        limit = value(n)
        if compare(limit, sp.Integer(0)):  # decided: by algebra, or by a ball that excludes zero
            return Expansion(exponent - n, limit, value(n + 1))
    raise Undecided(
        f"eigenvalue {degree} of the {kernel.name} of {activation}: its first {MAX_ORDER} terms in 1/d are zero, so it "
        f"falls faster than they tell; take the eigenvalue at a given d"
    )


def ntk_expansion(activation: ActivationLike, degree: int, digits: int = 15) -> Expansion:
    r"""Exponent, limit and first 1/d correction of Lambda_l, certified.

    For l >= 1 with m_{l-1}(sigma') != 0 the exponent is -(l-1), the limit l m_{l-1}^2 = l! mu_{l-1}^2 and the
    correction -2l(l-1) m_{l-1}^2 - 2 l m_{l-1} [(l-1)(l-2) m_{l-1} + (l-1) m_{l+1} + m_{l+3}/4] + m_{l+1}^2. Where
    leading terms vanish exactly (decided by parity and algebra), the exponent falls accordingly.

    Args:
        activation: sigma, with |sigma'(z)| <= C e^{q z^2} for some q < 1/2.
        degree: l >= 0.
        digits: relative digits of the limit; of the correction too unless it is zero without a proof.

    Raises:
        ValueError: degree < 0, no bound on the growth of sigma' is known, or it grows as fast as e^{z^2/2}.
        Undecided: a leading term that is zero, or nearly, without a proof; or the first six are zero.

    Source: docs/mathematics, :eq:`ntk-expansion`.

    >>> expansion = ntk_expansion(Activation.parse("z**2"), 2)  # Lambda_2 = 8/(d+2)
    >>> expansion.exponent, str(expansion.limit), str(expansion.correction)
    (-1, '8.00000000000000', '-16.0000000000000')
    """
    activation = Activation.of(activation)
    return _expansion(NTK, activation, degree, digits)


def ntk_expansion_expr(activation: ActivationLike, degree: int) -> Expansion:
    """The expansion of :func:`ntk_expansion`, :eq:`ntk-expansion`, with SymPy expressions.

    Raises:
        NoClosedForm: as :func:`theory.hermite_coefficient_expr`.

    >>> ntk_expansion_expr(Activation.parse("sin(z + pi/4)"), 3)
    Expansion(exponent=-2, limit=3*exp(-1)/2, correction=-25*exp(-1)/4)
    """
    activation = Activation.of(activation)
    return _expansion_expr(NTK, activation, degree)


def quadntk_expansion(activation: ActivationLike, degree: int, digits: int = 15) -> Expansion:
    r"""Exponent, limit and first 1/d correction of Q_l, certified; arguments and errors as :func:`ntk_expansion`.

    In general Q_0 ~ (d/4) m_0^2, Q_1 -> (3/4) m_1^2 and d^{l-2} Q_l -> l(l-1)/4 m_{l-2}^2, m_j = m_j(sigma'').
    Source: docs/mathematics, :eq:`quadntk-expansion`.

    >>> quadntk_expansion(Activation.parse("z**2"), 0).exponent
    1
    """
    activation = Activation.of(activation)
    return _expansion(QUADNTK, activation, degree, digits)


def quadntk_expansion_expr(activation: ActivationLike, degree: int) -> Expansion:
    """The expansion of :func:`quadntk_expansion`, :eq:`quadntk-expansion`, with SymPy expressions.

    Raises:
        NoClosedForm: as :func:`theory.hermite_coefficient_expr`.

    >>> quadntk_expansion_expr(Activation.parse("z**2"), 0)
    Expansion(exponent=1, limit=1, correction=0)
    """
    activation = Activation.of(activation)
    return _expansion_expr(QUADNTK, activation, degree)
