"""What loaded code names: globals, modules that it imports when it runs, attributes."""

from __future__ import annotations

import dis
import importlib
import importlib.util
import types
from typing import Any


def names(code: types.CodeType) -> tuple[set[str], set[tuple[int, str]], set[str]]:
    """Globals read, modules imported (level, name), and every name that occurs; nested code included."""
    read: set[str] = set()
    modules: set[tuple[int, str]] = set()
    attributes = set(code.co_names)
    instructions = list(dis.get_instructions(code))
    for place, instruction in enumerate(instructions):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            read.add(str(instruction.argval))
        elif instruction.opname == "IMPORT_NAME":
            level = instructions[place - 2].argval if place >= 2 else 0
            modules.add((level if isinstance(level, int) else 0, str(instruction.argval)))
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            for mine, theirs in zip((read, modules, attributes), names(item), strict=True):
                mine |= theirs  # type: ignore[operator]
    return read, modules, attributes


def imported(level: int, name: str, namespace: dict[str, Any]) -> Any:
    """The module that an import inside a function would give; None when there is none."""
    try:
        full = importlib.util.resolve_name("." * level + name, namespace.get("__package__")) if level else name
        return importlib.import_module(full)
    except ImportError:
        return None
