"""Claims, outcomes and judgements in a notebook and as figures."""

import dataclasses
import html

import matplotlib
import pytest

from theory.showing import cut
from verify.judging.claim import Evidence
from verify.judging.judgement import Judgement
from verify.judging.outcome import Comparison, Interval, Outcome, Verdict
from verify.judging.showing import REACH, ROWS
from verify.registry import CLAIMS

matplotlib.use("Agg")
EVIL = "<script>x</script> $y$"


def outcome(count: int = 1, **changes: object) -> Outcome:
    first = Comparison(f"a {EVIL}", 1.0, Interval.around(1.01, 0.02), "within", 0.1)
    far = Comparison("far", 1.0, Interval.around(9.0, 0.1), "within", 0.1)
    bound = Comparison("bound", 1.0, Interval.unknown(0.5), "below", 0.0)
    return dataclasses.replace(Outcome((first, far, bound) * count, "measured"), **changes)


def test_every_claim_shows_itself() -> None:
    for claim in CLAIMS.values():
        page = claim._repr_html_()
        assert page.count("$") == 2, "the statement alone is a formula"
        assert "<script" not in page
        assert claim.id in page
        assert all(html.escape(each.planted) in page for each in claim.controls)


def test_an_outcome_in_words_and_as_a_figure() -> None:
    found = outcome(obstacles=(EVIL,))
    page = found._repr_html_()
    assert "<script" not in page
    assert [page.count(f"<td>{verdict}</td>") for verdict in Verdict] == [1, 1, 1]
    ax = found.plot()
    assert found.plot(ax) is ax
    ax.figure.savefig("/dev/null", format="png")
    assert {text.get_text() for text in ax.texts} == {str(verdict) for verdict in Verdict}
    own, value, far = ax.get_lines()[:3]
    assert list(value.get_xdata()) == pytest.approx([0.1])
    assert list(own.get_xdata()) == pytest.approx([-0.1, 0.3])
    assert (far.get_marker(), float(far.get_xdata()[0])) == (">", pytest.approx(0.96 * REACH))


def test_many_comparisons_are_counted() -> None:
    assert f"and {3 * 20 - ROWS} more comparisons" in outcome(20)._repr_html_()
    assert len(outcome(20).plot().get_yticks()) == ROWS
    assert Outcome((), "")._repr_html_().count("<tr>") == 1
    Outcome((), "").plot()


def test_a_judgement_shows_its_reasons_and_draws_the_figure_of_its_claim() -> None:
    claim = CLAIMS["S1"]
    drawn: list[object] = []
    figure = dataclasses.replace(claim, figure=lambda p, evidence, ax: drawn.append(ax), title=EVIL)
    judgement = Judgement(figure, (), outcome(), (), 0.0, 0, Evidence({}))
    page = judgement._repr_html_()
    assert "not after Holm" in page
    assert "<script" not in page
    ax = judgement.plot()
    assert not drawn, "there is no case to draw"
    assert ax.get_title(loc="left").startswith("INCONCLUSIVE: S1")
    from verify.sizes.profile import PROFILES

    profile = PROFILES["quick"]
    with_cases = dataclasses.replace(judgement, cases=figure.cases(profile))
    ax = with_cases.plot()
    assert drawn == [ax]
    assert cut(EVIL, 20) != EVIL
