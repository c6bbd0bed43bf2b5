"""Constants that this library certified to 40 digits, stored for whoever wants to check a program of their own.

Each was found by two independent routes (tests/theory/golden/test_constants.py). They come with the package, and
reading them computes nothing. The file, ``theory/constants.json``, stands alone: it says what every quantity and every
letter means, and ``theory/constants.schema.json`` says how it is laid out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from flint import arb, ctx, fmpq

from theory.balls.precision import exclusive

PLACES = 39
"""Decimals of a stored mantissa: 40 digits."""
READING_BITS = 400
"""Enough for a ball of radius 10^-40, relative, around the decimal."""


@dataclass(frozen=True)
class GoldenConstant:
    """One stored constant.

    Attributes:
        kind: which of :data:`theory.golden.quantities.QUANTITIES`, where its formula stands.
        activation: its expression in z.
        decimal: the value to 40 digits, correctly rounded; "0" when it is exactly zero.
        d, degree, derivative, power, k: its arguments; None for those it does not have.
    """

    kind: str
    activation: str
    decimal: str
    d: int | None = None
    degree: int | None = None
    derivative: int | None = None
    power: int | None = None
    k: int | None = None

    @property
    def arguments(self) -> dict[str, int]:
        """The arguments it has, by name."""
        named = {name: getattr(self, name) for name in ("d", "degree", "derivative", "power", "k")}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def id(self) -> str:
        """What tells it from the others, such as "ntk_trace(tanh(z + 1), d=64)"."""
        return f"{self.kind}({', '.join([self.activation, *(f'{k}={v}' for k, v in self.arguments.items())])})"

    @property
    def ball(self) -> arb:
        """The decimal with the error of its rounding, half a unit in its last place: contains the true value."""
        mantissa, _, exponent = self.decimal.partition("e")
        with exclusive, ctx.workprec(READING_BITS):
            if not exponent:  # "0", which is exact; every other decimal is written with an exponent
                return arb(0)
            unit = arb(10) ** (int(exponent) - PLACES)
            return (arb(int(mantissa.replace(".", ""))) + arb(0, fmpq(1, 2))) * unit


def stored_file() -> dict[str, Any]:
    """The file as it stands: its "digits", "symbols" and "quantities", and the "constants"."""
    found: dict[str, Any] = json.loads(files("theory").joinpath("constants.json").read_text(encoding="utf-8"))
    return found


def stored_records() -> list[dict[str, Any]]:
    """Kind, activation, arguments and "value" of each stored constant."""
    records: list[dict[str, Any]] = stored_file()["constants"]
    return records


@lru_cache(maxsize=1)
def golden_constants() -> tuple[GoldenConstant, ...]:
    """The stored constants, some 380: coefficients, eigenvalues, traces, limits, corrections and norms.

    >>> first = golden_constants()[0]
    >>> first.id
    'coefficient(erf(z + 1/2), d=10, degree=11, derivative=2, power=0)'
    >>> first.decimal
    '-1.979301647730704214441875077324580600072e-5'
    >>> print(first.ball.str(12))
    [-1.97930164773e-5 +/- 7.05e-18]
    """
    return tuple(GoldenConstant(decimal=record.pop("value"), **record) for record in stored_records())
