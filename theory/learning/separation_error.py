r"""The mean square error of the network at W = W_L + S W_Q, bounded at every width and for every d >= d0 at once.

Notation of docs/mathematics, sections 4 and 8, at k = 1. The target has energy E_1 in degree 1 and E_2 in degree 2,
there the harmonic alpha (<beta,x>^2 - 1). With z = <w,x> and v(w) = -alpha w/E[z sigma'] + E[sigma' <f_1,x> x]/Lambda_1
the dense part is W_L = a_r v(w_r)/sqrt(m), the sparse part of section 4 for alpha <beta,x>^2.

Everything is a function of suprema of |sigma'|, ..., |sigma''''| and four Gaussian means. All balls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, fmpq

from theory.balls.exact import ExactlyEqual
from theory.bounds.comparison import distance_from_gaussian

SUPREMA = ("sigma'", "sigma''", "sigma'''", "sigma''''")
"""Whose absolute values are bounded, in this order."""
MEANS = ("slope energy", "curvature energy", "curvature", "slope")
"""E[sigma'^2], E[sigma''^2], E[sigma''], E[sigma'] of a standard Gaussian."""
SIXTH, EIGHTH = 15, 105
"""Gaussian moments, above those of a coordinate of the sphere of radius sqrt(d)."""


def exact(value: Fraction) -> arb:
    """A rational number as a ball."""
    return arb(fmpq(value.numerator, value.denominator))


def bounds(
    d: int, energies: tuple[Fraction, Fraction], suprema: Mapping[str, arb], means: Mapping[str, arb]
) -> dict[str, arb]:
    """What the error is made of, for every dimension from d on: bounds from above, but for the three marked "least".

    Args:
        d: the smallest dimension.
        energies: E_1 >= 0 and E_2 > 0.
        suprema: by the names of SUPREMA.
        means: by the names of MEANS.

    Returns:
        "slope energy" E[sigma'^2] and "curvature energy" E[sigma''^2] over the sphere; "least curvature"
        |lambda_0(sigma'')|; "least radial slope" |E[z sigma']|; "least eigenvalue" Lambda_1; "strength" alpha;
        "dense norm" E|v|^2 = |W_L|^2 of infinite width; "largest dense" sup |v|.

    Source: docs/mathematics, :eq:`separation-constants`.
    """
    s1, s2, s3, s4 = (suprema[name] for name in SUPREMA)
    dense, sparse = map(exact, energies)
    found = {
        "slope energy": means["slope energy"] + distance_from_gaussian(d, 0, 2 * s1 * s2),
        "curvature energy": means["curvature energy"] + distance_from_gaussian(d, 0, 2 * s2 * s3),
        "least curvature": abs(means["curvature"]) - distance_from_gaussian(d, 0, s3),
        "least radial slope": abs(means["curvature"]) - distance_from_gaussian(d, 1, s3, s4),
    }
    slope = abs(means["slope"]) - distance_from_gaussian(d, 1, s2, s3)
    found["least eigenvalue"] = slope.max(arb(0)) ** 2 * (d - 1) / d
    found["strength"] = (sparse * (d + 2) / (2 * (d - 1))).sqrt()
    radial, eigenvalue = found["least radial slope"], found["least eigenvalue"]
    found["dense norm"] = (found["strength"] / radial) ** 2 + dense / eigenvalue
    found["largest dense"] = found["strength"] / radial + dense.sqrt() * s1 / eigenvalue
    return found


@dataclass(frozen=True, eq=False)
class Errors(ExactlyEqual):
    """Bounds of root mean squares, over inputs, weights and signs, of what is left at width m.

    Attributes:
        dense: f_L(W_L) less its target. sparse: f_Q(W_Q) less its target. signs: f_L(S W_Q). cross: f_Q(W_L, S W_Q).
        odd, even: the third order of the Taylor series, odd and even in the signs. fourth: what follows it.
    """

    dense: arb
    sparse: arb
    signs: arb
    cross: arb
    odd: arb
    even: arb
    fourth: arb

    @property
    def taylor(self) -> arb:
        """Mean square error of f_L + f_Q: parts even and odd in the signs are orthogonal."""
        return (self.dense + self.sparse) ** 2 + (self.signs + self.cross) ** 2

    @property
    def network(self) -> arb:
        """Mean square error of the network itself."""
        even = (self.dense + self.sparse + self.even) ** 2
        odd = (self.signs + self.cross + self.odd) ** 2
        return ((even + odd).sqrt() + self.fourth) ** 2


def errors(m: int, suprema: Mapping[str, arb], found: Mapping[str, arb]) -> Errors:
    """The errors at width m; each falls as m grows.

    Args:
        m: width, even.
        suprema: by the names of SUPREMA.
        found: of :func:`bounds`.

    Source: docs/mathematics, :eq:`separation-taylor` and :eq:`separation-network`.
    """
    s1, s2, s3, s4 = (suprema[name] for name in SUPREMA)
    width, alpha, curvature = arb(m), found["strength"], found["least curvature"]
    size, largest = found["dense norm"].sqrt(), found["largest dense"]
    step = (4 * alpha / (curvature * width.sqrt())).sqrt()

    def power(i: int) -> arb:
        """(E|W_L,r|^{2i})^{1/2}."""
        return largest ** (i - 1) * size / width.sqrt() ** i if i else arb(1)

    excess = found["curvature energy"] / curvature**2 - 1
    mixed = sum((math.comb(4, i) * step ** (4 - i) * power(i) for i in range(5)), arb(0)) + power(4)
    return Errors(
        dense=(2 / width).sqrt() * s1 * size,
        sparse=alpha * (6 * excess / width).sqrt(),
        signs=(2 * alpha * found["slope energy"] / (curvature * width.sqrt())).sqrt(),
        cross=step * s2 * size * (3 / (2 * width)).sqrt(),
        odd=arb(fmpq(1, 2)).sqrt() * s3 / 6 * arb(SIXTH).sqrt() * (step**3 + 3 * step * power(2)),
        even=width.sqrt() * s3 / 6 * arb(SIXTH).sqrt() * (3 * step**2 * power(1) / 2 + power(3)),
        fourth=width.sqrt() * s4 / 48 * arb(EIGHTH).sqrt() * mixed,
    )
