"""Two number types for one closed form: SymPy expressions and certified balls.

A closed form is written once against :class:`Arithmetic`. With :data:`SYMBOLS` it gives a SymPy expression, in which d
may be a symbol; with :data:`BALLS` it gives a ``flint.arb`` at the current precision without passing through SymPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from theory.balls.ball import ball, proved_zero
from theory.balls.hypergeometric import humbert_phi3, hyp0f1, hyp1f1, hyp2f1, phi3
from theory.harmonics.gegenbauer import legendre_values, unchecked_legendre
from theory.harmonics.sphere import Dimension
from theory.harmonics.work import check_work, watched


@dataclass(frozen=True)
class Arithmetic:
    """Functions of one number type; its values combine by + - * / and integer powers.

    Attributes:
        number: an exact constant (int or SymPy expression) in this type.
        pi: the circle constant.
        sqrt, exp, erf: elementary functions.
        half_power: u^{n/2} for u > 0 and n an integer or an expression.
        gamma_ratio: Gamma(x + 1/2)/Gamma(x).
        legendre: P_{l,d}(t) from (l, d, t), d an int or a SymPy expression and t an exact SymPy expression.
        hermite: He_l(t) from (l, t), t an exact SymPy expression.
        hyp0f1, hyp1f1, hyp2f1, phi3: hypergeometric functions, parameters first.
    """

    number: Callable[[Any], Any]
    pi: Callable[[], Any]
    sqrt: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    erf: Callable[[Any], Any]
    half_power: Callable[[Any, Any], Any]
    gamma_ratio: Callable[[Any], Any]
    legendre: Callable[[int, Any, sp.Expr], Any]
    hermite: Callable[[int, sp.Expr], Any]
    hyp0f1: Callable[[Any, Any], Any]
    hyp1f1: Callable[[Any, Any, Any], Any]
    hyp2f1: Callable[[Any, Any, Any, Any], Any]
    phi3: Callable[[Any, Any, Any, Any], Any]


@lru_cache(maxsize=4096)
def _constant(value: sp.Expr, bits: int) -> arb:
    return ball(value)


def _number(value: Any) -> arb:
    return arb(value) if isinstance(value, int) else _constant(value, ctx.prec)


@lru_cache(maxsize=4096)
def _legendre_is_zero(degree: int, d: int, t: sp.Expr) -> bool:
    return proved_zero(unchecked_legendre(degree, d, t))


def _legendre(degree: int, d: int, t: sp.Expr) -> arb:
    """P_l(t); exactly zero where algebra says that t is a root."""
    # The recurrence gives a ball around zero at a root; only then is algebra, which is slow, asked.
    value = legendre_values(degree, d, _number(t))[degree]
    return arb(0) if value.contains(0) and _legendre_is_zero(degree, d, t) else value


MAX_EXACT = 200
"""Powers and Gamma functions of larger numbers stay unevaluated: SymPy would write out all their digits."""


def _hermite_value(degree: int, t: Any) -> Any:
    """He_l(t) by He_{l+1} = t He_l - l He_{l-1}, for a rational number or a ball; it loses digits of a ball alone."""
    previous, current = 0 * t, 0 * t + 1
    for j in range(degree):
        check_work()
        previous, current = current, t * current - j * previous
    return current


def _symbolic_hermite(degree: int, t: sp.Expr) -> sp.Expr:
    if not t.is_Rational:
        return watched(lambda: sp.expand(sp.hermite_prob(degree, t)))
    exact = _hermite_value(degree, fmpq(int(t.p), int(t.q)))
    return sp.Rational(int(exact.p), int(exact.q))


@lru_cache(maxsize=4096)
def _hermite_is_zero(degree: int, t: sp.Expr) -> bool:
    return proved_zero(_symbolic_hermite(degree, t))


def _hermite(degree: int, t: sp.Expr) -> arb:
    """He_l(t); exactly zero where algebra says that t is a root."""
    if t.is_Rational:
        return arb(_hermite_value(degree, fmpq(int(t.p), int(t.q))))
    value = _hermite_value(degree, _number(t))
    return arb(0) if value.contains(0) and degree <= MAX_EXACT and _hermite_is_zero(degree, t) else value


def _symbolic_half_power(u: sp.Expr, n: Any) -> sp.Expr:
    base = sp.UnevaluatedExpr(u) if isinstance(n, int) and n > MAX_EXACT else u
    return base ** (sp.sympify(n) / 2)


def _symbolic_gamma_ratio(x: sp.Expr) -> sp.Expr:
    small = not x.is_number or x <= MAX_EXACT
    return sp.gamma(x + sp.Rational(1, 2), evaluate=small) / sp.gamma(x, evaluate=small)


SYMBOLS = Arithmetic(
    number=sp.sympify,
    pi=lambda: sp.pi,
    sqrt=sp.sqrt,
    exp=sp.exp,
    erf=sp.erf,
    half_power=_symbolic_half_power,
    gamma_ratio=_symbolic_gamma_ratio,
    legendre=unchecked_legendre,
    hermite=_symbolic_hermite,
    hyp0f1=lambda c, z: sp.hyper((), (c,), z),
    hyp1f1=lambda a, c, z: sp.hyper((a,), (c,), z),
    hyp2f1=lambda a, b, c, z: sp.hyper((a, b), (c,), z),
    phi3=humbert_phi3,
)

BALLS = Arithmetic(
    number=_number,
    pi=arb.pi,
    sqrt=arb.sqrt,
    exp=arb.exp,
    erf=arb.erf,
    half_power=lambda u, n: u.sqrt() ** n,
    gamma_ratio=lambda x: x.rising(arb("0.5")),
    legendre=_legendre,
    hermite=_hermite,
    hyp0f1=hyp0f1,
    hyp1f1=hyp1f1,
    hyp2f1=hyp2f1,
    phi3=phi3,
)


def rising(big: Any, degree: int, start: Any) -> Any:
    """``start`` times D (D+2) ... (D+2l-2)."""
    for i in range(degree):
        check_work()
        start = start * (big + 2 * i)
    return start


def rodrigues(degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
    """d^{l/2} / (D (D+2) ... (D+2l-2)): what l differentiations put in front."""
    return on.sqrt(on.number(d)) ** degree / rising(on.number(big), degree, on.number(1))
