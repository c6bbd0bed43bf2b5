"""S9 at small sizes, and an error in the labels that it must see."""

import torch

from numerics.sampling import generator
from numerics.targets import Target
from verify.claims.spectra.s9_degrees import S9
from verify.judging.outcome import Verdict


def test_noise_in_the_labels_is_caught(judged, monkeypatch) -> None:
    """Shuffled labels leave nothing to learn."""
    true = Target.__call__
    monkeypatch.setattr(
        Target, "__call__", lambda self, x: true(self, x)[torch.randperm(len(x), generator=generator(len(x)))]
    )
    assert judged(S9).verdict is Verdict.FAILS


def test_it_holds_and_its_controls_fail(examine) -> None:
    examine(S9)
