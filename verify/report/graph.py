"""The claims of a run and what builds on what, as a drawing whose nodes are links."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from markupsafe import Markup

from verify.judging.claim import Claim

NOT_JUDGED = "not judged"
SYMBOLS = {"HOLDS": "✓", "FAILS": "✗", "INCONCLUSIVE": "?", NOT_JUDGED: "○"}
"""A status without colour."""
WIDTH, HEIGHT = 62, 24
ACROSS, DOWN = 150, 36
MARGIN = 10
BEND = 38
"""How far lines within a column bend out to its left, at most."""
_NODE = Markup(
    '<a href="#{id}" class="node {style}"><title>{id} {title}: {verdict}</title>'
    '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="5"/>'
    '<text x="{tx}" y="{ty}">{symbol} {id}</text></a>'
)
_EDGE = Markup('<path class="edge" d="M{x1},{y1} C{x3},{y1} {x4},{y2} {x2},{y2}"/>')
_PAGE = Markup(
    '<svg class="graph" viewBox="0 0 {width} {height}" role="img" aria-labelledby="graph-title">'
    '<title id="graph-title">{title}</title>{edges}{nodes}</svg>'
)


class Judged(Protocol):
    """What a node is drawn from: a judgement, or anything else with a claim and a verdict."""

    @property
    def claim(self) -> Claim:
        """What it states."""

    @property
    def verdict(self) -> str:
        """A key of :data:`SYMBOLS`."""


def graph(judgements: Sequence[Judged]) -> Markup:
    """An SVG: a column for each chapter, a node for each claim, a line from each claim to those that build on it.

    Lines run from the right side of a claim to the left side of what builds on it; within a chapter they bend out to
    the left. Only claims of the run are drawn. Ids and titles of claims from outside are escaped.
    """
    columns = [list(group) for _, group in groupby(judgements, key=lambda j: j.claim.id[:1])]
    places = {
        judgement.claim.id: (BEND + ACROSS * column, MARGIN + DOWN * row)
        for column, group in enumerate(columns)
        for row, judgement in enumerate(group)
    }
    nodes, edges = [], []
    for judgement in judgements:
        x, y = places[judgement.claim.id]
        verdict = str(judgement.verdict)
        place = {"x": x, "y": y, "w": WIDTH, "h": HEIGHT, "tx": x + WIDTH / 2, "ty": y + HEIGHT / 2}
        style, symbol, claim = verdict.replace(" ", "-"), SYMBOLS[verdict], judgement.claim
        nodes.append(_NODE.format(id=claim.id, title=claim.title, verdict=verdict, style=style, symbol=symbol, **place))
        edges += [_edge(places[name], (x, y)) for name in judgement.claim.depends_on if name in places]
    said = "; ".join(
        f"{j.claim.id} builds on {', '.join(j.claim.depends_on)}" for j in judgements if j.claim.depends_on
    )
    width = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
    height = max((y for _, y in places.values()), default=0) + HEIGHT + MARGIN
    page = {"edges": Markup("").join(edges), "nodes": Markup("").join(nodes)}
    return _PAGE.format(width=width, height=height, title=f"Claims and what they build on. {said}.", **page)


def _edge(start: tuple[int, int], end: tuple[int, int]) -> Markup:
    (x1, y1), (x2, y2) = start, end
    middle = HEIGHT / 2
    if x1 == x2:
        out = x1 - min(14 + abs(y2 - y1) / 10, BEND)
        return _EDGE.format(x1=x1, y1=y1 + middle, x2=x2, y2=y2 + middle, x3=out, x4=out)
    left, right = (x1 + WIDTH, x2) if x1 < x2 else (x1, x2 + WIDTH)
    between = (left + right) / 2
    return _EDGE.format(x1=left, y1=y1 + middle, x2=right, y2=y2 + middle, x3=between, x4=between)
