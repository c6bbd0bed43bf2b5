"""report.html: one offline file with the table of verdicts, a figure per claim and every formula typeset."""

from __future__ import annotations

import base64
import io
import os
import re
import tempfile
import textwrap
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import jinja2
import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from verify.claims.plotting import comparisons
from verify.judging.claim import Case
from verify.judging.judgement import Judgement
from verify.judging.outcome import Verdict
from verify.judging.shown import SIGNS, interval_text, number
from verify.registry import CLAIMS
from verify.session import Run, reload

RULES = {"within": "within margin", "encloses": "enclosed", "below": "at most", "above": "at least"}


class ReportError(ValueError):
    """The report cannot be written; verdicts and records do not depend on it."""


def write_report(folder: Path, run: Run | None = None) -> Path:
    """Write ``folder``/report.html; returns the path. The file appears whole or not at all.

    Args:
        folder: of the records.
        run: to show; when None, the newest run of the folder is judged again from its records.

    Raises:
        ValueError: no run in the folder that ended, or records that are missing or damaged.
        ReportError: the file cannot be written.
    """
    run = run or reload(folder, CLAIMS)
    target = folder / "report.html"
    page = render(run)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".report-", suffix=".html")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(page)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
        temporary = None
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{folder}: cannot write report.html there ({error}); the records are complete: make room or give a folder "
            f"that can be written, and run escape-ntk report {folder}"
        ) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
    return target


def render(run: Run) -> str:
    """The page as text."""
    root = files(__name__)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number}
    template = environment.from_string(root.joinpath("report.html").read_text(encoding="utf-8"))
    return template.render(
        run=run,
        claims=[(j, [(caption(j, case), figure(j, case)) for case in pictured(j)]) for j in run.judgements],
        counts=[(v, sum(j.verdict is v for j in run.judgements)) for v in Verdict],
        interval=interval_text,
        rules=RULES,
        signs=SIGNS,
        style=Markup(root.joinpath("report.css").read_text(encoding="utf-8")),
        katex_style=Markup(_katex_style()),
        katex_script=Markup(root.joinpath("vendor/katex/katex.min.js").read_text(encoding="utf-8")),
    )


def pictured(judgement: Judgement) -> list[Case]:
    """The cases that are drawn: one of each k, that of the deciding comparison or else the first."""
    first: dict[int, Case] = {}
    for case in judgement.cases:
        first.setdefault(case.profile.k, case)
    decisive = judgement.outcome.decisive
    for case in judgement.cases:
        if decisive is not None and decisive.case == case.label:
            first[case.profile.k] = case
    return list(first.values())


def caption(judgement: Judgement, case: Case) -> str:
    """What is drawn: the case, or all cases of its k where the figure is that of the comparisons."""
    if judgement.claim.figure is not None:
        return case.label
    return f"k = {case.profile.k}" if len({other.profile.k for other in judgement.cases}) > 1 else ""


def figure(judgement: Judgement, case: Case) -> str:
    """The claim's figure in a case, as a data address of an SVG; a sentence in its place when it cannot be drawn."""
    try:
        image = _drawn(judgement, case)
    except Exception as error:  # whatever matplotlib or a figure raises: it must not cost the report
        image = _sentence(f"The figure cannot be drawn ({type(error).__name__}: {error}). The verdict is not affected.")
    return "data:image/svg+xml;base64," + base64.b64encode(image).decode()


def _drawn(judgement: Judgement, case: Case) -> bytes:
    settings = {
        "svg.hashsalt": judgement.claim.id + case.label,
        "font.size": 9,
        "axes.linewidth": 0.8,
        "mathtext.fontset": "cm",
    }
    with matplotlib.rc_context(settings):
        canvas = Figure(figsize=(5.6, 3.5), layout="constrained")
        if judgement.claim.figure is None:
            alike = {other.label for other in judgement.cases if other.profile.k == case.profile.k}
            comparisons([c for c in judgement.outcome.comparisons if c.case in alike], canvas.add_subplot())
        else:
            judgement.claim.figure(case.profile, judgement.evidence, canvas.add_subplot())
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _sentence(text: str) -> bytes:
    """An SVG that says it."""
    shown = "".join(c if c.isprintable() else " " for c in text)[:400]
    lines = "".join(f'<tspan x="10" dy="16">{escape(line)}</tspan>' for line in textwrap.wrap(shown, 62))
    page = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="403" height="252" viewBox="0 0 403 252">'
        f'<text y="40" font-family="sans-serif" font-size="12">{lines}</text></svg>'
    )
    return page.encode("utf-8", "replace")


def _katex_style() -> str:
    """KaTeX's style sheet with its woff2 fonts inlined and the other formats dropped."""
    root = files(__name__).joinpath("vendor/katex")
    style = root.joinpath("katex.min.css").read_text(encoding="utf-8")

    def inline(match: re.Match[str]) -> str:
        font = root.joinpath("fonts", match[1]).read_bytes()
        return f'src:url(data:font/woff2;base64,{base64.b64encode(font).decode()}) format("woff2")'

    return re.sub(r'src:url\(fonts/([\w-]+\.woff2)\) format\("woff2"\)[^;}]*', inline, style)
