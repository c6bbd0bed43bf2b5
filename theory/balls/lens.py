r"""Functions on the sphere that are analytic in the angle: one set of nodes for all degrees, ends included.

Kernels with sqrt(1-t^2) or acos t are singular in t at both ends and analytic in theta = acos t. With t = tanh u,

.. math:: \theta(u) = 2 \arctan e^{-u}, \qquad \cos\theta = \tanh u, \quad \sin\theta = \mathrm{sech}\,u,

the trapezoidal rule of :mod:`theory.balls.trapezoid` asks for a bound of the function on the strip |Im u| <= a, which
theta maps on a lens: it has its corners at 0 and pi and the height 2 artanh(tan(a/2)). Boxes that cover the lens, the
corners included, prove the function analytic there and bound it. Derived in docs/mathematics, :eq:`lens`.

What is not analytic at a corner, such as (1-t) log(1-t), is left to arb's adaptive integrals, one for each degree.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, pairwise
from typing import TypeAlias

from flint import acb, acb_poly, arb, ctx, fmpq

from theory.balls.analytic import tight
from theory.balls.precision import exclusive
from theory.balls.program import power
from theory.balls.quadrature import integrate
from theory.balls.trapezoid import choose, legendre_sums
from theory.harmonics.gegenbauer import legendre_polynomial
from theory.harmonics.work import check_work

Angular: TypeAlias = Callable[[acb, bool], acb]
"""A function of theta: a ball, and whether the function must be analytic on it (else its value is not a number)."""

BOXES = 600
"""Boxes that may be tried before a lens counts as one on which the function is not analytic."""
LOOSE = 1024
"""Largest quotient of a bound and a value seen that is not refined: ten bits, a few nodes of a rule."""
SMALLEST = 2.0**-7
"""A box of this width on which the function is not finite ends the search: a singularity is in it, or near it."""
ANGLES = (*(math.pi / 4 * 0.8**i for i in range(48)), 0.0)
"""Half-angles of the lenses that are tried; the last one is the interval [0, pi]."""
BOUND_BITS = 64
"""Working precision of a bound."""
UNBOUNDED = 1e9
"""Takes boxes without a finite bound to the front."""
EDGES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.inf)
"""The first boxes in Re u; those of negative Re u are their mirror images."""


@dataclass(frozen=True, order=True, slots=True)
class _Box:
    """left <= |Re u| <= right and low <= Im u <= high, for Re u of one sign."""

    left: float
    right: float
    low: float
    high: float
    mirrored: bool

    def angle(self) -> acb:
        """A ball that contains theta(u) for every u of the box."""
        turn = arb(self.low).union(arb(self.high))
        if math.isfinite(self.right):
            box = acb(arb(self.left).union(arb(self.right)), turn)
            theta = tight(_angle, lambda u: -1 / u.cosh(), box)
        else:  # |e^{-u}| <= e^{-left}
            size = arb(-self.left).exp().union(arb(0))
            theta = 2 * acb(size * turn.cos(), -size * turn.sin()).atan()
        return arb.pi() - theta if self.mirrored else theta

    def middle(self) -> acb:
        """theta at a point of the box."""
        x = (self.left + self.right) / 2 if math.isfinite(self.right) else self.left + 1
        theta = _angle(acb(x, (self.low + self.high) / 2))
        return arb.pi() - theta if self.mirrored else theta

    def width(self) -> float:
        """The longer side; 1 for a box without end, up to Re u = 40, where theta is 1e-17."""
        if math.isfinite(self.right):
            return max(self.right - self.left, self.high - self.low)
        return 1.0 if self.left < 40 else 0.0

    def halves(self) -> list[_Box]:
        """Two boxes that make it up."""
        if not math.isfinite(self.right):
            cut = self.left + 1
        elif self.right - self.left >= self.high - self.low:
            cut = (self.left + self.right) / 2
        else:
            cut = (self.low + self.high) / 2
            ranges = ((self.low, cut), (cut, self.high))
            return [_Box(self.left, self.right, low, high, self.mirrored) for low, high in ranges]
        ends = ((self.left, cut), (cut, self.right))
        return [_Box(left, right, self.low, self.high, self.mirrored) for left, right in ends]


def _angle(u: acb) -> acb:
    """theta(u) for Re u >= 0."""
    return 2 * (-u).exp().atan()


def lens_bound(function: Angular, angle: float, analytic: bool = True) -> arb | None:
    """A bound of |function| on the lens of half-angle a, on which it is then proved to be analytic; None without proof.

    The function must be real on [0, pi]; so one half of the lens, Im u >= 0, stands for the whole.

    Args:
        function: of theta.
        angle: a, 0 <= a <= pi/4; 0 bounds it on [0, pi].
        analytic: False for a bound alone.

    Cost: 24 evaluations, up to :data:`BOXES` where balls overestimate.
    """
    serial, best, heap = count(), arb(0), list[tuple[float, int, arb, _Box]]()
    with exclusive, ctx.workprec(BOUND_BITS):

        def push(box: _Box) -> None:
            nonlocal best
            check_work()
            bound = function(box.angle(), analytic).abs_upper()
            finite = bool(bound.is_finite())
            if finite:
                seen = function(box.middle(), False).abs_lower()
                best = max(best, seen) if seen.is_finite() else best
            key = -_log(bound) if finite else box.width() - UNBOUNDED  # the smallest box that is not finite comes first
            heapq.heappush(heap, (key, next(serial), bound, box))

        middle = angle / 2
        for low, high in ((0.0, middle), (middle, angle)) if angle else ((0.0, 0.0),):
            for left, right in pairwise(EDGES):
                push(_Box(left, right, low, high, False))
                push(_Box(left, right, low, high, True))
        for _ in range(BOXES):
            bound = heap[0][2]
            if bound.is_finite() and bound <= LOOSE * best:
                break
            if not bound.is_finite() and heap[0][3].width() < SMALLEST:
                return None
            for half in heapq.heappop(heap)[3].halves():
                push(half)
        largest = heap[0][2]
        for _, _, bound, _ in heap:
            largest = largest.max(bound)
        return largest if largest.is_finite() else None


def lens_table(
    function: Angular, bounds: Callable[[float], arb | None], max_degree: int, d: int, bits: int
) -> list[arb] | None:
    """E_{tau_d}[h P_0], ..., E_{tau_d}[h P_L], h(t) a function of theta = acos t, each with an error near 2^-bits.

    Args:
        function: of theta, real on [0, pi].
        bounds: its :func:`lens_bound` by angle, for any of :data:`ANGLES`.
        max_degree: L.
        d: dimension.
        bits: called within that working precision.

    Returns:
        None where the function is not proved to be analytic on any lens, or too many nodes would be needed.

    Cost: K evaluations and O(K L) ball operations, K as for :func:`theory.balls.trapezoid.coefficient_table`.
    Source: docs/mathematics, :eq:`lens` and :eq:`trapezoid`.
    """
    on_axis = bounds(0.0)
    if on_axis is None:
        return None
    log_axis = _log(on_axis)

    def log_bound(height: float) -> float:
        bound = bounds(_covering(math.atan(height / math.sqrt(d))))
        return math.inf if bound is None else _log(bound)

    chosen = choose(d, d, bits, log_bound, lambda z: log_axis, max_degree)
    on_strip = None if chosen is None else bounds(_covering(chosen.angle))
    if chosen is None or on_strip is None:
        return None
    shrink, pi = (-arb(chosen.step)).exp(), arb.pi()
    tangents = [arb(1)]  # tan(theta/2) = e^{-u} at the nodes
    for _ in chosen.nodes[1:]:
        tangents.append(tangents[-1] * shrink)

    def values(k: int) -> tuple[arb, arb]:
        theta = 2 * tangents[k].atan()
        return function(acb(theta), False).real, function(acb(pi - theta), False).real

    growth = chosen.legendre_growth()
    sums = legendre_sums(chosen, max_degree, d, values)
    return [total + arb(0, chosen.error(on_strip * growth**j, on_axis)) for j, total in enumerate(sums)]


def _covering(angle: float) -> float:
    """The smallest angle tried that is not below this one."""
    return min((tried for tried in ANGLES if tried >= angle), default=ANGLES[0])


def _log(bound: arb) -> float:
    return float(bound.log().mid()) if bound > 0 else -700.0


def lens_expectation(function: Angular, degree: int, d: int, bits: int) -> arb:
    r"""E_{tau_d}[h P_l] with an absolute error near 2^-bits, by adaptive integration over theta from 0 to pi.

    Continuous functions that are analytic inside (0, pi) will do: the intervals shrink towards a singular end, until
    the size of the function there settles the rest. Arguments as :func:`lens_table`.

    Source: Johansson (arXiv:1802.07942).
    """
    polynomial = acb_poly(legendre_polynomial(degree, d))

    def integrand(theta: acb, analytic: bool) -> acb:
        sine, cosine = theta.sin_cos()
        return function(theta, analytic) * polynomial(cosine) * power(sine, d - 2)

    half = arb(fmpq(d, 2))
    scale = half.gamma() / ((half - fmpq(1, 2)).gamma() * arb.pi().sqrt())
    return integrate(integrand, arb(0), arb.pi(), bits).real * scale
