"""Ctrl-C, closed, broken and full streams, and terminals that cannot show a character."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from verify.cli import commands as inquiries
from verify.cli.main import main
from verify.cli.streams import wrapped

COMMAND = f"{sys.executable} -m verify"
SPECTRUM = 'spectrum "tanh(z)" --d 5 --degrees 1'


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("line", "status", "sentence"),
    [
        ("--help | true; exit ${PIPESTATUS[0]}", (0, 141), ""),
        (f"{SPECTRUM} | true; exit ${{PIPESTATUS[0]}}", (0, 141), ""),
        (f"{SPECTRUM} > /dev/full", (2,), "standard output, or a file, cannot be read or written"),
        ("nonsense 2> /dev/full", (2,), ""),
        (f"{SPECTRUM} >&-", (0,), ""),
    ],
)
def test_a_stream_that_takes_nothing(line: str, status: tuple[int, ...], sentence: str) -> None:
    """Never status 1, a FAILS, nor 120, Python's own; never a traceback."""
    done = shell(f"{COMMAND} {line}")
    assert done.returncode in status, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1


def test_verdicts_survive_every_stream(tmp_path: Path) -> None:
    """Closed streams must not lend their numbers to records.sqlite, nor full ones end a run."""
    for streams in (">&- 2>&-", "2> /dev/full"):
        folder = tmp_path / "o"
        line = f"{COMMAND} verify --claims S3 --out {folder} --workers 1 {streams}"
        assert shell(line).returncode == 0
        assert (folder / "records.sqlite").read_bytes().startswith(b"SQLite format 3")
        assert (folder / "report.html").is_file()
        (folder / "report.html").unlink()
    lent = "from verify.cli.streams import prepare; prepare(); import os, sys; sys.exit(not os.get_inheritable(2))"
    assert shell(f"{sys.executable} -c '{lent}' 2>&-").returncode == 0, "workers get the streams too"


def test_a_terminal_without_the_characters(tmp_path: Path) -> None:
    environment = "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii"
    done = shell(f'{environment} {COMMAND} explain S3 --out "{tmp_path}/\u00fc" && echo fine')
    assert done.stdout.endswith("fine\n"), done.stderr
    done = shell(f'{environment} {COMMAND} spectrum "\u00fc" --d 5')
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def interrupted(arguments: list[str], wait: float) -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "verify", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    time.sleep(wait)  # no matter of timing: wherever it lands, the answer must be the same
    process.send_signal(signal.SIGINT)
    _, sentence = process.communicate(timeout=60)
    return process.returncode, sentence


@pytest.mark.parametrize("wait", [0.4, 1.2])
def test_ctrl_c_at_any_time_is_one_sentence(wait: float, tmp_path: Path) -> None:
    status, sentence = interrupted(["verify", "--claims", "S5", "--out", str(tmp_path / "o")], wait)
    assert (status, sentence.count("\n")) == (130, 1), sentence
    assert sentence.startswith("escape-ntk: interrupted")


def test_ctrl_c_in_an_integral_is_one_sentence() -> None:
    long = ["spectrum", "tanh(z + 1)", "--d", "3", "--degrees", "60", "--digits", "1000"]
    assert interrupted(long, 2.5) == (130, "escape-ntk: interrupted\n")


def test_an_error_that_ctrl_c_became_counts_as_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A callback of a C library that is interrupted comes out as SystemError."""
    import theory

    def called_back(*_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            raise SystemError("returned a result with an exception set") from None

    monkeypatch.setattr(theory, "ntk_spectrum", called_back)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    assert main(["spectrum", "z", "--d", "5"]) == 130
    assert capsys.readouterr().err == "escape-ntk: interrupted\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyError("x"), 70),
        (UnicodeEncodeError("ascii", "\u00fc", 0, 1, "ordinal not in range"), 70),
        (ZeroDivisionError("x"), 70),
        (OSError(22, "Invalid argument", "run.pt"), 2),
        (ValueError("d=2: needs d >= 3"), 2),
    ],
)
def test_exceptions_are_sorted_by_what_they_mean(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import theory

    def raising(*_: object) -> None:
        raise error

    monkeypatch.setattr(theory, "ntk_spectrum", raising)
    assert main(["spectrum", "z", "--d", "5"]) == status
    err = capsys.readouterr().err
    assert "records.sqlite" not in err
    assert ("Traceback" in err) == (status == 70)


def test_control_characters_stay_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(inquiries, "sizes", lambda *_: None)
    monkeypatch.setattr("verify.cli.explain.explain", lambda *_: "tanh(z) # \x1b[31m \x07 [bold]x[/bold] \u202e\nnext")
    monkeypatch.chdir("/")
    assert main(["explain", "S3"]) == 0
    assert capsys.readouterr().out == "tanh(z) # \\x1b[31m \\x07 [bold]x[/bold] \\u202e\nnext\n"
    assert main(["spectrum", "foo\x1b[31m\n(z)", "--d", "5"]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 1


def on_a_terminal(width: int, *arguments: str) -> list[str]:
    """Lines that the command writes to a terminal of this width."""
    parent, child = pty.openpty()
    environment = os.environ | {"COLUMNS": str(width), "LINES": "50", "TERM": "dumb"}
    with subprocess.Popen(
        [sys.executable, "-m", "verify", *arguments], stdout=child, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(child)
        written = b""
        try:
            while piece := os.read(parent, 65536):
                written += piece
        except OSError:  # the other end is closed
            pass
    assert process.returncode == 0
    os.close(parent)
    return written.decode().replace("\r\n", "\n").splitlines()


def test_a_narrow_terminal_breaks_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    """d = 10^6, where a row with its multiplicity is longer than 80 columns; elsewhere it stays one line."""
    arguments = ("spectrum", "sin(z + pi/4)", "--d", "1000000", "--degrees", "8")
    lines = on_a_terminal(80, *arguments)
    assert max(map(len, lines)) <= 80
    assert main(arguments) == 0
    wide = capsys.readouterr().out
    assert max(map(len, wide.splitlines())) > 80
    assert " ".join(lines).split() == wide.split()


@pytest.mark.parametrize("width", [20, 29, 30, 40, 80])
def test_wrapping_keeps_words(width: int) -> None:
    """No line is wider than the terminal or one number; an interval of 22 columns is whole from 22 + 8 on."""
    line = "    k = 2: admitted -0.5 +- 0.25, width <= 0.1, measured -1.999999 in [-2.000002, -1.999996] and more of it"
    parts = wrapped(line, width)
    assert " ".join(part.strip() for part in parts) == line.strip()
    assert sum("-0.5 +- 0.25" in part for part in parts) == 1
    assert sum("[-2.000002, -1.999996]" in part for part in parts) == (width >= 30)
    assert all(len(part) <= max(width, len("        -0.5 +- 0.25,")) for part in parts)
