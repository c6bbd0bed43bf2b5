"""Cells of n*(d): how many samples a way of learning needs to reach a risk."""

from __future__ import annotations

import math

from verify.cells.training import Arm, Training, Weights, kernel_cost, step_cost
from verify.running.experiment import Numbers

RIDGES = (1e-2, 3.0)
"""Candidates for the ridge of kernel regression, far below the implicit ridge of the higher degrees and about it; the
better one on the test points counts, which favours the kernel."""


class SamplesToLearn(Training):
    """Test risks of one arm over growing n, until every draw has fallen to ``level`` and n* is bracketed.

    n runs from ``first`` to ``last`` by factors of ``factor`` until a draw is at or below the level, then bisection
    narrows its bracket to a ratio of at most ``finest`` (:func:`verify.cells.search.bracket`). The inputs of a draw are
    nested. Networks that are asked for the same n are trained as one batch.

    Attributes:
        draws: in the batch. weights: l1 and l4. limit: largest n that is affordable, whatever ``last`` says.

    Numbers, a list over the draws each: ``samples``, increasing, and at each of them the test risks at the end,
    ``risks``, and at half the steps, ``halfway``.

    Cost: some three times that of training at the largest n.
    """

    arm: Arm
    draws: int
    weights: Weights
    level: float
    first: int
    last: int
    limit: int
    factor: float = 2.0
    finest: float = 1.5

    @property
    def cost(self) -> float:
        """Multiplications of all steps and draws at the geometric mean of the range; the NTK needs about last/4."""
        if self.arm == "ntk":
            return self.draws * kernel_cost(min(self.last // 4, self.limit), self.m, self.d, len(RIDGES))
        n = round(math.sqrt(self.first * min(self.last, self.limit)))
        return self.draws * self.steps * step_cost(self.arm, self.model, n, self.m, self.d)

    def run(self) -> Numbers:
        from verify.cells.sample_counts_run import samples_to_learn

        return samples_to_learn(self)
