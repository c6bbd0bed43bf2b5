"""report.html: one offline file with the table of verdicts, a figure per claim and every formula typeset."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from markupsafe import Markup, escape

from verify.files import write_whole
from verify.judging.judgement import Judgement
from verify.judging.outcome import Verdict
from verify.judging.shown import SIGNS, interval_text
from verify.registry import CLAIMS
from verify.report.abstract import verified
from verify.report.drawing import Picture, pictures
from verify.report.graph import SYMBOLS, graph
from verify.report.page import environment, katex_style, part
from verify.session import Run, reload

HEADLINE = {"N10": "phase", "A1": "curves"}
"""Drawings that stand on top: the phase diagram, and the authors' figure drawn again."""
Each = Callable[[Sequence[Judgement]], Iterable[Judgement]]
RULES = {"within": "within margin", "encloses": "enclosed", "below": "at most", "above": "at least"}


class ReportError(ValueError):
    """The report cannot be written; verdicts and records do not depend on it."""


def write_report(folder: Path, run: Run | None = None, each: Each = iter) -> Path:
    """Write ``folder``/report.html; returns the path. The file appears whole or not at all.

    Args:
        folder: of the records.
        run: to show; when None, the newest run of the folder is judged again from its records.
        each: gives the judgements by turns, while their figures are drawn; whoever shows progress replaces it.

    Raises:
        ValueError: no run in the folder that ended, or records that are missing or damaged.
        ReportError: the file cannot be written.
    """
    run = run or reload(folder, CLAIMS)
    target = folder / "report.html"
    page = render(run, each).encode("utf-8", "replace")
    try:
        write_whole(target, page)
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{folder}: cannot write report.html there ({error}); the records are complete: make room or give a folder "
            f"that can be written, and run escape-ntk report {folder}"
        ) from None
    return target


def render(run: Run, each: Each = iter) -> str:
    """The page as text; ``each`` as for :func:`write_report`."""
    claims = [(j, [(picture, figure(picture)) for picture in pictures(j)]) for j in each(run.judgements)]
    return (
        environment()
        .from_string(part("report.html"))
        .render(
            run=run,
            claims=claims,
            headline=[
                (j, picture, image)
                for j, images in claims
                for picture, image in images
                if picture.drawing.name == HEADLINE.get(j.claim.id)
            ],
            sentences=verified(run.judgements),
            graph=graph(run.judgements),
            symbols=SYMBOLS,
            seconds=sum(j.seconds for j in run.judgements),
            counts=[(v, sum(j.verdict is v for j in run.judgements)) for v in Verdict],
            interval=interval_text,
            rules=RULES,
            signs=SIGNS,
            style=Markup(part("report.css")),
            script=Markup(part("typeset.js") + part("report.js")),
            katex_style=Markup(katex_style()),
            katex_script=Markup(part("vendor/katex/katex.min.js")),
        )
    )


def figure(picture: Picture) -> str:
    """A picture as a data address of an SVG; a sentence in its place when it cannot be drawn."""
    try:
        image = picture.image()
    except Exception as error:  # whatever matplotlib or a figure raises: it must not cost the report
        image = _sentence(f"The figure cannot be drawn ({type(error).__name__}: {error}). The verdict is not affected.")
    return "data:image/svg+xml;base64," + base64.b64encode(image).decode()


def _sentence(text: str) -> bytes:
    """An SVG that says it."""
    shown = "".join(c if c.isprintable() else " " for c in text)[:400]
    lines = "".join(f'<tspan x="10" dy="16">{escape(line)}</tspan>' for line in textwrap.wrap(shown, 62))
    page = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="403" height="252" viewBox="0 0 403 252">'
        f'<text y="40" font-family="sans-serif" font-size="12">{lines}</text></svg>'
    )
    return page.encode("utf-8", "replace")
