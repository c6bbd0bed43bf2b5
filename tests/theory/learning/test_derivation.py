from dataclasses import replace

import pytest
import sympy as sp

from theory.learning.derivation import Derivation, Exponent, Step, follows

d, x, y, z, e = sp.symbols("d x y z e", positive=True)
j = sp.Symbol("j", integer=True, nonnegative=True)
f, g = sp.Function("f", positive=True), sp.Function("g", positive=True)


def derivation(*steps: Step) -> Derivation:
    return Derivation("example", "$x$", "exact order", "derived", {"x": "a number"}, steps)


EXAMPLE = derivation(
    Step(sp.Eq(x, y * d**2), "given"),
    Step(sp.Eq(z, x**2 + x), "given"),
    Step(sp.Eq(Exponent(z, d), 4), "largest power", (1, 2)),
)


@pytest.mark.parametrize(
    ("relation", "facts", "expected"),
    [
        (sp.Eq(f(3), 8), [sp.Eq(f(j), 2**j)], True),
        (sp.Eq(f(3), 9), [sp.Eq(f(j), 2**j)], False),
        (sp.Eq(f(j + 1), 2 * f(j)), [sp.Eq(f(j), 2**j)], True),
        (sp.Eq(f(j), g(j) ** 2), [sp.Eq(g(j), 3**j), sp.Eq(f(j), 9**j)], True),
        (sp.Eq(sp.Limit((x * d + 1) / d, d, sp.oo), x), [sp.Eq(y, 1)], True),
        (sp.Eq(sp.Limit((x * d + 1) / d, d, sp.oo), y), [sp.Eq(z, 1)], False),
        (sp.Eq(Exponent(x, d), 2), [sp.Eq(x, y * d**2)], True),
        (sp.Eq(Exponent(x, d), 3), [sp.Eq(x, y * d**2)], False),
        (sp.Eq(Exponent(x, d), 0), [sp.Eq(y, z)], False),  # x is not known to be free of d
        (sp.Le(x, z), [sp.Le(x, y), sp.Eq(y, z)], True),
        (sp.Le(x, z), [sp.Le(y, z)], False),
        (sp.Le(z, x), [sp.Le(x, z)], False),
        (sp.Ge(x, y), [sp.Eq(x, y + z)], True),
        (sp.Le(x, y), [sp.Eq(x, y + z)], False),
        (sp.Le(x, z / y), [sp.Le(x * y, z)], True),
        (sp.Le(-x, -y), [sp.Le(x, y)], False),
        (sp.Le(x + z, y + e), [sp.Le(x, y), sp.Le(z, e)], True),
        (sp.Le(x, z), [sp.Le(x, y), sp.Le(y, z)], True),
        (sp.Le(x, e), [sp.Le(x, y), sp.Le(y, z)], False),
        (sp.Le(z, x), [sp.Le(x, y), sp.Le(y, z)], False),
        (sp.Le(e * x, e * z), [sp.Le(x, y), sp.Le(y, z)], True),
        (sp.Le(e * x - y, e * y - y), [sp.Le(x, y)], True),
        (sp.Le(x, y), [sp.Le(z, e)], False),
    ],
)
def test_follows(relation: sp.Rel, facts: list[sp.Rel], expected: bool) -> None:
    assert follows(relation, facts) == expected


def test_a_sound_derivation() -> None:
    EXAMPLE.check()
    assert EXAMPLE.exponent == 4
    assert EXAMPLE.conclusion == sp.Eq(Exponent(z, d), 4)


@pytest.mark.parametrize(
    ("number", "step", "needle"),
    [
        (
            3,
            Step(sp.Eq(Exponent(z, d), 3), "planted: a wrong exponent", (1, 2)),
            r"step 3: Eq.*does not follow from \(1\)",
        ),
        (3, Step(sp.Eq(Exponent(z, d), 4), "planted: a fact left out", (2,)), "step 3"),
        (3, Step(sp.Eq(Exponent(z, d), 4), "planted: assumed"), "step 3: needs a derived equation"),
        (3, Step(sp.Eq(z, x**2 + x), "planted: no exponent", (2,)), "step 3: needs a derived equation"),
        (1, Step(sp.Eq(x, y * d**2), "planted: a circle", (3,)), r"step 1: uses \(3,\)"),
        (1, Step(sp.Eq(x, y * d), "planted: another premise"), "step 3"),
    ],
)
def test_planted_errors(number: int, step: Step, needle: str) -> None:
    steps = tuple(step if i == number else kept for i, kept in enumerate(EXAMPLE.steps, 1))
    with pytest.raises(ValueError, match=needle):
        replace(EXAMPLE, steps=steps).check()


@pytest.mark.parametrize("relation", [sp.Eq(x, x), sp.Lt(x, y), x + y])
def test_steps_are_relations(relation: object) -> None:
    with pytest.raises(ValueError, match="needs an Eq, Le or Ge"):
        Step(relation, "planted")


def test_printed_forms() -> None:
    text = str(EXAMPLE)
    assert "1. x = d**2*y   [premise] given" in text
    assert "3. Exponent(z, d) = 4   [from 1, 2] largest power" in text
    assert EXAMPLE.latex.count(r"\text{premise}") == 2
    assert r"\operatorname{ord}_{d}\left(z\right) = 4" in EXAMPLE.latex
