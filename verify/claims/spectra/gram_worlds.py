"""What the cells of S6, S9 and S10 would hold if another spectrum were behind the Gram matrices.

Scatter and deviations are those of stored cells of base seeds that no verdict uses, at quick sizes: for S6 and S9 the
seeds 100 to 103, for S10 the seeds 100 and 101. In S6 and S10 activations are measured on the same inputs; what depends
on these is drawn once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import comb

import numpy as np

import theory
from verify.cells.bulk import LEVELS, GramBulk
from verify.cells.gram import GramSpectrum, LearnedShares
from verify.judging.chance import Chance
from verify.predictions.finite_size import GramLaw, Modes, modes
from verify.predictions.gram_bulk import BulkLaw, altered
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile, parse

QUANTILES = tuple((i + 0.5) / 200 for i in range(200))
EDGE = {1: (0.9935, 0.0045), 2: (0.964, 0.02)}
"""By k, the smallest eigenvalue in units of what the closest pair of inputs makes of it, mean and scatter: other close
pairs push it further down. On the seeds above 0.991 to 0.996 of the prediction at k = 1, with a scatter of 0.004 to
0.005; at k = 2, 0.962 to 0.967 with a scatter of 0.021 to 0.037, of which the closest pair has 0.016 to 0.028."""
MEANS = 0.0015
"""Scatter of a mean eigenvalue of a group, relative: 0.0007 to 0.0023."""
TOUCHING = {1: 0.0, 2: 0.0025}
"""By k, how far the small eigenvalues' mean lies from the law, where groups touch: 0.0021 to 0.0029, of either sign."""
TRADE = -0.5
"""Correlation of the small eigenvalues' mean with that of the last group beside them: they share a trace."""


@lru_cache(maxsize=256)
def _spectrum(
    activation: str, d: int, n: int, m: int, k: int, factor: float, groups: tuple[tuple[int, ...], ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means of the groups and of the rest; smallest eigenvalue at :data:`QUANTILES` of the closest pair."""
    population = modes(parse(activation), d)
    values = population.eigenvalues.copy()
    values[k + 1] *= factor
    law = GramLaw(replace(population, eigenvalues=values), n, m, k)
    means = (*(law.group(list(degrees)) for degrees in groups), law.bulk())
    return means, tuple(law.smallest_at(np.array(QUANTILES)).tolist())


def gram_spectra(
    p: Profile, truth: float, chance: Chance, cells: Sequence[GramSpectrum], groups: Sequence[Sequence[int]]
) -> dict[Cell, Numbers]:
    """S6: Lambda_{k+1}, the first eigenvalue that n samples do not see, is ``truth`` times theory's; 1 is the theory.

    gamma_{>k} and, through the law of finite n and m, all means and the smallest eigenvalue follow from it.
    """
    found: dict[Cell, Numbers] = {}
    parts = tuple(tuple(degrees) for degrees in groups)
    level, scatter = EDGE.get(p.k, EDGE[2])
    for cell in cells:
        means, lowest = _spectrum(cell.activation, cell.d, cell.n, cell.m, p.k, truth, parts)
        closest = chance.of(cell.seed("inputs", shared=("activation", "m"))).uniform()
        own = chance.of(cell.seed("network")).standard_normal(len(means) + 1)
        own[-2] = TRADE * own[-3] + (1 - TRADE**2) ** 0.5 * own[-2]
        smallest = float(np.interp(closest, QUANTILES, lowest)) * level * (1 + scatter * own[-1])
        found_means = [mean * (1 + MEANS * float(z)) for mean, z in zip(means, own[:-1], strict=True)]
        found_means[-1] *= 1 + TOUCHING.get(p.k, TOUCHING[2])
        found[cell] = {
            "smallest": smallest,
            "means": found_means,
            "edges": np.linspace(smallest, 2 * found_means[-1], 41).tolist(),
            "counts": [(cell.n - sum(cell.sizes)) // 40] * 40,
        }
    return found


UNLEARNED = {"NTK of relu(z)": 0.062}
"""Scatter of the share of a degree that is not learned, where it is not :data:`USUAL`: the few degrees of this kernel
above the third are all that its regression has for noise."""
USUAL = 0.017
"""The same of the other pairs of kernel and activation: 0.007 to 0.036, and 0.017 over all of them."""
TOGETHER = 0.5
"""Correlation of two such degrees of one regression: 0.62 of the degrees 0 and 2, 0.42 of 1 and 3."""
KINKED, SMOOTH = 0.005, 2e-5
"""Scatter of the share of a learned degree about 1, of activations with kinks (0.0005 to 0.007, but 0.0003 of relu(z)^2
with the NTK) and of smooth ones (up to 0.00005)."""


def learned_shares(truth: float, chance: Chance, cells: Mapping[LearnedShares, Sequence[bool]]) -> dict[Cell, Numbers]:
    """S9: regression recovers the share ``truth`` of the degrees that have no eigenvalue; 0 is the theory.

    So it would be if sampling, the ridge or rounding gave such a degree the eigenvalue t kappa / (1 - t), kappa being
    what regression adds to all of them. The degrees with an eigenvalue are recovered in full. Scatter at degrees above
    3, which profiles other than quick have, is taken to be the same.

    Args:
        truth: the share.
        chance: of the world.
        cells: cell -> whether theory says of each degree that it is learned.
    """
    found: dict[Cell, Numbers] = {}
    for cell, learned in cells.items():
        drawn = chance.of(cell.seed("inputs"))
        common, own = drawn.standard_normal(), drawn.standard_normal(len(learned))
        spread = UNLEARNED.get(f"{cell.kernel} of {cell.activation}", USUAL)
        near = KINKED if "relu" in cell.activation else SMOOTH
        noise = spread * (TOGETHER**0.5 * common + (1 - TOGETHER) ** 0.5 * own)
        found[cell] = {"shares": np.where(learned, 1 + near * own, truth + noise).tolist()}
    return found


BULK = {0.5: 0.009, 2.0: 0.0045}
"""Scatter of a quantile by n / N(d,l), relative: 0.002 to 0.011 and 0.001 to 0.006."""
WINDOW = 3
"""Neighbouring levels that move together."""
LOWEST = {1: -0.003, 2: -0.02}
"""By l, deviation of the lowest quantiles from the law: columns of Y_l are not independent at finite d. It falls off
over :data:`WITHIN` levels."""
WITHIN = 4.0
ALIKE = 0.4
"""Share of the scatter's variance that comes from the inputs."""


@lru_cache(maxsize=512)
def _bulk(activation: str, d: int, n: int, m: int, degree: int, factor: float, stretch: float) -> tuple[float, ...]:
    """The law's quantiles with ``factor`` times N(d,l) harmonics, of inputs with the first half of axes stretched."""
    count = theory.multiplicity(d, degree)
    population = altered(modes(parse(activation), d), degree, factor * count)
    return tuple(BulkLaw(stretched(population, degree, stretch), n, m).quantiles(LEVELS, degree).tolist())


def stretched(population: Modes, degree: int, stretch: float) -> Modes:
    """The population when half of the coordinates are larger by a factor, at the same |x|.

    The coordinates' variances are then v = 2 s^2 / (s^2 + 1) and w = 2 / (s^2 + 1); of the N harmonics of degree l, to
    leading order products of l coordinates, a share binom(l, i) 2^{-l} has the variance v^i w^{l-i}.
    """
    if stretch == 1:
        return population
    large, small = 2 * stretch**2 / (stretch**2 + 1), 2 / (stretch**2 + 1)
    shares = [comb(degree, i) / 2**degree for i in range(degree + 1)]
    factors = [large**i * small ** (degree - i) for i in range(degree + 1)]
    counts, values = population.counts.copy(), population.eigenvalues.copy()
    total, value = counts[degree], values[degree]
    counts[degree], values[degree] = total * shares[0], value * factors[0]
    return replace(
        population,
        counts=np.append(counts, [total * share for share in shares[1:]]),
        eigenvalues=np.append(values, [value * factor for factor in factors[1:]]),
    )


def gram_bulks(p: Profile, truth: float, chance: Chance, cells: Mapping[GramBulk, float]) -> dict[Cell, Numbers]:
    """S10: degree l acts as if it had truth x N(d,l) harmonics, at the same trace; 1 is the theory.

    Args:
        p: of the case.
        truth: the factor.
        chance: of the world.
        cells: cell -> its n / N(d,l).
    """
    ramp = 1 + LOWEST.get(p.k, LOWEST[2]) * np.exp(-np.arange(len(LEVELS)) / WITHIN)
    found: dict[Cell, Numbers] = {}
    for cell, ratio in cells.items():
        law = np.array(_bulk(cell.activation, cell.d, cell.n, cell.m, p.k, truth, cell.stretch))
        inputs = chance.of(cell.seed("inputs", shared=("activation", "m"))).standard_normal(len(LEVELS) + WINDOW - 1)
        own = chance.of(cell.seed("network")).standard_normal(len(LEVELS) + WINDOW - 1)
        noise = np.convolve(ALIKE**0.5 * inputs + (1 - ALIKE) ** 0.5 * own, np.full(WINDOW, WINDOW**-0.5), "valid")
        scatter = BULK[0.5] if ratio < 1 else BULK[2.0]
        found[cell] = {"quantiles": np.sort(law * ramp * (1 + scatter * noise)).tolist()}
    return found
