r"""Targets for Gaussian inputs: Hermite polynomials along directions, with exact energy per degree.

For x ~ N(0, I_d) and unit vectors beta the functions He_l(<beta, x>)/sqrt(l!) have energy 1, and those of different
degrees are orthogonal. By Mehler's formula E[He_l(<beta,x>) He_l(<beta',x>)]/l! = <beta,beta'>^l, so a part

.. math:: f_l(x) = \sum_i \alpha_i \mathrm{He}_l(\langle\beta_i, x\rangle)/\sqrt{l!}

has exactly \|f_l\|^2 = sum_ij alpha_i alpha_j <beta_i,beta_j>^l. These are the limits of the zonal terms of
:mod:`numerics.targets` on the sphere |x|^2 = d as d grows; at finite d the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from numerics.equality import ByValue
from numerics.inputs import Array, finite, tensor
from numerics.memory import require
from numerics.precision import full_precision
from numerics.targets import checked_terms, energy


def hermite_values(degree: int, t: torch.Tensor) -> torch.Tensor:
    """He_l(t)/sqrt(l!) elementwise, of energy 1 under a Gaussian t.

    By the recurrence sqrt(l+1) h_{l+1} = t h_l - sqrt(l) h_{l-1}.
    """
    previous, current = torch.zeros_like(t), torch.ones_like(t)
    for one in range(degree):
        previous, current = current, (t * current - math.sqrt(one) * previous) / math.sqrt(one + 1)
    return current


@full_precision
@dataclass(frozen=True, eq=False)
class HermiteTarget(ByValue):
    """A polynomial of Gaussian inputs, by its Hermite terms.

    Attributes:
        d: dimension.
        terms: for each degree, (weights alpha of shape (R,), directions beta of shape (R, d), unit rows), in double.

    Raises:
        ValueError: d < 3, a degree < 0, shapes that do not match, entries that are not finite, or directions that are
            no unit vectors.
    """

    d: int
    terms: Mapping[int, tuple[torch.Tensor, torch.Tensor]]

    def __post_init__(self) -> None:
        d, terms = checked_terms(self.d, self.terms, "a Hermite term")
        object.__setattr__(self, "d", d)
        object.__setattr__(self, "terms", terms)

    def energies(self) -> dict[int, float]:
        r"""\|f_l\|^2 under Gaussian inputs by degree, exact up to rounding: alpha^T (B B^T)^l alpha, power by entry.

        Raises ValueError on an energy that doubles cannot hold.
        """
        return {degree: energy(degree, w, (b @ b.T) ** degree) for degree, (w, b) in sorted(self.terms.items())}

    def __call__(self, x: Array) -> torch.Tensor:
        """f*(x), shape (n,), in the dtype and on the device of ``x``, (n, d). Cost: n d R per degree.

        Raises:
            ValueError: another shape, entries that are not finite, or values that overflow. Whether the inputs are
                Gaussian cannot be seen; on inputs of another law the polynomial is the same and its energies are not.
            WouldNotFit: n R numbers do not fit in memory.
        """
        x = finite(tensor(x, "x"), "x")
        if x.ndim != 2 or x.shape[1] != self.d or not len(x):
            raise ValueError(f"x of shape {tuple(x.shape)}: needs (n, {self.d}), n >= 1")
        most = max((len(w) for w, _ in self.terms.values()), default=0)
        fits = "evaluate fewer inputs at a time"
        require(4 * x.element_size() * len(x) * most, f"{most} terms at {len(x)} inputs", x.device, fits)
        total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        for degree, (weights, directions) in self.terms.items():
            total += hermite_values(degree, x @ directions.to(x).T) @ weights.to(x)
        return finite(total, f"f*: its weights are too large for {x.dtype}, so it")
