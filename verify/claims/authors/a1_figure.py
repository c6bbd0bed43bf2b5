"""A1: the figure of the paper's authors, by the same experiment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from verify.cells.authors import AuthorsRun
from verify.claims.authors import published
from verify.claims.authors.curves import Curves, curves, panels, run, samples
from verify.claims.controls import shifted
from verify.judging.claim import Claim, Control, Drawing, Evidence, HypothesisViolated
from verify.judging.rules import DecisionRule, Prediction
from verify.sizes.profile import Profile

QUARTER = 0.25
FRESH = 100
"""Fresh inputs in a step."""
CHECKED_IN = 0.01
"""Weight of R1 on the training inputs in the authors' code as it is checked in, beside lambda on fresh inputs."""
EARLY = 0.75, 1.25
"""Where the figure's test losses have a plateau, in log_d t."""

Measure = Callable[[Curves], float]


@dataclass(frozen=True)
class Reading:
    """One number of the figure and how a run is held against it.

    Attributes:
        quantity: what it is. strength: lambda. value: in the figure.
        spread: standard deviation over seeds. margin: of the comparison. alternative: what must be noticed.
        measure: the same number of a run. rule: "below" where the figure shows zero.
    """

    quantity: str
    strength: float
    value: float
    spread: float
    margin: float
    alternative: float
    measure: Measure
    rule: Literal["within", "below"] = "within"

    @property
    def name(self) -> str:
        """Of the comparison."""
        return f"{self.quantity}, lambda = {self.strength:g}"

    def error(self, seeds: int) -> float:
        """Standard error of the difference of two means, over these seeds and over those of the figure."""
        return self.spread * math.sqrt(1 / seeds + 1 / published.SEEDS)


def _end(name: str) -> Measure:
    return lambda one: one.end(name)


def _readings(p: Profile) -> list[Reading]:
    """What is read off the figure for every lambda of the profile.

    Spreads of the test loss are the figure's; those of the rest are from runs at d = 40 and 48, rounded up: 6 % of R1
    (15 % where it is falling), 0.03 in log_d t, 0.035 of the plateau, of which the test points make 0.026. Margins are
    about four standard errors of the difference between one run and three, so that one seed can decide. What must be
    noticed: a run that learns nothing, with the test loss 1, one that still remembers, and what lambda as the weight of
    a mean would give, the curves of lambda / 1000.
    """
    found = []
    for strength in p.authors.strengths:
        test, r1 = (rows[strength][-1] or 0.0 for rows in (published.TEST, published.R1))
        spread = max(published.SPREAD[strength], 0.02)
        margin = 0.28 if strength < 1e-3 else 0.15
        found.append(Reading("test loss", strength, test, spread, margin, 0.75, _end("test")))
        share = 0.06 if strength < 1e-4 else 0.15
        spread, margin = max(share * r1, 1.5), max(6 * share * r1, 8.0)
        found.append(Reading("R1", strength, r1, spread, margin, 2 * margin + 20, _end("r1")))
        found.append(Reading("train loss", strength, 0.02, 0.003, 0.0, 0.2, _end("train"), "below"))
        if strength in published.QUARTER:
            at = published.QUARTER[strength]
            quarter: Measure = lambda one: one.falls("train", QUARTER)  # noqa: E731 - a name for the type
            found.append(Reading("log_d t of train loss 1/4", strength, at, 0.03, 0.16, -0.35, quarter))
        if strength in published.PLATEAU:
            early: Measure = lambda one: one.mean("test", *EARLY)  # noqa: E731
            found.append(Reading("plateau", strength, published.PLATEAU[strength], 0.035, 0.18, 0.45, early))
    return found


def _weight(strength: float) -> float:
    """The weight of the mean over n inputs, where lambda is that of their sum."""
    return round(samples(published.DIMENSION) * strength, 9)


def _cells(p: Profile, strength: float) -> list[AuthorsRun]:
    s = p.authors
    return [run(p, s.dimension, s.steps, seed, _weight(strength)) for seed in s.seeds]


def _other(p: Profile, training: float, fresh: float) -> list[AuthorsRun]:
    """The run of the first seed with other weights at the best lambda."""
    return [run(p, p.authors.dimension, p.authors.steps, p.authors.seeds[0], training, fresh)]


FORMS: dict[str, tuple[float, float]] = {
    "lambda as the weight of a mean over the training inputs": (published.BEST, 0.0),
    "the checked-in code: lambda times a mean over fresh inputs": (CHECKED_IN, published.BEST),
    "the checked-in code with a sum over the fresh inputs": (CHECKED_IN, FRESH * published.BEST),
}
"""Other readings of lambda = 0.01: weights of the means over training and over fresh inputs."""
SHORT = ("training, mean", "fresh, mean", "fresh, sum")
"""Their names in the figure."""


def _design(p: Profile) -> tuple[AuthorsRun, ...]:
    cells = [cell for strength in p.authors.strengths for cell in _cells(p, strength)]
    return tuple(dict.fromkeys(cells + [cell for weights in FORMS.values() for cell in _other(p, *weights)]))


def _rules(p: Profile) -> tuple[DecisionRule, ...]:
    seeds = len(p.authors.seeds)
    return tuple(
        DecisionRule(r.name, "normal mean", r.rule, r.margin, r.alternative, r.error(seeds), seeds)
        for r in _readings(p)
    )


def _predict(p: Profile) -> dict[str, Prediction]:
    errors = {"test loss": "test", "train loss": "train", "R1": "r1", "log_d t of train loss 1/4": "time"}
    return {
        r.name: Prediction(r.value, budget={"reading": published.READING[errors.get(r.quantity, "test")]})
        for r in _readings(p)
    }


def _observed(reading: Reading, found: list[Curves], measure: Measure | None = None) -> list[float]:
    values = [(measure or reading.measure)(one) for one in found]
    return [float(np.mean(values)), reading.error(len(found))]


def _observe(p: Profile, evidence: Evidence) -> dict[str, list[float]]:
    return {r.name: _observed(r, curves(evidence, _cells(p, r.strength))) for r in _readings(p)}


def _read_otherwise(weights: tuple[float, float]) -> Callable[[Profile, Evidence], Mapping[str, list[float]]]:
    """What is compared at the best lambda, from runs with other weights."""

    def observe(p: Profile, evidence: Evidence) -> dict[str, list[float]]:
        found = curves(evidence, _other(p, *weights))
        return {r.name: _observed(r, found) for r in _readings(p) if r.strength == published.BEST}

    return observe


def _tenth(p: Profile, evidence: Evidence) -> dict[str, list[float]]:
    """The ends of the curves after a tenth of the steps."""
    x = math.log(p.authors.steps / 10) / math.log(p.authors.dimension)
    names = {"test loss": "test", "train loss": "train", "R1": "r1"}
    found: dict[str, list[float]] = {}
    for r in _readings(p):
        if r.quantity in names:
            measure: Measure = lambda one, name=names[r.quantity]: one.at(name, x)  # type: ignore[misc]  # noqa: E731
            found[r.name] = _observed(r, curves(evidence, _cells(p, r.strength)), measure)
    return found


def _mean_r1(p: Profile, evidence: Evidence) -> dict[str, list[float]]:
    return {
        r.name: _observed(r, curves(evidence, _cells(p, r.strength)), lambda one: one.end("r1") / one.n)
        for r in _readings(p)
        if r.quantity == "R1"
    }


def _at_the_figures_size(p: Profile) -> None:
    s = p.authors
    if (s.dimension, s.steps) != (published.DIMENSION, published.STEPS):
        raise HypothesisViolated(
            f"authors.dimension={s.dimension}, authors.steps={s.steps}: the figure is of d = {published.DIMENSION} and "
            f"{published.STEPS} steps; use these, or A2 at a size of your own"
        )
    unknown = [strength for strength in s.strengths if strength not in published.STRENGTHS]
    if unknown:
        raise HypothesisViolated(
            f"authors.strengths={s.strengths}: needs values of the figure's lambda, {published.STRENGTHS}"
        )


def _described(p: Profile, evidence: Evidence) -> str:
    parts = []
    for strength in p.authors.strengths:
        found = curves(evidence, _cells(p, strength))
        test, r1 = (float(np.mean([one.end(name) for one in found])) for name in ("test", "r1"))
        values = [rows[strength][-1] or 0.0 for rows in (published.TEST, published.R1)]
        parts.append(f"lambda = {strength:g}: test loss {test:.3f} ({values[0]:.2f}), R1 {r1:.3g} ({values[1]:.3g})")
    forms = []
    for name, weights in FORMS.items():
        (one,) = curves(evidence, _other(p, *weights))
        forms.append(f"{name}: {one.end('test'):.3f}, {one.end('r1'):.3g}")
    seeds = ", ".join(map(str, p.authors.seeds))
    return (
        f"d = {p.authors.dimension}, {p.authors.steps} steps, seeds {seeds}; in brackets the figure. "
        f"{'; '.join(parts)}. Other readings of lambda = {published.BEST:g}: {'; '.join(forms)}."
    )


def _draw(p: Profile, evidence: Evidence, figure: Any) -> None:
    strengths = p.authors.strengths
    panels(figure, {f"lambda = {s:g}": curves(evidence, _cells(p, s)) for s in strengths}, strengths)


def _draw_forms(p: Profile, evidence: Evidence, figure: Any) -> None:
    shown = {"training, sum": curves(evidence, _cells(p, published.BEST))}
    shown |= {name: curves(evidence, _other(p, *weights)) for name, weights in zip(SHORT, FORMS.values(), strict=True)}
    panels(figure, shown, (published.BEST,))


def _ks(p: Profile) -> tuple[int, ...]:
    return (1,) if p.authors.strengths else ()


PLATEAUS = tuple(f"plateau, lambda = {strength:g}" for strength in published.PLATEAU)


def _shifted_plateaus(p: Profile) -> Mapping[str, Prediction | float]:
    return shifted(_predict, 0.45, *(r.name for r in _readings(p) if r.quantity == "plateau"))(p)


A1 = Claim(
    id="A1",
    title="The authors' figure",
    statement=r"\tfrac1n\sum_i (f_L+f_Q-y)^2(x_i) + \lambda \sum_i f_L(x_i; P_{>k}W)^2: \quad "
    r"\text{test loss}(\lambda),\ R_1(\lambda),\ \text{train loss}(\lambda) \text{ as published}",
    source="figure in the notebooks of eshnich/escape_NTK (commit 0080c64), which belong to arXiv:2206.03688",
    why="R1 keeps f_L from memorising through the directions that training data alone suggest, so f_Q has to learn the "
    "quadratic part, and it learns what generalises. At the slow stage the gradient in those directions vanishes, so "
    "the residual there is the weight of the mean times f_L: train loss over mean R1 is the square of the weight, and "
    "the figure's own curves at lambda = 1e-4, 1e-3, 1e-2 give 0.11, 0.83, 9: lambda multiplies the sum over n = 1000.",
    refuted_by="End values, times or a plateau that differ by more than seeds and reading allow.",
    equations=("regularised-loss", "residual-outside"),
    hypotheses=(_at_the_figures_size,),
    depends_on=(),
    design=_design,
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        *(Control(name, observe=_read_otherwise(weights)) for name, weights in FORMS.items()),
        Control("R1 as a mean over n", observe=_mean_r1),
        Control("the ends of the curves after a tenth of the steps", observe=_tenth),
        Control("a plateau 0.45 higher", predict=_shifted_plateaus),
    ),
    describe=_described,
    drawings=(
        Drawing(
            "curves", _draw, 10.5, 3.4, "Lines: our runs, and their span over seeds. Circles: the authors' figure."
        ),
        Drawing("forms", _draw_forms, 10.5, 3.4, "What lambda = 0.01 multiplies. Circles: the authors' figure."),
    ),
    ks=_ks,
    activations="none",
)

CLAIMS = (A1,)
