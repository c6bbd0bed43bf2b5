"""The grammar of activations: what an expression in z may consist of, and how large it may be.

An expression that :class:`Grammar` measures is finite and real for every real z, analytic except at kinks of something
affine, and not larger than the bounds below. It consists of

- sums, products and positive integer powers of z, constants, and sin, cos, exp, erf, tanh, softplus of such;
- Abs and sign of something affine in z (relu(u) = (u + |u|)/2), so that each kink is one known point;
- constants from rationals, pi and e, of at most MAX_DIGITS digits before or after the point, proved real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp
from flint import arb

from theory.balls.ball import ball, refine
from theory.balls.functions import KINKED, SMOOTH, Z
from theory.harmonics.work import Undecided

MAX_NODES = 1000
"""Size of the expression tree: nested gelu doubles it at each level."""
MAX_DEGREE = 1000
"""Total degree in z and in functions of z, so that no expression expands without bound."""
MAX_NESTING = 8
"""Functions within functions."""
MAX_DIGITS = 100
"""Digits of a numerator or denominator; every constant lies between 10^-MAX_DIGITS and 10^MAX_DIGITS in size."""

_LARGEST = 10**MAX_DIGITS


class Refused(ValueError):
    """An operation that an activation may not contain; the message is the remedy alone."""


@dataclass(frozen=True, slots=True)
class Size:
    """Nodes of the tree, degree in z and in functions of z (0: a constant), functions within functions."""

    nodes: int
    degree: int
    nesting: int


def shown(expr: sp.Basic) -> str:
    """An expression for an error message: one short line of ASCII."""
    try:
        text = ascii(sp.sstr(expr, order="none"))[1:-1]  # in any order: sorting would evaluate integrals
    except (ValueError, RecursionError):  # an integer of thousands of digits, or a very deep tree
        text = f"of type {type(expr).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def reason(expr: sp.Basic) -> str:
    """Why an object outside the grammar is refused, and what to write instead."""
    if expr.has(sp.Float):
        return "floating-point numbers are not exact; write sp.Rational(1, 2) or a text such as '0.5*z'"
    if isinstance(expr, sp.Derivative | sp.Integral | sp.Sum | sp.Product | sp.Limit | sp.Subs):
        return "evaluate it first, with .doit()"
    if isinstance(expr, sp.core.function.AppliedUndef):
        return "it is an undefined function; use SymPy's own, such as sp.tanh"
    if isinstance(expr, sp.Piecewise):
        return "write kinks with Abs, sign, Max or Min"
    if isinstance(expr, sp.Number | sp.NumberSymbol | sp.core.numbers.ImaginaryUnit) or expr is sp.zoo:
        return "use finite real numbers, pi and exp(1)"
    if isinstance(expr, sp.sech | sp.csch | sp.coth):
        return "1/cosh(u)**2 is 1 - tanh(u)**2; other reciprocals have no certified evaluation"
    return "it has no certified evaluation; use sin, cos, exp, erf, tanh, softplus, Abs, sign, Max, Min"


class Grammar:
    """Measures expressions in z and keeps the size of every part, so that each part is measured once.

    Args:
        variable: what stands for z.
    """

    def __init__(self, variable: sp.Symbol = Z) -> None:
        self._sizes: dict[sp.Expr, Size] = {variable: Size(1, 1, 0), sp.pi: Size(1, 0, 0), sp.E: Size(1, 0, 0)}

    def size(self, expr: sp.Expr) -> Size:
        """The size of an expression of the admitted grammar.

        Raises:
            Refused: it is not of that grammar, or too large.
        """
        known = self._sizes.get(expr)
        if known is None:
            known = self._sizes[expr] = self._measured(expr)
        return known

    def checked(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` itself, once measured."""
        self.size(expr)
        return expr

    def is_constant(self, expr: sp.Expr) -> bool:
        """Whether z does not occur."""
        return not self.size(expr).degree

    def _measured(self, expr: sp.Expr) -> Size:
        if isinstance(expr, sp.Rational):
            if not (abs(expr.p) < _LARGEST and expr.q < _LARGEST):
                raise Refused(f"use numbers of at most {MAX_DIGITS} digits")
            return Size(1, 0, 0)
        kind = type(expr)
        if kind not in _MEASURES:
            raise Refused(reason(expr))
        size = _MEASURES[kind](self, expr)
        if size.nodes > MAX_NODES:
            raise Refused(f"write an expression of at most {MAX_NODES} symbols and operations")
        if size.degree > MAX_DEGREE:
            raise Refused(f"use a total degree of at most {MAX_DEGREE} in z and its functions")
        if size.nesting > MAX_NESTING:
            raise Refused(f"nest at most {MAX_NESTING} functions in each other")
        if not size.degree:
            self._bounded(expr)
        return size

    def _measured_sum(self, expr: sp.Expr) -> Size:
        sizes = [self.size(part) for part in expr.args]
        degrees = [size.degree for size in sizes]
        constants = [part for part, degree in zip(expr.args, degrees, strict=True) if not degree]
        if 1 < len(constants) < len(sizes):  # what they combine to must be bounded too
            self._bounded(expr.func(*constants))
        return Size(
            1 + sum(size.nodes for size in sizes),
            max(degrees) if expr.is_Add else sum(degrees),
            max(size.nesting for size in sizes),
        )

    def _measured_power(self, expr: sp.Expr) -> Size:
        base, exponent = expr.args
        size, times = self.size(base), self.size(exponent)
        if size.degree and not (isinstance(exponent, sp.Integer) and exponent > 0):
            raise Refused("use integer exponents of anything with z")
        if times.degree or (isinstance(exponent, sp.Rational) and max(abs(exponent.p), exponent.q) > MAX_DEGREE):
            raise Refused(f"use exponents up to {MAX_DEGREE}, without z")
        power = int(exponent) if size.degree else 0
        return Size(1 + size.nodes + times.nodes, size.degree * power, max(size.nesting, times.nesting))

    def _measured_smooth(self, expr: sp.Expr) -> Size:
        inner = self.size(expr.args[0])
        return Size(1 + inner.nodes, min(1, inner.degree), 1 + inner.nesting)

    def _measured_kink(self, expr: sp.Expr) -> Size:
        self.check_affine(expr.args[0])
        return Size(1 + self.size(expr.args[0]).nodes, 1, 1)

    def check_affine(self, argument: sp.Expr) -> None:
        """Refuse an argument that is not affine in z with a slope proved not to be zero."""
        inner = self.size(argument)
        if inner.degree != 1 or inner.nesting:
            raise Refused("a kink needs an argument affine in z, such as relu(2*z + 1)")
        self.sign(argument.diff(Z))

    def _measured_logarithm(self, expr: sp.Expr) -> Size:
        if not self.is_constant(expr.args[0]):
            raise Refused("log has a singularity; log(1 + exp(u)) is softplus(u)")
        return self._measured_smooth(expr)

    def _bounded(self, constant: sp.Expr) -> None:
        size = abs(self.value(constant))
        if not (size * _LARGEST >= 1 and size <= _LARGEST):
            raise Refused(f"use constants of size 1e-{MAX_DIGITS} to 1e{MAX_DIGITS}")

    def value(self, constant: sp.Expr) -> arb:
        """A constant that is not zero as a ball of at least one digit.

        Raises:
            Refused: it is not real, or it cannot be told from zero.
        """
        try:
            return refine(lambda bits: ball(constant), 1, subject="the constant", max_bits=512)
        except Undecided:
            raise Refused("write zero as 0: this constant cannot be told from it") from None
        except (TypeError, ValueError):
            raise Refused("use real constants") from None

    def sign(self, constant: sp.Expr) -> int:
        """-1, 0 or 1, proved."""
        if isinstance(constant, sp.Rational):
            return int(sp.sign(constant))
        return 1 if self.value(self.checked(constant)) > 0 else -1


_MEASURES: dict[type, Callable[[Grammar, sp.Expr], Size]] = {
    sp.Add: Grammar._measured_sum,
    sp.Mul: Grammar._measured_sum,
    sp.Pow: Grammar._measured_power,
    sp.log: Grammar._measured_logarithm,
    **dict.fromkeys(SMOOTH, Grammar._measured_smooth),
    **dict.fromkeys(KINKED, Grammar._measured_kink),
}
