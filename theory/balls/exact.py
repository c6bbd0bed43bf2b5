"""Balls as data: exact copies through pickle and copy, and equality of the objects that hold balls.

A ball is two dyadic numbers, its midpoint and its radius. Written as integers they survive pickling, copying and the
way to another process to the last bit, at any precision; importing this module teaches pickle and copy to do so.
"""

from __future__ import annotations

import copyreg
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, TypeAlias

import sympy as sp
from flint import arb, fmpq, fmpz

from theory.balls.ball import ball as constant
from theory.harmonics.sphere import as_integer, is_number, shown

Dyadic: TypeAlias = tuple[int, int] | str
"""mantissa * 2^exponent, or the name of a number that is not finite."""
RADIUS_BITS = 30
"""Of the mantissa of a radius."""


def parts(ball: arb) -> tuple[Dyadic, Dyadic]:
    """Midpoint and radius, exactly.

    >>> parts(arb(3) / 4)
    ((3, -2), (0, 0))
    """
    return _dyadic(ball.mid()), _dyadic(ball.rad())


def _dyadic(number: arb) -> Dyadic:
    if not number.is_finite():
        return "nan" if number.is_nan() else "inf" if number > 0 else "-inf"
    mantissa, exponent = number.man_exp()
    return int(mantissa), int(exponent)


def from_parts(middle: Dyadic, radius: Dyadic) -> arb:
    """The ball of :func:`parts`, whatever the precision in use.

    python-flint enlarges a radius by up to one unit of its 30 bits when it makes a ball; half a unit less undoes that.
    """
    if isinstance(radius, str) or not radius[0]:
        return arb(middle, radius)
    shift = max(RADIUS_BITS + 1 - radius[0].bit_length(), 0)
    # Shifted so that half a unit of the radius is one unit of the integer that is passed on.
    for less in (1, 0):
        ball = arb(middle, ((radius[0] << shift) - less, radius[1] - shift))
        if _dyadic(ball.rad()) == radius:
            return ball
    raise ValueError(f"radius={radius!r}: this version of python-flint cannot make a ball of that radius")


copyreg.pickle(arb, lambda ball: (from_parts, parts(ball)))


def as_ball(name: str, value: Any) -> arb:
    """A real number as a ball: exact, but for a constant such as sqrt(2), at the precision in use.

    A float counts as the binary number it is, of any width; the radius of a ball is passed on.

    Raises:
        ValueError: a bool, text, an array, a complex number, or one that is not finite.

    >>> as_ball("alpha", 0.25), as_ball("alpha", sp.Rational(1, 2))
    (0.250000000000000, 0.500000000000000)
    """
    if type(value) is float and math.isfinite(value):  # by far the most frequent case, many at a time
        return arb(value)
    result = arb("nan")
    if is_number(value):
        with suppress(TypeError, ValueError, OverflowError):  # no number, or not a finite one: refused below
            result = _converted(value)
    if not result.is_finite():
        raise ValueError(f"{name}={shown(value)}: needs a finite real number")
    return result


def _converted(value: Any) -> arb:
    if isinstance(value, arb | fmpq | fmpz | int | float):
        return arb(value)
    if as_integer(value) is not None:
        return arb(as_integer(value))
    if isinstance(value, sp.Expr) and not value.is_Number:
        return constant(value)
    if isinstance(value, sp.Expr):
        value = sp.Rational(value)
        return arb(fmpq(int(value.p), int(value.q)))
    if hasattr(value, "as_integer_ratio"):
        return arb(fmpq(*map(int, value.as_integer_ratio())))
    return arb(float(value))


def identity(value: Any) -> Any:
    """A hashable stand-in that is equal for equal values, where balls are equal when midpoint and radius are."""
    if isinstance(value, arb):
        return ("ball", *parts(value))
    if isinstance(value, tuple):
        return tuple(identity(item) for item in value)
    if isinstance(value, Mapping):
        return frozenset((identity(key), identity(item)) for key, item in value.items())
    return value


class ExactlyEqual:
    """Equality and hash of a dataclass by its fields, balls by midpoint and radius.

    ``==`` between balls asks whether two unknown numbers are proved equal, which no inexact ball is, even to itself.
    """

    def _identity(self) -> tuple[Any, ...]:
        return tuple(identity(getattr(self, field.name)) for field in fields(self) if field.compare)  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self._identity()))
