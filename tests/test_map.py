"""What the documentation and the docstrings cite exists: equations, functions, tests, claims; and the map is complete.

The texts below plant each error by turns, and each is found.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))

import equation_map
from equation_map import Row, Sources, problems, rows, table

PAGE = r"""
## 1. Area

Claim S1 measures it.

$$A = \pi r^2$$ (area)

{eq}`area` is computed by {py:func}`theory.area`.

$$\begin{aligned}C &= 2\\
&\quad\pi r\end{aligned}$$ (girth)
"""
MODULES = {
    "theory/__init__.py": "from theory.circle import area\n",
    "theory/circle.py": 'def area(r):\n    """Equation :eq:`area`, tests/theory/test_circle.py; see :func:`area`."""\n',
    "tests/theory/test_circle.py": "from theory import area\n\n\ndef test_area():\n    assert area(0) == 0\n",
}
CLAIMS = {"S1": ("area",)}


def planted(page: str = PAGE, claims: dict[str, tuple[str, ...]] = CLAIMS, **changed: str) -> Sources:
    """The sources above with some modules replaced, named without folder and extension."""
    modules = {path: changed.get(Path(path).stem, text) for path, text in MODULES.items()}
    return Sources.of({"docs/mathematics.md": page}, modules, claims)


LINES = ["| {eq}`area` area | S1 | {py:func}`theory.area` | `theory/test_circle` |", "| {eq}`girth` girth |  |  |  |"]
CIRCLE, TEST = MODULES["theory/circle.py"], MODULES["tests/theory/test_circle.py"]
ANOTHER = f"{TEST}\n\ndef test_more():\n    # Checks :eq:`area`.\n    assert area(1)\n"


@pytest.fixture(scope="module")
def repository() -> Sources:
    return equation_map.repository()


def test_nothing_is_wrong(repository: Sources) -> None:
    assert problems(repository) == []


def test_the_texts_are_sound_until_something_is_planted() -> None:
    assert problems(planted()) == []
    assert rows(planted()) == {
        "area": Row(("theory.area",), ("tests.theory.test_circle",), ("S1",)),
        "girth": Row((), (), ()),
    }


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        (planted(PAGE + "\n$$A = 1$$ (area)\n"), "area: defined more than once"),
        (planted(PAGE + "\nSee {eq}`volume`.\n"), "docs/mathematics.md: cites 'volume', no such equation"),
        (planted(circle=CIRCLE.replace("Equation", ":eq:`volume`,")), "theory.circle.area: cites 'volume', no such"),
        (planted(test_circle=ANOTHER.replace(":`area", ":`volume")), "test_circle.test_more: cites 'volume', no such"),
        (planted(claims={"S1": ("volume",)}), "claim S1: cites 'volume', no such equation"),
        (planted(PAGE.replace("Claim S1", "Claim S2")), "docs/mathematics.md: names claim S2, which does not exist"),
        (planted(PAGE.replace("by {py:func}`theory.area`", "by hand")), "area: is said to be computed, by no function"),
        (planted(PAGE.replace("theory.area", "theory.volume")), "names theory.volume, which does not exist"),
        (planted(circle=CIRCLE.replace(":eq:`area`", "one")), "theory.circle.area: is said to compute 'area', which"),
        (planted(circle=CIRCLE.replace(":func:`area`", ":func:`volume`")), "names volume, which does not exist"),
        (planted(circle=CIRCLE.replace("test_circle", "test_disc")), "names tests/theory/test_disc.py, which does"),
        (planted(test_circle=TEST.replace("area(0)", "0")), "area: is computed, by no function that a test calls"),
    ],
)
def test_a_planted_error_is_found(sources: Sources, sentence: str) -> None:
    found = problems(sources)
    assert any(sentence in problem for problem in found), found


def test_a_test_that_cites_goes_before_those_that_call() -> None:
    assert rows(planted(test_circle=ANOTHER))["area"].tests == ("tests.theory.test_circle.test_more",)


def test_the_table_is_made_of_the_rows() -> None:
    assert table(planted()).splitlines()[-2:] == LINES


def test_every_section_has_its_equations_in_the_table(repository: Sources) -> None:
    lines = table(repository).splitlines()
    assert [line.split("`")[1] for line in lines if line.startswith("| {eq}")] == repository.labels
    assert len(repository.labels) >= 50
    for claim, labels in repository.claims.items():
        for label in labels:
            assert any(f"` {label} |" in line and claim in line for line in lines)


def test_a_module_and_a_function_of_one_name_are_told_apart(repository: Sources) -> None:
    """theory.coefficient is the public function; the module of that name holds it."""
    code = repository.code
    assert code.resolve("theory.coefficient") == "theory.funk_hecke.coefficient.coefficient"
    assert code.resolve("theory.funk_hecke.parity.vanishes") == code.resolve("theory.vanishes")


def test_places_in_a_shell(
    repository: Sources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(equation_map, "repository", lambda: repository)
    assert equation_map.main(["trace"]) == 0
    found = capsys.readouterr().out.splitlines()
    assert found[0].startswith("docs/mathematics.md:")
    for path, name in (
        ("theory/spectra/eigenvalues.py", "theory.ntk_trace"),
        ("tests/theory/spectra/test_eigenvalues.py", "test_traces_of_polynomials_are_finite_sums"),
    ):
        assert any(path in line and name in line for line in found)
    assert equation_map.main(["no-such-equation"]) == 2
    assert "known are network" in capsys.readouterr().err
