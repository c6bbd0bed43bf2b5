"""T1 and T2 at reduced sizes."""

import pytest

from verify.claims.taylor.t1_t2_terms import T1, T2
from verify.judging.claim import Claim


@pytest.mark.parametrize("claim", [T1, T2], ids=lambda claim: claim.id)
def test_it_does_not_fail_and_its_controls_do(claim: Claim, examine) -> None:
    examine(claim, 1, "tanh(z + 1)")
