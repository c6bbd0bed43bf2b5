r"""Expectations on the sphere by plain mpmath: Gauss-Legendre panels in theta, one set of nodes for all degrees.

    E_{tau_d}[h(t)] = Gamma(d/2) / (sqrt(pi) Gamma((d-1)/2)) * int h(sin theta) cos^{d-2}(theta) dtheta

Nothing here is taken from the library under test: P_l (normalised to P_l(1) = 1) comes from its three-term
recurrence, the normalisation from mpmath's log-Gamma, derivatives of the functions of the catalogue from their
formulas written out, and kinks are panel ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from operator import mul

import mpmath as mp

GUARD = 15
"""Digits carried beyond those asked for: powers cos^{d-2} and log-Gamma lose log10(d) of them."""

Jet = tuple[mp.mpf, mp.mpf, mp.mpf]
"""A function with its first two derivatives at a point."""


@lru_cache(maxsize=64)
def gauss_legendre(count: int, digits: int) -> tuple[tuple[mp.mpf, mp.mpf], ...]:
    """Nodes and weights on [-1, 1], by Newton's method on P_count."""
    with mp.workdps(digits + GUARD):
        rule = []
        for i in range(count):
            x = mp.cos(mp.pi * (i + mp.mpf(3) / 4) / (count + mp.mpf(1) / 2))
            while True:
                before, here = mp.mpf(1), x
                for j in range(1, count):
                    before, here = here, ((2 * j + 1) * x * here - j * before) / (j + 1)
                slope = count * (before - x * here) / (1 - x * x)
                step = here / slope
                x -= step
                if abs(step) < mp.mpf(10) ** -((digits + GUARD) * 2 // 3):  # the next step is its square
                    break
            before, here = mp.mpf(1), x
            for j in range(1, count):
                before, here = here, ((2 * j + 1) * x * here - j * before) / (j + 1)
            slope = count * (before - x * here) / (1 - x * x)
            rule.append((x, 2 / ((1 - x * x) * slope * slope)))
        return tuple(rule)


def multiplicity(d: int, degree: int) -> int:
    """N(d,l) = C(l+d-1, l) - C(l+d-3, l-2)."""
    return math.comb(degree + d - 1, degree) - (math.comb(degree + d - 3, degree - 2) if degree > 1 else 0)


class Sphere:
    """Nodes and weights for tau_d, good to about 10^-digits of the integrand's size.

    Args:
        d: dimension.
        digits: decimal digits.
        degree: the largest l that will be asked for.
        kinks: points in z at which panels end; those off the sphere are ignored.
        pole: distance in z from the real axis to the integrand's nearest singularity, infinity for entire functions.
        halvings: every panel is halved this often: the rule's own error is seen by comparing 0 and 1.
    """

    def __init__(
        self,
        d: int,
        digits: int,
        degree: int,
        kinks: Sequence[Fraction] = (),
        pole: float = math.inf,
        halvings: int = 0,
    ) -> None:
        self.d, self.digits = d, digits
        # A panel of half-width one in z and n points: error rho^{-2n} times the integrand's size on the ellipse. Up to
        # the height y = 3/2 the density grows by e^{9/8}, e^{2z} and erf(2z) by less than e^9, P_l by e^{l y/sqrt(d)}.
        height = min(pole, 1.5)
        rho = height + math.sqrt(1 + height * height)
        growth = 10 + degree * height / math.sqrt(d) / math.log(10)
        points = 8 * math.ceil((digits + growth) / (2 * math.log10(rho)) / 8)
        with mp.workdps(digits + GUARD):
            root = mp.sqrt(d)
            # Cut where the density is 10^-(digits + 20): the twenty pay for the growth of exp(2 z) and of P_l.
            floor = mp.mpf(10) ** (-mp.mpf(digits + 20) / (d - 2))
            end = mp.acos(floor) if floor > 0.05 else mp.pi / 2
            inner = (mp.asin(mp.mpf(z.numerator) / z.denominator / root) for z in kinks if z * z < d)
            ends = sorted({-end, end, *(x for x in inner if abs(x) < end)})
            front = mp.exp(mp.loggamma(mp.mpf(d) / 2) - mp.loggamma(mp.mpf(d - 1) / 2)) / mp.sqrt(mp.pi)
            self.t, self.weights = [], []
            for left, right in pairwise(ends):
                panels = max(1, math.ceil((right - left) * root / 2)) << halvings
                half = (right - left) / (2 * panels)
                for i in range(panels):
                    middle = left + (2 * i + 1) * half
                    for x, w in gauss_legendre(points, digits):
                        cosine, sine = mp.cos_sin(middle + half * x)
                        self.t.append(sine)
                        self.weights.append(front * half * w * cosine ** (d - 2))
            self.z = [root * t for t in self.t]
        self._monic = [[mp.mpf(1)] * len(self.t), self.t]

    def monic(self, degree: int) -> list[mp.mpf]:
        """P_l over its leading coefficient at the nodes: Q_{l+1} = t Q_l - l(l+d-3)/((2l+d-2)(2l+d-4)) Q_{l-1}."""
        with mp.workdps(self.digits + GUARD):
            while len(self._monic) <= degree:
                j = len(self._monic) - 1
                c = mp.mpf(j * (j + self.d - 3)) / ((2 * j + self.d - 2) * (2 * j + self.d - 4))
                before, here = self._monic[-2:]
                self._monic.append([t * p - c * q for t, p, q in zip(self.t, here, before, strict=True)])
        return self._monic[degree]

    def leading(self, degree: int) -> mp.mpf:
        """The leading coefficient of P_l, the product of (2j+d-2)/(j+d-2) over 0 < j < l."""
        return mp.fprod(mp.mpf(2 * j + self.d - 2) / (j + self.d - 2) for j in range(1, degree))

    def jets(self, function: Function) -> list[Jet]:
        """g, g', g'' at the nodes z = sqrt(d) t."""
        with mp.workdps(self.digits + GUARD):
            return [function.jet(z) for z in self.z]

    def weighted(self, values: Sequence[mp.mpf], power: int = 0) -> Weighted:
        """z^power times a function given by its values at the nodes, ready for every degree."""
        with mp.workdps(self.digits + GUARD):
            return Weighted(self, [z**power * v for z, v in zip(self.z, values, strict=True)] if power else values)


class Weighted:
    """A function on the nodes of a :class:`Sphere`."""

    def __init__(self, sphere: Sphere, values: Sequence[mp.mpf]) -> None:
        self.sphere = sphere
        with mp.workdps(sphere.digits + GUARD):
            self.values = list(map(mul, values, sphere.weights))
            self.norm = mp.sqrt(mp.fdot(values, self.values))

    def coefficient(self, degree: int) -> mp.mpf:
        """lambda_l = E[g(sqrt(d) t) P_l(t)]."""
        with mp.workdps(self.sphere.digits + GUARD):
            return self.sphere.leading(degree) * mp.fdot(self.values, self.sphere.monic(degree))

    def error(self, degree: int) -> mp.mpf:
        """What :meth:`coefficient` may be off by: 10^-digits of (E[g^2] E[P_l^2])^{1/2}, E[P_l^2] = 1/N(d,l)."""
        with mp.workdps(20):
            return self.norm / mp.sqrt(multiplicity(self.sphere.d, degree)) * mp.mpf(10) ** -self.sphere.digits


def _tanh(u: mp.mpf) -> Jet:
    t = mp.tanh(u)
    s = 1 - t * t
    return t, s, -2 * t * s


def _sigmoid(u: mp.mpf) -> Jet:
    y = 1 / (1 + mp.exp(-u))
    s = y * (1 - y)
    return y, s, s * (1 - 2 * y)


def _softplus(u: mp.mpf) -> Jet:
    value = max(u, mp.mpf(0)) + mp.log1p(mp.exp(-abs(u)))
    return value, *_sigmoid(u)[:2]


def _erf(u: mp.mpf) -> Jet:
    s = 2 / mp.sqrt(mp.pi) * mp.exp(-u * u)
    return mp.erf(u), s, -2 * u * s


def _gelu(u: mp.mpf) -> Jet:
    distribution = (1 + mp.erf(u / mp.sqrt(2))) / 2
    density = mp.exp(-u * u / 2) / mp.sqrt(2 * mp.pi)
    return u * distribution, distribution + u * density, (2 - u * u) * density


def _sin(u: mp.mpf) -> Jet:
    c, s = mp.cos_sin(u)
    return s, c, -s


def _cos(u: mp.mpf) -> Jet:
    c, s = mp.cos_sin(u)
    return c, -s, -c


def _exp(u: mp.mpf) -> Jet:
    e = mp.exp(u)
    return e, e, e


def _relu(u: mp.mpf) -> Jet:
    return max(u, mp.mpf(0)), mp.mpf(u > 0), mp.nan


def _relu_squared(u: mp.mpf) -> Jet:
    positive = max(u, mp.mpf(0))
    return positive * positive, 2 * positive, mp.mpf(2 * (u > 0))


FUNCTIONS: dict[str, tuple[Callable[[mp.mpf], Jet], float]] = {
    "tanh": (_tanh, math.pi / 2),
    "sigmoid": (_sigmoid, math.pi),
    "softplus": (_softplus, math.pi),
    "erf": (_erf, math.inf),
    "gelu": (_gelu, math.inf),
    "sin": (_sin, math.inf),
    "cos": (_cos, math.inf),
    "exp": (_exp, math.inf),
    "relu": (_relu, math.inf),
    "relu**2": (_relu_squared, math.inf),
}
"""Jets of u by name, with the distance of the nearest singularity from the real axis."""


@dataclass(frozen=True)
class Function:
    """An activation as text, as a jet in z, and where it is not smooth.

    Attributes:
        text: for ``Activation.parse``.
        jet: g, g', g'' at z.
        kinks: points in z.
        pole: distance of the nearest singularity from the real axis, in z.
        orders: derivatives that are functions: 0, ..., orders - 1.
    """

    text: str
    jet: Callable[[mp.mpf], Jet]
    kinks: tuple[Fraction, ...] = ()
    pole: float = math.inf
    orders: int = 3

    @classmethod
    def affine(cls, name: str, slope: Fraction, shift: Fraction = Fraction(0)) -> Function:
        """name(slope z + shift); ``relu**2`` is the square of relu."""
        function, pole = FUNCTIONS[name]
        base, _, power = name.partition("**")
        text = f"{base}({slope}*z + {shift})" + (f"**{power}" if power else "")

        def jet(z: mp.mpf) -> Jet:
            a = mp.mpf(slope.numerator) / slope.denominator
            f, f1, f2 = function(a * z + mp.mpf(shift.numerator) / shift.denominator)
            return f, a * f1, a * a * f2

        kinks = (-shift / slope,) if base == "relu" else ()
        return cls(text, jet, kinks, pole / abs(float(slope)), 2 if name == "relu" else 3)

    def times_z(self) -> Function:
        """z times the function."""

        def jet(z: mp.mpf) -> Jet:
            f, f1, f2 = self.jet(z)
            return z * f, f + z * f1, 2 * f1 + z * f2

        return Function(f"z*{self.text}", jet, self.kinks, self.pole, self.orders)

    def plus(self, other: Function) -> Function:
        """The sum."""

        def jet(z: mp.mpf) -> Jet:
            f, f1, f2 = self.jet(z)
            g, g1, g2 = other.jet(z)
            return f + g, f1 + g1, f2 + g2

        return Function(
            f"{self.text} + {other.text}",
            jet,
            (*self.kinks, *other.kinks),
            min(self.pole, other.pole),
            min(self.orders, other.orders),
        )
