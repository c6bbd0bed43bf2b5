"""N2 and N7 on learning curves made up so that they are exactly true, up to a little scatter."""

import math

import numpy as np
import pytest
from made_up import ONE, SIGMA, judged, kernel_sizes, scatter, verdicts

from verify.cells.kernels import Energies, SamplesToRisk
from verify.cells.search import bracket, coarse_grid
from verify.claims.generalization.growth import OFF, ON_GRID, by_activation
from verify.claims.generalization.n1_n2_n7_ridge import ESCAPE, N2, N7
from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Verdict
from verify.predictions.learning_curves import samples_needed
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import QUICK, Profile


def searched(cell: SamplesToRisk, tilt: float, noise: float, blind: tuple[float, float]) -> Numbers:
    """Curves that fall as n^-2 through their levels at the predicted n* times ``noise``, the claim's tilted in d."""

    def curve(energies: Energies, level: float, power: float) -> tuple[list[int], list[float]]:
        centre = samples_needed(cell.activation, cell.d, energies, level) * noise * cell.d**power
        grid = coarse_grid(cell.first, cell.last, cell.factor)
        (points,) = bracket(lambda n, _: [level * (centre / n) ** 2], 1, grid, level, cell.finest)
        return [n for n, _ in points], [risk for _, risk in points]

    samples, risks = curve((*cell.dense, *cell.sparse), cell.level, tilt)
    found: Numbers = {"samples": samples, "risks": risks, "blind": list(blind) if cell.blind else []}
    if cell.rival is None:
        return found
    degree, level = cell.rival
    others, rivals = curve(((degree, 1.0),), level, 0.0)
    return {**found, "rival samples": others, "rival risks": rivals}


def true_growth(
    claim: Claim, profile: Profile, size: float = 0.03, tilt: float = 0.0, above: float = 1.5
) -> dict[Cell, Numbers]:
    """Predicted n* times d^tilt, the rival's as predicted; risks ``above`` the floor, and far below it with more."""
    numbers: dict[Cell, Numbers] = {}
    for i, cell in enumerate(claim.design(claim.cases(profile)[0].profile)):
        assert isinstance(cell, SamplesToRisk)
        noise = float(scatter(1, size, i)[0])
        half = 0.5 * max((*cell.dense, *cell.sparse))[1] * noise
        numbers[cell] = searched(cell, tilt, noise, (above * half, 0.4 * half))
    return numbers


@pytest.mark.parametrize(("claim", "tilt"), [(N2, 0.15), (N7, -0.15)], ids=["N2", "N7"])
def test_growth_judges_curve_exponent_and_floor(claim: Claim, tilt: float) -> None:
    profile = kernel_sizes(rate_replicates=12)
    outcome, (rival, exponent, factor, more) = judged(claim, profile, Evidence(true_growth(claim, profile)))
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.obstacles == ()
    assert {name for name, v in verdicts(rival).items() if v is not Verdict.HOLDS} == {ON_GRID}
    assert verdicts(rival)[ON_GRID] is Verdict.FAILS
    assert {v for label, v in verdicts(exponent).items() if label.startswith("exponent")} == {Verdict.FAILS}
    assert {v for label, v in verdicts(factor).items() if label.startswith("log(n*")} == {Verdict.FAILS}
    assert [v for label, v in verdicts(more).items() if "floor" in label] == [Verdict.FAILS]
    assert [c.verdict for c in (rival, exponent, factor, more)] == [Verdict.FAILS] * 4
    view = claim.cases(profile)[0].profile
    steep = verdicts(claim.check(view, Evidence(true_growth(claim, profile, tilt=tilt))))
    assert Verdict.FAILS in {v for label, v in steep.items() if label.startswith("log(n*")}


@pytest.mark.parametrize(("claim", "tilt"), [(N2, -1.0), (N7, 1.0)], ids=["N2", "N7"])
def test_the_wrong_exponent_in_the_data_comes_out_fails(claim: Claim, tilt: float) -> None:
    """Not INCONCLUSIVE, as with a grid of n around the prediction, beside which all that is false is censored."""
    profile = kernel_sizes(rate_replicates=12)
    numbers = true_growth(claim, profile)
    grid = sorted({cell.d for cell in numbers if isinstance(cell, SamplesToRisk)})
    for cell, known in numbers.items():
        assert isinstance(cell, SamplesToRisk)
        noise = float(scatter(1, 0.03, cell.replicate + 100 * cell.d)[0])
        numbers[cell] = {**searched(cell, tilt, noise * grid[0] ** -tilt, (1.0, 1.0)), "blind": known["blind"]}
    outcome = claim.check(claim.cases(profile)[0].profile, Evidence(numbers))
    assert verdicts(outcome)[ON_GRID] is Verdict.FAILS
    assert outcome.verdict is Verdict.FAILS


def test_a_risk_below_the_floor_comes_out_fails() -> None:
    profile = kernel_sizes(rate_replicates=12)
    outcome = N7.check(N7.cases(profile)[0].profile, Evidence(true_growth(N7, profile, above=0.9)))
    assert [label for label, v in verdicts(outcome).items() if v is Verdict.FAILS] == ["risk / floor at n = 48, d = 96"]


def test_a_spent_budget_is_inconclusive_and_says_what_is_missing() -> None:
    profile = kernel_sizes(rate_replicates=12, most_samples=200)
    view = N2.cases(profile)[0].profile
    outcome = N2.check(view, Evidence(true_growth(N2, profile)))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    (sentence,) = outcome.obstacles
    assert sentence.startswith("d = 24: 12 of 12 draws keep a risk above 0.5 up to n = 200")
    assert "raise kernels.most_samples" in sentence
    largest = max(samples_needed(SIGMA, 24, ((1, 1.0), (2, 1.0)), 0.5) * scatter(1, 0.03, i)[0] for i in range(36, 48))
    assert f"about {largest - 200:.0f} more samples" in sentence


def test_a_search_that_ends_at_a_multiple_of_the_next_degree_names_that_multiple() -> None:
    """At k = 2 tanh(z + 1) needs more than 4 N(d,3), and more of ``most_samples`` would not have helped."""
    profile = kernel_sizes(rate_replicates=12, beyond={1: 1})
    outcome = N2.check(N2.cases(profile)[0].profile, Evidence(true_growth(N2, profile)))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.obstacles
    assert all("up to n = " in one and one.endswith("raise kernels.beyond") for one in outcome.obstacles)


def test_growth_counts_censored_runs_and_never_drops_them_silently() -> None:
    profile = kernel_sizes(rate_replicates=12)
    claim = N2
    view = claim.cases(profile)[0].profile
    numbers = true_growth(claim, profile)
    for cell in claim.design(view):
        assert isinstance(cell, SamplesToRisk)
        if cell.replicate < 4 and cell.d == 12:
            numbers[cell] |= {"samples": [cell.first, cell.last], "risks": [2.0, 2.0]}
    outcome = claim.check(view, Evidence(numbers))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "Censored (no crossing found): 4 of 48" in outcome.explanation
    assert dict(outcome.comparisons[1].budget)["censored observations"] == 4.0
    assert "no number of samples" in outcome.obstacles[0]
    assert math.log(OFF) > outcome.comparisons[0].margin


def test_margins_come_from_theory() -> None:
    rules = {rule.name: rule for rule in N2.rules(ONE)}
    ratios, exponent = [rules[f"log(n* / predicted), d = {d}"] for d in (8, 12, 16, 24)], rules[ON_GRID]
    assert [rule.margin for rule in ratios] == sorted((rule.margin for rule in ratios), reverse=True)
    assert ratios[-1].margin == pytest.approx(0.1)
    assert exponent.margin == pytest.approx(0.1)
    counts = [samples_needed(SIGMA, d, ((1, 1.0), (2, 1.0)), 0.5) for d in ONE.kernels.mixed_dimensions[1]]
    fitted = np.polyfit(np.log(ONE.kernels.mixed_dimensions[1]), np.log(counts), 1)[0]
    outcome = N2.check(ONE, Evidence(true_growth(N2, ONE)))
    assert outcome.prediction[ON_GRID] == pytest.approx(fitted)


def test_each_activation_has_its_own_power_law() -> None:
    """The interval is of the mean exponent, only scatter widens it, and a missing draw does not move it."""
    grid = np.array(QUICK.kernels.mixed_dimensions[1], dtype=float)
    laws = [(2.0, 1.7), (1.5, 2.2), (7.0, 2.1)]
    count = QUICK.kernels.rate_replicates
    noise = 0.01 * np.random.default_rng(1).standard_normal((count, len(grid)))
    table = np.array([a * grid**e for _ in range(count // 3) for a, e in laws]) * np.exp(noise)
    rule = next(rule for rule in ESCAPE.rules(QUICK) if rule.name == ON_GRID)
    table[0, 1] = math.nan
    found, missing = rule.interval(by_activation(QUICK, table))
    assert (missing, found.dof) == (1, count * len(grid) - 1 - 2 * len(laws))
    assert found.lower <= 2.0 <= found.upper
    assert found.upper - found.lower < 0.02
