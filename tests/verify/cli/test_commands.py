"""The commands that measure nothing: compare, explain, calibrate."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from verify import registry
from verify.cli.main import main
from verify.judging.rules import DecisionRule
from verify.running.store import Store
from verify.sizes.profile import QUICK

ENTRY = {
    "id": "S1",
    "verdict": "HOLDS",
    "prediction": {"a": 1.0, "b": 2.0},
    "estimate": {
        "a": {"value": 1.0, "lower": 0.9, "upper": 1.1},
        "b": {"value": 2.0, "lower": 1.9, "upper": None},
    },
}


def folder(path: Path, entries: list[dict[str, Any]]) -> str:
    with Store(path) as store:
        store.keep_verdicts(store.add_run("{}", [e["id"] for e in entries], "f", {}), entries)
    return str(path)


def changed(**updates: Any) -> dict[str, Any]:
    return copy.deepcopy(ENTRY) | updates


MOVED = {"a": {"value": 1.3, "lower": 1.2, "upper": 1.4}, "b": {"value": 2.1, "lower": 2.0, "upper": 2.2}}


@pytest.mark.parametrize(
    ("after", "status", "needles"),
    [
        ([ENTRY], 0, ["S1  HOLDS", "0 worse, 0 with numbers that moved"]),
        ([changed(verdict="FAILS")], 1, ["HOLDS -> FAILS  worse"]),
        ([changed(verdict="INCONCLUSIVE")], 1, ["HOLDS -> INCONCLUSIVE  worse"]),
        ([changed(estimate=MOVED)], 0, ["moved: a: 1.0 in [0.9, 1.1] -> 1.3 in [1.2, 1.4]", "1 with numbers"]),
        ([changed(prediction={"a": 1.0, "b": 2.1})], 0, ["moved: b: predicted 2.0 -> predicted 2.1"]),
        ([changed(prediction={"a": 1.0}, estimate={"a": ENTRY["estimate"]["a"]})], 0, ["gone: b"]),
        ([changed(id="S2")], 1, ["S1  HOLDS -> absent  worse", "S2  absent -> HOLDS"]),
    ],
)
def test_compare(after, status, needles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = folder(tmp_path / "a", [ENTRY]), folder(tmp_path / "b", after)
    assert main(["compare", one, str(Path(two) / "records.sqlite")]) == status
    out = capsys.readouterr().out
    assert all(needle in out for needle in needles), out


def test_compare_needs_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path / "empty"):
        pass
    assert main(["compare", str(tmp_path / "empty"), str(tmp_path / "empty")]) == 2
    assert "no run in it that ended" in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "nowhere"), str(tmp_path / "empty")]) == 2
    assert "no records.sqlite there" in capsys.readouterr().err


@pytest.mark.parametrize("claim", registry.CLAIMS)
def test_explain_without_records(claim: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", claim, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for heading in (
        "Statement:",
        "Source:",
        "Why it should hold:",
        "What would refute it:",
        "nothing is in the records",
    ):
        assert heading in out
    assert max(map(len, out.splitlines())) < 200


def test_explain_with_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["verify", "--claims", "S2", "--out", str(tmp_path), "--workers", "1", "--json"])
    printed = capsys.readouterr().out
    assert json.loads(printed)["claims"][0]["id"] == "S2"
    assert main(["explain", "S2", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Verdict: HOLDS" in out
    assert re.search(r"HOLDS +.*predicted .*measured .* in \[", out)
    assert "Control: degree 1 left out of the sum: FAILS" in out


def test_calibrate_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    name = next(c.id for c in registry.CLAIMS.values() if c.rules(QUICK))
    assert main(["calibrate", "--claims", name, "--runs", "20"]) == 0
    assert "20 simulated runs each: 0 beyond" in capsys.readouterr().out
    weak = DecisionRule("weak", "mean", "within", 0.1, 0.05, 0.1, 12)
    monkeypatch.setitem(registry.CLAIMS, name, replace(registry.CLAIMS[name], rules=lambda p: (weak,)))
    assert main(["calibrate", "--claims", name, "--runs", "20", "--markdown"]) == 1
    assert "| weak" in capsys.readouterr().out
    assert main(["calibrate", "--runs", "0"]) == 2


def test_calibrate_judges_one_claim_in_other_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "N3", "--truth", "2", "--runs", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["claim"], found["truth"], found["runs"], found["FAILS"]) == ("N3", 2.0, 4, 1.0)
    assert found["HOLDS"] + found["FAILS"] + found["INCONCLUSIVE"] == 1
    assert found["intervals"]["FAILS"][1] == 1.0
    assert main(["calibrate", "N3", "--truth", "2", "--runs", "2"]) == 0
    assert "N3 in 2 simulated worlds whose truth is 2" in capsys.readouterr().out
    assert main(["calibrate", "--claims", "N3", "--runs", "5", "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["rules"][0]["claim"] == "N3"
    for wrong, sentence in (
        (["N3", "--claims", "N4"], "give one of them"),
        (["--truth", "2"], "needs one claim"),
        (["S2", "--truth", "2"], "says nothing of other worlds"),
        (["N3", "--truth", "2", "--runs", "0"], "runs >= 1"),
        (["N3", "--truth", "1e300", "--runs", "2"], "truth=1e+300: numbers of such worlds overflow"),
        (["N3", "--truth", "nan"], "truth=nan: needs a finite number"),
        (["S1", "--json", "--markdown"], "--json and --markdown: give one of them"),
    ):
        assert main(["calibrate", *wrong]) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
