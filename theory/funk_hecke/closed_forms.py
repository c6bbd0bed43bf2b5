"""From an expression in z to a sum of factor * z^p * kernel, where every kernel has closed coefficients.

Admitted: polynomials; sin, cos, exp and erf of something affine in z; exp of a quadratic; sign and Abs of something
affine in z (hence ReLU and its powers, shifted or not); their products with polynomials; products of sines with sines
and of exponentials with exponentials. Equal summands are collected, so sin(z)^2 + cos(z)^2 is recognised as 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.simplify.fu import TR8

from theory.activations import Z
from theory.balls.arithmetic import SYMBOLS, Arithmetic
from theory.balls.ball import compare, proved_zero
from theory.balls.functions import as_quadratic, written
from theory.funk_hecke.polynomials import rational_polynomial, terms_of
from theory.funk_hecke.summands import (
    ErrorFunction,
    Exponential,
    Gaussian,
    Kernel,
    Monomial,
    NoClosedForm,
    Sign,
    Sine,
)
from theory.harmonics.gegenbauer import multiplication
from theory.harmonics.sphere import Dimension
from theory.harmonics.work import check_work, watched

MAX_TERMS = 1000
"""Expressions that would expand to more terms are left as they are."""
LONG = 64
"""Terms from which on SymPy is watched while it expands: it may take seconds."""
MAX_WAVES = 8
"""Products of more sines are left as they are: as a sum, n of them are 2^(n-1) terms."""


@dataclass(frozen=True)
class Term:
    """factor * z^power * kernel; a bare power of z is a :class:`Monomial` with ``power`` 0."""

    factor: sp.Expr
    power: int
    kernel: Kernel

    def sphere(self, degree: int, d: Dimension, on: Arithmetic) -> Any:
        """lambda_l of the term: z^p g has d^{p/2} sum_j w_j lambda_j(g) with t^p P_l = sum_j w_j P_j."""
        if not self.power:
            value = self.kernel.sphere(degree, d, d, on)
        else:
            value = on.sqrt(on.number(d)) ** self.power * sum(
                (on.number(w) * self.kernel.sphere(j, d, d, on) for j, w in _weights(self.power, degree, d).items()),
                on.number(0),
            )
        return on.number(self.factor) * value

    def line(self, degree: int, on: Arithmetic) -> Any:
        """E[g(G) He_l(G)] of the term, by z He_j = He_{j+1} + j He_{j-1}."""
        weights = {degree: 1}  # of z^p He_l as a sum of He_j
        for _ in range(self.power):
            raised: dict[int, int] = {}
            for j, w in weights.items():
                raised[j + 1] = raised.get(j + 1, 0) + w
                if j:
                    raised[j - 1] = raised.get(j - 1, 0) + w * j
            weights = raised
        return on.number(self.factor) * sum((w * self.kernel.line(j, on) for j, w in weights.items()), on.number(0))


@lru_cache(maxsize=4096)
def _weights(power: int, degree: int, d: Dimension) -> dict[int, sp.Expr]:
    return multiplication(power, degree, d)


@lru_cache(maxsize=4096)
def expanded_terms(expr: sp.Expr) -> int:
    """An upper bound of the number of terms that expanding ``expr``, arguments included, can produce."""
    inner = [expanded_terms(argument) for argument in expr.args]
    if expr.is_Add:
        return sum(inner)
    if expr.is_Mul:
        return math.prod(inner)
    if expr.is_Pow and expr.args[1].is_Integer:  # monomials of that degree in the terms of the base
        return math.comb(inner[0] + abs(int(expr.args[1])) - 1, inner[0] - 1)
    return max([1, *inner])


def expanded(expr: sp.Expr, **hints: bool) -> sp.Expr:
    """SymPy's expand; WorkLimit where a long expression uses up the work allowed."""
    return sp.expand(expr, **hints) if expanded_terms(expr) <= LONG else watched(sp.expand, expr, **hints)


@lru_cache(maxsize=4096)
def decompose(expr: sp.Expr) -> tuple[Term, ...]:
    """The terms of an expression in z, equal kernels collected; empty for zero.

    Raises:
        NoClosedForm: naming the summand that is of another kind, or the expression when it is too large to expand.
        ValueError: another symbol than z, which would pass for a constant.
    """
    if foreign := expr.free_symbols - {Z}:
        names = ", ".join(sorted(map(str, foreign)))
        raise ValueError(
            f"{written(expr)}: needs an expression in theory.activations.Z, it has {names}; use Activation(...).expr"
        )
    polynomial = rational_polynomial(expr)
    if polynomial is not None:
        return tuple(Term(factor, 0, Monomial(power)) for power, factor in terms_of(polynomial).items())
    count = expanded_terms(expr)
    if count > MAX_TERMS:
        raise NoClosedForm(f"an expression of more than {MAX_TERMS} terms: not expanded; use the certified value")
    return watched(_collected, expr) if count > LONG else _collected(expr)


def _collected(expr: sp.Expr) -> tuple[Term, ...]:
    """The terms of an expression of which SymPy expands every part."""
    collected: dict[tuple[int, Kernel], sp.Expr] = {}
    for summand in filter(None, _summands(expr)):  # and so is what products of sines leave when they cancel
        factor, power, kernel = _read(summand)
        collected[power, kernel] = collected.get((power, kernel), sp.Integer(0)) + factor
    return tuple(
        Term(factor, power, kernel) for (power, kernel), factor in collected.items() if not proved_zero(factor)
    )


def _summands(expr: sp.Expr) -> list[sp.Expr]:
    """Expand; |u| becomes u sign(u) with one sign for each kink; products of sines become sums of sines."""
    # With one name for each kink, equal kinks cancel or collect as factors of an expanded sum.
    signs = {atom: _sign(atom.args[0]) for atom in expr.atoms(sp.sign) if atom.has(Z)}
    signs |= {atom: atom.args[0] * _sign(atom.args[0]) for atom in expr.atoms(sp.Abs) if atom.has(Z)}
    expanded = sp.expand(expr.xreplace(signs), trig=False, power_exp=False, log=False)
    result = []
    summands = tuple(filter(None, sp.Add.make_args(expanded)))  # the empty sum is written 0
    for summand in summands:  # before any product of sines is expanded, which takes long: one such summand is enough
        _check_known(summand)
    for summand in summands:
        check_work()
        waves = sum(_waves(factor) for factor in sp.Mul.make_args(summand))
        if waves > MAX_WAVES:
            raise NoClosedForm(f"a product of {waves} sines: not expanded; use the certified value")
        if waves > 1:  # TR8 writes a product of sines as a sum
            summand = sp.expand(TR8(summand), trig=False, power_exp=False)
        result.extend(sp.Add.make_args(summand))
    return result


def _check_known(summand: sp.Expr) -> None:
    """Refuse a summand with a factor that has no closed form whatever it is multiplied by."""
    for part in sp.Mul.make_args(summand.as_independent(Z, as_Add=False)[1]):
        base, _ = part.as_base_exp() if not isinstance(part, sp.exp) else (part, 1)
        if part != 1 and base != Z and not isinstance(base, sp.sign):
            _kernel(base)


def _waves(factor: sp.Expr) -> int:
    """How many sines and cosines of z a factor is the product of."""
    base, exponent = factor.as_base_exp()
    if not (isinstance(base, sp.sin | sp.cos) and base.has(Z)):
        return 0
    return abs(int(exponent)) if exponent.is_Integer else 1


def _sign(argument: sp.Expr) -> sp.Expr:
    """sign(a z + b) as sgn(a) sign(z - z_0), so that one kink has one name."""
    slope = argument.diff(Z)
    if slope.has(Z):
        raise NoClosedForm(f"sign({written(argument)}): needs an argument affine in z")
    kink = sp.simplify(-argument.subs(Z, 0) / slope)
    return compare(slope, sp.Integer(0)) * sp.sign(Z - kink, evaluate=False)


def _read(summand: sp.Expr) -> tuple[sp.Expr, int, Kernel]:
    """(factor, power, kernel) of a summand."""
    factor, rest = summand.as_independent(Z, as_Add=False)
    power, kinks, others = 0, [], []
    for part in sp.Mul.make_args(rest):
        base, exponent = part.as_base_exp() if not isinstance(part, sp.exp) else (part, sp.Integer(1))
        if base == Z and exponent.is_Integer and exponent > 0:
            power += int(exponent)
        elif isinstance(base, sp.sign) and exponent.is_Integer:
            kinks += [Z - base.args[0]] * (int(exponent) % 2)  # sign^2 = 1 away from the kink
        elif part != 1:
            others.append(part)
    if not others and len(kinks) <= 1:
        return (factor, power, Sign(kinks[0])) if kinks else (factor, 0, Monomial(power))
    if len(others) == 1 and not kinks:
        return factor, power, _kernel(others[0])
    raise NoClosedForm(f"{written(rest)}: no closed form for this product; use the certified value")


def _kernel(expr: sp.Expr) -> Kernel:
    """The kernel that a single function of z is; NoClosedForm for any other."""
    polynomial = as_quadratic(expr.args[0]) if len(expr.args) == 1 else None
    if polynomial is not None and polynomial.degree() == 1:
        a, b = polynomial.all_coeffs()
        if isinstance(expr, sp.sin):
            return Sine(a, b)
        if isinstance(expr, sp.cos):
            return Sine(a, b + sp.pi / 2)
        if isinstance(expr, sp.exp):
            return Exponential(a, b)
        if isinstance(expr, sp.erf):
            return ErrorFunction(a, b)
    if isinstance(expr, sp.exp) and polynomial is not None and polynomial.degree() == 2:
        a, b, c = polynomial.all_coeffs()
        return Gaussian(-a, b, c)
    raise NoClosedForm(f"{written(expr)}: no closed form for this function; use the certified value")


def has_closed_form(expr: sp.Expr) -> bool:
    """Whether :func:`decompose` finds terms that are all known."""
    try:
        decompose(expr)
    except NoClosedForm:
        return False
    return True


def is_polynomial(expr: sp.Expr) -> bool:
    """Whether the expression is a polynomial in z once equal terms are collected."""
    return has_closed_form(expr) and all(isinstance(term.kernel, Monomial) for term in decompose(expr))


def sphere_sum(expr: sp.Expr, degree: int, d: Dimension, on: Arithmetic) -> Any:
    """lambda_l(expr) as the sum over :func:`decompose`; NoClosedForm where that has none."""
    return _sum(decompose(expr), lambda term: term.sphere(degree, d, on), on)


def line_sum(expr: sp.Expr, degree: int, on: Arithmetic) -> Any:
    """E[expr(G) He_l(G)] as the sum over :func:`decompose`; NoClosedForm where that has none."""
    return _sum(decompose(expr), lambda term: term.line(degree, on), on)


def _sum(terms: tuple[Term, ...], value: Callable[[Term], Any], on: Arithmetic) -> Any:
    def total() -> Any:
        result = on.number(0)
        for term in terms:
            check_work()
            result = result + value(term)
        return result

    return watched(total) if on is SYMBOLS and len(terms) > LONG else total()
