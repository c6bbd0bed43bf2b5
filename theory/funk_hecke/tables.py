"""Lists of coefficients lambda_0, ..., lambda_L: by one table where one set of nodes serves all, else one by one."""

from __future__ import annotations

import sympy as sp
from flint import arb, ctx

from theory.activations import ActivationLike
from theory.balls.ball import digits_to_bits
from theory.balls.functions import written
from theory.balls.precision import exclusive
from theory.balls.strip import NotAnalytic
from theory.balls.trapezoid import coefficient_table
from theory.funk_hecke.closed_forms import has_closed_form
from theory.funk_hecke.coefficient import integral_bits, integrand, refined, size_bits, subject_of
from theory.funk_hecke.parity import vanishes
from theory.harmonics.sphere import check_degree, integer_dimension
from theory.harmonics.work import check_work, evaluation, seconds_for


def coefficients(
    activation: ActivationLike,
    max_degree: int,
    d: int,
    derivative: int = 0,
    digits: int = 15,
    *,
    power: int = 0,
) -> tuple[arb, ...]:
    r"""lambda_0, ..., lambda_L of z^p sigma^{(j)}, each as :func:`theory.coefficient` gives it.

    Without a closed form one set of nodes serves all degrees: the trapezoidal rule of :mod:`theory.balls.trapezoid`,
    whose error is bounded from a strip in which the function is analytic.

    Args:
        activation: sigma.
        max_degree: L >= 0.
        d: dimension, 3 <= d <= 10**6.
        derivative: j, the order of the derivative of sigma.
        digits: relative decimal digits to certify.
        power: p, the power of z in front.

    Raises:
        ValueError, Undecided: as :func:`theory.coefficient`.
        WorkLimit: the table took longer than :func:`theory.work_limit` allows.

    Cost: tens of milliseconds for L = 20 at 30 digits; measured against mpmath in benchmarks/constants.py.
    Source: docs/mathematics, :eq:`funk-hecke`; the rule and its error :eq:`trapezoid`.

    >>> [str(v.mid().str(6, radius=False)) for v in coefficients("tanh(z + 1)", 2, 10, 1)]
    ['0.452169', '-0.0895524', '-0.00859366']
    """
    expr = integrand(activation, derivative, power)
    return coefficient_list(expr, max_degree, d, digits, subject=subject_of(activation, derivative, power))


def coefficient_list(
    expr: sp.Expr,
    max_degree: int,
    d: int,
    digits: int,
    spare: int = 0,
    max_bits: int | None = None,
    subject: str = "",
) -> tuple[arb, ...]:
    """lambda_0, ..., lambda_L of an expression in z, to ``digits`` and ``spare`` more.

    With ``max_bits`` a coefficient that needs a higher working precision than that, and than its size accounts for, is
    Undecided.
    """
    max_degree, d = check_degree(max_degree, "max_degree"), integer_dimension(d)
    with evaluation(f"lambda_0 to lambda_{max_degree} of {subject or written(expr)} at d={d}", seconds_for(max_degree)):
        table = _table(expr, max_degree, d, digits_to_bits(digits, spare), integral_bits(digits))
        values = []
        for degree in range(max_degree + 1):
            check_work()
            if table:
                values.append(arb(0) if vanishes(expr, degree) else table[degree])
            else:
                bits = integral_bits(digits, expr)
                if max_bits is not None:  # the caller has another way, if one coefficient costs too much
                    bits = min(bits, max_bits + 2 * size_bits(degree, d))
                values.append(refined(expr, degree, d, digits, spare, bits, subject or written(expr)))
    return tuple(values)


def _table(expr: sp.Expr, max_degree: int, d: int, goal: int, max_bits: int) -> list[arb]:
    """Coefficients by the trapezoidal rule, refined until all have ``goal`` bits; empty where that is not the way."""
    if has_closed_form(expr):
        return []  # closed forms are faster
    bits = goal + 32
    while True:
        with exclusive, ctx.workprec(bits + size_bits(max_degree, d)):
            try:
                table = coefficient_table(expr, max_degree, d, ctx.prec)
            except NotAnalytic:
                return []
        missing = max(
            (goal - v.rel_accuracy_bits() for degree, v in enumerate(table) if not vanishes(expr, degree)), default=0
        )
        if missing <= 0:
            return table
        if bits >= max_bits:
            return []
        # The radii say how many bits are missing, so the precision rises by these and a few, and is at most doubled.
        bits = min(bits + min(missing + 32, bits), max_bits)
