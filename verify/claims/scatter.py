"""Scatter of simulated numbers over the widths of a repetition, for worlds in which a claim is judged whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from verify.judging.chance import Chance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def around(
    chance: Chance,
    name: tuple[str | float, ...],
    middles: ArrayLike,
    own: ArrayLike,
    shared: ArrayLike = 0.0,
    count: int = 1,
) -> np.ndarray:
    r"""Positive numbers that scatter about ``middles``, which are their means; (count, widths).

    .. math:: y_{ij} = \mu_j\, e^{s_j z_{ij} + c_j z_i - (s_j^2 + c_j^2)/2}, \qquad z \text{ independent, standard
              normal}

    More repetitions begin with the same ones.

    Args:
        chance: of the world.
        name: of what is drawn.
        middles: means, one for each width (or dimension).
        own: s, standard deviation of the logarithm that each number has of its own; one, or one for each width.
        shared: c, the same of what the numbers of a repetition have in common, such as inputs and targets.
        count: repetitions.
    """
    means = np.atleast_1d(np.asarray(middles, dtype=float))
    own, shared = np.asarray(own, dtype=float), np.asarray(shared, dtype=float)
    logs = own * chance.of(*name, "own").standard_normal((count, len(means)))
    logs = logs + shared * chance.of(*name, "shared").standard_normal((count, 1))
    return np.asarray(means * np.exp(logs - (own**2 + shared**2) / 2))


def middle(grid: ArrayLike) -> float:
    """Geometric mean: where worlds with another exponent agree with theory, so that constants tell them apart least."""
    return float(np.exp(np.mean(np.log(np.asarray(grid, dtype=float)))))
