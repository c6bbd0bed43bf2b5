r"""Every stored constant again, to 40 digits, by a route that shares as little as possible with the one that wrote it.

- Coefficients of smooth activations: Taylor arithmetic instead of P_l (``coefficient_rodrigues``), so no closed form.
- Of kinked ones, written by closed forms: certified quadrature against the exact polynomial P_l.
- Traces and covariances: mpmath alone (tests/quadrature.py), with derivatives written out by hand.
- Gaussian integrals: certified quadrature where a closed form wrote them, mpmath's trapezoidal rule otherwise.
- Eigenvalues, norms, limits and corrections: their formulas written out here, over those numbers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath as mp
import pytest
from flint import arb, ctx, fmpq, fmpq_poly
from golden.regenerate import (
    ACTIVATIONS,
    CUBIC,
    DIMENSIONS,
    ERF,
    EXP,
    GELU,
    KINKED,
    ODD,
    PATH,
    RELU,
    SHIFTED,
    SIGMOID,
    SINE,
    SOFTPLUS,
    SQUARE,
    TANH,
    WORKING_BITS,
    Record,
    all_records,
    constant,
    parsed,
    text,
)
from quadrature import FUNCTIONS, Function, Sphere, multiplicity

from theory import coefficient_rodrigues, golden_constants
from theory.activations import Z
from theory.balls.enclosure import gaussian_expectation, sphere_expectation
from theory.golden.constants import stored_records
from theory.harmonics.gegenbauer import legendre_polynomial

DIGITS = 50
"""Of the second route; 40 are compared."""
TOLERANCE = "1e-39"
"""Relative: a value rounded to 40 digits is off by at most 5e-40, which leaves 5e-40 for the second route."""
QUADRATURE_DIGITS = 56
FUNCTION: dict[str, Function] = {
    SINE: Function(SINE, lambda z: FUNCTIONS["sin"][0](z + mp.pi / 4)),
    TANH: Function.affine("tanh", Fraction(1), Fraction(1)),
    ERF: Function.affine("erf", Fraction(1), Fraction(1, 2)),
    SOFTPLUS: Function.affine("softplus", Fraction(1)),
    GELU: Function.affine("gelu", Fraction(1)),
    RELU: Function.affine("relu", Fraction(1)),
    SHIFTED: Function.affine("relu", Fraction(1), Fraction(1, 3)),
    SQUARE: Function.affine("relu**2", Fraction(-2), Fraction(1)),
    EXP: Function.affine("exp", Fraction(1, 2)),
    CUBIC: Function(CUBIC, lambda z: (z**3 + z**2, 3 * z**2 + 2 * z, 6 * z + 2)),
    SIGMOID: Function.affine("sigmoid", Fraction(2), Fraction(-1)),
    ODD: Function.affine("tanh", Fraction(1)),
}
"""The activations by hand, for mpmath."""

STORED: list[Record] = stored_records()


def rational(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def square(value: arb) -> arb:
    """value * value: python-flint's ``**`` gives nan for a ball centred exactly at zero."""
    return value * value


@cache
def second_coefficient(activation: str, degree: int, d: int, derivative: int, power: int = 0) -> arb:
    """lambda_l(z^p sigma^(j)), never by a closed form; a zero is not taken on trust but enclosed."""
    if activation not in KINKED:
        value = coefficient_rodrigues(parsed(activation), degree, d, derivative, DIGITS, power=power)
        if not value.is_zero():
            return value
    # lambda_l is of order d^{-l/2}, and sums up to 2^l can cancel.
    bits = 300 + degree * d.bit_length() // 2 + degree
    with ctx.workprec(bits):
        expr = Z**power * parsed(activation).derivative(derivative)
        return sphere_expectation(expr, d, legendre_polynomial(degree, d), bits)


def hermite(degree: int, one: Any, x: Any) -> Any:
    """He_l at a number or a polynomial: He_{l+1} = x He_l - l He_{l-1}."""
    before, here = 0 * one, one
    for j in range(degree):
        before, here = here, x * here - j * before
    return here


@cache
def line_nodes(activation: str, halvings: int = 0) -> list[tuple[mp.mpf, mp.mpf, tuple[mp.mpf, ...]]]:
    r"""Points, weights and jets of the trapezoidal rule against the Gaussian density.

    A pole at distance a costs e^{-2 pi a/s}: a = pi/2 and s = 1/16 leave 1e-68. The cut at 18 leaves e^{-162}.
    """
    steps = 16 << halvings
    with mp.workdps(QUADRATURE_DIGITS + 20):
        points = [mp.mpf(i) / steps for i in range(-18 * steps, 18 * steps + 1)]
        weight = 1 / (mp.sqrt(2 * mp.pi) * steps)
        return [(x, weight * mp.exp(-x * x / 2), FUNCTION[activation].jet(x)) for x in points]


@cache
def second_hermite(activation: str, degree: int, derivative: int, halvings: int = 0) -> arb:
    """m_l = E[sigma^(j)(G) He_l(G)]."""
    if activation in (TANH, SOFTPLUS, SIGMOID, ODD):
        with mp.workdps(QUADRATURE_DIGITS + 20):
            terms = (
                w * jet[derivative] * hermite(degree, mp.mpf(1), x) for x, w, jet in line_nodes(activation, halvings)
            )
            return certain(mp.fsum(terms))
    with ctx.workprec(WORKING_BITS):
        weight = hermite(degree, fmpq_poly([1]), fmpq_poly([0, 1]))
        return gaussian_expectation(parsed(activation).derivative(derivative), weight, WORKING_BITS)


def certain(value: mp.mpf) -> arb:
    """The number mpmath found, with the error its rules are built for."""
    with ctx.workprec(WORKING_BITS):
        return arb(mp.nstr(value, QUADRATURE_DIGITS + 10)) + arb(0, arb(10) ** (3 - QUADRATURE_DIGITS))


@cache
def second_energy(activation: str, d: int, derivative: int, power: int = 0, halvings: int = 0) -> arb:
    """E[z^p sigma^(j)(z)^2], whatever the library thinks of derivatives, kinks and squares."""
    function = FUNCTION[activation]
    sphere = Sphere(d, QUADRATURE_DIGITS, 0, function.kinks, function.pole, halvings)
    with mp.workdps(QUADRATURE_DIGITS + 15):
        squares = [jet[derivative] ** 2 for jet in sphere.jets(function)]
    return certain(sphere.weighted(squares, power).coefficient(0))


def second_ntk(activation: str, degree: int, d: int) -> arb:
    """d/(2l+d-2) [ l lambda_{l-1}(sigma')^2 + (l+d-2) lambda_{l+1}(sigma')^2 ]."""
    total = (degree + d - 2) * square(second_coefficient(activation, degree + 1, d, 1))
    if degree:
        total = total + degree * square(second_coefficient(activation, degree - 1, d, 1))
    return total * fmpq(d, 2 * degree + d - 2)


def second_quadntk(activation: str, degree: int, d: int) -> arb:
    """d^2/4 [ B_l B_{l-1} lambda_{l-2}^2 + (A_l B_{l+1} + B_l A_{l-1}) lambda_l^2 + A_l A_{l+1} lambda_{l+2}^2 ]."""

    def a(j: int) -> fmpq:
        return fmpq(j + d - 2, 2 * j + d - 2)

    def b(j: int) -> fmpq:
        return fmpq(j, 2 * j + d - 2)

    def energy(j: int) -> arb:
        return square(second_coefficient(activation, j, d, 2))

    middle = a(degree) * b(degree + 1) + (b(degree) * a(degree - 1) if degree else 0)
    total = middle * energy(degree) + a(degree) * a(degree + 1) * energy(degree + 2)
    if degree > 1:
        total = total + b(degree) * b(degree - 1) * energy(degree - 2)
    return total * fmpq(d * d, 4)


def second_correction(activation: str, degree: int) -> arb:
    """The 1/d correction, from d^{j/2} lambda_j = m_j - (1/d) [ j(j-1) m_j + j m_{j+2} + m_{j+4}/4 ]."""

    def m(j: int) -> arb:
        return second_hermite(activation, j, 1)

    if degree == 0:  # Lambda_0 = d lambda_1^2
        return -2 * m(1) * (m(3) + m(5) / 4)
    j = degree - 1
    moved = j * (j - 1) * m(j) + j * m(j + 2) + m(j + 4) / 4
    return -2 * degree * j * square(m(j)) - 2 * degree * m(j) * moved + square(m(j + 2))


def second_profile_energy(activation: str, k: int, d: int) -> arb:
    """d^{k-1} sum_j c_j^2 N(d,j) / lambda_j(sigma'')^2, c_j = E[t^{k-1} P_j] from E[t^{2q}] = prod (2i+1)/(d+2i)."""

    def moment(q: int) -> Fraction:
        value = Fraction(q % 2 == 0)
        for i in range(q // 2):
            value *= Fraction(2 * i + 1, d + 2 * i)
        return value

    total = arb(0)
    for j in range(k - 1, -1, -2):
        polynomial = legendre_polynomial(j, d)
        c = sum(Fraction(int(polynomial[i].p), int(polynomial[i].q)) * moment(k - 1 + i) for i in range(j + 1))
        total = total + rational(c * c * multiplicity(d, j)) / square(second_coefficient(activation, j, d, 2))
    return total * d ** (k - 1)


def second_ridge(activation: str, k: int, d: int) -> arb:
    """d E[sigma'^2] - sum_{l <= k} N(d,l) Lambda_l."""
    total = d * second_energy(activation, d, 1)
    return total - sum((multiplicity(d, j) * second_ntk(activation, j, d) for j in range(k + 1)), arb(0))


def second_covariance(activation: str, d: int) -> tuple[arb, arb]:
    """A = E[z^2 sigma'^2] and B = (d E[sigma'^2] - A)/(d - 1)."""
    along = second_energy(activation, d, 1, 2)
    return along, (d * second_energy(activation, d, 1) - along) / (d - 1)


def second_limit(activation: str, degree: int) -> arb:
    """l m_{l-1}(sigma')^2; m_1^2 at degree 0."""
    return max(degree, 1) * square(second_hermite(activation, abs(degree - 1), 1))


SECOND: dict[str, Callable[[Record], arb]] = {
    "coefficient": lambda r: second_coefficient(r["activation"], r["degree"], r["d"], r["derivative"], r["power"]),
    "hermite": lambda r: second_hermite(r["activation"], r["degree"], r["derivative"]),
    "ntk_eigenvalue": lambda r: second_ntk(r["activation"], r["degree"], r["d"]),
    "quadntk_eigenvalue": lambda r: second_quadntk(r["activation"], r["degree"], r["d"]),
    "ntk_trace": lambda r: r["d"] * second_energy(r["activation"], r["d"], 1),
    "quadntk_trace": lambda r: second_energy(r["activation"], r["d"], 2) * fmpq(r["d"] ** 2, 4),
    "ntk_limit": lambda r: second_limit(r["activation"], r["degree"]),
    "ntk_correction": lambda r: second_correction(r["activation"], r["degree"]),
    "profile_energy": lambda r: second_profile_energy(r["activation"], r["k"], r["d"]),
    "slope_covariance_A": lambda r: second_covariance(r["activation"], r["d"])[0],
    "slope_covariance_B": lambda r: second_covariance(r["activation"], r["d"])[1],
    "dense_norm": lambda r: sum((1 / second_ntk(r["activation"], j, r["d"]) for j in range(r["k"] + 1)), arb(0)),
    "effective_ridge": lambda r: second_ridge(r["activation"], r["k"], r["d"]),
}


@cache
def second(name: str) -> arb:
    """The second value of a record, given as JSON."""
    record = json.loads(name)
    with ctx.workprec(WORKING_BITS):
        return SECOND[record["kind"]](record)


def agrees(stored: arb, record: Record) -> bool:
    """Whether the stored number is the second route's, certainly, to 40 digits.

    A zero has no relative error: there the second route must enclose zero within 1e-40 of the size d^{-l/2} that a
    coefficient of that degree has (its square for an eigenvalue).
    """
    name = json.dumps({key: value for key, value in record.items() if key != "value"}, sort_keys=True)
    value = second(name)
    with ctx.workprec(WORKING_BITS):
        if stored.is_zero():
            size = arb(record.get("d", 1)) ** -record["degree"]
            size = size.sqrt() if record["kind"] == "coefficient" else size
            return bool(value.contains(0) and abs(value) <= size * arb("1e-40"))
        return bool(abs(stored - value) <= abs(value) * arb(TOLERANCE))


def number(record: Record) -> arb:
    with ctx.workprec(WORKING_BITS):
        return arb(record["value"])


def test_the_file_holds_what_the_script_writes() -> None:
    assert text(STORED) == PATH.read_text(encoding="utf-8")
    assert [{key: value for key, value in record.items() if key != "value"} for record in STORED] == all_records()


def test_the_public_door_gives_every_constant() -> None:
    """By name, with its arguments, its 40 digits and a ball of half a unit in the last of them around them."""
    found = golden_constants()
    assert len({each.id for each in found}) == len(found) == len(STORED)
    for each, record in zip(found, STORED, strict=True):
        named = {"kind": each.kind, "activation": each.activation, "value": each.decimal}
        assert named | each.arguments == record
        with ctx.workprec(WORKING_BITS):
            width = 2 * each.ball.rad()
            assert each.ball.contains(number(record))
            assert each.ball.is_zero() == (each.decimal == "0")
            unit = arb(10) ** (int(each.decimal.split("e")[1]) - 39) if each.decimal != "0" else arb(0)
            assert unit * arb("0.999") <= width <= unit * arb("1.001")
    assert len(set(found)) == len(found), "constants can be hashed"


def test_the_balls_contain_the_second_route() -> None:
    for each, record in list(zip(golden_constants(), STORED, strict=True))[::60]:
        bare = {key: value for key, value in record.items() if key != "value"}
        with ctx.workprec(WORKING_BITS):
            assert each.ball.overlaps(second(json.dumps(bare, sort_keys=True)))


def test_the_selection_is_wide() -> None:
    assert len({json.dumps(record) for record in STORED}) >= 300
    assert {record["kind"] for record in STORED} == set(SECOND)
    assert {record["activation"] for record in STORED} == set(ACTIVATIONS) == set(FUNCTION)
    assert {record["d"] for record in STORED if "d" in record} == set(DIMENSIONS)
    assert {0, 12, 30, 60} <= {record["degree"] for record in STORED if "degree" in record}
    zeros = sum(record["value"] == "0" for record in STORED)
    assert 20 <= zeros <= len(STORED) // 5
    assert all(len(record["value"].lstrip("-").split("e")[0]) == 41 for record in STORED if record["value"] != "0")


def test_the_script_still_computes_the_same_digits() -> None:
    for record in random.Random(40).sample(STORED, 30):
        bare = {key: value for key, value in record.items() if key != "value"}
        assert constant(bare) == record


@pytest.mark.parametrize("kind", SECOND)
def test_every_constant_by_a_second_route(kind: str) -> None:
    records = [record for record in STORED if record["kind"] == kind]
    assert [record for record in records if not agrees(number(record), record)] == []


def test_an_error_in_the_39th_digit_is_noticed() -> None:
    """A relative error of 1e-38, or of 1e-38 of the expected size in place of a zero, in each stored value by turns."""
    for record in STORED:
        with ctx.workprec(WORKING_BITS):
            planted = number(record) * (1 + arb("1e-38")) if record["value"] != "0" else arb("1e-300")
        assert not agrees(planted, record), record


@pytest.mark.parametrize("activation", [TANH, SOFTPLUS, SIGMOID, ODD])
def test_the_trapezoidal_rule_has_converged(activation: str) -> None:
    for degree in (0, 4, 8):
        with ctx.workprec(WORKING_BITS):
            difference = second_hermite(activation, degree, 1) - second_hermite(activation, degree, 1, halvings=1)
        assert abs(difference.mid()) < arb("1e-54")


@pytest.mark.parametrize(("activation", "d"), [(TANH, 3), (SIGMOID, 64), (SQUARE, 10), (GELU, 10**6)])
def test_the_panels_have_converged(activation: str, d: int) -> None:
    for power in (0, 2):
        with ctx.workprec(WORKING_BITS):
            finer = second_energy(activation, d, 1, power, halvings=1)
            difference = second_energy(activation, d, 1, power) - finer
        assert abs(difference.mid()) < arb("1e-54") * abs(finer)
