"""S3 and S4 at small sizes."""

import pytest

from verify.claims.spectra.s3_s4_limits import S3, S4
from verify.judging.claim import Claim


@pytest.mark.parametrize("claim", [S3, S4], ids=lambda claim: claim.id)
def test_it_holds_and_its_controls_fail(claim: Claim, examine) -> None:
    examine(claim)
