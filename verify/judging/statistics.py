"""Intervals for random measurements. Every interval states its confidence; none is computed from a prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from verify.judging.outcome import Interval
from verify.running.experiment import Unusable


def mean_interval(samples: Sequence[float]) -> Interval:
    """Student t interval of the mean of independent samples.

    Raises:
        Unusable: fewer than two samples, one that is not finite, or all equal (the same draw repeated).
    """
    values = np.asarray(samples, dtype=float)
    if values.size < 2 or not np.isfinite(values).all():
        raise Unusable(f"{values.size} samples: a t interval needs at least 2, all finite")
    if np.ptp(values) == 0:
        raise Unusable(f"{values.size} samples are all {values[0]}: repetitions of a random measurement must differ")
    stderr = float(values.std(ddof=1)) / math.sqrt(values.size)
    return Interval.student(float(values.mean()), stderr, values.size - 1)


def exponent_interval(x: Sequence[float], rows: np.ndarray | Sequence[Sequence[float]], groups: int = 1) -> Interval:
    r"""Exponent of y ~ x^p from independent observations: least squares of log y on log x with HC3 standard error.

    .. math:: V = (X^T X)^{-1} X^T \mathrm{diag}\big(e_i^2/(1-h_i)^2\big) X (X^T X)^{-1},

    e the residuals and h the leverages; a t interval with N - 1 - ``groups`` degrees of freedom. HC3 stays valid when
    the spread of log y depends on x (MacKinnon and White 1985).

    Args:
        x: abscissae.
        rows: (replicates, len(x)); NaN is a missing observation.
        groups: of rows, one after the other and as equal in size as can be (``np.array_split``), that have factors of
            their own, y ~ c_g x^p: each costs a degree of freedom, also where rows were divided by it before.

    Raises:
        Unusable: fewer than two distinct x or groups + 2 observations, or values that are not positive.
    """
    table = np.asarray(rows, dtype=float)
    grid = np.broadcast_to(np.asarray(x, dtype=float), table.shape)
    known = ~np.isnan(table)
    values, places = table[known], grid[known]
    if values.size < groups + 2 or np.unique(places).size < 2 or not (values > 0).all():
        raise Unusable(
            f"{values.size} values: an exponent needs at least {groups + 2} positive ones at two abscissae or more"
        )
    sizes = [len(part) for part in np.array_split(np.arange(len(table)), groups)]
    group = np.broadcast_to(np.repeat(np.arange(groups), sizes)[:, None], table.shape)[known]
    present = np.unique(group)
    design = np.column_stack([group[:, None] == present, np.log(places)]).astype(float)
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ np.log(values)
    residuals = np.log(values) - design @ coefficients
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    # A leverage of one (a single observation at its x) is fitted exactly and tells nothing of the error.
    scaled = residuals / np.maximum(1 - leverage, 1e-12)
    covariance = inverse @ (design.T * scaled**2) @ design @ inverse
    dof = values.size - 1 - present.size
    return Interval.student(float(coefficients[-1]), math.sqrt(max(covariance[-1, -1], 0.0)), dof)


def clustered_exponent(x: Sequence[float], rows: np.ndarray | Sequence[Sequence[float]]) -> Interval:
    """Exponent when the observations of a replicate share draws over the grid: a t interval of one slope each.

    Raises:
        Unusable: fewer than two x, rows of another length, or values that are not positive.
    """
    table = np.asarray(rows, dtype=float)
    if len(x) < 2 or table.ndim != 2 or table.shape[1] != len(x) or not (table > 0).all():
        raise Unusable(f"{table.shape} values for {len(x)} abscissae: needs positive rows of equal length >= 2")
    return mean_interval([slope(x, row) for row in table])


def slope(x: Sequence[float], y: Sequence[float] | np.ndarray) -> float:
    """Least-squares slope of log y on log x."""
    log_x = np.log(np.asarray(x, dtype=float))
    centred = log_x - log_x.mean()
    return float(centred @ np.log(np.asarray(y, dtype=float)) / (centred @ centred))


def normal_interval(value: float, stderr: float) -> Interval:
    """Normal interval for a mean of very many samples with a known standard error."""
    return Interval.student(value, stderr)


def extrapolate(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Limit of y(x) = L + c/x + O(1/x^2) on a grid that doubles: Richardson, with the last change as radius.

    Raises:
        ValueError: fewer than three points, or a grid that does not double.
    """
    if len(x) < 3 or len(x) != len(y) or any(b != 2 * a for a, b in pairwise(x)):
        raise ValueError(f"grid {list(x)}: needs at least three points, each twice the one before")
    improved = [2 * b - a for a, b in pairwise(y)]
    return Interval.around(improved[-1], abs(improved[-1] - improved[-2]))
