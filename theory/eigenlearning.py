"""The eigenlearning equations at a given kappa, and the kappa of a given or of the best ridge.

Formulas, conventions and source: :mod:`theory.learning_curve`, which holds the functions to call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from theory.spectrum import Spectrum

STEP = 0.05
"""Grid step in log(kappa) of the search for the best ridge."""


@dataclass(frozen=True)
class Eigenlearning:
    """A spectrum in doubles with a target: everything below is a function of n and kappa.

    Attributes:
        modes: (N, Lambda, ||f_l||^2) of each degree with Lambda > 0.
        tail: the trace of the degrees not listed, which acts as ridge.
        floor: the noise and the energy that no number of samples learns.
    """

    modes: tuple[tuple[int, float, float], ...]
    tail: float
    floor: float

    @staticmethod
    def of(spectrum: Spectrum, energies: Mapping[int, float], noise: float) -> Eigenlearning:
        """The midpoints of the spectrum's balls with a target; ValueError for a negative energy or noise."""
        for name, value in (("noise", noise), *((f"energies[{k}]", v) for k, v in energies.items())):
            check_size(name, value)
        rows = zip(spectrum.degrees, spectrum.multiplicities, spectrum.eigenvalues, strict=True)
        listed = {degree: (count, float(value.mid())) for degree, count, value in rows if not value.is_zero()}
        modes = tuple((count, value, energies.get(degree, 0.0)) for degree, (count, value) in listed.items())
        # A tail whose ball contains zero is rounding, not a ridge.
        tail = 0.0 if spectrum.tail.contains(0) else max(float(spectrum.tail.mid()), 0.0)
        return Eigenlearning(modes, tail, noise + sum(v for k, v in energies.items() if k not in listed))

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

    def bias(self, kappa: float) -> float:
        """sum_l (1-L_l)^2 ||f_l||^2 + noise."""
        return self.floor + sum((kappa / (v + kappa)) ** 2 * energy for _, v, energy in self.modes)

    def free(self, n: int, kappa: float, ridge: float | None = None) -> float:
        """n - sum_l N L_l^2; with the ridge of this kappa given, without cancellation."""
        left = n - self.used(kappa) if ridge is None else (ridge + self.tail) / kappa
        return left + sum(c * (v / (v + kappa)) * (kappa / (v + kappa)) for c, v, _ in self.modes)

    def risk(self, n: int, kappa: float, ridge: float | None = None) -> float:
        """The predicted risk; ``ridge``, when known, is the one that kappa solves for."""
        return n / self.free(n, kappa, ridge) * self.bias(kappa)

    def slope(self, n: int, kappa: float) -> float:
        """The derivative of log(risk) in log(kappa)."""
        shares = [(c, v / (v + kappa), kappa / (v + kappa), energy) for c, v, energy in self.modes]
        rise = sum(2 * learned * rest**2 * energy for _, learned, rest, energy in shares) / self.bias(kappa)
        return rise - sum(2 * c * learned**2 * rest for c, learned, rest, _ in shares) / self.free(n, kappa)

    def ridgeless(self, n: int) -> bool:
        """Whether ridge 0 leaves a kappa > 0."""
        return self.tail > 0 or n < self.rank

    def kappa(self, n: int, ridge: float) -> float:
        """The solution of the conservation law, by bisection to the last bit."""
        total = ridge + self.tail
        if total == 0.0 and n >= self.rank:
            raise ValueError(
                f"ridge={ridge}: needs ridge > 0 when n={n} is at least the number {self.rank} of eigenfunctions listed"
            )
        upper = (sum(c * v for c, v, _ in self.modes) + total) / n  # used(upper) + total/upper <= n
        lower = upper
        while self.used(lower) + total / lower < n:
            lower /= 2
        while lower < (middle := math.sqrt(lower) * math.sqrt(upper)) < upper:
            lower, upper = (middle, upper) if self.used(middle) + total / middle > n else (lower, middle)
        return middle

    def best(self, n: int) -> tuple[float, float]:
        """(kappa, risk) of the best ridge; kappa is inf or 0 when the infimum is only a limit.

        log(risk) has second derivative at most 12 in log(kappa) wherever the ridge is not negative, so the best point
        of a grid of step h is within a factor exp(12 (h/2)^2 / 2) of the global minimum. The grid ends where no
        kappa beyond can do better: the risk is at least bias(kappa) above kappa, and at least
        floor n/(n - squares(kappa)) below it.
        """
        signal = any(energy > 0 for _, _, energy in self.modes)
        smallest = self.kappa(n, 0.0) if self.ridgeless(n) else 0.0
        if not signal:
            return (math.inf, self.floor) if self.floor else (smallest, 0.0)
        if smallest == 0.0 and self.floor == 0.0:
            return 0.0, 0.0
        start = max(smallest, max(v for _, v, _ in self.modes))
        least, kappa = self.risk(n, start), start
        grid = [(least, start)]
        while least > self.bias(kappa):
            kappa *= math.exp(STEP)
            grid.append((self.risk(n, kappa), kappa))
            least = min(least, grid[-1][0])
        kappa = start
        while kappa > smallest and least > self.floor * (n / self.free(n, kappa)):
            kappa = max(kappa * math.exp(-STEP), smallest)
            grid.append((self.risk(n, kappa), kappa))
            least = min(least, grid[-1][0])
        slack = math.exp(1.5 * STEP**2)
        candidates = [(risk, kappa) for risk, kappa in grid if risk <= least * slack]
        refined = [self._refine(n, kappa, smallest) for _, kappa in candidates]
        risk, kappa = min([*((self.risk(n, k), k) for k in refined), *candidates])
        # Ridge 0 is exact; a positive ridge that only rounding prefers is not reported.
        if smallest and self.risk(n, smallest) <= risk * (1 + 1e-13):
            kappa = smallest
        return kappa, risk

    def _refine(self, n: int, kappa: float, smallest: float) -> float:
        """A zero of the slope next to a grid point, to the last bits of kappa; an end of the range if there is none."""
        lower, upper = max(kappa * math.exp(-STEP), smallest), kappa * math.exp(STEP)
        for _ in range(60):
            middle = math.sqrt(lower) * math.sqrt(upper)
            lower, upper = (lower, middle) if self.slope(n, middle) > 0 else (middle, upper)
        return lower if lower == smallest else math.sqrt(lower) * math.sqrt(upper)


def check_size(name: str, value: float) -> None:
    """ValueError unless ``value`` is finite and >= 0."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name}={value!r}: needs a finite number >= 0")
