r"""The trapezoidal rule on the sphere, with a rigorous error: one set of nodes for all degrees.

After t = tanh u the weight decays exponentially and the integrand is analytic in a strip:

.. math:: E_{\tau_D}[h(t)] = c_D \int_{-\infty}^{\infty} h(\tanh u)\, \mathrm{sech}^{D-1}(u)\, du,
          \qquad c_D = \frac{\Gamma(D/2)}{\sqrt\pi\,\Gamma((D-1)/2)}.

**Error.** If |h(tanh u)| <= M for |Im u| <= a < pi/2, the rule with step s differs from the integral by at most
2 M cos(a)^{-(D-1)}/(e^{2 pi a/s} - 1): the theorem for analytic integrands (Trefethen & Weideman, SIAM Review 56
(2014), theorem 5.1) with |cosh(x+ia)|^2 = sinh^2 x + cos^2 a >= cos^2 a cosh^2 x. Leaving out |k| > K >= 1 costs at
most 2 M c_D sech^{D-1}(X)/((D-1) tanh X) with X = K s, because beyond X sech^{D-1} falls and is at most
-(sech^{D-1})'/((D-1) tanh X).

**Bounds on the strip.** For a <= pi/4, |Re tanh u| <= 1 and |Im tanh u| <= tan a, so z = sqrt(d) tanh u stays in the
rectangle |Re z| <= sqrt(d), |Im z| <= sqrt(d) tan a; and |P_{l,D}(tanh u)| <= ((1 + sin a)/cos a)^l by Laplace's
integral for P_l. Derived in docs/mathematics, :eq:`trapezoid`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import arb, ctx

from theory.balls.ball import REAL_FUNCTIONS, ball
from theory.balls.functions import Z, written
from theory.balls.program import Program
from theory.balls.strip import NotAnalytic, strip_bound
from theory.harmonics.work import check_work

HEIGHTS = tuple(32 * 0.75**i for i in range(24))
"""Strip heights in z that are tried, besides the largest admitted one."""

MAX_NODES = 20_000
"""Beyond this many nodes an adaptive integral is the better way."""


@dataclass(frozen=True)
class Rule:
    """Nodes t_k = tanh(k s) and normalised weights for k = 0..K; the rule uses -t_k with the same weight.

    Attributes:
        nodes, log_weights: balls; the weight of k = 0 is halved, so a sum over both signs counts it once.
        angle: a, half the width of the strip in u.
        discretisation: bound of the error of the full sum, over M.
        truncation: bound of what |k| > K would add, over the bound of |h| on the real line there.
        step: s.
    """

    nodes: tuple[arb, ...]
    log_weights: tuple[arb, ...]
    angle: float
    discretisation: arb
    truncation: arb
    step: float

    @property
    def weights(self) -> list[arb]:
        """The weights themselves."""
        return [value.exp() for value in self.log_weights]

    def error(self, on_strip: arb, beyond: arb) -> arb:
        """Bound of |rule - integral|; |h| <= ``on_strip``, and <= ``beyond`` on the real line after the last node."""
        return (on_strip * self.discretisation + beyond * self.truncation).upper()

    def legendre_growth(self) -> arb:
        """(1 + sin a)/cos a: |P_l(tanh u)| is at most its l-th power on the strip."""
        return (1 + arb(self.angle).sin()) / arb(self.angle).cos()


@lru_cache(maxsize=64)
def rule(big: int, angle: float, step: float, count: int, bits: int) -> Rule:
    """The rule for tau_D, D = ``big``, at the current precision ``bits``."""
    half = arb(big - 1) / 2
    log_front = (half.rising(arb("0.5")) / arb.pi().sqrt() * arb(step)).log()
    growth, power, nodes = (2 * arb(step)).exp(), arb(1), []
    for k in range(count + 1):  # tanh(k s) = (e^{2ks} - 1)/(e^{2ks} + 1), several times faster than tanh
        nodes.append((power - 1) / (power + 1))
        power = power * growth
        if k % 256 == 0:
            check_work()
    # Logarithms: a factor e^{-q z^2 + b z} of the integrand is added to them before the one exp that is taken.
    logs = [2 * half * _log_sech(arb(step) * k, t) + log_front for k, t in enumerate(nodes)]
    a = arb(angle)
    discretisation = 2 * a.cos() ** (1 - big) / (2 * arb.pi() * a / arb(step)).expm1()
    truncation = 2 * logs[-1].exp() / (arb(step) * (big - 1) * nodes[-1])
    logs[0] = logs[0] - arb(2).log()  # a sum over both signs of t counts t = 0 twice
    return Rule(tuple(nodes), tuple(logs), angle, discretisation.upper(), truncation.upper(), step)


def _log_sech(u: arb, t: arb) -> arb:
    """log sech u, t = tanh u, without loss of digits near 0, where a large D multiplies it, or for large u."""
    return (-t * t).log1p() / 2 if u < 0.5 else -u.cosh().log()


def choose(
    big: int,
    d: int,
    bits: float,
    log_bound: Callable[[float], float],
    log_tail: Callable[[float], float],
    degree: int = 0,
) -> Rule | None:
    """A rule whose error is near 2^-bits, its strip chosen to need the fewest nodes.

    Only the choice rests on the two functions: the caller multiplies the rule's errors by certified bounds.

    Args:
        big: D.
        d: the scale is sqrt(d).
        bits: -log2 of the error wanted.
        log_bound: natural logarithm of M without its Legendre factor, for a height in z; inf where there is none.
        log_tail: natural logarithm of a bound of |h| for real z beyond the one given, not increasing.
        degree: l of the Legendre factor.

    Returns:
        None when no height has a bound, or more than MAX_NODES would be needed.
    """
    # A wide strip allows a large step s, for the error falls as e^{-2 pi a/s}. But M and cos(a)^{-(D-1)} grow with a.
    # At the error wanted s = 2 pi a/needed: the best strip is the one with the largest step.
    goal = bits * math.log(2) + 1
    best: tuple[float, float] | None = None
    for angle in (math.pi / 4, *(math.atan(y / math.sqrt(d)) for y in HEIGHTS if y * y < d)):
        growth = log_bound(math.sqrt(d) * math.tan(angle))
        if not math.isfinite(growth):
            continue
        growth += degree * math.log((1 + math.sin(angle)) / math.cos(angle))
        needed = max(goal + growth - (big - 1) * math.log(math.cos(angle)), 1.0)
        step = 2 * math.pi * angle / needed
        if best is not None and step < 0.7 * best[0]:
            break  # lower strips only get worse
        best = max(best or (0.0, 0.0), (step, angle))
    if best is None:
        return None
    step, angle = best

    def settled(u: float) -> bool:
        """Whether nodes beyond u add less than the error wanted."""
        log_cosh = u + math.log1p(math.exp(-2 * u)) - math.log(2)
        return (big - 1) * log_cosh - log_tail(math.sqrt(d) * math.tanh(u)) >= goal

    low, high = 0.0, 1.0
    while not settled(high):
        low, high = high, 2 * high
        if low > MAX_NODES * step:  # also where no end is ever enough, for a bound beyond the range of doubles
            return None
    # A step below the rounding of doubles would never be reached by halving.
    while high - low > step / 4 and low <= MAX_NODES * step:
        middle = (low + high) / 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    count = math.ceil(high / step) + 1
    return rule(big, angle, step, count, ctx.prec) if count <= MAX_NODES else None


def coefficient_table(expr: sp.Expr, max_degree: int, d: int, bits: int) -> list[arb]:
    r"""lambda_0(g), ..., lambda_L(g) from one set of nodes, each with an absolute error near 2^-bits.

    Cost: K evaluations of g and O(K L) ball operations, with K about bits * sqrt(d)/y nodes for small d and
    bits/y for large d, where y is the distance of the nearest singularity of g from the real axis.
    Source: docs/mathematics, :eq:`trapezoid`.

    Args:
        expr: g, an expression in z without kinks.
        max_degree: L.
        d: dimension.
        bits: called within that working precision.

    Raises:
        NotAnalytic: g has a kink, or no bound of it on a strip is known.
    """
    root = arb(d).sqrt()
    on_axis = strip_bound(expr, root, arb(0))  # raises where g is not analytic
    log_tail = float(on_axis.log())

    def log_bound(y: float) -> float:
        try:
            return float(strip_bound(expr, root, arb(y)).log())
        except NotAnalytic:
            return math.inf

    chosen = choose(d, d, bits, log_bound, lambda z: log_tail, max_degree)
    if chosen is None:
        raise NotAnalytic(f"{written(expr)}: no strip of analyticity is known")
    program = Program([expr], Z, ball)

    def values(k: int) -> tuple[arb, arb]:
        z = root * chosen.nodes[k]
        return program(z, REAL_FUNCTIONS)[0], program(-z, REAL_FUNCTIONS)[0]

    totals = legendre_sums(chosen, max_degree, d, values)
    on_strip, growth = strip_bound(expr, root, root * arb(chosen.angle).tan()), chosen.legendre_growth()
    return [total + arb(0, chosen.error(on_strip * growth**j, on_axis)) for j, total in enumerate(totals)]


def legendre_sums(rule: Rule, max_degree: int, d: int, values: Callable[[int], tuple[arb, arb]]) -> list[arb]:
    """The rule's sums for h P_0, ..., h P_L, without its error.

    Args:
        rule: for tau_d.
        max_degree: L.
        d: dimension.
        values: h at t_k and at -t_k, by k.
    """
    # One value of h at a node serves all degrees, since the recurrence of P_l runs along. P_l is even or odd, so the
    # values at t and -t enter as their sum or their difference.
    ahead = [arb(2 * j + d - 2) / (j + d - 2) for j in range(max_degree)]
    behind = [arb(j) / (j + d - 2) for j in range(max_degree)]
    totals = [arb(0)] * (max_degree + 1)
    for k, (t, weight) in enumerate(zip(rule.nodes, rule.weights, strict=True)):
        check_work()
        right, left = values(k)
        by_parity = (weight * (right + left), weight * (right - left))
        previous, current = arb(0), arb(1)
        for j in range(max_degree):
            totals[j] = totals[j] + by_parity[j % 2] * current
            previous, current = current, ahead[j] * t * current - behind[j] * previous
        totals[max_degree] = totals[max_degree] + by_parity[max_degree % 2] * current
    return totals
