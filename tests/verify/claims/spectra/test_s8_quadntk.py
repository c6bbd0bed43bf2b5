"""S8 at small sizes."""

from verify.claims.spectra.s8_quadntk import S8


def test_it_holds_and_its_controls_fail(examine) -> None:
    examine(S8)
