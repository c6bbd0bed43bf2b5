"""Sphinx configuration. Formulas are typeset by the KaTeX copy that the report uses, so the pages work offline."""

import shutil
import sys
from importlib.metadata import version as installed
from pathlib import Path

here = Path(__file__).parent
sys.path[:0] = [str(here), str(here.parent)]

static = here / "_build" / "static"
shutil.copytree(here.parent / "verify" / "report" / "vendor" / "katex", static / "katex", dirs_exist_ok=True)
# A page without formulas does not load the renderer.
(static / "typeset.js").write_text(
    """document.addEventListener("DOMContentLoaded", () => {
  if (window.renderMathInElement) renderMathInElement(document.body, {throwOnError: true});
});
"""
)
# A formula that is wider than the screen scrolls beside its number, not beneath it.
(static / "pages.css").write_text(
    """td code.literal { overflow-wrap: anywhere; white-space: normal; }
div.math:has(> .eqno) { display: flex; flex-direction: row-reverse; align-items: center; gap: 0.75rem; }
div.math:has(> .eqno) > span:not(.eqno) { flex: 1; min-width: 0; }
div.math:has(> .eqno) > .eqno { position: static; transform: none; white-space: nowrap; }
div.math .katex-display { overflow-x: auto; overflow-y: hidden; }
"""
)

project = "escape-ntk"
author = "The escape-ntk developers"
copyright = "2026, the escape-ntk developers"
version = release = installed("escape-ntk")

# The MathJax extension marks formulas up; its script is replaced by KaTeX's renderer, which reads the same marks.
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
mathjax_path = "katex/auto-render.min.js"
mathjax_options = {"defer": "defer"}
html_js_files = [("katex/katex.min.js", {"priority": 100, "defer": "defer"}), ("typeset.js", {"defer": "defer"})]
html_css_files = ["katex/katex.min.css", "pages.css"]
html_static_path = [str(static)]

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 2
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "escape-ntk"
autodoc_member_order = "bysource"
autodoc_typehints = "description"


def escape_bars(app, what, name, obj, options, lines):
    """Absolute values in docstrings are plain text: |x| must not be read as a substitution."""
    margin = None  # the indentation of the ``math`` directive that the line belongs to
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if margin is not None and line.strip() and indent <= margin:
            margin = None
        if line.lstrip().startswith(".. math::"):
            margin = indent
        if margin is None and not line.lstrip().startswith((">>>", "...")):
            lines[i] = line.replace("\\|", "|").replace("|", "\\|")


def fill_in_map(app, docname, source):
    """The tables of map.md, from the sources as they stand."""
    if docname == "map":
        import equation_map

        source[0] += equation_map.table(equation_map.repository())


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", fill_in_map)
    app.connect("autodoc-process-docstring", escape_bars)
