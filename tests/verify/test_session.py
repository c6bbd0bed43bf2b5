"""The quick profile as users run it."""

import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from running import Run, command

from verify.judging.outcome import Verdict
from verify.registry import CLAIMS, judged_by
from verify.report import HEADLINE
from verify.report.drawing import pictures
from verify.running.store import seal
from verify.session import reload
from verify.sizes.profile import QUICK

pytestmark = pytest.mark.timeout(3000)  # a whole run, beside which other tests run

JUDGED = {claim.id: claim for claim in judged_by(QUICK)}


def test_every_claim_holds(first: Run) -> None:
    assert first.status == 0, first.progress
    assert {c["id"]: c["verdict"] for c in first.output["claims"]} == dict.fromkeys(JUDGED, "HOLDS")


def test_every_control_fails(first: Run) -> None:
    assert {c["id"]: c["control"]["verdict"] for c in first.output["claims"]} == dict.fromkeys(JUDGED, "FAILS")
    for claim in first.output["claims"]:
        planted = [re.sub(r" \(k = [0-9, ]+ only\)$", "", c["planted"]) for c in claim["controls"]]
        assert planted == [c.planted for c in CLAIMS[claim["id"]].controls]
        assert {c["verdict"] for c in claim["controls"]} == {"FAILS"}


def test_json_shape(first: Run) -> None:
    assert {"claims", "profile", "versions"} <= first.output.keys()
    assert first.output["profile"] == "quick"
    for claim in first.output["claims"]:
        needed = {"id", "title", "verdict", "prediction", "estimate", "explanation", "control", "seconds"}
        assert needed <= claim.keys()
        assert claim["prediction"].keys() == claim["estimate"].keys() != set()


def test_progress_names_claims_and_cells(first: Run) -> None:
    for claim in JUDGED.values():
        assert f"{claim.id} {claim.title}" in first.progress
    assert "\x1b" not in first.progress, "plain text when it is not a terminal"


def test_second_run_computes_nothing(first: Run, second: Run, folder: Path) -> None:
    assert second.status == 0
    counts = re.findall(r"done: (\d+) computed, (\d+) from the records", second.progress)
    assert len(counts) == len(JUDGED)
    assert all(computed == "0" and int(stored) > 0 for computed, stored in counts)
    assert second.output["claims"] == first.output["claims"]


def test_controls_differ_from_the_check(folder: Path, first: Run) -> None:
    """Each plants its error in predictions or in measurements, where the check has the same comparison."""
    for judgement in reload(folder, CLAIMS).judgements:
        for control in judgement.controls:
            same = (judgement.outcome.prediction, judgement.outcome.estimate)
            assert (control.outcome.prediction, control.outcome.estimate) != same, (judgement.claim.id, control.planted)


def test_every_comparison_is_seen_failing(folder: Path, first: Run) -> None:
    """Not the claim alone: each of its comparisons FAILS under some planted error of the same claim."""
    standing = []
    for judgement in reload(folder, CLAIMS).judgements:
        failing = {
            c.label for control in judgement.controls for c in control.outcome.comparisons if c.verdict is Verdict.FAILS
        }
        standing += [(judgement.claim.id, c.label) for c in judgement.outcome.comparisons if c.label not in failing]
    assert standing == []


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
    drawn = [picture for judgement in reload(folder, CLAIMS).judgements for picture in pictures(judgement)]
    on_top = [p for p in drawn if p.drawing.name == HEADLINE.get(p.judgement.claim.id)]
    assert len(on_top) == 1, "the phase diagram"
    assert page.count("data:image/svg+xml") == len(drawn) + len(on_top)
    for claim in JUDGED.values():
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
    """Every statement, and every formula in the prose, becomes a KaTeX formula; one that does not is marked."""
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
    assert body.count('class="formula"') == len(JUDGED)
    assert body.count('class="katex-html"') == body.count('class="tex"') + len(JUDGED) > 100 * len(JUDGED)
    assert "untypeset" not in body
    assert "katex-error" not in body
    assert f"{len(JUDGED)} of {len(JUDGED)}" in body, "the filter counts its rows"


def test_verdicts_are_recomputed_from_records(folder: Path, first: Run, tmp_path: Path) -> None:
    """A number changed in the records changes the verdict: nothing is stored as truth.

    Changed and sealed again, that is; without the seal the record is refused.
    """
    shutil.copy(folder / "records.sqlite", tmp_path / "records.sqlite")
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute(
            "UPDATE records SET numbers = json_set(numbers, '$.values[0]', 9.0) WHERE kind = 'KernelMonteCarlo' "
            'AND specification LIKE \'%"kernel":"NTK"%\''
        )
    with pytest.raises(ValueError, match="does not match its checksum"):
        reload(tmp_path, CLAIMS)
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        for row in connection.execute("SELECT * FROM records WHERE kind = 'KernelMonteCarlo'").fetchall():
            connection.execute("UPDATE records SET digest = ? WHERE key = ?", (seal(*row[:-1]), row[0]))
    verdicts = {j.claim.id: j.verdict for j in reload(tmp_path, CLAIMS).judgements}
    assert verdicts["S1"] is Verdict.FAILS
    assert verdicts["S2"] is Verdict.INCONCLUSIVE, "it builds on S1"
    assert verdicts["T1"] is Verdict.HOLDS


def test_a_missing_record_is_named(folder: Path, first: Run, tmp_path: Path) -> None:
    shutil.copy(folder / "records.sqlite", tmp_path / "records.sqlite")
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute("DELETE FROM records WHERE kind = 'TraceAndTail'")
    done = command("report", str(tmp_path))
    assert done.returncode == 2
    assert "no record of" in done.stderr
    assert "TraceAndTail" in done.stderr
    assert not (tmp_path / "report.html").exists()
