"""The claims as a graph for other programs: a page of its own, DOT for Graphviz, or JSON.

As in a blueprint of a formal proof, each node has its statement, what it builds on and its status. The status is the
verdict of the newest run, or "not judged".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from verify.judging.claim import Claim
from verify.judging.judgement import Judgement
from verify.report.graph import NOT_JUDGED, SYMBOLS, graph
from verify.report.page import environment, katex_style, part

COLOURS = {"HOLDS": "#1d7a46", "FAILS": "#b3261e", "INCONCLUSIVE": "#8a6100", NOT_JUDGED: "#5d6369"}
"""Of nodes in DOT; the verdict stands beside the id as well."""


@dataclass(frozen=True)
class Node:
    """A claim and what is known of it.

    Attributes:
        claim: what it states.
        verdict: of the newest run, or "not judged".
        grade: how strong the evidence is; None where there is none.
    """

    claim: Claim
    verdict: str = NOT_JUDGED
    grade: str | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """The node as JSON values; the statement is TeX."""
        return {
            "id": self.claim.id,
            "title": self.claim.title,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "depends_on": list(self.claim.depends_on),
            "status": self.verdict,
            "grade": self.grade,
            "file": self.claim.file,
            "equations": list(self.claim.equations),
        }


def nodes(claims: Iterable[Claim], judgements: Iterable[Judgement] = ()) -> list[Node]:
    """A node for each claim, with its verdict where a run judged it.

    Args:
        claims: in reading order.
        judgements: of a run; claims that it does not name are "not judged".
    """
    judged = {j.claim.id: j for j in judgements}
    return [
        Node(claim, str(j.verdict), None if j.grade is None else str(j.grade))
        if (j := judged.get(claim.id)) is not None
        else Node(claim)
        for claim in claims
    ]


def edges(claims: Sequence[Node]) -> list[tuple[str, str]]:
    """Pairs (claim, claim that builds on it), of claims that are both there."""
    there = {node.claim.id for node in claims}
    return [(name, node.claim.id) for node in claims for name in node.claim.depends_on if name in there]


def as_json(claims: Sequence[Node]) -> str:
    """One object with ``claims``, a list of :attr:`Node.entry`, and ``edges``, pairs of ids as in :func:`edges`."""
    content = {"claims": [node.entry for node in claims], "edges": edges(claims)}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_dot(claims: Sequence[Node]) -> str:
    """A digraph for Graphviz: ``dot -Tsvg``. Arrows lead from a claim to those that build on it."""
    lines = ["digraph claims {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    for node in claims:
        said = _quoted(f"{node.claim.id}\n{SYMBOLS[node.verdict]} {node.verdict}")
        title, colour = _quoted(node.claim.title), _quoted(COLOURS[node.verdict])
        lines.append(f"  {_quoted(node.claim.id)} [label={said}, tooltip={title}, color={colour}];")
    lines += [f"  {_quoted(before)} -> {_quoted(after)};" for before, after in edges(claims)]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    """A string of DOT: quotation marks and backslashes escaped, line feeds as backslash n."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def as_page(claims: Sequence[Node], said: str) -> str:
    """One offline HTML page: the graph, whose nodes lead to a section for each claim; formulas typeset.

    Args:
        claims: to show.
        said: which run the verdicts are of, in a sentence.
    """
    built_on: dict[str, list[str]] = {}
    for before, after in edges(claims):
        built_on.setdefault(before, []).append(after)
    return (
        environment()
        .from_string(part("blueprint.html"))
        .render(
            nodes=claims,
            there={node.claim.id for node in claims},
            built_on=built_on,
            said=said,
            graph=graph(claims),
            symbols=SYMBOLS,
            counts=_counts(claims),
            style=Markup(part("report.css")),
            script=Markup(part("typeset.js")),
            katex_style=Markup(katex_style()),
            katex_script=Markup(part("vendor/katex/katex.min.js")),
        )
    )


def _counts(claims: Sequence[Node]) -> Mapping[str, int]:
    counts = {status: sum(node.verdict == status for node in claims) for status in SYMBOLS}
    return {status: count for status, count in counts.items() if count}
