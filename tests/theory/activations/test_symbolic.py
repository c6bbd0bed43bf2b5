"""The one door for expressions: the same function in any symbol, an exact rewriting, or one sentence with a remedy."""

import copy
import dataclasses
import pickle
import random
import time

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from expressions_fuzz import random_expression, random_text
from flint import acb, arb

from theory import Activation, certified, coefficient, hermite_coefficient, ntk_eigenvalue
from theory.activations import Z, softplus
from theory.activations.grammar import MAX_DEGREE, MAX_DIGITS, MAX_NESTING, MAX_NODES
from theory.balls.ball import REAL_FUNCTIONS, ball
from theory.balls.growth import Growth
from theory.balls.program import Program
from theory.balls.strip import NotAnalytic, strip_bound

z = sp.symbols("z")
x = sp.symbols("x", positive=True)
SYMBOLS = (z, x, sp.Dummy(), sp.Symbol("t", real=True), sp.Symbol("\x1b[31m\n"))


def refusal(expr: object) -> str:
    """The one sentence with which an object is refused."""
    with pytest.raises(ValueError, match=r".") as caught:
        Activation(expr)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 400
    return message


@pytest.mark.parametrize("symbol", SYMBOLS, ids=range(len(SYMBOLS)))
def test_any_symbol_is_the_same_function(symbol: sp.Symbol) -> None:
    activation = Activation(sp.tanh(symbol + 1))
    parsed = Activation.parse("tanh(z + 1)")
    assert activation == parsed
    assert hash(activation) == hash(parsed)
    assert activation.expr == sp.tanh(Z + 1)
    assert activation.derivative(1) == parsed.derivative(1)
    assert ntk_eigenvalue(activation, 1, 10).overlaps(arb("0.20512183555379 +/- 1e-14"))


@pytest.mark.parametrize(
    "expr",
    [
        sp.exp(-(z**2) / 2) * sp.cos(3 * z),
        sp.sinh(z) - sp.cosh(2 * z) / 9,
        sp.erfc(z - 1),
        sp.Max(z, 0),
        sp.Min(z, sp.Rational(1, 3)),
        sp.Max(-1, sp.Min(1, 2 * z)),
        sp.Min(6, sp.Max(0, z + 1)),
        sp.Max(-7, sp.Min(sp.pi, sp.sqrt(2) * z - 1)),
        sp.Heaviside(z - sp.Rational(1, 7)),
        sp.sign(z) * z,
        1 / (1 + sp.exp(-z)),
        z / (1 + sp.exp(-z)),
        3 / (-2 - 5 * sp.exp(2 * z + 1)),
        sp.exp(z) / (1 + sp.exp(z)),
        sp.exp(2) / (1 + sp.exp(z)),
        sp.exp(-z) / (1 + sp.exp(-z)) ** 2,
        sp.exp(2 * z + 3) / (4 + sp.exp(z)) ** 3,
        1 / (sp.exp(z) * (1 + sp.exp(-z))),
        sp.sech(z) ** 2,
        sp.cosh(z + 1) ** -4,
        sp.log(1 + sp.exp(z)),
        sp.log(2 + 3 * sp.exp(1 - z)),
        2**z,
        sp.Rational(1, 3) ** (z**2),
        sp.sqrt(sp.exp(z)),
        sp.sqrt(z**2),
        sp.UnevaluatedExpr(z + 1) * z,
        sp.Mul(2, sp.Add(z, z, evaluate=False), evaluate=False),
        sp.log(2) * z + sp.sqrt(sp.pi),
    ],
    ids=str,
)
def test_what_is_rewritten_keeps_its_values(expr: sp.Expr) -> None:
    activation = Activation(expr)
    assert activation == Activation(activation.expr)
    assert activation == Activation.parse(activation.expr)
    assert activation == Activation.parse(str(activation.expr)), "what is printed can be read"
    plain = activation.expr.replace(softplus, lambda u: sp.log(1 + sp.exp(u)))
    for point in (sp.Rational(-27, 10), sp.Rational(-1, 5), sp.Rational(1, 4), sp.Rational(19, 10)):
        expected = expr.subs(z, point).doit()
        assert abs(sp.N(plain.subs(Z, point) - expected, 30)) < 1e-25 * (1 + abs(sp.N(expected)))


@pytest.mark.parametrize(
    ("expr", "needle"),
    [
        (1 / z, "non-zero constants only"),
        (1 / Z, "non-zero constants only"),
        (1 / (1 + z**2), "non-zero constants only"),
        (1 / (1 - sp.exp(z)), "non-zero constants only"),
        (sp.sin(z) / z, "non-zero constants only"),
        (sp.Mul(z, 1 / z, evaluate=False), "non-zero constants only"),
        ((sp.exp(z) - 1) / (1 + sp.exp(z)), "sigmoid"),
        (sp.exp(z / 2) / (1 + sp.exp(z)), "sigmoid"),
        (z**z, "without z"),
        ((-2) ** z, "positive constant"),
        (sp.sqrt(z), "integer exponents"),
        (z**sp.pi, "integer exponents"),
        (sp.log(z), "singularity"),
        (sp.log(1 - sp.exp(z)), "singularity"),
        (sp.tan(z), "no certified evaluation"),
        (sp.sech(z), "no certified evaluation"),
        (1 / sp.cosh(z), "non-zero constants only"),
        (sp.sinc(z), "no certified evaluation"),
        (sp.besselj(0, z), "no certified evaluation"),
        (sp.gamma(z), "no certified evaluation"),
        (sp.floor(z), "no certified evaluation"),
        (sp.DiracDelta(z), "no certified evaluation"),
        (sp.re(z), "no certified evaluation"),
        (sp.hyper((1, 1), (2,), z), "no certified evaluation"),
        (sp.Heaviside(z, 0), "1/2 at u = 0"),
        (sp.Max(z, 0, 1 - z), "difference is affine"),
        (sp.Max(z**2, z), "difference is affine"),
        (sp.Abs(sp.sin(z)), "affine"),
        (sp.sign(z**3 - 1), "affine"),
        (sp.Piecewise((z, z > 0), (0, True)), "kinks"),
        (sp.Derivative(sp.sin(z), z), "doit"),
        (sp.Integral(sp.sin(z), z), "doit"),
        (sp.Function("tanh")(z), "undefined function"),
        (sp.Function("te\x1b\nst")(z), "undefined function"),
        (0.5 * z, "Rational"),
        (sp.tanh(z + sp.Float("0.1")), "Rational"),
        (z + sp.I, "finite real"),
        (sp.exp(sp.I * z) + sp.exp(-sp.I * z), "finite real"),
        (z + sp.oo, "finite real"),
        (sp.zoo * z, "finite real"),
        (sp.EulerGamma * z, "finite real"),
        (sp.sqrt(-2) * z, "finite real"),
        (sp.acos(2) * z, "no certified evaluation"),
        (sp.log(sp.log(2)) * sp.sqrt(sp.log(2) - 1) * z, "real constants"),
        (sp.gamma(sp.Rational(1, 3)) * z, "no certified evaluation"),
        (z * x, "needs one symbol, it has x, z"),
        (sp.nan, "finite real"),
        (sp.I, "finite real"),
        (sp.Float(3), "Rational"),
        (sp.MatrixSymbol("A", 2, 2), "no certified evaluation"),
        (sp.Symbol("w", imaginary=True), "real variable"),
        (sp.Symbol("w", commutative=False), "real variable"),
        (sp.Integer(10) ** 400 * z, "digits"),
        (z / 10**300, "digits"),
        (sp.Mul(z, sp.Pow(2, 10**9, evaluate=False), evaluate=False), "exponents"),
        (sp.Integer(2) ** 10**6 * z, "digits"),
        (sp.exp(sp.exp(sp.exp(sp.Integer(9)))) * z, "constants of size"),
        (sp.pi**400 * z, "constants of size"),
        (z + sp.sin(1) ** 2 + sp.cos(1) ** 2 - 1, "zero"),
        (z**4096, "exponents"),
        ((1 + z**64) ** 64, "degree"),
        (sp.Add(*(sp.sin(k * z) for k in range(1, 400))), "smaller"),
        (lambda u: u, "type function"),
        (sp.Matrix([z]), "Matrix"),
        (z > 0, "StrictGreaterThan"),
        (sp.true, "BooleanTrue"),
        ("tanh(z)", "Activation.parse"),
        (None, "NoneType"),
        (3, "type int"),
        (np.float64(3), "float64"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_refused_says_what_to_write(expr: object, needle: str) -> None:
    assert needle in refusal(expr)


def test_constants_are_the_power_zero() -> None:
    for expr in (sp.Integer(1), z**0, sp.Mul(0, z, evaluate=False) + 1):
        assert coefficient(Activation(expr), 0, 10) == 1
        assert coefficient(Activation(expr), 1, 10) == 0


def test_deep_and_hidden_trees_are_refused() -> None:
    deep = z
    for _ in range(1200):
        deep = sp.Add(deep, 1, evaluate=False)
    assert "smaller" in refusal(deep)
    nested = Z
    for _ in range(MAX_NESTING + 1):
        nested = sp.tanh(nested)
    assert "nest" in refusal(nested)
    wide = z + 1
    for _ in range(40):  # 2^40 nodes in 40 objects
        wide = sp.Mul(wide, wide, evaluate=False)
    assert "smaller" in refusal(wide)


def test_every_constructor_keeps_the_invariants() -> None:
    activation = Activation.parse("tanh(z + 1)")
    assert Activation.of(activation) is activation
    assert Activation.of("tanh(z + 1)") == Activation.of(sp.tanh(x + 1)) == activation
    assert Activation.of(np.str_("tanh(z + 1)")) == activation
    for other in (copy.copy(activation), copy.deepcopy(activation), pickle.loads(pickle.dumps(activation))):  # noqa: S301
        assert (other, hash(other), other.text) == (activation, hash(activation), activation.text)
    moved = dataclasses.replace(activation, expr=sp.sin(x))
    assert moved == Activation.parse("sin(z)")
    assert str(moved) == "sin(z)", "a text is kept only while it reads as the expression"
    with pytest.raises(ValueError, match="non-zero constants"):
        dataclasses.replace(activation, expr=1 / x)
    for value in (lambda u: u, None, 3, b"z", ["z"], sp.Matrix([z]), z > 0):
        with pytest.raises(ValueError, match=r"an Activation, a text such as .* or a SymPy expression"):
            Activation.of(value)
        with pytest.raises(ValueError, match="type"):
            Activation.parse(value)


@pytest.mark.parametrize("text", ["any $label$", "z # note", "tanh(z)", "\x1b[31mz", "z\x00", 7, None])
def test_a_text_that_is_another_function_is_not_kept(text: object) -> None:
    assert Activation(sp.sin(z), text).text == ""
    assert str(Activation(sp.sin(z), text)) == "sin(z)"


def test_derivatives_of_any_order_are_bounded() -> None:
    activation = Activation.parse("tanh(z)")
    assert activation.derivative(np.int64(1)) == activation.derivative(1) == 1 - sp.tanh(Z) ** 2
    for order in (-1, True, 1.0, "1", None, 10**6, np.float64(1)):
        with pytest.raises(ValueError, match="order="):
            activation.derivative(order)
    product = Activation.parse("*".join(f"sin({k}*z)" for k in range(1, 20)))
    assert product.derivative(1).has(sp.cos)
    with pytest.raises(ValueError, match=r"more than .* symbols and operations; use"):
        product.derivative(4)


@pytest.mark.parametrize(
    "text", ["sign(z)**3", "sign(2*z + 1)*sign(z + 1/2)*sign(4*z + 2)", "abs(z - 1) + sign(z - 1)"]
)
def test_jumps_are_no_functions_when_derived(text: str) -> None:
    with pytest.raises(ValueError, match="distribution"):
        Activation.parse(text).derivative(1)


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("sign(z)**2*z", 1, sp.Integer(1)),
        ("sign(2*z + 1)*sign(z + 1/2) + z", 1, sp.Integer(1)),
        ("relu(z - 1)*sin(pi*z)", 2, None),
        ("elu(z)", 2, None),
        ("elu(sqrt(2)*z - pi)", 2, None),
    ],
)
def test_jumps_that_vanish_are_dropped(text: str, order: int, expected: sp.Expr | None) -> None:
    activation = Activation.parse(text)
    derived, before = activation.derivative(order), activation.derivative(order - 1)
    step = sp.Rational(1, 10**9)
    for point in (sp.Rational(-7, 10), sp.Rational(3, 10), sp.Rational(23, 10), sp.Rational(31, 10)):
        slope = sp.N((before.subs(Z, point + step) - before.subs(Z, point - step)) / (2 * step), 40)
        assert abs(slope - sp.N(derived.subs(Z, point), 40)) < 1e-14
        assert expected is None or sp.simplify(derived.subs(Z, point) - expected) == 0


HERMITE = (lambda u: 1, lambda u: u, lambda u: u**2 - 1, lambda u: u**3 - 3 * u)
LEGENDRE = (lambda t: 1, lambda t: t, lambda t: (5 * t**2 - 1) / 4, lambda t: (7 * t**3 - 3 * t) / 4)
"""He_l, and P_l at d = 5, where the weight is (1 - t^2) * 3/4."""


def line(function: object, degree: int, kinks: tuple[float, ...]) -> float:
    """E[g(G) He_l(G)]/sqrt(l!) by mpmath."""
    with mp.workdps(25):
        value = mp.quad(lambda u: function(u) * HERMITE[degree](u) * mp.npdf(u), [-18, *kinks, 18])
        return float(value / mp.sqrt(mp.factorial(degree)))


def sphere(function: object, degree: int, kinks: tuple[float, ...]) -> float:
    """lambda_l at d = 5 by mpmath."""
    with mp.workdps(25):
        root = mp.sqrt(5)
        points = [-1, *(kink / root for kink in kinks), 1]
        return float(mp.quad(lambda t: function(root * t) * LEGENDRE[degree](t) * (1 - t * t) * 3 / 4, points))


@pytest.mark.parametrize(
    ("activation", "function", "kinks"),
    [
        ("elu(z)", lambda u: u if u > 0 else mp.expm1(u), (0,)),
        ("ELU(2*z - 1, 1/2)", lambda u: 2 * u - 1 if u > 0.5 else mp.expm1(2 * u - 1) / 2, (0.5,)),
        ("mish(z)", lambda u: u * mp.tanh(mp.log1p(mp.exp(u))), ()),
        ("SiLU(z)", lambda u: u / (1 + mp.exp(-u)), ()),
        ("hard_tanh(2*z)", lambda u: max(-1, min(1, 2 * u)), (-0.5, 0.5)),
        ("relu6(3*z)", lambda u: max(0, min(6, 3 * u)), (0, 2)),
        ("min(6, max(3*z, 0))", lambda u: max(0, min(6, 3 * u)), (0, 2)),
        ("LeakyReLU(z - 1)", lambda u: u - 1 if u > 1 else (u - 1) / 100, (1,)),
        ("leaky_relu(z, 0.2)", lambda u: u if u > 0 else u / 5, (0,)),
        ("sign(z - 1)", lambda u: mp.sign(u - 1), (1,)),
        ("abs(z + 1)", lambda u: abs(u + 1), (-1,)),
        ("relu(exp(softplus(3)))*z/100", lambda u: (1 + mp.exp(3)) * u / 100, ()),
        (sp.exp(2) / (3 + 2 * sp.exp(-x)), lambda u: mp.exp(2) / (3 + 2 * mp.exp(-u)), ()),
        (sp.exp(sp.Abs(z) / 2), lambda u: mp.exp(abs(u) / 2), (0,)),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_values_by_quadrature(activation: object, function: object, kinks: tuple[float, ...]) -> None:
    sigma = Activation.of(activation)
    for degree in (0, 1, 2, 3):
        try:
            found = [coefficient(sigma, degree, 5), hermite_coefficient(sigma, degree)]
        except ArithmeticError:  # an exact zero without a proof: the quadrature must agree
            assert abs(sphere(function, degree, kinks)) < 1e-12
            continue
        expected = [sphere(function, degree, kinks), line(function, degree, kinks)]
        assert [float(value.mid()) for value in found] == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(
    ("expr", "error"),
    [
        (sp.hyper((sp.Rational(1, 2), 1), (sp.Rational(3, 2),), 4), ValueError),
        (sp.hyper((0.5, 1), (1.5,), sp.Rational(1, 4)), TypeError),
        (sp.hyper((sp.Rational(1, 2), 1), (sp.Rational(3, 2),), sp.Float(0.25)), TypeError),
        (sp.sqrt(-1), TypeError),
        (sp.sqrt(sp.log(2) - 1), ValueError),
        (sp.log(-1), TypeError),
        (sp.log(sp.log(2) - 1), TypeError),
        (sp.Pow(-2, sp.Rational(1, 3)), ValueError),
        (sp.Pow(-sp.pi, sp.sqrt(2)), ValueError),
        (sp.besselj(sp.Rational(1, 2), -sp.pi), (TypeError, ValueError)),
        (sp.besseli(sp.Rational(1, 3), sp.log(sp.Rational(1, 2)), evaluate=False), ValueError),
        (sp.asin(2), ValueError),
        (sp.acosh(sp.Rational(1, 3)), TypeError),
        (sp.zoo, TypeError),
        (sp.nan, TypeError),
        (sp.oo, TypeError),
        (sp.Function("tanh")(2), TypeError),
        (sp.Function("softplus")(2), TypeError),
        (type("tanh", (sp.Function,), {})(2), TypeError),
        (sp.Float(1), TypeError),
        (z, TypeError),
        (sp.true, TypeError),
        (sp.Matrix([1]), TypeError),
        ("sqrt(2)", TypeError),
        (1.0, TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
    ids=lambda value: "value" if isinstance(value, type | tuple) else repr(value)[:50],
)
def test_what_is_no_real_constant_is_not_certified(expr: object, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        certified(expr)
    assert "\n" not in str(caught.value)


def test_real_constants_next_to_the_refused_ones_are_certified() -> None:
    assert certified(sp.hyper((sp.Rational(1, 2), 1), (sp.Rational(3, 2),), sp.Rational(1, 4))).overlaps(arb(3).log())
    assert certified(sp.hyper((1, -2), (2,), 5)).overlaps(arb(13) / 3), "a series that ends is real beyond the cut"
    assert certified(sp.besselj(1, -2)).overlaps(acb(-2).bessel_j(acb(1)).real)
    assert certified(3) == 3


@pytest.mark.parametrize("name", ["tanh", "softplus", "Abs", "exp", "sin"])
def test_a_function_that_bears_a_known_name_is_not_taken_for_it(name: str) -> None:
    for impostor in (sp.Function(name), type(name, (sp.Function,), {})):
        with pytest.raises(TypeError, match="no certified evaluation"):
            Program([impostor(Z)], Z, ball)(arb(1), REAL_FUNCTIONS)
        with pytest.raises(TypeError, match="no certified evaluation"):
            ball(impostor(sp.Integer(2)))
        with pytest.raises(ValueError, match="growth"):
            Growth.of(impostor(Z))
        with pytest.raises(NotAnalytic):
            strip_bound(impostor(Z), arb(1), arb(0))
        refusal(impostor(z))


@pytest.mark.parametrize("text", ["exp(softplus(z))", "exp(z*tanh(z) - 1)", "exp(-abs(3*z - 1))", "exp(sin(z) + z)"])
def test_growth_bounds_exponentials_of_linear_growth(text: str) -> None:
    expr = Activation.parse(text).expr
    bound, program = Growth.of(expr), Program([expr], Z, ball)
    for point in (-40, -3, 0, 1, 7, 60):
        limit = bound.scale * (1 + abs(arb(point))) ** bound.power * (bound.rate * abs(point)).exp()
        assert abs(program(arb(point), REAL_FUNCTIONS)[0]) <= limit


def largest(expr: sp.Expr) -> tuple[int, int, int]:
    """Nodes, digits and exponent of an expression, counted without the code under test."""
    parts = list(sp.preorder_traversal(expr))
    digits = max([1, *(len(str(max(abs(part.p), part.q))) for part in parts if part.is_Rational)])
    return len(parts), digits, max([1, *(int(part.exp) for part in parts if part.is_Pow and part.exp.is_Integer)])


@pytest.mark.parametrize(("kind", "cases"), [("text", 500), ("expression", 150)])
def test_fuzz(kind: str, cases: int) -> None:
    """Null hypothesis: whatever comes in is a bounded activation in z that reads back as itself, or one sentence."""
    rng, admitted, broken = random.Random(20220608), 0, []
    for _ in range(cases):
        case = random_text(rng) if kind == "text" else random_expression(rng)
        start = time.process_time()
        try:
            activation = Activation.of(case)
            for order in (1, 2, 3):
                activation.derivative(order)
        except ValueError as refused:
            broken += [case] * (not (str(refused).isascii() and str(refused).isprintable()))
        else:
            admitted += 1
            assert activation.expr.free_symbols <= {Z}
            nodes, digits, exponent = largest(activation.expr)
            assert nodes <= MAX_NODES
            assert digits <= MAX_DIGITS
            assert exponent <= MAX_DEGREE
            assert Activation(activation.expr) == activation
            assert str(activation).isascii()
            assert str(activation).isprintable()
            assert kind == "expression" or activation.text
        assert time.process_time() - start < 20, f"{case!r} hangs"
    assert broken == []
    assert admitted > cases / 5
