r"""Any zonal kernel K(x,x') = kappa(<x,x'>/d) on the sphere of radius sqrt(d).

kappa is a text or a SymPy expression in t = <x,x'>/d, or a function of one's own on balls, of t or of the angle
theta = acos t. It must be real and bounded on [-1, 1] and analytic inside; at the ends sqrt(1-t^2), acos t and
(1-t) log(1-t) are admitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import sympy as sp
from flint import acb, arb, ctx

from theory.balls.analytic import FUNCTIONS, AnalyticBall
from theory.balls.ball import ball, refine
from theory.balls.exact import as_ball
from theory.balls.lens import Angular
from theory.balls.precision import exclusive
from theory.balls.program import Program
from theory.harmonics.sphere import shown
from theory.spectra.zonal_reading import THETA, T, admitted_kernel, in_angle, read_kernel

Formula: TypeAlias = "sp.Expr | Callable[[AnalyticBall], AnalyticBall]"


@dataclass(frozen=True)
class ZonalKernel:
    """A kernel kappa(t) on the sphere, t = <x,x'>/d.

    Attributes:
        formula: a SymPy expression in one symbol, or a function on balls: it is given an
            :class:`theory.balls.analytic.AnalyticBall` and returns one, by ``+ - * / **`` and the ball's own functions,
            such as ``lambda t: (t - 1).exp()``. Two kernels are equal when their formulas are.
        text: how it is printed.
        variable: "t", or "angle" for a function of theta = acos t. A function that is analytic in theta on all of
            [0, pi] is computed fastest: write theta for acos t, and sin(theta) for sqrt(1-t^2).

    Raises:
        ValueError: another object, several symbols, or a part that is not admitted, with the remedy.

    >>> ZonalKernel.parse("exp(t - 1)")(0.5).str(10, radius=False)
    '0.6065306597'
    >>> cubic = ZonalKernel(lambda t: t**3, "t cubed")
    >>> print(cubic, cubic(-0.5).str(5, radius=False))
    t cubed -0.12500
    """

    formula: Formula
    text: str = field(default="", compare=False)
    variable: Literal["t", "angle"] = "t"

    def __post_init__(self) -> None:
        # The fields of a frozen dataclass can be set in no other way.
        if self.variable not in ("t", "angle"):
            raise ValueError(f"variable={shown(self.variable)}: needs 't' or 'angle'")
        if isinstance(self.formula, sp.Expr):
            if self.variable == "angle":
                raise ValueError("variable='angle': expressions are written in t; the angle is acos(t)")
            object.__setattr__(self, "formula", admitted_kernel(self.formula))
            object.__setattr__(self, "text", _faithful(self.text, self.formula))
        elif not callable(self.formula):
            raise ValueError(
                f"kernel of type {type(self.formula).__name__}: needs a SymPy expression in t or a function on balls; "
                f"texts are read by ZonalKernel.parse, such as ZonalKernel.parse('exp(t - 1)')"
            )

    @staticmethod
    def parse(text: str | sp.Expr) -> ZonalKernel:
        """Read an expression in t by a whitelist over Python's syntax tree; nothing is evaluated as code.

        Besides ``+ - * / **``, with integer and half-integer powers, it may use exp, sin, cos, tan, sinh, cosh, tanh,
        erf, log, sqrt, acos, asin, atan, pi and E. Numbers are exact: ``0.1`` is the rational 1/10.

        Raises:
            ValueError: naming the offending token and what may stand there.
        """
        if isinstance(text, sp.Expr):
            return ZonalKernel(text)
        return ZonalKernel(*read_kernel(text))

    @staticmethod
    def of(value: KernelLike) -> ZonalKernel:
        """What functions that take a kernel accept: a ZonalKernel, its text, a SymPy expression or a function of t."""
        if isinstance(value, ZonalKernel):
            return value
        return ZonalKernel.parse(value) if isinstance(value, str | sp.Expr) else ZonalKernel(value)

    @property
    def expr(self) -> sp.Expr | None:
        """The expression in t, None for a function on balls."""
        return self.formula if isinstance(self.formula, sp.Expr) else None

    @property
    def polynomial(self) -> sp.Poly | None:
        """kappa as a polynomial in t, None where it is not written as one."""
        if self.expr is None or not self.expr.is_polynomial(T):
            return None
        return sp.Poly(sp.expand(self.expr), T)

    def on_angle(self) -> Angular:
        """kappa(cos theta) as a function of complex balls, at the precision in use: see :mod:`theory.balls.lens`.

        Its values raise ValueError where kappa is proved not to be real at a real angle.
        """
        value = self._values()

        def real_on_axis(theta: acb, analytic: bool) -> acb:
            result = value(theta, analytic)
            if theta.imag.is_zero() and not result.imag.contains(0):
                raise ValueError(
                    f"kernel {self}: is not real at t = {theta.cos().real.str(3, radius=False)}; needs a real value "
                    f"for every t in [-1, 1]"
                )
            return result

        return real_on_axis

    def _values(self) -> Angular:
        formula = self.formula
        if isinstance(formula, sp.Expr):
            program = Program([in_angle(formula)], THETA, lambda constant: acb(ball(constant)))
            return lambda theta, analytic: acb(program(theta, FUNCTIONS[analytic])[0])

        def value(theta: acb, analytic: bool) -> acb:
            result = formula(AnalyticBall(theta if self.variable == "angle" else theta.cos(), analytic))
            if isinstance(result, AnalyticBall):
                return result.value
            raise ValueError(
                f"kernel {self}: returned {type(result).__name__}; needs the ball it is given, with + - * / ** and "
                f"functions such as t.exp(); write a constant c as c + 0*t"
            )

        return value

    def __call__(self, t: Any, digits: int = 15) -> arb:
        """kappa(t) for a real number t in [-1, 1], certified.

        Raises:
            ValueError: t outside [-1, 1], or a value that is not real.
            Undecided: the value is zero, or nearly, without a proof; or it is not finite there.
        """
        with exclusive, ctx.workprec(4000):
            point = as_ball("t", t)
            if abs(point) > 1:
                raise ValueError(f"t={shown(t)}: needs -1 <= t <= 1")

        def evaluate(bits: int) -> arb:
            theta = arb(0) if point == 1 else arb.pi() if point == -1 else point.acos()
            return self.on_angle()(acb(theta), False).real

        return refine(evaluate, digits, max_bits=4000, subject=f"kernel {self} at t={t}")

    def __str__(self) -> str:
        return self.text or (str(self.expr) if self.expr is not None else getattr(self.formula, "__name__", "kernel"))


KernelLike: TypeAlias = "ZonalKernel | str | sp.Expr | Callable[[AnalyticBall], AnalyticBall]"
"""What functions that take a kernel accept: see :meth:`ZonalKernel.of`."""


@lru_cache(maxsize=1024)
def _faithful(text: str, expr: sp.Expr) -> str:
    """``text`` on one line if it reads as ``expr``; else nothing, so that no other kernel is named."""
    try:
        found, line = read_kernel(text)
    except ValueError:
        return ""
    return line if found == expr else ""
