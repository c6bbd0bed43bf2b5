"""Rules that every module of numerics keeps, read from its source."""

import ast
import inspect
from pathlib import Path
from typing import Any

import numerics

ROOT = Path(numerics.__file__).parent
FACTORIES = {"tensor", "as_tensor", "empty", "zeros", "ones", "full", "eye", "arange", "linspace", "rand", "randn"}
INTEGERS = ("torch.as_tensor(index, ", "torch.tensor([1, step, ", "torch.arange(rank, ", "torch.arange(pairs, ")
"""Factories that make integers from integers, whatever the default dtype."""


def test_every_public_call_is_a_door() -> None:
    """Functions and methods of the classes that are exported; frozen data has none that computes."""
    bare = []
    for name in numerics.__all__:
        thing = getattr(numerics, name)
        if inspect.isfunction(thing) and not inspect.isgeneratorfunction(inspect.unwrap(thing)):
            bare += [] if doored(thing) else [name]
        elif inspect.isclass(thing) and not issubclass(thing, Exception):
            for method, member in vars(thing).items():
                function = member.__func__ if isinstance(member, staticmethod) else member
                public = not method.startswith("_") or method in ("__init__", "__call__")
                if public and inspect.isfunction(function) and not doored(function):
                    bare.append(f"{name}.{method}")
    data = ("Adam", "LBFGS", "GradientDescent", "PerturbedGradientDescent", "Loss", "PenaltyWeights", "Parts", "Record")
    data += ("Trajectory", "RidgeSolution", "Construction", "JointConstruction", "Norm", "Eigenvalue", "SignVariation")
    data += ("Gap", "Multipliers", "CertifiedBound")
    assert [each for each in bare if each.split(".")[0] not in (*data, "train", "allow_tf32", "process_group")] == []


def doored(function: Any) -> bool:
    while function is not None:
        if function.__code__.co_name == "wrapped" and "precision" in function.__code__.co_filename:
            return True
        function = getattr(function, "__wrapped__", None)
    return False


def unspecific(source: str) -> list[str]:
    """Calls of torch.zeros(...) and the like that leave the dtype to the process."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in FACTORIES
        and ast.unparse(node.func.value) == "torch"
        and "dtype" not in {keyword.arg for keyword in node.keywords}
    ]


def test_no_tensor_takes_the_default_dtype() -> None:
    for path in ROOT.rglob("*.py"):
        assert [call for call in unspecific(path.read_text()) if not call.startswith(INTEGERS)] == [], path
    assert unspecific("torch.zeros(3)")


def test_nothing_rests_on_assert() -> None:
    for folder in (ROOT, ROOT.parent / "benchmarks"):
        for path in folder.rglob("*.py"):
            assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)], path


WITHOUT = {"__init__", "penalty"}
"""No test of their own: the names that the package exports (used by every test), and protocols without code."""
WIDE = {"source_rules", "hazards"}
"""Tests of all modules at once."""


def test_every_module_has_its_test() -> None:
    """numerics/a/b.py is tested in tests/numerics/a/test_b.py; further files on one module add a word to that name."""
    here = Path(__file__).parent
    modules = {path.relative_to(ROOT).with_suffix("") for path in ROOT.rglob("*.py")}
    expected = {here / module.parent / f"test_{module.name}.py" for module in modules if module.name not in WITHOUT}
    assert {path for path in expected if not path.exists()} == set()
    names = {module.name for module in modules}
    found = {path.stem.removeprefix("test_") for path in here.rglob("test_*.py")} - WIDE
    assert {name for name in found if not any(name == one or name.startswith(f"{one}_") for one in names)} == set()
