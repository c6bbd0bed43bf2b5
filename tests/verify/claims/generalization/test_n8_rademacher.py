"""N8 on small cells and on numbers made up."""

import numpy as np
import pytest
from made_up import SIGMA, judged, kernel_sizes, scatter, verdicts

from verify.cells.rademacher import SignSuprema
from verify.claims.generalization.n8_rademacher import N8
from verify.judging.claim import Evidence, HypothesisViolated
from verify.judging.outcome import Verdict
from verify.sizes.profile import QUICK


def test_n8_holds_and_its_controls_fail() -> None:
    profile = kernel_sizes(
        suprema_dimension=8,
        suprema_width=16,
        suprema_samples=(128, 512),
        suprema_replicates=24,
        noisy_dimension=6,
        noisy_samples=128,
        noisy_networks=8,
        noisy_steps=150,
    )
    view = N8.cases(profile)[0].profile
    evidence = Evidence({cell: cell.run() for cell in N8.design(view)})
    outcome, controls = judged(N8, profile, evidence)
    assert Verdict.FAILS not in verdicts(outcome).values()
    failing = [{label for label, v in verdicts(c).items() if v is Verdict.FAILS} for c in controls[:3]]
    assert "exponent of R_n in n" in failing[0]
    assert "quadratic ball: supremum attained" in failing[1]
    assert failing[2] == {"quadratic ball: E sup^2 / lower bound"}


def test_n8_counts_networks_outside_the_ball() -> None:
    profile = kernel_sizes(suprema_replicates=6, noisy_networks=8)
    view = N8.cases(profile)[0].profile
    arm = {
        "train": [0.1] * 8,
        "test": list(0.9 + 0.01 * scatter(8, 1.0)),
        "linear_radius": [1.0] * 8,
        "quadratic_radius": [1.0] * 7 + [1.2],
        "own": [0.5] * 8,
        "fresh": [0.0] * 8,
    }
    numbers = {}
    for i, cell in enumerate(N8.design(view)):
        if isinstance(cell, SignSuprema):
            rows = [[value] for value in scatter(len(cell.samples), 0.01, i) / np.sqrt(cell.samples)]
            ones = [[1.0] for _ in cell.samples]
            numbers[cell] = {"linear": rows, "quadratic": rows, "attained": rows, "norms": ones}
        else:
            numbers[cell] = {"joint": arm, "quadntk": {**arm, "quadratic_radius": [1.0] * 8, "own": [1.5] * 8}}
    outcome = N8.check(view, Evidence(numbers))
    found = verdicts(outcome)
    assert found["joint: generalisation gap / bound"] is Verdict.INCONCLUSIVE  # one of four left the ball
    assert found["QuadNTK: generalisation gap / bound"] is Verdict.HOLDS
    assert found["QuadNTK: correlation of f_Q with signs / supremum"] is Verdict.FAILS
    assert found["joint: correlation of f_Q with signs / supremum"] is Verdict.HOLDS


def test_hypotheses_are_asked_of_every_activation() -> None:
    N8.require(N8.cases(QUICK)[0].profile)
    for order in ((SIGMA, "z + z"), ("z + z", SIGMA)):
        with pytest.raises(HypothesisViolated, match="activation"):
            N8.require(N8.cases(QUICK.model_copy(update={"activations": order}))[0].profile)
