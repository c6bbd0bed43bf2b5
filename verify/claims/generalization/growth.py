"""How many samples the NTK needs as d grows, measured and predicted: what N2 and N7 share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.cells.kernels import Energies, SamplesToRisk
from verify.cells.search import crossing
from verify.claims.controls import scaled, shifted
from verify.claims.hypotheses import differentiable, every, learns, settled, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Control, Evidence
from verify.judging.rules import DecisionRule, ExactRule, Measurement, Prediction, Rule
from verify.judging.statistics import slope
from verify.predictions.learning_curves import (
    FAR,
    crowding,
    far_exponent,
    interpolation_error,
    samples_needed,
)
from verify.sizes.profile import Profile

SHARE = 0.25
"""The risk to reach, as a share of the target's energy. The part of highest degree, which holds all of it (N7) or half
(N2), must then be learned by half at least."""
RATIO_MARGIN = 0.1
"""Least margin of log(n* / predicted): the 10 % of N1. Where n* is small the law's own error, of order n*^{-1/2}, is
larger and takes its place."""
ALLOWANCE = 0.1
"""Margin of the exponent on the grid of d against that of the predicted n* there, which holds the correction of finite
d: errors of 5 % of n*, with opposite signs at the ends of a grid that spans a factor of three, tilt a slope by 0.1."""
FAR_MARGIN = 0.02
"""Of the exponent of the predicted n*(d), extrapolated from local exponents at d <= 512, at most 0.03 away."""
OFF = 1.5
"""Factor on n* that must be seen."""
SCATTER = 0.08
"""Standard deviation of log n* of a draw, at most, errors being averaged over eight targets."""
ON_GRID = "exponent of n*(d) on the grid"


def _at(d: int) -> str:
    return f"log(n* / predicted), d = {d}"


def _far(activation: str) -> str:
    return f"exponent of the predicted n*(d), {activation}"


@dataclass(frozen=True)
class Growth:
    """One target as d grows.

    Attributes:
        dense, sparse: energies by degree at k.
        excess: the exponent is k + excess.
        dimensions, ratios, width: where the profile keeps the grids of d and of n / d^{k + excess}, and m.
    """

    dense: Callable[[int], Energies]
    sparse: Callable[[int], Energies]
    excess: int
    dimensions: Callable[[Profile], dict[int, tuple[int, ...]]]
    ratios: Callable[[Profile], dict[int, tuple[float, ...]]]
    width: Callable[[Profile], dict[int, int]]

    def grid(self, p: Profile) -> tuple[int, ...]:
        """Dimensions d."""
        return self.dimensions(p)[p.k]

    def exponent(self, p: Profile) -> int:
        """Of n*(d)."""
        return p.k + self.excess

    def samples(self, p: Profile, d: int) -> tuple[int, ...]:
        """The grid of n at one d."""
        return tuple(round(ratio * d ** self.exponent(p)) for ratio in self.ratios(p)[p.k])

    def energies(self, p: Profile) -> Energies:
        """Of all parts."""
        return (*self.dense(p.k), *self.sparse(p.k))

    def level(self, p: Profile) -> float:
        """The risk to reach."""
        return SHARE * sum(energy for _, energy in self.energies(p))

    def cells(self, p: Profile, d: int) -> tuple[SamplesToRisk, ...]:
        """The draws at one d."""
        return tuple(
            SamplesToRisk(
                activation=p.activation_of(replicate),
                device=p.device,
                d=d,
                m=self.width(p)[p.k],
                samples=self.samples(p, d),
                dense=self.dense(p.k),
                sparse=self.sparse(p.k),
                level=self.level(p),
                replicate=replicate,
                base_seed=p.base_seed,
            )
            for replicate in range(p.kernels.rate_replicates)
        )

    def measured(self, p: Profile, evidence: Evidence) -> np.ndarray:
        """n*, (replicates, dimensions); NaN where the risk does not cross the level inside the grid."""
        return np.array(
            [
                [crossing(cell.samples, evidence[cell]["risks"], cell.level) for cell in self.cells(p, d)]
                for d in self.grid(p)
            ]
        ).T

    def needed(self, p: Profile) -> dict[str, list[float]]:
        """The predicted n* on the grid of d, by activation."""
        energies, level = self.energies(p), self.level(p)
        return {a: [samples_needed(a, d, energies, level) for d in self.grid(p)] for a in p.activations}

    def rules(self, p: Profile) -> tuple[Rule, ...]:
        """n* at each d, its exponent on the grid, and the exponent that the predicted n* tends to."""
        grid, count = self.grid(p), p.kernels.rate_replicates
        smallest = np.min(list(self.needed(p).values()), axis=0)
        margins = [max(RATIO_MARGIN, float(n) ** -0.5) for n in smallest]
        off = 1.0 if self.excess == 0 else -1.0
        return (
            *(
                DecisionRule(*(_at(d), "mean", "within", margin, math.log(OFF), SCATTER, count), scale="log ratio")
                for d, margin in zip(grid, margins, strict=True)
            ),
            DecisionRule(ON_GRID, "exponent", "within", ALLOWANCE, off, SCATTER, count, tuple(float(d) for d in grid)),
            *(ExactRule(_far(activation), "within", FAR_MARGIN) for activation in p.activations),
        )

    def counts(self, p: Profile) -> dict[str, Prediction]:
        """n* of every draw at each d, by its activation."""
        needed, draws = self.needed(p), range(p.kernels.rate_replicates)
        return {_at(d): Prediction([needed[p.activation_of(r)][i] for r in draws]) for i, d in enumerate(self.grid(p))}

    def exponents(self, p: Profile) -> dict[str, Prediction | float]:
        """k + excess, with the correction that the predicted n* has on the grid of d, averaged over the activations."""
        slopes = [slope(self.grid(p), counts) for counts in self.needed(p).values()]
        correction = float(np.mean(slopes)) - self.exponent(p)
        budget = {"correction of finite d, in the prediction": abs(correction)}
        on_grid = Prediction(self.exponent(p) + correction, budget=budget)
        return {ON_GRID: on_grid, **{_far(a): float(self.exponent(p)) for a in p.activations}}

    def predict(self, p: Profile) -> dict[str, Prediction | float]:
        """The curve n*(d) and its exponents."""
        return {**self.counts(p), **self.exponents(p)}

    def observe(self, p: Profile, evidence: Evidence) -> dict[str, Measurement]:
        """n* of every draw at each d, all of them together, and the predicted curve's own behaviour at large d."""
        table, energies, level = self.measured(p, evidence), self.energies(p), self.level(p)
        found = {_at(d): Measurement(row, self.errors(p, d)) for d, row in zip(self.grid(p), table.T, strict=True)}
        found[ON_GRID] = Measurement(self.aligned(p, table))
        for activation in p.activations:
            far = far_exponent(activation, energies, level)
            found[_far(activation)] = Measurement(far, budget={"extrapolation in 1/d": far.upper - far.value})
        return found

    def errors(self, p: Profile, d: int) -> dict[str, float]:
        """Errors of the mean of log n* that are no matter of chance, averaged over the activations that share it.

        Finite width, and interpolation on the grid of n; their sizes are those on the curve of infinite width.
        """
        energies, level = self.energies(p), self.level(p)
        needed = [samples_needed(a, d, energies, level) for a in p.activations]
        between = [interpolation_error(a, d, energies, level, self.samples(p, d)) for a in p.activations]
        width = 2 * crowding(float(np.mean(needed)), self.width(p)[p.k], d)
        return {"finite width": width, "interpolation": float(np.mean(between))}

    def aligned(self, p: Profile, table: np.ndarray) -> np.ndarray:
        """n* with each activation's own measured power law in d replaced by the mean of all.

        Its factor and, at small d, its exponent differ from the others'; neither changes the mean exponent, and both
        would only widen its interval. Activations with too few crossings for a fit are left as they are.
        """
        logs, step = np.log(table), len(p.activations)
        fits = []
        for i in range(step):
            known = ~np.isnan(logs[i::step])
            x = np.broadcast_to(np.log(self.grid(p)), known.shape)[known]
            fits.append(np.polyfit(x, logs[i::step][known], 1) if np.unique(x).size > 1 else None)
        complete = [fit for fit in fits if fit is not None]
        for i, fit in enumerate(fits):
            if fit is not None:
                logs[i::step] += np.polyval(np.mean(complete, axis=0) - fit, np.log(self.grid(p)))
        return np.exp(logs)

    def describe(self, p: Profile, evidence: Evidence) -> str:
        """How it was measured, with the predicted n* and the measured ones relative to them."""
        grid, table, needed = self.grid(p), self.measured(p, evidence), self.needed(p)
        columns = np.array([np.log(row / needed[p.activation_of(r)]) for r, row in enumerate(table)])
        expected = "; ".join(
            f"{a}: {', '.join(f'{n:.0f}' for n in counts)} (exponent {slope(grid, counts):.2f})"
            for a, counts in needed.items()
        )
        return (
            f"n*(d): samples with which the NTK at its best ridge reaches risk {self.level(p):g} of energy "
            f"{sum(e for _, e in self.energies(p)):g}, d = {', '.join(map(str, grid))}, Gram matrices of random "
            f"networks of width {self.width(p)[p.k]}, {len(table)} independent draws at each d, by log-log "
            f"interpolation on n/d^{self.exponent(p)} = {', '.join(f'{r:g}' for r in self.ratios(p)[p.k])}. "
            f"Predicted: {expected}. Geometric means of n*/predicted: "
            f"{', '.join(f'{math.exp(x):.3f}' for x in _means(columns))}. Censored (no crossing inside the grid): "
            f"{int(np.isnan(table).sum())} of {table.size}."
        )

    def figure(self, p: Profile, evidence: Evidence, ax: Any) -> None:
        """n* of every draw, the predicted curves, and two slopes."""
        grid, table, needed = self.grid(p), self.measured(p, evidence), self.needed(p)
        for i, activation in enumerate(p.activations):
            for j, row in enumerate(table[i :: len(p.activations)]):
                label = plain(activation) if j == 0 else None
                ax.loglog(grid, row, "o", color=SERIES[i % len(SERIES)], ms=4, mfc="none", label=label)
            ax.loglog(grid, needed[activation], "-", color=SERIES[i % len(SERIES)], lw=1.2)
        first = min(counts[0] for counts in needed.values()) / 1.3
        power_guide(ax, grid, first, self.exponent(p), f"slope {self.exponent(p)}")
        other = self.exponent(p) + (1 if self.excess == 0 else -1)
        far = first * (np.array(grid) / grid[0]) ** other
        ax.plot(grid, far, ":", color=MUTED, lw=1.2, label=f"slope {other}")
        grid_ticks(ax, grid)
        finish(ax, "dimension d", "samples n*")

    def design(self, p: Profile) -> tuple[SamplesToRisk, ...]:
        """All draws."""
        return tuple(cell for d in self.grid(p) for cell in self.cells(p, d))

    def hypotheses(self) -> tuple[Callable[[Profile], None], ...]:
        """Every degree up to the target's must be learnable at the smallest d, and have its order in d by the largest.

        Where the leading term of a Lambda_l vanishes, degree l is learned later than its power of d says.
        """
        learnable = learns(lambda p: range(self.exponent(p) + 1), lambda p: self.grid(p)[0])
        leading = settled(lambda p: range(1, self.exponent(p) + 1), lambda p: FAR[-1])
        return every(differentiable(1)), every(smooth), every(learnable), every(leading)

    def controls(self, shift: int, planted: str) -> tuple[Control, ...]:
        """A neighbour's exponent, and a factor on the predicted n*."""
        return (
            Control(planted, predict=shifted(self.exponents, shift)),
            Control(f"predicted n* {OFF:g} times too large", predict=scaled(self.counts, OFF)),
        )


def _means(columns: np.ndarray) -> list[float]:
    return [float(np.nanmean(c)) if not np.isnan(c).all() else math.nan for c in columns.T]
