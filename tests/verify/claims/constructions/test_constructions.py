"""G1 to G5 alike: at reduced sizes nothing fails, and every comparison does under some control."""

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from verify.claims.constructions import g1_g2_directions, g3_g4_expression, g5_joint
from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Verdict
from verify.sizes.directions import DirectionSizes
from verify.sizes.profile import QUICK

mpl.use("Agg")
TANH, SINE, ERF = "tanh(z + 1)", "sin(z + pi/4)", "erf(z + 1/2)"
SMALL = QUICK.model_copy(
    update={
        "directions": DirectionSizes(
            energy_width={1: 256, 2: 256},
            energy_replicates=12,
            sign_widths=(64, 256, 1024),
            sparse_widths=(64, 256, 1024),
            dense_widths=(128, 512),
            joint_widths=(256, 1024, 4096),
            joint_networks=12,
        ),
    }
)
CLAIMS = [claim for module in (g1_g2_directions, g3_g4_expression, g5_joint) for claim in module.CLAIMS]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_checks_pass_and_planted_errors_fail(claim: Claim) -> None:
    """At reduced sizes: no FAILS, every control FAILS, and every comparison does under some control."""
    k, activation = (2, SINE) if claim.id == "G3" else (1, TANH)
    p = SMALL.model_copy(update={"k": k, "activations": (activation,)})
    claim.require(p)
    evidence = Evidence({cell: cell.run() for cell in claim.design(p)})
    outcome = claim.check(p, evidence)
    assert outcome.verdict is not Verdict.FAILS
    assert all(comparison.budget for comparison in outcome.comparisons)
    seen: set[int] = set()
    for control in claim.controls:
        planted = claim.check(p, evidence, control)
        assert planted.verdict is Verdict.FAILS, control.planted
        assert planted.p_value < 0.01 / 30, control.planted
        seen |= {i for i, c in enumerate(planted.comparisons) if c.verdict is Verdict.FAILS}
    assert seen == set(range(len(outcome.comparisons)))
    axes = Figure().subplots()
    claim.figure(p, evidence, axes)
    assert axes.get_xlabel()
    assert axes.has_data()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_both_orders_and_all_activations_are_cases(claim: Claim) -> None:
    cases = claim.cases(QUICK)
    assert [(c.profile.k, c.profile.activation) for c in cases] == [(k, a) for k in (1, 2) for a in (SINE, TANH, ERF)]
    cells = [cell for case in cases for cell in claim.design(case.profile)]
    assert len(set(cells)) == len(cells)
    for case in cases:
        claim.require(case.profile)
        assert len(claim.rules(case.profile)) >= 3
