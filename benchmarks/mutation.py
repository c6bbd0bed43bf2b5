"""Small errors in the source of a function: where they can stand, and how one takes the place of the true code.

Operators like those of cosmic-ray, and more: an integer moved by 1, a float times 1.1, comparisons and signs exchanged,
a term or a factor left out, a power made a product, arguments swapped, a condition negated, a range off by one.
"""

from __future__ import annotations

import ast
import copy
import random
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.running.definitions import files_in

ROOT = Path(__file__).resolve().parent.parent
REACHED = "__mutant_reached__"
"""The built-in function by which a mutated expression notes that it was evaluated."""
SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
TURNED: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
SILENT = (ast.Raise, ast.Assert, ast.JoinedStr, ast.FunctionDef, ast.ClassDef, ast.Lambda)
"""What is not looked into: messages, and definitions inside a function."""


@dataclass(frozen=True)
class Mutant:
    """One error: the module, the function as a path of names, the place of the expression in it, and the operator."""

    module: str
    path: str
    function: tuple[str, ...]
    place: int
    operator: str
    line: int

    @property
    def name(self) -> str:
        """What identifies it in the output."""
        return f"{self.module}:{'.'.join(self.function)}:{self.place}:{self.operator}"


def variants(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Each wrong expression in place of a right one, with the operator that made it."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield "integer + 1", ast.Constant(node.value + 1)
        yield "integer - 1", ast.Constant(node.value - 1)
    elif isinstance(node, ast.Constant) and type(node.value) is float:
        yield "float times 1.1", ast.Constant(node.value * 1.1 if node.value else 0.1)
    elif isinstance(node, ast.BinOp):
        if type(node.op) in SWAPPED:
            yield "operator exchanged", ast.BinOp(node.left, SWAPPED[type(node.op)](), node.right)
        if isinstance(node.op, ast.Add | ast.Sub):
            yield "term left out", node.left
        if isinstance(node.op, ast.Mult | ast.Div):
            yield "factor left out", node.left
        if isinstance(node.op, ast.Mult | ast.Add):
            yield f"first {'factor' if isinstance(node.op, ast.Mult) else 'term'} left out", node.right
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in TURNED:
        yield "comparison turned", ast.Compare(node.left, [TURNED[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield "sign or not left out", node.operand
    elif isinstance(node, ast.BoolOp):
        yield "and for or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.Call):
        if getattr(node.func, "id", "") == "range":
            last = ast.BinOp(node.args[-1 if len(node.args) < 3 else 1], ast.Sub(), ast.Constant(1))
            rest = node.args[:-1] if len(node.args) < 3 else node.args[:1]
            yield "range off by one", ast.Call(node.func, [*rest, last, *node.args[2:]], [])
        elif len(node.args) > 1 and not any(isinstance(a, ast.Starred) for a in node.args[:2]):
            yield "arguments swapped", ast.Call(node.func, [*node.args[1::-1], *node.args[2:]], node.keywords)


def expressions(function: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.expr]]:
    """Each expression that the function evaluates, with where it stands: parent, field, and place in a list."""
    waiting: list[ast.AST] = list(function.body)  # type: ignore[attr-defined]
    while waiting:
        parent = waiting.pop()
        if isinstance(parent, SILENT):
            continue
        for name, value in ast.iter_fields(parent):
            for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if not isinstance(child, ast.AST) or name == "annotation":
                    continue
                waiting.append(child)
                if isinstance(child, ast.expr) and isinstance(getattr(child, "ctx", ast.Load()), ast.Load):
                    yield parent, name, place, child


def functions(tree: ast.AST, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef]]:
    """Functions and methods by the path of their names; those inside another function are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield (*path, node.name), node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, (*path, node.name))


def mutants(module: str, file: Path) -> list[Mutant]:
    """All mutants of a module."""
    found = []
    for path, function in dict(functions(ast.parse(file.read_text()))).items():  # the last of overloads is the one
        for place, (_, _, _, node) in enumerate(expressions(function)):
            for operator, _ in variants(node):
                found.append(Mutant(module, str(file.relative_to(ROOT)), path, place, operator, node.lineno))
    return found


def _placed(mutant: Mutant) -> tuple[ast.Module, tuple[ast.AST, str, int | None, ast.expr], ast.expr]:
    """The tree of the module, where the right expression stands in it, and the wrong one."""
    tree = ast.parse((ROOT / mutant.path).read_text())
    function = dict(functions(tree))[mutant.function]
    site = list(expressions(function))[mutant.place]
    return tree, site, ast.fix_missing_locations(copy.deepcopy(dict(variants(site[3]))[mutant.operator]))


def wording(mutant: Mutant) -> tuple[str, str]:
    """The right expression and the wrong one, as text."""
    _, (_, _, _, node), wrong = _placed(mutant)
    return ast.unparse(node), ast.unparse(wrong)


def mutated(mutant: Mutant) -> types.CodeType:
    """The code of the mutated function; the expression notes that it was evaluated."""
    tree, (parent, name, place, node), wrong = _placed(mutant)
    note = ast.Call(ast.Name(REACHED, ast.Load()), [], [])
    noted = ast.copy_location(ast.BoolOp(ast.Or(), [note, wrong]), node)
    if place is None:
        setattr(parent, name, noted)
    else:
        getattr(parent, name)[place] = noted
    code = compile(ast.fix_missing_locations(tree), str(ROOT / mutant.path), "exec")
    for part in mutant.function:
        code = [c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == part][-1]
    return code


def live(mutant: Mutant) -> types.FunctionType | None:
    """The function as it is loaded; None where decorators hide it."""
    value: Any = sys.modules[mutant.module]
    for part in mutant.function:
        value = vars(value).get(part)
        if value is None:
            return None
    for _ in range(5):
        own = isinstance(value, types.FunctionType) and value.__name__ == mutant.function[-1]
        if own and not hasattr(value, "__wrapped__"):
            return value
        value = next(
            (getattr(value, a) for a in ("__wrapped__", "__func__", "fget", "func") if hasattr(value, a)), None
        )
    return None


def plant(mutant: Mutant) -> bool:
    """Put the mutated code in place of the true one, in this process; whether that was possible."""
    function = live(mutant)
    try:
        code = mutated(mutant)
    except (IndexError, SyntaxError):
        return False
    if function is None or function.__code__.co_freevars != code.co_freevars:
        return False
    function.__code__ = code
    return True


def sample(seed: int) -> Iterator[Mutant]:
    """All mutants, module after module in random order, one of each before a second of any."""
    chance = random.Random(seed)  # noqa: S311 (a sample, no secret)
    folders = [
        (name, ROOT.joinpath(*name.split("."))) for name in ("theory", "numerics", "verify.cells", "verify.predictions")
    ]
    queues = []
    for module, file in sorted(files_in(*folders).items()):
        if module.startswith("verify.cells") and not module.endswith("_run"):
            continue
        found = mutants(module, file)
        chance.shuffle(found)
        if found:
            queues.append(found)
    while queues:
        chance.shuffle(queues)
        for queue in queues:
            yield queue.pop()
        queues = [queue for queue in queues if queue]
