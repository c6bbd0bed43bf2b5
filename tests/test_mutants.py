"""benchmarks/mutants.py: where errors can stand, that they take the place of the true code, and who notices."""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import itertools
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

import kill_matrix
import mutant_judges
import mutation
from mutant_judges import asked, compared, forked, small
from mutants import table
from mutation import REACHED, Mutant, live, mutants, plant, sample, variants, wording

from verify.judging.outcome import Interval, Verdict
from verify.registry import CLAIMS

SOURCE = '''
from functools import lru_cache

@lru_cache
def area(a, b):
    """1 + 1 is no expression here."""
    if a < 0:
        raise ValueError(f"{a + 1}: 2 < 3")
    return a * b + 1

class Square:
    side = 2

    @property
    def half(self):
        return self.side / 2.0

def reach(n):
    return [i for i in range(n)]
'''


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("3", {"4", "2"}),
        ("0.5", {"0.55"}),
        ("a + b", {"a - b", "a", "b"}),
        ("a - b", {"a + b", "a"}),
        ("a * b", {"a / b", "a", "b"}),
        ("a / b", {"a * b", "a"}),
        ("a ** b", {"a * b"}),
        ("a < b", {"a <= b"}),
        ("a == b", {"a != b"}),
        ("not a", {"a"}),
        ("-a", {"a"}),
        ("a and b", {"a or b"}),
        ("f(a, b, c)", {"f(b, a, c)"}),
        ("range(n)", {"range(n - 1)"}),
        ("range(1, n)", {"range(1, n - 1)"}),
        ("range(1, n, 2)", {"range(1, n - 1, 2)"}),
        ("f(*a, b)", set()),
        ("True", set()),
    ],
)
def test_operators(right: str, wrong: set[str]) -> None:
    node = ast.parse(right, mode="eval").body
    found = {ast.unparse(ast.fix_missing_locations(one)): name for name, one in variants(node)}
    assert set(found) == wrong
    assert len(set(found.values())) == len(found), "an operator names one mutant of an expression"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of one's own, loaded, in place of the library."""
    file = tmp_path / "plain.py"
    file.write_text(textwrap.dedent(SOURCE))
    spec = importlib.util.spec_from_file_location("plain_mutants", file)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    monkeypatch.setitem(sys.modules, "plain_mutants", found)
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    yield found
    builtins.__dict__.pop(REACHED, None)


def every(path: Path) -> dict[tuple[str, str], Mutant]:
    """The mutants of the module by the wrong expression and the function."""
    return {(wording(m)[1], m.function[-1]): m for m in mutants("plain_mutants", path / "plain.py")}


def test_what_is_no_number_is_left_alone(module: ModuleType, tmp_path: Path) -> None:
    wrong = {text for text, _ in every(tmp_path)}
    assert {"a * b - 1", "a / b", "a <= 0", "self.side * 2.0", "range(n - 1)"} <= wrong
    assert not any("raise" in text or "2 < 3" in text or "a - 1" in text for text in wrong)


@pytest.mark.parametrize(
    ("wrong", "name", "call", "true", "false"),
    [
        ("a * b - 1", "area", lambda m: m.area(2, 5), 11, 9),
        ("self.side * 2.0", "half", lambda m: m.Square().half, 1.0, 4.0),
        ("range(n - 1)", "reach", lambda m: m.reach(2), [0, 1], [0]),
    ],
)
def test_an_error_takes_the_place_of_the_true_code(
    wrong: str, name: str, call, true: object, false: object, module: ModuleType, tmp_path: Path
) -> None:
    """Whoever holds the function already meets it, through a cache or a property too; and it is noted."""
    mutant, noted = every(tmp_path)[wrong, name], []
    setattr(builtins, REACHED, lambda: noted.append(True))
    assert call(module) == true
    assert plant(mutant)
    module.area.cache_clear()
    assert (call(module), noted) == (false, [True])


def test_each_judge_has_a_process_of_its_own(module: ModuleType, tmp_path: Path) -> None:
    mutant = every(tmp_path)["a * b - 1", "area"]

    def judge(shown: str) -> str:
        return f"{shown}: wrong" if module.area(2, 3) != 7 else ""

    assert forked(mutant, "area", judge, 5) == ("killed", "area: wrong", True)
    assert forked(None, "area", judge, 5) == ("survived", "", False)
    assert forked(mutant, "area", lambda shown: "", 5) == ("survived", "", False)

    def endless(shown: str) -> str:
        for _ in itertools.count():
            pass

    assert forked(mutant, "area", endless, 1)[0] == "no time"


def test_the_sample_takes_modules_in_turn() -> None:
    first = list(itertools.islice(sample(0), 60))
    assert len({mutant.module for mutant in first}) == 60
    assert {mutant.module.split(".")[0] for mutant in first} == {"theory", "numerics", "verify"}
    assert first == list(itertools.islice(sample(0), 60))


def test_what_a_mutant_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claims that call it and the files that name it; T2, on the Taylor terms, calls no multiplicity."""
    monkeypatch.setattr(mutant_judges, "CHEAP", ("T2", "S2"))
    file = mutation.ROOT / "theory" / "harmonics" / "sphere.py"
    mutant = next(m for m in mutants("theory.harmonics.sphere", file) if m.function == ("multiplicity",))
    claims, files = asked(mutant)
    assert claims == ["S2"]
    assert files[0] == "tests/theory/harmonics/test_sphere.py"
    importlib.import_module(mutant.module)
    assert live(mutant) is not None


def test_small_sizes_are_sizes() -> None:
    for name in kill_matrix.ASKED:
        view = CLAIMS[name].cases(small())[0].profile
        CLAIMS[name].require(view)
        assert CLAIMS[name].design(view)


def test_the_table_counts_what_was_reached(tmp_path: Path) -> None:
    def line(name: str, reached: bool, claims: str, tests: str) -> str:
        seen = {
            kind: {"asked": ["x"], "ends": [end], "killer": ""} for kind, end in (("claims", claims), ("tests", tests))
        }
        place = {"file": f"theory/{name}.py:1", "operator": "integer + 1", "before": "1", "after": "2"}
        return json.dumps({"name": name, "reached": reached, **place, **seen})

    lines = [
        line("a", True, "killed", "killed"),
        line("b", True, "survived", "killed"),
        line("c", True, "no time", "survived"),
    ]
    (tmp_path / "found").write_text("\n".join([*lines, line("d", False, "survived", "survived")]))
    found = table(tmp_path / "found")
    assert "| all | 3 | 1 of 3: 33 % [1, 91] | 2 of 3: 67 % [9, 99] | 2 of 3: 67 % [9, 99] |" in found
    assert [row for row in found.splitlines() if row.startswith("| `")] == [
        "| `theory/c.py:1` | integer + 1 | `1` | `2` | 1 |"
    ]


def test_every_comparison_of_a_claim_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What FAILS is seen; refuted is what would FAIL among all claims too."""
    said = json.loads(compared("S2"))
    assert said["labels"]
    assert said["seen"] == said["refuted"] == []
    monkeypatch.setattr("verify.judging.outcome.Comparison.verdict", Verdict.FAILS)
    for p_value, refuted in ((1e-3, []), (1e-6, said["labels"])):
        monkeypatch.setattr("verify.judging.outcome.Comparison.p_value", p_value)
        again = json.loads(compared("S2"))
        assert (again["seen"], again["refuted"]) == (said["labels"], refuted)

    def off(*_: object) -> Interval:
        raise ArithmeticError

    monkeypatch.setattr("verify.judging.claim.Claim.check", off)
    assert json.loads(compared("S2"))["error"] == "ArithmeticError"


def test_the_page_counts_comparisons_and_errors(tmp_path: Path) -> None:
    def line(name: str, seen: list[str], error: str = "") -> str:
        place = {"file": f"theory/{name}.py:1", "operator": "integer + 1", "before": "a | b", "after": "2"}
        claims = {"S1": {"seen": seen, "refuted": seen[:1], "error": error}}
        return json.dumps({"name": name, **place, "claims": claims, "unfinished": []})

    baseline = {"S1": {"labels": ["one", "two", "three"], "seen": [], "refuted": []}}
    unreached = json.dumps({"name": "e", "file": "x:1", "claims": {}, "unfinished": []})
    lines = [line("a", ["one", "two"]), line("b", ["one"]), line("c", [], "ValueError"), line("d", []), unreached]
    (tmp_path / "matrix").write_text("\n".join([json.dumps({"baseline": baseline}), *lines]))
    found = kill_matrix.page(tmp_path / "matrix")
    assert "5 mutants in functions that a claim calls; 4 were evaluated there." in found
    assert "Seen by some claim: 3 of 4" in found
    assert "| S1 | 4 | 3 | 3 | 1 |" in found
    assert "| S1 | one | 4 | 2 | 2 |" in found
    assert "| S1 | two | 4 | 1 | 0 |" in found
    assert "- S1 (4): three" in found
    assert "1 mutants; a test fails with 0 of them in place." in found
    assert r"| `theory/d.py:1` | integer + 1 | `a \| b` | `2` | S1 | not asked |" in found


def test_what_no_claim_sees_is_shown_to_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest files first; what is seen by a claim, or was evaluated by none, is not shown."""
    file = mutation.ROOT / "theory" / "harmonics" / "sphere.py"
    mutant = next(m for m in mutants("theory.harmonics.sphere", file) if m.function == ("multiplicity",))
    before, after = wording(mutant)
    seen = {"seen": ["x"], "refuted": [], "error": ""}
    line = {"name": mutant.name, "file": "theory/harmonics/sphere.py:1", "operator": mutant.operator}
    line |= {"before": before, "after": after, "unfinished": []}
    quiet = line | {"claims": {"S2": seen | {"seen": []}}}
    loud, unreached = line | {"claims": {"S2": seen}}, line | {"claims": {}}
    matrix = tmp_path / "matrix"
    first = {"baseline": {"S2": {"labels": ["x"], "seen": [], "refuted": []}}}
    matrix.write_text("".join(f"{json.dumps(one)}\n" for one in (first, quiet, loud, unreached)))
    shown: list[str] = []

    def judge(_mutant: Mutant, file: str, _judge: object, _seconds: int) -> tuple[str, str, bool]:
        shown.append(file)
        return ("killed", f"{file}::test_it", True) if len(shown) == 2 else ("survived", "", True)

    monkeypatch.setattr(kill_matrix, "judged", judge)
    monkeypatch.setattr(kill_matrix, "load", lambda: None)
    monkeypatch.setattr(sys, "argv", ["kill_matrix.py", "--out", str(matrix), "--tests"])
    kill_matrix.main()
    assert shown[0] == "tests/theory/harmonics/test_sphere.py"
    assert len(shown) == 2
    found = [json.loads(text).get("test") for text in matrix.read_text().splitlines()[1:]]
    assert found == [f"{shown[1]}::test_it", None, None]
    assert "a test fails with 1 of them in place" in kill_matrix.page(matrix)
    assert "where none has, by a test: 2 of 2: 100 %" in kill_matrix.page(matrix)
