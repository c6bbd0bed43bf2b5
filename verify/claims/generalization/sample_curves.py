"""How many samples an arm needs as d grows: what N3 and N4 measure, and what they would see of another truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import theory
from verify.cells.sample_counts import SamplesToLearn
from verify.cells.search import bracket, coarse_grid, crossing
from verify.cells.training import Arm, Kind
from verify.claims.activations import SETTLED, affordable
from verify.judging.chance import Chance
from verify.judging.claim import Evidence
from verify.judging.statistics import slope
from verify.predictions.learning_curves import samples_needed
from verify.predictions.sample_counts import Drifts, drifts, r4_weight, sample_scale
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

QUADRATIC_STEPS = 0.4
"""Steps of the QuadNTK alone relative to the others: it has no directions of small curvature to wait for."""
TYPICAL: dict[Arm, float] = {"joint": 3.2, "quadntk": 2.2}
"""n*/(A d^k) at the smallest d of a simulation; 2.7 to 3.4 and 2.2 on the base seeds 100 to 103."""
SCATTER: dict[Arm, float] = {"joint": 0.12, "quadntk": 0.175, "ntk": 0.105}
"""Standard deviation of log n* of a draw: 0.118 in 192 draws, 0.174 in 384 and 0.098 to 0.109 in 288 of these seeds."""
WOBBLE = 0.03
"""Standard deviation of the logarithm of one risk of a curve about its own law, in a simulation."""
STEEPNESS = 1.5
"""Of a simulated curve, risk = energy / (1 + c (n/n*)^STEEPNESS); its local slope is then -1 about the level."""
LAST_HALF = 0.07
"""What the risk falls by in the second half of the steps, in a simulation."""


@dataclass(frozen=True)
class SampleCurves:
    """The curves of one target.

    Attributes:
        arm: the way of learning.
        target: what it learns.
    """

    arm: Arm
    target: Kind

    def level(self, p: Profile) -> float:
        """The risk to reach."""
        return p.training.joint_risk if self.target == "joint" else p.training.sparse_risk

    def energy(self) -> float:
        """Of the target."""
        return 2.0 if self.target == "joint" else 1.0

    def grid(self, p: Profile) -> tuple[int, ...]:
        """Dimensions d."""
        return p.training.dimensions[p.k]

    def drifts(self, p: Profile) -> Drifts:
        """What finite d adds to the exponent on the grid."""
        return drifts(affordable(p), p.k, self.grid(p), p.training.width[p.k], self.level(p))

    def averaged(self, p: Profile, d: int) -> int:
        """Draws whose mean log n* makes one repetition.

        As the square root of what a draw costs, n m d ~ d^(k+2), relative to the largest d, which has one.
        """
        ratio = self.grid(p)[-1] / d
        return max(1, min(p.training.averaged, round(ratio ** (p.k / 2 + 1))))

    def repetitions(self, p: Profile) -> int:
        """Of each activation at each d."""
        return (p.training.repetitions if self.arm == "joint" else p.training.quadratic_repetitions)[p.k]

    def cell(self, p: Profile, activation: str, d: int, arm: Arm | None = None) -> SamplesToLearn:
        """All draws of an activation at one d, with this arm or another on the same draws."""
        s, arm = p.training, arm or self.arm
        share = s.share if self.arm == "joint" else s.quadratic_share
        first = max(2, round(s.first[p.k] * sample_scale(activation, p.k) * d**p.k))
        return SamplesToLearn(
            base_seed=p.base_seed,
            activation=activation,
            device=p.device,
            d=d,
            m=(s.kernel_width if arm == "ntk" else s.width)[p.k] * d,
            k=p.k,
            steps=round(s.steps[p.k] * QUADRATIC_STEPS) if arm == "quadntk" else s.steps[p.k],
            start=s.start,
            target=self.target,
            arm=arm,
            draws=self.repetitions(p) * (1 if arm == "ntk" else self.averaged(p, d)),
            weights=(1.0, r4_weight(activation, p.k, d, share)),
            level=self.level(p),
            first=first,
            last=max(first + 1, 4 * theory.multiplicity(d, p.k + 1)),
            limit=max(first, s.largest_samples),
            finest=s.finest,
        )

    def cells(self, p: Profile, arm: Arm | None = None) -> dict[tuple[str, int], SamplesToLearn]:
        """By activation and d."""
        return {(a, d): self.cell(p, a, d, arm) for a in affordable(p) for d in self.grid(p)}

    def design(self, p: Profile) -> tuple[SamplesToLearn, ...]:
        """The claim's cells and those of the NTK on the same draws."""
        return (*self.cells(p).values(), *self.cells(p, "ntk").values())

    def table(self, p: Profile, evidence: Evidence, arm: Arm | None = None) -> np.ndarray:
        """n*(d), a row for each repetition; NaN where a draw of it is censored.

        Activations are brought to the same geometric mean of n*/d^k: a factor of an activation's own does not touch the
        slope, and would only widen its interval.
        """
        powers = np.array(self.grid(p), dtype=float) ** p.k
        blocks = [np.array([self._column(p, evidence, a, d, arm) for d in self.grid(p)]).T for a in affordable(p)]
        logs = [block - np.log(powers) for block in blocks]
        means = [float(np.nanmean(log)) if not np.isnan(log).all() else 0.0 for log in logs]
        common = math.fsum(means) / len(means)
        return np.concatenate([np.exp(log - mean + common) * powers for log, mean in zip(logs, means, strict=True)])

    def draws(self, p: Profile, evidence: Evidence, activation: str, d: int, arm: Arm | None = None) -> np.ndarray:
        """n* of every draw at one d."""
        cell = self.cell(p, activation, d, arm)
        return np.array([crossing(*curve[:2], cell.level, _settled(*curve[1:])) for curve in _curves(evidence[cell])])

    def _column(self, p: Profile, evidence: Evidence, activation: str, d: int, arm: Arm | None) -> np.ndarray:
        """Means of log n* over the draws of each repetition."""
        logs = np.log(self.draws(p, evidence, activation, d, arm))
        means: np.ndarray = logs.reshape(self.repetitions(p), -1).mean(1)
        return means

    def errors(self, p: Profile, evidence: Evidence) -> dict[str, float]:
        """Errors of the exponent that are no matter of chance.

        What is left of training: with a risk that falls as 1/t towards its end, as much again as in the second half of
        the steps, at the first n at or below the level. Interpolation: on a curve of local slope -1 whose slope
        changes by as much from one n to the next, log n* is off by an eighth of the squared log ratio of the bracket;
        the brackets are multiples of d^k alike at every d, so only the difference between their ratios tilts.
        """
        left, between = [], []
        for d in self.grid(p):
            moves, ratios = [], []
            for activation in affordable(p):
                cell = self.cell(p, activation, d)
                for samples, risks, halfway in _curves(evidence[cell]):
                    end = next((i for i, risk in enumerate(risks) if risk <= cell.level), 0)
                    if end:
                        moves.append(math.log(halfway[end] / risks[end]))
                        ratios.append(math.log(samples[end] / samples[end - 1]) ** 2 / 8)
            left.append(math.exp(float(np.mean(moves))) if moves else math.nan)
            between.append(math.exp(float(np.mean(ratios))) if ratios else math.nan)
        grid = self.grid(p)
        return {"training not at its end": abs(slope(grid, left)), "interpolation": abs(slope(grid, between))}

    def simulate(self, p: Profile, truth: float, chance: Chance) -> Mapping[Cell, Numbers]:
        """Curves of a world in which n*(d) grows as d^(k - 1 + truth), with the corrections of finite d.

        The NTK's grows as predicted. Each draw has a curve energy / (1 + c (n/n*)^s) with a log n* that scatters, each
        of its risks another error; they go through the same search as in a run.
        """
        found: dict[Cell, Numbers] = {}
        drift = self.drifts(p).middle(self.arm == "joint")
        for arm in (self.arm, "ntk"):
            for (activation, d), cell in self.cells(p, arm).items():
                smallest = self.grid(p)[0]
                if arm == "ntk":
                    energies = ((p.k, 1.0), (p.k + 1, 1.0)) if self.target == "joint" else ((p.k + 1, 1.0),)
                    middle = samples_needed(activation, d, energies, cell.level)
                else:
                    unit = sample_scale(activation, p.k) * float(smallest) ** p.k
                    middle = TYPICAL[self.arm] * unit * (d / smallest) ** (p.k - 1 + truth + drift)
                found[cell] = self._curves(cell, middle, chance.of(self.target, activation, d, arm))
        return found

    def _curves(self, cell: SamplesToLearn, middle: float, generator: np.random.Generator) -> Numbers:
        """What a cell would hold when n* scatters about ``middle``."""
        needed = middle * np.exp(SCATTER[cell.arm] * generator.normal(size=cell.draws))
        share = self.energy() / cell.level - 1
        halfway: dict[tuple[int, int], float] = {}
        moved = 0.0 if cell.arm == "ntk" else LAST_HALF

        def risks(n: int, places: tuple[int, ...]) -> list[float]:
            error = np.exp(WOBBLE * generator.normal(size=len(places)))
            end = self.energy() / (1 + share * (n / needed[list(places)]) ** STEEPNESS) * error
            half = end * (1 + moved * generator.uniform(0.5, 1.5, size=len(places)))
            halfway.update(zip([(n, place) for place in places], half.tolist(), strict=True))
            return [float(risk) for risk in end]

        grid = [n for n in coarse_grid(cell.first, cell.last, cell.factor) if n <= cell.limit]
        found = bracket(risks, cell.draws, grid, cell.level, cell.finest)
        return {
            "samples": [[n for n, _ in points] for points in found],
            "risks": [[risk for _, risk in points] for points in found],
            "halfway": [[halfway[n, place] for n, _ in points] for place, points in enumerate(found)],
        }


def _curves(numbers: Numbers) -> Iterator[tuple[list[int], list[float], list[float]]]:
    """Samples, risks and risks at half the steps, draw by draw."""
    return zip(numbers["samples"], numbers["risks"], numbers["halfway"], strict=True)


def _settled(risks: Sequence[float], halfway: Sequence[float]) -> list[bool]:
    return [abs(half / end - 1) <= SETTLED for half, end in zip(halfway, risks, strict=True)]
