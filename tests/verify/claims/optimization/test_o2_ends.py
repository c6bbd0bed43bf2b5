from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify.cells.optimization import IndependentInitialisations
from verify.claims.optimization.certificates import GAP, ROUNDING, SOUND
from verify.claims.optimization.o2_ends import O2, REFERENCE
from verify.judging.outcome import Outcome, Verdict


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    return {c.label: c.verdict for c in outcome.comparisons}


def test_runs_that_did_not_end_conclude_nothing_of_the_ends(judged: Callable[..., Any]) -> None:
    """The bound can be seen to be wrong all the same."""
    _, _, lost = judged(O2, lambda cell, row: row.__setitem__("reached", [[None] * cell.initialisations] * cell.draws))
    assert verdicts(lost) == {GAP: Verdict.INCONCLUSIVE, REFERENCE: Verdict.INCONCLUSIVE, SOUND: Verdict.HOLDS}
    assert "No run ended" in lost.explanation


def test_a_tenth_of_the_runs_may_be_missing(judged: Callable[..., Any]) -> None:
    def one(cell: Any, row: dict[str, Any]) -> None:
        if isinstance(cell, IndependentInitialisations) and cell.regularised:
            row["reached"] = [[None, *row["reached"][0][1:]], *row["reached"][1:]]
            row["ends"][0][0] = 9.0

    _, _, outcome = judged(O2, one)
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.budget[GAP] == {"rounding": ROUNDING, "runs that did not end": 3.0}


def test_every_end_counts_and_the_numbers_are_those_of_the_worst(judged: Callable[..., Any]) -> None:
    p, evidence, outcome = judged(O2)
    worst, cells = [], [cell for cell in O2.design(p) if cell.regularised]
    for cell in cells:
        row = evidence[cell]
        worst += [(end - low) / end for ends, low in zip(row["ends"], row["lower"], strict=True) for end in ends]
    assert outcome.estimate[GAP]["value"] == pytest.approx(max(worst), rel=1e-12)
    assert all(c.measured.enclosed for c in outcome.comparisons)
    assert np.isclose(outcome.prediction[GAP], p.optimization.initialisation_gap)
