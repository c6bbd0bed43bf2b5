"""The ridge with the smallest predicted risk, by a search over kappa with a bound of what it misses.

The equations: :mod:`theory.learning.eigenlearning`; the functions to call: :mod:`theory.learning.learning_curve`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from theory.learning.eigenlearning import LARGEST, Eigenlearning, Truncated

STEP = 0.05
"""Grid step in log(kappa)."""
ROUNDING = 1e-13
"""Relative difference of two risks that rounding may make."""
HIDDEN = 1e-9
"""Relative distance of the least risk found from a bound, below which rounding may hide which is larger."""


def best(problem: Eigenlearning, n: int) -> tuple[float, float]:
    """(kappa, risk) of the best ridge; kappa is inf or 0 when the infimum is only a limit.

    What is compared is the risk less the floor, since at large n the risks themselves agree to rounding. Its
    logarithm has second derivative at most 12 in log(kappa) wherever the ridge is not negative, so the best point
    of a grid of step h is within a factor exp(12 (h/2)^2 / 2) of the global minimum. The grid ends where no
    kappa beyond can do better (:func:`_rises`, :func:`_falls`).
    """
    signal = any(energy > 0 for _, _, energy in problem.modes)
    if problem.unlisted and not signal and problem.largest:
        where = "not told from zero or beyond the listed degrees"
        raise Truncated(f"the energy of the target is at eigenvalues {where}", math.inf, problem.tail == 0.0)
    smallest = problem.kappa(n, 0.0) if problem.ridgeless(n) else 0.0
    if not signal:
        return (math.inf, problem.floor) if problem.floor else (smallest, 0.0)
    if smallest == 0.0 and problem.radius:
        raise problem.interpolated(n)
    if smallest == 0.0 and problem.floor == 0.0:
        return 0.0, 0.0
    # A grid up from the largest eigenvalue and one down, each as far as a smaller risk is still possible.
    start = max(smallest, max(v for _, v, _ in problem.modes))
    (least, bound), kappa = problem.excess(n, start), start
    grid = [(least, start)]
    while not _rises(problem, n, kappa):
        kappa *= math.exp(STEP)
        if kappa > LARGEST:
            raise ValueError(
                f"n={n}: the best ridge is above {LARGEST:g}, so large is the noise beside the energies; predict 0"
            )
        grid.append((problem.excess(n, kappa)[0], kappa))
    least, kappa = min(grid)[0], start
    while kappa > smallest and not _falls(problem, n, kappa, least, bound):
        kappa = max(kappa * math.exp(-STEP), smallest)
        excess, bound = problem.excess(n, kappa)
        grid.append((excess, kappa))
        least = min(least, excess)
    problem.require(n, kappa)  # the smallest of the grid, where the degrees not listed matter most
    # Any cell of the grid within the slack may hold the global minimum: each of them is refined.
    limit = least * math.exp(1.5 * STEP**2)
    candidates = [kappa for excess, kappa in grid if excess <= limit]
    refined = [_refine(problem, n, kappa, smallest) for kappa in candidates]
    zeros = [kappa for kappa, zero in refined if zero]
    place = _least(problem, n, [kappa for kappa, _ in refined] + candidates)
    # A zero of the slope is known to more digits than the risk can tell.
    if zeros and _no_worse(problem, n, inner := _least(problem, n, zeros), place):
        place = inner
    if smallest and problem.slope(n, smallest) >= 0 and _no_worse(problem, n, smallest, place):
        place = smallest
    return place, problem.risk(n, place)


def _rises(problem: Eigenlearning, n: int, kappa: float) -> bool:
    r"""Whether the risk rises from kappa on, kappa being at least the largest eigenvalue.

    The slope at kappa' is :math:`2 \sum E L (1-L)^2/\text{bias} - 2 \sum N L^2 (1-L)/\text{free}`. With kappa',
    kappa' L and 1 - L rise, L <= v/kappa' and free rises: so it is positive from kappa on where
    :math:`\sum E L (1-L)^2/(\text{floor} + \sum E) \ge \sum N (v/\kappa)^2/\text{free}` at kappa.
    """
    # Both sides in units of the largest v/kappa, whose square may be less than any double.
    top = max(v for _, v, _ in problem.modes)
    rows = [(c, v / top, top / kappa, kappa / (v + kappa), energy) for c, v, energy in problem.modes]
    most = problem.floor + sum(energy for *_, energy in rows)
    gain = sum(share * (energy / most) * rest**3 for _, share, _, rest, energy in rows)
    return gain >= sum(c * share * (share * unit) for c, share, unit, *_ in rows) / problem.free(n, kappa)


def _falls(problem: Eigenlearning, n: int, kappa: float, least: float, bound: float) -> bool:
    r"""Whether no kappa' below kappa does better than ``least``, an excess that was found.

    Below kappa the excess is at least ``bound``, floor sum N L^2/free at kappa. Where rounding hides that, the slope
    tells: L is at least that of kappa there, and 1 - L lies between kappa'/(v + kappa) and kappa'/v, so it is negative
    where :math:`\kappa \sum E/v^2 \le \text{floor} \sum N L^2/(v + \kappa)/n`.
    """
    if not problem.floor:
        return False
    if abs(bound - least) > HIDDEN * least:
        return bound > least
    rise = sum((kappa / v) * energy / v for _, v, energy in problem.modes)
    return rise <= problem.floor * (sum(c * (v / (v + kappa)) ** 2 / (v + kappa) for c, v, _ in problem.modes) / n)


def _least(problem: Eigenlearning, n: int, places: Sequence[float]) -> float:
    return min(places, key=lambda kappa: problem.excess(n, kappa)[0])


def _no_worse(problem: Eigenlearning, n: int, kappa: float, other: float) -> bool:
    """Whether the risk at kappa is that at another or less, to rounding."""
    return problem.excess(n, kappa)[0] <= problem.excess(n, other)[0] * (1 + ROUNDING)


def _refine(problem: Eigenlearning, n: int, kappa: float, smallest: float) -> tuple[float, bool]:
    """A zero of the slope next to a grid point, to the last bits of kappa; else an end of the range, and False.

    By false position in log(kappa) with the Illinois rule: an end that stays twice counts half.
    """
    ends = [max(kappa * math.exp(-STEP), smallest), kappa * math.exp(STEP)]
    slopes = [problem.slope(n, end) for end in ends]
    if slopes[0] > 0 or slopes[1] <= 0:
        return (ends[0] if slopes[0] > 0 else ends[1]), False
    (low, high), (below, above), stayed = map(math.log, ends), slopes, 0
    for _ in range(60):
        middle = high - above * ((high - low) / (above - below))
        if not low < middle < high:
            break
        slope = problem.slope(n, math.exp(middle))
        if slope > 0:
            high, above, below, stayed = middle, slope, below / (2 if stayed > 0 else 1), 1
        else:
            low, below, above, stayed = middle, slope, above / (2 if stayed < 0 else 1), -1
        if slope == 0.0:
            break
    return math.exp(middle), True


def best_ridge(problem: Eigenlearning, n: int, kappa: float) -> float:
    """The ridge of the best kappa at n (:func:`best`)."""
    if kappa == math.inf or kappa == 0.0 or (problem.ridgeless(n) and kappa == problem.kappa(n, 0.0)):
        return 0.0 if kappa != math.inf else math.inf
    # The conservation law solved for the ridge.
    return max(kappa * problem.left(n, kappa) - problem.tail, 0.0)
