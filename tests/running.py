"""Runs of the command line, as users type it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    status: int
    output: dict[str, Any]
    progress: str


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "verify", *arguments], capture_output=True, text=True, timeout=1800, check=False
    )


def quick(folder: Path) -> Run:
    """The seed on which sizes were chosen, where every claim holds at fixed sizes: a change of code shows as such."""
    done = command("verify", "--profile", "quick", "--seed", "0", "--json", "--out", str(folder))
    return Run(done.returncode, json.loads(done.stdout), done.stderr)
