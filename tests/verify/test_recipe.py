"""The recipe of CONTRIBUTING.md: its file, added to a copy of the project, is a claim that holds and can fail."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages with the file of the recipe where the recipe says."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text[text.index("## A new claim") :]
    path, *_ = re.findall(r"`(verify/claims/\w+/\w+\.py)`", section)
    (body,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    folder = tmp_path_factory.mktemp("project")
    for name in ("theory", "numerics", "verify"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "escape_ntk.py", folder)
    carried = re.compile(r"_?s11_")
    for other in (folder / path).parent.iterdir():  # a claim of the reader's own with the same number
        if carried.search(other.name):
            other.unlink()
    (folder / path).write_text(body, encoding="utf-8")
    return folder


def test_the_recipe_is_as_clean_as_the_house(project: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", project)
    for action in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *action, "verify/claims/spectra/s11_coefficient.py"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "verify", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_recipe_adds_a_claim_in_one_file(project: Path) -> None:
    done = command(project, "verify", "--claims", "S11", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    (claim,) = json.loads(done.stdout)["claims"]
    assert (claim["id"], claim["verdict"], claim["control"]["verdict"]) == ("S11", "HOLDS", "FAILS")
    explained = " ".join(command(project, "explain", "S11").stdout.split())
    assert "Written in: verify/claims/spectra/s11_coefficient.py" in explained
    assert "Verdict: HOLDS" in explained
    assert "S11" in command(project, "claims").stdout
    calibrated = command(project, "calibrate", "--claims", "S11", "--runs", "300")
    assert calibrated.returncode == 0, calibrated.stdout


def test_the_recipe_fails_on_other_data(project: Path) -> None:
    """Data of a rival theory, in which harmonics of degree 2 see another polynomial: the whole command says FAILS."""
    path = project / "verify/claims/spectra/s11_coefficient.py"
    honest = path.read_text(encoding="utf-8")
    path.write_text(honest.replace("(D * t**2 - 1) / (D - 1)", "(3 * t**2 - 1) / 2"), encoding="utf-8")
    done = command(project, "verify", "--claims", "S11", "--workers", "1", "--json", "--out", "rival")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["claims"][0]["verdict"] == "FAILS"
    path.write_text(honest, encoding="utf-8")
