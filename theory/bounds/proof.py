"""The proof of bounds for every dimension, in words that a reader of the documentation alone can follow."""

from __future__ import annotations

import textwrap
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context
from fractions import Fraction
from typing import TYPE_CHECKING

from flint import arb

from theory.bounds.formula import Expanded, Term

if TYPE_CHECKING:
    from theory.bounds.all_dimensions import AllDimensionBounds

WIDTH = 118
"""Of a line of the proof."""
DIGITS = 4
"""Significant digits of a bound in a sentence, rounded so that it stays true."""

VANISHING = 1e-20
"""A coefficient that may be zero and is at most this is not printed, as the others are printed to six digits."""


def rounded(value: arb, up: bool) -> str:
    """A number of a few digits above, or below, a ball.

    >>> rounded(arb("0.123456"), True), rounded(arb("0.123456"), False)
    ('0.1235', '0.1234')
    """
    exact = value.upper() if up else value.lower()
    if exact.is_zero():
        return "0"
    # Any exponent that a decimal may have: a bound of sinh(z + 10^9) is 10^868588958.
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    context = Context(prec=DIGITS, rounding=rounding, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
    number = context.create_decimal(exact.str(30, radius=False))
    while number.is_finite() and not (arb(str(number)) >= exact if up else arb(str(number)) <= exact):
        number = context.next_plus(number) if up else context.next_minus(number)
    return f"{number:g}"


def power_of_d(exponent: Fraction | int) -> str:
    """d^e as printed: "", "d", "d^2", "d^-1", "d^(3/2)"."""
    if exponent in (0, 1):
        return "d" * int(exponent)
    return f"d^{exponent}" if Fraction(exponent).denominator == 1 else f"d^({exponent})"


def scaled(bounds: AllDimensionBounds) -> str:
    """The quantity times the power of d that makes it bounded, as printed."""
    return f"{power_of_d(-(bounds.exponent or 0))} {bounds.formula.symbol}".strip()


def theorem(bounds: AllDimensionBounds) -> str:
    """The statement in a line."""
    if bounds.exponent is None:
        return f"{bounds.formula.symbol} = 0 for every integer d >= {bounds.d_min}"
    low, high = rounded(bounds.lower, False), rounded(bounds.upper, True)
    return f"{low} <= {scaled(bounds)} <= {high} for every integer d >= {bounds.d_min}: {bounds.order}"


def proof(bounds: AllDimensionBounds) -> str:
    """Theorem and proof."""
    head = f"Theorem. Let sigma(z) = {bounds.activation}. Then\n    {theorem(bounds)}."
    if bounds.expansion is None:
        return f"{head}\n\nProof.{_text(_definition(bounds), _zero(bounds))[2:]}\n"
    steps = [
        _text(_definition(bounds), _absent(bounds, bounds.expansion)),
        _rodrigues(),
        _density(bounds.expansion, bounds.switch),
        _integration(bounds.switch),
        _coefficients(bounds.expansion, bounds.switch),
        _large(bounds, bounds.expansion),
        _small(bounds),
    ]
    opening = (
        "Proof. All numbers are computed in ball arithmetic. Bounds are rounded outwards, other numbers to nearest."
    )
    return "\n\n".join([head, opening, *(f"{n}.{step[2:]}" for n, step in enumerate(steps, 1))]) + "\n"


def _text(*blocks: str) -> str:
    """Sentences filled to lines with an indent of 3; what begins with "=" is a display, on its own lines."""
    lines = []
    for block in filter(None, blocks):
        if block.startswith("="):
            lines.append(textwrap.indent(block[1:], " " * 7))
        else:
            lines.append(textwrap.fill(block, WIDTH, initial_indent=" " * 3, subsequent_indent=" " * 3))
    return "\n".join(lines)


def _definition(bounds: AllDimensionBounds) -> str:
    return (
        f"{bounds.formula.symbol} = {bounds.formula}, where lambda_j(g) = E[g(sqrt(d) t) P_j(t)], t is a coordinate "
        f"of a uniform point of the unit sphere in R^d and P_j the Gegenbauer polynomial of degree j with P_j(1) = 1."
    )


def _absent(bounds: AllDimensionBounds, expanded: Expanded) -> str:
    terms = tuple(term for term in bounds.formula.terms if term.label not in expanded.parts)
    return _parity(terms) if terms else ""


def _zero(bounds: AllDimensionBounds) -> str:
    if not bounds.formula.cancels:
        return _parity(bounds.formula.terms)
    return (
        f"sigma' is a polynomial of degree below {bounds.degree}: lambda_j(sigma') = 0 for j >= {bounds.degree}, so "
        f"the degrees up to {bounds.degree} make up the whole trace, for every d."
    )


def _parity(terms: tuple[Term, ...]) -> str:
    names = ", ".join(dict.fromkeys(term.label for term in terms))
    return (
        f"Only the part of g with the parity of j enters lambda_j(g), and polynomials of degree below j give zero: for "
        f"this reason, or because its moments cancel, {names} vanish for every d."
    )


def _rodrigues() -> str:
    return _text(
        "Integration by parts. Write x = 1/d. Rodrigues' formula for P_j, integrated by parts j times, gives",
        "=d^(j/2) lambda_j(g) = E[h(z)] / ((1 + 2x)(1 + 4x)...(1 + 2(j-1)x)),   h = g^(j), the j-th derivative,",
        "where z has on |z| < sqrt(d) a density proportional to (1 - x z^2)^(1/(2x) + a), a = j - 3/2.",
    )


def _density(expanded: Expanded, switch: int) -> str:
    named = " or ".join(map(str, sorted({part.ratio_order for part in expanded.parts.values()})))
    return _text(
        "Comparison with the Gaussian. Divided by the standard Gaussian density, that of z is a constant times",
        "=rho(x, u) = exp(-x e_1(u) - x^2 e_2(u) - ...),   e_n(u) = u^(n+1)/(2(n+1)) + a u^n/n,   u = z^2,",
        f"for x u < 1, and zero beyond. Let p_r be the coefficient of x^r in rho, and R = {named}. For all u >= 0 and "
        f"all d >= {switch}, with a polynomial q, one for each j,",
        "=|rho - p_0 - x p_1 - ... - x^(R-1) p_(R-1)| <= x^R q(u):",
        "(i) Where x u <= 1/2, each x^n e_n is, with |a| for a, at most half of the one before, so those with n >= R "
        "add up to at most 2 x^R |e_R|. Hence M = x |e_1| + ... + x^(R-1) |e_(R-1)| + 2 x^R |e_R| bounds the exponent, "
        "term by term. By Lagrange's form of the remainder of exp, the left side is at most the terms of order x^R and "
        "higher in 1 + M + ... + M^R/R!, the last one times max(1, rho), which is at most exp(2 a^2 x) for a < 0 and 1 "
        f"otherwise. Of powers of x beyond x^R the excess is taken at x = 1/{switch}.",
        "(ii) Where x u > 1/2, rho and each term of the p_r are bounded by themselves, times powers of 2 x u > 1 that "
        "make them of order x^R; q is the sum of these bounds and those of (i).",
    )


def _integration(switch: int) -> str:
    return _text(
        f"Integration. Hence, with G standard Gaussian and for all d >= {switch},",
        "=E[h(z)] = (sum over r < R of x^r E[h(G) p_r(G^2)] + error) / (the same with 1 in place of h),\n"
        "|error| <= x^R E[|h(G)| q(G^2)].",
        "The means without |.| are certified integrals or closed forms; E[|h| q] is bounded by an upper sum over "
        "intervals of length 1/64, on each of which h is enclosed, and beyond them by the growth of h.",
    )


def _coefficients(expanded: Expanded, switch: int) -> str:
    lines = [
        f"{power_of_d(Fraction(part.derivative, 2) + part.order)} {label} = ".lstrip()
        + _series(part.expansion.coefficients, part.expansion.remainder)
        + f"      (E[|h| q] <= {rounded(part.absolute, True)})"
        for label, part in expanded.parts.items()
    ]
    return _text(
        f"The coefficients. Dividing, for every d >= {switch} with some |theta| <= 1, another in each line,",
        "=" + "\n".join(lines),
    )


def _series(coefficients: tuple[arb, ...], remainder: arb) -> str:
    text = ""
    for r, c in enumerate(coefficients):
        number = 0.0 if c.contains(0) and abs(c) < VANISHING else float(c.mid())
        if not number:
            continue
        sign = (" + " if number > 0 else " - ") if text else ("" if number > 0 else "-")
        text += f"{sign}{abs(number):.6g}" + (f"/{power_of_d(r)}" if r else "")
    return f"{text} + theta * {rounded(remainder, True)}/{power_of_d(len(coefficients))}"


def _large(bounds: AllDimensionBounds, expanded: Expanded) -> str:
    expansion = expanded.expansion
    low, high = expansion.range()
    return _text(
        f"Large d. Step 5 put into step 1 gives, for every d >= {bounds.switch},",
        f"={scaled(bounds)} = {_series(expansion.coefficients, expansion.remainder)}.",
        f"With 0 < 1/d <= 1/{bounds.switch}, cut into 256 parts, this lies between {rounded(low, False)} and "
        f"{rounded(high, True)}.",
    )


def _small(bounds: AllDimensionBounds) -> str:
    if not bounds.evaluated:
        return _text(f"Small d. There is none: step 6 holds from d = {bounds.d_min} on. This proves the theorem.")
    values = bounds.evaluated
    least = min(range(len(values)), key=lambda i: values[i].lower())
    most = max(range(len(values)), key=lambda i: values[i].upper())
    return _text(
        f"Small d. For each d from {bounds.d_min} to {bounds.switch - 1} the formula of step 1 was evaluated, the "
        f"coefficients by closed forms or by quadrature with a proved error. {scaled(bounds)} lies between "
        f"{rounded(values[least], False)}, at d = {bounds.d_min + least}, and {rounded(values[most], True)}, at "
        f"d = {bounds.d_min + most}. Steps 6 and 7 prove the theorem.",
    )
