"""Penalty weights: bad ones are refused with what is needed; the parts of the loss."""

import math
import re

import pytest
import torch

from numerics.terms.weights import Parts, PenaltyWeights


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: PenaltyWeights(r1=-1.0), "r1=-1.0: needs a finite weight >= 0"),
        (lambda: PenaltyWeights(r2=math.inf), "r2=inf"),
        (lambda: PenaltyWeights(r4=math.nan), "r4=nan"),
        (lambda: PenaltyWeights(r1_modes=("sample",)), "r1_modes=('sample',): needs a tuple of distinct modes"),
        (lambda: PenaltyWeights(r1_modes=("exact", "exact")), "distinct modes out of exact, training, unlabeled"),
        (lambda: PenaltyWeights(r1_modes="exact"), "r1_modes='exact'"),
        (lambda: PenaltyWeights(r4_power=6), "r4_power=6: needs 4 or 8"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()


def test_a_weight_of_zero_or_no_mode_switches_r1_off() -> None:
    assert PenaltyWeights().uses("exact")
    assert not PenaltyWeights().uses("unlabeled")
    assert not PenaltyWeights(r1=0.0).uses("exact")
    assert not PenaltyWeights(r1_modes=()).uses("training")


def test_parts_of_a_batch() -> None:
    parts = Parts(*(torch.tensor([value, -value]) for value in range(9)))
    assert list(parts.member(1).numbers().values()) == [-value for value in range(9)]
    with pytest.raises(ValueError, match="take member"):
        parts.numbers()
