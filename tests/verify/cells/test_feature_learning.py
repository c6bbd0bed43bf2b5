"""Cells of the network itself: the lazy scaling, the share of the sparse part, the construction's movement."""

import pytest
import torch

from numerics.kernels import ntk_gram
from verify.cells.feature_learning import FeatureLearning

SIGMA = "sin(z + pi/4)"


def escaped(label_scale: float, **sizes: int) -> FeatureLearning:
    fields = {"d": 8, "m": 160, "n": 100, "k": 1, "draws": 2, "steps": 120} | sizes
    return FeatureLearning(
        activation=SIGMA, device="cpu", rate=0.03, start=0.3, r4=3e-3, label_scale=label_scale, **fields
    )


def test_lazy_scaling_is_the_linear_model() -> None:
    """Labels divided by a large number: the kernel stays, f_Q vanishes, and f_L alone has the risk."""
    rich, lazy = escaped(1.0).run(), escaped(1e3).run()
    assert max(lazy["movement"]) < 1e-3 < min(rich["movement"])
    assert max(lazy["quadratic"]) < 1e-3 < min(rich["quadratic"])
    assert lazy["constructed"] == rich["constructed"]


def test_share_and_construction_by_hand() -> None:
    runs = escaped(1.0, steps=2)
    draws, numbers = runs.prepare(), runs.run()
    # After two steps f_Q is near its start, so that the share is near zero and the risk near the target's energy.
    assert numbers["risk"][0] == pytest.approx(float(draws.labels[0].square().mean()), rel=0.5)
    assert abs(numbers["share"][0]) < 0.3
    network = draws.network.member(0)
    probes = draws.x[0][:128]
    before = ntk_gram(network, probes)
    unmoved = ntk_gram(network, probes, W=torch.zeros_like(network.w))
    torch.testing.assert_close(before, unmoved, rtol=1e-4, atol=1e-3)
    assert 0.01 < numbers["constructed"][0] < 2
