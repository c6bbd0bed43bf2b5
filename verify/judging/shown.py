"""Comparisons as text: the numbers that the terminal, the report and ``--json`` show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from verify.judging.judgement import Judgement
from verify.judging.outcome import Comparison, Verdict

CONTROLS = {Verdict.FAILS: "caught", Verdict.HOLDS: "missed", Verdict.INCONCLUSIVE: "undecided"}
"""What became of the error that a control plants: its FAILS is what is wanted."""
SIGNS = {"within": "", "encloses": "", "below": "<= ", "above": ">= "}
"""What stands before a predicted number, by rule."""


def number(value: float, digits: int = 6) -> str:
    """Six significant digits."""
    return f"{value:.{digits}g}"


@dataclass(frozen=True)
class Shown:
    """The numbers of a comparison as text, all to as many digits as tell the interval's ends apart.

    Attributes:
        predicted: with the sign of a bound.
        admitted: the same with the margin or the greatest width that the rule admits.
        measured: the value.
        interval: its interval.
    """

    predicted: str
    admitted: str
    measured: str
    interval: str


def shown(c: Comparison) -> Shown:
    """The comparison's numbers. Rounded alike, they lie in the order in which the numbers themselves lie."""
    low, high = c.measured.lower, c.measured.upper
    digits = 6
    while digits < 17 and low != high and number(low, digits) == number(high, digits):
        digits += 1
    predicted = SIGNS[c.rule] + number(c.predicted, digits)
    admitted = predicted
    if c.rule == "within":
        admitted += f" +- {number(c.margin)}"
    elif c.rule == "encloses":
        admitted += f", width <= {number(c.margin)}"
    interval = f"[{number(low, digits)}, {number(high, digits)}]"
    return Shown(predicted, admitted, number(c.measured.value, digits), interval)


def interval_text(c: Comparison, part: Literal["predicted", "admitted", "measured", "interval"] = "interval") -> str:
    """One part of a comparison as it is shown, the measured interval when none is named."""
    text: str = getattr(shown(c), part)
    return text


def entry(judgement: Judgement) -> dict[str, Any]:
    """The claim's entry of ``escape-ntk verify --json``, with rule, margin, admitted range and "proved" by label.

    A range without an end on one side has null there. The admitted range of "encloses" is the prediction itself, and
    its margin is the greatest width of the interval.
    """
    comparisons = judgement.outcome.comparisons
    return judgement.as_json() | {
        "rule": {c.label: c.rule for c in comparisons},
        "proved": {c.label: c.proved for c in comparisons},
        "margin": {c.label: c.margin if math.isfinite(c.margin) else None for c in comparisons},
        "admitted": {c.label: [end if math.isfinite(end) else None for end in c.allowed] for c in comparisons},
    }
