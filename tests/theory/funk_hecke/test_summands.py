"""Closed forms against certified quadrature, on the sphere and on the line, as symbols and as balls."""

from functools import partial

import pytest
import sympy as sp
from flint import arb, ctx

from theory import Activation, NoClosedForm, certified, coefficient_expr, hermite_coefficient_expr
from theory.activations import Z
from theory.balls.arithmetic import BALLS, SYMBOLS
from theory.balls.ball import ball, refine
from theory.balls.enclosure import gaussian_expectation, sphere_expectation
from theory.funk_hecke.closed_forms import decompose, line_sum, sphere_sum
from theory.funk_hecke.coefficient import coefficient_ball, hermite_polynomial
from theory.funk_hecke.summands import ErrorFunction, Exponential, Gaussian, Kernel, Monomial, Sign, Sine
from theory.harmonics.gegenbauer import legendre_polynomial

DIMENSIONS = [3, 4, 5, 10, 101, 10**4]
FORMS = {
    "sine": ("sin(z + pi/4)", [0, 1, 2]),
    "sine, negative slope": ("cos(1/2 - 3*z/2)*3", [0]),
    "product of sines": ("sin(z)**2*cos(2*z + 1)", [0]),
    "exponential": ("exp(-2*z/3 + 1)", [0, 1]),
    "power times sine": ("z**2*sin(2*z) - z", [0, 1]),
    "polynomial": ("z**5 - 3*z**2 + 1", [0, 1, 2]),
    "centred Gaussian": ("erf(3*z/2)", [0, 1, 2]),
    "shifted Gaussian": ("erf(z + 1/2)", [1, 2]),
    "shifted Gaussian, negative slope": ("erf(1/3 - z/2)", [1]),
    "growing Gaussian": ("exp(z**2/5 + z/3)", [0]),
    "gelu": ("gelu(z)", [0, 1, 2]),
    "relu": ("relu(z)", [0, 1]),
    "shifted relu": ("relu(z + 1/3)", [0, 1]),
    "relu, negative slope": ("relu(1/2 - z)", [0, 1]),
    "power of relu": ("relu(2*z - 1)**3", [0, 1, 2, 3]),
    "kink outside small spheres": ("relu(z - 2)", [0, 1]),
}


def quadrature(expr: sp.Expr, degree: int, d: int) -> arb:
    """lambda_l by the adaptive integral, which knows no closed form."""
    with ctx.workprec(200):
        return sphere_expectation(expr, d, legendre_polynomial(degree, d), 200)


@pytest.mark.parametrize("name", FORMS)
def test_symbols_balls_and_quadrature_agree(name: str) -> None:
    """The expression at each d, the ball by the same formula, and the integral overlap; for a symbolic d too."""
    # Checks :eq:`coefficient-rules` and :eq:`humbert`.
    text, derivatives = FORMS[name]
    symbol = sp.Symbol("d", positive=True)
    activation = Activation.parse(text)
    checked = 0
    degrees = (0, 1, 3) if "Gaussian" in name else (0, 1, 2, 3, 6)  # Phi_3 sums grow with the square of the degree
    for derivative in derivatives:
        expr = activation.derivative(derivative)
        for degree in degrees:
            general = coefficient_expr(activation, degree, symbol, derivative)
            for d in DIMENSIONS:
                expected = quadrature(expr, degree, d)
                direct = refine(partial(coefficient_ball, expr, degree, d), 20)
                assert direct.overlaps(expected), (derivative, degree, d, direct, expected)
                for symbolic in (general.subs(symbol, d), coefficient_expr(activation, degree, d, derivative)):
                    if expected.contains(0):
                        assert sp.expand(symbolic) == 0, (derivative, degree, d)
                    else:
                        assert certified(symbolic, 20).overlaps(expected), (derivative, degree, d, expected)
                assert direct.is_zero() == expected.contains(0)
                checked += 1
    assert checked == 6 * len(degrees) * len(derivatives)


@pytest.mark.parametrize("name", sorted(FORMS.keys() - {"growing Gaussian"}))
def test_line_agrees_with_certified_gaussian_integrals(name: str) -> None:
    text, derivatives = FORMS[name]
    for derivative in derivatives:
        expr = Activation.parse(text).derivative(derivative)
        for degree in (0, 1, 2, 5, 8):
            symbolic = line_sum(expr, degree, SYMBOLS)
            with ctx.workprec(150):
                expected = gaussian_expectation(expr, hermite_polynomial(degree), 150)
                assert line_sum(expr, degree, BALLS).overlaps(expected), (derivative, degree)
                assert ball(symbolic).overlaps(expected), (derivative, degree)


def test_growing_gaussian_on_the_line() -> None:
    """E[e^{qG^2 + bG}] = (1-2q)^{-1/2} e^{b^2/(2(1-2q))} for q < 1/2, and it diverges from there on."""
    found = hermite_coefficient_expr(Activation.parse("exp(z**2/5 + z/3)"), 0)
    q, b = sp.Rational(1, 5), sp.Rational(1, 3)
    expected = (1 - 2 * q) ** -sp.Rational(1, 2) * sp.exp(b**2 / (2 * (1 - 2 * q)))
    assert sp.simplify(found - expected) == 0
    # E[g He_1] = E[g'] = E[(2 q G + b) g], and E[G g] = E[g He_1] itself.
    first = hermite_coefficient_expr(Activation.parse("exp(z**2/5 + z/3)"), 1)
    assert sp.simplify(first * (1 - 2 * q) - b * found) == 0
    with pytest.raises(ValueError, match="below 1/2"):
        hermite_coefficient_expr(Activation.parse("exp(z**2/2)"), 0)


@pytest.mark.parametrize(
    ("text", "kernels"),
    [
        ("sin(2*z + 1)*5", {Sine(sp.Integer(2), sp.Integer(1))}),
        ("cos(z)", {Sine(sp.Integer(1), sp.pi / 2)}),
        ("exp(1 - z)", {Exponential(sp.Integer(-1), sp.Integer(1))}),
        ("exp(-z**2 + z)", {Gaussian(sp.Integer(1), sp.Integer(1), sp.Integer(0))}),
        ("erf(z)*z", {ErrorFunction(sp.Integer(1), sp.Integer(0))}),
        ("relu(2*z + 1)", {Monomial(0), Monomial(1), Sign(-sp.Rational(1, 2))}),
        ("exp(z)*exp(2*z)", {Exponential(sp.Integer(3), sp.Integer(0))}),
        ("sin(z)**2", {Monomial(0), Sine(sp.Integer(2), sp.pi / 2)}),
        ("sin(z)**2 + cos(z)**2 + z", {Monomial(0), Monomial(1)}),
        ("relu(z) + relu(-z) - relu(2*z)", {Monomial(1)}),
    ],
)
def test_decomposition(text: str, kernels: set[Kernel]) -> None:
    assert {term.kernel for term in decompose(Activation.parse(text).expr)} == kernels


@pytest.mark.parametrize(
    "text", ["tanh(z)", "softplus(z)", "sin(z)*exp(z)", "erf(z)**2", "relu(z)*sin(z)", "sin(z**2)"]
)
def test_other_functions_are_refused_by_name(text: str) -> None:
    with pytest.raises(NoClosedForm, match="use the certified value"):
        decompose(Activation.parse(text).expr)


def test_two_kinks_in_one_product_are_refused() -> None:
    with pytest.raises(NoClosedForm, match="product"):
        decompose(Activation.parse("relu(z)*relu(z - 1)").expr)


def test_degree_zero_of_a_shifted_erf_has_no_closed_form_on_the_sphere() -> None:
    with pytest.raises(NoClosedForm, match="degree 0"):
        coefficient_expr(Activation.parse("erf(z + 1/2)"), 0, 10)
    assert coefficient_expr(Activation.parse("erf(z)"), 0, 10) == 0
    assert certified(hermite_coefficient_expr(Activation.parse("erf(z + 1/2)"), 0)) > 0


def test_a_kink_beyond_the_sphere_is_a_case_of_d() -> None:
    d = sp.Symbol("d", positive=True)
    expr = coefficient_expr(Activation.parse("relu(z - 2)"), 1, d)
    assert expr.subs(d, 3) == 0
    assert expr.subs(d, 4) == 0
    assert certified(expr.subs(d, 5)) > 0


def test_large_dimensions_stay_short() -> None:
    """No power or Gamma function is written out in digits."""
    expr = coefficient_expr(Activation.parse("relu(z + 1/3)"), 3, 10**6)
    assert len(str(expr)) < 500
    assert certified(expr, 20).overlaps(quadrature(Activation.parse("relu(z + 1/3)").expr, 3, 10**6))


def test_a_kink_at_a_root_is_exactly_zero() -> None:
    """lambda_3(step) has the factor P_{2,d+2}(t_0), which vanishes at t_0^2 = 1/(d+2)."""
    step = sp.sign(Z - sp.sqrt(sp.Rational(10, 12)))
    with ctx.workprec(100):
        assert sphere_sum(step, 3, 10, BALLS).is_zero()
        assert not sphere_sum(step, 3, 11, BALLS).contains(0)


def test_a_planted_error_is_seen() -> None:
    """The comparison used above tells a relative error of 1e-18."""
    expr = Activation.parse("gelu(z)").expr
    value = refine(lambda bits: sphere_sum(expr, 2, 10, BALLS), 20)
    with ctx.workprec(200):
        assert not (value * (1 + arb("1e-18"))).overlaps(quadrature(expr, 2, 10))


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "exp(z/2)"])
def test_expanded_closed_forms_can_be_certified(text: str) -> None:
    """SymPy rewrites 0F1 as Bessel functions when asked."""
    closed = coefficient_expr(Activation.parse(text), 2, 10)
    simplified = sp.hyperexpand(closed)
    assert simplified.has(sp.besselj, sp.besseli)
    assert certified(simplified, 20).overlaps(certified(closed, 20))
