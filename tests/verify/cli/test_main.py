"""The command line: output, exit statuses and misuse."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verify.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_spectrum_table(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "spectrum", "tanh(z + 1)", "--d", "20", "--degrees", "6")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "NTK of tanh(z + 1) on the sphere of radius sqrt(d), d = 20"
    assert lines[1].startswith("first layer alone: K(x,x') = <x,x'> E_w[sigma'(<w,x>) sigma'(<w,x'>)]")
    assert [line.split()[0] for line in lines[3:10]] == [str(i) for i in range(7)]
    assert lines[4].split()[1] == "20"


def test_spectrum_json_and_digits(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        capsys, "spectrum", "erf(z + 1/2)", "--d", "100000", "--degrees", "2", "--digits", "40", "--json"
    )
    entries = json.loads(out)["spectrum"]
    assert status == 0
    assert [e["multiplicity"] for e in entries] == [1, 100000, 5000049999]
    assert all(len(e["eigenvalue"]) > 40 for e in entries)


def test_claims(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "claims", "--json")
    assert status == 0
    assert [c["id"] for c in json.loads(out)["claims"]][:2] == ["S1", "S2"]
    assert "N5" in run(capsys, "claims")[1]


def test_verify_one_claim_prints_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, err = run(capsys, "verify", "--claims", "S2,S4", "--out", str(tmp_path / "o"), "--workers", "1")
    assert status == 0
    assert out.splitlines()[0].split()[:2] == ["claim", "verdict"]
    assert "2 claims: 2 HOLDS" in out
    assert "S2 Trace identity (" in err
    assert err.count("done: ") == 2
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["records.sqlite", "report.html"]


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        (["spectrum", "tanh(z)", "--d", "2"], "d=2: needs d >= 3"),
        (["spectrum", "tanh(z)", "--d", "x"], "--d"),
        (["spectrum", "tanh(z)"], "--d"),
        (["spectrum", "tanh(z)", "--d", "100.5"], "'100.5': needs an integer"),
        (["spectrum", "tanh(z)", "--d", "9", "--digits", "3.9"], "'3.9': needs an integer"),
        (["verify", "--seed", "1.7"], "'1.7': needs an integer"),
        (["spectrum", "foo(z)", "--d", "5"], "'foo' is not admitted"),
        (["spectrum", "1/z", "--d", "5"], "divide by non-zero constants"),
        (["spectrum", "tanh(z)", "--d", "5", "--degrees", "-1"], "max_degree=-1"),
        (["spectrum", "tanh(z)", "--d", "5", "--digits", "0"], "digits=0"),
        (["verify", "--claims", "Q7"], "unknown claim Q7"),
        (["verify", "--claims", "MINE"], "a claim of your own needs --claims-from"),
        (["verify", "--profile", "huge"], "profile='huge': needs one of quick, full, gpu"),
        (["verify", "--set", "spectral.blcks=3"], "spectral.blcks=3"),
        (["verify", "--set", "spectral.blocks"], "needs field=value"),
        (["explain", "Q7"], "unknown claim Q7"),
        (["verify", "--workers", "0"], "workers=0"),
        (["verify", "--seed", "-1"], "seed=-1"),
        (["verify", "--activation", "1/z"], "1/z"),
        (["nonsense"], "nonsense"),
        (["report", "nowhere"], "no records.sqlite there"),
        (["verify", "--activation", "z" * 20_000], "needs at most 400"),
        (["spectrum", "tanh(z)", "--d", "9" * 5000], "needs an integer"),
        (["sweep", "plan", "--chunks", "99999999", "--claims", "S2"], "1 <= chunks <= 100000; each is a file"),
        (["certificate", "sin(z + pi/4)", "--out", "nowhere/a.json"], "there is no folder nowhere; make it"),
        (["certificate", "sin(z + pi/4)", "--out", "/dev/full"], "make room, or name another place"),
        (["sweep", "plan", "--chunks", "1", "--claims", "S2", "--out", "x/" * 2000], "give a folder that can be read"),
    ],
)
def test_misuse_is_one_sentence_and_status_2(
    arguments: list[str],
    needle: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert needle in err
    assert err.startswith("escape-ntk: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [], "nothing half-written"


def test_a_path_that_no_system_holds_is_no_folder_without_records(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    long = str(tmp_path / ("x" * 300))
    for words in (
        ("explain", "S2"),
        ("export", "graph", "--to", str(tmp_path / "a.dot")),
        ("sweep", "plan", "--chunks", "1", "--claims", "S2"),
    ):
        status, _, err = run(capsys, *words, "--out", long)
        assert (status, "File name too long" in err) == (2, True), (words, err)


def test_a_certificate_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("before")
    command = 'ulimit -f 1; exec "$0" -m escape_ntk certificate \'sin(z + pi/4)\' --out "$1"'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, str(target)], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, target.read_text()) == (2, "before")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_unwritable_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    status, _, err = run(capsys, "verify", "--claims", "S2", "--out", str(blocked / "out"))
    assert status == 2
    assert "cannot keep records there" in err
    assert "--out" in err


def test_no_cuda_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    status, _, err = run(capsys, "verify", "--profile", "gpu", "--out", str(tmp_path / "o"))
    assert status == 2
    assert "no CUDA device" in err
    assert not (tmp_path / "o").exists()


def test_a_violated_hypothesis_is_inconclusive_with_its_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Never HOLDS: in one of two activations the hypothesis is violated, in the other all comparisons are fine."""
    both = ["--activation", "tanh(z)", "--activation", "tanh(z + 1)"]
    status, out, _ = run(capsys, "verify", "--claims", "S3", *both, "--out", str(tmp_path / "o"), "--json")
    (claim,) = json.loads(out)["claims"]
    assert (status, claim["verdict"]) == (3, "INCONCLUSIVE")
    assert "tanh(z): activation='tanh(z)': lambda_1(sigma') = 0" in claim["explanation"]
    assert claim["estimate"]
    assert all(label.startswith("tanh(z + 1): ") for label in claim["estimate"])
    status, out, _ = run(capsys, "verify", "--claims", "S3", *both[:2], "--out", str(tmp_path / "o"))
    assert status == 3
    assert "S3 INCONCLUSIVE: activation='tanh(z)': lambda_1(sigma') = 0 by parity" in " ".join(out.split())


def test_exit_statuses_follow_verdicts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """1 when a claim fails, 3 when one is inconclusive: planted by the data of the control."""
    from dataclasses import replace

    from verify import registry
    from verify.judging.claim import Control

    honest = registry.CLAIMS["S2"]
    failing = replace(honest, observe=honest.controls[0].observe)
    powerless = replace(honest, controls=(Control("nothing", observe=honest.observe),))
    nothing = {"rules": lambda p: (), "predict": lambda p: {}, "observe": lambda p, e: {}}
    silent = replace(honest, controls=(Control("nothing", observe=nothing["observe"]),), **nothing)
    for claim, expected in ((failing, 1), (powerless, 3), (silent, 3)):
        monkeypatch.setitem(registry.CLAIMS, "S2", claim)
        folder = tmp_path / str(id(claim))
        if claim is silent:
            status, _, _ = run(capsys, "verify", "--claims", "S2", "--out", str(folder), "--json")
        else:
            status, _, _ = run(capsys, "verify", "--claims", "S2", "--out", str(folder))
        assert status == expected


def test_internal_errors_do_not_look_like_a_failed_claim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import theory

    def broken(*_: object) -> None:
        raise AssertionError("planted")

    monkeypatch.setattr(theory, "ntk_spectrum", broken)
    status, _, err = run(capsys, "spectrum", "tanh(z)", "--d", "5")
    assert status == 70
    assert "planted" in err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert run(capsys, "--version")[1].strip() == version("escape-ntk")


def test_interruption_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import theory

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(theory, "ntk_spectrum", interrupted)
    status, _, err = run(capsys, "spectrum", "tanh(z)", "--d", "5")
    assert status == 130
    assert err == "escape-ntk: interrupted\n"


def test_a_closed_pipe_is_no_error() -> None:
    import subprocess
    import sys

    line = f"{sys.executable} -m verify claims --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 141)


def test_runs_in_one_folder_report_themselves(tmp_path: Path) -> None:
    """The report is of the run that wrote it, even when another has ended in the same folder since."""
    from verify.registry import CLAIMS
    from verify.report import write_report
    from verify.session import verify
    from verify.sizes.profile import QUICK

    run = verify([CLAIMS["S2"]], QUICK, tmp_path)
    verify([CLAIMS["S4"]], QUICK, tmp_path)
    assert 'id="S2"' in write_report(tmp_path, run).read_text()
    assert 'id="S4"' in write_report(tmp_path).read_text()


def test_half_a_character_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "\ud800cos"]) == 2
    assert capsys.readouterr().err == "escape-ntk: '\\ud800cos': holds half a character, which no file is named by\n"
