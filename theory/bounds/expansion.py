r"""Functions of x = 1/d known as a polynomial with a proved remainder, on 0 < x <= 1/d0.

A :class:`RemainderExpansion` holds c_0, ..., c_{R-1}, K and d0 and stands for every function f with

.. math:: \Bigl|f(x) - \sum_{r<R} c_r x^r\Bigr| \le K x^R \qquad (0 < x \le 1/d_0).

Sums, products and quotients of such functions are again of this kind, with a remainder that follows from the parts.
All numbers are balls; the c_r contain the true coefficients, K bounds from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
from flint import arb, fmpq

from theory.balls.exact import ExactlyEqual

PARTS = 256
"""Into how many parts 0 < x <= 1/d0 is cut to bound an expansion: its variation on one of them widens the bound."""


@dataclass(frozen=True, eq=False)
class RemainderExpansion(ExactlyEqual):
    """sum_{r<R} c_r x^r with an error of at most K x^R, for all 0 < x <= 1/d0.

    Attributes:
        coefficients: c_0, ..., c_{R-1}, R >= 1.
        remainder: K >= 0.
        switch: d0.
    """

    coefficients: tuple[arb, ...]
    remainder: arb
    switch: int

    @staticmethod
    def collect(coefficients: Sequence[arb], remainder: arb, order: int, switch: int) -> RemainderExpansion:
        """The expansion to ``order`` terms; further coefficients go to the remainder."""
        kept = [*coefficients[:order], *[arb(0)] * (order - len(coefficients))]
        power = arb(1)
        for c in coefficients[order:]:
            remainder = remainder + abs(c) * power
            power = power / switch
        return RemainderExpansion(tuple(kept), arb(remainder.upper()), switch)

    @staticmethod
    def rational(expr: sp.Expr, x: sp.Symbol, order: int, switch: int) -> RemainderExpansion:
        """The expansion of a quotient of polynomials in x with rational coefficients, finite on 0 <= x <= 1/d0."""
        above, below = (
            RemainderExpansion.collect(
                [arb(fmpq(int(c.p), int(c.q))) for c in reversed(sp.Poly(part, x).all_coeffs())], arb(0), order, switch
            )
            for part in sp.fraction(sp.cancel(expr))
        )
        return above * below.reciprocal()

    @property
    def order(self) -> int:
        """R."""
        return len(self.coefficients)

    def size(self) -> arb:
        """An upper bound of |f| on 0 < x <= 1/d0."""
        return self._polynomial_size() + self.remainder / arb(self.switch) ** self.order

    def _polynomial_size(self) -> arb:
        return arb(sum((abs(c) / arb(self.switch) ** r for r, c in enumerate(self.coefficients)), arb(0)).upper())

    def __add__(self, other: RemainderExpansion) -> RemainderExpansion:
        order = min(self.order, other.order)
        left, right = self._to(order), other._to(order)
        sums = [a + b for a, b in zip(left.coefficients, right.coefficients, strict=True)]
        return RemainderExpansion.collect(sums, left.remainder + right.remainder, order, self.switch)

    def _to(self, order: int) -> RemainderExpansion:
        """The same function with fewer terms."""
        if order >= self.order:
            return self
        rest = self.remainder / arb(self.switch) ** (self.order - order)
        return RemainderExpansion.collect(self.coefficients, rest, order, self.switch)

    def __mul__(self, other: RemainderExpansion) -> RemainderExpansion:
        order = min(self.order, other.order)
        left, right = self._to(order), other._to(order)
        product = [arb(0)] * (2 * order - 1)
        for r, a in enumerate(left.coefficients):
            for s, b in enumerate(right.coefficients):
                product[r + s] = product[r + s] + a * b
        remainder = left.remainder * right.size() + left._polynomial_size() * right.remainder
        return RemainderExpansion.collect(product, remainder, order, self.switch)

    def times(self, factor: arb) -> RemainderExpansion:
        """The function times a constant."""
        return RemainderExpansion(
            tuple(c * factor for c in self.coefficients), arb((self.remainder * abs(factor)).upper()), self.switch
        )

    def squared(self) -> RemainderExpansion:
        """The function's square."""
        return self * self

    def reciprocal(self) -> RemainderExpansion:
        """1/f.

        Raises:
            ZeroDivisionError: f is not proved to keep one sign on 0 < x <= 1/d0.
        """
        low, high = self.range()
        least = low if low > 0 else -high
        if not least > 0:
            raise ZeroDivisionError
        inverse: list[arb] = []
        for r in range(self.order):
            known = sum((self.coefficients[r - s] * inverse[s] for s in range(r)), arb(0))
            inverse.append((int(r == 0) - known) / self.coefficients[0])
        guess = RemainderExpansion(tuple(inverse), arb(0), self.switch)
        # f times the guess is 1 but for a remainder K x^R, so the guess is off by at most K x^R / min |f|.
        return RemainderExpansion(tuple(inverse), arb(((self * guess).remainder / least).upper()), self.switch)

    def shifted(self, power: int) -> RemainderExpansion:
        """f x^p, p >= 0, to p more terms."""
        return RemainderExpansion((*[arb(0)] * power, *self.coefficients), self.remainder, self.switch)

    def divided(self, power: int) -> RemainderExpansion:
        """f / x^p for an f whose first p coefficients are exactly zero, to p fewer terms."""
        if not all(c.is_zero() for c in self.coefficients[:power]) or power >= self.order:
            raise ZeroDivisionError
        return RemainderExpansion(self.coefficients[power:], self.remainder, self.switch)

    def range(self, remainder: bool = True) -> tuple[arb, arb]:
        """Bounds of f on 0 < x <= 1/d0 from below and above; without the remainder, those of the polynomial alone."""
        bounds = [self._on(arb(part, 0), remainder) for part in range(PARTS)]
        low, high = bounds[0].lower(), bounds[0].upper()
        for value in bounds[1:]:
            low, high = low.min(value.lower()), high.max(value.upper())
        return arb(low.lower()), arb(high.upper())

    def _on(self, part: arb, remainder: bool) -> arb:
        """A ball that contains f on one of the parts."""
        length = arb(1) / (self.switch * PARTS)
        x = (part * length).union((part + 1) * length)
        value = arb(0)
        for c in reversed(self.coefficients):
            value = value * x + c
        return value + arb(0, (self.remainder * x**self.order).upper()) if remainder else value

    def at(self, d: int) -> arb:
        """A ball that contains f(1/d), d >= d0."""
        value = arb(0)
        for c in reversed(self.coefficients):
            value = value / d + c
        return value + arb(0, (self.remainder / arb(d) ** self.order).upper())
