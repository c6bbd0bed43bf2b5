r"""Coefficients of e^{-q z^2 + b z} as balls: by Taylor series on small spheres, by the trapezoidal rule on large ones.

Both start from the Rodrigues form, whose integrand has no tiny factor:

.. math:: \lambda_l^{D,d}(g) = \frac{d^{l/2}}{D(D+2)\cdots(D+2l-2)} E_{\tau_{D+2l}}[ g^{(l)}(\sqrt d\, t) ], \qquad
          g^{(l)} = g \sum_{k \le l/2} \frac{l!}{k!\,(l-2k)!} (-q)^k (b - 2 q z)^{l-2k} .

Both bound g^{(l)} by Cauchy's estimate, |g^{(l)}(z)| <= l! r^{-l} sup |g| over the disc of radius r around z. The
closed form in :mod:`theory.funk_hecke.summands` (a sum over Humbert's Phi_3) cancels; it serves as symbol and as
check.
"""

from __future__ import annotations

import math

from flint import arb, arb_poly, ctx

from theory.balls.arithmetic import BALLS, rodrigues
from theory.balls.precision import exclusive
from theory.balls.trapezoid import choose
from theory.harmonics.work import check_work

SERIES_EXPONENT = 60.0
"""The Taylor series is used while q d + |b| sqrt(d), the logarithm of its cancellation, is below this."""
SPARE_BITS = 16
"""Bits by which truncation may exceed rounding: half of the guard that refinement adds to the digits."""

Q_RANGE = (1e-12, 1e12)
"""Least and largest q."""
MAX_LOST = 8000
"""Where more bits than that would be lost, the adaptive integral is left to try."""
FAR_BITS, FAR_EXPONENT = 300, 2000.0
"""Where more bits than that would be lost, the series is used up to a larger exponent."""


def gaussian_coefficient(q: arb, b: arb, degree: int, big: int, d: int) -> arb | None:
    """lambda_l^{D,d}(e^{-q z^2 + b z}) for q > 0.

    Args:
        q: coefficient of -z^2, positive.
        b: coefficient of z.
        degree: l >= 0.
        big: D, the dimension of the sphere.
        d: the scale is sqrt(d).

    Returns:
        A ball, accurate to about SPARE_BITS less than the current precision; None where these methods do not suit:
        q outside Q_RANGE, too narrow a Gaussian, or one centred so far out that more than MAX_LOST bits cancel.

    Cost: some hundred terms or nodes, a tenth to a half of a millisecond at 15 digits and low degree.
    """
    if not Q_RANGE[0] <= float(q) <= Q_RANGE[1]:
        return None
    spread = float(q) * d + abs(float(b)) * math.sqrt(d)
    bits, lost = ctx.prec, lost_bits(float(q), float(b), degree)
    # Centred far outside, a Gaussian looks like an exponential on the sphere, and its series is the better way.
    by = _by_series if spread <= (SERIES_EXPONENT if lost < FAR_BITS else FAR_EXPONENT) else _by_trapezoid
    if lost > MAX_LOST:
        return None
    with exclusive, ctx.workprec(bits + lost):
        size = size_log(float(q), float(b), degree, d)
        value = by(q, b, degree, big, d, bits - SPARE_BITS - size / math.log(2))
        return None if value is None else rodrigues(degree, big, d, BALLS) * value


def size_log(q: float, b: float, degree: int, d: int) -> float:
    """Logarithm of the size to expect, that of the Gaussian limit: sqrt(l!) (2q/(1+2q))^{l/2} e^{b^2/(2(1+2q))}.

    A peak beyond the sphere, b/(2q) > sqrt(d), counts with its value at the pole. An error that is small beside this
    size is small enough: without it a narrow peak far from 0 would be asked for thousands of digits.
    """
    root, shift = math.sqrt(d), abs(b)
    peak = shift * shift / (2 * (1 + 2 * q)) if shift <= 2 * q * root else shift * root - q * d
    return (math.lgamma(degree + 1) + degree * math.log(2 * q / (1 + 2 * q))) / 2 + peak


def lost_bits(q: float, b: float, degree: int) -> int:
    """Bits lost: alternating terms reach (2 q l)^{l/2}, which is (e (1+2q))^{l/2} times the result.

    And the peak e^{b^2/(4q)} exceeds the Gaussian average, of order e^{b^2/(2(1+2q))}, by e^{b^2/(4q(1+2q))}.
    """
    return int((degree / 2 * math.log(math.e * (1 + 2 * q)) + b * b / (4 * q * (1 + 2 * q))) / math.log(2)) + 8


def _cauchy_radius(q: float, degree: int, height: float) -> float:
    """The r that minimises r^{-l} e^{q (height + r)^2}."""
    return (math.sqrt(height * height + 2 * degree / q) - height) / 2


def _cauchy_log(q: float, degree: int, height: float) -> float:
    """log of l! r^{-l} e^{q (height + r)^2} at that r."""
    r = _cauchy_radius(q, degree, height)
    return math.lgamma(degree + 1) - (degree * math.log(r) if degree else 0.0) + q * (height + r) ** 2


def _by_series(q: arb, b: arb, degree: int, big: int, d: int, bits: float) -> arb:
    r"""E_{tau_{D+2l}}[g^{(l)}(sqrt(d) t)] to about 2^-bits, term by term of the Taylor series of g^{(l)} at 0.

    .. math:: \sum_s g^{(l+2s)}(0) \frac{d^s}{2^s s!\,(D+2l)(D+2l+2)\cdots(D+2l+2s-2)}, \qquad
              g^{(n+1)}(0) = b\, g^{(n)}(0) - 2 q n\, g^{(n-1)}(0).

    What follows the power R^{-n} of Cauchy's estimate on |z| <= R = rho sqrt(d) is at most M rho^{-N}/(1 - 1/rho).
    """
    q_float, shift, root = float(q), abs(float(b)), math.sqrt(d)
    count = 8
    while True:
        # Cauchy's estimate e^{q d rho^2} rho^{-N} of what follows N terms is least at rho^2 = N/(2 q d).
        rho = max(math.sqrt(count / (2 * q_float * d)), 1.5)
        reach = rho * root
        r = _cauchy_radius(q_float, degree, reach)
        bound = _cauchy_log(q_float, degree, reach) + shift * (reach + r) - count * math.log(rho)
        if bound < -bits * math.log(2):
            break
        count += 4 + count // 8
    # The terms reach e^{q d + |b| sqrt(d)} and cancel down to about one.
    extra = int((q_float * d + shift * root) / math.log(2)) + 8
    with exclusive, ctx.workprec(ctx.prec + extra):
        before, now = arb(0), arb(1)
        twice = 2 * q
        for n in range(degree):
            before, now = now, b * now - n * twice * before
        total, factor = arb(0), arb(1)
        for n in range(degree, degree + count):
            steps = n - degree
            if steps % 2 == 0:
                total = total + factor * now
                factor = factor * d / ((steps + 2) * (big + 2 * degree + steps))
            before, now = now, b * now - n * twice * before
        disc, radius = arb(rho) * arb(d).sqrt(), arb(r)
        whole = disc + radius
        largest = math.factorial(degree) * (q * whole * whole + abs(b) * whole).exp() / radius**degree
        rest = largest / (arb(rho) ** count * (1 - 1 / arb(rho)))
        return total + arb(0, rest.upper())


def _by_trapezoid(q: arb, b: arb, degree: int, big: int, d: int, bits: float) -> arb | None:
    r"""E_{tau_{D+2l}}[g^{(l)}(sqrt(d) t)] to about 2^-bits by the trapezoidal rule.

    On |Im z| <= y Cauchy's estimate gives |g^{(l)}| <= l! r^{-l} e^{q (y+r)^2 + b^2/(4q)} for every r > 0; at a real z
    with |z - b/(2q)| >= X it gives l! r^{-l} e^{q r^2 - q X^2/2 + b^2/(4q)}, for Re (X + r e^{ip})^2 >= X^2/2 - r^2.
    """
    q_float = float(q)
    peak = float(b) ** 2 / (4 * q_float)
    centre = abs(float(b)) / (2 * q_float)
    on_axis = _cauchy_log(q_float, degree, 0.0) + peak
    chosen = choose(
        big + 2 * degree,
        d,
        bits,
        lambda y: _cauchy_log(q_float, degree, y) + peak,
        lambda z: on_axis - q_float * max(z - centre, 0.0) ** 2 / 2,
    )
    if chosen is None:
        return None
    # g^{(l)}/g is a polynomial in the slope b - 2 q z, even or odd as l is: one in the square of the slope, times the
    # slope for odd l.
    factor = arb_poly([_hermite_term(degree, k, q) for k in range(degree // 2, -1, -1)])
    root, total = arb(d).sqrt(), arb(0)
    even = b.is_zero() and degree % 2 == 0
    for t, log_weight in zip(chosen.nodes, chosen.log_weights, strict=True):
        check_work()
        z = root * t
        for side in (z,) if even else (z, -z):
            slope = b - 2 * q * side
            value = factor(slope * slope) * (log_weight + (b - q * side) * side).exp()
            total = total + (slope * value if degree % 2 else value)
    if even:
        total = 2 * total
    # Certified now, where choosing the rule took doubles.
    beyond = (root * chosen.nodes[-1] - abs(b) / (2 * q)).max(arb(0))
    on_strip = _cauchy_bound(q, b, degree, root * arb(chosen.angle).tan())
    tail = _cauchy_bound(q, b, degree, arb(0)) * (-q * beyond * beyond / 2).exp()
    return total + arb(0, chosen.error(on_strip, tail))


def _cauchy_bound(q: arb, b: arb, degree: int, height: arb) -> arb:
    """l! r^{-l} e^{q (height + r)^2 + b^2/(4q)}, r a double near the best one."""
    r = arb(_cauchy_radius(float(q), degree, float(height)))
    whole = height + r
    return math.factorial(degree) * (q * whole * whole + b * b / (4 * q)).exp() / r**degree


def _hermite_term(degree: int, k: int, q: arb) -> arb:
    """l!/(k! (l-2k)!) (-q)^k, the coefficient of (b - 2 q z)^{l-2k}."""
    return math.perm(degree, 2 * k) // math.factorial(k) * (-q) ** k
