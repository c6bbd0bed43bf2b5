"""How many samples the NTK needs as d grows, measured and predicted: what N2 and N7 share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import theory
from verify.cells.kernels import Energies, SamplesToRisk
from verify.cells.search import crossing, shortfall
from verify.claims.controls import scaled, shifted
from verify.claims.hypotheses import differentiable, every, learns, settled, smooth
from verify.claims.plotting import MUTED, SERIES, finish, grid_ticks, plain, power_guide
from verify.judging.claim import Control, Evidence
from verify.judging.rules import DecisionRule, ExactRule, Measurement, Prediction, Rule
from verify.judging.statistics import slope
from verify.predictions.floors import MORE, fewest, floor, half_known
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
FACTOR = 1.6
"""Between neighbours of the coarse grid of n, on which the search for n* ascends."""
FINEST = 1.27
"""Ratio to which the search refines around n*: one bisection of the coarse grid. What the interpolation inside such a
pair errs is computed from the predicted curve and enters the budget."""
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
RIVALS = 6
"""The first draws at each d, on which the rival is measured too: whole exponents are told apart by few."""
BELOW, RISK_SCATTER = 0.3, 0.2
"""Relative distance below the floor that must be seen, and scatter of a draw's risk at most."""


def _at(d: int) -> str:
    return f"log(n* / predicted), d = {d}"


def _floor(n: int, d: int) -> str:
    return f"risk / floor at n = {n}, d = {d}"


def _far(activation: str) -> str:
    return f"exponent of the predicted n*(d), {activation}"


@dataclass(frozen=True)
class Growth:
    """One target as d grows.

    Attributes:
        dense, sparse: energies by degree at k.
        excess: the exponent is k + excess.
        dimensions, width: where the profile keeps the grid of d, and m.
        rival, share: degree of a dense target at k, and the share of its energy to reach, whose n* has the neighbouring
            exponent.
    """

    dense: Callable[[int], Energies]
    sparse: Callable[[int], Energies]
    excess: int
    dimensions: Callable[[Profile], dict[int, tuple[int, ...]]]
    width: Callable[[Profile], dict[int, int]]
    rival: Callable[[int], int]
    share: Callable[[int], float]

    def grid(self, p: Profile) -> tuple[int, ...]:
        """Dimensions d."""
        return self.dimensions(p)[p.k]

    def exponent(self, p: Profile) -> int:
        """Of n*(d)."""
        return p.k + self.excess

    def bounds(self, p: Profile, d: int) -> tuple[int, int]:
        """First and last n of the search: from below n_k to several N(d,k+1), where degree k + 1 is learned too.

        The profile says how many, and grants no more than ``most_samples``.
        """
        first = max(2, theory.cumulative_multiplicity(d, p.k) // 2)
        return first, max(first, min(p.kernels.beyond[p.k] * theory.multiplicity(d, p.k + 1), p.kernels.most_samples))

    def energies(self, p: Profile) -> Energies:
        """Of all parts."""
        return (*self.dense(p.k), *self.sparse(p.k))

    def level(self, p: Profile) -> float:
        """The risk to reach."""
        return SHARE * sum(energy for _, energy in self.energies(p))

    def cells(self, p: Profile, d: int) -> tuple[SamplesToRisk, ...]:
        """The draws at one d.

        At the largest d the risk is also measured where the floor of the part of highest degree is half of its energy.
        """
        (first, last), half = self.bounds(p, d), half_known(d, self.energies(p))
        return tuple(
            SamplesToRisk(
                activation=p.activation_of(replicate),
                device=p.device,
                d=d,
                m=self.width(p)[p.k],
                first=first,
                last=last,
                factor=FACTOR,
                finest=FINEST,
                blind=(half, MORE * half) if d == self.grid(p)[-1] else (),
                dense=self.dense(p.k),
                sparse=self.sparse(p.k),
                level=self.level(p),
                rival=(self.rival(p.k), self.share(p.k)) if replicate < RIVALS else None,
                replicate=replicate,
                base_seed=p.base_seed,
            )
            for replicate in range(p.kernels.rate_replicates)
        )

    def measured(self, p: Profile, evidence: Evidence) -> np.ndarray:
        """n*, (replicates, dimensions); NaN where the search did not end in a crossing."""
        return self._crossings(p, evidence, "", self.level(p))

    def _crossings(self, p: Profile, evidence: Evidence, whose: str, level: float) -> np.ndarray:
        found = [[evidence[cell] for cell in self.cells(p, d)[: RIVALS if whose else None]] for d in self.grid(p)]
        curves = [[(x[f"{whose}samples"], x[f"{whose}risks"]) for x in numbers] for numbers in found]
        return np.array([[crossing(samples, risks, level) for samples, risks in row] for row in curves]).T

    def blind(self, p: Profile, evidence: Evidence, place: int) -> dict[str, list[float]]:
        """The risks beside the floor, at N/2 samples (place 0) or at :data:`MORE` times as many (1)."""
        d = self.grid(p)[-1]
        return {name: [evidence[cell]["blind"][place] for cell in self.cells(p, d)] for name in self.floor(p)}

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
            DecisionRule(
                *(ON_GRID, "mean exponent", "within", ALLOWANCE, off, SCATTER, count, tuple(float(d) for d in grid)),
                groups=len(p.activations),
            ),
            *(ExactRule(_far(activation), "within", FAR_MARGIN) for activation in p.activations),
            *(
                DecisionRule(name, "mean", "above", 0.0, -BELOW, RISK_SCATTER, count, scale="ratio")
                for name in self.floor(p)
            ),
        )

    def floor(self, p: Profile) -> dict[str, Prediction]:
        """The floor at the largest d, of every method that is linear in the labels."""
        d, energies = self.grid(p)[-1], self.energies(p)
        half = half_known(d, energies)
        return {_floor(half, d): Prediction([floor(d, half, energies)] * p.kernels.rate_replicates)}

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
        """The curve n*(d), its exponents, and the floor."""
        return {**self.counts(p), **self.exponents(p), **self.floor(p)}

    def observe(self, p: Profile, evidence: Evidence) -> dict[str, Measurement]:
        """n* of every draw at each d, all together, the predicted curve's own behaviour at large d, and the risk."""
        table, energies, level = self.measured(p, evidence), self.energies(p), self.level(p)
        found = {_at(d): Measurement(row, self.errors(p, d)) for d, row in zip(self.grid(p), table.T, strict=True)}
        found[ON_GRID] = Measurement(by_activation(p, table))
        for activation in p.activations:
            far = far_exponent(activation, energies, level)
            found[_far(activation)] = Measurement(far, budget={"extrapolation in 1/d": far.upper - far.value})
        return {**found, **{name: Measurement(risks) for name, risks in self.blind(p, evidence, 0).items()}}

    def rivals(self, p: Profile, evidence: Evidence) -> dict[str, np.ndarray]:
        """n* of the rival, from the same inputs by the same search, held against the claim's exponent."""
        return {ON_GRID: by_activation(p, self._crossings(p, evidence, "rival ", self.share(p.k)))}

    def obstacles(self, p: Profile, evidence: Evidence) -> tuple[str, ...]:
        """One sentence for each d at which a search ended without the level."""
        found = {}
        for d in self.grid(p):
            curves = [(x["samples"], x["risks"]) for x in (evidence[cell] for cell in self.cells(p, d))]
            most = self.bounds(p, d)[1] == p.kernels.most_samples
            found[d] = shortfall(curves, self.level(p), f"kernels.{'most_samples' if most else 'beyond'}")
        return tuple(f"d = {d}: {sentence}" for d, sentence in found.items() if sentence)

    def errors(self, p: Profile, d: int) -> dict[str, float]:
        """Errors of the mean of log n* that are no matter of chance, averaged over the activations that share it.

        Finite width, and interpolation between two n; their sizes are those on the curve of infinite width.
        """
        energies, level = self.energies(p), self.level(p)
        needed = [samples_needed(a, d, energies, level) for a in p.activations]
        pairs = [tuple(round(n * FINEST**half) for half in (-0.5, 0.5)) for n in needed]
        between = [
            interpolation_error(a, d, energies, level, pair) for a, pair in zip(p.activations, pairs, strict=True)
        ]
        width = 2 * crowding(float(np.mean(needed)), self.width(p)[p.k], d)
        return {"finite width": width, "interpolation": float(np.mean(between))}

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
            f"networks of width {self.width(p)[p.k]}, {len(table)} independent draws at each d, each searched from "
            f"n = n_k/2 up to {p.kernels.beyond[p.k]} N(d,{p.k + 1}), at most {p.kernels.most_samples}, and bracketed "
            f"within a factor {FINEST:g}. Predicted: {expected}. Geometric means of n*/predicted: "
            f"{', '.join(f'{math.exp(x):.3f}' for x in _means(columns))}. By the floor no method that is linear in the "
            f"labels reaches this risk in the mean with fewer than n = "
            f"{', '.join(str(fewest(d, self.level(p), self.energies(p))) for d in grid)}. Censored (no crossing "
            f"found): {int(np.isnan(table).sum())} of {table.size}."
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

    def controls(self, shift: int, planted: str, rival: str) -> tuple[Control, ...]:
        """The rival's data, a neighbour's exponent, a factor on the predicted n*, more samples than are admitted to."""
        return (
            Control(rival, observe=self.rivals, replicates=lambda p: min(RIVALS, p.kernels.rate_replicates)),
            Control(planted, predict=shifted(self.exponents, shift)),
            Control(f"predicted n* {OFF:g} times too large", predict=scaled(self.counts, OFF)),
            Control(
                f"risks of {MORE} times as many samples held against the floor",
                observe=lambda p, evidence: self.blind(p, evidence, 1),
            ),
        )


def by_activation(p: Profile, table: np.ndarray) -> np.ndarray:
    """The rows of one activation after those of another, for statistics by groups."""
    step = len(p.activations)
    return np.concatenate([table[i::step] for i in range(step)])


def _means(columns: np.ndarray) -> list[float]:
    return [float(np.nanmean(c)) if not np.isnan(c).all() else math.nan for c in columns.T]
