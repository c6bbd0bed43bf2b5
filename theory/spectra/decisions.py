r"""Which degrees a kernel can learn, decided: by algebra, by a ball that excludes zero, or not at all.

A degree l cannot be learned when its eigenvalue is zero. Zero is proved by parity or by exact algebra; the contrary by
a certified ball that excludes zero; what neither proof reaches is named as undecided. No threshold is involved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import sympy as sp
from flint import arb

from theory.activations import Activation, ActivationLike
from theory.balls.ball import MAX_BITS
from theory.balls.work import Undecided, WorkLimit, evaluation
from theory.funk_hecke.closed_forms import has_closed_form
from theory.funk_hecke.coefficient import coefficient_ball
from theory.funk_hecke.gaussian_series import coefficient_term
from theory.funk_hecke.parity import vanishes
from theory.harmonics.sphere import check_degree, integer_dimension
from theory.spectra.eigenvalues import NTK, QUADNTK, TangentKernel
from theory.spectra.expansions import leading_term

DECISION_BITS = 512
"""Working precision up to which an integral is asked to exclude zero; closed forms go on to MAX_BITS."""

Sign = Literal["zero", "nonzero", "undecided"]


def coefficient_sign(expr: sp.Expr, degree: int, d: int) -> Sign:
    """Whether lambda_l(expr) is zero at this d: "zero" and "nonzero" are proofs.

    Args:
        expr: g, an expression in z (:data:`theory.activations.Z`).
        degree: l >= 0.
        d: dimension, 3 <= d <= 10**6.

    Raises:
        ValueError: d < 3 or degree < 0.

    >>> [coefficient_sign(Activation.parse("tanh(z)").derivative(1), l, 10) for l in range(3)]
    ['nonzero', 'zero', 'nonzero']
    """
    d, degree = integer_dimension(d), check_degree(degree)
    if vanishes(expr, degree):
        return "zero"
    return _decide(lambda bits: coefficient_ball(expr, degree, d, bits), expr)


def _decide(evaluate: Callable[[int], arb], expr: sp.Expr) -> Sign:
    """The sign of a ball at doubled precisions: one that contains zero and is not zero decides nothing."""
    bits, limit = 64, MAX_BITS if has_closed_form(expr) else DECISION_BITS
    try:
        with evaluation(f"the sign of a coefficient of {expr}"):
            while bits <= limit:
                ball = evaluate(bits)
                if ball.is_zero():
                    return "zero"
                if not ball.contains(0):
                    return "nonzero"
                bits *= 2
    except WorkLimit:
        return "undecided"
    return "undecided"


def hermite_sign(expr: sp.Expr, degree: int) -> Sign:
    """Whether E[expr(G) He_l(G)], the limit of d^{l/2} lambda_l(expr), is zero: "zero" and "nonzero" are proofs.

    Args:
        expr: g, an expression in z.
        degree: l >= 0.

    Raises:
        ValueError: degree < 0, or no bound on the growth of the integrand is known.

    >>> hermite_sign(Activation.parse("relu(z - 1)").derivative(1), 3), hermite_sign(Activation.parse("z**2").expr, 1)
    ('zero', 'zero')
    """
    degree = check_degree(degree)
    if vanishes(expr, degree):
        return "zero"
    return _decide(lambda bits: coefficient_term(expr, degree, 0, bits), expr)


@dataclass(frozen=True)
class LearnableDegrees:
    """Degrees 0..L, each in exactly one of three lists.

    Attributes:
        learnable: the eigenvalue is proved positive.
        unlearnable: it is proved zero.
        undecided: neither proof succeeded; raising the precision further would be needed, or algebra by hand.
    """

    learnable: tuple[int, ...]
    unlearnable: tuple[int, ...]
    undecided: tuple[int, ...]


def learnable_degrees(
    activation: ActivationLike,
    max_degree: int,
    d: int | None = None,
    kernel: Literal["NTK", "QuadNTK"] = "NTK",
) -> LearnableDegrees:
    r"""Which of the degrees 0..L have a positive eigenvalue Lambda_l (or Q_l).

    Args:
        activation: sigma.
        max_degree: L >= 0.
        d: dimension; None asks about all sufficiently large d, decided by the leading term of the expansion in 1/d.
        kernel: "NTK" (Lambda_l, from sigma') or "QuadNTK" (Q_l, from sigma'').

    Raises:
        ValueError: d < 3, L < 0, an unknown kernel, or a derivative that is a distribution.

    >>> learnable_degrees(Activation.parse("relu(z)"), 6)
    LearnableDegrees(learnable=(0, 1, 2, 4, 6), unlearnable=(3, 5), undecided=())
    >>> learnable_degrees(Activation.parse("tanh(z)"), 4, d=10).unlearnable
    (0, 2, 4)
    """
    kinds = {k.name: k for k in (NTK, QUADNTK)}
    if kernel not in kinds:
        raise ValueError(f"kernel={kernel!r}: needs one of {', '.join(kinds)}")
    activation = Activation.of(activation)
    found: dict[Sign, list[int]] = {"nonzero": [], "zero": [], "undecided": []}
    for degree in range(check_degree(max_degree, "max_degree") + 1):
        found[_eigenvalue_sign(kinds[kernel], activation, degree, d)].append(degree)
    return LearnableDegrees(tuple(found["nonzero"]), tuple(found["zero"]), tuple(found["undecided"]))


def _eigenvalue_sign(kernel: TangentKernel, activation: Activation, degree: int, d: int | None) -> Sign:
    """The eigenvalue is a sum of squares with positive weights: zero exactly when every coefficient is."""
    expr = activation.derivative(kernel.order)
    degrees = kernel.weights(degree, sp.Symbol("d") if d is None else integer_dimension(d))
    if all(vanishes(expr, j) for j in degrees):  # for every d, so this is asked first
        return "zero"
    # For all large d the leading term in 1/d decides; at one d, each of the squares.
    if d is None:
        try:
            return "undecided" if leading_term(kernel, activation, degree, digits=1) is None else "nonzero"
        except Undecided:
            return "undecided"
    signs = {coefficient_sign(expr, j, d) for j in degrees}
    return "nonzero" if "nonzero" in signs else "undecided" if "undecided" in signs else "zero"


def learnable(activation: ActivationLike, degree: int) -> bool:
    """False when Lambda_l is proved to vanish for every d (parity), so the NTK cannot learn degree l.

    True says only that this proof does not apply; :func:`learnable_degrees` proves the contrary too.

    >>> learnable(Activation.parse("tanh(z)"), 2)
    False
    """
    expr = Activation.of(activation).derivative(1)
    return not all(vanishes(expr, j) for j in NTK.weights(check_degree(degree), sp.Symbol("d")))
