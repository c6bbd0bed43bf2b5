r"""Risks that no method falls below, because its labels say too little: exact, with no spectrum and no limit.

The target is a sum of independent harmonics f_l of degree l >= 1 with fixed energies E_l = ||f_l||^2, the mean over
uniform inputs on S^{d-1}(sqrt d). With n labels

.. math:: E[\text{risk}] \ge \sum_l E_l \max\Big(0, 1 - \frac{n}{N(d,l)}\Big),

the mean being over targets and everything else that is random, in two cases:

- every f_l is uniform on the sphere of radius sqrt(E_l) among the harmonics of its degree ("dense"); any method;
- some f_l are single zonal harmonics with a uniform direction ("sparse"), or follow any other law that rotations of the
  sphere leave alone and that has mean zero; any method whose prediction is linear in the labels, as kernel ridge
  regression is.

The predictor may depend on the inputs, the noise of the labels, a network and chance, but not on the target otherwise
than through the labels. A ridge chosen by the test labels breaks that; one chosen on other targets does not.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq, fmpz

from theory.balls.exact import as_ball
from theory.balls.precision import exclusive
from theory.harmonics.sphere import as_integer, by_degree, check_size, integer_dimension, multiplicity, shown

Energies = Mapping[int, float | Fraction | sp.Rational | arb]
BITS = 128
"""Precision of the ends of a number that is not rational."""


def risk_floor(d: int, n: int, energies: Energies) -> sp.Rational:
    r"""Lower bound of the expected test risk with n labels, sum_l E_l max(0, 1 - n/N(d,l)).

    The parts add for two reasons. Harmonics of different degrees are orthogonal, so the risk is at least the sum of its
    parts by degree. And each part's bound holds at any given value of the others, whose labels only help:

    1. Any method, f_l uniform of its energy. The harmonics of degree l that vanish on the n inputs are a space V of
       dimension at least N(d,l) - n. Write f_l = u + v with v in V. Then u - v gives the same labels and is as likely,
       so the method answers both alike, and one of any two errors |p - v|^2 and |p + v|^2 averages to at least |v|^2.
       The mean of |v|^2 is E_l dim V / N(d,l).
    2. Methods linear in the labels, f_l of a law that rotations leave alone. The prediction is A f* with A of rank at
       most n. The coefficients of f_l have covariance (E_l/N) I, since the harmonics of one degree are an irreducible
       representation of the rotations, and different parts are uncorrelated. So the part of f_l in the risk averages to
       (E_l/N) ||(1 - A) P_l||_HS^2, and that square is at least N - n: 1 - A is the identity on a space of that
       dimension. An offset that does not depend on the labels only adds its square.

    Args:
        d: dimension, 3 <= d <= 10**6.
        n: number of labels, >= 0.
        energies: E_l by degree l >= 1; floats are taken as exact, of a ball its lower end counts.

    Returns:
        The exact bound, a rational number.

    Raises:
        ValueError: d or n out of range, a degree below 1 (a constant has no direction), a negative energy.

    Source: docs/mathematics, :eq:`risk-floor`.

    >>> risk_floor(10, 27, {1: 1, 2: 1})
    1/2
    >>> risk_floor(10, 5, {1: 1, 2: 1})
    38/27
    """
    d, count = integer_dimension(d), as_integer(n)
    if count is None or count < 0:
        raise ValueError(f"n={shown(n)}: needs an integer n >= 0")
    parts = _exact(energies)
    known = {degree: min(Fraction(count, multiplicity(d, degree)), Fraction(1)) for degree in parts}
    floor = sum((energy * (1 - known[degree]) for degree, energy in parts.items()), Fraction(0))
    return sp.Rational(floor.numerator, floor.denominator)


def samples_necessary(d: int, risk: float | Fraction | sp.Rational, energies: Energies) -> int:
    """The smallest n with risk_floor(d, n, energies) <= risk: no method of its two cases does with fewer.

    Raises:
        ValueError: as :func:`risk_floor`, and for a negative risk.

    Cost: bisection, log2 max_l N(d,l) evaluations. Source: docs/mathematics, :eq:`risk-floor`.

    >>> samples_necessary(10, 0.5, {1: 1, 2: 1}), samples_necessary(10, 2, {1: 1, 2: 1})
    (27, 0)
    """
    d, level = integer_dimension(d), _ends("risk", risk)[1]
    low, high = -1, max((multiplicity(d, degree) for degree in _exact(energies)), default=0)
    while high - low > 1:
        middle = (low + high) // 2
        if risk_floor(d, middle, energies) <= level:
            high = middle
        else:
            low = middle
    return high


def _exact(energies: Energies) -> dict[int, Fraction]:
    """The energies; of one that is no exact number the lower end, by which the floor stays a lower bound."""
    found = {
        degree: _ends(f"energies[{degree}]", energy)[0] for degree, energy in by_degree("energies", energies).items()
    }
    if 0 in found:
        raise ValueError("energies, degree=0: needs degrees >= 1; a constant has no direction, leave it out")
    return found


def _ends(name: str, value: Any) -> tuple[Fraction, Fraction]:
    """Both ends of a number >= 0, which are equal where it is exact; of a ball that reaches below 0, from 0 on."""
    if isinstance(value, numbers.Rational | float | Decimal | sp.Rational | fmpq | fmpz):
        check_size(name, value)
        exact = value if isinstance(value, float | Decimal) else Fraction(int(value.numerator), int(value.denominator))
        return Fraction(exact), Fraction(exact)
    with exclusive, ctx.workprec(BITS):
        ball = as_ball(name, value)
        if not ball.mid() >= 0:
            raise ValueError(f"{name}={shown(value)}: needs a finite number >= 0")
        centre, width = (
            int(mantissa) * Fraction(2) ** int(exponent)
            for mantissa, exponent in (ball.mid().man_exp(), ball.rad().man_exp())
        )
        return max(centre - width, Fraction(0)), centre + width
