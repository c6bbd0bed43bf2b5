"""A1 and A2 on curves made up from what the figure shows, and on wrong ones."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from verify.cells.authors import CURVES, AuthorsRun
from verify.cells.authors_run import record_steps
from verify.claims.authors import published
from verify.claims.authors.a1_figure import A1, FORMS
from verify.claims.authors.a2_shape import A2, STRONG
from verify.claims.authors.curves import Curves
from verify.judging.claim import Claim, Evidence, HypothesisViolated
from verify.judging.outcome import Verdict
from verify.running.experiment import Numbers
from verify.sizes.profile import AUTHORS, FULL, Profile, changed

ONE = changed(AUTHORS, {"authors": {"seeds": (1,)}})


def as_published(cell: AuthorsRun, strength: float) -> Numbers:
    """The figure's curves of one lambda on the run's records; where one is covered, that of the next lambda."""
    steps = record_steps(cell.steps)
    x = np.log1p(steps) / math.log(cell.d)
    numbers: Numbers = {name: [0.1] * len(steps) for name in CURVES} | {"step": list(steps)}
    order = published.STRENGTHS[published.STRENGTHS.index(strength) :]
    for name, rows in published.PANELS.items():
        values = [
            next((rows[one][i] for one in order if rows[one][i] is not None), 0.0) for i in range(len(published.GRID))
        ]
        values[-1] = rows[strength][-1] or 0.0
        curve = np.interp(x, published.GRID, values)
        numbers[name] = (curve / cell.n if name == "r1" else curve).tolist()
    return numbers


def world(p: Profile, reading: Callable[[float, float], float]) -> Evidence:
    """Runs whose curves are the figure's at the lambda that ``reading`` gives for their two weights."""
    return Evidence({cell: as_published(cell, reading(cell.training, cell.fresh)) for cell in A1.design(p)})


def summed(training: float, fresh: float) -> float:
    """The nearest lambda of the figure to a weight of the sum over n = 1000."""
    return min(published.STRENGTHS, key=lambda one: abs(one - training / 1000))


def averaged(training: float, fresh: float) -> float:
    """The same to a weight of the mean."""
    return min(published.STRENGTHS, key=lambda one: abs(one - training))


@pytest.mark.parametrize("p", [ONE, AUTHORS], ids=["one seed", "three seeds"])
def test_the_figure_itself_holds_and_every_control_fails(p: Profile) -> None:
    evidence = world(p, summed)
    outcome = A1.check(p, evidence)
    assert {c.label: c.verdict for c in outcome.comparisons if c.verdict is not Verdict.HOLDS} == {}
    seen: set[str] = set()
    for control in A1.controls:
        found = A1.check(p, evidence, control)
        assert found.verdict is Verdict.FAILS, control.planted
        seen |= {c.label for c in found.comparisons if c.verdict is Verdict.FAILS}
    missed = {c.label for c in outcome.comparisons} - seen
    assert {label.split(",")[0] for label in missed} <= {"test loss", "R1", "train loss", "log_d t of train loss 1/4"}
    assert all(label.endswith(("= 0", "= 1e-05", "= 0.0001", "= 0.001", "= 0.1")) for label in missed)


def test_if_lambda_were_the_weight_of_a_mean_the_claim_would_fail() -> None:
    assert A1.check(ONE, world(ONE, averaged)).verdict is Verdict.FAILS


def test_a_run_that_diverged_leaves_it_open() -> None:
    numbers = {cell: as_published(cell, summed(cell.training, cell.fresh)) for cell in A1.design(ONE)}
    lost = next(cell for cell in numbers if cell.training == 100)
    numbers[lost] = {name: [] for name in CURVES} | {"diverged": "loss=inf"}
    assert A1.check(ONE, Evidence(numbers)).verdict is Verdict.INCONCLUSIVE


def test_the_designs() -> None:
    weights = {(cell.training, cell.fresh) for cell in A1.design(AUTHORS)}
    assert weights == {(w, 0.0) for w in (0.0, 0.01, 0.1, 1.0, 10.0, 100.0)} | set(FORMS.values())
    assert len(A1.design(AUTHORS)) == 3 * 6 + 2, "one of the other readings is that of a smaller lambda"
    assert {(cell.n, cell.m) for cell in A1.design(AUTHORS)} == {(published.SAMPLES, published.WIDTH)}
    assert len(A2.design(FULL)) == 3 * FULL.authors.shape_draws


@pytest.mark.parametrize("change", [{"dimension": 40}, {"steps": 1000}, {"strengths": (0.0, 0.01, 0.5)}])
def test_other_sizes_are_not_the_figures(change: dict[str, object]) -> None:
    with pytest.raises(HypothesisViolated, match="the figure"):
        A1.require(changed(AUTHORS, {"authors": change}))
    A1.require(AUTHORS)


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        ({"strengths": (0.0, 0.1)}, r"authors.strengths=.*needs 0.0 and 0.01"),
        ({"strengths": (0.01, 0.0)}, "increasing"),
        ({"seeds": (1, 1)}, "increasing"),
        ({"shape_draws": 1}, "A2 judges means"),
        ({"shape_dimension": 47}, "even d"),
    ],
)
def test_sizes_are_checked(change: dict[str, object], needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        changed(AUTHORS, {"authors": change})


def shapes(p: Profile, learns: bool = True) -> Evidence:
    """Curves of A2 with some scatter: fast ones without a penalty, later and lower ones with it."""
    found = {}
    for cell in A2.design(p):
        strong = cell.training == STRONG and learns
        steps = record_steps(cell.steps)
        x = np.log1p(steps) / math.log(cell.d)
        wobble = 1 + 0.02 * math.sin(7.0 * cell.replicate + cell.training)
        fall = 1 / (1 + np.exp(-((x - (1.8 if strong else 1.35) * wobble) / 0.07)))
        later = 1 / (1 + np.exp(-((x - 1.85) / 0.07)))
        found[cell] = {name: [0.1] * len(steps) for name in CURVES} | {
            "step": list(steps),
            "train": (0.6 * (1 - fall)).tolist(),
            "test": (
                0.75
                * (wobble + 0.01 * math.cos(9.0 * cell.replicate + cell.training))
                * (1 - (0.65 if strong else 0.3) * later)
            ).tolist(),
            "r1": ((0.001 if strong else 0.3) * wobble * fall).tolist(),
        }
    return Evidence(found)


def test_the_shape_holds_and_its_controls_fail() -> None:
    outcome = A2.check(FULL, shapes(FULL))
    assert [(c.label, c.verdict) for c in outcome.comparisons if c.verdict is not Verdict.HOLDS] == []
    seen: set[str] = set()
    for control in A2.controls:
        found = A2.check(FULL, shapes(FULL), control)
        assert found.verdict is Verdict.FAILS, control.planted
        seen |= {c.label for c in found.comparisons if c.verdict is Verdict.FAILS}
    assert seen == {c.label for c in outcome.comparisons}
    assert A2.check(FULL, shapes(FULL, learns=False)).verdict is Verdict.FAILS, "a penalty that changes nothing"


@pytest.mark.parametrize(("claim", "p"), [(A1, ONE), (A2, FULL)], ids=["A1", "A2"])
def test_figures_and_words(claim: Claim, p: Profile) -> None:
    evidence = world(p, summed) if claim is A1 else shapes(p)
    for drawing in claim.drawings:
        figure = Figure()
        drawing.draw(p, evidence, figure)
        assert len(figure.axes) == 3
        assert all(ax.has_data() for ax in figure.axes)
    assert "test loss" in claim.describe(p, evidence)


def test_curves_between_their_records() -> None:
    cell = AuthorsRun(device="cpu", d=10, m=100, n=32, steps=99, points=10)
    numbers = {"step": [0, 9, 99], "train": [1.0, 0.5, 0.1], "test": [1.0, 1.0, 0.0], "r1": [0.0, 0.0, 2.0]}
    one = Curves(cell, numbers)
    np.testing.assert_allclose(one.x, [0, 1, 2])
    assert one.at("train", 0.5) == pytest.approx(0.75)
    assert one.falls("train", 0.3) == pytest.approx(1.5)
    assert math.isnan(one.falls("train", 0.05))
    assert one.mean("test", 1, 2) == pytest.approx(0.5)
    assert one.end("r1") == 64, "as a sum over n"
    nothing = Curves(cell, {name: [] for name in CURVES})
    assert all(math.isnan(value) for value in (nothing.end("test"), nothing.at("r1", 1), nothing.falls("train", 0.1)))
