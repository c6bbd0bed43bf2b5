r"""Certified balls against plain mpmath on random activations, dimensions, degrees, derivatives and powers.

Null hypothesis: no certified ball misses the true value. The cases are drawn once from a fixed seed, so their number
is known before the first is run; each reference is good to ten digits more than were asked of the ball and to a
thousandth of the ball's own radius.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import mpmath as mp
import pytest
from flint import arb, ctx
from quadrature import GUARD, Function, Jet, Sphere, Weighted, multiplicity

from theory import Activation, coefficient, coefficients, ntk_eigenvalue

SEED = 20220603
EXTRA_DIGITS = 10
NAMES = ["tanh", "sigmoid", "softplus", "erf", "gelu", "sin", "cos", "exp", "relu", "relu**2"]


@dataclass(frozen=True)
class Case:
    """lambda_degree(z^power sigma^(derivative)) to ``digits`` digits."""

    degree: int
    derivative: int
    power: int
    digits: int


@dataclass(frozen=True)
class Block:
    """Cases that share an activation and a dimension, hence the nodes of the reference."""

    function: Function
    d: int
    cases: tuple[Case, ...]

    def __str__(self) -> str:
        return f"{self.function.text.replace(' ', '')}-d={self.d}"


def a_rational(draw: random.Random, low: Fraction, high: Fraction) -> Fraction:
    denominator = draw.randint(1, 9)
    return Fraction(draw.randint(math.ceil(low * denominator), math.floor(high * denominator)), denominator)


def an_affine_function(draw: random.Random, names: list[str]) -> Function:
    slope = a_rational(draw, Fraction(1, 4), Fraction(2)) * draw.choice([-1, 1])
    while not slope:
        slope = a_rational(draw, Fraction(1, 4), Fraction(2))
    return Function.affine(draw.choice(names), slope, a_rational(draw, Fraction(-3, 2), Fraction(3, 2)))


def a_function(draw: random.Random) -> Function:
    kind = draw.random()
    if kind < 0.7:
        return an_affine_function(draw, NAMES)
    if kind < 0.85:
        return an_affine_function(draw, NAMES).times_z()
    return an_affine_function(draw, NAMES).plus(an_affine_function(draw, NAMES))


def a_dimension(draw: random.Random) -> int:
    """Log-uniform in 3..10^6, or one of the smallest."""
    return draw.randint(3, 8) if draw.random() < 0.4 else round(math.exp(draw.uniform(math.log(3), math.log(10**6))))


def a_case(draw: random.Random, function: Function) -> Case:
    degree = draw.randint(13, 40) if draw.random() < 0.02 else draw.randint(0, 12)
    return Case(degree, draw.randrange(function.orders), draw.randint(0, 2), draw.randint(15, 25))


def blocks(seed: int, count: int, cases: int) -> Iterator[Block]:
    draw = random.Random(seed)
    for _ in range(count):
        function = a_function(draw)
        yield Block(function, a_dimension(draw), tuple(a_case(draw, function) for _ in range(cases)))


COEFFICIENTS = list(blocks(SEED, 110, 5))
EIGENVALUES = list(blocks(SEED + 1, 30, 2))
TABLES = list(blocks(SEED + 2, 40, 1))


class Reference:
    """The independent route for one block, at as many digits as a ball needs; nodes are shared.

    Args:
        block: activation and dimension.
        halvings: of every panel, to see the rule's own error.
    """

    def __init__(self, block: Block, halvings: int = 0) -> None:
        self.block, self.halvings = block, halvings
        self.largest = max(case.degree for case in block.cases) + 1  # an eigenvalue needs one more
        self._nodes: dict[int, tuple[Sphere, list[Jet]]] = {}
        self._weighted: dict[tuple[int, int, int], Weighted] = {}

    def _at(self, level: int, derivative: int, power: int) -> Weighted:
        if level not in self._nodes:
            function = self.block.function
            sphere = Sphere(self.block.d, level, self.largest, function.kinks, function.pole, self.halvings)
            self._nodes[level] = sphere, sphere.jets(function)
        key = (level, derivative, power)
        if key not in self._weighted:
            sphere, jets = self._nodes[level]
            self._weighted[key] = sphere.weighted([jet[derivative] for jet in jets], power)
        return self._weighted[key]

    def __call__(self, case: Case, ball: arb) -> tuple[mp.mpf, mp.mpf]:
        """Value and error, the error below 10^-(digits + 10) of it and below a thousandth of the ball's radius."""
        with mp.workdps(20):
            middle, radius = exact(ball.mid()), exact(ball.rad())
            needed = abs(middle) * mp.mpf(10) ** -(case.digits + EXTRA_DIGITS)
            if radius:
                needed = min(needed, radius / 1000)
            size = self._at(12, case.derivative, case.power).norm / mp.sqrt(multiplicity(self.block.d, case.degree))
            # An exact zero has no relative error: it is confirmed to 40 digits of the integrand's size.
            level = 40 if not (middle and size) else math.ceil(mp.log10(size / needed)) + 2
            level = 10 * math.ceil(level / 10)
        found = self._at(level, case.derivative, case.power)
        assert not middle or found.error(case.degree) <= needed
        return found.coefficient(case.degree), found.error(case.degree)


def exact(point: arb) -> mp.mpf:
    """The dyadic number that a ball of radius zero is."""
    mantissa, exponent = (int(part) for part in point.man_exp())
    return mp.mpf((int(mantissa < 0), abs(mantissa), exponent, abs(mantissa).bit_length()))


def contains(ball: arb, value: mp.mpf, error: mp.mpf) -> bool:
    """Whether |value - midpoint| <= radius + error."""
    with mp.workdps(400):
        return abs(value - exact(ball.mid())) <= exact(ball.rad()) + error


def certified(block: Block, case: Case) -> arb:
    activation = Activation.parse(block.function.text)
    return coefficient(activation, case.degree, block.d, case.derivative, case.digits, power=case.power)


@cache
def comparisons(index: int) -> tuple[tuple[Case, arb, mp.mpf, mp.mpf], ...]:
    """Case, ball, reference and its error for each case of a block."""
    block = COEFFICIENTS[index]
    reference = Reference(block)
    found = ((case, certified(block, case)) for case in block.cases)
    return tuple((case, ball, *reference(case, ball)) for case, ball in found)


def test_there_are_enough_cases() -> None:
    cases = [(str(block), case) for block in COEFFICIENTS for case in block.cases]
    assert len(set(cases)) >= 500
    assert sum(block.d <= 8 for block in COEFFICIENTS) >= 30
    assert sum(block.d >= 10**4 for block in COEFFICIENTS) >= 15
    assert sum(case.degree > 12 for _, case in cases) >= 5
    assert any(z * z > block.d for block in COEFFICIENTS for z in block.function.kinks)
    assert len(EIGENVALUES) * 2 == 60
    assert len(TABLES) == 40


@pytest.mark.parametrize("index", range(len(COEFFICIENTS)), ids=[str(block) for block in COEFFICIENTS])
def test_balls_of_coefficients_contain_the_value(index: int) -> None:
    for case, ball, value, error in comparisons(index):
        assert ball.is_zero() or ball.rel_accuracy_bits() >= 3.32 * case.digits, (case, ball)
        assert contains(ball, value, error), (case, ball, mp.nstr(value, 40))


def test_a_ball_shifted_by_1e_13_is_a_miss() -> None:
    for index in range(len(COEFFICIENTS)):
        for case, ball, value, error in comparisons(index):
            with ctx.workprec(400):
                shifted = ball * (1 + arb("1e-13")) if not ball.is_zero() else arb("1e-13")
            assert not contains(shifted, value, error), (case, ball)


@pytest.mark.parametrize("index", range(0, len(COEFFICIENTS), 11), ids=str)
def test_halving_the_panels_changes_nothing_beyond_the_error(index: int) -> None:
    finer = Reference(COEFFICIENTS[index], halvings=1)
    for case, ball, value, error in comparisons(index):
        assert abs(finer(case, ball)[0] - value) <= error, case


def written_out_eigenvalue(reference: Reference, degree: int, digits: int) -> tuple[mp.mpf, mp.mpf]:
    """Lambda_l = d/(2l+d-2) [ l lambda_{l-1}^2 + (l+d-2) lambda_{l+1}^2 ] and its error."""
    d = reference.block.d
    with mp.workdps(digits + GUARD):
        total, error = mp.mpf(0), mp.mpf(0)
        for j, weight in ((degree - 1, degree), (degree + 1, degree + d - 2)):
            if j >= 0:
                case = Case(j, 1, 0, digits)
                activation = Activation.parse(reference.block.function.text)
                value, off = reference(case, coefficient(activation, j, d, 1, digits + 5))
                total += weight * value**2
                error += weight * (2 * abs(value) + off) * off
        return total * d / (2 * degree + d - 2), error * d / (2 * degree + d - 2)


@pytest.mark.parametrize("block", EIGENVALUES, ids=str)
def test_balls_of_eigenvalues_contain_the_value(block: Block) -> None:
    reference = Reference(block)
    for case in block.cases:
        ball = ntk_eigenvalue(Activation.parse(block.function.text), case.degree, block.d, case.digits)
        value, error = written_out_eigenvalue(reference, case.degree, case.digits)
        assert ball.is_zero() or error <= value * mp.mpf(10) ** -(case.digits + EXTRA_DIGITS)
        assert contains(ball, value, error), (case, ball, mp.nstr(value, 40))
        with ctx.workprec(400):
            shifted = ball * (1 + arb("1e-13")) if not ball.is_zero() else arb("1e-13")
        assert not contains(shifted, value, error), (case, ball)


@pytest.mark.parametrize("block", TABLES, ids=str)
def test_balls_of_tables_contain_the_values(block: Block) -> None:
    (case,) = block.cases
    reference = Reference(block)
    activation = Activation.parse(block.function.text)
    table = coefficients(activation, case.degree, block.d, case.derivative, case.digits, power=case.power)
    assert len(table) == case.degree + 1
    for degree, ball in enumerate(table):
        single = Case(degree, case.derivative, case.power, case.digits)
        value, error = reference(single, ball)
        assert ball.is_zero() or ball.rel_accuracy_bits() >= 3.32 * case.digits, (single, ball)
        assert contains(ball, value, error), (single, ball, mp.nstr(value, 40))
