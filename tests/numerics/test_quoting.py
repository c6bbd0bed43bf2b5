"""What refusals quote is one short line."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from numerics import Objective, TwoLayerNetwork, ntk_gram, to_sphere, train
from numerics.quoting import MOST, shown

NETWORK = TwoLayerNetwork(4, 16, "tanh(z + 1)", 1)
X = to_sphere(torch.eye(4, dtype=torch.float64))
LARGE = torch.ones(16, 4, dtype=torch.float64)


def test_a_quotation_is_one_short_line() -> None:
    assert shown(2.5) == "2.5"
    assert shown(torch.tensor(2.5)) == "tensor(2.5000)"
    assert shown(LARGE) == "Tensor of shape (16, 4)"
    assert shown(LARGE.numpy()) == "ndarray of shape (16, 4)"
    assert shown("a\nb") == r"'a\nb'"
    for long in ("a" * 10**6, list(range(1000)), [LARGE, LARGE], {"a": LARGE}, 10**5000, np.arange(3).tolist() * 100):
        assert len(shown(long)) <= MOST
        assert "\n" not in shown(long)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Objective(NETWORK, X, X[:, 0], loss=LARGE),
        lambda: Objective(NETWORK, X, X[:, 0], weights=LARGE),
        lambda: Objective(NETWORK, X, X[:, 0], model=LARGE),
        lambda: Objective(NETWORK, X, X[:, 0], model=[LARGE]),
        lambda: Objective(NETWORK, X, X[:, 0], model=LARGE.numpy()),
        lambda: ntk_gram(NETWORK, X, model=LARGE.numpy()),
        lambda: TwoLayerNetwork(4, 16, "z", seed=LARGE),
        lambda: TwoLayerNetwork(4, 16, "z", dtype=LARGE),
        lambda: TwoLayerNetwork(4, 16, "z", device=LARGE),
        lambda: to_sphere(X, LARGE),
        lambda: train(Objective(NETWORK, X, X[:, 0]), steps=LARGE),
        lambda: train(Objective(NETWORK, X, X[:, 0]), method=LARGE),
        lambda: train(Objective(NETWORK, X, X[:, 0]), certify=LARGE.numpy()),
        lambda: train(Objective(NETWORK, X, X[:, 0]), record_at=[LARGE]),
    ],
)
def test_no_refusal_prints_a_whole_tensor(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{1,220}$"):
        call()
