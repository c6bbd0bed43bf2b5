"""S7 at small sizes, and wrong directions that it must see."""

from numerics.directions import GoodDirections
from verify.claims.spectra.s7_subspace import S7
from verify.judging.outcome import Verdict


def test_random_directions_are_caught(judged, monkeypatch) -> None:
    shuffled = GoodDirections.random_subspace
    monkeypatch.setattr(
        "verify.cells.subspace_run.GoodDirections", lambda network, k: shuffled(GoodDirections(network, k), 0)
    )
    assert judged(S7).verdict is Verdict.FAILS


def test_it_holds_and_its_controls_fail(examine) -> None:
    examine(S7)
