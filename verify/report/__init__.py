"""report.html: one offline file with the table of verdicts, a figure per claim and every formula typeset."""

from __future__ import annotations

import base64
import io
import os
import re
import tempfile
from importlib.resources import files
from pathlib import Path

import jinja2
import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from verify.claim import Case
from verify.display import SIGNS, interval_text, number
from verify.judgement import Judgement
from verify.outcome import Verdict
from verify.registry import CLAIMS
from verify.session import Run, reload

RULES = {"within": "within margin", "encloses": "enclosed", "below": "at most", "above": "at least"}


def write_report(folder: Path, run: Run | None = None) -> Path:
    """Write ``folder``/report.html; returns the path. The file appears whole or not at all.

    Args:
        folder: of the records.
        run: to show; when None, the newest run of the folder is judged again from its records.

    Raises:
        ValueError: no run in the folder, an incomplete one, or the folder cannot be written.
    """
    run = run or reload(folder, CLAIMS)
    target = folder / "report.html"
    page = render(run)
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".report-", suffix=".html")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise ValueError(
            f"{folder}: cannot write report.html there ({error}); give a folder that can be written"
        ) from None
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
        claims=[(j, [(case.label, figure(j, case)) for case in pictured(j)]) for j in run.judgements],
        counts=[(v, sum(j.verdict is v for j in run.judgements)) for v in Verdict],
        interval=interval_text,
        rules=RULES,
        signs=SIGNS,
        style=Markup(root.joinpath("report.css").read_text(encoding="utf-8")),
        katex_style=Markup(_katex_style()),
        katex_script=Markup(root.joinpath("vendor/katex/katex.min.js").read_text(encoding="utf-8")),
    )


def pictured(judgement: Judgement) -> list[Case]:
    """The cases that are drawn: the first of each k."""
    first: dict[int, Case] = {}
    for case in judgement.cases:
        first.setdefault(case.profile.k, case)
    return list(first.values())


def figure(judgement: Judgement, case: Case) -> str:
    """The claim's figure in a case, as a data address of an SVG."""
    settings = {
        "svg.hashsalt": judgement.claim.id + case.label,
        "font.size": 9,
        "axes.linewidth": 0.8,
        "mathtext.fontset": "cm",
    }
    with matplotlib.rc_context(settings):
        canvas = Figure(figsize=(5.6, 3.5), layout="constrained")
        judgement.claim.figure(case.profile, judgement.evidence, canvas.add_subplot())
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def _katex_style() -> str:
    """KaTeX's style sheet with its woff2 fonts inlined and the other formats dropped."""
    root = files(__name__).joinpath("vendor/katex")
    style = root.joinpath("katex.min.css").read_text(encoding="utf-8")

    def inline(match: re.Match[str]) -> str:
        font = root.joinpath("fonts", match[1]).read_bytes()
        return f'src:url(data:font/woff2;base64,{base64.b64encode(font).decode()}) format("woff2")'

    return re.sub(r'src:url\(fonts/([\w-]+\.woff2)\) format\("woff2"\)[^;}]*', inline, style)
