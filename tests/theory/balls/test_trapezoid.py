"""The trapezoidal rule: its error bound holds, is sharp, and covers what the pieces claim."""

import math
from typing import Any

import pytest
import sympy as sp
from flint import acb, arb, ctx

from theory import Activation, coefficient, coefficient_rodrigues, coefficients, rodrigues_form
from theory.activations import Z
from theory.balls import trapezoid
from theory.balls.ball import ball
from theory.balls.enclosure import sphere_expectation
from theory.balls.program import Program
from theory.balls.strip import NotAnalytic, strip_bound
from theory.balls.trapezoid import Rule, choose, coefficient_table, rule
from theory.funk_hecke import gaussians
from theory.funk_hecke.gaussians import gaussian_coefficient
from theory.harmonics.gegenbauer import legendre_polynomial

SMOOTH = ["tanh(z + 1)", "softplus(z)", "sigmoid(1 - 2*z)", "tanh(z)*z - erf(z/2 + 1)", "gelu(z)*tanh(z)"]


@pytest.mark.parametrize("text", SMOOTH)
@pytest.mark.parametrize("d", [3, 4, 10, 257, 10**6])
def test_table_against_adaptive_integrals(text: str, d: int) -> None:
    # Checks :eq:`trapezoid`.
    expr = Activation.parse(text).derivative(1)
    bits = 160 + 4 * d.bit_length()
    with ctx.workprec(bits):
        table = coefficient_table(expr, 8, d, bits)
        for degree, value in enumerate(table):
            expected = sphere_expectation(expr, d, legendre_polynomial(degree, d), bits)
            assert value.overlaps(expected), (degree, value, expected)
            assert value.rad() < arb(2) ** -(bits - 40)


def test_coarse_rules_stay_within_their_bound() -> None:
    """h = 1: the error of the mass is below the bound at every step, and near it at the best strip for large D."""
    # Checks :eq:`trapezoid`.
    ratios = []
    with ctx.workprec(200):
        for big in (3, 10, 100, 4000):
            for angle in (0.02, 0.1, 0.5, math.pi / 4):
                for step in (0.02, 0.1, 0.3, 1.0):
                    coarse = rule(big, angle, step, math.ceil(80 / step / math.sqrt(big)) + 1, 200)
                    mass = 2 * sum(coarse.weights, arb(0))
                    assert not abs(mass - 1) > coarse.error(arb(1), arb(1)), (
                        big,
                        angle,
                        step,
                        mass,
                        coarse.error(arb(1), arb(1)),
                    )
                    if coarse.error(arb(1), arb(1)) > 1e-50:  # above the rounding of the weights
                        ratios.append(float((abs(mass - 1) / coarse.error(arb(1), arb(1))).mid()))
        # Best strip for D = 4000 and step 0.1: a = 2 pi/(s (D-1)).
        sharp = rule(4000, 2 * math.pi / (0.1 * 3999), 0.1, 40, 200)
        ratio = float((abs(2 * sum(sharp.weights, arb(0)) - 1) / sharp.error(arb(1), arb(1))).mid())
    assert len(ratios) > 20
    assert max(ratios) <= 1
    assert 0.7 < ratio <= 1


def test_cutting_the_sum_is_covered() -> None:
    """With few nodes the truncation part of the bound is what counts."""
    with ctx.workprec(150):
        for big in (3, 5, 40):
            for count in (1, 2, 5):
                short = rule(big, 0.7, 0.05, count, 150)
                gap = abs(2 * sum(short.weights, arb(0)) - 1)
                assert gap <= short.error(arb(1), arb(1))
                assert gap > short.error(arb(1), arb(1)) / 1000 or big == 3


def test_a_bound_without_the_weights_growth_would_be_violated() -> None:
    """Planted: leaving out cos(a)^{-(D-1)} makes the bound too small."""
    # Checks :eq:`trapezoid`.
    with ctx.workprec(200):
        angle, step = 2 * math.pi / (0.1 * 3999), 0.1
        sharp = rule(4000, angle, step, 40, 200)
        error = abs(2 * sum(sharp.weights, arb(0)) - 1)
        assert error > sharp.error(arb(1), arb(1)) * arb(angle).cos() ** 3999


def test_no_strip_no_rule() -> None:
    with ctx.workprec(80):
        assert choose(10, 10, 80, lambda y: math.inf, lambda z: 0.0) is None
    with pytest.raises(NotAnalytic, match="Abs"):
        coefficient_table(sp.Abs(Z), 2, 10, 80)


def test_a_step_below_the_spacing_of_floats_ends() -> None:
    """As for exp(5e12 - z): the strip's bound asks for steps of 1e-12, the tail for nodes up to 5e6."""
    with ctx.workprec(83):
        assert choose(10**6, 10**6, 83, lambda y: 5e12, lambda z: 5e12) is None


@pytest.mark.parametrize(("q", "b"), [("1", "0"), ("1", "-1"), ("1/4", "3/2"), ("9", "2")])
@pytest.mark.parametrize(
    ("degree", "big", "d"), [(0, 3, 3), (3, 5, 3), (6, 10, 10), (7, 12, 10), (20, 1000, 998), (7, 1000, 1000)]
)
def test_gaussian_coefficient(q: str, b: str, degree: int, big: int, d: int) -> None:
    """Against the adaptive integral, which takes sqrt(d) and tau_D apart only when D = d; so scale z accordingly."""
    q_exact, b_exact = sp.Rational(q), sp.Rational(b)
    scale = sp.sqrt(sp.Rational(d, big))
    expr = sp.exp(-q_exact * scale**2 * Z**2 + b_exact * scale * Z)
    with ctx.workprec(120):
        found = gaussian_coefficient(ball(q_exact), ball(b_exact), degree, big, d)
    with ctx.workprec(400):
        expected = sphere_expectation(expr, big, legendre_polynomial(degree, big), 400)
    assert found.overlaps(expected)
    assert found.is_zero() or expected.contains(0) or found.rel_accuracy_bits() > 80


@pytest.mark.parametrize(
    ("text", "height"),
    [
        ("tanh(z)", 1.5),
        ("tanh(2*z - 1)", 0.7),
        ("erf(3*z)", 0.1),
        ("softplus(z/100)", 0.1),
        ("softplus(z/100 + 5)", 0.1),
        ("softplus(z)", 3.0),
        ("softplus(-z + 2)", 1.0),
        ("erf(z/2 + 1)", 3.0),
        ("sin(3*z)", 1.0),
        ("exp(z/2 - 1)", 5.0),
        ("exp(-z**2 + z)", 2.0),
        ("exp(z**2/9)", 1.0),
        ("z**3*tanh(z) - cos(z)*2", 1.2),
    ],
)
def test_strip_bound_is_never_exceeded(text: str, height: float) -> None:
    expr = Activation.parse(text).expr
    program = Program([expr], Z, lambda e: acb(ball(e)))
    functions = {"sin": acb.sin, "cos": acb.cos, "exp": acb.exp, "erf": acb.erf, "tanh": acb.tanh}
    functions["softplus"] = lambda u: (1 + u.exp()).log()
    bound = strip_bound(expr, arb(4), arb(height))
    largest = arb(0)
    for i in range(-40, 41):
        for j in range(-10, 11):
            value = abs(program(acb(i / 10, height * j / 10), functions)[0])
            assert not value > bound, (i, j)  # some bounds are attained
            largest = largest.max(value)
    assert bound < 400 * largest


@pytest.mark.parametrize(
    ("text", "height"), [("tanh(z)", 1.6), ("softplus(z)", 3.2), ("relu(z)", 0.1), ("sin(z**2)", 0.1)]
)
def test_strips_with_singularities_are_refused(text: str, height: float) -> None:
    with pytest.raises(NotAnalytic):
        strip_bound(Activation.parse(text).expr, arb(4), arb(height))


@pytest.mark.parametrize("text", ["tanh(z + 1)", "relu(z + 1/3)", "sin(z)", "relu(z)*tanh(z)", "tanh(z)"])
def test_coefficients_are_the_single_ones(text: str) -> None:
    """Through the table, through closed forms, and where neither applies."""
    activation = Activation.parse(text)
    for derivative, power in ((0, 0), (1, 1)):
        table = coefficients(activation, 6, 12, derivative, 25, power=power)
        for degree, value in enumerate(table):
            single = coefficient(activation, degree, 12, derivative, 25, power=power)
            assert value.overlaps(single)
            assert value.is_zero() == single.is_zero()
            assert value.is_zero() or value.rel_accuracy_bits() >= 83


def test_table_refines_until_small_coefficients_are_certified() -> None:
    """At d = 3 the coefficients fall much faster than d^{-l/2}: the first precision does not do."""
    values = coefficients(Activation.parse("tanh(z/2)*z"), 24, 3, 0, 15)
    for degree in range(0, 25, 2):
        assert values[degree].rel_accuracy_bits() >= 50


@pytest.mark.parametrize("text", ["tanh(z + 1)", "softplus(z)", "gelu(z)", "sin(z)*exp(z)", "z**3 - z"])
def test_rodrigues_form_agrees(text: str) -> None:
    # Checks :eq:`rodrigues`.
    activation = Activation.parse(text)
    for d in (3, 11, 10**6):
        for degree, derivative, power in ((0, 0, 0), (3, 1, 0), (4, 2, 1), (6, 0, 2)):
            found = coefficient_rodrigues(activation, degree, d, derivative, 25, power=power)
            expected = coefficient(activation, degree, d, derivative, 25, power=power)
            assert found.overlaps(expected)
            assert found.is_zero() == expected.is_zero()


def test_rodrigues_form_is_symbolic_in_d() -> None:
    # Checks :eq:`rodrigues`.
    d = sp.Symbol("d", positive=True)
    front, inner = rodrigues_form(Activation.parse("tanh(z)"), 3, d)
    assert sp.simplify(front - sp.sqrt(d) / ((d + 2) * (d + 4))) == 0
    assert sp.simplify(inner - sp.diff(sp.tanh(Z), Z, 3)) == 0
    with pytest.raises(ValueError, match="kink"):
        rodrigues_form(Activation.parse("relu(z)"), 1, d)
    with pytest.raises(ValueError, match="kink"):
        coefficient_rodrigues(Activation.parse("relu(z)"), 1, 5)


@pytest.mark.parametrize("b", ["0", "3", "-3"])
@pytest.mark.parametrize("degree", [0, 2, 5])
def test_the_tail_of_a_gaussian_is_covered(monkeypatch: pytest.MonkeyPatch, b: str, degree: int) -> None:
    """With the sum cut at z = 5, two beyond the centre b/(2q) = 3, the bound of what follows is what counts."""
    q, shift = sp.Rational(1, 2), sp.Rational(b)
    with ctx.workprec(120):
        truth = gaussian_coefficient(ball(q), ball(shift), degree, 200, 200)
    kept = gaussians.choose

    def short(*arguments: Any) -> Rule:
        full = kept(*arguments)
        count = next(k for k, t in enumerate(full.nodes) if t * math.sqrt(200) > 5)
        return rule(arguments[0], full.angle, float(full.nodes[1].atanh()), count, ctx.prec)

    monkeypatch.setattr(gaussians, "SERIES_EXPONENT", 0.0)
    monkeypatch.setattr(gaussians, "choose", short)
    with ctx.workprec(120):
        found = gaussian_coefficient(ball(q), ball(shift), degree, 200, 200)
        assert found.overlaps(truth)
        assert found.rad() > arb("1e-12") * abs(truth)
        if b != "0" and degree == 0:
            # Measured from the far side of the centre, 8 away, the bound would be e^{-(64-4)/4} of it: too small.
            assert abs(found.mid() - truth.mid()) > found.rad() * (arb(-15)).exp()


def test_the_growth_of_legendre_polynomials_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """lambda_12(1) = 0 by a coarse rule: the balls hold zero, and without the growth of P_12 they would not."""
    monkeypatch.setattr(trapezoid, "choose", lambda *_: rule(10, 0.78, 0.2, 40, ctx.prec))
    with ctx.workprec(200):
        table = coefficient_table(sp.Integer(1), 12, 10, 200)
        growth = (1 + arb(0.78).sin()) / arb(0.78).cos()
        assert all(value.contains(0) for value in table[1:])
        assert abs(table[12].mid()) > table[12].rad() / growth**12
