"""The learning curve of ridge regression with the NTK of infinite width, and where it has its peak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.running.experiment import Cell, Numbers

NODES = 40
"""Chebyshev nodes at which the kernel is computed; it is interpolated between."""
POINTS = 48
"""Nodes per axis of the Gauss rule over w at each of them."""


def summit(samples: Sequence[float], risks: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """(n, risk) at the largest risk of a curve.

    Between the points of the grid, the top of the parabola through the largest and its two neighbours, log risk over
    log n; at an end of the grid, the end itself.
    """
    x, y = np.log(np.asarray(samples, dtype=float)), np.log(np.asarray(risks, dtype=float))
    top = int(y.argmax())
    if top in (0, len(y) - 1):
        return float(samples[top]), float(risks[top])
    near = slice(top - 1, top + 2)
    bend, slope, level = np.polyfit(x[near] - x[top], y[near], 2)
    place = -slope / (2 * bend)
    return float(np.exp(x[top] + place)), float(np.exp(level + slope * place / 2))


class NoisyCurve(Cell):
    """Test risk of ridge regression with the NTK of infinite width, its mean over the labels' noise taken exactly.

    With noise of variance s^2 in the labels, the risk on fresh noisy labels is ``bias`` + s^2 (1 + ``variance``), where
    variance = E_x |(K + ridge)^{-1} k(x)|^2. The first n of the largest sample are the training set of size n, and all
    draws average over their own targets and test points.

    Numbers, each a table (ridge, n): ``bias``, the risk without noise; ``variance``.

    Attributes:
        activation, d: of the kernel.
        degree: of the targets, dense harmonics of energy 1.
        samples: n, increasing.
        ridges: in units of K(x,x); 0 is no ridge at all.
        tests, targets: test points and targets.
    """

    activation: str
    d: int
    degree: int
    samples: tuple[int, ...]
    ridges: tuple[float, ...]
    tests: int
    targets: int

    def run(self) -> Numbers:
        from verify.cells.peaks_run import noisy_curve

        return noisy_curve(self)

    @property
    def cost(self) -> float:
        """The triangular solves."""
        return float(len(self.ridges) * sum(n**2 * (n / 6 + self.tests) for n in self.samples))
