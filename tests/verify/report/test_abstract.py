"""Each sentence of the abstract names claims that exist, and shows what the run at hand judged, not more."""

import pytest

from verify.judging.outcome import Verdict
from verify.registry import CLAIMS, judged_by
from verify.report import render
from verify.report.abstract import ABSTRACT, Verified, sizes, verified
from verify.session import Run, verify
from verify.sizes.profile import QUICK, changed


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    few = changed(QUICK, {"spectral": {"block_dimension": {1: 8}, "block_replicates": {1: 16}}})
    return verify([CLAIMS["S4"], CLAIMS["S7"]], few, tmp_path_factory.mktemp("run"), workers=1)


def test_every_sentence_rests_on_claims_of_the_quick_profile() -> None:
    judged = {claim.id for claim in judged_by(QUICK)}
    assert len(ABSTRACT) == 7
    for sentence in ABSTRACT:
        assert sentence.claims
        assert set(sentence.claims) <= judged


def test_only_what_the_run_judged_is_shown(run: Run) -> None:
    rows = verified(run.judgements)
    seen = [row for row in rows if row.judged]
    assert [[j.claim.id for j in row.judged] for row in seen] == [["S7"]]
    assert seen[0].verdict is Verdict.HOLDS
    assert seen[0].missing == ("S5", "G1", "G2", "N9")
    assert {row.verdict for row in rows if not row.judged} == {None}
    page = render(run)
    assert page.count("not in this run</td>") == len(ABSTRACT) - 1
    assert "not in this run: S5, G1, G2, N9" in page


def test_sizes_are_those_of_the_cells(run: Run) -> None:
    (_, angles) = run.judgements
    assert sizes([angles]) == "k = 1; d = 8; m = 256 to 1,024"
    assert sizes([]) == ""


def test_the_worst_claim_speaks_for_a_sentence(run: Run) -> None:
    class Made:
        def __init__(self, verdict: Verdict) -> None:
            self.verdict = verdict

    def worst(*verdicts: Verdict) -> Verdict | None:
        return Verified("", tuple(Made(v) for v in verdicts), (), "").verdict  # type: ignore[arg-type]

    assert worst(Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE) is Verdict.FAILS
    assert worst(Verdict.HOLDS, Verdict.INCONCLUSIVE) is Verdict.INCONCLUSIVE
    assert worst(Verdict.HOLDS) is Verdict.HOLDS
