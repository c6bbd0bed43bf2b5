import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx

from theory import Activation, neuron_term, taylor_terms, third_derivative_bound
from theory.activations import Z
from theory.balls.ball import REAL_FUNCTIONS, ball
from theory.balls.program import Program
from theory.network.taylor import TaylorSums, range_radius, remainder_bound, taylor_sums


def test_terms_are_the_sum_of_neuron_terms() -> None:
    # Checks :eq:`taylor-terms`.
    activation = Activation.parse("tanh(z + 1)")
    terms = taylor_terms(activation, 2, 2)
    h = sp.Symbol("h", real=True)
    for order, derived in ((1, terms.linear), (2, terms.quadratic)):
        total = 0
        for r, sign in enumerate(terms.signs):
            z = (terms.initial.row(r) * terms.x)[0]
            step = (terms.displacement.row(r) * terms.x)[0]
            total += sign * neuron_term(activation, order).subs({Z: z, h: step}, simultaneous=True)
        assert sp.simplify(derived - total / sp.sqrt(2)) == 0


def test_cross_term_polarises() -> None:
    # Checks :eq:`cross-term`.
    terms = taylor_terms(Activation.parse("sin(z)"), 2, 2)
    both = terms.quadratic.subs(
        dict(zip(terms.displacement, terms.displacement + terms.second, strict=True)), simultaneous=True
    )
    second = terms.quadratic.subs(dict(zip(terms.displacement, terms.second, strict=True)), simultaneous=True)
    assert sp.simplify(both - terms.quadratic - second - terms.cross) == 0


@pytest.mark.parametrize("m", [0, 3, -2, True, 2.0])
def test_odd_width_is_refused(m: object) -> None:
    with pytest.raises(ValueError, match="even integer m >= 2"):
        taylor_terms(Activation.parse("sin(z)"), 3, m)


def test_kinks_are_refused() -> None:
    with pytest.raises(ValueError, match="distribution"):
        taylor_terms(Activation.parse("relu(z)"), 2, 2)


def test_third_derivative_bound() -> None:
    assert 1.0 <= float(third_derivative_bound(Activation.parse("sin(z)"), 5.0)) <= 1.001
    assert 2.0 <= float(third_derivative_bound(Activation.parse("tanh(z)"), 5.0)) <= 2.002


def concrete(sums: TaylorSums, expr: sp.Expr, d: int, m: int) -> sp.Expr:
    """A term at width m with z[r], h[r], v[r] written out as the inner products of taylor_terms."""
    terms = taylor_terms(Activation.parse("z"), d, m)
    values = {}
    for r in range(1, m + 1):
        values[sums.signs[r]] = terms.signs[r - 1]
        for base, rows in ((sums.before, terms.initial), (sums.step, terms.displacement), (sums.second, terms.second)):
            values[base[r]] = (rows.row(r - 1) * terms.x)[0]
    return expr.subs(sums.width, m).doit().xreplace(values)


@pytest.mark.parametrize("m", [2, 4])
def test_sums_at_a_concrete_width(m: int) -> None:
    # Checks :eq:`network` and :eq:`taylor-terms`.
    activation, d = Activation.parse("tanh(z + 1)"), 2
    sums, terms = taylor_sums(activation), taylor_terms(activation, d, m)
    for name in ("network", "linear", "quadratic", "cross"):
        difference = concrete(sums, getattr(sums, name), d, m) - getattr(terms, name)
        assert sp.expand(sp.expand_mul(difference)) == 0, name
    assert sp.expand(concrete(sums, sums.linear, d, m) - terms.quadratic) != 0


def test_sums_polarise_at_every_width() -> None:
    """f_Q(W + V) = f_Q(W) + f_Q(W, V) + f_Q(V) at a symbolic width; half the cross term breaks it."""
    # Checks :eq:`cross-term`.
    sums = taylor_sums(Activation.parse("sin(z + pi/4)"))
    h, v = sums.step[sums.neuron], sums.second[sums.neuron]
    both, second = sums.quadratic.xreplace({h: h + v}), sums.quadratic.xreplace({h: v})
    assert sp.simplify(both - sums.quadratic - second - sums.cross) == 0
    assert sp.simplify(both - sums.quadratic - second - sums.cross / 2) != 0


def test_remainder_sum() -> None:
    sums = taylor_sums(Activation.parse("sin(z)"))
    h = sums.step[sums.neuron]
    expected = sp.Sum(abs(h) ** 3, (sums.neuron, 1, sums.width)) * sums.third_bound / (6 * sp.sqrt(sums.width))
    assert sp.simplify((sums.remainder - expected).subs(sums.width, 3).doit()) == 0
    with pytest.raises(ValueError, match="distribution"):
        taylor_sums(Activation.parse("relu(z)**2"))


def test_range_radius_is_rounded_upwards() -> None:
    """The square of the double is at least d (1 + length)^2 in exact arithmetic; the plain product sometimes is not."""
    below = 0
    for d in range(3, 60):
        for length in (0.0, 0.1, 0.3, 0.7, 2.5):
            exact = d * (1 + Fraction(length)) ** 2
            assert Fraction(range_radius(d, length)) ** 2 >= exact
            assert range_radius(d, length) <= math.sqrt(d) * (1 + length) * (1 + 1e-15)
            below += Fraction(math.sqrt(d) * (1 + length)) ** 2 < exact
    assert below > 0


def remainder(activation: Activation, w: np.ndarray, W: np.ndarray, signs: list[int], x: np.ndarray) -> arb:
    """|f - f_L - f_Q| as a ball: floats are exact inputs, so nothing is lost to rounding."""
    step = sp.Symbol("h")
    defect = activation.expr.subs(Z, Z + step) - activation.expr
    defect -= activation.derivative(1) * step + activation.derivative(2) * step**2 / 2

    def inner(a: np.ndarray, b: np.ndarray) -> sp.Rational:
        return sum((sp.Rational(float(p)) * sp.Rational(float(q)) for p, q in zip(a, b, strict=True)), sp.Integer(0))

    total = arb(0)
    for r, sign in enumerate(signs):
        expr = defect.subs(step, inner(W[r], x))
        total += sign * arb(Program([expr], Z, ball)(ball(inner(w[r], x)), REAL_FUNCTIONS)[0])
    return abs(total) / arb(len(signs)).sqrt()


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "tanh(z + 1)", "softplus(z)", "exp(z/4)", "z**3/6"])
def test_remainder_never_exceeds_its_bound(text: str) -> None:
    # Checks :eq:`remainder-bound`.
    activation, rng, d, m = Activation.parse(text), np.random.default_rng(4), 3, 6
    # Rounding may not carry a vector out of its ball: the bound then holds exactly.
    shrink = 1 - 1e-14
    for _ in range(6):
        w = rng.standard_normal((m // 2, d))
        w = np.concatenate([w, w]) / np.linalg.norm(np.concatenate([w, w]), axis=1, keepdims=True) * shrink
        W = rng.standard_normal((m, d)) * rng.uniform(0.05, 1.0)
        norms = [float(v) for v in np.linalg.norm(W, axis=1) / shrink]
        x = rng.standard_normal(d)
        x *= math.sqrt(d) / np.linalg.norm(x) * shrink
        signs = [1] * (m // 2) + [-1] * (m // 2)
        with ctx.workprec(200):
            assert remainder(activation, w, W, signs, x) <= remainder_bound(activation, d, norms)


@pytest.mark.parametrize("text", ["z**3/6", "sin(z)", "tanh(z)"])
def test_remainder_bound_is_nearly_attained(text: str) -> None:
    """Displacements along a_r x at points of large |sigma'''|: 0.875 of the supremum, let alone 0.1, is no bound."""
    # Checks :eq:`remainder-bound`.
    activation, d, m, length = Activation.parse(text), 4, 4, 0.125
    x, signs = np.array([2.0, 0.0, 0.0, 0.0]), [1, 1, -1, -1]
    w = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]] * 2)  # <w_r, x> = 0, where |sigma'''| is largest
    W = np.array([[sign * length, 0.0, 0.0, 0.0] for sign in signs])
    with ctx.workprec(200):
        measured, bound = remainder(activation, w, W, signs, x), remainder_bound(activation, d, [length] * m)
        assert measured <= bound
        for planted in (0.1, 0.875):
            assert not measured <= bound * planted


@pytest.mark.parametrize(
    ("text", "norms", "needle"),
    [
        ("relu(z)", [0.1, 0.1], "distribution"),
        ("relu(z)**2", [0.1, 0.1], "derivative 3 .* distribution"),
        ("sin(z)", [0.1], "even integer m >= 2"),
        ("sin(z)", [], "even integer m >= 2"),
        ("sin(z)", [0.1, -0.1], r"norms\[1\]=-0.1"),
        ("sin(z)", [math.inf, 0.1], r"norms\[0\]=inf"),
    ],
)
def test_remainder_bound_refuses(text: str, norms: list[float], needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        remainder_bound(Activation.parse(text), 3, norms)


@pytest.mark.parametrize("radius", [-1.0, math.inf, math.nan])
def test_radius_is_checked(radius: float) -> None:
    with pytest.raises(ValueError, match="radius="):
        third_derivative_bound(Activation.parse("sin(z)"), radius)


@pytest.mark.parametrize(("power", "expected"), [(3, "6"), (4, "240"), (5, "6000")])
def test_powers_of_relu_have_a_third_derivative(power: int, expected: str) -> None:
    """sup over [-10, 10] of p (p-1) (p-2) z_+^{p-3}, found on each side of the kink."""
    bound = third_derivative_bound(Activation.parse(f"relu(z)**{power}"), 10.0)
    assert arb(expected) <= bound <= arb(expected) * arb("1.001")
