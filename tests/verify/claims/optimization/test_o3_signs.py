from collections.abc import Callable
from typing import Any

from verify.claims.optimization.o3_signs import O3
from verify.judging.outcome import Verdict


def test_a_loss_below_the_reference_is_an_obstacle(judged: Callable[..., Any]) -> None:
    _, _, outcome = judged(O3, reference=lambda v: [9.0] * len(v))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "not above the reference" in outcome.obstacles[0]
