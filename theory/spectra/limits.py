r"""Limiting constants for d -> oo: l! mu_{l-1}(sigma')^2, by Gaussian integrals and by the limit of closed forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from flint import arb

from theory.activations import Activation, ActivationLike
from theory.balls.ball import refine, simplified, square
from theory.balls.functions import written
from theory.balls.hypergeometric import humbert_phi3
from theory.funk_hecke.coefficient import hermite_coefficient_expr, integral_bits
from theory.funk_hecke.gaussian_series import coefficient_term
from theory.harmonics.sphere import HIGHEST, check_degree, shown
from theory.harmonics.work import evaluation, watched
from theory.spectra.function_limits import (
    UNBOUNDED,
    finite_limit,
    hypergeometric_limit,
    is_constant_zero,
    sign_of,
    sympy_limit,
)


def _limit_order(degree: int) -> tuple[int, int]:
    """(j, factor) with lim d^{l-1} Lambda_l = factor * E[sigma'(G) He_j(G)]^2 (and lim Lambda_0 for l = 0)."""
    return (1, 1) if degree == 0 else (degree - 1, degree)


def ntk_limit(activation: ActivationLike, degree: int, digits: int = 15) -> arb:
    r"""lim_{d -> oo} d^{l-1} Lambda_l = l! mu_{l-1}(sigma')^2 for l >= 1, and lim Lambda_0 = mu_1(sigma')^2.

    Returns:
        A certified ball; exactly zero where parity or algebra proves it. When it is zero,
        :func:`theory.ntk_expansion` gives the order.

    Raises:
        ValueError: degree < 0, no bound on the growth of sigma' is known, or it grows as fast as e^{z^2/2}.
        Undecided: zero without a proof.

    Source: docs/mathematics, :eq:`ntk-limit`; arXiv:2007.12826 for the structure.

    >>> print(ntk_limit(Activation.parse("sin(z + pi/4)"), 1).str(15, radius=False))
    0.183939720585721
    """
    activation = Activation.of(activation)
    j, factor = _limit_order(check_degree(degree))
    expr = activation.derivative(1)
    return refine(
        lambda bits: factor * square(coefficient_term(expr, j, 0, bits)),
        digits,
        max_bits=integral_bits(digits, expr),
        subject=f"the limit of d^({degree}-1) Lambda_{degree} of {activation}",
    )


def ntk_limit_expr(activation: ActivationLike, degree: int) -> sp.Expr:
    """The limit of :func:`ntk_limit`, :eq:`ntk-limit`, in closed form, from Gaussian integrals.

    Raises:
        NoClosedForm: as :func:`theory.hermite_coefficient_expr`.

    >>> ntk_limit_expr(Activation.parse("sin(z + pi/4)"), 3)
    3*exp(-1)/2
    """
    activation = Activation.of(activation)
    j, factor = _limit_order(check_degree(degree))
    return simplified(factor * hermite_coefficient_expr(activation, j, 1) ** 2)


def limit_in_dimension(expr: sp.Expr, d: sp.Symbol) -> sp.Expr:
    r"""The limit for d -> oo of a closed form, factor by factor, then SymPy's limit of what is rational.

    It finds :eq:`ntk-limit` without Gaussian integrals. SymPy alone knows no limit of hypergeometric functions whose
    parameter and argument grow together, and takes minutes over Gamma quotients. With c ~ C d and z ~ Z d, and because
    the series converge dominatedly:

    - 0F1(; c; z) -> e^{Z/C};  1F1(a; c; z) -> (1 - Z/C)^{-a} for fixed a and Z/C < 1;
    - Phi_3(b; c; x, y), b = (D-1)/2, c = D/2 + n, x ~ X d, y ~ Y d: e^{-x} times it tends to (1+2X)^{-1/2-n}
      e^{2Y/(1+2X)}, the moment generating function of the Gaussian limit;
    - 2F1(1/2, b; 3/2; z) with b ~ B d and z ~ Z/d -> 1F1(1/2; 3/2; B Z);
    - Gamma(d/2 + c) ~ Gamma(d/2) (d/2)^c, in quotients where Gamma(d/2) cancels;
    - u^v with u -> 1 and v -> oo: exp(lim v log u), where that is finite.

    Each of these drops a relative correction of order 1/d. That is allowed for a limit that is not zero, next to terms
    that stay bounded, or grow without cancelling; where a limit is zero or growing terms cancel, as in
    d (e^{-1/2} - 0F1(; d/2; -d/4)) -> e^{-1/2}/4, the correction decides, and the expression is refused.

    Args:
        expr: a closed form from :func:`theory.coefficient_expr` or :func:`theory.ntk_eigenvalue_expr`, times powers of
            d; of a Piecewise the branch for large d is taken.
        d: the symbol, declared positive.

    Returns:
        The limit; plus or minus infinity when the terms grow and do not cancel.

    Raises:
        ValueError: a floating-point number or infinity, a constant that has no certified evaluation or is not real, a
            hypergeometric function outside the list, arguments that do not grow as the list says, a function or power
            of the list whose limit is zero or infinite, Gamma functions that do not balance, growing terms that
            cancel, or a function that has no limit, such as sin(d), or none that SymPy finds.
        WorkLimit: it took longer than :func:`theory.work_limit` allows.

    >>> d = sp.Symbol("d", positive=True)
    >>> from theory.spectra.eigenvalues import ntk_eigenvalue_expr
    >>> limit_in_dimension(d**2 * ntk_eigenvalue_expr(Activation.parse("sin(z + pi/4)"), 3, d), d)
    3*exp(-1)/2
    """
    if isinstance(expr, bool) or not isinstance(expr, sp.Expr | int):  # a text would be executed
        raise ValueError(f"expr of type {type(expr).__name__}: needs a SymPy expression in d")
    expr = sp.sympify(expr)
    if not (isinstance(d, sp.Symbol) and d.is_positive):
        raise ValueError(f"d={shown(d)}: needs a positive symbol, sp.Symbol('d', positive=True)")
    if d not in expr.free_symbols and any(symbol.name == d.name for symbol in expr.free_symbols):
        raise ValueError(f"{written(expr)}: its {d} is another symbol than the one given; use the same in both")
    if expr.has(sp.Float, sp.nan, sp.oo, -sp.oo, sp.zoo):
        raise ValueError(f"{written(expr)}: needs exact, finite numbers; write sp.Rational(1, 2) instead of 0.5")
    with evaluation(f"the limit of {written(expr)} for {d} -> oo"):
        try:  # watched, for SymPy may take minutes, over short expressions too
            limit = watched(_limit_of, expr, d)
        except NotImplementedError:
            limit = sp.nan
    if limit.has(d, sp.AccumBounds, sp.Limit, sp.nan, sp.zoo):
        raise ValueError(
            f"{written(expr)}: no limit for {d} -> oo is known here, or there is none; write it by powers of {d}, "
            f"Gamma and hypergeometric functions"
        )
    return limit


def _limit_of(given: sp.Expr, d: sp.Symbol) -> sp.Expr:
    """:func:`limit_in_dimension` of an expression in the symbol d."""
    expr = given.xreplace(
        {f: f.expand(func=True) for f in given.atoms(sp.binomial, sp.RisingFactorial, sp.FallingFactorial)}
    )
    expr = expr.xreplace({f: f.rewrite(sp.Piecewise) for f in expr.atoms(sp.Max, sp.Min) if f.has(d)})
    expr = expr.xreplace({piecewise: _branch(piecewise, d) for piecewise in expr.atoms(sp.Piecewise)})
    # What is replaced by its limit is marked by a factor that tends to one; terms with different marks are known only
    # to leading order beside each other.
    marks: dict[sp.Expr, sp.Symbol] = {}

    def marked(original: sp.Expr, limit: sp.Expr) -> sp.Expr:
        return marks.setdefault(original, sp.Dummy("one", positive=True)) * limit

    functions = expr.atoms(sp.hyper, humbert_phi3)
    expr = expr.xreplace({f: marked(f, hypergeometric_limit(f, d)) for f in functions if f.has(d)})
    constants = {f: sp.Dummy("constant") for f in expr.atoms(sp.hyper, humbert_phi3)}
    expr = expr.xreplace(constants)
    scale, x = sp.Symbol("Gamma", positive=True), sp.Symbol("x", positive=True)
    for g in expr.atoms(sp.gamma):
        if g.has(d):
            expr = expr.xreplace({g: scale * _gamma_quotient(g, d, marked)})
    growing = [p for p in expr.atoms(sp.Pow) if p.exp.has(d) and p.base.has(d)]
    for power in sorted(growing, key=sp.count_ops):
        expr = expr.xreplace({power: marked(power, _power_limit(power, d))})
    expr = sp.powsimp(sp.expand(expr))
    if expr.has(scale):
        raise ValueError(f"{written(given)}: its Gamma functions do not balance; divide by as many as there are above")
    # sqrt(d) = 1/x: what is left is rational in x.
    try:
        known = {dummy: constant for constant, dummy in constants.items()}
        limit = _sum_of_limits(sp.powdenest(expr.subs(d, x**-2)), x, list(marks.values()), known)
    except _Cancels:
        raise ValueError(
            f"{written(given)}: needs terms that stay bounded, or do not cancel to leading order, divisors included; "
            f"for the next order in 1/{d} use ntk_expansion or quadntk_expansion"
        ) from None
    return limit.xreplace(known)


def _branch(piecewise: sp.Piecewise, d: sp.Symbol) -> sp.Expr:
    """The branch that holds for all large d."""
    for value, condition in piecewise.args:
        holds = condition if condition in (sp.true, sp.false) else _eventually(condition, d)
        if holds:
            return value
    raise ValueError(f"{written(piecewise)}: needs a branch for large {d}")


def _eventually(condition: sp.Expr, d: sp.Symbol) -> bool:
    if isinstance(condition, sp.core.relational.Relational) and isinstance(condition.lhs, sp.Expr):
        side = _limit_of(condition.lhs - condition.rhs, d)
        sign = {sp.oo: 1, -sp.oo: -1}.get(side, 0 if side.has(*UNBOUNDED) else sign_of(side))
        if sign:
            return bool(condition.func(sign, 0))
    raise ValueError(f"{written(condition)}: needs a condition such as {d} > 1, decided for large {d}")


def _power_limit(power: sp.Expr, d: sp.Symbol) -> sp.Expr:
    """exp(lim v log u), neither zero nor infinite: beside another factor such a power would count in full."""
    refused = ValueError(f"{written(power)}: needs a base that tends to one, and a limit that is finite and not zero")
    return sp.exp(finite_limit(power.exp * sp.log(power.base), d, refused))


def _gamma_quotient(function: sp.Expr, d: sp.Symbol, marked: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> sp.Expr:
    """Gamma(d/2 + c) / Gamma(d/2): rational for an integer c, ~ (d/2)^c otherwise."""
    shift = sp.expand(function.args[0] - d / 2)
    whole = sp.floor(shift)
    if shift.has(d) or not whole.is_Integer or abs(whole) > HIGHEST:
        raise ValueError(f"{written(function)}: needs an argument {d}/2 + c with a real number |c| <= {HIGHEST}")
    exact = sp.Mul(*(d / 2 + shift - whole + i for i in range(whole)))
    exact /= sp.Mul(*(d / 2 + shift - whole - i for i in range(1, -whole + 1)))
    rest = shift - whole
    return exact if rest == 0 else exact * marked(sp.gamma(d / 2 + rest), (d / 2) ** rest)


class _Cancels(Exception):
    """Growing terms, or those of a divisor, cancel to the order that is known."""


def _sum_of_limits(expr: sp.Expr, x: sp.Symbol, marks: list[sp.Symbol], known: Mapping[sp.Expr, sp.Expr]) -> sp.Expr:
    """The limit for x -> 0 and marks -> 1; _Cancels where what the marks stand for would decide.

    ``known`` says which constants stand for which values.
    """
    # Terms that share their marks and divisor may cancel exactly, so they are added first. Beyond that each part is
    # known to leading order only: finite limits may be added, and growing leading terms if they do not cancel.
    parts: dict[tuple[sp.Expr, sp.Expr], sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(expr)):
        above, below = sp.fraction(sp.together(term))
        divisor = _leading(_by_mark(below, marks), x, known) if below.has(*marks) else below
        for mark, rest in _by_mark(above, marks).items():
            key = mark, below if below.has(*marks) else sp.Integer(1)
            parts[key] = parts.get(key, sp.Integer(0)) + rest / divisor
    values = [_decided(part, x, known) for part in parts.values()]
    limits = [_limit(value, x, known) for value in values]
    if len(limits) > 1 and any(limit.has(*UNBOUNDED) for limit in limits):
        return sympy_limit(_leading(parts, x, known), x, 0)
    return sp.simplify(sp.Add(*limits))


def _decided(value: sp.Expr, x: sp.Symbol, known: Mapping[sp.Expr, sp.Expr]) -> sp.Expr:
    """A quotient of polynomials in x without the coefficients that are zero, which decide what it tends to.

    Raises:
        _Cancels: all of the divisor is zero.
        Undecided: a coefficient that is zero, or nearly, without a proof.
    """
    fraction = sp.fraction(sp.cancel(sp.together(value)))
    try:
        above, below = (sp.Poly(part, x) for part in fraction)
    except sp.PolynomialError:
        return fraction[0] / fraction[1]
    kept = [
        sp.Add(*(c * x**n for (n,), c in part.terms() if c.is_Rational or not is_constant_zero(c.xreplace(known))))
        for part in (above, below)
    ]
    if kept[1] == 0:
        raise _Cancels
    return kept[0] / kept[1]


def _limit(value: sp.Expr, x: sp.Symbol, known: Mapping[sp.Expr, sp.Expr]) -> sp.Expr:
    """The limit of what :func:`_decided` returns; of a quotient that grows, infinity with a sign that is decided."""
    above, below = (sp.Poly(part, x) if part.is_polynomial(x) else None for part in sp.fraction(value))
    if above is not None and below is not None and value != 0 and _growth(value, x) > 0:
        leading = (above.EC() / below.EC()).xreplace(known)
        if not leading.free_symbols:
            return sp.oo * sign_of(leading)
    return sympy_limit(value, x, 0)


def _by_mark(expr: sp.Expr, marks: list[sp.Symbol]) -> dict[sp.Expr, sp.Expr]:
    """A polynomial in the marks as factor by monomial."""
    result: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(expr)):
        rest, mark = term.as_independent(*marks, as_Add=False) if marks else (term, sp.Integer(1))
        if not mark.is_polynomial(*marks):
            raise _Cancels  # a mark under a function: its correction cannot be followed
        result[mark] = result.get(mark, sp.Integer(0)) + rest
    return result


def _leading(parts: Mapping[Any, sp.Expr], x: sp.Symbol, known: Mapping[sp.Expr, sp.Expr]) -> sp.Expr:
    """c x^-e, the leading term of a sum whose parts are each known to leading order."""
    values = [value for part in parts.values() if (value := _decided(part, x, known)) != 0]
    if not values:
        raise _Cancels
    order = max(_growth(value, x) for value in values)
    leading = sp.Add(*(sympy_limit(value * x**order, x, 0) for value in values))
    if is_constant_zero(leading.xreplace(known)):
        raise _Cancels
    return leading * x**-order


def _growth(value: sp.Expr, x: sp.Symbol) -> int:
    """The power of 1/x with which a quotient of polynomials in x grows as x -> 0."""
    try:
        numerator, denominator = (sp.Poly(part, x) for part in sp.fraction(value))
    except sp.PolynomialError:
        raise _Cancels from None  # not a quotient of polynomials: its order is not known
    return int(min(m[0] for m in denominator.monoms()) - min(m[0] for m in numerator.monoms()))
