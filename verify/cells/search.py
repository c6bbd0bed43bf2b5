"""Searching for the number of samples at which a measured learning curve falls to a level.

A grid of n fixed beforehand censors whatever lies beside it, and a wrong exponent puts n* beside it. The search here
starts below every n* in question, ascends until the curve has fallen, and only then refines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal

Points = list[tuple[int, float]]
"""(n, risk at n) of one draw, by increasing n."""
Censoring = Literal["left", "right", "unusable"]


def coarse_grid(first: int, last: int, factor: float) -> tuple[int, ...]:
    """Increasing integers from ``first`` to ``last``, both included, each at most ``factor`` times the one before.

    Where ``factor`` times n is below n + 1 the next one is n + 1.

    Raises:
        ValueError: unless 1 <= first <= last and factor > 1.
    """
    if not 1 <= first <= last:
        raise ValueError(f"{first=}, {last=}: needs 1 <= first <= last")
    if not factor > 1:
        raise ValueError(f"{factor=}: needs a factor above 1")
    grid = [first]
    while grid[-1] < last:
        grid.append(min(last, max(grid[-1] + 1, math.floor(grid[-1] * factor))))
    return tuple(grid)


def bracket(
    risk_at: Callable[[int, tuple[int, ...]], Iterable[float]],
    draws: int,
    coarse: Sequence[int],
    level: float,
    finest: float,
) -> list[Points]:
    """Evaluate the learning curves of a batch of draws where they fall to ``level``.

    Each draw ascends through ``coarse`` until its risk is at most the level, or the sequence ends. Then it bisects: as
    long as the n where it has fallen and the evaluated n just before have a ratio above ``finest`` and an integer in
    between, it goes to their rounded geometric mean. The draws search side by side, so that those that ask for the same
    n are evaluated together; none is evaluated where it does not ask.

    Args:
        risk_at: maps n and the positions of some draws to their risks, in that order; NaN where a draw gave no usable
            risk.
        draws: in the batch.
        coarse: increasing.
        level: the risk to reach.
        finest: ratio of two neighbouring n that is fine enough, at least 1; 1 ends at neighbouring integers.

    Returns:
        For each draw the points evaluated, by increasing n. :func:`censoring` reads from its risks whether it is
        censored: it started at or below the level, never fell to it, or fell just behind an unusable point.

    Raises:
        ValueError: if ``coarse`` is empty or does not increase, if finest < 1, or if ``risk_at`` gives another number
            of risks than it was asked for.

    Cost: for each draw len(coarse) evaluations at most, and about log2(log(factor) / log(finest)) more.
    """
    if not coarse or coarse[0] < 1 or any(a >= b for a, b in pairwise(coarse)):
        raise ValueError(f"{coarse=}: needs increasing positive numbers of samples")
    if not finest >= 1:
        raise ValueError(f"{finest=}: needs a ratio of at least 1")
    found: list[dict[int, float]] = [{} for _ in range(draws)]
    while True:
        asked: dict[int, list[int]] = {}
        for draw, points in enumerate(found):
            n = _next(points, coarse, level, finest)
            if n is not None:
                asked.setdefault(n, []).append(draw)
        if not asked:
            return [sorted(points.items()) for points in found]
        for n, those in asked.items():
            risks = list(risk_at(n, tuple(those)))
            if len(risks) != len(those):
                raise ValueError(f"{n=}: {len(risks)} risks for {len(those)} draws")
            for draw, risk in zip(those, risks, strict=True):
                found[draw][n] = risk


def _next(points: Mapping[int, float], coarse: Sequence[int], level: float, finest: float) -> int | None:
    """Where a draw with these points is to be evaluated next; None when it has ended."""
    samples = sorted(points)
    end = _fall([points[n] for n in samples], level)
    if end is None:
        return next((n for n in coarse if n not in points), None)
    if end == 0:
        return None
    low, high = samples[end - 1], samples[end]
    return round(math.sqrt(low * high)) if high / low > finest and high - low > 1 else None


def _fall(risks: Sequence[float], level: float) -> int | None:
    """Position of the first risk at or below the level."""
    return next((i for i, risk in enumerate(risks) if risk <= level), None)


def censoring(risks: Sequence[float], level: float) -> Censoring | None:
    """Why a learning curve has no crossing, or None where it has one.

    Args:
        risks: by increasing n; NaN where none is usable.
        level: the risk to reach.

    Returns:
        ``left``: the first risk is at or below the level already, so n* lies before the first n; ``right``: no risk is,
        so n* lies behind the last n; ``unusable``: the point just before the fall is NaN; None otherwise.
    """
    end = _fall(risks, level)
    if end is None:
        return "right"
    if end == 0:
        return "left"
    return "unusable" if math.isnan(risks[end - 1]) else None


def crossing(
    samples: Sequence[float], risks: Sequence[float], level: float, settled: Sequence[bool] | None = None
) -> float:
    """Where a learning curve, measured or predicted, first falls to ``level``, by log-log interpolation.

    Args:
        samples: increasing.
        risks: at the samples in order; they may end before the samples do, as soon as the level is reached.
        level: the risk to reach.
        settled: for each sample whether training there had come to an end; all of them without it.

    Returns:
        NaN where the curve is censored, as :func:`censoring` says, or when a point beside the crossing has not settled.
    """
    end = _fall(risks, level)
    if not end or censoring(risks, level) or (settled is not None and not all(settled[end - 1 : end + 1])):
        return math.nan
    (left, right), (above, below) = samples[end - 1 : end + 1], risks[end - 1 : end + 1]
    return float(left * (right / left) ** (math.log(above / level) / math.log(above / below)))


def reach(samples: Sequence[float], risks: Sequence[float], level: float) -> float:
    """Where a curve that ends above ``level`` would reach it on the log-log line of its last two usable points.

    Infinity where the last one is no lower than the one before, or there are not two.
    """
    known = [(n, risk) for n, risk in zip(samples, risks, strict=True) if not math.isnan(risk)]
    if len(known) < 2 or known[-1][1] >= known[-2][1]:
        return math.inf
    (left, above), (right, below) = known[-2:]
    power = math.log(above / below) / math.log(right / left)
    return float(right * math.exp(min(math.log(below / level) / power, 700.0 - math.log(right))))


def shortfall(curves: Sequence[tuple[Sequence[float], Sequence[float]]], level: float, field: str) -> str:
    """A sentence on the draws whose search ended above the level, with the samples that they lack; empty without any.

    Args:
        curves: of each draw, its samples and its risks.
        level: the risk to reach.
        field: of the profile, which ends the search.
    """
    short = [(samples, risks) for samples, risks in curves if censoring(risks, level) == "right"]
    if not short:
        return ""
    last = max(samples[-1] for samples, _ in short)
    more = max(reach(samples, risks, level) - samples[-1] for samples, risks in short)
    remedy = f"if they fall on as they do, about {more:.0f} more samples settle it: raise {field}"
    if not math.isfinite(more):
        remedy = "some no longer fall there, so that no number of samples can be named that settles it"
    return (
        f"{len(short)} of {len(curves)} draws keep a risk above {level:g} up to n = {last}, where the search ends; "
        f"{remedy}"
    )
