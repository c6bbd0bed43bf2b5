"""N12: the peaks of the learning curve of kernel regression without a ridge."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

import theory
from verify.cells.peaks import NoisyCurve, summit
from verify.claims.controls import shifted
from verify.claims.hypotheses import differentiable, every, learns, smooth
from verify.claims.plotting import PREDICTED, SERIES, finish, grid_ticks, plain
from verify.judging.chance import Chance
from verify.judging.claim import Claim, Control, Evidence, HypothesisViolated, World
from verify.judging.rules import Data, DecisionRule, Prediction
from verify.judging.statistics import slope
from verify.predictions.learning_curves import spectrum
from verify.predictions.peaks import excess, leading_peak, narrowed, noisy_risk
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile

RIDGES = (0.0, 1.0)
"""In units of K(x,x): none, and one that no peak survives, for a control."""
LOCATION_MARGIN = 0.1
"""Of log n, one step of the grid of n; prediction and data are read off on the same grid, by the same parabola."""
HEIGHT_MARGIN = 0.1
"""Of the log risk. The law is exact in the limit; at finite d it has errors of relative order 1/d, 0.055 at d = 18."""
EXPONENT_MARGIN = 0.15
"""Errors of relative order 1/d in n at the peak, which fall from 0.055 to 0.042 over the grid d = 18 to 24, would tilt
the slope by 0.05; the interval of the slope adds about as much."""
NOISE = {1: 0.045, 2: 0.02}
"""Of log n at the peak of a draw, by k: few inputs fluctuate more, n_1 = 33 at d = 32 and n_2 = 189 at d = 18."""
FLATTEST = 0.1
"""Largest b for which there is a peak to speak of, 1.6 times as high as the noise."""
EXPONENT = "exponent in d of n at the peak"
SCATTER, NESTED = {1: 0.035, 2: 0.02}, 0.7
"""Standard deviation of a simulated log risk, by k, and its correlation with that at the next n, whose inputs contain
it. Nine draws at d = 32 and nine at d = 18, base seed 100, have 0.015 to 0.06, 0.01 to 0.03, and 0.7."""


def _dimensions(p: Profile) -> tuple[int, ...]:
    return p.neighbours.peak_dimensions[p.k]


def _samples(p: Profile, d: int) -> tuple[int, ...]:
    """The grid of n."""
    s = p.neighbours
    return _around(theory.multiplicity(d, p.k), s.peak_span, s.peak_points)


@lru_cache(maxsize=256)
def _around(count: int, span: float, points: int) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unique(np.geomspace(count / span, count * span, points).round()))


def _cells(p: Profile, d: int) -> tuple[NoisyCurve, ...]:
    s = p.neighbours
    return tuple(
        NoisyCurve(
            activation=narrowed(p.activation_of(replicate), s.peak_scale),
            d=d,
            degree=p.k,
            samples=_samples(p, d),
            ridges=RIDGES,
            tests=s.peak_tests,
            targets=s.peak_targets,
            replicate=replicate,
            base_seed=p.base_seed,
        )
        for replicate in range(s.peak_replicates)
    )


def _location(d: int) -> str:
    return f"n at the peak / predicted, d = {d}"


def _height(d: int) -> str:
    return f"height of the peak / predicted, d = {d}"


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    count, grid, noise = p.neighbours.peak_replicates, _dimensions(p), NOISE.get(p.k, NOISE[1])
    rules = []
    for d in grid:
        rules += [
            DecisionRule(
                _location(d), "mean", "within", LOCATION_MARGIN, 0.4, noise, count, scale="log ratio", rounding=1e-9
            ),
            DecisionRule(_height(d), "mean", "within", HEIGHT_MARGIN, -0.3, 0.06, count, scale="log ratio"),
        ]
    floats = tuple(float(d) for d in grid)
    return (*rules, DecisionRule(EXPONENT, "exponent", "within", EXPONENT_MARGIN, 1.0, noise, count, floats))


def _law(p: Profile, activation: str, d: int) -> tuple[float, float]:
    """(n, risk) at the peak of the predicted curve."""
    samples = _samples(p, d)
    return summit(samples, [noisy_risk(activation, d, p.k, n, p.neighbours.peak_noise) for n in samples])


def _named(p: Profile, tops: np.ndarray) -> dict[str, np.ndarray]:
    """What is judged of peaks (draw, d, 2) by name, but for the exponent."""
    grid = _dimensions(p)
    places = {_location(d): tops[:, i, 0] for i, d in enumerate(grid)}
    return places | {_height(d): tops[:, i, 1] for i, d in enumerate(grid)}


def _predict(p: Profile) -> dict[str, Prediction | float]:
    """One number for each draw, by its activation; one exponent, of these predictions' mean logarithm."""
    grid = _dimensions(p)
    tops = np.array([[_law(p, cell.activation, cell.d) for cell in _cells(p, d)] for d in grid]).swapaxes(0, 1)
    told: dict[str, Prediction | float] = {name: Prediction(v.tolist()) for name, v in _named(p, tops).items()}
    return told | {EXPONENT: slope(grid, np.exp(np.log(tops[:, :, 0]).mean(axis=0)))}


def _powers(p: Profile) -> dict[str, Prediction | float]:
    """d^l in place of N(d,l) ~ d^l / l!."""
    told = {name: Prediction.of(value).value for name, value in _predict(p).items()}
    factors = {_location(d): d**p.k / theory.multiplicity(d, p.k) for d in _dimensions(p)}
    return {name: Prediction((np.asarray(told[name]) * factor).tolist()) for name, factor in factors.items()}


def _risks(p: Profile, numbers: Numbers, row: int, noise: float) -> np.ndarray:
    """The curve at one of :data:`RIDGES`."""
    return np.array(numbers["bias"][row]) + noise * (1 + np.array(numbers["variance"][row]))


def _tops(p: Profile, evidence: Evidence, row: int, noise: float) -> np.ndarray:
    """(n, risk) at the peak, (draw, d, 2)."""
    found = [
        [summit(cell.samples, _risks(p, evidence[cell], row, noise)) for cell in _cells(p, d)] for d in _dimensions(p)
    ]
    return np.array(found).swapaxes(0, 1)


def _observe(p: Profile, evidence: Evidence, row: int = 0, noisy: bool = True) -> dict[str, Data]:
    tops = _tops(p, evidence, row, p.neighbours.peak_noise if noisy else 0.0)
    # A constant of each activation's own does not touch the slope.
    logs, step = np.log(tops[:, :, 0]), len(p.activations)
    own = np.array([logs[i % step :: step].mean() for i in range(len(logs))])
    return {**_named(p, tops), EXPONENT: np.exp(logs - own[:, None])}


def _simulate(p: Profile, truth: float, chance: Chance) -> dict[Cell, Numbers]:
    """Curves whose peak moves as d^(l + truth): the predicted ones with n stretched."""
    noise, grid = p.neighbours.peak_noise, _dimensions(p)
    numbers: dict[Cell, Numbers] = {}
    for d in grid:
        stretch = (d / grid[0]) ** truth
        for cell in _cells(p, d):
            law: Callable[..., float] = partial(noisy_risk, cell.activation, d, p.k)
            steps = [max(round(n / stretch), 1) for n in cell.samples]
            table: dict[str, list[list[float]]] = {"bias": [], "variance": []}
            for ridge in RIDGES:
                bias = np.array([law(n, 0.0, ridge) for n in steps])
                whole = np.array([law(n, noise, ridge) for n in steps])
                drawn = chance.of(cell.specification, ridge).standard_normal(len(steps))
                for i in range(1, len(steps)):
                    drawn[i] = NESTED * drawn[i - 1] + (1 - NESTED**2) ** 0.5 * drawn[i]
                scatter = np.exp(SCATTER.get(p.k, SCATTER[1]) * drawn)
                table["bias"].append((scatter * bias).tolist())
                table["variance"].append((scatter * (whole - bias) / noise - 1).tolist())
            numbers[cell] = table
    return numbers


def _describe(p: Profile, evidence: Evidence) -> str:
    s, d = p.neighbours, _dimensions(p)[-1]
    named = narrowed(p.activation, s.peak_scale)
    listed = spectrum(named, d)
    place, height = _law(p, named, d)
    leading = leading_peak(listed, p.k)
    return (
        f"Regression without a ridge with the NTK of infinite width of sigma({s.peak_scale:g} z), dense targets of "
        f"energy 1 in degree {p.k}, noise {s.peak_noise:g} averaged exactly, {s.peak_tests} test points, "
        f"{s.peak_replicates} draws at each d shared by {', '.join(p.activations)}. For {named} at d = {d} the trace "
        f"above degree {p.k} is {excess(listed, p.k):.3g} of that of degree {p.k}; the law's peak is at n = "
        f"{place:.0f} with risk {height:.2f}, where n_{p.k} = {leading[0]:.0f}, N(d,{p.k}) = "
        f"{theory.multiplicity(d, p.k)} and d^{p.k} = {d**p.k}, and to leading order {leading[1] * s.peak_noise:.2f}."
    )


def _figure(p: Profile, evidence: Evidence, ax: Any) -> None:
    noise, grid = p.neighbours.peak_noise, _dimensions(p)
    for i, d in enumerate(grid):
        cells = [cell for cell in _cells(p, d) if cell.activation == narrowed(p.activation, p.neighbours.peak_scale)]
        samples = np.array(cells[0].samples)
        means = np.exp(np.mean([np.log(_risks(p, evidence[cell], 0, noise)) for cell in cells], axis=0))
        fine = np.unique(np.geomspace(samples[0], samples[-1], 60).round().astype(int))
        law = [noisy_risk(cells[0].activation, d, p.k, int(n), noise) for n in fine]
        ax.semilogx(samples, means, "o", ms=4, color=SERIES[i], label=f"d = {d}")
        ax.semilogx(fine, law, "-", lw=1.0, color=SERIES[i])
        ax.axvline(theory.cumulative_multiplicity(d, p.k), color=SERIES[i], lw=0.8, ls=":")
        flat = np.mean([_risks(p, evidence[cell], 1, noise) for cell in cells], axis=0)
        ax.semilogx(samples, flat, "--", lw=0.8, color=SERIES[i])
    ax.plot([], [], "-", color=PREDICTED, lw=1.0, label="predicted")
    ax.plot([], [], ":", color=PREDICTED, lw=0.8, label=f"$n_{p.k}$")
    ax.plot([], [], "--", color=PREDICTED, lw=0.8, label="ridge K(x,x)")
    ax.set_xlim(left=0.5 * _samples(p, grid[0])[0])  # room for the legend
    grid_ticks(ax, [theory.cumulative_multiplicity(d, p.k) for d in grid])
    ax.set_title(plain(narrowed(p.activation, p.neighbours.peak_scale)), fontsize=9)
    finish(ax, "samples n", "test risk, noise included")


def peaked(profile: Profile) -> None:
    """N12 needs b small, so that there is a peak, for every activation and dimension."""
    for activation in profile.activations:
        for d in _dimensions(profile):
            b = excess(spectrum(narrowed(activation, profile.neighbours.peak_scale), d), profile.k)
            if not b <= FLATTEST:
                raise HypothesisViolated(
                    f"activation={activation!r}: at d={d} the degrees above {profile.k} have {b:.3g} times the trace "
                    f"of degree {profile.k}, N12 needs at most {FLATTEST:g}; use a smaller neighbours.peak_scale"
                )


def _narrow(hypothesis: Callable[[Profile], None]) -> Callable[[Profile], None]:
    """A hypothesis asked of sigma(c z) for every activation."""
    return every(hypothesis, lambda p: [narrowed(a, p.neighbours.peak_scale) for a in p.activations])


N12 = Claim(
    id="N12",
    title="Peaks of the learning curve without a ridge",
    statement=r"n_{\text{peak}} = n_\ell\,(1 + O(b)) \sim \frac{d^\ell}{\ell!}, \qquad "
    r"\frac{\text{risk}}{\text{noise}} \approx \frac{n_\ell}{2 N(d,\ell)\sqrt b}, \qquad "
    r"b = \frac{\gamma_{>\ell}}{N(d,\ell)\,\Lambda_\ell}",
    source="location: abstract of arXiv:2205.14846; with its height at finite d derived: docs/mathematics, section 6",
    why="With as many samples as there are harmonics of degree up to l, the kernel must fit the labels, noise "
    "included, with just these harmonics: their values at the inputs form a nearly singular square matrix. Only the "
    "implicit ridge of the higher degrees keeps the fit from blowing up; the less of it there is, the higher the peak.",
    refuted_by="A measured curve whose peak is more than a tenth (of log n) beside the predicted one, or more than a "
    "tenth (of the log risk) higher or lower, or moves with d by another power.",
    equations=("peak", "ridge-risk", "conservation-law"),
    hypotheses=(
        every(differentiable(1)),
        every(smooth),
        _narrow(learns(lambda p: range(p.k + 1), lambda p: _dimensions(p)[0])),
        peaked,
    ),
    depends_on=("S1", "N1"),
    design=lambda p: tuple(cell for d in _dimensions(p) for cell in _cells(p, d)),
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control("d^l in place of N(d,l)", predict=_powers, ks=(2,)),
        Control("exponent l + 1", predict=shifted(_predict, 1.0, EXPONENT)),
        Control("the data at a ridge as large as K(x,x)", observe=partial(_observe, row=1)),
        Control("the data of labels without noise", observe=partial(_observe, noisy=False)),
    ),
    describe=_describe,
    figure=_figure,
    world=World(_simulate, "exponent of n at the peak in d, less l", 0.0, 0.5, "d^(l + 1/2)"),
    ks=lambda p: tuple(p.neighbours.peak_dimensions),
    activations="pooled",
    repetitions=("neighbours.peak_replicates",),
)

CLAIMS = (N12,)
