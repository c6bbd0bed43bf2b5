"""Imports point one way only: theory <- numerics <- verify; no torch or numpy in theory; no cycles; rooms likewise.

A room is a folder of a package, or a module that lies beside the folders.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {"theory": {"theory"}, "numerics": {"theory", "numerics"}, "verify": {"theory", "numerics", "verify"}}
FORBIDDEN_IN_THEORY = {"torch", "numpy", "scipy", "pandas"}
EXPORTS = {"theory.spectra.spectrum": {"numpy", "pandas"}}
"""Modules whose methods hand results to these libraries; a test below shows that importing theory loads none."""


def modules() -> dict[str, Path]:
    found = {}
    for package in ALLOWED:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(source: str) -> Iterator[str]:
    """Modules imported when the file is loaded or later; ``from a import b`` gives a and a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(name: str, source: str) -> list[str]:
    package = name.split(".")[0]
    wrong = []
    for target in imports(source):
        top = target.split(".")[0]
        forbidden = FORBIDDEN_IN_THEORY - EXPORTS.get(name, set()) if package == "theory" else set()
        if (top in ALLOWED and top not in ALLOWED[package]) or top in forbidden:
            wrong.append(f"{name} imports {target}")
    return wrong


def test_arrows() -> None:
    assert len(modules()) > 40
    assert [v for name, path in modules().items() for v in violations(name, path.read_text())] == []


def test_importing_theory_loads_no_numerical_library() -> None:
    code = f"import sys, theory; sys.exit(bool({FORBIDDEN_IN_THEORY!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("theory.x", "import torch"),
        ("theory.x", "def f():\n    from numerics import sphere"),
        ("numerics.x", "import verify.cli.main"),
        ("theory.x", "from verify import Claim"),
    ],
)
def test_planted_violations_are_caught(name: str, source: str) -> None:
    assert violations(name, source)


def graph(files: dict[str, str]) -> dict[str, set[str]]:
    """Edges of imports that run when a module is loaded."""
    edges: dict[str, set[str]] = {}
    for name, source in files.items():
        tree = ast.parse(source)
        tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        edges[name] = {target for target in imports(ast.unparse(tree)) if target in files and target != name}
    return edges


def test_no_cycles() -> None:
    files = {name: path.read_text() for name, path in modules().items()}
    # A package's __init__ gathers its modules; importing the package from inside it would be the cycle to find.
    tuple(TopologicalSorter(graph(files)).static_order())


def test_a_planted_cycle_is_caught() -> None:
    with pytest.raises(CycleError):
        tuple(TopologicalSorter(graph({"theory.a": "import theory.b", "theory.b": "import theory.a"})).static_order())


def room(module: str, files: dict[str, str]) -> str:
    """The folder of a module of a package; the package's own modules are rooms of their own."""
    if f"{module}." in " ".join(files) or module.count(".") < 2:
        return module
    return module.rpartition(".")[0]


def rooms(files: dict[str, str]) -> dict[str, set[str]]:
    """Arrows between rooms, from every import, also one inside a function; a package's own __init__ is no room."""
    edges: dict[str, set[str]] = {}
    for name, source in files.items():
        here = room(name, files)
        for target in imports(source):
            there = room(target, files) if target in files else ""
            if there.count(".") and here.count(".") and there != here:
                edges.setdefault(here, set()).add(there)
    return edges


def sources() -> dict[str, str]:
    return {name: path.read_text() for name, path in modules().items()}


def test_rooms_have_no_cycles_and_chapters_no_arrows_between_them() -> None:
    edges = rooms(sources())
    tuple(TopologicalSorter(edges).static_order())
    assert len({room for room in edges if room.startswith("theory.")}) <= 8
    chapters = {room for room in edges if room.startswith("verify.claims.")}
    assert len(chapters) == 7
    assert {(a, b) for a in chapters for b in edges[a] & chapters} == set()


def test_a_planted_arrow_between_rooms_is_seen() -> None:
    files = {"theory.a.x": "from theory.b.y import z", "theory.b.y": "def f():\n    from theory.a.x import g"}
    assert rooms(files) == {"theory.a": {"theory.b"}, "theory.b": {"theory.a"}}
    with pytest.raises(CycleError):
        tuple(TopologicalSorter(rooms(files)).static_order())


def strays(tests: set[str], files: dict[str, str]) -> set[str]:
    """Test files of a package that lie where no module or room of it lies.

    tests/verify/judging/test_rules.py tests verify.judging.rules; a test of a whole room carries the room's name, and
    tests of a whole package lie in its folder.
    """
    found = set()
    for test in tests:
        package, *folders, name = Path(test).with_suffix("").parts
        module = ".".join([package, *folders, name.removeprefix("test_")])
        whole = ".".join([package, *folders])
        if folders and module not in files and whole.rpartition(".")[2] != name.removeprefix("test_"):
            found.add(test)
    return found


def test_tests_mirror_the_packages() -> None:
    here = ROOT / "tests"
    tests = {str(p.relative_to(here)) for package in ALLOWED for p in (here / package).rglob("test_*.py")}
    assert len(tests) > 60
    assert strays(tests, sources()) == set()
    assert strays({"verify/judging/test_nothing.py", "verify/judging/test_rules.py"}, sources()) == {
        "verify/judging/test_nothing.py"
    }


def test_modules_stay_readable() -> None:
    long = {name: n for name, path in modules().items() if (n := len(path.read_text().splitlines())) > 320}
    assert long == {}
