from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from numerics.batches import member_index
from numerics.certificate.gap import Gap
from numerics.certificate.multipliers import Multipliers
from numerics.network import TwoLayerNetwork
from numerics.terms.weights import Parts


def parts(*batch: int) -> Parts:
    return Parts(*(torch.zeros(batch) for _ in Parts.__dataclass_fields__))


def gap(*batch: int) -> Gap:
    numbers = {name: torch.zeros(batch) for name in Gap.__dataclass_fields__}
    return Gap(**{**numbers, "multipliers": Multipliers(torch.zeros(*batch, 5), torch.zeros(*batch, 4))})


@pytest.mark.parametrize("index", [0, 2, np.int64(1)])
def test_an_index_within(index: Any) -> None:
    assert member_index(index, (3,)) == int(index)


@pytest.mark.parametrize("index", [3, -1, "1", 1.0, True, None, slice(2)])
@pytest.mark.parametrize(
    "of", [TwoLayerNetwork(4, 8, "tanh(z)", seed=[0, 1, 2]), parts(3), gap(3), gap(3).multipliers], ids=type
)
def test_an_index_that_no_member_has(index: Any, of: Any) -> None:
    """Python's own -1, True and slices would take another network, or several, without a word."""
    with pytest.raises(IndexError, match=r"needs an integer from 0 to 2, in a batch \(3,\)"):
        of.member(index)


@pytest.mark.parametrize("of", [TwoLayerNetwork(4, 8, "tanh(z)", seed=0), parts(), gap(), gap().multipliers], ids=type)
def test_one_network_alone_has_no_members(of: Any) -> None:
    with pytest.raises(IndexError, match="one network alone"):
        of.member(0)
