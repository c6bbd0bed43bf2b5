"""Complex balls that keep off branch cuts: what a formula needs to be integrated with a proved error.

An error bound of a quadrature rests on the integrand being analytic in a region of the complex plane. A plain ball that
lies across the cut of a square root has a value all the same, and the bound would be wrong. So formulas of the user's
own are given an :class:`AnalyticBall`. It has the arithmetic of a ball and functions under the names that python-flint
gives them; where it must be analytic, a function that meets its cut or its pole is not a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from flint import acb, arb, fmpq, fmpz

from theory.balls.program import power

WIDE = 1e-6
"""Radius from which on a ball is so wide that a second enclosure may be worth its cost."""


def _off_unit_cuts(z: acb) -> bool:
    """Whether a ball avoids (-oo, -1] and [1, oo), the cuts of acos and asin."""
    return not z.imag.contains(0) or bool(abs(z.real) < 1)


def radius(z: acb) -> arb:
    """The radii of real and imaginary part together."""
    return z.real.rad() + z.imag.rad()


def tight(function: Callable[[acb], acb], derivative: Callable[[acb], acb], z: acb) -> acb:
    """f(z) by the mean value, f(m) + f'(z) (z - m) with m the midpoint, where that is narrower than f of the ball.

    The function is analytic on the ball. A ball is convex, so f(z) - f(m) is (z - m) times a mean of f' over it.
    """
    plain = function(z)
    if radius(z) < WIDE:
        return plain
    middle = z.mid()
    other = function(middle) + derivative(z) * (z - middle)
    return other if not plain.is_finite() or radius(other) < radius(plain) else plain


def cut_functions(analytic: bool) -> dict[str, Callable[[acb], acb]]:
    """sqrt, log, acos, asin, atan of complex balls; with ``analytic`` not a number where a ball meets the cut."""
    if not analytic:
        return {"sqrt": acb.sqrt, "log": acb.log, "acos": acb.acos, "asin": acb.asin, "atan": acb.atan}
    nothing = acb("nan")
    return {
        "sqrt": lambda z: z.sqrt(analytic=True),
        "log": lambda z: z.log(analytic=True),
        "acos": lambda z: tight(acb.acos, lambda u: -(1 - u * u).rsqrt(), z) if _off_unit_cuts(z) else nothing,
        "asin": lambda z: tight(acb.asin, lambda u: (1 - u * u).rsqrt(), z) if _off_unit_cuts(z) else nothing,
        # The cuts of atan are those of asin, turned by a right angle.
        "atan": lambda z: z.atan() if _off_unit_cuts(z * acb(0, 1)) else nothing,
    }


ENTIRE: dict[str, Callable[[acb], acb]] = {
    "exp": acb.exp,
    "expm1": acb.expm1,
    "sin": acb.sin,
    "cos": acb.cos,
    "sinh": acb.sinh,
    "cosh": acb.cosh,
    "erf": acb.erf,
    "erfc": acb.erfc,
    "sinc": acb.sinc,
    "tan": acb.tan,
    "tanh": acb.tanh,
}
"""Entire functions, and two with poles, at which a ball is not finite."""


def power_log(x: acb, n: acb, analytic: bool) -> acb:
    """x^n log x for a positive integer n, finite on a ball around 0 that need not be analytic."""
    exponent, size = int(n.real.unique_fmpz()), x.abs_upper()
    if analytic or not x.contains(0):
        return power(x, exponent) * x.log(analytic=analytic)
    if size.is_zero():
        return acb(0)
    # |x^n log x| <= s^n (|log s| + pi) at |x| = s; s^n |log s| rises up to s = e^{-1/n} >= 0.36, where it is 1/(ne).
    largest = power(size, exponent) * (abs(size.log()) + arb.pi())
    if not size < 0.3:
        largest = largest + (-arb(1)).exp() / exponent
    bound = arb(0, largest.upper())
    return acb(bound, bound)


FUNCTIONS: dict[bool, dict[str, Callable[..., acb]]] = {
    flag: {**ENTIRE, **cut_functions(flag), "powerlog": lambda x, n, flag=flag: power_log(x, n, flag)}
    for flag in (False, True)
}
"""Functions of complex balls by name; by whether a value must be analytic on the ball."""

_CUT = {flag: cut_functions(flag) for flag in (False, True)}


class AnalyticBall:
    """A complex ball for formulas with ``+ - * / **``, and functions as methods: sqrt, log, exp, acos, hypgeom_0f1, ...

    Numbers beside it may be int, float (the binary number that it is), fmpq, arb or acb.

    Args:
        value: the ball.
        analytic: whether a function must be analytic on the whole ball, and is not a number where it may not be.
    """

    __slots__ = ("analytic", "value")

    def __init__(self, value: acb, analytic: bool) -> None:
        self.value = value
        self.analytic = analytic

    def _of(self, value: acb) -> AnalyticBall:
        return AnalyticBall(value, self.analytic)

    def __add__(self, other: Any) -> AnalyticBall:
        return self._of(self.value + as_acb(other))

    def __sub__(self, other: Any) -> AnalyticBall:
        return self._of(self.value - as_acb(other))

    def __mul__(self, other: Any) -> AnalyticBall:
        return self._of(self.value * as_acb(other))

    def __truediv__(self, other: Any) -> AnalyticBall:
        return self._of(self.value / as_acb(other))

    def __rsub__(self, other: Any) -> AnalyticBall:
        return self._of(as_acb(other) - self.value)

    def __rtruediv__(self, other: Any) -> AnalyticBall:
        return self._of(as_acb(other) / self.value)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> AnalyticBall:
        return self._of(-self.value)

    def __pow__(self, exponent: Any) -> AnalyticBall:
        if isinstance(exponent, int):
            return self._of(power(self.value, exponent))
        return self._of(self.value.pow(as_acb(exponent), analytic=self.analytic))

    def __getattr__(self, name: str) -> Callable[[], AnalyticBall]:
        function = ENTIRE.get(name) or _CUT[self.analytic].get(name)
        if function is None:
            known = ", ".join([*ENTIRE, *_CUT[True], "hypgeom_0f1"])
            raise AttributeError(f"{name}: no function that a kernel may use; use + - * / **, {known}")
        return lambda: self._of(function(self.value))

    def hypgeom_0f1(self, parameter: Any) -> AnalyticBall:
        """0F1(; parameter; z), entire in z."""
        return self._of(self.value.hypgeom_0f1(as_acb(parameter)))

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(
            "a kernel's argument has no order, absolute value or truth: write one formula that holds on all of [-1, 1]"
        )

    __lt__ = __le__ = __gt__ = __ge__ = __abs__ = __bool__ = __float__ = _refuse
    __eq__ = __ne__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def as_acb(value: Any) -> acb:
    """A number as a complex ball.

    Raises:
        TypeError: something else than an AnalyticBall, int, float, fmpq, fmpz, arb or acb.
    """
    if isinstance(value, AnalyticBall):
        return value.value
    if isinstance(value, acb):
        return value
    if isinstance(value, arb | int | float | fmpq | fmpz) and not isinstance(value, bool):
        return acb(arb(value))
    raise TypeError(f"{type(value).__name__} beside a ball: needs int, float, fmpq, arb or acb")
