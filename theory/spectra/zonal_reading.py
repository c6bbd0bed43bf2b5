r"""Kernels kappa(t) as texts and as SymPy expressions: what may stand in them, and the same in the angle.

A kernel consists of sums, products, quotients, integer and half-integer powers of t, constants, and exp, sin, cos, tan,
sinh, cosh, tanh, erf, log, sqrt, acos, asin, atan. Unlike an activation it need not be analytic at t = -1 and 1;
whether it is finite on [-1, 1] shows when it is computed. Nothing is evaluated as code.

With t = cos(theta), 0 <= theta <= pi, the usual singularities at the ends disappear:

.. math:: \arccos t = \theta, \quad \sqrt{1-t} = \sqrt2 \sin\tfrac\theta2, \quad \sqrt{1+t} = \sqrt2 \cos\tfrac\theta2 .
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from theory.activations.builder import Builder
from theory.activations.grammar import Refused, Size, shown
from theory.activations.reading import MAX_POWER, Language, clean, read
from theory.activations.symbolic import one_symbol
from theory.balls.functions import powerlog, written

T = sp.Symbol("t", real=True)
"""The variable of every kernel: t = <x,x'>/d, the cosine of the angle between x and x'."""
THETA = sp.Symbol("theta", real=True)
"""The angle, t = cos(theta)."""

_HALF = sp.Rational(1, 2)
_KINK = "kinks inside (-1, 1) have no certified evaluation; write one smooth formula"
_FUNCTIONS = (sp.exp, sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh, sp.erf, sp.log, sp.acos, sp.asin, sp.atan)


class KernelBuilder(Builder):
    """Builds kernels: as :class:`Builder`, but anything may be divided by, and half-integer powers are admitted."""

    def __init__(self) -> None:
        super().__init__(MAX_POWER, T)

    def _measured(self, expr: sp.Expr) -> Size:
        if isinstance(expr, sp.Abs | sp.sign | sp.Max | sp.Min | sp.Heaviside | sp.Piecewise):
            raise Refused(_KINK)
        if isinstance(expr, sp.Float):
            raise Refused("floating-point numbers are not exact; write sp.Rational(1, 2) or a text such as '0.5*t'")
        if isinstance(expr, sp.Function) and not isinstance(expr, _FUNCTIONS):
            names = ", ".join(function.__name__ for function in _FUNCTIONS)
            raise Refused(f"{expr.func} has no certified evaluation here; use {names}, or a callable on balls")
        if isinstance(expr, _FUNCTIONS):
            return self._measured_smooth(expr)
        if expr.is_Pow and not expr.args[1].has(T) and expr.args[0].has(T):
            base, exponent = expr.args
            if not (exponent.is_Rational and exponent.q <= 2 and abs(exponent) <= MAX_POWER):
                raise Refused(f"use integer or half-integer exponents of anything with t, up to {MAX_POWER}")
            size = self.size(base)
            return Size(2 + size.nodes, size.degree * int(sp.ceiling(abs(exponent))), size.nesting)
        return super()._measured(expr)

    def power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        """base^exponent: any integer or half-integer power of a kernel; constants as in activations."""
        if not self.is_constant(base) and self.is_constant(exponent):
            self._exponent(exponent)
            return self.checked(base**exponent)
        return super().power(base, exponent)

    def quotient(self, above: sp.Expr, below: sp.Expr, power: int = 1, remedy: str = "") -> sp.Expr:
        """above/below^power; that the divisor has no zero shows when the kernel is computed."""
        return self.multiply(above, self.power(below, sp.Integer(-power)))


def _plain(function: Callable[[sp.Expr], sp.Expr]) -> Callable[[Builder, sp.Expr], sp.Expr]:
    return lambda build, u: build.checked(function(u))


_CALLS: dict[str, Callable[..., sp.Expr]] = {
    **{function.__name__: _plain(function) for function in _FUNCTIONS},
    "sqrt": lambda build, u: build.power(u, _HALF),
}
_ALIASES = {"arccos": "acos", "arcsin": "asin", "arctan": "atan"}

KERNELS = Language(
    "kernel",
    T,
    "exp(t - 1)",
    _CALLS | {alias: _CALLS[name] for alias, name in _ALIASES.items()},
    tuple(_CALLS),
    dict.fromkeys(("abs", "sign", "relu", "max", "min", "heaviside"), _KINK),
    KernelBuilder,
)
"""The language of kernels' texts."""


def read_kernel(text: str) -> tuple[sp.Expr, str]:
    """The expression in :data:`T` of a text, and the text on one line.

    Raises:
        ValueError: naming the offending token and what may stand there.
    """
    line = clean(text, KERNELS)
    return read(line, KERNELS), line


@lru_cache(maxsize=1024, typed=True)
def admitted_kernel(expr: sp.Expr) -> sp.Expr:
    """A SymPy expression in one symbol, whatever its name, as an expression in :data:`T`.

    Raises:
        ValueError: several symbols, or a part that is not admitted, with the remedy.
    """
    symbol = one_symbol(expr, "kernel", T)
    try:
        return KernelBuilder().checked(expr.xreplace({symbol: T}))
    except Refused as refusal:
        raise ValueError(f"kernel {shown(expr)}: {refusal}") from None
    except RecursionError:
        raise ValueError(
            f"kernel of type {type(expr).__name__}: nested too deeply; write a smaller expression"
        ) from None


@lru_cache(maxsize=1024)
def in_angle(expr: sp.Expr) -> sp.Expr:
    """The kernel as an expression in :data:`THETA`, equal to it for 0 <= theta <= pi.

    Raises:
        ValueError: a square root that is |t| or the like inside (-1, 1), or imaginary.
    """
    angular = _in_angle(expr)
    if angular.has(sp.Abs, sp.sign):
        raise ValueError(f"kernel {written(expr)}: {_KINK}")
    if angular.has(sp.I):
        raise ValueError(f"kernel {written(expr)}: is not real; needs a real value for every t in [-1, 1]")
    return angular


def _in_angle(expr: sp.Expr) -> sp.Expr:
    if expr == T:
        return sp.cos(THETA)
    if not expr.has(T):
        return expr
    if isinstance(expr, sp.acos | sp.asin) and expr.args[0] in (T, -T):
        angle = THETA if expr.args[0] == T else sp.pi - THETA
        return angle if isinstance(expr, sp.acos) else sp.pi / 2 - angle
    if expr.is_Pow and expr.args[1].is_Rational and expr.args[1].q == 2 and expr.args[0].is_polynomial(T):
        return _half_power(*expr.args)
    if isinstance(expr, sp.log) and expr.args[0].is_polynomial(T):
        rest, sine, cosine = _ends(expr.args[0])
        scaled = rest * 2 ** (sine + cosine)
        return sp.log(in_angle(scaled)) + 2 * sine * sp.log(sp.sin(THETA / 2)) + 2 * cosine * sp.log(sp.cos(THETA / 2))
    if expr.is_Mul and expr.has(sp.log):
        return _bounded_logarithms(sp.Mul(*map(_in_ends, expr.args)))
    return expr.func(*map(in_angle, expr.args))


def _ends(polynomial: sp.Expr) -> tuple[sp.Expr, int, int]:
    """(rest, a, b) with polynomial = rest (1-t)^a (1+t)^b."""
    rest, powers = sp.Poly(polynomial, T), []
    for factor in (sp.Poly(1 - T, T), sp.Poly(1 + T, T)):
        powers.append(0)
        while rest.degree() > 0 and rest.rem(factor).is_zero:
            rest, powers[-1] = rest.quo(factor), powers[-1] + 1
    return rest.as_expr(), powers[0], powers[1]


def _half_power(base: sp.Expr, exponent: sp.Rational) -> sp.Expr:
    """base^{n/2} for a polynomial: (1-t)^{n/2} = (sqrt 2 sin(theta/2))^n, and 1 + t likewise with the cosine."""
    rest, a, b = _ends(base)
    front = sp.sqrt(2) * sp.sin(THETA / 2), sp.sqrt(2) * sp.cos(THETA / 2)
    n = 2 * exponent
    both = min(a, b)
    # sin(theta/2) cos(theta/2) = sin(theta)/2 keeps sqrt(1 - t^2) = sin(theta), whose powers combine with cos(theta).
    ends = sp.sin(THETA) ** (both * n) * front[0] ** ((a - both) * n) * front[1] ** ((b - both) * n)
    return ends * in_angle(rest) ** exponent if rest.has(T) else ends * rest**exponent


def _in_ends(factor: sp.Expr) -> sp.Expr:
    """A factor in the angle, with its zeros at the ends as powers of sin(theta/2) and cos(theta/2)."""
    base, exponent = factor.args if factor.is_Pow else (factor, sp.Integer(1))
    if not (base.is_polynomial(T) and (2 * exponent).is_integer):
        return in_angle(factor)
    rest, a, b = _ends(base)
    ends = (2 * exponent * power for power in (a, b))
    sine, cosine = (sp.sqrt(2) * end(THETA / 2) for end in (sp.sin, sp.cos))
    return in_angle(rest) ** exponent * sp.Mul(*(e**n for e, n in zip((sine, cosine), ends, strict=True)))


def _bounded_logarithms(product: sp.Expr) -> sp.Expr:
    """Products of powers and logarithms of sin(theta/2) or cos(theta/2) by :class:`powerlog`."""
    ends = sp.sin(THETA / 2), sp.cos(THETA / 2)
    if not any(product.has(sp.log(end)) for end in ends):
        return product
    terms = []
    for term in sp.Add.make_args(sp.expand(product)):
        for end in ends:
            powers = term.as_powers_dict()
            if powers.get(sp.log(end), 0) == 1 and powers.get(end, 0) >= 1:
                term = term / (end ** powers[end] * sp.log(end)) * powerlog(end, powers[end])
        terms.append(term)
    return sp.Add(*terms)


@lru_cache(maxsize=1024)
def vanishes_zonally(expr: sp.Expr, degree: int) -> bool:
    """Whether E[kappa P_l] = 0 is proved for every d: the part of kappa with the parity of l is a polynomial below l.

    The part is (kappa(t) + (-1)^l kappa(-t))/2, and t -> -t is theta -> pi - theta: for the kernel
    (sin(theta) + (pi - theta) cos(theta))/pi the odd part is t/2, so that odd degrees from 3 on vanish.
    """
    angle = in_angle(expr)
    # Symbols for theta, cos and sin, between which only sin^2 = 1 - cos^2 is used.
    mirrored = sp.expand_trig(angle.xreplace({THETA: sp.pi - THETA}))
    part = sp.expand(sp.expand_trig(angle) + (-1) ** degree * mirrored)
    cosine, sine = sp.cos(THETA), sp.sin(THETA)
    part = part.xreplace({cosine: T}).replace(
        lambda e: e.is_Pow and e.args[0] == sine and e.args[1].is_Integer and e.args[1] > 1,
        lambda e: sp.expand((1 - T**2) ** (e.args[1] // 2)) * sine ** (e.args[1] % 2),
    )
    part = sp.expand(part)
    return not part.has(THETA) and bool(part.is_polynomial(T)) and (part == 0 or sp.degree(part, T) < degree)
