"""Decision rules: how a statistical comparison is made, as data, so that the same rule judges and is calibrated.

A rule fixes the statistic, the number of observations, the margin and the alternative that it must detect before
anything is measured. ``compare`` judges measured numbers with it; ``simulate`` feeds it numbers of a known truth, which
is what ``escape-ntk calibrate`` counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from verify.judging.outcome import CONFIDENCE, Comparison, Interval
from verify.judging.statistics import clustered_exponent, exponent_interval, mean_interval, normal_interval

Statistic = Literal["mean", "normal mean", "exponent", "clustered exponent"]

Data = Sequence[float] | Sequence[Sequence[float]] | np.ndarray

CENSORED = 0.1
"""Largest share of observations that may be missing (runs that did not converge) for a rule to conclude."""


@dataclass(frozen=True)
class DecisionRule:
    """A statistical comparison before its numbers.

    Attributes:
        name: what is measured.
        statistic: "mean" - Student t over ``replicates`` independent observations; "normal mean" - a Monte-Carlo mean
            with its standard error, (value, stderr); "exponent" - slope of log y on log x over ``grid``, ``replicates``
            independent observations at each x, ordinary least squares with HC3 standard error; "clustered exponent" -
            the observations of a replicate share draws over the grid, so each replicate gives one slope.
        rule: "within", "below" or "above".
        margin: allowed distance of the truth from the prediction; 0 for "below" and "above".
        alternative: displacement of the truth from the prediction that must come out FAILS, with its sign.
        noise: standard deviation of one observation, at most; of its logarithm for exponents.
        replicates: independent observations (at each x).
        grid: abscissae of exponents.

    Margin, alternative and noise are in units of ``scale``, an argument of :meth:`compare`.
    """

    name: str
    statistic: Statistic
    rule: Literal["within", "below", "above"]
    margin: float
    alternative: float
    noise: float
    replicates: int
    grid: tuple[float, ...] = ()

    def interval(self, data: Data) -> tuple[Interval, int]:
        """The interval, and how many observations were missing (NaN).

        Args:
            data: (replicates,) for means; (value, stderr) for "normal mean"; (replicates, grid) for exponents.

        Raises:
            ValueError: another shape than the rule was calibrated for.
        """
        table = np.asarray(data, dtype=float)
        shape = {"mean": (self.replicates,), "normal mean": (2,)}.get(self.statistic, (self.replicates, len(self.grid)))
        if table.shape != shape:
            raise ValueError(f"{self.name}: data of shape {table.shape}: the rule was stated for {shape}")
        missing = int(np.isnan(table).sum())
        if missing > CENSORED * table.size:
            known = table[~np.isnan(table)]
            return Interval.unknown(float(known.mean()) if known.size else 0.0), missing
        if self.statistic == "normal mean":
            return normal_interval(float(table[0]), float(table[1])), missing
        if self.statistic == "mean":
            return mean_interval(table[~np.isnan(table)].tolist()), missing
        if self.statistic == "exponent":
            return exponent_interval(self.grid, table), missing
        return clustered_exponent(self.grid, table[~np.isnan(table).any(axis=1)]), missing

    def compare(
        self,
        label: str,
        predicted: float,
        data: Data,
        scale: float = 1.0,
        budget: tuple[tuple[str, float], ...] = (),
        slack: float = 0.0,
        uncertainty: float = 0.0,
    ) -> Comparison:
        """Hold measured numbers against a prediction.

        Args:
            label: which number.
            predicted: from theory.
            data: as for :meth:`interval`.
            scale: unit of margin and noise, such as the prediction itself for a relative margin.
            budget: further terms of the error budget; ``slack`` must be their sum.
            slack: error that is no matter of chance, by which the interval is widened.
            uncertainty: of the prediction itself, such as the radius of its ball.
        """
        measured, missing = self.interval(data)
        if slack and math.isfinite(measured.lower):
            measured = Interval.student(measured.value, measured.stderr, measured.dof, slack)
        terms = ((f"sampling, {CONFIDENCE:.0%}", measured.upper - measured.value - slack), *budget)
        if missing:
            terms = (*terms, ("censored observations", float(missing)))
        return Comparison(label, predicted, measured, self.rule, self.margin * abs(scale), terms, uncertainty)

    def simulate(self, displacement: float, generator: np.random.Generator) -> Comparison:
        """The comparison when the truth lies ``displacement`` from a prediction of 0, with normal errors."""
        if self.statistic == "normal mean":
            return self.compare(self.name, 0.0, [displacement + self.noise * generator.normal(), self.noise])
        if self.statistic == "mean":
            return self.compare(self.name, 0.0, displacement + self.noise * generator.normal(size=self.replicates))
        log_x = np.log(np.asarray(self.grid))
        errors = self.noise * generator.normal(size=(self.replicates, len(self.grid)))
        if self.statistic == "clustered exponent":
            errors += self.noise * generator.normal(size=(self.replicates, 1))
        return self.compare(self.name, 0.0, np.exp(displacement * log_x + errors))

    @property
    def edges(self) -> tuple[float, ...]:
        """The admitted truths nearest to FAILS, where false FAILS are most frequent."""
        return (-self.margin, self.margin) if self.rule == "within" else (0.0,)
