"""S5 at small sizes, its eigenvalues by degree, and an error in the covariance that it must see."""

import numpy as np

from verify.cells.subspace import TopBlock
from verify.claims.spectra.s5_top_block import S5, split
from verify.judging.outcome import Verdict


def test_split_recovers_groups_in_any_order() -> None:
    rng = np.random.default_rng(0)
    for centres in ([3.0, 1.0, 0.1], [0.5, 1.0, 0.1], [0.01, 1.0, 0.1]):
        parts = [c * np.exp(0.05 * rng.normal(size=count)) for c, count in zip(centres, (1, 5, 14), strict=True)]
        values = np.sort(np.concatenate(parts))[::-1]
        for found, part in zip(split(values, [1, 5, 14]), parts, strict=True):
            np.testing.assert_allclose(np.sort(found), np.sort(part))


def test_a_wrong_scale_of_the_covariance_is_caught(judged, monkeypatch) -> None:
    true = TopBlock.run
    monkeypatch.setattr(TopBlock, "run", lambda self: (n := true(self)) | {"values": [1.1 * v for v in n["values"]]})
    assert judged(S5).verdict is Verdict.FAILS


def test_it_holds_and_its_controls_fail(examine) -> None:
    examine(S5)
