r"""The quantities that are bounded for every dimension, as one kind of formula.

Each is a sum of w(d) lambda_j(g)^p over a few j, or the reciprocal of one, with weights w that are quotients of
polynomials in d: eigenvalues of the NTK and the QuadNTK, coefficients, E[g^2] of the construction W_Q, the effective
ridge gamma_{>k}, ||W_L||^2. So one formula is evaluated at a given d, and expanded in x = 1/d for all d >= d0.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import sympy as sp
from flint import arb, ctx, fmpq

from theory.activations import Activation
from theory.balls.ball import square
from theory.balls.exact import ExactlyEqual
from theory.balls.precision import exclusive
from theory.bounds.coefficients import (
    BITS,
    ORDER,
    CoefficientExpansion,
    coefficient_at,
    coefficient_expansion,
)
from theory.bounds.expansion import RemainderExpansion
from theory.funk_hecke.parity import vanishes, vanishes_for_all
from theory.harmonics.gegenbauer import monomial_coefficients
from theory.harmonics.sphere import check_degree, multiplicity, shown
from theory.harmonics.work import Undecided
from theory.network.constructions import check_low_degree
from theory.spectra.eigenvalues import NTK, QUADNTK, TangentKernel

Quantity = Literal[
    "ntk_eigenvalue", "quadntk_eigenvalue", "coefficient", "profile_energy", "effective_ridge", "dense_norm"
]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

D, X = sp.Symbol("d"), sp.Symbol("x", positive=True)


@dataclass(frozen=True)
class Term:
    """w(d) lambda_j(g)^p.

    Attributes:
        weight: w, a quotient of polynomials in d.
        expr: g.
        name: of g, as printed.
        degree: j.
        power: p, which is 1, 2 or -2.
    """

    weight: sp.Expr
    expr: sp.Expr
    name: str
    degree: int
    power: int

    @property
    def label(self) -> str:
        """lambda_j(g), as printed."""
        return f"lambda_{self.degree}({self.name})"

    def __str__(self) -> str:
        weight = str(sp.factor(self.weight)).replace("**", "^")
        front = "" if weight == "1" else f"{weight} * "
        return f"{front}{self.label}" + (f"^{self.power}" if self.power != 1 else "")


@dataclass(frozen=True, eq=False)
class Expanded(ExactlyEqual):
    """A quantity for all d >= d0: x^power times an expansion in x = 1/d.

    Attributes:
        power: an integer or a half of one.
        expansion: its leading coefficient is not exactly zero.
        parts: the coefficients it was made of, by label.
    """

    power: Fraction
    expansion: RemainderExpansion
    parts: dict[str, CoefficientExpansion]


@dataclass(frozen=True)
class Formula:
    """A quantity of an activation.

    Attributes:
        symbol: as printed, such as "Lambda_2".
        terms: what is summed.
        reciprocal: whether the quantity is one over the sum.
        signed: whether it may be negative.
        cancels: whether algebra proves that the terms cancel for every d.
    """

    symbol: str
    terms: tuple[Term, ...]
    reciprocal: bool = False
    signed: bool = False
    cancels: bool = False

    def __str__(self) -> str:
        total = " + ".join(map(str, self.terms)).replace("+ -", "- ")
        return f"1 / ({total})" if self.reciprocal else total

    def is_zero(self) -> bool:
        """Whether parity and algebra prove that the sum is zero for every d."""
        return self.cancels or all(term.power > 0 and vanishes_for_all(term.expr, term.degree) for term in self.terms)

    def _highest(self, expr: sp.Expr) -> int:
        return max(term.degree for term in self.terms if term.expr == expr)

    def at(self, d: int) -> arb:
        """The quantity at one d, to about 15 digits; an infinite ball where a divisor is not told from zero."""
        with exclusive, ctx.workprec(BITS):
            total = arb(0)
            for term in self.terms:
                value = coefficient_at(term.expr, term.degree, d, self._highest(term.expr))
                weight = sp.Rational(term.weight.subs(D, d))
                total = total + _power(value, term.power) * fmpq(int(weight.p), int(weight.q))
            return 1 / total if self.reciprocal else total

    def expand(self, switch: int) -> Expanded:
        """The quantity for all d >= d0 = ``switch``.

        Raises:
            ZeroDivisionError: a divisor is not proved to keep its sign for all these d; a larger d0 may help.
            ValueError: a kink, no bound on the growth of a derivative, or a divisor that is zero for every d.
            Undecided: a leading term that is zero, or nearly, without a proof.
        """
        found: list[tuple[Fraction, RemainderExpansion]] = []
        parts = {}
        with exclusive, ctx.workprec(BITS):
            for term in self.terms:
                part = coefficient_expansion(term.expr, term.degree, switch, self._highest(term.expr))
                if part is None:
                    if term.power < 0:
                        raise ValueError(f"{term.label} is zero for every d: {self.symbol} divides by it")
                    continue
                parts[term.label] = part
                start, weight = _at_infinity(term.weight)
                value = part.expansion if term.power == 1 else part.expansion.squared()
                value = value.reciprocal() if term.power < 0 else value
                order = start + term.power * (Fraction(term.degree, 2) + part.order)
                found.append((order, RemainderExpansion.rational(weight, X, ORDER, switch) * value))
            power = min(order for order, _ in found)
            total = RemainderExpansion.collect([], arb(0), ORDER, switch)
            for order, value in found:
                total = total + value.shifted(int(order - power))
            if total.coefficients[0].contains(0):
                raise Undecided(f"{self.symbol}: its leading term as d grows is not told from zero")
            if self.reciprocal:
                power, total = -power, total.reciprocal()
        return Expanded(power, total, parts)


def _power(value: arb, power: int) -> arb:
    return value if power == 1 else square(value) if power > 0 else 1 / square(value)


def _at_infinity(weight: sp.Expr) -> tuple[int, sp.Expr]:
    """(n, r) with weight = x^n r(x), x = 1/d, and r(0) neither zero nor infinite."""
    expr = sp.together(sp.cancel(weight.subs(D, 1 / X)))
    above, below = (sp.Poly(part, X) for part in sp.fraction(expr))
    start = min(m[0] for m in above.monoms()) - min(m[0] for m in below.monoms())
    return int(start), sp.cancel(expr * X**-start)


def formula(quantity: Quantity, activation: Activation, degree: int, derivative: int = 0) -> Formula:
    """The formula of a quantity; ``derivative`` is that of the "coefficient".

    Raises:
        ValueError: an unknown quantity, a degree out of range, or a derivative that is a distribution.
    """
    if not isinstance(quantity, str) or quantity not in QUANTITIES:
        raise ValueError(f"quantity={shown(quantity)}: needs one of {', '.join(QUANTITIES)}")
    derivative = check_degree(derivative, "derivative")
    if derivative and quantity != "coefficient":
        raise ValueError(f"derivative={derivative!r}: only for quantity='coefficient'; {quantity} has its own")
    if quantity == "profile_energy":
        k, expr = check_low_degree(degree), activation.derivative(2)
        coefficients = monomial_coefficients(k - 1, D)
        return Formula(
            "E[g^2]",
            tuple(
                Term(D ** (k - 1) * c**2 * multiplicity(D, j), expr, "sigma''", j, -2) for j, c in coefficients.items()
            ),
        )
    degree = check_degree(degree, "k" if quantity == "effective_ridge" else "degree")
    if quantity == "coefficient":
        name = "sigma" + "'" * derivative
        term = Term(sp.Integer(1), activation.derivative(derivative), name, degree, 1)
        return Formula(term.label, (term,), signed=True)
    if quantity == "quadntk_eigenvalue":
        return Formula(f"Q_{degree}", _eigenvalue(QUADNTK, activation, degree))
    if quantity == "effective_ridge":
        # Nothing is left above degree k of a sigma' that is a polynomial of degree below k.
        nothing = all(vanishes(activation.derivative(1), j) for j in (degree, degree + 1))
        return Formula(f"gamma_{{>{degree}}}", _ridge(activation, degree), cancels=nothing)
    terms = _eigenvalue(NTK, activation, degree)
    if quantity == "dense_norm":
        return Formula(f"|W_L|^2 of unit energy at degree {degree}", terms, reciprocal=True)
    return Formula(f"Lambda_{degree}", terms)


def _eigenvalue(kernel: TangentKernel, activation: Activation, degree: int) -> tuple[Term, ...]:
    expr, name = activation.derivative(kernel.order), "sigma" + "'" * kernel.order
    return tuple(Term(w, expr, name, j, 2) for j, w in kernel.weights(degree, D).items())


def _ridge(activation: Activation, k: int) -> tuple[Term, ...]:
    """The trace less N(d,l) Lambda_l for l <= k, what enters one lambda_j^2 collected."""
    expr = activation.derivative(1)
    weights: dict[int, sp.Expr] = {}
    for degree in range(k + 1):
        for j, w in NTK.weights(degree, D).items():
            weights[j] = weights.get(j, sp.Integer(0)) - w * multiplicity(D, degree)
    trace = Term(D, expr**2, "sigma'^2", 0, 1)
    return (trace, *(Term(sp.cancel(w), expr, "sigma'", j, 2) for j, w in sorted(weights.items())))
