r"""Whether a coefficient or its limit is zero, decided: by algebra, by a ball that excludes zero, or not at all.

Zero is proved by parity or by exact algebra; the contrary by a certified ball that excludes zero; what neither proof
reaches is named as undecided. No threshold is involved.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import sympy as sp
from flint import arb

from theory.activations import Activation, ActivationLike, expression
from theory.balls.ball import MAX_BITS
from theory.balls.functions import written
from theory.balls.growth import check_gaussian
from theory.funk_hecke.closed_forms import has_closed_form
from theory.funk_hecke.coefficient import coefficient_ball
from theory.funk_hecke.gaussian_series import coefficient_term
from theory.funk_hecke.parity import vanishes
from theory.harmonics.sphere import check_degree, integer_dimension
from theory.harmonics.work import WorkLimit, check_work, evaluation
from theory.spectra.eigenvalues import NTK

DECISION_BITS = 512
"""Working precision up to which an integral is asked to exclude zero; closed forms go on to MAX_BITS."""

Sign = Literal["zero", "nonzero", "undecided"]


def coefficient_sign(expr: ActivationLike, degree: int, d: int) -> Sign:
    """Whether lambda_l(expr) is zero at this d: "zero" and "nonzero" are proofs.

    Args:
        expr: g, an expression in z or its text (:data:`theory.activations.Z`).
        degree: l >= 0.
        d: dimension, 3 <= d <= 10**6.

    Raises:
        ValueError: d < 3 or degree < 0.

    >>> [coefficient_sign(Activation.parse("tanh(z)").derivative(1), l, 10) for l in range(3)]
    ['nonzero', 'zero', 'nonzero']
    """
    expr, d, degree = expression(expr), integer_dimension(d), check_degree(degree)
    if vanishes(expr, degree):
        return "zero"
    return _decide(lambda bits: coefficient_ball(expr, degree, d, bits), expr)


def _decide(evaluate: Callable[[int], arb], expr: sp.Expr) -> Sign:
    """The sign of a ball at doubled precisions: one that contains zero and is not zero decides nothing."""
    bits, limit, spent = 64, MAX_BITS if has_closed_form(expr) else DECISION_BITS, 0.0
    try:
        with evaluation(f"the sign of a coefficient of {written(expr)}"):
            while bits <= limit:
                # As in refine: without time for the next try, which takes at least twice as long, it is not begun.
                check_work(2 * spent if bits > 128 else 0.0)
                began = time.thread_time()
                ball = evaluate(bits)
                spent = time.thread_time() - began
                if ball.is_zero():
                    return "zero"
                if not ball.contains(0):
                    return "nonzero"
                bits *= 2
    except WorkLimit:
        return "undecided"
    return "undecided"


def hermite_sign(expr: ActivationLike, degree: int) -> Sign:
    """Whether E[expr(G) He_l(G)], the limit of d^{l/2} lambda_l(expr), is zero: "zero" and "nonzero" are proofs.

    Args:
        expr: g, an expression in z or its text.
        degree: l >= 0.

    Raises:
        ValueError: degree < 0, or no bound on the growth of the integrand is known.

    >>> hermite_sign(Activation.parse("relu(z - 1)").derivative(1), 3), hermite_sign(Activation.parse("z**2").expr, 1)
    ('zero', 'zero')
    """
    expr, degree = expression(expr), check_degree(degree)
    check_gaussian(expr)
    if vanishes(expr, degree):
        return "zero"
    return _decide(lambda bits: coefficient_term(expr, degree, 0, bits), expr)


def learnable(activation: ActivationLike, degree: int) -> bool:
    """False when Lambda_l is proved to vanish for every d (parity), so the NTK cannot learn degree l.

    True says only that this proof does not apply; :func:`theory.learnable_degrees` proves the contrary too.

    >>> learnable(Activation.parse("tanh(z)"), 2)
    False
    """
    expr = Activation.of(activation).derivative(1)
    return not all(vanishes(expr, j) for j in NTK.weights(check_degree(degree), sp.Symbol("d")))
