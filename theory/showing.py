"""How objects look in a notebook and in a figure: HTML in which everything is escaped, and one style for all plots.

Text, frames and grids take the colours of the page or of matplotlib's own style, so both are read in light and dark.
The four colours of the curves keep a contrast of 3 on white and on black, and are told apart by colour-blind readers
(Okabe & Ito, 2008); every curve also has a line and a marker of its own, so nothing is said by colour alone.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")
LONGEST = 60
"""Characters of a user's text that a figure shows."""


def curve(index: int) -> dict[str, Any]:
    """Colour, line and marker of the curve with this index, as keywords of ``Axes.plot``; sixteen are told apart."""
    place = index % len(COLOURS)
    line = LINES[(place + index // len(COLOURS)) % len(LINES)]
    return {"color": COLOURS[place], "linestyle": line, "marker": MARKERS[place]}


def line(index: int) -> dict[str, Any]:
    """As :func:`curve`, without markers, for curves of very many points."""
    return curve(index) | {"marker": ""}


def axes(ax: Any = None) -> Any:
    """``ax`` itself, or the Axes of a new figure.

    Raises:
        ImportError: matplotlib is not installed; with the command that installs it.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("plots need matplotlib, which is not installed: pip install 'escape-ntk[verify]'") from error
    _, fresh = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    return fresh


def finish(ax: Any, title: str, xlabel: str, ylabel: str, legend: bool = True) -> Any:
    """Title and labels (plain texts), a faint grid, no frame above and to the right, a legend; returns ``ax``."""
    ax.set_title(plain(title), loc="left", fontsize="medium")
    ax.set_xlabel(plain(xlabel))
    ax.set_ylabel(plain(ylabel))
    ax.grid(True, which="major", alpha=0.25, linewidth=0.6)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if legend and ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize="small")
    return ax


def plain(text: str) -> str:
    r"""A text for matplotlib: on one line, of at most twice :data:`LONGEST` characters, never read as a formula.

    >>> print(plain("price: 3$"))
    price: 3\$
    """
    shown = "".join(c if c.isprintable() else " " for c in text)
    return cut(shown, 2 * LONGEST).replace("\\", "/").replace("$", r"\$")


def cut(text: str, length: int = LONGEST) -> str:
    """The text, its end replaced by dots where it is longer than ``length``."""
    return text if len(text) <= length else text[: length - 3] + "..."


def number(value: Any) -> str:
    """A number for a table, to four digits; empty where nothing was measured (NaN).

    >>> number(0.00012345), number(math.nan), number(7)
    ('0.0001234', '', '7')
    """
    real = float(value)
    return "" if math.isnan(real) else f"{real:.4g}"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    """An HTML table; every text is escaped.

    >>> table("a < b", ["n"], [[1]])
    '<table><caption style="text-align:left">a &lt; b</caption><tr><th>n</th></tr><tr><td>1</td></tr></table>'
    """
    top = "".join(f"<th>{_escaped(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{_escaped(cell)}</td>' for cell in row)}</tr>" for row in rows)
    below = f"<p>{_escaped(note)}</p>" if note else ""
    title = f'<caption style="text-align:left">{_escaped(caption)}</caption>'
    return f"<table>{title}<tr>{top}</tr>{body}</table>{below}"


def facts(title: str, items: Mapping[str, Any]) -> str:
    """An HTML table of names and what they are; every text is escaped, a :class:`Formula` is typeset."""
    left = 'style="text-align:left"'
    rows = "".join(
        f"<tr><th {left}>{_escaped(name)}</th><td {left}>{_escaped(value)}</td></tr>" for name, value in items.items()
    )
    return f"<table><caption {left}>{_escaped(title)}</caption>{rows}</table>"


class Formula(str):
    """LaTeX without dollar signs, which a notebook typesets."""

    __slots__ = ()


def _escaped(value: Any) -> str:
    text = html.escape(str(value))
    if not isinstance(value, Formula):
        return text.replace("$", "<span>&#36;</span>")  # so a user's dollar sign begins no formula
    return rf"$\displaystyle {text.replace('$', '')}$"
