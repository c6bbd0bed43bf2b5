"""The graph of claims: every claim of the run is a link, every dependency a line, nothing of the user's is trusted."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

from verify.registry import CLAIMS, judged_by
from verify.report.graph import SYMBOLS, graph
from verify.sizes.profile import QUICK

SVG = "{http://www.w3.org/2000/svg}"


def drawn(claims: list[Any], verdict: str = "HOLDS") -> ElementTree.Element:
    text = str(graph([SimpleNamespace(claim=claim, verdict=verdict) for claim in claims]))  # type: ignore[misc]
    return ElementTree.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314 - our own


def test_nodes_are_links_and_lines_are_dependencies() -> None:
    claims = judged_by(QUICK)
    page = drawn(list(claims))
    links = [node.get("href") for node in page.iter(f"{SVG}a")]
    assert links == [f"#{claim.id}" for claim in claims]
    known = {claim.id for claim in claims}
    lines = sum(name in known for claim in claims for name in claim.depends_on)
    assert len(list(page.iter(f"{SVG}path"))) == lines > 20
    places = {(r.get("x"), r.get("y")) for r in page.iter(f"{SVG}rect")}
    assert len(places) == len(claims), "no node lies on another"


def test_verdicts_have_a_sign_beside_their_colour() -> None:
    for verdict, sign in SYMBOLS.items():
        page = drawn([CLAIMS["S1"]], verdict)
        assert f"{sign} S1" in "".join(page.itertext())
        assert page.find(f"{SVG}a").get("class") == f"node {verdict.replace(' ', '-')}"  # type: ignore[union-attr]


def test_titles_from_outside_are_escaped() -> None:
    page = drawn([replace(CLAIMS["S1"], title="<script>alert(1)</script> & more")])
    assert "<script>alert(1)</script> & more" in "".join(page.itertext())
    assert not list(page.iter(f"{SVG}script"))


def test_a_run_without_claims_is_an_empty_drawing() -> None:
    assert not list(drawn([]).iter(f"{SVG}a"))
