"""Wrong derivatives in the sampled and the integrated kernel that S1 and S8 must see."""

from collections.abc import Callable

import pytest
import torch

from numerics.activations import TorchActivation
from verify.claims.spectra.s1_s2_eigenvalues import S1
from verify.claims.spectra.s8_quadntk import S8
from verify.judging.claim import Claim
from verify.judging.outcome import Verdict


def _slip(orders: dict[int, int]) -> Callable[..., tuple[torch.Tensor, ...]]:
    true = TorchActivation.derivatives

    def derivatives(self: TorchActivation, z: torch.Tensor, *wanted: int) -> tuple[torch.Tensor, ...]:
        return true(self, z, *(orders.get(order, order) for order in wanted))

    return derivatives


@pytest.mark.parametrize(("claim", "orders"), [(S8, {2: 1}), (S1, {1: 2}), (S1, {1: 0})])
def test_a_wrong_derivative_is_caught(claim: Claim, orders: dict[int, int], judged, monkeypatch) -> None:
    monkeypatch.setattr(TorchActivation, "derivatives", _slip(orders))
    outcome = judged(claim)
    sampled = [c for c in outcome.comparisons if "Monte Carlo" in c.label]
    assert all(c.verdict is Verdict.FAILS for c in sampled)
    assert any(c.verdict is Verdict.FAILS for c in outcome.comparisons if "quadrature" in c.label)
