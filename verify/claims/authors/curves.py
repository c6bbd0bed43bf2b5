"""Curves of a run on the figure's axis, log_d t, and the cells of the two claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from verify.cells.authors import AuthorsRun
from verify.claims.authors.published import GRID, PANELS, READING, SEEDS, SPREAD
from verify.claims.plotting import SERIES, finish
from verify.judging.claim import Evidence
from verify.sizes.profile import Profile

AXIS = r"$\log_d t$"
LABELS = {"r1": "R1, sum over the training inputs", "train": "train loss", "test": "test loss"}


class Curves:
    """The curves of one run; a run that diverged has none, and everything read from it is NaN.

    Args:
        cell: the run. numbers: what it gave.

    Attributes:
        x: log_d (t + 1) at the records, as the figure has it. n: training inputs.
    """

    def __init__(self, cell: AuthorsRun, numbers: Mapping[str, Sequence[float]]) -> None:
        self.x = np.log1p(np.asarray(numbers["step"], dtype=float)) / math.log(cell.d)
        self.n, self._numbers = cell.n, numbers

    def values(self, name: str) -> np.ndarray:
        """A curve over the records; "r1" as a sum over the training inputs."""
        found = np.asarray(self._numbers[name], dtype=float)
        return found * self.n if name == "r1" else found

    def at(self, name: str, x: float) -> float:
        """A curve at log_d t, between records by a straight line."""
        return float(np.interp(x, self.x, self.values(name))) if len(self.x) else math.nan

    def end(self, name: str) -> float:
        """Its last value."""
        return float(self.values(name)[-1]) if len(self.x) else math.nan

    def mean(self, name: str, low: float, high: float) -> float:
        """Its mean over an interval of log_d t."""
        if not len(self.x):
            return math.nan
        return float(np.mean(np.interp(np.linspace(low, high, 201), self.x, self.values(name))))

    def falls(self, name: str, level: float) -> float:
        """log_d t at which it first falls through a level; NaN where it does not."""
        values = self.values(name)
        below = np.flatnonzero((values[:-1] > level) & (values[1:] <= level))
        if not below.size:
            return math.nan
        i = int(below[0])
        share = (values[i] - level) / (values[i] - values[i + 1])
        return float(self.x[i] + share * (self.x[i + 1] - self.x[i]))


def samples(d: int) -> int:
    """n = d^(3/2), 1000 at d = 100."""
    return round(d**1.5)


def run(p: Profile, d: int, steps: int, seed: int, training: float, fresh: float = 0.0) -> AuthorsRun:
    """A run of the profile with these weights of the means over training and over fresh inputs."""
    return AuthorsRun(
        base_seed=p.base_seed,
        replicate=seed,
        device=p.device,
        d=d,
        m=d**2,
        n=samples(d),
        steps=steps,
        training=training,
        fresh=fresh,
        points=p.authors.points,
    )


def curves(evidence: Evidence, cells: Sequence[AuthorsRun]) -> list[Curves]:
    """The curves of these runs."""
    return [Curves(cell, evidence[cell]) for cell in cells]


def panels(figure: Any, shown: Mapping[str, Sequence[Curves]], published: Sequence[float] = ()) -> None:
    """Three panels as in the authors' figure: a line for each entry, the mean over its runs, and the span of them.

    Args:
        figure: to draw on.
        shown: label -> runs.
        published: for each entry in turn the lambda whose published values are drawn beside it as markers; none when
            empty.
    """
    axes = figure.subplots(1, 3)
    for ax, (name, by_strength) in zip(axes, PANELS.items(), strict=True):
        for i, (label, found) in enumerate(shown.items()):
            whole = [one for one in found if len(one.x)]
            if not whole:
                continue
            rows = np.array([np.interp(whole[0].x, one.x, one.values(name)) for one in whole])
            ax.plot(whole[0].x, rows.mean(0), color=SERIES[i], lw=1.3, label=label)
            if len(rows) > 1:
                ax.fill_between(whole[0].x, rows.min(0), rows.max(0), color=SERIES[i], alpha=0.2, lw=0)
            if i < len(published):
                marks(ax, name, published[i], SERIES[i], by_strength)
        if name != "r1":
            ax.set_ylim(bottom=-0.02)
        finish(ax, AXIS, LABELS[name], legend=name == "r1")


def marks(ax: Any, name: str, strength: float, colour: str, rows: Mapping[float, Sequence[float | None]]) -> None:
    """The published values of one lambda in one panel, with the error of reading, and of three seeds at the end."""
    seen = [(x, y) for x, y in zip(GRID, rows[strength], strict=True) if y is not None]
    errors = [READING[name]] * len(seen)
    if name == "test" and seen:
        errors[-1] += SPREAD[strength] / math.sqrt(SEEDS)
    x, y = zip(*seen, strict=True)
    ax.errorbar(x, y, errors, fmt="o", ms=3, color=colour, mfc="none", lw=0.8, capsize=1.5)
