"""Figures: any number of activations, any text, the case that decided, and never at the cost of the report."""

import base64
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from verify.claims.plotting import ENTRIES, SERIES, finish, plain
from verify.registry import CLAIMS
from verify.report import figure, render, write_report
from verify.report.drawing import pictures
from verify.report.prose import typeset
from verify.session import reload, verify
from verify.sizes.profile import QUICK, changed

ODD = "tanh(z + 1)  # 50$ \\frac{ \x1b[31m\n"


def image(text: str) -> str:
    data = base64.b64decode(text.partition(",")[2]).decode()
    ElementTree.fromstring(data)  # noqa: S314 - our own
    return data


def test_colours_do_not_run_out() -> None:
    assert len({SERIES[i] for i in range(18)}) == 18
    assert [SERIES[i] for i in (0, 5, 6)][:2] == ["#2f6fb4", "#4b4b4b"]
    assert SERIES[1000].startswith("#")


@pytest.mark.parametrize("text", [ODD, "$\\foo$", "a" * 500, "\udce4", "\0"])
def test_any_text_is_drawn(text: str) -> None:
    canvas = Figure()
    ax = canvas.add_subplot()
    for i in range(40):
        ax.plot([1, 2], [1, 2], color=SERIES[i], label=plain(text))
    finish(ax, "x", "y")
    legend = ax.get_legend()
    assert len(legend.get_texts()) == ENTRIES
    assert legend.get_texts()[-1].get_text() == f"and {40 - ENTRIES + 1} more"
    canvas.draw_without_rendering()


def test_a_figure_that_fails_is_a_sentence_and_the_report_is_written(tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise IndexError("no <colour> left\x1b")

    run = verify([replace(CLAIMS["S2"], figure=broken)], QUICK, tmp_path)
    (judgement,) = run.judgements
    shown = image(figure(pictures(judgement)[0]))
    assert "cannot be drawn (IndexError" in " ".join(ElementTree.fromstring(shown).itertext())  # noqa: S314 - our own
    page = write_report(tmp_path, run).read_text()
    assert '✓ HOLDS</span> <span class="meta">certified</span>' in page
    assert "<td>certified</td>" in page
    (whole,) = reload(tmp_path, CLAIMS).judgements
    assert image(figure(pictures(whole)[0])).count("<path") > 9


def test_many_activations_are_drawn(tmp_path: Path) -> None:
    """Seven were one too many: everything was computed and no report written."""
    names = tuple(f"tanh(z + {i}/8)" for i in range(1, 8))
    profile = changed(
        QUICK,
        {
            "activations": names,
            "kernels": {
                "suprema_replicates": 14,
                "suprema_samples": (16, 32),
                "suprema_width": 8,
                "suprema_dimension": 4,
            }
            | {"noisy_dimension": 4, "noisy_samples": 16, "noisy_networks": 4, "noisy_steps": 2},
        },
    )
    run = verify([CLAIMS["N8"]], profile, tmp_path)
    for judgement in run.judgements:
        assert judgement.outcome.comparisons
        for picture in pictures(judgement):
            assert "cannot be drawn" not in image(figure(picture))


def test_the_case_of_the_deciding_comparison_is_drawn(tmp_path: Path) -> None:
    run = verify([CLAIMS["S2"], CLAIMS["S4"]], QUICK, tmp_path)
    for judgement in run.judgements:
        decisive = judgement.outcome.decisive
        assert decisive is not None
        assert decisive.label.startswith(f"{decisive.case}: ")
        assert [picture.case.label for picture in pictures(judgement)] == [decisive.case]
    assert {j.outcome.decisive.case for j in run.judgements if j.outcome.decisive} != {QUICK.activations[0]}
    assert f"<figcaption>{typeset(run.judgements[0].outcome.decisive.case)}<" in render(run)


def test_a_claim_without_a_figure_of_its_own_shows_its_comparisons(tmp_path: Path) -> None:
    run = verify([replace(CLAIMS["S2"], figure=None)], QUICK, tmp_path)
    (judgement,) = run.judgements
    shown = image(figure(pictures(judgement)[0]))
    words = " ".join(ElementTree.fromstring(shown).itertext())  # noqa: S314 - our own
    assert "cannot be drawn" not in words
    assert shown.count("fill: #e6e6e6") == len(judgement.outcome.comparisons)
