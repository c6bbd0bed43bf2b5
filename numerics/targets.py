r"""Targets f* = dense low-degree part + sparse high-degree part, with exact energy per degree.

Every part of degree l is a sum of zonal harmonics, f_l(x) = sum_i alpha_i sqrt(N(d,l)) P_l(<beta_i, x>/sqrt d) with
unit vectors beta_i. Each term has L2 energy alpha_i^2, and by the addition theorem the part has exactly \|f_l\|^2 =
alpha^T P_l(B B^T) alpha. Zonal harmonics span all harmonics, so nothing is lost: a linear form is one term of degree
1, a traceless quadratic form is its eigenvectors in degree 2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
import torch

from numerics.equality import ByValue
from numerics.inputs import Array, finite, number, plain, reals, tensor, vector
from numerics.memory import require
from numerics.precision import full_precision
from numerics.quoting import shown
from numerics.sampling import generator as seeded
from numerics.sampling import sphere
from numerics.scale import of_length, regained, rows, unit
from theory.harmonics.gegenbauer import monomial_coefficients
from theory.harmonics.sphere import check_degree, integer_dimension, multiplicity

Values = TypeVar("Values", torch.Tensor, np.ndarray)


def legendre_polynomials(d: int, t: Values) -> Iterator[Values]:
    """P_{0,d}(t), P_{1,d}(t), ... without end, elementwise, normalised to P(1) = 1; t a tensor or a NumPy array.

    By the recurrence (l+d-2) P_{l+1} = (2l+d-2) t P_l - l P_{l-1}, which is stable on [-1, 1].
    """
    previous, current = 0 * t + 1, 1 * t
    yield previous
    for degree in itertools.count(1):
        yield current
        here, before = (2 * degree + d - 2) / (degree + d - 2), degree / (degree + d - 2)
        previous, current = current, here * t * current - before * previous


@full_precision
def legendre_values(degree: int, d: int, t: torch.Tensor) -> torch.Tensor:
    """P_{l,d}(t), P(1) = 1, elementwise."""
    return next(itertools.islice(legendre_polynomials(d, t), degree, None))


def harmonic_values(degree: int, d: int, t: torch.Tensor) -> torch.Tensor:
    """sqrt(N(d,l)) P_l(t) elementwise, of energy 1, where N or the smallness of P_l leaves the range of the dtype of t.

    By the recurrence of orthonormal polynomials, t q_l = a_{l+1} q_{l+1} + a_l q_{l-1} with a_l^2 = l (l+d-3) /
    ((2l+d-2) (2l+d-4)): q_l stays of size one wherever P_l oscillates. Near t = +-1 it may overflow.
    """
    previous, current, before = torch.zeros_like(t), torch.ones_like(t), 0.0
    for one in range(1, degree + 1):
        here = math.sqrt(one * (one + d - 3) / ((2 * one + d - 2) * (2 * one + d - 4)))
        previous, current, before = current, (t * current - before * previous) / here, here
    return current


def monomial_parts(power: int, d: int) -> dict[int, float]:
    """<beta,x>^p / d^{p/2} on the sphere in zonal harmonics of energy one: the factor of sqrt(N(d,l)) P_l by degree l.

    A sparse term alpha sqrt(N) P_p is the monomial of strength alpha / (parts[p] d^{p/2}) less its parts of lower
    degree.
    """
    parts = {}
    for degree, c in monomial_coefficients(power, d).items():
        count = multiplicity(d, degree)
        # The root of a count beyond the doubles is taken together with its factor, exactly up to there.
        exact = Fraction(int(c.p) ** 2 * count, int(c.q) ** 2)
        parts[degree] = float(c) * math.sqrt(count) if count < 2**1000 else math.copysign(math.sqrt(exact), c.p)
    return parts


@full_precision
@dataclass(frozen=True, eq=False)
class Target(ByValue):
    """A polynomial on the sphere, by its zonal terms.

    Attributes:
        d: dimension.
        terms: for each degree, (weights alpha of shape (R,), directions beta of shape (R, d), unit rows), in double.

    Raises:
        ValueError: d < 3, a degree < 0 or > 10,000, shapes that do not match, entries that are not finite, or
            directions that are no unit vectors.
    """

    d: int
    terms: Mapping[int, tuple[torch.Tensor, torch.Tensor]]

    def __post_init__(self) -> None:
        d, terms = checked_terms(self.d, self.terms, "a zonal term")
        object.__setattr__(self, "d", d)
        object.__setattr__(self, "terms", terms)

    @staticmethod
    def zonal(d: int, degree: int, directions: Array, weights: Array) -> Target:
        """sum_i alpha_i sqrt(N(d,l)) P_l(<beta_i,x>/sqrt d); the directions are normalised.

        Raises:
            ValueError: d < 3, degree < 0, shapes that do not match, entries that are not finite, or a direction that is
                zero.
        """
        directions, weights = terms_in_double(integer_dimension(plain(d)), directions, weights)
        if not bool(directions.any(-1).all()):
            raise ValueError("directions: needs non-zero finite rows; leave those of length zero out")
        scaled, lengths, _ = rows(directions)
        return Target(d, {degree: (weights, scaled / lengths)})

    @staticmethod
    def dense(d: int, degree: int, energy: float, seed: int) -> Target:
        """A dense random harmonic of degree l and exact energy ``energy``: N(d,l) random terms, at most 4 d.

        Raises:
            ValueError: an energy that is not positive and finite.
            WouldNotFit: the terms do not fit in memory.
        """
        energy = number(energy, "energy", "a positive finite energy")
        d, degree = integer_dimension(plain(d)), bounded_degree(degree)
        count = min(multiplicity(d, degree), 4 * d) if degree > 1 else 1
        gen = seeded(seed)
        directions = sphere(count, d, 1.0, gen)
        weights = torch.randn(count, generator=gen, dtype=torch.float64, device="cpu")
        raw = Target.zonal(d, degree, directions, weights.tolist()).energies()[degree]
        return Target.zonal(d, degree, directions, (weights * math.sqrt(energy / raw)).tolist())

    @staticmethod
    def sparse(d: int, degree: int, alphas: Sequence[float], seed: int) -> Target:
        """R = len(alphas) terms of degree l along random orthonormal directions (the sparse part, R <= d).

        Raises:
            ValueError: no alpha, more than d, or one that is not finite.
        """
        d, alphas = integer_dimension(plain(d)), reals(alphas, "alpha")
        if len(alphas) > d:
            raise ValueError(f"{len(alphas)} sparse terms in d={d}: needs at most d orthogonal directions")
        require(32 * d * len(alphas), f"{len(alphas)} directions in d={d}", "cpu", "use fewer")
        gaussian = torch.randn(d, len(alphas), generator=seeded(seed), dtype=torch.float64, device="cpu")
        directions = torch.linalg.qr(gaussian).Q.T
        return Target.zonal(d, degree, directions, alphas)

    def __add__(self, other: Target) -> Target:
        """The sum of two targets in the same dimension."""
        if not isinstance(other, Target):
            return NotImplemented
        if self.d != other.d:
            raise ValueError(f"targets in d={self.d} and d={other.d}: needs the same d")
        merged = dict(self.terms)
        for degree, (weights, directions) in other.terms.items():
            if degree in merged:
                w, b = merged[degree]
                weights, directions = torch.cat([w, weights]), torch.cat([b, directions])
            merged[degree] = (weights, directions)
        return Target(self.d, merged)

    def energies(self) -> dict[int, float]:
        r"""\|f_l\|^2 in L2 by degree, exact up to rounding: alpha^T P_l(B B^T) alpha. Memory: 4 R^2 numbers.

        Raises ValueError on an energy that doubles cannot hold.
        """
        most = max((len(w) for w, _ in self.terms.values()), default=0)
        require(32 * most**2, f"the energy of {most} terms", "cpu", "use fewer terms")
        return {
            degree: energy(degree, w, legendre_values(degree, self.d, b @ b.T))
            for degree, (w, b) in sorted(self.terms.items())
        }

    def __call__(self, x: Array) -> torch.Tensor:
        """f*(x), shape (n,), in the dtype and on the device of ``x``, (n, d). Cost: n d R per degree.

        Raises:
            ValueError: another shape, entries that are not finite, inputs off the sphere |x|^2 = d, where degrees and
                energies mean nothing, or values that overflow.
            WouldNotFit: n R numbers do not fit in memory.
        """
        x = finite(tensor(x, "x"), "x")
        if x.ndim != 2 or x.shape[1] != self.d or not len(x):
            raise ValueError(f"x of shape {tuple(x.shape)}: needs (n, {self.d}), n >= 1")
        of_length(x, self.d, "x", "a target, a function on the sphere,")
        most = max((len(w) for w, _ in self.terms.values()), default=0)
        fits = "evaluate fewer inputs at a time"
        require(4 * x.element_size() * len(x) * most, f"{most} terms at {len(x)} inputs", x.device, fits)
        total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        for degree, (weights, directions) in self.terms.items():
            t = (x @ directions.to(x).T / math.sqrt(self.d)).clamp(-1, 1)  # an input's length is right to rounding only
            count = multiplicity(self.d, degree)
            if count <= 1 / torch.finfo(x.dtype).tiny:
                total += legendre_values(degree, self.d, t) @ weights.to(x) * math.sqrt(count)
            else:
                total += harmonic_values(degree, self.d, t) @ weights.to(x)
        return finite(total, f"f*: its weights are too large for {x.dtype}, or x is at a pole of a high degree, so it")


MOST_DEGREE = 10_000
"""Largest degree of a term: the recurrence takes as many steps."""
Terms = dict[int, tuple[torch.Tensor, torch.Tensor]]


def energy(degree: int, weights: torch.Tensor, gram: torch.Tensor) -> float:
    """alpha^T G alpha; ValueError where doubles cannot hold it."""
    if not len(weights):
        return 0.0
    size = unit(weights)
    scaled = weights / size
    return float(regained(scaled @ gram @ scaled, size, f"the energy of degree {degree}", "the weights are"))


def bounded_degree(degree: int) -> int:
    """A degree of a term as an int; ValueError unless 0 <= degree <= MOST_DEGREE."""
    found = check_degree(plain(degree))
    if found > MOST_DEGREE:
        raise ValueError(f"degree={found}: needs degree <= {MOST_DEGREE}")
    return found


def checked_terms(
    dimension: int, given: Mapping[int, tuple[torch.Tensor, torch.Tensor]], what: str
) -> tuple[int, Terms]:
    """d and the terms of a target by degree in double, where directions are unit vectors; ``what`` names a term."""
    d, terms = integer_dimension(plain(dimension)), Terms()
    if not isinstance(given, Mapping):
        raise ValueError(f"terms={shown(given)}: needs a dictionary by degree, such as {{2: (weights, directions)}}")
    for degree, term in given.items():
        if not isinstance(term, tuple | list) or len(term) != 2:
            raise ValueError(f"terms[{shown(degree)}]={shown(term)}: needs a pair, weights and directions")
        weights, directions = term
        directions, weights = terms_in_double(d, directions, weights)
        of_length(directions, 1, "directions", what)
        terms[bounded_degree(degree)] = weights, directions
    return d, terms


def terms_in_double(d: int, directions: Array, weights: Array) -> tuple[torch.Tensor, torch.Tensor]:
    """Directions (R, d) and weights (R,) as finite tensors in double."""
    directions = finite(tensor(directions, "directions"), "directions").detach().double()
    weights = vector(weights, "weights", directions).detach()
    if weights.ndim != 1 or directions.shape != (len(weights), d):
        count = tuple(weights.shape)
        raise ValueError(
            f"directions of shape {tuple(directions.shape)}: needs ({count[0] if count else 'R'}, {d}) for weights of "
            f"shape {count} in d={d}"
        )
    return directions, weights
