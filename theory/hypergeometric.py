r"""Hypergeometric functions as certified balls, and Humbert's Phi_3 as a SymPy function.

python-flint evaluates 0F1, 1F1 and 2F1 at fixed parameters well; 0F1(; d/2; x d) for large d it does not, because its
choice of method looks at the argument alone. That one is summed here, with a geometric bound on the rest.
"""

from __future__ import annotations

import sympy as sp
from flint import acb, arb, ctx

SERIES_LIMIT = 10**5
"""0F1(; c; z) is summed as a power series while |z| <= SERIES_LIMIT * |c|; beyond that it is left to arb."""


class humbert_phi3(sp.Function):  # noqa: N801 - named as SymPy names its special functions
    r"""Humbert's confluent hypergeometric function of two variables.

    .. math:: \Phi_3(b; c; x, y) = \sum_{i,j \ge 0} \frac{(b)_i}{(c)_{i+j}} \frac{x^i}{i!} \frac{y^j}{j!},
              \qquad \partial_y \Phi_3(b; c; x, y) = \tfrac1c \Phi_3(b; c+1; x, y).

    It is the moment generating function of a Gaussian weight on the sphere:
    E_{tau_D}[e^{-a t^2 + b t}] = e^{-a} Phi_3((D-1)/2; D/2; a, b^2/4). Converges for all x and y.

    Source: P. Humbert, The confluent hypergeometric functions of two variables, Proc. Roy. Soc. Edinburgh 41 (1922);
    the integral is derived in docs/mathematics.

    >>> humbert_phi3(sp.Rational(1, 2), 1, 2, 0)
    hyper((1/2,), (1,), 2)
    """

    nargs = 4

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
    when the rest lies below the rounding error of what has been added, with a factor to spare.
    """
    if not (c.is_finite() and z.is_finite() and abs(z) <= SERIES_LIMIT * c):
        return acb(z).hypgeom_0f1(c).real
    term = total = arb(1)
    largest = arb(1)
    i = 0
    while True:
        term = term * z / ((c + i) * (i + 1))
        total = total + term
        i += 1
        size = abs(term)
        largest = largest.max(size)
        if 2 * abs(z) <= (c + i) * (i + 1) and size < largest * arb(2) ** -(ctx.prec + 8):
            # The next term is at most half of this one, so all that follow are at most this one together.
            return total + arb(0, size.upper())


def hyp1f1(a: arb, c: arb, z: arb) -> arb:
    """1F1(a; c; z) for 0 < a <= c.

    Arb's own evaluation, at four times the precision when it lost half of the digits. Near |z| = c its asymptotic
    series diverges: then Kummer's transformation makes all terms positive, and their ratio is at most z/(i+1).
    """
    bits = ctx.prec
    for factor in (1, 4):
        with ctx.workprec(factor * bits):
            value = acb(z).hypgeom_1f1(a, c).real
        if value.rel_accuracy_bits() > bits // 2:
            return value
    if not (a > 0 and c - a >= 0 and abs(z) <= SERIES_LIMIT):
        return value
    if z < 0:
        return z.exp() * hyp1f1(c - a, c, -z)
    if not z > 0:
        return value
    term = total = arb(1)
    i = 0
    while not (2 * z <= i + 1 and term < total * arb(2) ** -(ctx.prec + 8)):
        term = term * (a + i) * z / ((c + i) * (i + 1))
        total = total + term
        i += 1
    return total + arb(0, term.upper())


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
        total = total + weight * hyp1f1(b, c + j, x)
        weight = weight * y / ((c + j) * (j + 1))
        j += 1
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
