r"""Means over the sphere against Gaussian means, for all d at once, from suprema of derivatives.

Let t be a coordinate of a uniform point of the unit sphere in R^D, D = d + 2j, and g have bounded derivatives. Then

.. math:: \Big| E_D[g(\sqrt d\,t)] - E[g(G)] \Big| \le
          \frac{2}{\sqrt\pi}\,\frac{\sup|g'|}{d + 2j - 1} + \frac{j \sup|g''|}{d + 2j} .

The first part is :eq:`stein-bound`, the second changes the scale from sqrt(D) to sqrt(d).

Cruder than :mod:`theory.bounds.all_dimensions`, but every number in it can be checked by hand.
"""

from __future__ import annotations

from flint import arb


def distance_from_gaussian(d: int, steps: int, first: arb, second: arb | None = None) -> arb:
    r"""The module's bound; it falls as d grows.

    Args:
        d: the smallest dimension.
        steps: j >= 0; the sphere lies in R^{d + 2j}.
        first: a bound of sup|g'|.
        second: a bound of sup|g''|, where j > 0.

    Raises:
        ValueError: j > 0 without a second bound, or j < 0.

    Source: docs/mathematics, :eq:`gaussian-comparison`.

    >>> print(distance_from_gaussian(101, 0, arb(1)).str(4, radius=False))
    0.01128
    """
    if steps < 0 or (steps and second is None):
        raise ValueError(f"steps={steps}, second={second}: needs steps >= 0, and a bound of sup|g''| when it is not 0")
    scale = arb(0) if second is None else steps * second / (d + 2 * steps)
    return 2 / arb.pi().sqrt() * first / (d + 2 * steps - 1) + scale
