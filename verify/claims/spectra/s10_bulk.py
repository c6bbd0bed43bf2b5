"""S10: the bulk of the NTK Gram matrix where n is of the order of N(d,l)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import theory
from verify.cells.bulk import LEVELS, GramBulk
from verify.claims.hypotheses import differentiable, learns, separated
from verify.claims.plotting import PREDICTED, SERIES, finish
from verify.claims.spectra.gram_worlds import gram_bulks
from verify.judging.claim import Claim, Control, Drawing, Evidence, HypothesisViolated, World
from verify.judging.rules import Data, DecisionRule, Prediction
from verify.predictions.finite_size import modes
from verify.predictions.gram_bulk import BulkLaw, bulk_quantiles, marchenko_pastur
from verify.sizes.profile import Profile

QUARTILES = {"lower": 0.25, "upper": 0.75}
"""Levels of the quantiles that are compared: not near the gap, at 1/2 for n = 2 N(d,l), where a quantile may be
anything between two parts of the spectrum."""
MARGIN = 0.03
"""Of a quartile, relative. The law is exact in the limit; at finite d the columns of Y_l are uncorrelated and not
independent, which costs order 1/d, 0.036 at d = 28, of the spread of the bulk, half of its mean or less."""
NOISE = 0.012
"""Of a quartile of one draw, relative, for n <= N(d,l); more samples fluctuate less."""
SHAPE = 0.015
"""Of the shape's distance: the mean distance of a quantile from the law's, both in units of the bulk's mean. At
n = 128 eigenvalues fluctuate by about (spread)/n, 0.006 of the mean, and 1/d adds as much at d = 28: together 0.008 in
pilot runs on other seeds. A ratio n / N(d,l) that is wrong by a fifth makes 0.03 or more at n = 2 N(d,l)."""
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""Of the figure."""
WRONG_RATIO = 1.2
"""A control's n / N(d,l) in units of the true one, at l = 1."""


def _sizes(p: Profile) -> dict[float, int]:
    """n by n / N(d,l)."""
    count = theory.multiplicity(p.neighbours.bulk_dimension[p.k], p.k)
    return {ratio: round(ratio * count) for ratio in p.neighbours.bulk_ratios}


def _draws(p: Profile) -> dict[float, int]:
    """Draws by n / N(d,l)."""
    return dict(zip(p.neighbours.bulk_ratios, p.neighbours.bulk_replicates, strict=True))


def _cells(p: Profile, ratio: float, stretch: float = 1.0) -> tuple[GramBulk, ...]:
    s, d = p.neighbours, p.neighbours.bulk_dimension[p.k]
    return tuple(
        GramBulk(
            activation=p.activation,
            d=d,
            m=s.bulk_width[p.k],
            n=_sizes(p)[ratio],
            spikes=theory.cumulative_multiplicity(d, p.k - 1),
            stretch=stretch,
            replicate=replicate,
            base_seed=p.base_seed,
        )
        for replicate in range(_draws(p)[ratio])
    )


def _ratios(p: Profile) -> dict[GramBulk, float]:
    """Cell -> n / N(d,l): the inputs on the sphere at every n, and those of a control at the smallest."""
    first, stretch = p.neighbours.bulk_ratios[0], p.neighbours.bulk_stretch
    found = {cell: ratio for ratio in _sizes(p) for cell in _cells(p, ratio)}
    return found | dict.fromkeys(_cells(p, first, stretch), first)


def _at(ratio: float, p: Profile) -> str:
    return f"n = {ratio:g} N(d,{p.k})"


def _shape(ratio: float, p: Profile) -> str:
    return f"distance of the bulk's shape from the law, {_at(ratio, p)}"


def _quartile(side: str, ratio: float, p: Profile) -> str:
    return f"{side} quartile of the bulk, {_at(ratio, p)}"


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    rules = []
    for ratio, count in _draws(p).items():
        noise = NOISE / math.sqrt(max(ratio, 1.0))
        rules.append(
            DecisionRule(
                _shape(ratio, p), "mean", "within", SHAPE, 0.03, 0.002, count, scale="difference", pool="distance"
            )
        )
        rules += [
            DecisionRule(_quartile(side, ratio, p), "mean", "within", MARGIN, 0.09, noise, count, relative=True)
            for side in QUARTILES
        ]
    return tuple(rules)


def _of_mean(quantiles: np.ndarray) -> np.ndarray:
    """Quantiles, along the last axis, in units of their mean."""
    return np.asarray(quantiles / quantiles.mean(axis=-1, keepdims=True))


def _quantiles(p: Profile, n: int, harmonics: float = 0.0) -> np.ndarray:
    """The law's quantiles at all levels."""
    s = p.neighbours
    d, m = s.bulk_dimension[p.k], s.bulk_width[p.k]
    return np.array(bulk_quantiles(p.sigma, d, n, m, p.k, LEVELS, harmonics))


def _compared(p: Profile, ratio: float, quantiles: np.ndarray) -> dict[str, np.ndarray]:
    """What is compared of quantiles, (levels,) or (replicates, levels)."""
    sides = {_quartile(side, ratio, p): quantiles[..., LEVELS.index(level)] for side, level in QUARTILES.items()}
    return {_shape(ratio, p): _of_mean(quantiles), **sides}


def _told(p: Profile, ratio: float, quantiles: np.ndarray) -> dict[str, Prediction]:
    """The same as a prediction."""
    return {name: Prediction(value.tolist()) for name, value in _compared(p, ratio, quantiles).items()}


def _predict(p: Profile, harmonics: float = 0.0) -> dict[str, Prediction | float]:
    """The law's, with another number of harmonics than N(d,l) where one is given."""
    found: dict[str, Prediction | float] = {}
    for ratio, n in _sizes(p).items():
        found |= _told(p, ratio, _quantiles(p, n, harmonics))
    return found


def _misjudged(p: Profile) -> dict[str, Prediction | float]:
    return _predict(p, theory.multiplicity(p.neighbours.bulk_dimension[p.k], p.k) / WRONG_RATIO)


def _powers(p: Profile) -> dict[str, Prediction | float]:
    """d^l for N(d,l) ~ d^l / l!."""
    return _predict(p, float(p.neighbours.bulk_dimension[p.k] ** p.k))


def _identity(p: Profile) -> dict[str, Prediction | float]:
    """The structure of S6, between two degrees: gamma_{>l-1} times the identity."""
    flat = np.full(len(LEVELS), modes(p.sigma, p.neighbours.bulk_dimension[p.k]).ridge(p.k - 1))
    return {name: value for ratio in _sizes(p) for name, value in _told(p, ratio, flat).items()}


def _observed(p: Profile, evidence: Evidence, ratio: float, stretch: float = 1.0) -> dict[str, Data]:
    rows = np.array([evidence[cell]["quantiles"] for cell in _cells(p, ratio, stretch)])
    return dict(_compared(p, ratio, rows))


def _observe(p: Profile, evidence: Evidence) -> dict[str, Data]:
    return {name: data for ratio in _sizes(p) for name, data in _observed(p, evidence, ratio).items()}


def _stretched(p: Profile, evidence: Evidence) -> dict[str, Data]:
    return _observed(p, evidence, p.neighbours.bulk_ratios[0], p.neighbours.bulk_stretch)


def _measured(p: Profile, evidence: Evidence, ratio: float) -> np.ndarray:
    """Mean quantiles at all levels."""
    return np.asarray(np.mean([evidence[cell]["quantiles"] for cell in _cells(p, ratio)], axis=0))


def _describe(p: Profile, evidence: Evidence) -> str:
    s, d, found = p.neighbours, p.neighbours.bulk_dimension[p.k], []
    for ratio, n in _sizes(p).items():
        distance = np.abs(_measured(p, evidence, ratio) / _quantiles(p, n) - 1)
        found.append(f"{np.median(distance):.2%} at n = {n}")
    draws = " and ".join(map(str, s.bulk_replicates))
    return (
        f"Gram matrices of {draws} draws at d = {d}, m = {s.bulk_width[p.k]}, N(d,{p.k}) = "
        f"{theory.multiplicity(d, p.k):,}, without their {theory.cumulative_multiplicity(d, p.k - 1)} largest "
        f"eigenvalues. Over "
        f"{len(LEVELS)} levels the median distance of a mean quantile from its prediction is {', '.join(found)}. The "
        f"prediction has every degree with its exact multiplicity and the width; the statement's two terms are its "
        f"limit, dotted in the figure."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    from matplotlib.ticker import NullLocator

    scale = modes(p.sigma, p.neighbours.bulk_dimension[p.k]).ridge(p.k - 1)
    for i, (ratio, n) in enumerate(_sizes(p).items()):
        label = f"n = {ratio:g} N(d,{p.k})"
        ax.plot(LEVELS, _measured(p, evidence, ratio) / scale, "o", ms=3, color=SERIES[i], label=label)
        ax.plot(LEVELS, _quantiles(p, n) / scale, "-", lw=1.0, color=PREDICTED)
    ax.set_yscale("log")
    ticks = [tick for tick in TICKS if ax.get_ylim()[0] <= tick <= ax.get_ylim()[1]]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.yaxis.set_minor_locator(NullLocator())
    finish(ax, "share of the bulk", f"quantile / $\\gamma_{{>{p.k - 1}}}$ (line: predicted)")


def _density(p: Profile, evidence: Evidence, figure: Any) -> None:
    population, sizes = modes(p.sigma, p.neighbours.bulk_dimension[p.k]), _sizes(p)
    scale, above = population.ridge(p.k - 1), population.ridge(p.k)
    spread = float(population.counts[p.k] * population.eigenvalues[p.k])
    for i, (ax, (ratio, n)) in enumerate(
        zip(figure.subplots(1, len(sizes), squeeze=False)[0], sizes.items(), strict=True)
    ):
        edges = _measured(p, evidence, ratio)
        heights = np.diff(LEVELS) / np.diff(edges) * scale
        ax.stairs(heights, edges / scale, color=SERIES[i], fill=True, alpha=0.35, label="Gram matrices")
        share = 1 - theory.cumulative_multiplicity(population.d, p.k - 1) / n
        x = np.linspace(0.7 * edges[0], 1.15 * edges[-1], 1500)
        law = BulkLaw(population, n, p.neighbours.bulk_width[p.k]).density(x) / share
        ax.plot(x / scale, law * scale, color=PREDICTED, lw=1.0, label="predicted")
        inside = x[x > above]
        limit = marchenko_pastur((inside - above) / spread, ratio) / spread
        ax.plot(inside / scale, limit * scale, ":", color=SERIES[1 - i % 2], lw=1.2, label="its limit")
        ax.set_yscale("log")
        ax.set_ylim(0.3 * float(heights.min()), 2 * float(heights.max()))
        ax.set_title(f"n = {ratio:g} N(d,{p.k}) = {n}", fontsize=9)
        finish(ax, f"eigenvalue / $\\gamma_{{>{p.k - 1}}}$", "" if i else "density", legend=i == 0)


def several(profile: Profile) -> None:
    """S10 needs eigenvalues enough beside the large ones for its quantiles, and a network wide enough for them."""
    s, d = profile.neighbours, profile.neighbours.bulk_dimension[profile.k]
    m = s.bulk_width[profile.k]
    for n in _sizes(profile).values():
        at = f"S10 at k={profile.k}, d={d}"
        if n < 2 * theory.cumulative_multiplicity(d, profile.k - 1) + 50:
            raise HypothesisViolated(f"n={n}: {at} needs at least twice n_{{k-1}} and 50 more; use a larger d")
        if m * d <= 10 * n:
            raise HypothesisViolated(f"m={m}: {at}, n={n} needs m d > 10 n; use a wider network")


S10 = Claim(
    id="S10",
    title="Marchenko-Pastur bulk of the Gram matrix",
    statement=r"n \sim c\,N(d,\ell): \quad K \approx K_{<\ell} + \Lambda_\ell Y_\ell Y_\ell^\top + \gamma_{>\ell} I, "
    r"\qquad \gamma_{>\ell} = \sum_{j>\ell} N(d,j)\,\Lambda_j, \qquad "
    r"\mathrm{spec}\big(Y_\ell Y_\ell^\top / N(d,\ell)\big) \to \mathrm{MP}(c)",
    source="abstract of arXiv:2204.10425; corrections of finite d and m derived: docs/mathematics, section 3",
    why="About as many samples as degree l has harmonics see that degree neither as N(d,l) single directions nor as a "
    "multiple of the identity: its block is the Gram matrix of n nearly independent vectors with N(d,l) nearly "
    "independent coordinates, and such a matrix has the spectrum of Marchenko and Pastur. Degrees above, of which n "
    "samples see little, are still a multiple of the identity.",
    refuted_by="A quartile of the bulk more than 3 % from the law's, or quantiles that, in units of their mean, are "
    "more than 0.015 from the law's on average.",
    equations=("marchenko-pastur", "gram-potential", "gram-law"),
    hypotheses=(
        differentiable(1),
        learns(lambda p: range(p.k + 1), lambda p: p.neighbours.bulk_dimension[p.k]),
        separated(lambda p: p.neighbours.bulk_dimension[p.k]),
        several,
    ),
    depends_on=("S1", "S2"),
    design=lambda p: tuple(_ratios(p)),
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control(f"n / N(d,1) taken {WRONG_RATIO:g} times too large", predict=_misjudged, ks=(1,)),
        Control("d^l in place of N(d,l) harmonics", predict=_powers, ks=(2,)),
        Control("the block of degree l taken for a multiple of the identity", predict=_identity),
        Control("inputs that are stretched along half of the axes", observe=_stretched),
    ),
    describe=_describe,
    figure=_figure,
    drawings=(
        Drawing(
            "density",
            _density,
            width=6.8,
            height=3.0,
            caption="Dotted: the limit, Marchenko-Pastur scaled by N(d,l) Lambda_l and shifted by gamma_{>l}. The "
            "n - N(d,l) eigenvalues near gamma_{>l} that it leaves out at n > N(d,l) are the narrow part on the left; "
            "a thin line beside it is one eigenvalue that a large one of lower degree pushes out of it.",
        ),
    ),
    ks=lambda p: tuple(p.neighbours.bulk_dimension),
    world=World(
        lambda p, truth, chance: gram_bulks(p, truth, chance, _ratios(p)),
        unit="factor on N(d,l) at the same trace",
        theory=1.0,
        rival=0.8,
        rival_is="a constant off by 20 %",
    ),
    repetitions=("neighbours.bulk_replicates",),
)


CLAIMS = (S10,)
