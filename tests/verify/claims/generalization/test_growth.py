"""N2 and N7 on learning curves made up so that they are exactly true, up to a little scatter."""

import math

import numpy as np
import pytest
from made_up import ONE, SIGMA, judged, kernel_sizes, scatter, verdicts

from verify.claims.generalization.growth import OFF, ON_GRID
from verify.claims.generalization.n1_n2_n7_ridge import ESCAPE, N2, N7
from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Verdict
from verify.predictions.learning_curves import samples_needed
from verify.sizes.profile import QUICK, Profile


def true_growth(claim: Claim, profile: Profile, size: float = 0.03, tilt: float = 0.0) -> Evidence:
    """Risks that fall as n^-2 through the predicted n*, times d^tilt."""
    view = claim.cases(profile)[0].profile
    numbers = {}
    for i, cell in enumerate(claim.design(view)):
        energies = (*cell.dense, *cell.sparse)
        centre = samples_needed(cell.activation, cell.d, energies, cell.level) * scatter(1, size, i)[0] * cell.d**tilt
        numbers[cell] = {"risks": [cell.level * (centre / n) ** 2 for n in cell.samples]}
    return Evidence(numbers)


@pytest.mark.parametrize(("claim", "tilt"), [(N2, 0.15), (N7, -0.15)], ids=["N2", "N7"])
def test_growth_judges_curve_and_exponent(claim: Claim, tilt: float) -> None:
    profile = kernel_sizes(rate_replicates=12)
    outcome, (exponent, factor) = judged(claim, profile, true_growth(claim, profile))
    assert outcome.verdict is Verdict.HOLDS
    assert {v for label, v in verdicts(exponent).items() if label.startswith("exponent")} == {Verdict.FAILS}
    assert {v for label, v in verdicts(factor).items() if label.startswith("log(n*")} == {Verdict.FAILS}
    view = claim.cases(profile)[0].profile
    steep = verdicts(claim.check(view, true_growth(claim, profile, tilt=tilt)))
    assert Verdict.FAILS in {v for label, v in steep.items() if label.startswith("log(n*")}


def test_growth_counts_censored_runs_and_never_drops_them_silently() -> None:
    profile = kernel_sizes(rate_replicates=12)
    claim = N2
    view = claim.cases(profile)[0].profile
    numbers = {cell: true_growth(claim, profile)[cell] for cell in claim.design(view)}
    for cell in claim.design(view):
        if cell.replicate < 4 and cell.d == 12:
            numbers[cell] = {"risks": [2.0] * len(cell.samples)}
    outcome = claim.check(view, Evidence(numbers))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "Censored (no crossing inside the grid): 4 of 48" in outcome.explanation
    assert dict(outcome.comparisons[1].budget)["censored observations"] == 4.0
    assert math.log(OFF) > outcome.comparisons[0].margin


def test_margins_come_from_theory() -> None:
    rules = {rule.name: rule for rule in N2.rules(ONE)}
    ratios, exponent = [rules[f"log(n* / predicted), d = {d}"] for d in (8, 12, 16, 24)], rules[ON_GRID]
    assert [rule.margin for rule in ratios] == sorted((rule.margin for rule in ratios), reverse=True)
    assert ratios[-1].margin == pytest.approx(0.1)
    assert exponent.margin == pytest.approx(0.1)
    counts = [samples_needed(SIGMA, d, ((1, 1.0), (2, 1.0)), 0.5) for d in ONE.kernels.mixed_dimensions[1]]
    fitted = np.polyfit(np.log(ONE.kernels.mixed_dimensions[1]), np.log(counts), 1)[0]
    outcome = N2.check(ONE, true_growth(N2, ONE))
    assert outcome.prediction[ON_GRID] == pytest.approx(fitted)


def test_aligned_keeps_the_mean_exponent() -> None:
    """Activations with their own power laws: the common fit has the mean exponent, and only the scatter is left."""
    grid = np.array(QUICK.kernels.mixed_dimensions[1], dtype=float)
    laws = [(2.0, 1.7), (1.5, 2.2), (7.0, 2.1)]
    noise = 0.01 * np.random.default_rng(1).standard_normal((6, len(grid)))
    table = np.array([a * grid**e for _ in range(2) for a, e in laws]) * np.exp(noise)
    flat = ESCAPE.aligned(QUICK, table)
    (exponent, _), residual, *_ = np.polyfit(np.tile(np.log(grid), 6), np.log(flat).ravel(), 1, full=True)
    assert exponent == pytest.approx(2.0, abs=0.02)
    assert math.sqrt(residual[0] / flat.size) < 0.012
    table[0, 1] = math.nan
    assert int(np.isnan(ESCAPE.aligned(QUICK, table)).sum()) == 1
