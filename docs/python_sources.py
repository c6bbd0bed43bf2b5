"""What Python sources define and mention, read from their texts: nothing is imported or run."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

CITED = re.compile(r"(?<!`):eq:`([\w-]+)`|\{eq\}`([\w-]+)`")


def cited(text: str) -> list[str]:
    """The labels of equations that a docstring (:eq:) or a page ({eq}) cites."""
    return [label for pair in CITED.findall(text) for label in pair if label]


@dataclass(frozen=True)
class Definition:
    """Something that Python sources define: a module, class, function, method or constant."""

    kind: str
    path: str
    line: int
    text: str
    """Its docstring; for a test the whole function, comments included."""

    @cached_property
    def cited(self) -> set[str]:
        """The labels that its text cites."""
        return set(cited(self.text))


@dataclass
class Code:
    """What Python sources define, by full name, and what other names they give it.

    Attributes:
        definitions: by the full name where it is defined, such as theory.spectra.eigenvalues.ntk_eigenvalue.
        aliases: full name of an imported name -> what it is imported from, such as theory.ntk_eigenvalue.
        called: module -> full names, before aliases are followed, of what it mentions.
    """

    definitions: dict[str, Definition] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    called: dict[str, set[str]] = field(default_factory=dict)

    @staticmethod
    def of(sources: Mapping[str, str]) -> Code:
        """Read the sources: path, from the root of the repository -> text."""
        code = Code()
        for path, text in sources.items():
            code._read(path, text)
        return code

    def _read(self, path: str, text: str) -> None:
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        tree = ast.parse(text)
        self.definitions[module] = Definition("mod", path, 1, ast.get_docstring(tree) or "")
        self._define(module, path, text.splitlines(), tree)
        local = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in node.names:
                    local[name.asname or name.name] = f"{node.module}.{name.name}"
            elif isinstance(node, ast.Import):
                local |= {name.asname or name.name: name.name for name in node.names}
        self.aliases |= {f"{module}.{name}": target for name, target in local.items()}
        used = (_dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute))
        heads = (name.partition(".") for name in used if name)
        self.called[module] = {local[head] + dot + rest for head, dot, rest in heads if head in local}

    def _define(self, owner: str, path: str, lines: list[str], parent: ast.Module | ast.ClassDef) -> None:
        """Everything at the top of a module or class; a string after a constant is its documentation."""
        for node, after in zip(parent.body, [*parent.body[1:], None], strict=True):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                name = f"{owner}.{node.name}"
                inside = isinstance(parent, ast.ClassDef)
                kind = "class" if isinstance(node, ast.ClassDef) else "meth" if inside else "func"
                whole = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                said = whole if node.name.startswith("test_") else ast.get_docstring(node) or ""
                self.definitions[name] = Definition(kind, path, node.lineno, said)
                if isinstance(node, ast.ClassDef):
                    self._define(name, path, lines, node)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                said = _text(after)
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        self.definitions[f"{owner}.{target.id}"] = Definition("data", path, node.lineno, said)

    def resolve(self, name: str, module: str = "") -> str | None:
        """The full name where ``name`` is defined, read in ``module``; None when nothing of that name exists."""
        for full in (f"{module}.{name}", name) if module else (name,):
            found = self._resolve(full)
            if found:
                return found
        return None

    def public(self, name: str) -> str:
        """The name that a package gives to what is defined under a longer one, such as theory.ntk_spectrum."""
        short = f"{name.partition('.')[0]}.{name.rpartition('.')[2]}"
        return short if short in self.aliases and self._resolve(short) == name else name

    def _resolve(self, name: str) -> str | None:
        seen = set()
        # What a package imports goes before a module of the same name.
        while name in self.aliases or name not in self.definitions:
            if name in seen:
                return None
            seen.add(name)
            if name in self.aliases:
                name = self.aliases[name]
                continue
            owner, dot, last = name.rpartition(".")
            home = self._resolve(owner) if dot else None
            if home is None or home == owner:
                return None
            name = f"{home}.{last}"
        return name


def _dotted(node: ast.expr) -> str:
    """``a.b.c`` as text; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def _text(node: ast.stmt | None) -> str:
    """The string that stands alone as a statement: what documents the constant before it."""
    alone = node.value if isinstance(node, ast.Expr) else None
    return str(alone.value) if isinstance(alone, ast.Constant) else ""
