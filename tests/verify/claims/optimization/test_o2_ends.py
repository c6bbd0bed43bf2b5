from collections.abc import Callable
from typing import Any

from verify.claims.optimization.o2_ends import O2
from verify.judging.outcome import Verdict


def test_runs_that_did_not_end_conclude_nothing(judged: Callable[..., Any]) -> None:
    _, _, lost = judged(O2, lambda cell, row: row.__setitem__("reached", [[None] * cell.initialisations] * cell.draws))
    assert lost.verdict is Verdict.INCONCLUSIVE
    assert "On every draw some run did not end" in lost.explanation
