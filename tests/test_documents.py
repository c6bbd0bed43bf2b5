"""Every command and every Python block of the README and the documentation does what it says, as printed.

What a shell has after ``source .venv/bin/activate`` is what this interpreter has: ``escape-ntk`` runs in this process
through its ``main``, Python blocks in one namespace for each document. Substituted, because a command would take
minutes or needs a cluster, and nothing else:

- ``verify``: ``--claims S3`` and one worker in place of all claims or those named (each name is looked up);
  ``--profile full`` and ``gpu`` become quick;
- ``calibrate``: 20 runs of S1 (of E1 with ``--worlds``), or of the claim that is named alone, by the quick profile,
  whatever comes of so few; with ``--records`` as it stands;
- ``python -m verify.protocol --write``: whether the file is what the code does already;
- scripts of ``benchmarks/`` (``python``, ``torchrun``): only their options are read, by their own parser;
- ``make``: ``make -n``; ``pip install``: that the extra exists; tools for contributors: that the extra dev brings them;
- ``python -m pytest``: the tests named are collected, not run; ``pytest`` alone is the reader's own;
- a Python block that stands under the name of a file is written to that file;
- in Python blocks the texts of ``IN_BLOCKS``, a stand-in for dask, and torchrun's variables for one process.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from verify.cli.main import main
from verify.protocol import main as protocol
from verify.registry import select
from verify.sizes.profile import PROFILES

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
IN_BLOCKS = {
    'PROFILES["full"]': 'PROFILES["quick"]',
    "CLAIMS.values()": '[CLAIMS["S3"]]',
    "steps=500": "steps=2",
    "(n, 2000)": "(n, 20)",
    "m, n = 16, 256, 256": "m, n = 16, 32, 32",
    "4096": "64",
}
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^`([\w-]+\.py)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"[A-Z_]+=")
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
COMMAND = re.compile(r"(time )?(escape-ntk|python|torchrun|make|pip|source|\.venv/bin/[\w-]+) \S")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def blocks(document: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(document.read_text(encoding="utf-8")) if language in languages]


def own_files(document: Path) -> dict[str, str]:
    """The files that a document has its reader write, by name."""
    return dict(FILE.findall(document.read_text(encoding="utf-8")))


def commands(text: str) -> Iterator[str]:
    """Lines after a prompt in blocks, and code within a line that is a command rather than a name."""
    for _, body in FENCE.findall(text):
        yield from (line[2:] for line in body.splitlines() if line.startswith("$ "))
    for span in SPAN.findall(FENCE.sub("", text)):
        line = " ".join(span.split())
        if COMMAND.match(line):
            yield line


def run(line: str) -> int:
    """The exit status of a command in the current folder."""
    words = shlex.split(line, comments=True)
    while words[0] == "time" or VARIABLE.match(words[0]):
        del words[0]
    if ">" in words:  # where the output goes
        del words[words.index(">") :]
    match words:
        case ["source", ".venv/bin/activate"]:
            return 0 if "-m venv .venv" in (ROOT / "Makefile").read_text(encoding="utf-8") else 1
        case ["make", *targets]:
            return subprocess.run(["make", "-n", *targets], cwd=ROOT, capture_output=True, check=False).returncode
        case ["pip", "install", what]:
            extras = re.fullmatch(r"\.(?:\[([\w,]+)\])?", what)
            named = (extras[1] or "").split(",") if extras else ["?"]
            return 0 if all(not name or name in PROJECT["optional-dependencies"] for name in named) else 1
        case ["escape-ntk", *rest]:
            return main(smaller(rest))
        case ["python", "-m", "pytest", *rest]:
            collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", *rest]
            return subprocess.run(collect, cwd=ROOT, capture_output=True, check=False).returncode
        case ["python", "-m", "verify.protocol", *rest]:
            assert rest in ([], ["--write"])
            return protocol([])
        case ["python", "-m", "verify.check", *rest]:
            return subprocess.run(
                [sys.executable, "-m", "verify.check", *rest], capture_output=True, check=False
            ).returncode
        case ["pytest", *rest]:
            own = [sys.executable, "-m", "pytest", "-p", "escape_ntk_pytest", *rest]
            where = os.environ | {"PYTHONPATH": str(ROOT)}
            return subprocess.run(own, env=where, capture_output=True, check=False).returncode
        case ["python" | "torchrun", *rest]:
            return options_of(rest)
    tool = Path(words[0]).name
    return 0 if any(line.startswith(f"{tool}>") for line in PROJECT["optional-dependencies"]["dev"]) else 1


def smaller(words: list[str]) -> list[str]:
    """The command with the substitutions above."""
    words = list(words)
    if words[0] not in ("verify", "calibrate"):
        return words
    claim = "S3" if words[0] == "verify" else "E1" if "--worlds" in words else "S1"
    for option, substitute in (("--claims", claim), ("--profile", "quick"), ("--runs", "20")):
        if option in words:
            at = words.index(option) + 1
            if option == "--claims" and words[at] != "NEW":
                assert select(words[at])
            if option == "--profile" and words[at].endswith(".toml"):
                continue
            assert option != "--profile" or words[at] in PROFILES
            words[at] = substitute
    if words[0] == "calibrate" and "--records" in words:
        return words
    if words[0] == "calibrate":
        named = "--claims" in words or (len(words) > 1 and not words[1].startswith("-"))
        kept = [w for w in words if w not in ("--runs", "20")]
        return [*kept, "--runs", "20", *([] if named else ["--claims", claim])]
    named = "--claims" in words or "--claims-from" in words
    return [*words, *([] if named else ["--claims", "S3"]), "--workers", "1"]


class Read(Exception):
    """A script's options were read."""


def options_of(words: list[str]) -> int:
    """0 when the script exists and reads its options."""
    at = next(i for i, word in enumerate(words) if word.endswith(".py"))
    if words[at] == "script.py":  # the reader's own
        return 0
    script, options = ROOT / words[at], words[at + 1 :]
    if "parse_args" not in script.read_text(encoding="utf-8"):
        return 0 if not options else 1

    def parse_args(self: argparse.ArgumentParser, *_: object) -> None:
        self.parse_known_args(options)[1] and self.error("unknown options")
        raise Read

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
        patch.setattr(sys, "argv", [str(script), *options])
        patch.syspath_prepend(str(script.parent))
        try:
            runpy.run_path(str(script), run_name="__main__")
        except Read:
            return 0
        except SystemExit as stopped:
            return int(stopped.code or 0)
    return 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands name: records in out, old, new and fixed, and the profile of the usage page."""
    folder = tmp_path_factory.mktemp("reader")
    assert main(["verify", "--claims", "S3", "--workers", "1", "--out", str(folder / "out")]) == 0
    for name in ("old", "new", "fixed"):
        shutil.copytree(folder / "out", folder / name)
    profile = next(body for body in blocks(ROOT / "docs" / "usage.md", "toml"))
    (folder / "mine.toml").write_text(profile, encoding="utf-8")
    for document in DOCUMENTS:
        for name, body in own_files(document).items():
            (folder / name).write_text(body, encoding="utf-8")
    return folder


ALL = {line: path.name for path in DOCUMENTS for line in commands(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("line", ALL, ids=lambda line: f"{ALL[line]}: {line.split('#')[0].strip()}")
def test_command(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    said = re.search(r"# status (\d)", line)
    allowed = (int(said[1]),) if said else (0, 1) if "calibrate" in line else (0,)
    assert run(line) in allowed


def test_there_are_commands() -> None:
    assert len(ALL) >= 25
    assert {"make verify", "source .venv/bin/activate"} <= {line.split("#")[0].strip() for line in ALL}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_stand_in_fences(document: Path) -> None:
    """An indented block would be run by nobody here."""
    outside = FENCE.sub("", document.read_text(encoding="utf-8"))
    assert not [line for line in outside.splitlines() if re.match(r"    (\$ )?" + COMMAND.pattern, line)]
    for block in blocks(document, "console"):
        assert block.startswith("$ ")
    assert not blocks(document, "sh", "bash", "shell", ""), "use console with a prompt, or text"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_shown_output_is_the_output(
    document: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.chdir(folder)
    for block in blocks(document, "console"):
        first, _, shown = block.partition("\n")
        if shown and "$ " not in shown:
            capsys.readouterr()
            run(first[2:])
            assert capsys.readouterr().out == shown


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if blocks(d, "python")], ids=lambda path: path.name)
def test_python_blocks(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        """Stands for dask's: the same methods, on threads."""

        def __enter__(self) -> Client:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def get_executor(self) -> ThreadPoolExecutor:
            return ThreadPoolExecutor(1)

    cluster = ModuleType("dask.distributed")
    cluster.Client = Client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dask", ModuleType("dask"))
    monkeypatch.setitem(sys.modules, "dask.distributed", cluster)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    alone = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in alone.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    files = own_files(document).values()
    for block in (block for block in blocks(document, "python") if block not in files):
        for before, after in IN_BLOCKS.items():
            block = block.replace(before, after)
        exec(compile(block, str(document), "exec"), names)  # noqa: S102 (the project's own documentation)


def test_an_own_claim_is_short() -> None:
    files = own_files(ROOT / "docs" / "own-claims.md")
    assert {"first_step.py", "even_link.py", "test_constants.py"} == set(files)
    assert len(files["first_step.py"].splitlines()) <= 60
    assert all(len(line) <= 120 for body in files.values() for line in body.splitlines())


def test_the_tutorial_is_read_in_ten_minutes() -> None:
    """At 200 words a minute, code included; its claim is no longer than the other one."""
    tutorial = ROOT / "docs" / "tutorial.md"
    assert len(tutorial.read_text(encoding="utf-8").split()) <= 2000
    files = own_files(tutorial)
    assert {"gradient_norm.py", "test_mine.py"} == set(files)
    assert len(files["gradient_norm.py"].splitlines()) <= 60
    assert all(len(line) <= 120 for body in files.values() for line in body.splitlines())


def test_a_joint_network_on_own_data_is_short() -> None:
    (block,) = (b for b in blocks(ROOT / "docs" / "usage.md", "python") if "to_sphere(" in b)
    lines = [line for line in block.splitlines() if line.strip()]
    assert len(lines) <= 8
    assert all(len(line) <= 120 and ";" not in line.partition("#")[0] for line in lines)


def test_the_first_example_prints_what_its_comments_say(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands within the first screen of the README: 30 lines."""
    readme = ROOT / "README.md"
    block = blocks(readme, "python")[0]
    assert readme.read_text(encoding="utf-8").index(block[-80:]) <= len("\n".join(_lines(readme)[:30]))
    exec(compile(block, str(readme), "exec"), {})  # noqa: S102 (the project's own documentation)
    said = [line.partition("  # ")[2] for line in block.splitlines() if line.startswith("print(")]
    assert capsys.readouterr().out.splitlines() == said
    assert len(said) >= 3


def _lines(document: Path) -> list[str]:
    return document.read_text(encoding="utf-8").splitlines()


def test_the_readme_is_short() -> None:
    prose = FENCE.sub("", (ROOT / "README.md").read_text(encoding="utf-8"))
    words = [word for line in prose.splitlines() if not line.startswith("|") for word in line.split()]
    assert len(words) <= 650
    assert len(prose.split()) - len(words) <= 250, "what was verified is one table"


@pytest.mark.parametrize(
    "line",
    [
        'escape-ntk spectrum "relu(z)"',
        "escape-ntk verfy --claims S1",
        "escape-ntk report out --out out",
        "escape-ntk verify --claims-from no_such_file.py",
        "pytest --escape-ntk-claims S99",
        "python benchmarks/gram.py --rigde",
        "python benchmarks/constants.py --fast",
        "make everything",
        "pip install '.[all]'",
        ".venv/bin/no-such-tool install",
        "python -m pytest tests/theory/spectra/test_eigenvalues.py::test_no_such_thing",
    ],
)
def test_a_wrong_command_is_noticed(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run(line) != 0
