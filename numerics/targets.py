r"""Targets f* = dense low-degree part + sparse high-degree part, with exact energy per degree.

Every part of degree l is a sum of zonal harmonics, f_l(x) = sum_i alpha_i sqrt(N(d,l)) P_l(<beta_i, x>/sqrt d) with
unit vectors beta_i. Each term has L2 energy alpha_i^2, and by the addition theorem the part has exactly \|f_l\|^2 =
alpha^T P_l(B B^T) alpha. Zonal harmonics span all harmonics, so nothing is lost: a linear form is one term of degree
1, a traceless quadratic form is its eigenvectors in degree 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from numerics.sampling import generator as seeded
from numerics.sampling import sphere
from theory.sphere import check_degree, integer_dimension, multiplicity


def legendre_values(degree: int, d: int, t: torch.Tensor) -> torch.Tensor:
    """P_{l,d}(t), P(1) = 1, elementwise, by the stable recurrence (l+d-2) P_{l+1} = (2l+d-2) t P_l - l P_{l-1}."""
    previous, current = torch.zeros_like(t), torch.ones_like(t)
    for j in range(degree):
        following = ((2 * j + d - 2) * t * current - j * previous) / (j + d - 2)
        previous, current = current, following
    return current


@dataclass(frozen=True)
class Target:
    """A polynomial on the sphere, by its zonal terms.

    Attributes:
        d: dimension.
        terms: for each degree, (weights alpha of shape (R,), directions beta of shape (R, d), unit rows).
    """

    d: int
    terms: Mapping[int, tuple[torch.Tensor, torch.Tensor]]

    @staticmethod
    def zonal(d: int, degree: int, directions: torch.Tensor, weights: Sequence[float]) -> Target:
        """sum_i alpha_i sqrt(N(d,l)) P_l(<beta_i,x>/sqrt d); the directions are normalised.

        Raises:
            ValueError: d < 3, degree < 0, or shapes that do not match.
        """
        integer_dimension(d)
        check_degree(degree)
        if directions.shape != (len(weights), d):
            raise ValueError(
                f"directions of shape {tuple(directions.shape)}: needs ({len(weights)}, {d}) for "
                f"{len(weights)} weights in d={d}"
            )
        lengths = directions.norm(dim=1, keepdim=True)
        if not bool((lengths > 0).all()):
            raise ValueError("directions: needs non-zero finite rows")
        unit = directions / lengths
        return Target(d, {degree: (torch.as_tensor(weights, dtype=unit.dtype), unit)})

    @staticmethod
    def dense(d: int, degree: int, energy: float, seed: int) -> Target:
        """A dense random harmonic of degree l and exact energy ``energy``: N(d,l) random terms, at most 4 d.

        Raises:
            ValueError: an energy that is not positive and finite.
        """
        if not 0 < energy < math.inf:
            raise ValueError(f"energy={energy!r}: needs a positive finite energy")
        count = min(multiplicity(d, degree), 4 * d) if degree > 1 else 1
        gen = seeded(seed)
        directions = sphere(count, d, 1.0, gen)
        weights = torch.randn(count, generator=gen, dtype=torch.float64)
        raw = Target.zonal(d, degree, directions, weights.tolist()).energies()[degree]
        return Target.zonal(d, degree, directions, (weights * math.sqrt(energy / raw)).tolist())

    @staticmethod
    def sparse(d: int, degree: int, alphas: Sequence[float], seed: int) -> Target:
        """R = len(alphas) terms of degree l along random orthonormal directions (the sparse part, R <= d)."""
        if len(alphas) > integer_dimension(d):
            raise ValueError(f"{len(alphas)} sparse terms in d={d}: needs at most d orthogonal directions")
        gaussian = torch.randn(d, len(alphas), generator=seeded(seed), dtype=torch.float64)
        directions = torch.linalg.qr(gaussian).Q.T
        return Target.zonal(d, degree, directions, alphas)

    def __add__(self, other: Target) -> Target:
        """The sum of two targets in the same dimension."""
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
        r"""\|f_l\|^2 in L2 by degree, exact up to rounding: alpha^T P_l(B B^T) alpha."""
        return {
            degree: float(w @ legendre_values(degree, self.d, b @ b.T) @ w)
            for degree, (w, b) in sorted(self.terms.items())
        }

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """f*(x), shape (n,), in the dtype and on the device of ``x``. Cost: n d R per degree."""
        total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        for degree, (weights, directions) in self.terms.items():
            t = x @ directions.to(x).T / math.sqrt(self.d)
            scale = math.sqrt(multiplicity(self.d, degree))
            total += legendre_values(degree, self.d, t) @ weights.to(x) * scale
        return total
