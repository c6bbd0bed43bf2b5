"""G1 to G5 alike: at reduced sizes nothing fails, and every comparison does under some control."""

import matplotlib as mpl
import pytest
from examining import examine

from verify.claims.constructions import g1_g2_directions, g3_g4_expression, g5_joint
from verify.judging.claim import Claim
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
    examine(claim, p)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_both_orders_and_all_activations_are_cases(claim: Claim) -> None:
    cases = claim.cases(QUICK)
    assert [(c.profile.k, c.profile.activation) for c in cases] == [(k, a) for k in (1, 2) for a in (SINE, TANH, ERF)]
    cells = [cell for case in cases for cell in claim.design(case.profile)]
    assert len(set(cells)) == len(cells)
    for case in cases:
        claim.require(case.profile)
        assert len(claim.rules(case.profile)) >= 3
