"""What a start does not import: each command loads only what it uses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXACT = {"sympy", "flint", "mpmath"}
NUMERICAL = {"torch", "numerics", "scipy", "scipy.stats", "matplotlib", "loky", "pandas"}
COMMAND = "import sys; sys.argv[:] = ['escape-ntk', *{!r}]; from escape_ntk import main; assert main() == {}"


def loaded(code: str, folder: Path) -> set[str]:
    """The modules that a fresh interpreter holds after running this code."""
    report = "import sys, json; json.dump(sorted(sys.modules), sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import theory", EXACT | NUMERICAL | {"numpy"}),
        ("import verify", EXACT | NUMERICAL | {"numpy", "pydantic"}),
        ("from verify import Cell, Claim, Control, DecisionRule, Profile", EXACT | NUMERICAL),
        ("import verify.registry", EXACT | NUMERICAL),
        (
            "import pkgutil, importlib, verify.cells\n"
            "for module in pkgutil.iter_modules(verify.cells.__path__, 'verify.cells.'):\n"
            "    if not module.name.endswith('_run'): importlib.import_module(module.name)",
            EXACT | NUMERICAL,
        ),
        (COMMAND.format(["--help"], 0), EXACT | NUMERICAL | {"numpy", "pydantic"}),
        (COMMAND.format(["verify", "--help"], 0), EXACT | NUMERICAL | {"numpy", "pydantic"}),
        (COMMAND.format(["sweep", "run", "--help"], 0), EXACT | NUMERICAL | {"numpy", "pydantic"}),
        (COMMAND.format(["claims"], 0), EXACT | NUMERICAL | {"numpy._core"}),
        (COMMAND.format(["completion", "bash"], 0), EXACT | NUMERICAL | {"numpy._core"}),
        (COMMAND.format(["explain", "N3"], 0), {"torch", "numerics", "scipy.stats", "matplotlib", "loky"}),
        (COMMAND.format(["spectrum", "tanh(z + 1)", "--d", "9"], 0), NUMERICAL | {"numpy", "pydantic"}),
    ],
)
def test_a_start_loads_only_what_it_uses(code: str, absent: set[str], tmp_path: Path) -> None:
    assert loaded(code, tmp_path) & absent == set()


def test_the_arithmetic_of_a_cell_is_loaded_when_it_runs(tmp_path: Path) -> None:
    """The check above sees torch where it is: not with the specification, but with the numbers."""
    code = "from verify.cells.bulk import GramBulk\ncell = GramBulk(activation='tanh(z)', d=4, m=8, n=6, spikes=1)"
    assert "torch" not in loaded(code, tmp_path)
    assert {"torch", "verify.cells.bulk_run"} <= loaded(f"{code}\ncell.run()", tmp_path)


def test_what_is_loaded_later_is_the_module_itself_once_it_is_used(tmp_path: Path) -> None:
    """By a name in it, or by a module below it; a missing one is told as ever."""
    start = "import escape_ntk\nescape_ntk.load_later('{}')\n"
    assert "numpy._core" not in loaded(start.format("numpy") + "import numpy as np", tmp_path)
    for use in ("import numpy as np\nassert np.sum([1, 2]) == 3", "from numpy.polynomial import Polynomial"):
        assert "numpy._core" in loaded(start.format("numpy") + use, tmp_path)
    whole = (
        "import numpy\nimport importlib\nnumpy.pi\nassert type(importlib.import_module('numpy')).__name__ == 'module'"
    )
    assert "numpy._core" in loaded(start.format("numpy") + whole, tmp_path)
    assert "json" in loaded(
        "import json, escape_ntk\nescape_ntk.load_later('json')\nassert json.dumps(1) == '1'", tmp_path
    )
