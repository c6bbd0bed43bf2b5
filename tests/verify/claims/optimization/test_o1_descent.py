from collections.abc import Callable
from typing import Any

from verify.claims.optimization.o1_descent import O1
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell


def test_runs_that_did_not_end_are_counted_and_conclude_nothing(judged: Callable[..., Any]) -> None:
    _, _, few = judged(O1, lambda cell, row: row["reached"].__setitem__(0, None) if cell.d == 4 else None)
    assert few.verdict is Verdict.HOLDS
    assert "3 of 36 runs had not ended" in few.explanation
    _, _, slow = judged(O1, lambda cell, row: row["reached"].__setitem__(0, None) if cell.d == 11 else None)
    assert slow.verdict is Verdict.INCONCLUSIVE, "what the cap hides at the largest d may be slow"

    # Their ends prove nothing either way.
    def unfinished(cell: Cell, row: dict[str, Any]) -> None:
        row["reached"][0], row["gradient"][0] = None, 0.5

    _, _, many = judged(O1, unfinished)
    assert many.verdict is Verdict.INCONCLUSIVE
    _, _, none = judged(O1, lambda cell, row: row.__setitem__("reached", [None] * cell.draws))
    assert none.verdict is Verdict.INCONCLUSIVE
    assert none.obstacles
