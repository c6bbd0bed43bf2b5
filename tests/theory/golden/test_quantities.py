"""The file of constants stands alone: its layout, its formulas, and that they are those of the library."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from flint import arb, ctx

from theory.golden.constants import golden_constants, stored_file
from theory.golden.quantities import QUANTITIES, SYMBOLS

SIGMA = "erf(z + 1/2)"
SCHEMA = json.loads(files("theory").joinpath("constants.schema.json").read_text(encoding="utf-8"))


def ball(name: str, **arguments: int) -> arb:
    return QUANTITIES[name].ball(SIGMA, 25, **arguments)


def near(one: arb, other: arb) -> bool:
    return bool(abs(one - other) <= abs(other) * arb("1e-20"))


def test_the_file_is_laid_out_as_its_schema_says() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(stored_file(), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"digits": "40"},
        {"constants": [{"kind": "ntk_trace", "activation": "z", "value": 1.0}]},
        {"constants": [{"kind": "ntk_trace", "activation": "z", "value": "1.0"}]},
        {"constants": [{"kind": "ntk_trace", "activation": "z", "value": "0", "dim": 3}]},
        {"quantities": {"ntk_trace": {"formula": "d"}}},
        {"more": 1},
    ],
)
def test_the_schema_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(stored_file() | change, SCHEMA)


def test_the_file_says_what_the_library_says() -> None:
    file = stored_file()
    assert file["symbols"] == SYMBOLS
    assert file["quantities"] == {
        name: {"formula": q.formula, "meaning": q.meaning, "arguments": list(q.arguments)}
        for name, q in QUANTITIES.items()
    }
    for constant in golden_constants():
        assert set(constant.arguments) == set(QUANTITIES[constant.kind].arguments)
        assert constant.decimal == "0" or len(constant.decimal.lstrip("-").split("e")[0]) == file["digits"] + 1


def test_stored_values_are_computed_again() -> None:
    """Every tenth, to 20 digits, by name and arguments alone."""
    for constant in golden_constants()[::10]:
        found = QUANTITIES[constant.kind].ball(constant.activation, 20, **constant.arguments)
        assert found.overlaps(constant.ball), constant.id


def test_the_formulas_hold_between_the_quantities() -> None:
    """Formulas that name other quantities, written out over those."""
    d, a, b = 12, lambda j: arb(j + d - 2) / (2 * j + d - 2), lambda j: arb(j) / (2 * j + d - 2)

    def slope(j: int, derivative: int = 1) -> arb:
        return ball("coefficient", degree=j, d=d, derivative=derivative) ** 2 if j >= 0 else arb(0)

    with ctx.workprec(200):
        for j in (0, 1, 3):
            one = d * (b(j) * slope(j - 1) + a(j) * slope(j + 1))
            two = (
                arb(d * d)
                / 4
                * (
                    (b(j) * b(j - 1) * slope(j - 2, 2) if j else 0)
                    + (a(j) * b(j + 1) + (b(j) * a(j - 1) if j else 0)) * slope(j, 2)
                    + a(j) * a(j + 1) * slope(j + 2, 2)
                )
            )
            assert near(ball("ntk_eigenvalue", degree=j, d=d), one)
            assert near(ball("quadntk_eigenvalue", degree=j, d=d), two)
            assert near(ball("ntk_limit", degree=j), max(j, 1) * ball("hermite", degree=abs(j - 1), derivative=1) ** 2)
        low = [ball("ntk_eigenvalue", degree=j, d=d) for j in (0, 1)]
        assert near(ball("effective_ridge", d=d, k=1), ball("ntk_trace", d=d) - low[0] - d * low[1])
        assert near(ball("dense_norm", d=d, k=1), 1 / low[0] + 1 / low[1])
        along, across = (ball(f"slope_covariance_{part}", d=d) for part in "AB")
        assert near(along + (d - 1) * across, ball("ntk_trace", d=d)), "the trace of the covariance"
        bare = ball("coefficient", degree=0, d=d, derivative=2)
        assert near(ball("profile_energy", d=d, k=1), 1 / bare**2), "k = 1 has j = 0 alone, c_0 = N = 1"


def test_the_correction_is_what_a_large_dimension_leaves() -> None:
    d = 10**5
    with ctx.workprec(200):
        value = ball("ntk_eigenvalue", degree=2, d=d) * d
        left = (value - ball("ntk_limit", degree=2)) * d
        assert abs(left / ball("ntk_correction", degree=2) - 1) < arb("1e-3")


def test_what_is_left_out_is_zero() -> None:
    given = ball("coefficient", degree=2, d=9, derivative=0, power=0)
    assert given.overlaps(ball("coefficient", degree=2, d=9))
    assert QUANTITIES["coefficient"].ball("tanh(z)", degree=2, d=9).is_zero()
