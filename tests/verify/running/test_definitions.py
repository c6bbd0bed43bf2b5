"""An edit changes the digests of exactly the cells that reach it; what runs is among what is reached."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import FrameType

import pytest

from verify.cells.kernels import RidgeCurve
from verify.cells.spectral import CertifiedEigenvalues, KernelMonteCarlo
from verify.cells.subspace import TopBlock
from verify.running import experiment
from verify.running.definitions import Definitions
from verify.running.experiment import Cell, code_of

SIGMA = "sin(z + pi/4)"
TREE = {
    "pack/__init__.py": """
from typing import TYPE_CHECKING
from pack.direct import shared
if TYPE_CHECKING:
    from pack.lazy import late
else:
    def __getattr__(name):
        return HOMES[name]
HOMES = {"hidden": "pack.other"}
set_up()
""",
    "pack/direct.py": """
import pack.plain as plain
TABLE = {}
TABLE["a"] = 1
SCALE, SHIFT = 2.0, 3.0
def shared(x):
    '''What it gives.'''
    return x * SCALE + plain.inner(x)
def unused(x):
    return SHIFT
""",
    "pack/plain.py": "def inner(x):\n    return x\ndef outer(x: 'Promise') -> int:\n    return 1\n",
    "pack/lazy.py": "def late(x):\n    from pack import plain\n    return plain.outer(x)\n",
    "pack/other.py": "def hidden(x):\n    return x\n",
    "cells.py": """
import pack
from pack import shared
class Base:
    def help(self):
        return 1
class A(Base):
    def run(self):
        return shared(1)
class B:
    def run(self):
        from pack import late
        return late(2)
class C:
    field: "int" = 3
    def run(self):
        return pack.hidden(3)
def decorate(x):
    return x
@decorate
class D:
    pass
""",
}
EDITS = {
    "a function two modules away": ("pack/plain.py", "return x\n", "return x + 1\n", "A"),
    "a function imported by a function": ("pack/plain.py", "return 1", "return 2", "B"),
    "an annotation of a function": ("pack/plain.py", "-> int", "-> float", ""),
    "a constant": ("pack/direct.py", "SCALE, SHIFT = 2.0", "SCALE, SHIFT = 2.5", "A"),
    "a function that nobody uses": ("pack/direct.py", "return SHIFT", "return SHIFT + 1", ""),
    "a docstring": ("pack/direct.py", "What it gives.", "What comes back.", ""),
    "layout and a comment": ("pack/direct.py", "def unused", "\n\n# why\ndef unused", ""),
    "what acts when its module is loaded": ("pack/direct.py", '["a"] = 1', '["a"] = 2', "A"),
    "what acts when the package is loaded": ("pack/__init__.py", "set_up()", "set_up(1)", "ABC"),
    "what __getattr__ mentions": ("pack/other.py", "return x", "return -x", "C"),
    "a base class": ("cells.py", "return 1", "return 2", "A"),
    "a cell": ("cells.py", "late(2)", "late(3)", "B"),
    "a field of a class": ("cells.py", 'field: "int"', 'field: "float"', "C"),
    "the use of a decorator": ("cells.py", "@decorate\n", "", "D"),
    "a decorator": ("cells.py", "return x", "return None", "D"),
}


def digests(folder: Path, changed: dict[str, str]) -> dict[str, str]:
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in (TREE | changed).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    files = {name.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): folder / name for name in TREE}
    found = Definitions(files)
    return {kind: found.digest("cells", kind) for kind in "ABCD"}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_what_reaches_it_and_nothing_else(edit: str, tmp_path: Path) -> None:
    name, old, new, expected = EDITS[edit]
    assert old in TREE[name]
    before = digests(tmp_path, {})
    assert all(before.values())
    assert before == digests(tmp_path, {}), "the same text gives the same digest"
    after = digests(tmp_path, {name: TREE[name].replace(old, new, 1)})
    assert "".join(kind for kind in before if before[kind] != after[kind]) == expected


def test_other_modules_and_names_that_are_not_there_are_empty(tmp_path: Path) -> None:
    found = Definitions({"a": tmp_path / "a.py"})
    (tmp_path / "a.py").write_text("x = 1\n")
    assert found.digest("os", "system") == found.digest("a", "y") == ""
    assert found.digest("a") == found.digest("a", "x") != ""


CELLS: list[Cell] = [
    TopBlock(activation=SIGMA, d=4, m=40, k=1),
    KernelMonteCarlo(activation=SIGMA, d=4, max_degree=2, blocks=20, points=16),
    CertifiedEigenvalues(activation=SIGMA, d=5, max_degree=3),
    RidgeCurve(activation=SIGMA, device="cpu", d=8, m=64, samples=(16,), dense=((1, 1.0),), targets=2, ridges=(0.1,)),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_every_function_that_runs_is_reached(cell: Cell) -> None:
    """The independent route: the functions of theory, numerics and the cells that are called while a cell runs."""
    known = experiment._definitions()
    files = {str(path.resolve()): name for name, path in known._files.items()}
    for name in known._files:  # what runs while a module is imported is no part of the cell
        importlib.import_module(name)
    reached: set[tuple[str, int]] = set()
    for statement in known.reached(type(cell).__module__, type(cell).__name__):
        node = statement.node
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        module = statement.module.removesuffix(".__init__")
        reached |= {(module, line) for line in range(first, (node.end_lineno or first) + 1)}
    called: set[tuple[str, int]] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename in files and code.co_name != "<module>":
            called.add((files[code.co_filename], code.co_firstlineno))

    sys.setprofile(note)
    try:
        cell.run()
    finally:
        sys.setprofile(None)
    assert len(called) > 5
    assert called - reached == set()


def test_no_cell_reads_a_data_file() -> None:
    """Files beside the code are not followed; the one that there is holds constants for tests and users."""
    reached = {
        statement.module.removesuffix(".__init__")
        for kind in map(type, CELLS)
        for statement in experiment._definitions().reached(kind.__module__, kind.__name__)
    }
    assert "theory.golden.constants" not in reached
    assert "numerics.kernels" in reached
    assert len(reached) < len(experiment._definitions()._files) / 2, "not everything is reached"
    assert len({code_of(type(cell)) for cell in CELLS}) == len(CELLS)


SCRIPT = f"""
from pathlib import Path
from verify.cells.spectral import CertifiedEigenvalues, KernelMonteCarlo
from verify.cells.subspace import TopBlock
from verify.running.store import Store
from verify.running.sweep import run_cells
cells = [
    TopBlock(activation="{SIGMA}", d=4, m=40, k=1),
    KernelMonteCarlo(activation="{SIGMA}", d=4, max_degree=2, blocks=20, points=16),
    CertifiedEigenvalues(activation="{SIGMA}", d=5, max_degree=2),
]
with Store(Path("records")) as store:
    found = run_cells(cells, store, {{}})
print(*(type(cell).__name__ for cell, done in found.items() if not done.stored))
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree whose cells are in the records."""
    root, folder = Path(experiment.__file__).parents[2], tmp_path_factory.mktemp("copy")
    for package in ("theory", "numerics", "verify"):
        shutil.copytree(root / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copyfile(root / "escape_ntk.py", folder / "escape_ntk.py")
    (folder / "job.py").write_text(SCRIPT)
    assert computed(folder) == {"TopBlock", "KernelMonteCarlo", "CertifiedEigenvalues"}
    return folder


def computed(folder: Path) -> set[str]:
    """The cells that a process in the copy has to compute."""
    done = subprocess.run(
        [sys.executable, "-B", "job.py"], cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_only_what_a_change_concerns_is_measured_again(copied: Path) -> None:
    assert computed(copied) == set()
    spectral, subspace = (copied / "verify" / "cells" / f"{name}.py" for name in ("spectral", "subspace"))
    edit(spectral, "class TraceAndTail(Cell):", "class TraceAndTail(Cell):\n    stray: int = 0\n")
    edit(subspace, "class TopBlock(Cell):", "# Said anew.\n\n\nclass TopBlock(Cell):")
    edit(copied / "numerics" / "train.py", '"""', '"""Said anew. ')
    assert computed(copied) == set(), "another cell of a module, a comment, a docstring"
    edit(subspace, "class TopBlock(Cell):", "class TopBlock(Cell):\n    stray: int = 0\n")
    assert computed(copied) == {"TopBlock"}
    edit(copied / "numerics" / "covariance.py", "return ", "return None or ")
    assert computed(copied) == {"TopBlock"}, "numerics that one of them uses"
