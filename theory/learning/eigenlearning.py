"""The eigenlearning equations at a given kappa, and the kappa of a given ridge.

Formulas, conventions and source: :mod:`theory.learning.learning_curve`, which holds the functions to call.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flint import arb

from theory.harmonics.sphere import by_degree, check_size, multiplicity, shown
from theory.spectra.spectrum import Spectrum

TOLERANCE = 1e-3
"""Relative error of kappa and of the risk that the degrees beyond the listed ones may cause."""
SMALLEST, LARGEST = 1e-290, 1e300
"""Eigenvalues below and multiplicities above act as ridge: no n that a double holds tells them from it."""
COARSEST = 1e-3
"""Relative radius of an eigenvalue's ball at most: its middle stands for it."""
NARROWEST = 1e-15
"""The same of other numbers, which enter as doubles: noise, energies, ridge, risk."""


class Truncated(Exception):
    """The listed degrees do not settle the answer.

    Attributes:
        reason: where they fail, the start of an error message.
        error: bound of the relative error; infinite where there is none.
        coarse: whether the tail's own radius is to blame, so that more digits help and not more degrees.
    """

    def __init__(self, reason: str, error: float, coarse: bool) -> None:
        super().__init__(reason)
        self.reason, self.error, self.coarse = reason, error, coarse


def as_double(name: str, value: Any) -> float:
    """A number >= 0 as a double; ValueError for a ball that is no one double, and for what no double holds.

    A risk is a float: it could not say what the radius of an energy's ball makes of it.
    """
    number = check_size(name, value)
    if isinstance(value, arb) and not value.rad() <= NARROWEST * abs(value.mid()):
        raise ValueError(
            f"{name}={shown(value)}: needs a number, not a ball of that radius; ask at each of its ends, or give more "
            f"digits"
        )
    if number < sys.float_info.min and not (number == 0.0 and value == 0):
        raise ValueError(
            f"{name}={shown(value)}: needs 0 or at least {sys.float_info.min:.3g}, below which a double loses its "
            f"digits; multiply it by a constant, and the kernel with the ridge or the energies with noise and risk"
        )
    return number


@dataclass(frozen=True)
class Eigenlearning:
    r"""A spectrum in doubles with a target: everything below is a function of n and kappa.

    **Degrees that are not listed.** With T their trace and v the largest of their eigenvalues, they enter the law
    between T/(v + kappa) and T/kappa; the latter is used. Let free = n - sum N L^2 and

    .. math:: \eta = \frac{T v/(\kappa + v) + \rho}{\kappa \cdot \text{free}},

    rho the radius of T. d(law)/d(log kappa) = -free, so for eta <= 0.01 the true kappa is within 1.04 eta of the one
    found, because 1.04 eta (1 - 1.04 eta)^3 >= eta; sum N L^2 moves by at most 2.2 eta free and the unlisted degrees
    add at most 1.1 eta free to it; the bias moves by at most 2.1 eta, and energy E at unlisted degrees makes it
    smaller by at most 2 E v/kappa. So the risk is within 3.4 eta + 2 (v/kappa) E/bias of the truth, relatively.
    v <= T/N(d,L+1), for N grows with the degree. Source: docs/mathematics, :eq:`truncation`.

    Attributes:
        modes: (N, Lambda, ||f_l||^2) of each degree with Lambda > 0.
        tail: the trace of the degrees not listed, which acts as ridge.
        floor: the noise and the energy that no number of samples learns, or that is at degrees not listed.
        largest: v, a bound of the eigenvalues not listed.
        radius: rho, of the tail with all eigenvalues that may be zero.
        unlisted: E, the energy at degrees not listed, and at those whose eigenvalue may be zero.
    """

    modes: tuple[tuple[int, float, float], ...]
    tail: float
    floor: float
    largest: float = 0.0
    radius: float = 0.0
    unlisted: float = 0.0

    @staticmethod
    def of(spectrum: Spectrum, energies: Mapping[int, float], noise: float) -> Eigenlearning:
        """The midpoints of the spectrum's balls with a target.

        A spectrum made by hand, with multiplicities that are not N(d,l), is taken at its word: its tail is ridge.

        Raises:
            ValueError: a negative energy or noise, or one that is no finite number; eigenvalues out of
                range, or known to no three digits.
        """
        noise = as_double("noise", noise)
        target = {k: as_double(f"energies[{k}]", v) for k, v in by_degree("energies", energies).items()}
        rows = list(zip(spectrum.degrees, spectrum.multiplicities, spectrum.eigenvalues, strict=True))
        listed = {degree: (count, float(value.mid())) for degree, count, value in rows if not value.contains(0)}
        below = [degree for degree, (_, value) in listed.items() if value < 0]
        if below:
            raise ValueError(
                f"{spectrum.subject}: its eigenvalue of degree {below[0]} is negative, so it is no kernel of ridge "
                f"regression; use a positive definite one"
            )
        for degree, _, value in rows:
            if degree in listed and value.rad() > COARSEST * abs(value.mid()):
                raise ValueError(
                    f"{spectrum.subject}: the eigenvalue {value.str(5)} of degree {degree} has a radius "
                    f"above {COARSEST:g} of itself, and a risk would not say so; give more digits"
                )
        kept = {k: (count, value) for k, (count, value) in listed.items() if value >= SMALLEST and count <= LARGEST}
        if listed and not kept:
            raise ValueError(
                f"{spectrum.activation}: its eigenvalues are below {SMALLEST:g}; multiply it by a constant"
            )
        modes = tuple((count, value, target.get(degree, 0.0)) for degree, (count, value) in kept.items())
        if spectrum.tail < 0:
            raise ValueError(
                f"{spectrum.subject}: the trace that its degrees leave is negative, so an eigenvalue above is; use a "
                f"positive definite kernel, or a tail >= 0"
            )
        # A tail whose ball contains zero is rounding, not a ridge.
        tail = 0.0 if spectrum.tail.contains(0) else max(float(spectrum.tail.mid()), 0.0)
        if len(kept) < len(listed):
            shares = zip(spectrum.degrees, spectrum.contributions, strict=True)
            tail += sum(float(share.mid()) for degree, share in shares if degree in listed.keys() - kept.keys())
        floor = noise + sum(v for k, v in target.items() if k not in kept)
        radius = float((abs(spectrum.tail).upper() if spectrum.tail.contains(0) else spectrum.tail.rad()).upper())
        # An eigenvalue that may be zero counts as zero: its trace is one more part of the tail that is not known.
        unknown = {degree: (count, float(v.upper())) for degree, count, v in rows if v.contains(0) and not v.is_zero()}
        radius += sum(count * most for count, most in unknown.values())
        largest, unlisted = max((most for _, most in unknown.values()), default=0.0), 0.0
        top = spectrum.degrees[-1]
        if spectrum.d is not None and not spectrum.tail.is_zero() and spherical(spectrum):
            # N(d,l) grows with l: no eigenvalue above can exceed tail/N(d,top + 1).
            largest = max(largest, float((abs(spectrum.tail).upper() / multiplicity(spectrum.d, top + 1)).upper()))
            unlisted = sum(v for k, v in target.items() if k > top)
        return Eigenlearning(
            modes, tail, floor, largest, radius, unlisted + sum(target.get(degree, 0.0) for degree in unknown)
        )

    @property
    def rank(self) -> int:
        """Eigenfunctions that can be learned one by one."""
        return sum(count for count, _, _ in self.modes)

    def used(self, kappa: float) -> float:
        """sum_l N L_l."""
        return sum(c * (v / (v + kappa)) for c, v, _ in self.modes)

    def squares(self, kappa: float) -> float:
        """sum_l N L_l^2."""
        return sum(c * (v / (v + kappa)) ** 2 for c, v, _ in self.modes)

    def left(self, n: int, kappa: float) -> float:
        """n - sum_l N L_l, which is (ridge + tail)/kappa for the ridge of this kappa."""
        # Near full rank by what is not used, N (1 - L), where n less what is used would cancel.
        if n <= self.rank // 2:
            return n - self.used(kappa)
        return (n - self.rank) + sum(c * (kappa / (v + kappa)) for c, v, _ in self.modes)

    def signal(self, kappa: float) -> float:
        """sum_l (1-L_l)^2 ||f_l||^2 over the degrees that can be learned."""
        # The energy in between: the square of a small share alone may be less than any double.
        rests = ((kappa / (v + kappa), energy) for _, v, energy in self.modes)
        return sum(rest * energy * rest for rest, energy in rests)

    def bias(self, kappa: float) -> float:
        """sum_l (1-L_l)^2 ||f_l||^2 + noise."""
        return self.floor + self.signal(kappa)

    def free(self, n: int, kappa: float, ridge: float | None = None) -> float:
        """n - sum_l N L_l^2; with the ridge of this kappa given, without cancellation."""
        # By the conservation law n - sum N L = (ridge + tail)/kappa; and L - L^2 = L (1 - L).
        left = self.left(n, kappa) if ridge is None else (ridge + self.tail) / kappa
        return left + sum(c * (v / (v + kappa)) * (kappa / (v + kappa)) for c, v, _ in self.modes)

    def risk(self, n: int, kappa: float, ridge: float | None = None) -> float:
        """The predicted risk; ``ridge``, when known, is the one that kappa solves for.

        Raises:
            ValueError: no double holds it.
        """
        bias = self.bias(kappa)
        risk = n / self.free(n, kappa, ridge) * bias
        if risk < sys.float_info.min and (bias or any(energy for *_, energy in self.modes)):
            raise ValueError(
                f"n={shown(n)}: the risk is below {sys.float_info.min:.3g}, where a double loses its digits; multiply "
                f"energies and noise by a constant"
            )
        return risk

    def excess(self, n: int, kappa: float) -> tuple[float, float]:
        """The risk less the floor, without cancellation: (n signal + floor sum N L^2)/(n - sum N L^2).

        And its second term alone, which it exceeds at every smaller kappa.
        """
        squares = mixed = signal = 0.0
        for count, v, energy in self.modes:  # in one pass, since a search takes hundreds
            learned, rest = v / (v + kappa), kappa / (v + kappa)
            squares, mixed = squares + count * learned * learned, mixed + count * learned * rest
            signal += rest * energy * rest
        free = self.left(n, kappa) + mixed
        variance = self.floor * (squares / free)
        return (n / free) * signal + variance, variance

    def slope(self, n: int, kappa: float) -> float:
        """The derivative of log(risk) in log(kappa)."""
        shares = [(c, v / (v + kappa), kappa / (v + kappa), energy) for c, v, energy in self.modes]
        rise = sum(2 * learned * rest * energy * rest for _, learned, rest, energy in shares) / self.bias(kappa)
        return rise - sum(2 * c * learned**2 * rest for c, learned, rest, _ in shares) / self.free(n, kappa)

    def ridgeless(self, n: int) -> bool:
        """Whether ridge 0 leaves a kappa > 0."""
        return self.tail > 0 or n < self.rank

    def interpolated(self, n: int) -> Truncated:
        """That n is at least the rank, where at ridge 0 all rests on a tail that is not told from zero."""
        return Truncated(f"n={n} is no less than the {self.rank} eigenfunctions of the listed degrees", math.inf, True)

    def truncation(self, n: int, kappa: float, ridge: float | None = None) -> tuple[float, float]:
        """Bounds of the relative error of the risk from the degrees not listed, and from the radius of the tail."""
        if self.largest == self.radius == 0.0 or not 0.0 < kappa < math.inf:
            return 0.0, 0.0
        free = self.free(n, kappa, ridge)
        bound = 3.4 * (self.tail / kappa / free) * (self.largest / (kappa + self.largest))
        if self.unlisted:
            bound += 2 * (self.largest / kappa) * (self.unlisted / self.bias(kappa))
        return bound, 3.4 * (self.radius / kappa / free)

    def require(self, n: int, kappa: float, ridge: float | None = None) -> None:
        """Truncated where the degrees not listed may change the risk at kappa by more than TOLERANCE."""
        bound, rough = self.truncation(n, kappa, ridge)
        if not bound + rough <= TOLERANCE:
            reason = (
                f"n={n}: kappa={kappa:.4g} is not far enough above {self.largest:.4g}, the bound of the eigenvalues "
                f"not told from zero or beyond the listed degrees"
                if self.largest
                else f"n={n}: kappa={kappa:.4g} rests on a tail or eigenvalues about zero, known to "
                f"{self.radius:.4g} only, with the listed degrees"
            )
            raise Truncated(reason, bound + rough, rough > TOLERANCE / 2)

    def solved(self, n: int, ridge: float) -> float:
        """:meth:`kappa` where the listed degrees settle it, Truncated elsewhere."""
        kappa = self.kappa(n, ridge)
        self.require(n, kappa, ridge)
        return kappa

    def kappa(self, n: int, ridge: float) -> float:
        """The solution of the conservation law, by bisection to the last bit; ValueError where no double holds it."""
        total = ridge + self.tail
        if total == 0.0 and n >= self.rank:
            if self.radius:
                raise self.interpolated(n)
            raise ValueError(
                f"ridge={ridge}: needs ridge > 0 when n={n} is at least the number {self.rank} of eigenfunctions listed"
            )
        # Halved on a logarithmic scale, for kappa may have any size that a double has.
        upper = (sum(c * v for c, v, _ in self.modes) + total) / n  # total/upper <= left(n, upper)
        if not math.isfinite(upper):
            raise ValueError(
                f"n={n}: the trace of the spectrum is too large for floating point; divide it by a constant"
            )
        lower = upper
        while lower >= sys.float_info.min and total / lower < self.left(n, lower):
            lower /= 2
        if lower < sys.float_info.min:
            raise ValueError(
                f"n={shown(n)}, ridge={ridge!r}: kappa is below {sys.float_info.min:.3g}, where a double loses its "
                f"digits; multiply the kernel and the ridge by a constant"
            )
        while lower < (middle := math.sqrt(lower) * math.sqrt(upper)) < upper:
            lower, upper = (middle, upper) if total / middle > self.left(n, middle) else (lower, middle)
        return middle


def spherical(spectrum: Spectrum) -> bool:
    """Whether the multiplicities are those of the sphere."""
    return spectrum.d is not None and spectrum.multiplicities == _multiplicities(spectrum.d, spectrum.degrees)


@lru_cache(maxsize=256)
def _multiplicities(d: int, degrees: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(multiplicity(d, degree) for degree in degrees)
