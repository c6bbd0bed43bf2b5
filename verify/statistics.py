"""Intervals for random measurements. Every interval states its confidence; none is computed from a prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import stats

from verify.outcome import Interval

CONFIDENCE = 0.99
"""Two-sided confidence of every statistical interval.

A comparison whose true value lies inside its margin FAILS with probability at most 1 %, for normal errors.
"""


def mean_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Student t interval of the mean of independent samples.

    Raises:
        ValueError: fewer than two samples, one that is not finite, or all equal (the same draw repeated).
    """
    values = np.asarray(samples, dtype=float)
    if values.size < 2 or not np.isfinite(values).all():
        raise ValueError(f"{values.size} samples: a t interval needs at least 2, all finite")
    if np.ptp(values) == 0:
        raise ValueError(f"{values.size} samples are all {values[0]}: repetitions of a random measurement must differ")
    stderr = float(values.std(ddof=1)) / math.sqrt(values.size)
    quantile = float(stats.t.ppf((1 + confidence) / 2, values.size - 1))
    return Interval.around(float(values.mean()), quantile * stderr)


def slope_samples(x: Sequence[float], rows: Sequence[Sequence[float]]) -> list[float]:
    """Least-squares slope of log y against log x for each row (one replicate), independent across rows.

    Raises:
        ValueError: fewer than two x, rows of another length, or values that are not positive.
    """
    log_x = np.log(np.asarray(x, dtype=float))
    table = np.asarray(rows, dtype=float)
    if log_x.size < 2 or table.ndim != 2 or table.shape[1] != log_x.size or not (table > 0).all():
        raise ValueError(f"{table.shape} values for {log_x.size} abscissae: needs positive rows of equal length >= 2")
    centred = log_x - log_x.mean()
    return [float(row @ centred / (centred @ centred)) for row in np.log(table)]


def slope_interval(x: Sequence[float], rows: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> Interval:
    """t interval of the exponent: each replicate gives one slope over the whole grid."""
    return mean_interval(slope_samples(x, rows), confidence)


def normal_interval(value: float, stderr: float, confidence: float = CONFIDENCE) -> Interval:
    """Normal interval for a mean of very many samples with a known standard error."""
    return Interval.around(value, float(stats.norm.ppf((1 + confidence) / 2)) * stderr)


def extrapolate(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Limit of y(x) = L + c/x + O(1/x^2) on a grid that doubles: Richardson, with the last change as radius.

    Raises:
        ValueError: fewer than three points, or a grid that does not double.
    """
    if len(x) < 3 or len(x) != len(y) or any(b != 2 * a for a, b in pairwise(x)):
        raise ValueError(f"grid {list(x)}: needs at least three points, each twice the one before")
    improved = [2 * b - a for a, b in pairwise(y)]
    return Interval.around(improved[-1], abs(improved[-1] - improved[-2]))


def sampling(interval: Interval) -> tuple[tuple[str, float], ...]:
    """The error budget of a purely statistical interval."""
    return ((f"sampling, {CONFIDENCE:.0%}", interval.upper - interval.value),)
