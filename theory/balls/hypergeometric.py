r"""Hypergeometric functions as certified balls, and Humbert's Phi_3 as a SymPy function.

python-flint evaluates 0F1, 1F1 and 2F1 at fixed parameters well; 0F1(; d/2; x d) and 1F1(a; d/2; x d) for large d it
does not, because its choice of method looks at the argument alone. These are summed here, with a geometric bound on
the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import sympy as sp
from flint import acb, arb, ctx

from theory.harmonics.sphere import is_number, shown
from theory.harmonics.work import check_work

MAX_TERMS = 2 * 10**6
"""Longest power series that is summed here, some seconds; beyond that the function is left to arb."""
FALL = 2.001
"""The rest of a series is bounded once its ratio is below 1/FALL: 1/2, and what rounding to double may take from it."""
SMALL = 50.0
"""|z| below which arb's power series of 1F1 is tried first, because it mostly loses few bits."""
SPARE_BITS = 64
"""Cancellation beyond the working precision at which the sum of alternating terms is not begun."""


def _expression(argument: Any) -> sp.Expr:
    """An argument of Phi_3; SymPy itself would execute a text, and take None and lists as they are."""
    found = argument
    if is_number(argument):
        with suppress(sp.SympifyError):  # no number after all: refused below
            found = sp.sympify(argument, strict=True)
    if not isinstance(found, sp.Expr):
        raise ValueError(f"humbert_phi3, argument {shown(argument)}: needs a SymPy expression or a number")
    return found


class humbert_phi3(sp.Function):  # noqa: N801 - named as SymPy names its special functions
    r"""Humbert's confluent hypergeometric function of two variables.

    .. math:: \Phi_3(b; c; x, y) = \sum_{i,j \ge 0} \frac{(b)_i}{(c)_{i+j}} \frac{x^i}{i!} \frac{y^j}{j!},
              \qquad \partial_y \Phi_3(b; c; x, y) = \tfrac1c \Phi_3(b; c+1; x, y).

    It is the moment generating function of a Gaussian weight on the sphere:
    E_{tau_D}[e^{-a t^2 + b t}] = e^{-a} Phi_3((D-1)/2; D/2; a, b^2/4). Converges for all x and y.

    Source: P. Humbert, The confluent hypergeometric functions of two variables, Proc. Roy. Soc. Edinburgh 41 (1922);
    the integral is docs/mathematics, :eq:`humbert`.

    >>> humbert_phi3(sp.Rational(1, 2), 1, 2, 0)
    hyper((1/2,), (1,), 2)
    """

    nargs = 4

    def __new__(cls, *args: Any, **options: Any) -> sp.Expr:
        """The function of four SymPy expressions or numbers; ValueError for anything else, a text included."""
        return super().__new__(cls, *map(_expression, args), **options)

    @classmethod
    def eval(cls, b: sp.Expr, c: sp.Expr, x: sp.Expr, y: sp.Expr) -> sp.Expr | None:
        """One-variable cases, called by SymPy on construction."""
        if y.is_zero:
            return sp.hyper((b,), (c,), x)
        if x.is_zero or b.is_zero:
            return sp.hyper((), (c,), y)
        return None

    def fdiff(self, argindex: int = 4) -> sp.Expr:
        """Derivative with respect to x (argument 3) or y (argument 4)."""
        b, c, x, y = self.args
        if argindex == 3:
            return b / c * humbert_phi3(b + 1, c + 1, x, y)
        if argindex == 4:
            return humbert_phi3(b, c + 1, x, y) / c
        raise sp.core.function.ArgumentIndexError(self, argindex)


def hyp0f1(c: arb, z: arb) -> arb:
    r"""0F1(; c; z) for c > 0.

    The terms have ratio z/((c+i)(i+1)); once that is below 1/2 the rest is at most twice the next term. The sum stops
    when the rest lies below the rounding error of what has been added, with a factor to spare. For z < 0 the terms
    alternate: where they cancel more bits than there are, or where there would be more than MAX_TERMS of them, the
    answer is left to arb, whose asymptotic series is good for sqrt|z| far above c and says so by its radius elsewhere.
    """
    if not (c.is_finite() and c > 0 and z.is_finite()):
        return acb(z).hypgeom_0f1(c).real
    # The first condition: after MAX_TERMS terms their ratio would still be above 1/2.
    size, base = float(abs(z).upper()), float(c.lower())
    if 2 * size > MAX_TERMS * (base + MAX_TERMS) or (z < 0 and _cancelled_bits(base, size) > ctx.prec + SPARE_BITS):
        return acb(z).hypgeom_0f1(c).real

    def ratio(i: int) -> arb:
        return z / ((c + i) * (i + 1))

    return _series(ratio, lambda i: FALL * size <= (base + i) * (i + 1))


def _cancelled_bits(c: float, size: float) -> float:
    """log2 of the largest term of 0F1(; c; -size): the terms grow up to i with (c+i)(i+1) = size."""
    i = max((math.sqrt((c - 1) ** 2 + 4 * size) - c - 1) / 2, 0.0)
    growth = i * math.log(max(size, 1.0)) - math.lgamma(i + 1) - math.lgamma(c + i) + math.lgamma(c)
    return growth / math.log(2)


def _series(ratio: Callable[[int], arb], falls: Callable[[int], bool]) -> arb:
    """1 + r_0 + r_0 r_1 + ..., where |r_i| <= 1/2 and does not grow from the first i with ``falls(i)`` on."""
    term = total = largest = arb(1)
    i = 0
    while True:
        term = term * ratio(i)
        total = total + term
        i += 1
        size = abs(term)
        largest = largest.max(size)
        if i % 256 == 0:
            check_work()
            if not total.is_finite():
                return total
        if falls(i) and size < largest * arb(2) ** -(ctx.prec + 8):
            # The next term is at most half of this one, so all that follow are at most this one together.
            return total + arb(0, size.upper())


def hyp1f1(a: arb, c: arb, z: arb) -> arb:
    """1F1(a; c; z) for 0 < a <= c.

    Arb's asymptotic series is good for |z| far above c, its power series for small |z|; in between, near |z| = c, the
    first diverges and the second cancels. There Kummer's transformation makes all terms positive, and their ratio
    (a+i) z/((c+i)(i+1)) is at most z/(i+1).
    """
    size = float(abs(z).upper()) if z.is_finite() else math.inf
    between = a > 0 and c - a >= 0 and size <= min(MAX_TERMS, 2 * float(c) + 2 * ctx.prec)
    if not between or size < SMALL:
        value = acb(z).hypgeom_1f1(a, c).real
        if not between or value.rel_accuracy_bits() > ctx.prec // 2:
            return value
    if z < 0:
        return z.exp() * hyp1f1(c - a, c, -z) if c - a > 0 else z.exp()
    return _series(lambda i: (a + i) * z / ((c + i) * (i + 1)), lambda i: FALL * size <= i + 1)


def hyp2f1(a: arb, b: arb, c: arb, z: arb) -> arb:
    """2F1(a, b; c; z), z < 1, or any real z where the series ends.

    Raises:
        ValueError: proved not to be real, as on the cut z > 1.
    """
    value = acb(z).hypgeom_2f1(a, b, c)
    if not value.imag.contains(0):
        raise ValueError(
            f"2F1({', '.join(x.str(5) for x in (a, b, c, z))}): is not a real number; needs an argument below 1"
        )
    return value.real


def phi3(b: arb, c: arb, x: arb, y: arb) -> arb:
    r"""Humbert's Phi_3(b; c; x, y) for 0 < b <= c, summed over j with 0 < 1F1(b; c+j; x) <= max(1, e^x).

    The bound on 1F1 is its Euler integral, an average of e^{xs} over s in (0, 1). Cost: one 1F1 per term.

    Raises:
        ValueError: not proved that 0 < b <= c.
    """
    if not (b > 0 and c - b >= 0):
        raise ValueError(f"b={b}, c={c}: needs 0 < b <= c")
    ceiling = x.exp().max(arb(1))
    weight = arb(1)
    total = arb(0)
    j = 0
    while True:
        check_work()
        total = total + weight * hyp1f1(b, c + j, x)
        weight = weight * y / ((c + j) * (j + 1))
        j += 1
        # Once 2 |y| <= (c + j)(j + 1) the weights fall by half at least, and each 1F1 is below the ceiling.
        rest = 2 * abs(weight) * ceiling
        if 2 * abs(y) <= (c + j) * (j + 1) and (rest < abs(total) * arb(2) ** -(ctx.prec + 8) or not total.is_finite()):
            return total + arb(0, rest.upper())


def evaluate(expr: sp.Expr, values: list[arb]) -> arb:
    """A SymPy ``hyper`` or ``humbert_phi3`` whose parameters and argument, in order, are ``values``.

    Raises:
        TypeError: another hypergeometric function.
    """
    if isinstance(expr, humbert_phi3):
        return phi3(*values)
    match len(expr.args[0]), len(expr.args[1]):
        case 0, 1:
            return hyp0f1(*values)
        case 1, 1:
            return hyp1f1(*values)
        case 2, 1:
            return hyp2f1(*values)
    raise TypeError(f"{expr}: only 0F1, 1F1 and 2F1 are evaluated")
