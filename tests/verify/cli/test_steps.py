"""What is shown of a command under way, and what --quiet and --verbose make of it."""

import io
import re
import sys
from pathlib import Path

import pytest

from verify.cli.completion import commands
from verify.cli.main import app, main
from verify.cli.steps import Steps, line


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, **loudness: bool) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with Steps("draw", **loudness) as progress:
        assert list(progress.over(["S1", "N5"], lambda name: name)) == ["S1", "N5"]
    return stream.getvalue()


def test_a_terminal_shows_the_steps_and_the_line_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal())
    assert "draw 2 of 2, N5" in text
    assert text.endswith(("\x1b[2K", "\x1b[1A\x1b[2K"))  # erased
    assert "\n" not in text.split("draw 2 of 2, N5")[1].strip()


def test_elsewhere_nothing_is_shown_but_what_verbose_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO()) == ""
    found = shown(monkeypatch, io.StringIO(), verbose=True).splitlines()
    assert [re.sub(r"\d+\.\d s", "T", one) for one in found] == [
        "escape-ntk: draw 1 of 2, S1: T",
        "escape-ntk: draw 2 of 2, N5: T",
    ]


def test_quiet_shows_nothing_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, Terminal(), quiet=True) == ""


def test_time_left_is_that_of_the_steps_so_far() -> None:
    assert line("draw", 10, 40, "N5", 20.0) == "draw 10 of 40, N5, 60 s left"
    assert line("draw", 40, 40, "N5", 20.0) == "draw 40 of 40, N5"


def test_quiet_and_verbose_of_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out, figure = str(tmp_path / "o"), str(tmp_path / "s2.svg")

    def run(*words: str) -> tuple[str, str]:
        assert main(words) == 0
        captured = capsys.readouterr()
        return captured.out, captured.err

    loud = run("verify", "--claims", "S2", "--workers", "1", "--out", out, "--verbose")
    assert re.search(r"\] cell 1 of \d+, TraceAndTail: \d", loud[1])
    again = run("verify", "--claims", "S2", "--workers", "1", "--out", out, "--quiet")
    assert (again[1], again[0]) == ("", loud[0])
    assert run("report", out, "--quiet") == ("", "")
    assert re.fullmatch(r"escape-ntk: draw 1 of 1, S2: \d+\.\d s\n", run("report", out, "--verbose")[1])
    assert run("figure", "S2", "--out", out, "--to", figure, "-q") == ("", "")
    assert Path(figure).exists()
    assert "S2" not in run("calibrate", "S5", "--runs", "3", "-q")[1]
    assert run("calibrate", "S5", "--runs", "3", "-v")[1].startswith("escape-ntk: calibrate 1 of ")
    for words in (["verify"], ["calibrate"], ["report", out], ["figure", "S2", "--out", out]):
        assert main([*words, "--quiet", "--verbose"]) == 2
        assert "give one of them" in capsys.readouterr().err


PATHS = [command.path for command in commands(app, {"claims": (), "profiles": ()})]


@pytest.mark.parametrize("path", PATHS)
def test_help_has_examples_and_fits_80_columns(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*path.split(), "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    typed = [one.strip() for one in lines[lines.index(next(one for one in lines if one.startswith("Examples"))) :]]
    examples = [one for one in typed if one.startswith("escape-ntk ")]
    assert examples
    assert all(one.startswith(f"escape-ntk {path}".rstrip()) for one in examples) or path == "sweep"
    assert "Parameters" not in " ".join(lines), "an option that is in no group"
