r"""What the cells of S5 and S7 would hold if the fluctuations of a network fell as another power of its width.

In a basis of harmonics the covariance is Lambda + E (:mod:`verify.predictions.finite_size`). E is Gaussian with the
moments V_{ll'}, and by symmetry each of its blocks (l, l') has as many free numbers as harmonics of degree |l - l'|, or
somewhat more where both degrees are large; so the sum of squares over a block scatters as chi^2 over its number of
degrees of freedom. Second-order perturbation makes means, spreads and angles of these.

The degrees of freedom and the shares were set on the stored blocks of the base seeds 100 to 103 at quick sizes. There
the means extrapolated in 1/m scatter, relative to Lambda_l, by 0.0012, 0.0030, 0.0009 at degree 0 (k = 1, by
activation) for 0.0010, 0.0030, 0.0010 here; the sums of squared sines by 0.23, 0.21, 0.09 for 0.23, 0.19, 0.07 at k = 1
and 0.15, 0.10, 0.11 for 0.14, 0.08, 0.14 at k = 2; the logarithm of the spread by 0.12 for 0.12 at k = 1 and 0.09 to
0.14 for 0.11 at k = 2. Wider here is Lambda_2 (0.0034 for 0.0088 with erf(z + 1/2)).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

import theory
from verify.cells.subspace import TopBlock
from verify.claims.scatter import middle
from verify.judging.chance import Chance
from verify.predictions.finite_size import Modes, modes
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile, parse

SHARE = {1: 0.3, 2: 0.14}
"""Of the largest squared sine in their sum, by k; 0.22 to 0.69 and 0.11 to 0.15 on the seeds above."""
SHARE_SCATTER = 0.13
"""Of its logarithm; up to 0.25 for tanh(z + 1) at k = 1, where the sum makes up for it."""
FREEDOM = {0: 1.0, 1: 1.3, 2: 6.0}
"""Degrees of freedom of a block over the number of harmonics of degree |l - l'|, by the smaller of l and l': 1 is exact
at 0, where the block is a harmonic; the others are fitted."""
Pulls = dict[tuple[int, int], tuple[float, float, float]]


@lru_cache(maxsize=64)
def _pulls(activation: str, d: int, k: int) -> Pulls:
    """(l, l'), l <= k -> what the mean square of their block does, times m, to mean l, to mean l' and to the sines."""
    law, found = modes(parse(activation), d), {}
    v, counts = law.eigenvalues, law.counts
    for low in range(k + 1):
        for high in range(low + 1, len(v)):
            square = 2 * law.coupling(low, high)
            if not square:
                continue
            gap = float(v[low] - v[high])
            turn = 0.0 if high <= k else float(square * v[high] / v[low]) / gap**2
            found[low, high] = (square / gap / counts[low], -square / gap / counts[high], turn)
    return {pair: (float(a), float(b), c) for pair, (a, b, c) in found.items()}


def _freedom(d: int, low: int, high: int) -> float:
    """Degrees of freedom of a block's sum of squares."""
    return theory.multiplicity(d, high - low) * FREEDOM.get(low, FREEDOM[2])


def _shapes(chance: Chance, name: tuple[str | float, ...], size: int, count: int) -> np.ndarray:
    """Eigenvalues of random symmetric matrices, brought to mean 0 and mean square 1; (count, size)."""
    if size == 1:
        return np.zeros((count, 1))
    matrices = chance.of(*name).standard_normal((count, size, size))
    values = np.linalg.eigvalsh(matrices + np.swapaxes(matrices, 1, 2))
    values = values - values.mean(axis=1, keepdims=True)
    return np.asarray(values / values.std(axis=1, keepdims=True))


def top_blocks(p: Profile, truth: float, chance: Chance, grid: Sequence[Sequence[TopBlock]]) -> dict[Cell, Numbers]:
    """S5 and S7: the fluctuation E goes as m^truth; -1/2 is the theory.

    It is theory's at the geometric mean of the widths. Spreads and sines follow it, displacements of means and sums of
    squared sines its square.
    """
    d, k, count = grid[0][0].d, p.k, len(grid)
    law, pulls = modes(p.sigma, d), _pulls(p.activation, d, k)
    centre = middle([cell.m for cell in grid[0]])
    found: dict[Cell, Numbers] = {}
    for i, m in enumerate(cell.m for cell in grid[0]):
        square = (m / centre) ** (2 * truth) / centre
        drawn = ("TopBlock", p.activation, k, m)
        values, squares = _block(law, pulls, square, chance, drawn, count)
        largest = (
            squares * SHARE.get(k, SHARE[2]) * np.exp(SHARE_SCATTER * chance.of(*drawn, "share").standard_normal(count))
        )
        largest = np.minimum(np.sqrt(largest) * (1 + largest / 2), 0.999)
        dimension = float(law.counts[: k + 1].sum())
        random = dimension * (1 - 2 * dimension / (m * d))
        far = 1 - 1e-4 * chance.of(*drawn, "random").uniform(0.5, 1.5, count)
        for r, row in enumerate(grid):
            found[row[i]] = {
                "values": values[r].tolist(),
                "interpolation_error": 1e-9,
                "largest_sine": float(largest[r]),
                "squared_sines": float(squares[r]),
                "random_largest_sine": float(far[r]),
                "random_squared_sines": random * float(far[r]),
            }
    return found


def _block(
    law: Modes, pulls: Pulls, square: float, chance: Chance, drawn: tuple[str | float, ...], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, descending, and sums of squared sines, of ``count`` networks with 1/m at ``square``."""
    k = max(low for low, _ in pulls)
    means = np.repeat(law.eigenvalues[None, : k + 1], count, axis=0)
    squares = np.zeros(count)
    for (low, high), (first, second, turn) in pulls.items():
        freedom = _freedom(law.d, low, high)
        share = square * chance.of(*drawn, low, high).chisquare(freedom, count) / freedom
        means[:, low] += first * share
        squares += turn * share
        if high <= k:
            means[:, high] += second * share
    parts = [means[:, :1]]
    for degree in range(1, k + 1):
        size, freedom = int(law.counts[degree]), degree * theory.multiplicity(law.d, 2)
        spread = law.spread(degree) * np.sqrt(square * chance.of(*drawn, degree).chisquare(freedom, count) / freedom)
        shapes = _shapes(chance, (*drawn, degree, "shape"), size, count)
        parts.append(means[:, degree, None] + spread[:, None] * shapes)
    return np.sort(np.concatenate(parts, axis=1), axis=1)[:, ::-1], squares
