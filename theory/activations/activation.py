"""Activations: a SymPy expression in one real variable z, with its derivatives.

Texts are read by :mod:`theory.activations.reading`, SymPy expressions by :mod:`theory.activations.symbolic`; both admit
only what is finite and real for every real z (the grammar of :mod:`theory.activations.grammar`), so an activation needs
no further check.

Kinks are written with Abs and sign (relu(u) = (u + |u|)/2), whose argument must be affine in z: then the kink is
one known point, integrals split there exactly, and even and odd parts simplify by themselves.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import sympy as sp

from theory.activations.derivatives import MAX_ORDER, derivative
from theory.activations.reading import CATALOGUE, MAX_TEXT, clean, read
from theory.activations.symbolic import admitted
from theory.balls.ball import certified_float
from theory.balls.functions import Z, gelu, sigmoid, softplus
from theory.balls.program import Program
from theory.harmonics.sphere import shown
from theory.harmonics.work import evaluation
from theory.showing import axes, cut, finish, line

__all__ = ["CATALOGUE", "MAX_TEXT", "Activation", "ActivationLike", "Z", "expression", "gelu", "sigmoid", "softplus"]

ActivationLike: TypeAlias = "Activation | str | sp.Expr"
"""What functions that take an activation accept: see :meth:`Activation.of`."""


POINTS = 200
"""Of a plot, on each side of zero."""
_FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "exp": math.exp,
    "erf": math.erf,
    "tanh": math.tanh,
    "softplus": lambda u: max(u, 0.0) + math.log1p(math.exp(-abs(u))),
    "Abs": abs,
    "sign": lambda u: float((u > 0) - (u < 0)),
}


@dataclass(frozen=True)
class Activation:
    """An activation sigma(z): finite, real and (away from kinks) analytic on the whole real line.

    Attributes:
        expr: SymPy expression in one symbol, kept in :data:`theory.activations.Z`; so two activations are equal when
            they are the same expression, whatever the symbol was called.
        text: how it was written, for printing; kept only if it reads as ``expr``.

    Raises:
        ValueError: not a SymPy expression, several symbols, or a part that is singular or has no certified
            evaluation (1/z, besselj, floating-point numbers), with the remedy.

    >>> sigma = Activation.parse("tanh(z + 1)")
    >>> sigma.derivative(1)
    1 - tanh(z + 1)**2
    >>> Activation(sp.tanh(sp.Symbol("x") + 1)) == sigma
    True
    """

    expr: sp.Expr
    text: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        # The fields of a frozen dataclass can be set in no other way.
        object.__setattr__(self, "expr", admitted(self.expr))
        object.__setattr__(self, "text", _faithful(self.text, self.expr))

    @staticmethod
    def parse(text: str | sp.Expr) -> Activation:
        """Read an expression in z by a whitelist over Python's syntax tree; nothing is evaluated.

        Numbers are exact: ``0.1`` is the rational 1/10. Names are read in any case: ``ReLU(z)`` is ``relu(z)``. A SymPy
        expression is taken as it is.

        Raises:
            ValueError: naming the offending token and what may stand there.

        >>> Activation.parse("sin(z + pi/4)").expr
        sin(z + pi/4)
        """
        if isinstance(text, sp.Expr):
            return Activation(text)
        line = clean(text)
        return Activation(read(line), line)

    @staticmethod
    def of(value: ActivationLike) -> Activation:
        """What functions that take an activation accept: an Activation, its text, or a SymPy expression in one symbol.

        Raises:
            ValueError: another object, or a text or expression that is not admitted.

        >>> Activation.of("tanh(z)") == Activation.of(sp.tanh(sp.Symbol("x")))
        True
        """
        if isinstance(value, Activation):
            return value
        if isinstance(value, str | sp.Expr):
            return Activation.parse(value)
        raise ValueError(
            f"activation of type {type(value).__name__}: needs an Activation, a text such as 'tanh(z + 1)' or a SymPy "
            f"expression in one symbol"
        )

    def derivative(self, order: int = 1) -> sp.Expr:
        """The order-th derivative as a SymPy expression in z.

        Raises:
            ValueError: order < 0 or no integer, a distribution (a second derivative at a kink), or an expression that
                grows beyond bounds, with the reason.
        """
        try:
            index = -1 if isinstance(order, bool) else operator.index(order)
        except TypeError:
            index = -1
        if not 0 <= index <= MAX_ORDER:
            raise ValueError(f"order={shown(order)}: needs an integer 0 <= order <= {MAX_ORDER}")
        try:
            with evaluation(f"derivative {index} of {self}"):
                return derivative(self.expr, index)
        except ValueError as refusal:
            raise ValueError(f"derivative {index} of {self}: {refusal}") from None

    @property
    def latex(self) -> str:
        """The expression in LaTeX."""
        return str(sp.latex(self.expr))

    def _repr_latex_(self) -> str:
        """The formula for a notebook."""
        return rf"$\displaystyle \sigma(z) = {self.latex}$"

    def plot(self, ax: Any = None, radius: float = 4.0) -> Any:
        """sigma and its first two derivatives on [-radius, radius], in double precision; returns the Axes.

        A derivative that is a distribution, such as the second one of ReLU, is left out and named in the legend.

        Args:
            ax: matplotlib Axes to draw on; a new figure's when None.
            radius: of the interval, > 0. For |x|^2 = d and |w| = 1 the argument <w, x> has mean square 1.

        Raises:
            ValueError: a radius that is not positive and finite.
            ImportError: matplotlib is not installed.
        """
        if not (isinstance(radius, int | float) and 0 < radius < math.inf):
            raise ValueError(f"radius={shown(radius)}: needs a positive finite number")
        ax = axes(ax)
        points = [radius * (i / POINTS - 1) for i in range(2 * POINTS + 1)]
        for order, name in enumerate(("\u03c3", "\u03c3\u2032", "\u03c3\u2033")):
            try:
                values = _floats(self.derivative(order), points)
            except ValueError:
                ax.plot([], [], label=f"{name}: a distribution", **line(order))
                continue
            ax.plot(points, values, label=name, **line(order))
        return finish(ax, f"\u03c3(z) = {cut(str(self))}", "z", "")

    def __str__(self) -> str:
        return self.text or str(self.expr)


def expression(value: ActivationLike) -> sp.Expr:
    """What functions of an expression g in z accept: the expression itself, an Activation's, or a text's.

    Raises:
        ValueError: another object, or a text or expression that is not admitted, such as one in two symbols or 1/z.
    """
    if not isinstance(value, sp.Expr):
        return Activation.of(value).expr
    found = admitted(value)
    return value if value.free_symbols <= {Z} else found


def _floats(expr: sp.Expr, points: Sequence[float]) -> list[float]:
    """An expression in z at each point; NaN where a double overflows on the way."""
    program, values = Program([expr], Z, certified_float), []
    for point in points:
        value = math.nan
        with suppress(OverflowError, ZeroDivisionError):
            value = float(program(point, _FUNCTIONS)[0])
        values.append(value)
    return values


@lru_cache(maxsize=1024)
def _faithful(text: str, expr: sp.Expr) -> str:
    """``text`` on one plain line if it reads as ``expr``; else nothing, so that no other function is named."""
    try:
        line = clean(text)
        return line if admitted(read(line)) == expr else ""
    except ValueError:
        return ""
