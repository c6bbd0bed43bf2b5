"""Certified constants: ``python tests/golden/regenerate.py`` writes theory/constants.json, a part of the package.

Each value is computed by the library's primary route to 50 digits and written with 40, correctly rounded: a ball that
does not decide the rounding is an error. So the file depends on the true values only, not on how they were computed.
"""

from __future__ import annotations

import json
from decimal import Context, Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from flint import arb, ctx

from theory import Activation
from theory.golden.quantities import QUANTITIES, SYMBOLS

PATH = Path(str(files("theory").joinpath("constants.json")))
WRITTEN_DIGITS = 40
CERTIFIED_DIGITS = 50
WORKING_BITS = 400

SINE, TANH, ERF = "sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)"
SOFTPLUS, GELU, EXP, CUBIC = "softplus(z)", "gelu(z)", "exp(z/2)", "z**3 + z**2"
SIGMOID, ODD = "sigmoid(2*z - 1)", "tanh(z)"
RELU, SHIFTED, SQUARE = "relu(z)", "relu(z + 1/3)", "relu(1 - 2*z)**2"
SMOOTH = [SINE, TANH, ERF, SOFTPLUS, GELU, EXP, CUBIC, SIGMOID, ODD]
KINKED = [RELU, SHIFTED, SQUARE]
ACTIVATIONS = [*SMOOTH, *KINKED]
DIMENSIONS = [3, 4, 10, 64, 1000, 10**6]
BLIND = [SOFTPLUS, GELU, ODD, RELU]
"""Activations with a parity that makes coefficients vanish: nothing is divided by their eigenvalues."""

Record = dict[str, Any]


@cache
def parsed(text: str) -> Activation:
    """The activation of this text."""
    return Activation.parse(text)


def twice(text: str) -> bool:
    """Whether the second derivative is a function."""
    return text not in (RELU, SHIFTED)


def coefficient_records() -> list[Record]:
    """Every activation meets every dimension, derivative and power; degrees rotate through 0..12, a few reach 60."""
    records = []
    for i, text in enumerate(ACTIVATIONS):
        degrees = 6 if text == CUBIC else 13  # beyond that a polynomial has nothing but zeros
        for j, d in enumerate(DIMENSIONS):
            for derivative, power in ((0, 0), (1, 0), (2, 0), (1, 1), (1, 2)):
                degree = (5 * i + 3 * j + 4 * derivative + 2 * power) % degrees
                if (derivative < 2 or twice(text)) and (i + j + derivative + power) % (3 if power else 2) == 0:
                    records.append({"activation": text, "d": d, "derivative": derivative, "power": power} | at(degree))
    for text, degree, d in [
        (SINE, 30, 10),
        (SINE, 60, 10**6),
        (TANH, 30, 64),
        (ERF, 30, 3),
        (ERF, 60, 1000),
        (GELU, 30, 10**6),
        (EXP, 60, 4),
        (SIGMOID, 30, 1000),
        (ODD, 30, 10),
        (RELU, 30, 3),
        (RELU, 60, 64),
        (SHIFTED, 30, 1000),
        (SHIFTED, 60, 10),
        (SQUARE, 30, 10**6),
        (SQUARE, 60, 4),
    ]:
        records.append({"activation": text, "d": d, "derivative": 0, "power": 0} | at(degree))
    return [{"kind": "coefficient"} | record for record in records]


def at(degree: int) -> Record:
    """The part of a record that names the degree."""
    return {"degree": degree}


def all_records() -> list[Record]:
    """What is stored, without values, in the order of the file."""
    records = coefficient_records()
    for i, text in enumerate(ACTIVATIONS):
        for derivative in (0, 1, 2):
            if derivative < 2 or twice(text):
                degree = (3 * i + 4 * derivative) % 9
                records.append({"kind": "hermite", "activation": text, "derivative": derivative} | at(degree))
        here = [DIMENSIONS[(i + 2 * j) % 6] for j in range(3)]
        for j, d in enumerate(here):
            records.append({"kind": "ntk_eigenvalue", "activation": text, "d": d} | at((i + 2 * j) % 7))
            if twice(text):
                records.append({"kind": "quadntk_eigenvalue", "activation": text, "d": d} | at((i + 3 * j) % 7))
        records.append({"kind": "ntk_trace", "activation": text, "d": here[0]})
        if twice(text):
            records.append({"kind": "quadntk_trace", "activation": text, "d": here[1]})
        records.append({"kind": "ntk_limit", "activation": text} | at(i % 6))
        records.append({"kind": "slope_covariance_A", "activation": text, "d": here[2]})
        records.append({"kind": "slope_covariance_B", "activation": text, "d": here[2]})
        if text != CUBIC:
            records.append({"kind": "effective_ridge", "activation": text, "d": here[1], "k": 1 + i % 2})
        if text not in (*BLIND, CUBIC):
            records.append({"kind": "dense_norm", "activation": text, "d": here[0], "k": 1 + i % 3})
        if twice(text) and text not in (*BLIND, CUBIC):
            records += [
                {"kind": "profile_energy", "activation": text, "d": d, "k": 1 + (i + j) % 4} for j, d in enumerate(here)
            ]
    records += [
        {"kind": "ntk_correction", "activation": text} | at(degree)
        for text, degrees in {
            SINE: (0, 1, 3, 4),
            TANH: (1, 2, 5),
            ERF: (0, 2, 3),
            SOFTPLUS: (1, 2),
            EXP: (1, 3),
            SIGMOID: (1, 4),
            ODD: (1, 3),
            RELU: (1, 2, 4),
            SHIFTED: (1, 3),
            SQUARE: (0, 2, 3),
        }.items()
        for degree in degrees
    ]
    return sorted(records, key=key)


def key(record: Record) -> tuple[str, str, str]:
    """What sorts and names a record."""
    rest = {name: value for name, value in record.items() if name not in ("kind", "activation", "value")}
    return record["kind"], record["activation"], json.dumps(rest, sort_keys=True)


def primary(record: Record) -> arb:
    """The constant by the library's primary route, to 50 digits."""
    named = {name: value for name, value in record.items() if name not in ("kind", "activation", "value")}
    return QUANTITIES[record["kind"]].ball(parsed(record["activation"]), CERTIFIED_DIGITS, **named)


def written(value: arb) -> str:
    """40 digits of a ball, correctly rounded; "0" for an exact zero.

    Raises:
        ArithmeticError: the two ends of the ball round differently.
    """
    if value.is_zero():
        return "0"
    context = Context(prec=WRITTEN_DIGITS)
    with ctx.workprec(WORKING_BITS):
        ends = {context.create_decimal(exactly(end)) for end in (value.lower(), value.upper())}
    if len(ends) > 1:
        raise ArithmeticError(f"{value}: does not decide {WRITTEN_DIGITS} digits")
    return f"{ends.pop():.{WRITTEN_DIGITS - 1}e}"


def exactly(point: arb) -> Decimal:
    """The dyadic number that a ball of radius zero is."""
    mantissa, exponent = (int(part) for part in point.man_exp())
    exact = Context(prec=5000)
    return exact.multiply(Decimal(mantissa), exact.power(Decimal(2), exponent))


def constant(record: Record) -> Record:
    """The record with its value."""
    return record | {"value": written(primary(record))}


def text(records: list[Record]) -> str:
    """The file's contents: what the numbers are, then one record a line; keys of a record sorted."""
    quantities = {
        name: {"formula": q.formula, "meaning": q.meaning, "arguments": list(q.arguments)}
        for name, q in QUANTITIES.items()
    }
    head = {
        "$schema": "constants.schema.json",
        "title": "Constants of two-layer networks near initialisation, certified",
        "subject": "arXiv:2206.03688",
        "license": "MIT",
        "digits": WRITTEN_DIGITS,
        "rounding": 'to nearest: the true value is within half a unit of the last digit; "0" is exact',
        "symbols": SYMBOLS,
        "quantities": quantities,
    }
    opened = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(json.dumps(record, sort_keys=True) for record in records)
    return f'{opened},\n "constants": [\n{lines}\n]\n}}\n'


if __name__ == "__main__":
    PATH.write_text(text([constant(record) for record in all_records()]), encoding="utf-8")
