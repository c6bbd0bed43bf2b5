"""``escape-ntk explain``: one claim in words, with what was measured and how the verdict follows."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from verify.cli.formulas import plain_formula
from verify.judging.claim import Claim
from verify.judging.grade import Grade
from verify.judging.judgement import Judgement
from verify.judging.outcome import Comparison, Verdict
from verify.judging.rules import ExactRule, Rule
from verify.judging.shown import CONTROLS, shown
from verify.registry import CLAIMS
from verify.sizes.profile import Profile
from verify.state import design

WIDTH = 100
"""Of the paragraphs; a narrower terminal's own width wins."""
INDENT = "    "
PLACES = {
    "within": "within {} of the prediction",
    "encloses": "enclosing the prediction, no wider than {}",
    "below": "at or below the prediction",
    "above": "at or above the prediction",
}
HOW = {
    "within": "HOLDS when the whole interval lies within the margin of the prediction, FAILS when none of it does",
    "encloses": "the interval is rigorous: HOLDS when it contains the prediction and is narrow, FAILS when it does not",
    "below": "HOLDS when the whole interval lies at or below the bound, FAILS when none of it does",
    "above": "HOLDS when the whole interval lies at or above the bound, FAILS when none of it does",
}


def explain(
    claim: Claim, profile: Profile, judgement: Judgement | None, width: int = WIDTH, remarks: Sequence[str] = ()
) -> str:
    """The text.

    Args:
        claim: to explain.
        profile: whose sizes are described.
        judgement: from records; None when nothing was measured yet.
        width: of its paragraphs; the lines of the comparisons are one line each.
        remarks: on the release protocol of the records.
    """
    lines = [*_lines(claim, profile, judgement)]
    for remark in remarks:
        lines += _paragraph("Protocol", f"{remark}.")
    return "\n".join(line if line.startswith(INDENT) else _filled(line, width) for line in lines)


def _filled(line: str, width: int) -> str:
    return textwrap.fill(line, width, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False)


def _lines(claim: Claim, profile: Profile, judgement: Judgement | None) -> Iterator[str]:
    yield f"{claim.id} {claim.title}"
    yield from _paragraph("Statement", plain_formula(claim.statement))
    yield from _paragraph("Source", claim.source + ".")
    yield from _paragraph("Written in", f"{claim.file}{_equations(claim)}.")
    if claim.depends_on:
        yield from _paragraph("Builds on", ", ".join(claim.depends_on) + ".")
    yield from _paragraph("Why it should hold", claim.why)
    yield from _paragraph("What would refute it", claim.refuted_by)
    cases = claim.cases(profile) if judgement is None or not judgement.cases else judgement.cases
    rules = {rule: None for case in cases for rule in claim.rules(case.profile)}
    for rule in rules:
        yield from _paragraph("Decision rule", _rule(rule))
    if judgement is None:
        count = len(design(claim, profile))
        yield from _paragraph(
            "What is measured",
            f"{count} cells in the profile {profile.name}; nothing is in the records yet, run escape-ntk verify "
            f"--claims {claim.id}{_source(claim)} --profile {profile.name}.",
        )
        return
    if judgement.outcome.explanation:
        yield from _paragraph("What was measured", judgement.outcome.explanation)
    if judgement.looked:
        yield from _paragraph("How often", judgement.looked)
    yield from _paragraph("Verdict", str(judgement.verdict))
    yield from _grades(judgement)
    for reason in judgement.reasons:
        yield from _paragraph("", f"INCONCLUSIVE: {reason}.")
    used = dict.fromkeys(c.rule for c in judgement.outcome.comparisons)
    for name in used:
        yield from _paragraph(f"Rule {name}", HOW[name] + ".")
    for comparison in judgement.outcome.comparisons:
        yield _comparison(comparison)
    for control in judgement.controls:
        failing = sum(c.verdict is Verdict.FAILS for c in control.outcome.comparisons)
        silent = f", and none does for {', '.join(control.missed)}" if control.missed else ""
        yield from _paragraph(
            "Control",
            f"{control.planted}: {control.verdict}, the planted error is {CONTROLS[control.verdict]} "
            f"({failing} of {len(control.outcome.comparisons)} comparisons fail{silent}; some must in every case).",
        )


def _grades(judgement: Judgement) -> Iterator[str]:
    """The grade of the evidence, and by grade and reason how many comparisons have it."""
    if judgement.grade is None:
        return
    graded = Counter(c.graded for c in judgement.outcome.comparisons)
    order = sorted(graded.items(), key=lambda item: list(Grade).index(item[0][0]))
    parts = [f"{count} {grade}{f' ({why})' if why else ''}" for (grade, why), count in order]
    missed = "; a control is not caught, so the claim is not told from the error that was planted"
    lowered = missed if judgement.control is not Verdict.FAILS else ""
    yield from _paragraph("Grade of the evidence", f"{judgement.grade}. Comparisons: {', '.join(parts)}{lowered}.")


def _equations(claim: Claim) -> str:
    """The labels of the equations that the claim checks."""
    if not claim.equations:
        return ""
    return f"; equations of docs/mathematics: {', '.join(claim.equations)}"


def _source(claim: Claim) -> str:
    """The option that names the file of a claim that is not ours; an installed package is found without."""
    outside = claim.id not in CLAIMS and claim.file.endswith(".py")
    return f" --claims-from {claim.file}" if outside else ""


def _rule(rule: Rule) -> str:
    """How one comparison is decided."""
    unit = " times the prediction" if rule.relative else ""
    place = PLACES[rule.rule].format(f"{rule.margin:.0%}" if rule.relative else f"{rule.margin:g}")
    if isinstance(rule, ExactRule):
        return f"{rule.name}: a rigorous interval, {place}."
    at = f" at each of {', '.join(f'{x:g}' for x in rule.grid)}" if rule.grid else ""
    what = "" if rule.scale == "value" else f" (the {rule.scale} of each to its own prediction)"
    return (
        f"{rule.name}: {rule.statistic} of {rule.replicates} observations{at}{what}, {place}; a "
        f"truth {rule.alternative:+g}{unit} away must come out FAILS (observations are assumed to spread by at most "
        f"{rule.noise:g}{unit})."
    )


def _paragraph(heading: str, text: str) -> Iterator[str]:
    lead = f"{heading}: " if heading else ""
    yield lead + text


def _comparison(c: Comparison) -> str:
    budget = "; ".join(f"{name} {size:.2g}" for name, size in c.budget)
    found = shown(c)
    return (
        f"{INDENT}{c.verdict:<12} {c.label}: predicted {found.admitted}, measured {found.measured} in {found.interval}"
        f"{f' ({budget})' if budget else ''}"
    )
