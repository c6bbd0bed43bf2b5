"""benchmarks/calibration.py: the page of error rates is made of what the command prints, and of nothing else."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

import calibration

from verify.cli.main import main
from verify.judging.outcome import Verdict
from verify.judging.rules import DecisionRule

BASE = DecisionRule("size", "mean", "within", 0.25, 1.0, 0.1, 8, scale="ratio")


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What the command prints of two claims."""
    assert main(["calibrate", "--claims", "E1,O1", "--json", "--quiet", *words]) in (0, 1)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """All parts, small, kept in a folder."""
    few = {part: [w for w in words if not w.isdigit() or w == "0"] for part, words in calibration.PARTS.items()}
    for part, words in few.items():
        at = words.index("--runs") + 1
        told = printed(capsys, *words[:at], "6", *words[at:])
        (tmp_path / f"{part}.json").write_text(json.dumps(told))
    return {part: calibration.simulated(tmp_path, part) for part in calibration.PARTS}


def test_the_page_says_what_was_printed(parts: dict[str, Any]) -> None:
    found = calibration.page(parts, calibration.markdown_table([("claim",), ("E1",)]))
    theory = next(one for one in parts["worlds"]["claims"][1]["rates"] if one["step"] == 0)
    share = 100 * theory["counts"]["HOLDS"] / theory["runs"]
    row = next(line for line in found.splitlines() if line.startswith("| E1 | factor on the mean squares |"))
    assert f"| {share:.3g} % [" in row
    assert "O1 in 0 %, a quarter beyond in 0 %" in found
    assert "*up to* is the last truth" in found
    assert r"| E1 | \|f_L(W_L) - f_1 + alpha\|^2 / prediction |" in found
    headings = [line for line in found.splitlines() if re.match(r"#+ ", line)]
    assert headings[0] == "# Calibration"
    assert len(set(headings)) == len(headings)
    widths = [line.replace(r"\|", "").count("|") for line in found.splitlines() if line.startswith("| ")]
    assert set(widths) <= {2, 4, 6, 8, 9, 10, 12}


def test_other_numbers_make_another_page(parts: dict[str, Any]) -> None:
    """Nothing is typed in: with the counts of the rival's worlds turned round, the page says so."""
    before = calibration.page(parts, "")
    for entry in parts["worlds"]["claims"]:
        for one in entry["rates"]:
            if one["step"] == 1:
                one["counts"] = {"HOLDS": one["runs"], "FAILS": 0, "INCONCLUSIVE": 0}
    after = calibration.page(parts, "")
    assert "1%): none" in before.split("## ")[1]
    assert "1%): O1, E1" in after.split("## ")[1]


def test_worlds_of_another_theory_are_refused(parts: dict[str, Any]) -> None:
    parts["worlds"]["claims"][0]["rival"] = 17.0
    with pytest.raises(ValueError, match="another theory or rival now; simulate again"):
        calibration.page(parts, "")
    parts["worlds"]["claims"][0] = {"claim": "X9"}
    with pytest.raises(ValueError, match="X9: has no world now"):
        calibration.page(parts, "")


def test_curves_come_back_as_they_were(parts: dict[str, Any]) -> None:
    for entry, curve in zip(parts["worlds"]["claims"], calibration.curves_of(parts["worlds"]), strict=True):
        assert json.loads(json.dumps(curve.as_json())) == entry
        assert curve.rates[0.0].counts[Verdict.HOLDS] == entry["rates"][list(curve.rates).index(0.0)]["counts"]["HOLDS"]


def test_a_part_that_is_not_there_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "PARTS", {"rules": ("--claims", "S1", "--runs", "5")})
    found = calibration.simulated(tmp_path, "rules")
    assert (found["profile"], found["runs"]) == ("quick", 5)
    monkeypatch.setattr(calibration.subprocess, "run", None)
    assert calibration.simulated(tmp_path, "rules") == found


def test_which_rules_admit_an_error_of_a_fifth() -> None:
    assert calibration.admits(BASE)
    assert calibration.admits(replace(BASE, margin=0.2))
    assert not calibration.admits(replace(BASE, margin=0.19))
    assert not calibration.admits(replace(BASE, scale="value"))
    assert calibration.admits(replace(BASE, scale="value", relative=True))
    assert not calibration.admits(replace(BASE, rule="below"))
    assert not calibration.admits(replace(BASE, scale="log ratio", margin=0.18))
    assert calibration.admits(replace(BASE, scale="log ratio", margin=0.19))


def test_repetitions_that_a_narrower_rule_needs() -> None:
    """Noise .02 in eight observations sees 20 % at once; ten times the noise needs a hundred times as many, or so."""
    assert calibration.repetitions(replace(BASE, noise=0.02), 100, 100) == 1
    more = calibration.repetitions(replace(BASE, noise=0.2), 100, 100)
    assert more in (16, 32)
    assert calibration.repetitions(replace(BASE, noise=2.0), 100, 20) is None
