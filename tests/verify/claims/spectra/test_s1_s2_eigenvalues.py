"""S1 and S2 at small sizes."""

import pytest

from verify.claims.spectra.s1_s2_eigenvalues import S1, S2
from verify.judging.claim import Claim


@pytest.mark.parametrize("claim", [S1, S2], ids=lambda claim: claim.id)
def test_it_holds_and_its_controls_fail(claim: Claim, examine) -> None:
    examine(claim)
