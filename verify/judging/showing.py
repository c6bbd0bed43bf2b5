"""Claims, outcomes and judgements in a notebook: HTML in which everything is escaped, and the figure of comparisons."""

from __future__ import annotations

import math
from typing import Any

from theory.showing import Formula, axes, curve, cut, facts, finish, table
from verify.judging.claim import Claim
from verify.judging.judgement import Judgement
from verify.judging.outcome import Outcome
from verify.judging.shown import CONTROLS, shown

ROWS = 40
"""Most comparisons of a table or a figure."""
REACH = 3.0
"""How far the figure extends on each side, in units of a comparison's margin or interval."""


def claim_page(claim: Claim) -> str:
    """What a claim says, why, and what would refute it."""
    items = {
        "statement": Formula(claim.statement),
        "why": claim.why,
        "refuted by": claim.refuted_by,
        "controls": "; ".join(control.planted for control in claim.controls),
        "source": claim.source,
        "builds on": ", ".join(claim.depends_on),
        "equations": ", ".join(claim.equations),
        "file": claim.file,
    }
    return facts(f"{claim.id}: {claim.title}", {name: value for name, value in items.items() if value})


def outcome_page(outcome: Outcome, lead: str = "", note: str = "") -> str:
    """The comparisons with their verdicts, in words as everywhere."""
    rows = []
    for c in outcome.comparisons[:ROWS]:
        found = shown(c)
        rows.append((c.label, c.verdict, found.admitted, found.measured, found.interval))
    more = len(outcome.comparisons) - ROWS
    notes = [f"and {more} more comparisons"] if more > 0 else []
    notes += [*outcome.obstacles, *([note] if note else [])]
    head = ("comparison", "verdict", "admitted", "measured", "interval")
    return table(lead or str(outcome.verdict), head, rows, "; ".join(notes))


def judgement_page(judgement: Judgement) -> str:
    """The verdict, its comparisons, the controls, and the reasons where it is INCONCLUSIVE."""
    claim = judgement.claim
    controls = {control.planted: CONTROLS[control.verdict] for control in judgement.controls}
    lead = f"{judgement.verdict}: {claim.id} {claim.title}"
    reasons = "; ".join(reason for reason in judgement.reasons if reason not in judgement.outcome.obstacles)
    page = outcome_page(judgement.outcome, lead, reasons)
    return page + (facts("the same check with a planted error", controls) if controls else "")


def draw_outcome(outcome: Outcome, ax: Any = None) -> Any:
    """Every measured interval beside what its rule admits, a row for each comparison; returns the Axes.

    A row is in units of the comparison's margin (of its interval where there is no margin) about the prediction: the
    band is what the rule admits, the line the interval with the measured value in it, and the verdict stands at the
    right. An interval outside the axes is an arrow at their edge.
    """
    judged, fresh, ax = outcome.comparisons[:ROWS], ax is None, axes(ax)
    if fresh:
        ax.figure.set_figheight(1.2 + 0.22 * max(len(judged), 6))
    for row, c in enumerate(judged):
        unit = max(c.margin, c.measured.upper - c.measured.value, 1e-300)
        unit = unit if math.isfinite(unit) else 1.0
        low, high, left, right = (
            _place((end - c.predicted) / unit) for end in (*c.allowed, c.measured.lower, c.measured.upper)
        )
        ax.fill_betweenx([row - 0.35, row + 0.35], low, max(high, low + 0.02), color="gray", alpha=0.3, linewidth=0)
        color = curve(0)["color"]
        if right <= -REACH or left >= REACH:
            ax.plot([math.copysign(0.96 * REACH, left)], [row], ">" if left > 0 else "<", color=color)
        else:
            ax.plot([left, right], [row, row], "-", marker="|", color=color, linewidth=2)
            middle = (c.measured.value - c.predicted) / unit
            if abs(middle) <= REACH:
                ax.plot([middle], [row], "o", color=color, markersize=4)
        ax.annotate(str(c.verdict), (1.0, row), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points")
        ax.texts[-1].set(va="center", fontsize="x-small")
    ax.axvline(0.0, linewidth=0.8, color="gray")
    ax.set_yticks(range(len(judged)), [cut(c.label.replace("$", r"\$"), 48) for c in judged], fontsize="x-small")
    ax.set_ylim(max(len(judged), 1) - 0.5, -0.5)
    ax.set_xlim(-REACH, REACH)
    return finish(ax, str(outcome.verdict), "distance from the prediction / margin; band: admitted", "", legend=False)


def draw_judgement(judgement: Judgement, ax: Any = None) -> Any:
    """The claim's own figure in the deciding case, or else that of its comparisons; returns the Axes."""
    ax, claim, decisive = axes(ax), judgement.claim, judgement.outcome.decisive
    deciding = [case for case in judgement.cases if decisive is not None and case.label == decisive.case]
    if claim.figure is None or not (deciding or judgement.cases):
        draw_outcome(judgement.outcome, ax)
    else:
        claim.figure((deciding or judgement.cases)[0].profile, judgement.evidence, ax)
    ax.set_title(
        cut(f"{judgement.verdict}: {claim.id} {claim.title}").replace("$", r"\$"), loc="left", fontsize="medium"
    )
    return ax


def _place(distance: float) -> float:
    return 0.0 if math.isnan(distance) else min(max(distance, -REACH), REACH)
