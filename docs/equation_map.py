"""The map of the equations: the functions that compute each of them, the tests that check it, the claims on it.

Nothing is listed by hand. An equation is a ``$$ ... $$ (label)`` of docs/mathematics.md. What belongs to it is found in
the sources, which this module reads without importing them:

- the sentence "{eq}`label` is computed by {py:func}`theory.name`" beside the equation, and every function whose
  docstring cites :eq:`label`;
- every test whose text cites :eq:`label`; without one, the test modules that call one of these functions;
- every registered claim whose ``equations``, or ``source``, name the label.

``python docs/equation_map.py ntk-eigenvalue`` prints where these stand. :func:`problems` finds what is cited and does
not exist; tests/test_map.py shows that list to be empty.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from python_sources import Code, cited

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("theory", "numerics", "verify")
CITES_BACK = PACKAGES
"""Packages whose functions must cite the equations that docs/mathematics.md says they compute."""
SHOWN = 3
"""Test modules listed for an equation."""

LABEL = re.compile(r"\$\$ \(([\w-]+)\)$", re.MULTILINE)
COMPUTED = re.compile(r"((?:\{eq\}`[\w-]+`[,\s]*(?:and\s+)?)+)(?:is|are)\s+computed\b(.*?)\.(?=\s|$)", re.DOTALL)
LINK = re.compile(r"(?:\{py:\w+\}|(?<!`):(?:py:)?(?:func|class|mod|meth|data|attr|exc):)`[~!]?([\w.]+)`")
TEST = re.compile(r"\btests/[\w/]+\.py\b")
CLAIM = re.compile(r"\b[A-Z][1-9]\d?\b")
LITERAL = re.compile(r"^```.*?^```|``.+?``", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]+\$|`[^`]+`", re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def computed(page: str) -> dict[str, list[str]]:
    """The functions that a page says compute an equation, by label; empty where the sentence names none."""
    found: dict[str, list[str]] = {}
    for labels, rest in COMPUTED.findall(page):
        for label in cited(labels):
            found.setdefault(label, []).extend(LINK.findall(rest))
    return found


@dataclass(frozen=True)
class Sources:
    """Everything that is read.

    Attributes:
        pages: path -> text of the documentation, README included.
        code, tests: of the three packages, and of tests/.
        claims: id of each registered claim -> the labels it names.
        mathematics: path of the page with the equations.
    """

    pages: Mapping[str, str]
    code: Code
    tests: Code
    claims: Mapping[str, tuple[str, ...]]
    mathematics: str = "docs/mathematics.md"

    @staticmethod
    def of(pages: Mapping[str, str], modules: Mapping[str, str], claims: Mapping[str, tuple[str, ...]]) -> Sources:
        """From texts: ``modules`` holds packages and tests, which their paths tell apart."""
        tests = {path: text for path, text in modules.items() if path.startswith("tests/")}
        return Sources(pages, Code.of({p: t for p, t in modules.items() if p not in tests}), Code.of(tests), claims)

    @property
    def labels(self) -> list[str]:
        """The labels of all equations, in order, as often as they are defined."""
        return LABEL.findall(self.pages[self.mathematics])

    @cached_property
    def prose(self) -> dict[str, str]:
        """The pages without what they show literally, such as a form to be filled in."""
        return {path: LITERAL.sub("", text) for path, text in self.pages.items()}

    @cached_property
    def called_by_tests(self) -> dict[str, set[str]]:
        """Test module -> full names of what it uses of the packages."""
        return {
            module: {full for name in called if (full := self.code.resolve(name))}
            for module, called in self.tests.called.items()
            if module.rpartition(".")[2].startswith("test_")
        }


def repository() -> Sources:
    """The sources as they stand on disk, with the claims that are registered."""
    pages = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    modules = [path for folder in (*PACKAGES, "tests") for path in (ROOT / folder).rglob("*.py")]

    def texts(paths: Iterable[Path]) -> dict[str, str]:
        return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}

    return Sources.of(texts(pages), texts(modules), registered())


def registered() -> dict[str, tuple[str, ...]]:
    """The labels that each registered claim names."""
    from verify.registry import CLAIMS

    return {
        name: tuple(dict.fromkeys([*getattr(claim, "equations", ()), *cited(claim.source)]))
        for name, claim in CLAIMS.items()
    }


@dataclass(frozen=True)
class Row:
    """What belongs to one equation: full names of functions and of tests (or test modules), ids of claims."""

    functions: tuple[str, ...]
    tests: tuple[str, ...]
    claims: tuple[str, ...]


def rows(sources: Sources) -> dict[str, Row]:
    """The map: label -> what belongs to it."""
    code, said = sources.code, computed(sources.pages[sources.mathematics])
    found = {}
    for label in sources.labels:
        named = {code.resolve(name): name for name in said.get(label, ())}
        cite = [n for n, d in code.definitions.items() if label in d.cited and d.kind != "mod" and "._" not in n]
        functions = [name for full, name in named.items() if full] + [code.public(n) for n in cite if n not in named]
        tests = tuple(n for n, d in sources.tests.definitions.items() if label in d.cited)
        claims = tuple(claim for claim, labels in sources.claims.items() if label in labels)
        found[label] = Row(tuple(functions), tests or _calling(sources, functions), claims)
    return found


def _calling(sources: Sources, functions: Iterable[str]) -> tuple[str, ...]:
    """The test modules that call one of the functions, those beside the functions' own modules first."""
    homes = {full: sources.code.definitions[full] for name in functions if (full := sources.code.resolve(name))}
    # A method is called on an object: what shows is the use of its class. A module is used by using what it defines.
    whole = {name.rpartition(".")[0] if home.kind == "meth" else name for name, home in homes.items()}
    within = tuple(f"{name}." for name, home in homes.items() if home.kind == "mod")
    calling = {
        module: sum(name in whole or name.startswith(within) for name in called)
        for module, called in sources.called_by_tests.items()
    }
    mirrors = {_mirror(home.path) for home in homes.values()}
    ranked = sorted(calling, key=lambda module: (module not in mirrors, -calling[module], module))
    return tuple(module for module in ranked if calling[module])


def _mirror(path: str) -> str:
    """theory/spectra/limits.py -> tests.theory.spectra.test_limits."""
    folder, _, name = path.rpartition("/")
    return f"tests/{folder}/test_{name.removesuffix('.py')}".replace("/", ".")


def problems(sources: Sources) -> list[str]:
    """A sentence for everything that is cited and does not exist, or is claimed and not so."""
    labels, said, code = sources.labels, computed(sources.pages[sources.mathematics]), sources.code
    wrong = [f"{label}: defined more than once" for label in dict.fromkeys(labels) if labels.count(label) > 1]
    cites = {path: cited(text) for path, text in sources.prose.items()}
    cites |= {n: sorted(d.cited) for index in (code, sources.tests) for n, d in index.definitions.items()}
    cites |= {f"claim {claim}": list(names) for claim, names in sources.claims.items()}
    wrong += [f"{w}: cites {x!r}, no such equation" for w, names in cites.items() for x in names if x not in labels]
    for label, names in said.items():
        if not names:
            wrong.append(f"{label}: is said to be computed, by no function")
        for name in names:
            full = code.resolve(name)
            if full and full.split(".")[0] in CITES_BACK and label not in code.definitions[full].cited:
                wrong.append(f"{full}: is said to compute {label!r}, which its docstring does not cite")
    wrong += [f"{x}: is computed, by no function that a test calls" for x, r in rows(sources).items()
              if x in said and not r.tests]  # fmt: skip
    wrong += _dead_names(sources)
    return wrong


def _dead_names(sources: Sources) -> Iterator[str]:
    """Functions, tests and claims that are named and do not exist."""
    code = sources.code
    for where, definition in code.definitions.items():
        module = definition.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        owner = where.rpartition(".")[0]
        for name in LINK.findall(definition.text):
            ours = name.split(".")[0] in PACKAGES or "." not in name
            if ours and not any(code.resolve(name, place) for place in (where, owner, module)):
                yield f"{where}: names {name}, which does not exist"
    texts = {**sources.pages, **{name: definition.text for name, definition in code.definitions.items()}}
    files = {definition.path for definition in sources.tests.definitions.values()}
    for where, text in texts.items():
        yield from (f"{where}: names {path}, which does not exist" for path in TEST.findall(text) if path not in files)
    chapters = {claim[0] for claim in sources.claims}
    for path, text in sources.prose.items():
        yield from (f"{path}: names {n}, which does not exist" for n in LINK.findall(text) if not code.resolve(n))
        ids = set(CLAIM.findall(FORMULA.sub("", text)))
        yield from (
            f"{path}: names claim {name}, which does not exist"
            for name in sorted(ids - sources.claims.keys())
            if name[0] in chapters
        )


def table(sources: Sources) -> str:
    """The map as Markdown: a table for each section of the mathematics."""
    found, lines = rows(sources), list[str]()
    parts = HEADING.split(sources.pages[sources.mathematics])
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        lines += [f"\n## {heading}\n", "| equation | claims | computed by | tested in |", "|---|---|---|---|"]
        for label in LABEL.findall(text):
            row = found[label]
            kinds = [(name, sources.code.definitions[str(sources.code.resolve(name))].kind) for name in row.functions]
            functions = ", ".join(f"{{py:{kind}}}`{name}`" for name, kind in kinds)
            claims = ", ".join(row.claims)
            lines.append(f"| {{eq}}`{label}` {label} | {claims} | {functions} | {_tested_in(row, sources)} |")
    return "\n".join([*lines, ""])


def _tested_in(row: Row, sources: Sources) -> str:
    """The test modules below tests/, with the number of tests that cite the equation."""
    paths = Counter(sources.tests.definitions[name].path for name in row.tests)
    cited = any(sources.tests.definitions[name].kind != "mod" for name in row.tests)
    shown = [f"`{path[6:-3]}`" + (f" ({count})" if cited else "") for path, count in paths.items()]
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more


def places(sources: Sources, label: str) -> Iterator[str]:
    """Where an equation and all that belongs to it stand: path, line and name."""
    page = sources.pages[sources.mathematics]
    at = page[: page.index(f"$$ ({label})")].count("\n") + 1
    yield f"{sources.mathematics}:{at}  {label}"
    row = rows(sources)[label]
    for kind, names, index in (("function", row.functions, sources.code), ("test", row.tests, sources.tests)):
        for name in names:
            home = index.definitions[str(index.resolve(name))]
            yield f"  {kind:<9} {home.path}:{home.line}  {name.removeprefix('tests.')}"
    for claim in row.claims:
        for path in (ROOT / "verify/claims").rglob("*.py"):  # its name carries the ids, such as n3_n4_samples
            if claim.lower() in path.stem.split("_"):
                yield f"  {'claim':<9} {path.relative_to(ROOT).as_posix()}  {claim}"


def main(arguments: list[str] | None = None) -> int:
    """Print where the named equations stand, or all of them; arguments from the command line when None."""
    parser = argparse.ArgumentParser(description="Where an equation, its functions, tests and claims stand.")
    parser.add_argument("labels", nargs="*", metavar="LABEL", help="such as ntk-eigenvalue; all without one")
    labels, sources = parser.parse_args(arguments).labels, repository()
    unknown = [label for label in labels if label not in sources.labels]
    if unknown:
        print(f"{', '.join(unknown)}: no such equation; known are {', '.join(sources.labels)}", file=sys.stderr)
        return 2
    for label in labels or sources.labels:
        print("\n".join(places(sources, label)))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
