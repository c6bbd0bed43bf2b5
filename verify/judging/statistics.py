"""Intervals for random measurements. Every interval states its confidence; none is computed from a prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from verify.judging.outcome import Interval
from verify.running.experiment import Unusable


def mean_interval(samples: Sequence[float], groups: int = 1) -> Interval:
    r"""Student t interval of the mean of independent samples; with groups, of the mean of the groups' own means.

    .. math:: \frac1G \sum_g \bar x_g \pm t_{N-G}\, \frac sG \sqrt{\sum_g 1/n_g},\qquad
        s^2 = \frac{1}{N-G} \sum_{g,i} (x_{gi} - \bar x_g)^2 .

    Groups such as activations are the same in every run: how far their means lie apart is no matter of chance.

    Args:
        samples: (N,); NaN is a missing one.
        groups: G, of samples that have means of their own, one after the other and as equal in size as can be
            (``np.array_split``).

    Raises:
        Unusable: a group without samples, no more than one sample a group, one that is infinite, or samples that do
            not differ (the same draw repeated).
    """
    parts = [part[~np.isnan(part)] for part in np.array_split(np.asarray(samples, dtype=float), groups)]
    sizes = np.array([part.size for part in parts])
    values, dof = np.concatenate(parts), int(sizes.sum()) - groups
    if dof < 1 or not sizes.all() or not np.isfinite(values).all():
        needed = "at least 2" if groups == 1 else f"at least {groups + 1}, some of each of {groups} groups"
        raise Unusable(f"{values.size} samples: a t interval needs {needed}, all finite")
    left = np.concatenate([part - part.mean() for part in parts])
    if all(np.ptp(part) == 0 for part in parts):
        raise Unusable(f"{values.size} samples are all {values[0]}: repetitions of a random measurement must differ")
    mean = float(np.mean([part.mean() for part in parts]))
    scatter = math.sqrt(float(left @ left) / dof)
    return Interval.student(mean, scatter * math.sqrt(float((1 / sizes).sum())) / groups, dof)


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


def mean_exponent(x: Sequence[float], rows: np.ndarray | Sequence[Sequence[float]], groups: int) -> Interval:
    r"""Mean of the exponents of groups, y ~ c_g x^{p_g}, each fitted as by :func:`exponent_interval`.

    .. math:: p = \frac1G \sum_g p_g, \qquad V = \frac1{G^2} \sum_g V_g,

    a t interval with N - 2G degrees of freedom.

    Args:
        x: abscissae.
        rows: (replicates, len(x)); NaN is a missing observation.
        groups: G, of rows, one after the other and as equal in size as can be (``np.array_split``); groups without a
            row are left out.

    Raises:
        Unusable: a group with rows of which no exponent can be fitted.
    """
    parts = [part for part in np.array_split(np.asarray(rows, dtype=float), groups) if len(part)]
    fits = [exponent_interval(x, part) for part in parts]
    mean, stderr = math.fsum(fit.value for fit in fits) / len(fits), math.hypot(*(fit.stderr for fit in fits))
    return Interval.student(mean, stderr / len(fits), sum(fit.dof for fit in fits))


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
