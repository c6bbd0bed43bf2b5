"""What the offline pages share: templates that escape what they are given, and KaTeX with its fonts inlined."""

from __future__ import annotations

import base64
import re
from importlib.resources import files

import jinja2

from verify.judging.shown import number
from verify.report.prose import typeset

HOME = "verify.report"


def part(name: str) -> str:
    """The text of a file beside this module, such as "report.css"."""
    return files(HOME).joinpath(name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """Jinja with autoescaping, the filters ``number`` and ``typeset``, and an error for a name that is missing."""
    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"number": number, "typeset": typeset}
    return made


def katex_style() -> str:
    """KaTeX's style sheet with its woff2 fonts inlined and the other formats dropped."""

    def inline(match: re.Match[str]) -> str:
        font = files(HOME).joinpath("vendor/katex/fonts", match[1]).read_bytes()
        return f'src:url(data:font/woff2;base64,{base64.b64encode(font).decode()}) format("woff2")'

    return re.sub(
        r'src:url\(fonts/([\w-]+\.woff2)\) format\("woff2"\)[^;}]*', inline, part("vendor/katex/katex.min.css")
    )
