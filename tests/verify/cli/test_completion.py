"""Completion in the shells themselves: what a script offers at a cursor."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from verify.cli.completion import Command, commands, script
from verify.cli.main import app, main
from verify.registry import CLAIMS
from verify.sizes.profile import PROFILES

SHELLS = ("bash", "zsh", "fish")
TYPED = [
    ("ver", ["verify"]),
    ("verify --cl", ["--claims", "--claims-from"]),
    ("verify --claims N1", ["N1", "N10", "N11", "N12", "N13"]),
    ("verify --claims S1,N1", ["S1,N1", "S1,N10", "S1,N11", "S1,N12", "S1,N13"]),
    ("verify --profile ", ["authors", "full", "gpu", "quick"]),
    ("sweep ", ["collect", "failures", "plan", "run"]),
    ("sweep plan --profile q", ["quick"]),
    ("figure A", ["A1", "A2"]),
    ("spectrum tanh(z) --kernel q", ["quadntk"]),
    ("spectrum tanh(z) --d ", []),
    ("completion ", ["bash", "fish", "zsh"]),
    ("report fo", ["folder"]),
    ("verify --claims-from my", ["my_claims.py"]),
]


@pytest.fixture(scope="module")
def found() -> tuple[Command, ...]:
    return tuple(commands(app, {"claims": tuple(CLAIMS), "profiles": tuple(PROFILES)}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "my_claims.py").touch()
    for shell in SHELLS:
        (tmp_path / shell).write_text(script(app, shell, CLAIMS, PROFILES))
    return tmp_path


def test_every_option_of_every_command_is_offered(found: tuple[Command, ...]) -> None:
    by_path = {command.path: command for command in found}
    assert {name for name, _ in by_path[""].commands} >= {"verify", "sweep", "completion", "spectrum"}
    assert by_path["sweep plan"].options
    for command in found:
        assert all(re.fullmatch(r"--[a-z][a-z-]*", option.name) for option in command.options)
        assert all(option.help for option in command.options), command.path
        assert all(text for _, text in command.commands)


def test_the_command_prints_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in SHELLS:
        assert main(["completion", shell]) == 0
        assert capsys.readouterr().out.strip() == script(app, shell, CLAIMS, PROFILES).strip()
    assert main(["completion", "csh"]) == 2


@pytest.mark.parametrize(("typed", "expected"), TYPED)
def test_bash(typed: str, expected: list[str], folder: Path) -> None:
    words = ["escape-ntk", *typed.split(" ")]
    quoted = " ".join(f"'{word}'" for word in words)
    code = f'source ./bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _escape_ntk; echo "${{COMPREPLY[*]}}"'
    done = subprocess.run(["bash", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == expected
    assert done.stderr == ""


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("typed", "expected"), TYPED)
def test_fish(typed: str, expected: list[str], folder: Path) -> None:
    code = f'source ./fish; complete -C "escape-ntk {typed}"'
    done = subprocess.run(["fish", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    # fish also offers what only contains the word.
    near = {line.split("\t")[0].rstrip("/") for line in done.stdout.splitlines()}
    assert set(expected) <= near
    assert done.stderr == ""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_the_script(folder: Path) -> None:
    code = "compdef() { print -- $*; }; source ./zsh"
    done = subprocess.run(["zsh", "-fc", code], cwd=folder, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("_escape_ntk escape-ntk\n", "")
