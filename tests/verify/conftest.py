"""One quick run, made with the command users type, shared by the tests that look at it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Run:
    status: int
    output: dict[str, Any]
    progress: str


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "verify", *arguments], capture_output=True, text=True, timeout=580, check=False
    )


def quick(folder: Path) -> Run:
    done = command("verify", "--profile", "quick", "--json", "--out", str(folder))
    return Run(done.returncode, json.loads(done.stdout), done.stderr)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "out"


@pytest.fixture(scope="session")
def first(folder: Path) -> Run:
    return quick(folder)


@pytest.fixture(scope="session")
def second(folder: Path, first: Run) -> Run:
    return quick(folder)
