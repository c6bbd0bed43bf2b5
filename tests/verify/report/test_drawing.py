"""A claim's figures as files: every format, the same bytes again, several figures of one claim, whole files."""

from dataclasses import replace
from typing import Any

import pytest

from verify.claims.plotting import finish
from verify.claims.spectra.s1_s2_eigenvalues import CLAIMS
from verify.judging.claim import Drawing, Evidence
from verify.judging.judgement import Judgement
from verify.report.drawing import FORMATS, pictures
from verify.session import verify
from verify.sizes.profile import QUICK, Profile

S2 = next(claim for claim in CLAIMS if claim.id == "S2")
STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


def line(p: Profile, evidence: Evidence, canvas: Any) -> None:
    ax = canvas.add_subplot()
    ax.plot([1, 2], [3, 4])
    finish(ax, "x", "y")


@pytest.fixture(scope="module")
def judgement(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    return verify([S2], QUICK, tmp_path_factory.mktemp("records")).judgements[0]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_at_any_width(judgement: Judgement, kind: str) -> None:
    (picture,) = pictures(judgement)
    image = picture.image(kind)
    assert image.startswith(STARTS[kind])
    assert image == picture.image(kind)
    assert picture.image(kind, 3.0) != image
    if kind == "png":
        wide, high = (int.from_bytes(picture.image(kind, 4.0)[start : start + 4]) for start in (16, 20))
        assert (wide, high) == (800, 500)


def test_names_tell_the_figures_of_a_claim_apart(judgement: Judgement) -> None:
    assert [picture.name for picture in pictures(judgement)] == [""]
    more = (Drawing("far", line), Drawing("near", line, 9.0, 3.0))
    several = replace(judgement, claim=replace(judgement.claim, drawings=more))
    assert [picture.name for picture in pictures(several)] == ["figure", "far", "near"]
    alone = replace(judgement, claim=replace(judgement.claim, figure=None, drawings=more))
    assert [picture.name for picture in pictures(alone)] == ["far", "near"]
    without = replace(judgement, claim=replace(judgement.claim, figure=None))
    assert [picture.name for picture in pictures(without)] == [""]
    case = judgement.cases[0]
    second = replace(case, label="k = 2", profile=case.profile.model_copy(update={"k": 2}))
    two = replace(alone, cases=(case, second))
    assert [picture.name for picture in pictures(two)] == ["far-k1", "near-k1", "far-k2", "near-k2"]


def test_a_claim_without_cases_has_no_picture(judgement: Judgement) -> None:
    assert pictures(replace(judgement, cases=())) == []
