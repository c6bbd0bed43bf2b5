"""Rules: how one predicted number is held against what was measured, fixed before looking at any data.

A claim is judged comparison by comparison. For each of them it states, under one name, three things that know nothing
of each other: the :class:`Prediction` of theory, the :class:`Measurement`, and the rule. There are two kinds of rules:
a :class:`DecisionRule` for random observations, whose error rates ``escape-ntk calibrate`` simulates, and an
:class:`ExactRule` for measurements that come with a rigorous interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from verify.judging.grade import SAMPLING
from verify.judging.outcome import CONFIDENCE, Comparison, Interval
from verify.judging.statistics import (
    clustered_exponent,
    exponent_interval,
    mean_exponent,
    mean_interval,
    normal_interval,
)
from verify.running.experiment import Unusable

Statistic = Literal["mean", "normal mean", "exponent", "mean exponent", "clustered exponent"]
Scale = Literal["value", "difference", "ratio", "log ratio", "sign"]
Pool = Literal["", "least", "mean", "distance"]
Data: TypeAlias = "Sequence[float] | Sequence[Sequence[float]] | np.ndarray"

POOLS: Mapping[str, Callable[[np.ndarray], float]] = {
    "least": lambda row: float(row.min()),
    "mean": lambda row: float(row.mean()),
    "distance": lambda row: float(np.abs(row).mean()),
}
"""The one number that stands for several."""
CENSORED = 0.1
"""Largest share of observations that may be missing (runs that did not converge) for a rule to conclude."""


@dataclass(frozen=True)
class Prediction:
    """What theory predicts for a comparison, without any knowledge of the data.

    Attributes:
        value: the number; or one for each observation, of the shape of the data or one that NumPy extends to it, for
            rules whose ``scale`` is a difference or a ratio.
        uncertainty: radius of the ball that the value is the middle of.
        budget: name -> size of corrections that the value or its margin contains; they are shown and change nothing.
    """

    value: float | Data
    uncertainty: float = 0.0
    budget: Mapping[str, float] = field(default_factory=dict)

    @staticmethod
    def of(given: Prediction | float) -> Prediction:
        """A number without a ball or corrections is a prediction too."""
        return given if isinstance(given, Prediction) else Prediction(given)


@dataclass(frozen=True)
class Measurement:
    """What was measured for a comparison, without any knowledge of the prediction.

    Attributes:
        data: observations in the shape that the rule states, or the rigorous interval of an exact measurement.
        errors: name -> size of errors that are no matter of chance, by whose sum the interval is widened.
        budget: name -> size of errors that the interval contains already; they are shown and change nothing.
    """

    data: Data | Interval
    errors: Mapping[str, float] = field(default_factory=dict)
    budget: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ExactRule:
    """A comparison without chance: the measurement is an interval that certainly holds the true value.

    Attributes:
        name: what is measured.
        rule: as in :class:`verify.judging.outcome.Comparison`.
        margin: allowed distance of the truth from the prediction; for "encloses" the greatest width of the interval.
        relative: whether the margin is in units of the prediction.
        proved: whether interval and prediction are theorems for all that the claim speaks of, such as every d >= 3, so
            that the comparison proves it and no extrapolation is left.
    """

    name: str
    rule: Literal["within", "encloses", "below", "above"]
    margin: float = 0.0
    relative: bool = False
    proved: bool = False

    def compare(self, prediction: Prediction, measurement: Measurement, share: float = 1.0) -> Comparison:
        """Hold a measured interval against a prediction; there is no level to have a share of.

        Raises:
            ValueError: observations in place of an interval, or errors beside it: they belong into the interval.
        """
        if not isinstance(measurement.data, Interval) or measurement.errors:
            raise ValueError(f"{self.name}: an exact rule needs an interval that contains all errors")
        predicted = _single(self.name, prediction)
        margin = self.margin * abs(predicted) if self.relative else self.margin
        terms = (*measurement.budget.items(), *prediction.budget.items())
        return Comparison(
            self.name, predicted, measurement.data, self.rule, margin, terms, prediction.uncertainty, proved=self.proved
        )


@dataclass(frozen=True)
class DecisionRule:
    """A statistical comparison before its numbers.

    Attributes:
        name: what is measured.
        statistic: "mean" - Student t over ``replicates`` independent observations; "normal mean" - a Monte-Carlo mean
            with its standard error, (value, stderr); "exponent" - slope of log y on log x over ``grid``, ``replicates``
            independent observations at each x, ordinary least squares with HC3 standard error; "mean exponent" - mean
            of the slopes of ``groups``; "clustered exponent" - the observations of a replicate share draws over the
            grid, so each replicate gives one slope.
        rule: "within", "below" or "above".
        margin: allowed distance of the truth from the prediction; 0 for "below" and "above".
        alternative: displacement of the truth from the prediction that must come out FAILS, with its sign.
        noise: standard deviation of one observation, at most; of its logarithm for exponents.
        replicates: independent observations (at each x).
        grid: abscissae of exponents.
        scale: "value" - the statistic of the data is held against the predicted number; "difference", "ratio" and
            "log ratio" - each observation is first reduced by its own prediction, and the statistic is held against
            0, 1 and 0: so activations with predictions of their own can share the repetitions. "sign" - only signs are
            predicted, +1 or -1: each observation is multiplied by its own, and the statistic is held against 0.
        pool: "least", "mean" or "distance" - an observation is several numbers, on the further axes of the data, each
            with a prediction of its own, or with NaN where theory says nothing of it; the least of them, their mean, or
            the mean of their absolute values stands for the observation after the reduction.
        relative: whether margin, alternative and noise are in units of the prediction.
        rounding: observations that agree to this relative distance are taken as free of chance, as theory has it in
            special cases; the interval then spans them.
        groups: of replicates, one after the other, such as activations, with means ("mean"), factors ("exponent") or
            power laws ("mean exponent") of their own; these cost degrees of freedom, and ``noise`` is within a group.
        capped: whether a missing observation is one larger than could be measured, such as a run that did not end in
            its steps. Where it is missing in the upper half of the grid, the exponent of what is left is too small, so
            that a rule "below" never HOLDS on it.
    """

    name: str
    statistic: Statistic
    rule: Literal["within", "below", "above"]
    margin: float
    alternative: float
    noise: float
    replicates: int
    grid: tuple[float, ...] = ()
    scale: Scale = "value"
    relative: bool = False
    rounding: float = 0.0
    pool: Pool = ""
    groups: int = 1
    capped: bool = False

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
            raise ValueError(
                f"{self.name}: data of shape {table.shape}, and the rule was stated for {shape}; let observe give as "
                f"many observations as the rule's replicates and grid say"
            )
        missing = int(np.isnan(table).sum())
        if missing > CENSORED * table.size:
            known = table[~np.isnan(table)]
            return Interval.unknown(float(known.mean()) if known.size else 0.0), missing
        if self.statistic == "normal mean":
            return normal_interval(float(table[0]), float(table[1])), missing
        if self.statistic == "mean":
            return mean_interval(table.tolist(), self.groups), missing
        if self.statistic == "exponent":
            return exponent_interval(self.grid, table, self.groups), missing
        if self.statistic == "mean exponent":
            return mean_exponent(self.grid, table, self.groups), missing
        return clustered_exponent(self.grid, table[~np.isnan(table).any(axis=1)]), missing

    def compare(self, prediction: Prediction, measurement: Measurement, share: float = 1.0) -> Comparison:
        """Hold measured numbers against a prediction.

        Args:
            prediction: of this comparison.
            measurement: of it.
            share: of the interval's level 1 - :data:`CONFIDENCE`, in (0, 1].

        Raises:
            ValueError: an interval in place of observations, or data of another shape than the rule was stated for.
            Unusable: observations that are no numbers, such as texts: NumPy would read "0.5" as a number.
        """
        if isinstance(measurement.data, Interval):
            raise ValueError(f"{self.name}: a statistical rule needs observations, not an interval")
        predicted, data = self.reduced(prediction, _observations(self.name, measurement.data))
        unit = abs(predicted) if self.relative else 1.0
        budget = (*measurement.errors.items(), *measurement.budget.items(), *prediction.budget.items())
        spread, middle = (float(np.ptp(data)), float(data.mean())) if data.size else (math.nan, math.nan)
        if spread <= self.rounding * abs(middle) and self.rounding:
            measured, terms = Interval.around(middle, spread), (("rounding", spread), *budget)
        else:
            measured, missing = self.interval(data)
            slack, confidence = sum(measurement.errors.values()), 1 - share * (1 - CONFIDENCE)
            measured = measured.at(confidence, slack)
            chance = measured.upper - measured.value - slack
            if self.capped and self.rule == "below" and self._hides_growth(data):
                measured = replace(measured, upper=math.inf)
            terms = ((f"{SAMPLING}, {100 * confidence:.6g}%", chance), *budget)
            if missing:
                terms = (*terms, ("censored observations", float(missing)))
        return Comparison(
            self.name,
            predicted,
            measured,
            self.rule,
            self.margin * unit,
            terms,
            prediction.uncertainty,
            grid=self.grid,
            rival=predicted + self.alternative * unit,
        )

    def _hides_growth(self, data: np.ndarray) -> bool:
        """Whether something is missing at an abscissa above the middle, where more would make the exponent larger."""
        log_x = np.log(np.asarray(self.grid))
        return bool(np.isnan(data)[:, log_x > log_x.mean()].any())

    def reduced(self, prediction: Prediction, data: np.ndarray) -> tuple[float, np.ndarray]:
        """The number that the statistic is held against, and the observations reduced by their own predictions."""
        if self.scale == "value":
            return _single(self.name, prediction), data
        own = np.asarray(prediction.value, dtype=float)
        if self.scale == "difference":
            predicted, reduced = 0.0, data - own
        elif self.scale == "sign":
            predicted, reduced = 0.0, data * own
        else:
            predicted, reduced = (1.0, data / own) if self.scale == "ratio" else (0.0, np.log(data / own))
        if self.pool:
            rows = reduced.reshape(len(reduced), -1)
            told = np.broadcast_to(~np.isnan(own), reduced.shape).reshape(rows.shape)
            one = POOLS[self.pool]
            reduced = np.array([one(row[there]) for row, there in zip(rows, told, strict=True)])
        return predicted, reduced

    def simulate(self, displacement: float, generator: np.random.Generator) -> Comparison:
        """The comparison when the truth lies ``displacement`` from a prediction of 0, with normal errors."""
        return self.judge_simulated(self.simulated(displacement, generator))

    def judge_simulated(self, data: Data, share: float = 1.0) -> Comparison:
        """The comparison of simulated data, which are reduced already, with a prediction of 0."""
        raw = replace(self, scale="value", relative=False, rounding=0.0, pool="")
        return raw.compare(Prediction(0.0), Measurement(data), share)

    def repeated(self, factor: int) -> DecisionRule:
        """The rule for so many times the repetitions; a Monte-Carlo mean has a noise that is smaller by the root."""
        if self.statistic == "normal mean":
            return replace(self, noise=self.noise / math.sqrt(factor))
        return replace(self, replicates=self.replicates * factor)

    def joined(self, first: Data, second: Data) -> Data:
        """Two simulated data of the same repetitions as one."""
        if self.statistic == "normal mean":
            return [(float(first[0]) + float(second[0])) / 2, float(first[1]) / math.sqrt(2)]  # type: ignore[arg-type]
        return np.concatenate([first, second])

    def simulated(self, displacement: float, generator: np.random.Generator) -> Data:
        """Reduced observations with normal errors, when the truth lies ``displacement`` from a prediction of 0."""
        if self.statistic == "normal mean":
            return [displacement + self.noise * generator.normal(), self.noise]
        if self.statistic == "mean":
            return displacement + self.noise * generator.normal(size=self.replicates)
        log_x = np.log(np.asarray(self.grid))
        errors = self.noise * generator.normal(size=(self.replicates, len(self.grid)))
        if self.statistic == "clustered exponent":
            errors += self.noise * generator.normal(size=(self.replicates, 1))
        return np.exp(displacement * log_x + errors)

    @property
    def edges(self) -> tuple[float, ...]:
        """The admitted truths nearest to FAILS, where false FAILS are most frequent."""
        return (-self.margin, self.margin) if self.rule == "within" else (0.0,)


Rule: TypeAlias = DecisionRule | ExactRule


def _single(name: str, prediction: Prediction) -> float:
    """The predicted number, where there must be one."""
    if not isinstance(prediction.value, int | float):
        raise ValueError(f"{name}: the rule holds one number against the data; give a float, or a rule with a scale")
    return float(prediction.value)


def _observations(name: str, data: Data) -> np.ndarray:
    """The data as floats: numbers, or None for one that is missing."""
    try:
        found = np.asarray(data)
        known = found.dtype.kind in "fiu" or all(
            one is None or (isinstance(one, int | float) and not isinstance(one, bool))
            for one in found.ravel().tolist()
        )
        if known:
            return found.astype(float)
    except (ValueError, OverflowError):  # lists of different lengths; an integer beyond every float
        pass
    raise Unusable(f"{name}: its records hold what is no number, so they are not those of a run; measure again")
