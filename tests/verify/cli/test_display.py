"""Tables: whoever sees HOLDS sees what admits it, and nothing breaks inside a number, an id or a verdict."""

import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from verify.cli.display import show_table
from verify.cli.explain import explain
from verify.cli.main import main
from verify.judging.grade import Grade
from verify.judging.judgement import Judgement
from verify.judging.outcome import Comparison, Interval, Outcome, Verdict
from verify.judging.shown import entry, interval_text, shown
from verify.registry import CLAIMS
from verify.session import verify
from verify.sizes.profile import QUICK

WITHIN = Comparison("exponent", 1.0, Interval(1.2, 1.04, 1.37), "within", 0.4)
ENCLOSES = Comparison("sum", 4.99223, Interval(4.9895, 4.9895, 5.0156), "encloses", 0.1)
BELOW = Comparison("error", 1e-12, Interval.around(1.7e-15, 0.0), "below", 0.0)
ABOVE = Comparison("excess", 0.0, Interval(0.15, 0.09, 0.21), "above", 0.0)
NARROW = Comparison("limit", 0.73575888234, Interval(0.73575886, 0.73575883, 0.73575889), "within", 1e-6)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Judgement]:
    return verify([CLAIMS["S2"], CLAIMS["S3"]], QUICK, tmp_path_factory.mktemp("run")).judgements


@pytest.mark.parametrize(
    ("comparison", "admitted"),
    [
        (WITHIN, "1 +- 0.4"),
        (ENCLOSES, "4.99223, width <= 0.1"),
        (BELOW, "<= 1e-12"),
        (ABOVE, ">= 0"),
    ],
)
def test_the_admitted_range_is_shown(comparison: Comparison, admitted: str) -> None:
    assert comparison.verdict is Verdict.HOLDS
    assert shown(comparison).admitted == interval_text(comparison, "admitted") == admitted


def test_numbers_are_rounded_alike() -> None:
    """A prediction inside a narrow interval is shown inside it: six digits beside eight would not be."""
    c = shown(NARROW)
    low, high = (float(end) for end in c.interval.strip("[]").split(", "))
    assert low <= float(c.predicted) <= high
    assert low < high


def test_json_says_what_is_admitted(judged: list[Judgement]) -> None:
    for judgement in judged:
        found = entry(judgement)
        json.dumps(found, allow_nan=False)
        assert found.items() >= judgement.as_json().items(), "what was there stays"
        assert found["control"]["verdict"] == "FAILS", "scripts rely on it"
        for c in judgement.outcome.comparisons:
            low, high = found["admitted"][c.label]
            assert (-math.inf if low is None else low, math.inf if high is None else high) == c.allowed
            assert (found["rule"][c.label], found["margin"][c.label]) == (c.rule, c.margin)
            assert found["grades"][c.label] == str(c.grade)
        assert found["grade"] == str(judgement.grade)
    assert [entry(j)["grade"] for j in judged] == ["certified", "proved"]
    assert set(entry(judged[1])["grades"].values()) == {"proved"}


@pytest.mark.parametrize("width", [40, 80, 100, 220, None])
def test_nothing_breaks_inside_a_word(width: int | None, judged: list[Judgement]) -> None:
    file = io.StringIO()
    show_table(Console(file=file, width=width, force_terminal=width is not None, color_system=None), judged)
    text = file.getvalue()
    if width is not None:
        assert max(map(len, text.splitlines())) <= width
    words = set(re.sub("[\u2500-\u257f]", " ", text).split())
    for judgement in judged:
        c = shown(judgement.outcome.decisive)
        said = (judgement.claim.id, str(judgement.verdict), str(judgement.grade))
        for part in (*said, c.admitted, c.measured, c.interval, "caught"):
            assert {word.rstrip(",") for word in part.split()} <= {word.rstrip(",:;") for word in words}
    assert "2 claims: 2 HOLDS" in text
    assert "evidence: 1 proved, 1 certified" in " ".join(text.split())
    assert "FAILS" not in text, "a control that is caught is no failure"


def test_explain_and_report_name_a_control_by_what_became_of_it(judged: list[Judgement]) -> None:
    text = explain(CLAIMS["S3"], QUICK, judged[1], width=60)
    assert "predicted 0.551819161757164 +- 5.51819e-07" in " ".join(text.split())
    assert re.search(r"Control: .*: FAILS, the planted error is caught \(", " ".join(text.split()))
    assert "Grade of the evidence: proved. Comparisons: 25 proved." in " ".join(text.split())
    assert all(len(line) <= 60 or line.startswith("    ") for line in text.splitlines())


def test_a_control_that_is_not_caught_leaves_a_toy(judged: list[Judgement]) -> None:
    first = judged[0]
    outcome = replace(first, controls=(replace(first.controls[0], p_value=1.0),))
    assert (first.grade, outcome.grade) == (Grade.CERTIFIED, Grade.TOY)
    assert outcome.as_json()["grade"] == "toy"
    assert "a control is not caught" in " ".join(explain(CLAIMS["S2"], QUICK, outcome).split())


def test_a_failed_claim_puts_derivations_in_doubt(judged: list[Judgement]) -> None:
    refuted = Comparison("exponent", 1.0, Interval(3.0, 2.9, 3.1), "within", 0.4)
    failed = replace(judged[0], claim=CLAIMS["G4"], outcome=Outcome((refuted,), ""), rejected=True)
    for judgements, doubted in ((judged, False), ([*judged, failed], True)):
        screen = io.StringIO()
        show_table(Console(file=screen, width=200), judgements)
        line = "a premise of theory.RATES is in doubt: linear_norm, step 2 (T(l) = E(l)/Lambda(l)): G4 FAILS"
        assert (line in screen.getvalue()) == doubted


def test_no_comparison_has_no_grade(judged: list[Judgement]) -> None:
    nothing = replace(judged[0], outcome=Outcome((), "", ("a hypothesis is violated",)))
    assert nothing.grade is None
    assert entry(nothing)["grade"] is None
    assert "Grade of the evidence" not in explain(CLAIMS["S2"], QUICK, nothing)
    file = io.StringIO()
    show_table(Console(file=file), [nothing])
    assert "evidence: 1 none" in file.getvalue()


def test_a_report_that_cannot_be_written_costs_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise ValueError("no space")

    monkeypatch.setattr("verify.report.write_report", full)
    assert main(["verify", "--claims", "S3", "--out", str(tmp_path), "--workers", "1"]) == 0
    captured = capsys.readouterr()
    assert "1 claims: 1 HOLDS" in captured.out
    assert f"the report was not written: no space; escape-ntk report {tmp_path}" in captured.err


OPTION = re.compile(r"(?<![\w-])--[a-z]+")


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (["verify", "--claims", "S99"], "did you mean S9?"),
        (["explain", "s22"], "did you mean S2?"),
        (["verify", "--profile", "quik"], "did you mean quick?"),
        (["calibrate", "--profile", "ful"], "did you mean full?"),
        (["spectrm", "z"], 'Did you mean "spectrum"?'),
        (["spectrum", "z", "--d", "5", "--digit", "3"], "Did you mean --digits?"),
        (["spectrum", "z", "--d", "5", "--kernel", "nkt"], 'Did you mean "ntk"?'),
        (["report", "text"], "no records.sqlite there"),
        (["report", "database"], "is no record store"),
        (["report", "folder"], "cannot be read (Is a directory)"),
        (["report", "x" * 300], "cannot be read (File name too long)"),
        (["explain", "S3", "--out", "database"], "is no record store"),
        (["explain", "S3", "--out", "x" * 300], "File name too long"),
        (["explain", "S3,S4"], "needs one id"),
        (["compare", "database", "text"], "is no record store"),
        (["verify", "--claims", "S3", "--out", "text"], "cannot keep records there"),
        (["verify", "--claims", "S3", "--out", "x" * 300], "File name too long"),
    ],
)
def test_misuse_names_the_remedy(
    words: list[str], needle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, in which every option is one that the command has."""
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("hello")
    Path("database").mkdir()
    Path("database/records.sqlite").write_text("hello")
    Path("folder/records.sqlite").mkdir(parents=True)
    assert main(words) == 2
    err = capsys.readouterr().err
    assert needle in err
    assert (err.count("\n"), err.startswith("escape-ntk: ")) == (1, True)
    assert main([words[0], "--help"]) in (0, 2)
    known = set(OPTION.findall(capsys.readouterr().out)) | {"--help"}
    assert set(OPTION.findall(err)) <= known | set(words)
