"""The quick profile as users run it."""

import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from running import Run, command

from verify.outcome import Verdict
from verify.registry import CLAIMS
from verify.session import reload


def test_every_claim_holds(first: Run) -> None:
    assert first.status == 0, first.progress
    assert {c["id"]: c["verdict"] for c in first.output["claims"]} == dict.fromkeys(CLAIMS, "HOLDS")


def test_every_control_fails(first: Run) -> None:
    assert {c["id"]: c["control"]["verdict"] for c in first.output["claims"]} == dict.fromkeys(CLAIMS, "FAILS")
    for claim in first.output["claims"]:
        assert [c["planted"] for c in claim["controls"]] == [c.planted for c in CLAIMS[claim["id"]].controls]
        assert {c["verdict"] for c in claim["controls"]} == {"FAILS"}


def test_json_shape(first: Run) -> None:
    assert {"claims", "profile", "versions"} <= first.output.keys()
    assert first.output["profile"] == "quick"
    for claim in first.output["claims"]:
        needed = {"id", "title", "verdict", "prediction", "estimate", "explanation", "control", "seconds"}
        assert needed <= claim.keys()
        assert claim["prediction"].keys() == claim["estimate"].keys() != set()


def test_progress_names_claims_and_cells(first: Run) -> None:
    for claim in CLAIMS.values():
        assert f"{claim.id} {claim.title}" in first.progress
    assert "\x1b" not in first.progress, "plain text when it is not a terminal"


def test_second_run_computes_nothing(first: Run, second: Run, folder: Path) -> None:
    assert second.status == 0
    counts = re.findall(r"done: (\d+) computed, (\d+) from the records", second.progress)
    assert len(counts) == len(CLAIMS)
    assert all(computed == "0" and int(stored) > 0 for computed, stored in counts)
    assert second.output["claims"] == first.output["claims"]


OTHER_MEASUREMENT = {"S2", "T1", "T2", "N5"}
"""Claims whose control judges another measurement; the others plant their error in the prediction only."""
SMALL_EFFECT = {("N1", "risk at n = 128")}
"""What the control leaves standing: at n = 4 d the implicit ridge moves the risk by less than the margin."""


def test_estimates_do_not_use_the_prediction(folder: Path, first: Run) -> None:
    """Where the control changes only the prediction, the estimate is the same to the last bit."""
    for judgement in reload(folder, CLAIMS).judgements:
        if judgement.claim.id not in OTHER_MEASUREMENT:
            assert judgement.outcome.estimate == judgement.control.estimate
            assert judgement.outcome.prediction != judgement.control.prediction


def test_every_comparison_is_seen_failing(folder: Path, first: Run) -> None:
    """Not the claim alone: each of its comparisons FAILS under the planted error."""
    standing = {
        (judgement.claim.id, comparison.label)
        for judgement in reload(folder, CLAIMS).judgements
        for comparison in judgement.control.comparisons
        if comparison.verdict is not Verdict.FAILS
    }
    assert standing == SMALL_EFFECT


def test_records_carry_provenance(folder: Path, first: Run) -> None:
    with sqlite3.connect(folder / "records.sqlite") as connection:
        rows = connection.execute("SELECT specification, provenance, fingerprint FROM records").fetchall()
    assert len(rows) > 300
    for specification, provenance, fingerprint in rows:
        assert '"base_seed":0' in specification
        assert {"torch", "python-flint", "device", "commit"} <= set(re.findall(r'"([\w-]+)":', provenance))
        assert len(fingerprint) == 64


def test_report_is_offline_and_complete(folder: Path, first: Run) -> None:
    page = (folder / "report.html").read_text().split("<script>")[0]  # what follows is KaTeX itself
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert not re.search(r"url\((?!data:)", page)
    assert page.count("data:image/svg+xml") == len(CLAIMS)
    for claim in CLAIMS.values():
        assert f'id="{claim.id}"' in page
    assert not list(folder.glob(".report-*")), "no temporary file is left"


def test_report_command_rebuilds_the_same_page(folder: Path, first: Run) -> None:
    before = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    done = command("report", str(folder))
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").read_text() == before


@pytest.mark.browser
def test_formulas_render_in_a_browser(folder: Path, first: Run) -> None:
    """Every statement becomes a KaTeX formula; a parse error would leave its node empty and stop the script."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        if os.environ.get("ESCAPE_NTK_BROWSER") == "required":
            pytest.fail("chromium is required here and is not installed")
        pytest.skip("needs Debian's chromium")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    page = (folder / "report.html").as_uri()
    done = subprocess.run(
        [browser, *flags, "--dump-dom", page], capture_output=True, text=True, timeout=120, check=True
    )
    body = done.stdout.split("<body>")[1].split("<script>")[0]
    assert body.count('class="katex-html"') == len(CLAIMS)
    assert "katex-error" not in body


def test_verdicts_are_recomputed_from_records(folder: Path, first: Run, tmp_path: Path) -> None:
    """A number changed in the records changes the verdict: nothing is stored as truth."""
    shutil.copy(folder / "records.sqlite", tmp_path / "records.sqlite")
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute(
            "UPDATE records SET numbers = json_set(numbers, '$.risk', 9.0 + json_extract(numbers, '$.risk')) "
            "WHERE kind = 'RidgeRisk'"
        )
    verdicts = {j.claim.id: j.verdict for j in reload(tmp_path, CLAIMS).judgements}
    assert verdicts["N1"] is Verdict.FAILS
    assert verdicts["N5"] is Verdict.HOLDS


def test_a_missing_record_is_named(folder: Path, first: Run, tmp_path: Path) -> None:
    shutil.copy(folder / "records.sqlite", tmp_path / "records.sqlite")
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute("DELETE FROM records WHERE kind = 'TraceAndTail'")
    done = command("report", str(tmp_path))
    assert done.returncode == 2
    assert "no record of" in done.stderr
    assert "TraceAndTail" in done.stderr
    assert not (tmp_path / "report.html").exists()
