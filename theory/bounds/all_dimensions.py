r"""Constants c and C with c <= d^e times a quantity <= C for every integer d >= d_min, with the proof in words.

For d >= d0 the quantity is a polynomial in 1/d with a proved remainder (:mod:`theory.bounds.formula`); each smaller d
is evaluated. Derived in docs/mathematics, :eq:`density-remainder` and :eq:`coefficient-for-all-d`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx

from theory.activations import Activation, ActivationLike
from theory.balls.exact import ExactlyEqual
from theory.balls.precision import exclusive
from theory.bounds.coefficients import BITS
from theory.bounds.formula import Expanded, Formula, Quantity, formula
from theory.bounds.proof import power_of_d, proof, theorem
from theory.harmonics.sphere import as_integer, check_degree, short, shown
from theory.harmonics.work import MOST_SECONDS, Undecided, check_work, evaluation

SWITCHES = tuple(32 * 2**i for i in range(7))
"""Dimensions that are tried as d0: the first whose remainder is small enough is taken."""
TIGHT = 0.001
"""How far, relatively, the remainder may move either bound."""
LOOSE = 0.5
"""The same where only the sign is asked."""


@dataclass(frozen=True, eq=False)
class AllDimensionBounds(ExactlyEqual):
    """lower <= d^-exponent times the quantity <= upper, for every integer d >= d_min.

    Attributes:
        activation: sigma.
        quantity: which one.
        degree: l, or k for E[g^2] and gamma_{>k}.
        d_min: the smallest dimension.
        exponent: e, an integer, or a half of one for a coefficient; None when the quantity is zero for every d.
        lower, upper: exact numbers (balls of radius zero).
        switch: d0, from where on one expansion in 1/d serves all dimensions.
        expansion: that expansion; None when the quantity is zero for every d.
        evaluated: the scaled quantity at d_min, ..., d0 - 1, as balls.
        formula: how the quantity is made of coefficients.
    """

    activation: Activation
    quantity: Quantity
    degree: int
    d_min: int
    exponent: Fraction | None
    lower: arb
    upper: arb
    switch: int
    expansion: Expanded | None
    evaluated: tuple[arb, ...]
    formula: Formula

    @property
    def order(self) -> str:
        """The order of growth that the bounds prove, such as "Theta(d^-2)"; O(...) where they admit zero."""
        if self.exponent is None:
            return "0"
        kind = "Theta" if self.lower > 0 or self.upper < 0 else "O"
        return f"{kind}({power_of_d(self.exponent) or 1})"

    @property
    def nonzero(self) -> bool:
        """Whether the quantity is proved to be non-zero at every d >= d_min; a coefficient may change its sign."""
        if self.expansion is None:
            return False
        low, high = self.expansion.expansion.range()
        return bool(low > 0 or high < 0) and not any(value.contains(0) for value in self.evaluated)

    def explain(self) -> str:
        """The proof in words: inequality, constants, d0, and what was evaluated below it."""
        return proof(self)

    def __str__(self) -> str:
        return theorem(self)


def check_smallest(d_min: int) -> int:
    """``d_min`` when it is an integer >= 3; ValueError otherwise."""
    smallest = as_integer(d_min)
    if smallest is None or smallest < 3:
        raise ValueError(f"d_min={shown(d_min)}: needs an integer d_min >= 3")
    return smallest


def bounds_for_all_dimensions(
    activation: ActivationLike,
    degree: int,
    quantity: Quantity = "ntk_eigenvalue",
    d_min: int = 3,
    *,
    derivative: int = 0,
) -> AllDimensionBounds:
    r"""Proved constants c <= d^{-e} times the quantity <= C, for every integer d >= d_min at once.

    With x = 1/d every lambda_j(g) d^{j/2} is a ratio of Gaussian means of g^{(j)} and 1 against the density of a
    coordinate of the sphere, which is expanded in x with a remainder that holds for all d >= d0. Below d0 each d is
    evaluated. So Lambda_l = Theta(d^{-(l-1)}) becomes a theorem with constants. Where leading terms vanish exactly
    the exponent is that of :func:`theory.ntk_expansion`.

    Args:
        activation: sigma, without kinks in the derivative that enters.
        degree: l >= 0; k for E[g^2] (k >= 1) and gamma_{>k}.
        quantity: "ntk_eigenvalue" (Lambda_l), "quadntk_eigenvalue" (Q_l), "coefficient" (lambda_l of a derivative of
            sigma), "profile_energy" (E[g^2]), "effective_ridge" (gamma_{>k}), "dense_norm" (1/Lambda_l, which is
            ||W_L||^2 for a dense part of unit energy and degree l).
        d_min: >= 3.
        derivative: of sigma, for "coefficient" alone.

    Returns:
        The bounds; zero where parity proves the quantity to be zero for every d. Each is within about 1 % of
        the smallest or largest value that d >= d_min takes or tends to, unless sigma varies so fast that no d0 tried
        brings it there; it holds all the same.

    Raises:
        ValueError: d_min < 3, a degree out of range, a kink, no bound on the growth of a derivative, or a divisor that
            is zero for every d.
        Undecided: a leading term that is zero, or nearly, without a proof; or no d0 that is tried gives a bound.

    Cost: one table of Gaussian moments, then a few coefficients at each d below d0, mostly 64 or 128.
    Source: docs/mathematics, :eq:`coefficient-for-all-d`, with :eq:`ntk-eigenvalue`, :eq:`quadntk-eigenvalue`,
    :eq:`sparse-norm`, :eq:`effective-ridge` and :eq:`dense-norm`.

    >>> bounds = bounds_for_all_dimensions("sin(z + pi/4)", 2)
    >>> print(bounds)
    0.3248 <= d Lambda_2 <= 0.3679 for every integer d >= 3: Theta(d^-1)
    """
    return _bounds(activation, degree, quantity, d_min, derivative, TIGHT)


def nonzero_for_all_dimensions(activation: ActivationLike, degree: int, quantity: Quantity, d_min: int) -> bool:
    """Whether :func:`bounds_for_all_dimensions` proves the quantity non-zero at every d >= d_min; arguments as there.

    Cheaper than the bounds, because the remainder may be large as long as it leaves the sign.
    """
    return _bounds(activation, degree, quantity, d_min, 0, LOOSE).nonzero


def _bounds(
    activation: ActivationLike, degree: int, quantity: Quantity, d_min: int, derivative: int, tight: float
) -> AllDimensionBounds:
    """The bounds, the remainder moving either by at most the share ``tight`` if some d0 allows that."""
    activation = Activation.of(activation)
    smallest = check_smallest(d_min)
    rule = formula(quantity, activation, degree, derivative)
    degree = check_degree(degree)  # an integer of Python's own, in the range that the formula admits
    subject = f"bounds of {rule.symbol} of {activation} for all d >= {short(smallest)}"
    if rule.is_zero():
        if rule.reciprocal:
            raise ValueError(f"{rule.symbol}: the eigenvalue of {activation} is zero for every d, and is divided by")
        zero = arb(0)
        return AllDimensionBounds(activation, quantity, degree, smallest, None, zero, zero, smallest, None, (), rule)
    with evaluation(subject, MOST_SECONDS):
        expanded, low, high = _expanded(rule, smallest, subject, tight)
        switch, values = expanded.expansion.switch, []
        with exclusive, ctx.workprec(BITS):
            for d in range(smallest, switch):
                check_work()
                value = rule.at(d) * arb(d).sqrt() ** int(2 * expanded.power)
                low, high = low.min(value.lower()), high.max(value.upper())
                values.append(value)
            if not rule.signed:
                low = low.max(arb(0))
            low, high = arb(low.lower()), arb(high.upper())
    if not (low.is_finite() and high.is_finite()):
        raise Undecided(f"{subject}: a value at some d < {switch} is too large, or a divisor is not told from zero")
    return AllDimensionBounds(
        activation, quantity, degree, smallest, -expanded.power, low, high, switch, expanded, tuple(values), rule
    )


def _expanded(rule: Formula, smallest: int, subject: str, tight: float) -> tuple[Expanded, arb, arb]:
    """The expansion from the first d0 whose remainder moves the bounds little, with its bounds; else from the last."""
    found: tuple[Expanded, arb, arb] | None = None
    for switch in sorted({max(smallest, switch) for switch in SWITCHES}):
        check_work()
        try:
            expanded = rule.expand(switch)
        except ZeroDivisionError:
            continue
        with exclusive, ctx.workprec(BITS):
            (low, high), (least, most) = expanded.expansion.range(), expanded.expansion.range(remainder=False)
            found = expanded, low, high
            allowed = tight * abs(least).min(abs(most))
            if least * most > 0 and least - low <= allowed and high - most <= allowed:
                break
    if found is None:
        raise Undecided(f"{subject}: no d0 up to {max(smallest, SWITCHES[-1])} bounds it; use smaller constants")
    return found
