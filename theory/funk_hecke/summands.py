r"""Functions of z whose Funk-Hecke coefficients are known in closed form, symbolic in d.

For each kernel g: its coefficient on the sphere of R^D, taken at the scale sqrt(d),

.. math:: \lambda_l^{D,d}(g) = E_{\tau_D}[ g(\sqrt d\, t) P_{l,D}(t) ],

and on the line, E[g(G) He_l(G)] with G standard normal. Two rules connect them, both by integration by parts or by the
recurrence of P_l (docs/mathematics, :eq:`coefficient-rules`):

.. math:: \lambda_l^{D,d}(g) = \frac{\sqrt d}{D} \lambda_{l-1}^{D+2,d}(g'), \qquad
          \lambda_l(z g) = \sqrt d\, [A_l \lambda_{l+1}(g) + B_l \lambda_{l-1}(g)].
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from theory.balls.arithmetic import BALLS, Arithmetic, rising, rodrigues
from theory.balls.ball import compare
from theory.balls.functions import Z, written
from theory.funk_hecke.gaussians import gaussian_coefficient
from theory.harmonics.gegenbauer import unchecked_legendre
from theory.harmonics.sphere import Dimension
from theory.harmonics.work import check_work


class NoClosedForm(ValueError):
    """No closed form is implemented for this function; the certified value exists all the same."""


@dataclass(frozen=True)
class Kernel(ABC):
    """A function of z with closed coefficients."""

    @abstractmethod
    def sphere(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        """lambda_l^{D,d}, D = ``big``, in the number type of ``on``."""

    @abstractmethod
    def line(self, degree: int, on: Arithmetic) -> Any:
        """E[g(G) He_l(G)] in the number type of ``on``."""


@dataclass(frozen=True)
class Monomial(Kernel):
    """z^p: p!/(p-l)! d^{p/2} (p-l-1)!! / (D (D+2) ... (D+p+l-2)) for even p-l >= 0, else 0."""

    power: int

    def sphere(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        count = self._count(degree)
        if not count:
            return on.number(0)
        return (
            count
            * on.sqrt(on.number(d)) ** self.power
            / rising(on.number(big), (self.power + degree) // 2, on.number(1))
        )

    def line(self, degree: int, on: Arithmetic) -> Any:
        return on.number(self._count(degree))

    def _count(self, degree: int) -> int:
        """p!/(p-l)! (p-l-1)!!, or 0 where parity or degree make the coefficient vanish."""
        rest = self.power - degree
        if rest < 0 or rest % 2:
            return 0
        return math.perm(self.power, degree) * int(sp.factorial2(rest - 1))


@dataclass(frozen=True)
class Sine(Kernel):
    """sin(a z + b): l derivatives give a^l sin(a z + b + l pi/2), and sin(a z) integrates to zero."""

    a: sp.Expr
    b: sp.Expr

    def sphere(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        a = on.number(self.a)
        bessel = on.hyp0f1(on.number(big) / 2 + degree, -(a * a) * on.number(d) / 4)
        return rodrigues(degree, big, d, on) * a**degree * on.number(_phase(self.b, degree % 4)) * bessel

    def line(self, degree: int, on: Arithmetic) -> Any:
        a = on.number(self.a)
        return a**degree * on.number(_phase(self.b, degree % 4)) * on.exp(-(a * a) / 2)


@lru_cache(maxsize=1024)
def _phase(b: sp.Expr, quarter: int) -> sp.Expr:
    """sin(b + quarter pi/2), exactly zero where it is."""
    return sp.sin(b + sp.pi * quarter / 2)


@dataclass(frozen=True)
class Exponential(Kernel):
    """exp(a z + b)."""

    a: sp.Expr
    b: sp.Expr

    def sphere(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        a = on.number(self.a)
        bessel = on.hyp0f1(on.number(big) / 2 + degree, a * a * on.number(d) / 4)
        return rodrigues(degree, big, d, on) * a**degree * on.exp(on.number(self.b)) * bessel

    def line(self, degree: int, on: Arithmetic) -> Any:
        a = on.number(self.a)
        return a**degree * on.exp(on.number(self.b) + a * a / 2)


@dataclass(frozen=True)
class Gaussian(Kernel):
    r"""exp(-q z^2 + b z + c), q != 0.

    With b = 0 and l = 2k, Rodrigues' formula in s = t^2 (a Beta variable) gives one 1F1:

    .. math:: \lambda_{2k} = \frac{(2k)!}{k!} \frac{(-q d)^k}{D(D+2)\cdots(D+4k-2)}
              \,{}_1F_1(k + \tfrac12; 2k + \tfrac D2; -q d).

    With b != 0, P_l is expanded in powers of t and E[t^p e^{-a t^2 + b t}] is the p-th b-derivative of e^{-a}
    Phi_3((D-1)/2; D/2; a, b^2/4). Balls come from :mod:`theory.funk_hecke.gaussians` when q > 0, because the sum over
    Phi_3 cancels; the tests hold the two against each other.
    """

    q: sp.Expr
    b: sp.Expr
    c: sp.Expr

    def sphere(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        if self.b.is_zero and degree % 2:
            return on.number(0)
        if on is BALLS and _is_positive(self.q):
            value = gaussian_coefficient(on.number(self.q), on.number(self.b), degree, int(big), int(d))
            if value is None:
                raise NoClosedForm(f"exp(-({self.q})*z**2 + ({self.b})*z): left to adaptive quadrature")
            return on.exp(on.number(self.c)) * value
        return (self._centred if self.b.is_zero else self._shifted)(degree, big, d, on)

    def _centred(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        k = degree // 2
        x = -on.number(self.q) * on.number(d)
        series = on.hyp1f1(on.number(2 * k + 1) / 2, 2 * k + on.number(big) / 2, x)
        front = math.perm(degree, k) * x**k / rising(on.number(big), degree, on.number(1))
        return on.exp(on.number(self.c)) * front * series

    def _shifted(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        alpha = on.number(self.q) * on.number(d)
        beta = on.number(self.b) * on.sqrt(on.number(d))
        half = on.number(big) / 2
        t = sp.Dummy("t")
        # E[t^p e^{-a t^2 + b t}] is the p-th derivative in b of e^{-a} Phi_3(..., b^2/4). By the chain rule it is a sum
        # of derivatives of orders n = p - j in y = b^2/4, and each order raises c of Phi_3 by one.
        polynomial = unchecked_legendre(degree, big, t).as_poly(t)
        total = on.number(0)
        for (power,), factor in polynomial.terms():
            for j in range(power // 2 + 1):
                check_work()
                n = power - j
                count = math.perm(power, 2 * j) // math.factorial(j)
                humbert = on.phi3(half - on.number(1) / 2, half + n, alpha, beta * beta / 4)
                front = on.number(factor) * count * (beta / 2) ** (power - 2 * j) / 4**j
                total = total + front * 2**n * humbert / rising(on.number(big), n, on.number(1))
        return on.exp(on.number(self.c)) * on.exp(-alpha) * total

    def line(self, degree: int, on: Arithmetic) -> Any:
        if not _is_positive(1 + 2 * self.q):
            raise ValueError(
                f"exp({written(-self.q * Z**2)}): needs a coefficient of z**2 below 1/2 for a Gaussian integral"
            )
        # Times the Gaussian density, the kernel is ``mass`` times the density of N(mean, variance). Under that law He_l
        # has the mean sum_k l!/(k! (l-2k)!) mean^{l-2k} ((variance - 1)/2)^k.
        variance = 1 / (1 + 2 * on.number(self.q))
        mean = on.number(self.b) * variance
        mass = on.exp(on.number(self.c) + on.number(self.b) * mean / 2) * on.sqrt(variance)
        total = on.number(0)
        for k in range(degree // 2 + 1):
            check_work()
            count = math.perm(degree, 2 * k) // math.factorial(k)
            total = total + count * mean ** (degree - 2 * k) * ((variance - 1) / 2) ** k
        return mass * total


@dataclass(frozen=True)
class ErrorFunction(Kernel):
    """erf(a z + b): its derivative is a Gaussian. On the sphere, degree 0 is closed only for b = 0."""

    a: sp.Expr
    b: sp.Expr

    def slope(self) -> Gaussian:
        """The derivative, without its factor 2 a/sqrt(pi)."""
        return Gaussian(self.a**2, -2 * self.a * self.b, -(self.b**2))

    def sphere(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        if degree == 0:
            if self.b.is_zero:
                return on.number(0)
            raise NoClosedForm(f"degree 0 of erf({self.a}*z + {self.b}): no closed form; use the certified value")
        inner = self.slope().sphere(degree - 1, big + 2, d, on)
        return 2 * on.number(self.a) / on.sqrt(on.pi()) * on.sqrt(on.number(d)) / on.number(big) * inner

    def line(self, degree: int, on: Arithmetic) -> Any:
        a = on.number(self.a)
        if degree == 0:
            return on.erf(on.number(self.b) / on.sqrt(1 + 2 * a * a))
        return 2 * a / on.sqrt(on.pi()) * self.slope().line(degree - 1, on)


@dataclass(frozen=True)
class Sign(Kernel):
    r"""sign(z - z_0), with t_0 = z_0/sqrt(d) and c_D the normalisation of tau_D.

    .. math:: \lambda_0 = -2 c_D t_0 \,{}_2F_1(\tfrac12, \tfrac{3-D}2; \tfrac32; t_0^2), \qquad
              \lambda_l = \frac{2 c_D}{D-1} (1 - t_0^2)^{(D-1)/2} P_{l-1,D+2}(t_0) \quad (l \ge 1)

    when the kink lies inside, |z_0| < sqrt(d); otherwise the function is constant on the sphere. For a symbolic d the
    two cases are a Piecewise.
    """

    kink: sp.Expr

    def sphere(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        outside = on.number(-sp.sign(self.kink) if degree == 0 else 0)
        if isinstance(d, int):
            return self._inside(degree, big, d, on) if _inside(self.kink, d) else outside
        if self.kink.is_zero:
            return self._inside(degree, big, d, on)
        return sp.Piecewise((self._inside(degree, big, d, on), d > self.kink**2), (outside, True))

    def _inside(self, degree: int, big: Dimension, d: Dimension, on: Arithmetic) -> Any:
        exact = self.kink / sp.sqrt(d)
        t, size = on.number(exact), on.number(big)
        density = on.gamma_ratio((size - 1) / 2) / on.sqrt(on.pi())  # c_D
        if degree == 0:
            half = on.number(1) / 2
            return -2 * density * t * on.hyp2f1(half, (3 - size) / 2, 3 * half, t * t)
        edge = on.half_power(1 - t * t, big - 1)
        return 2 * density / (size - 1) * edge * on.legendre(degree - 1, big + 2, exact)

    def line(self, degree: int, on: Arithmetic) -> Any:
        kink = on.number(self.kink)
        if degree == 0:
            return -on.erf(kink / on.sqrt(on.number(2)))
        return 2 * on.hermite(degree - 1, self.kink) * on.exp(-kink * kink / 2) / on.sqrt(2 * on.pi())


@lru_cache(maxsize=4096)
def _inside(kink: sp.Expr, d: int) -> bool:
    return compare(kink**2, sp.Integer(d)) < 0


@lru_cache(maxsize=1024)
def _is_positive(value: sp.Expr) -> bool:
    return compare(value, sp.Integer(0)) > 0
