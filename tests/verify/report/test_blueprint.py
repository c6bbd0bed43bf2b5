"""The graph for other programs: each format holds every claim, dependency and status, and trusts no text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

from verify.registry import CLAIMS
from verify.report.blueprint import as_dot, as_json, as_page, edges, nodes

JUDGED = [
    SimpleNamespace(claim=CLAIMS["S1"], verdict="HOLDS", grade="statistical"),
    SimpleNamespace(claim=CLAIMS["S2"], verdict="FAILS", grade=None),
]
ODD = replace(CLAIMS["S1"], id="X1", title='<b>"quoted" \\ </b>', depends_on=("S1",))
EVERY = nodes([*CLAIMS.values(), ODD], JUDGED)  # type: ignore[arg-type]


class Links(HTMLParser):
    """Targets of links, ids, and addresses that a browser would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.ids: set[str] = set()
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a":
            self.targets.add(str(found.get("href")))
        elif "src" in found or "href" in found:
            self.fetched.append(str(found.get("src") or found.get("href")))
        if "id" in found:
            self.ids.add(str(found["id"]))


def test_json_has_every_claim_and_its_status() -> None:
    content = json.loads(as_json(EVERY))
    found = {entry["id"]: entry for entry in content["claims"]}
    assert list(found) == [*CLAIMS, "X1"]
    assert (found["S1"]["status"], found["S1"]["grade"]) == ("HOLDS", "statistical")
    assert (found["S2"]["status"], found["S2"]["grade"]) == ("FAILS", None)
    assert found["N10"]["status"] == "not judged"
    assert found["S2"]["depends_on"] == list(CLAIMS["S2"].depends_on)
    assert ["S1", "X1"] in content["edges"]
    assert len(content["edges"]) == sum(len(entry["depends_on"]) for entry in found.values())


def test_edges_lead_to_claims_that_are_there() -> None:
    assert edges(nodes([ODD])) == []


def test_dot_is_quoted_and_complete() -> None:
    text = as_dot(EVERY)
    assert text.startswith("digraph claims {")
    assert text.count("->") == len(edges(EVERY))
    assert r'tooltip="<b>\"quoted\" \\ </b>"' in text
    assert r'"S2" [label="S2\n✗ FAILS"' in text
    assert len(re.findall(r"^  \"\w+\" \[label=", text, re.MULTILINE)) == len(EVERY)


def test_page_links_within_itself_and_fetches_nothing() -> None:
    page = as_page(EVERY, "Verdicts of profile quick.")
    links = Links(page)
    assert not links.fetched
    assert {target.removeprefix("#") for target in links.targets} <= links.ids
    assert {node.claim.id for node in EVERY} <= links.ids
    assert "<b>" not in page.split("<script>")[0]
    assert page.count('class="formula"') == len(EVERY)
