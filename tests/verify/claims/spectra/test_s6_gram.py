"""S6 at small sizes, and an error in the inputs that it must see."""

from numerics.sampling import sphere
from verify.claims.spectra.s6_gram import S6
from verify.judging.outcome import Verdict


def test_dependent_inputs_are_caught(judged, monkeypatch) -> None:
    """Each input twice: the Gram matrix is singular, its smallest eigenvalue nowhere near gamma."""
    monkeypatch.setattr(
        "verify.cells.gram_run.sphere", lambda count, d, radius, gen: sphere(count // 2, d, radius, gen).repeat(2, 1)
    )
    assert judged(S6).verdict is Verdict.FAILS


def test_it_holds_and_its_controls_fail(examine) -> None:
    examine(S6)
