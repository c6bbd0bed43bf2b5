"""The pytest plugin, as other repositories use it: from a wheel, and option by option."""

import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx

from escape_ntk_pytest import assert_certified

ROOT = Path(__file__).parent.parent
EIGENVALUE = {"quantity": "ntk_eigenvalue", "activation": "tanh(z + 1)", "degree": 1, "d": 10}
VALUE = 0.20512183555379
TRACE = {"quantity": "ntk_trace", "activation": "relu(z)", "d": 7}
CLAIMS = """
from verify import Cell, Claim, Control, DecisionRule, scaled

class Draw(Cell):
    shift: float
    def run(self):
        import warnings
        import numpy as np
        warnings.warn("not an error of the project's")
        return {"mean": self.shift + float(np.random.default_rng(self.seed("draw")).normal(1.0, 0.1))}

def claim(name, shift, control=2.0):
    cells = lambda p: tuple(Draw(shift=shift, base_seed=p.base_seed, replicate=r) for r in range(16))
    predict = lambda p: {"mean": 1.0}
    return Claim(
        id=name, title="A mean", statement="m = 1", source="made up", why="So drawn.", refuted_by="Another mean.",
        hypotheses=(), depends_on=(), design=cells, predict=predict, activations="none",
        rules=lambda p: (DecisionRule("mean", "mean", "within", 0.2, 0.5, 0.1, 16),),
        observe=lambda p, evidence: {"mean": [evidence[cell]["mean"] for cell in cells(p)]},
        controls=(Control("a factor", predict=scaled(predict, control)),),
    )

CLAIMS = (claim("M1", 0.0), claim("M2", 1.0), claim("M3", 0.0, control=1.01))
"""


@pytest.mark.parametrize(
    "value",
    [3.5, np.float32(3.5), np.array(3.5), torch.tensor(3.5), "3.5", Decimal("3.5"), Fraction(7, 2), arb(3.5)],
    ids=lambda value: type(value).__name__,
)
def test_numbers_of_any_kind(value: Any) -> None:
    assert_certified(value, **TRACE, relative=1e-14)
    with pytest.raises(AssertionError, match=r"ntk_trace\(relu\(z\), d=8\) is 4\.0*; .* is 0\.5 away, relative 0\.125"):
        assert_certified(value, **TRACE | {"d": 8}, relative=1e-3)


def test_what_is_admitted_is_admitted_and_no_more() -> None:
    for deviation, admitted in ((0.9e-6, True), (1.1e-6, False), (-0.9e-6, True), (-1.1e-6, False)):
        for kind in ({"relative": 1e-6}, {"relative": 0.0, "absolute": 1e-6 * VALUE}):
            given = VALUE * (1 + deviation)
            if admitted:
                assert_certified(given, **EIGENVALUE, **kind)
            else:
                with pytest.raises(AssertionError, match=r"is 0.205121835553790; 0.2051.* away"):
                    assert_certified(given, **EIGENVALUE, **kind)
    with pytest.raises(AssertionError, match="admitted are relative=1e-09"):
        assert_certified(VALUE * (1 + 2e-9), **EIGENVALUE)


def test_more_digits_than_a_double_has() -> None:
    from theory import golden_constants

    stored = next(c for c in golden_constants() if c.kind == "quadntk_eigenvalue" and c.decimal != "0")
    given = {"quantity": stored.kind, "activation": stored.activation} | stored.arguments
    assert_certified(stored.decimal, **given, relative=1e-38)
    with ctx.workprec(200):
        moved = stored.ball * (1 + arb("1e-20"))
    with pytest.raises(AssertionError, match=r"is 0\.0276513464406549358502\d*; .* relative 1e-20"):
        assert_certified(moved, **given, relative=1e-30)


def test_zero_needs_an_absolute_deviation() -> None:
    zero = {"quantity": "coefficient", "activation": "tanh(z)", "degree": 2, "d": 10}
    assert_certified(0, **zero)
    assert_certified(1e-20, **zero, absolute=1e-19)
    with pytest.raises(AssertionError, match="is exactly 0, so give absolute="):
        assert_certified(1e-20, **zero)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_near(value: float) -> None:
    with pytest.raises(AssertionError, match="away"):
        assert_certified(value, **TRACE)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quantity": "ntk_eigenvalues"}, "known are coefficient, .*; did you mean ntk_eigenvalue or"),
        ({"degre": 1}, "ntk_eigenvalue: has no argument degre; it takes degree, d; did you mean degree?"),
        ({"quantity": "effective_ridge", "degree": None}, "effective_ridge: needs k="),
        ({"d": 2}, "d=2: needs d >= 3"),
        ({"value": [1.0, 2.0]}, "needs one number"),
        ({"value": "one"}, "value='one': needs one number"),
        ({"relative": 0.0}, "needs numbers >= 0, one of them above 0"),
        ({"relative": -1.0}, "needs numbers >= 0"),
        ({"activation": "tahn(z)"}, "tahn"),
        ({"activation": 3}, "activation=3: needs an expression in z as text"),
        ({"quantity": ["ntk_trace"]}, "is not known; known are coefficient"),
        ({"quantity": 3}, "quantity=3: is not known"),
        ({"relative": "small"}, "relative='small', absolute=0.0: needs numbers >= 0"),
        ({"absolute": 1j}, "needs numbers >= 0"),
    ],
)
def test_misuse_is_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    given = {key: value for key, value in ({"value": VALUE} | EIGENVALUE | changes).items() if value is not None}
    with pytest.raises(ValueError, match=sentence):
        assert_certified(**given)


def test_bounds_and_integers_of_any_kind() -> None:
    for bound in (Fraction(1, 10**9), Decimal("1e-9"), np.float32(1e-9)):
        assert_certified(VALUE, **EIGENVALUE, relative=bound)
    with pytest.raises(AssertionError, match="an integer of more than 40 digits is inf away"):
        assert_certified(10**5000, **EIGENVALUE)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Somebody's project: a test, three claims, and warnings that are errors."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "claims_of_ours.py").write_text(CLAIMS)
    (folder / "test_ours.py").write_text("def test_ours(assert_certified):\n    assert callable(assert_certified)\n")
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n')
    return folder


def run(folder: Path, *words: str, path: Path = ROOT, plugin: bool = True) -> tuple[int, str]:
    named = ["-p", "escape_ntk_pytest"] if plugin else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *named, "-v", "-rs", "-p", "no:randomly", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


OURS = ("--escape-ntk-claims-from", "claims_of_ours.py")


def test_a_claim_is_a_test(repository: Path) -> None:
    status, out = run(repository, *OURS)
    assert status == 1, out
    assert "collected 4 items" in out
    for line in ("test_ours.py::test_ours PASSED", "escape-ntk::M1 PASSED", "escape-ntk::M2 FAILED"):
        assert line in out
    assert re.search(r"M2 A mean: FAILS\n  mean: FAILS, predicted 1 \+- 0.2, measured (1.9|2.0)\d* in \[", out)
    assert "what refutes it: Another mean." in out
    assert "Traceback" not in out
    assert re.search(r"escape-ntk::M3 SKIPPED .*INCONCLUSIVE", out)
    assert "a control does not FAIL, so the check has no power here: a factor" in out
    assert (repository / ".pytest_cache" / "d" / "escape-ntk" / "records.sqlite").is_file()


def test_a_strict_run_of_the_claims_alone(repository: Path) -> None:
    words = (*OURS, "--escape-ntk-claims", "M1,M3", "-m", "escape_ntk", "--escape-ntk-strict", "--escape-ntk-out", "o")
    status, out = run(repository, *words)
    assert status == 1, out
    assert "collected 3 items / 1 deselected / 2 selected" in out
    assert "1 failed, 1 passed, 1 deselected" in out
    assert "M3 A mean: INCONCLUSIVE" in out
    assert (repository / "o" / "records.sqlite").is_file()


def test_a_claim_whose_cells_fail_is_no_skipped_test(repository: Path) -> None:
    claims = repository / "claims_of_ours.py"
    claims.write_text(
        re.sub(r"(    def run\(self\).*\n)", r"\1        raise ValueError('planted')\n", claims.read_text())
    )
    status, out = run(repository, *OURS, "--escape-ntk-claims", "M1")
    assert status == 1, out
    assert re.search(r"M1 A mean: not judged, for a cell of it: .* failed 3 times: ValueError: planted", out)


def test_the_processes_of_xdist_share_one_run(repository: Path) -> None:
    pytest.importorskip("xdist")
    slow = CLAIMS.replace("import warnings\n", "import time, warnings\n        time.sleep(0.2)\n").replace(
        'CLAIMS = (claim("M1", 0.0), claim("M2", 1.0)', 'CLAIMS = (claim("M1", 0.0), claim("M2", 0.01)'
    )
    (repository / "claims_of_ours.py").write_text(slow)
    status, out = run(repository, *OURS, "-n", "2", "-m", "escape_ntk", "-k", "M1 or M2")
    assert status == 0, out
    assert "2 passed" in out


def test_without_options_nothing_is_added(repository: Path) -> None:
    status, out = run(repository, "-p", "no:cacheprovider")
    assert (status, "collected 1 item" in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--escape-ntk-claims", "S11"), "unknown claim S11; known are S1"),
        (("--escape-ntk-claims-from", "nowhere.py"), "there is no such file"),
        (("--escape-ntk-claims", "S2", "--escape-ntk-profile", "quik"), "did you mean quick?"),
        (("--escape-ntk-claims", "S2", "--escape-ntk-workers", "0"), "needs an integer >= 1"),
    ],
)
def test_misuse_of_options_is_one_sentence(words: tuple[str, ...], sentence: str, repository: Path) -> None:
    status, out = run(repository, *words)
    assert status == 4, out
    assert [line for line in out.splitlines() if line.startswith("ERROR: ") and sentence in line]
    assert "Traceback" not in out


def test_from_a_wheel_in_an_empty_repository(repository: Path, tmp_path: Path) -> None:
    """The wheel is built and unpacked; pytest finds the plugin there by its entry point."""
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    for name in ("theory", "numerics", "verify"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "escape_ntk.py", "escape_ntk_pytest.py"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [
        *pip,
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("escape_ntk-*.whl")
    install = [*pip, "install", "--no-deps", "--no-index", "--no-compile", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    (repository / "test_ours.py").write_text(
        "from pathlib import Path\n"
        "import escape_ntk_pytest, theory, verify\n"
        "def test_eigenvalue(assert_certified):\n"
        f"    assert_certified({VALUE}, 'ntk_eigenvalue', activation='tanh(z + 1)', degree=1, d=10)\n"
        "def test_where():\n"
        f"    for module in (escape_ntk_pytest, theory, verify):\n"
        f"        assert Path(module.__file__).is_relative_to({str(site)!r})\n"
        "    assert len(theory.golden_constants()) > 300\n"
    )
    status, out = run(repository, *OURS, "--escape-ntk-claims", "S2,M1", path=site, plugin=False)
    assert status == 0, out
    for name in ("test_ours.py::test_eigenvalue", "test_ours.py::test_where", "escape-ntk::S2", "escape-ntk::M1"):
        assert f"{name} PASSED" in out
