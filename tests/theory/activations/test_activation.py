import math
import warnings

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import Activation
from theory.activations import CATALOGUE, Z, softplus


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_catalogue_values(name: str) -> None:
    truth = {
        "sin": math.sin,
        "cos": math.cos,
        "exp": math.exp,
        "erf": math.erf,
        "tanh": math.tanh,
        "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
        "softplus": lambda u: math.log1p(math.exp(u)),
        "gelu": lambda u: u * (1 + math.erf(u / math.sqrt(2))) / 2,
        "relu": lambda u: max(u, 0.0),
    }[name]
    expr = Activation.parse(f"{name}(2*z - 0.5)").expr
    for z in (-1.7, -0.2, 0.25, 0.9):
        value = expr.subs(Z, sp.Rational(z)).replace(softplus, lambda u: sp.log(1 + sp.exp(u)))
        assert float(value) == pytest.approx(truth(2 * z - 0.5), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - {"relu"}))
def test_derivatives_by_differences(name: str) -> None:
    activation = Activation.parse(f"{name}(z/2 + 1/3)")

    def value(order: int, z: sp.Rational) -> sp.Expr:
        return activation.derivative(order).subs(Z, z).replace(softplus, lambda u: sp.log(1 + sp.exp(u)))

    step = sp.Rational(1, 10**6)
    for order in (0, 1, 2):
        for z in (sp.Rational(-3, 4), sp.Rational(2, 5)):
            slope = sp.N((value(order, z + step) - value(order, z - step)) / (2 * step), 30)
            assert abs(float(slope - value(order + 1, z))) < 1e-10


def test_numbers_are_exact() -> None:
    assert Activation.parse("0.1*z").expr == Z / 10
    assert Activation.parse("z*1e-3").expr == Z / 1000
    assert Activation.parse("1_0*z").expr == 10 * Z


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("", "needs an expression in z"),
        ("   ", "needs an expression in z"),
        ("tanh(z", "not an expression"),
        ("tanh z", "not an expression"),
        ("3", "does not depend on z"),
        ("z - z", "does not depend on z"),
        ("1/z", "divide by non-zero constants"),
        ("z/(1 - 1)", "divide by a constant that is not zero"),
        ("nan", "'nan' is not admitted"),
        ("z + inf", "'inf' is not admitted"),
        ("z + 1e999", "finite numbers"),
        ("z*1e-999 + z", "finite numbers"),
        ("z**0.5", "integer exponents"),
        ("z**-1", "integer exponents"),
        ("z**65", "integer exponents"),
        ("z^2", r"\*\*"),
        ("z//2", "use"),
        ("tan(z)", "'tan' is not admitted"),
        ("tanh", "as a function"),
        ("tanh(z, 2)", "exactly one argument"),
        ("tanh(x=z)", "exactly one argument"),
        ("tanh(*z)", "exactly one argument"),
        ("relu(z**2)", "affine"),
        ("relu(relu(z) + 1)", "affine"),
        ("z.real", "not admitted"),
        ("__import__('os').system('true')", "not admitted"),
        ("(lambda z: z)(z)", "not admitted"),
        ("[z for z in (1,)]", "not admitted"),
        ("z if z else 1", "not admitted"),
        ("'z'", "real numbers"),
        ("2j*z", "real numbers"),
        ("z;z", "not an expression"),
        ("z*" + "1" * 350, "finite numbers"),
        ("z*(((((2**64)**64)**64)**64)**64)", "constants of size"),
        ("z/(exp(exp(exp(exp(exp(1)))))-1)", "constants of size"),
        ("exp(exp(exp(exp(9))))*tanh(z+1)", "constants of size"),
        ("gelu(" * 14 + "z" + ")" * 14, "at most 1000 symbols"),
        ("z" + "+z" * 300, "characters"),
    ],
)
def test_refused_by_name(text: str, needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        Activation.parse(text)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("ReLU(z - 1)", "relu(z - 1)"),
        ("max(z, 0)", "relu(z)"),
        ("Max(0, 2*z)", "relu(2*z)"),
        ("-min(-z, 0)", "relu(z)"),
        ("GELU(z)", "gelu(z)"),
        ("Tanh(z + 1)", "tanh(z + 1)"),
        ("Softplus(z)", "softplus(z)"),
        ("log(1 + exp(z))", "softplus(z)"),
        ("logistic(z)", "sigmoid(z)"),
        ("1/(1 + exp(-z))", "sigmoid(z)"),
        ("exp(z)/(1 + exp(z))", "sigmoid(z)"),
        ("SiLU(z)", "z*sigmoid(z)"),
        ("swish(2*z)", "2*z*sigmoid(2*z)"),
        ("Mish(z)", "z*tanh(softplus(z))"),
        ("abs(z - 1)", "relu(z - 1) + relu(1 - z)"),
        ("leaky_relu(z)", "relu(z) - relu(-z)/100"),
        ("LeakyReLU(z, 0.2)", "relu(z) - relu(-z)/5"),
        ("hard_tanh(z)", "relu(z + 1) - relu(z - 1) - 1"),
        ("max(-1, min(1, z))", "hardtanh(z)"),
        ("max(min(z, 1), -1)", "hardtanh(z)"),
        ("min(6, max(0, 3*z))", "relu6(3*z)"),
        ("min(max(sqrt(2)*z, 0), 6)", "relu6(sqrt(2)*z)"),
        ("max(2, min(1, z)) + z", "z + 2"),
        ("sinh(z) + cosh(z)", "exp(z)"),
        ("erfc(z)", "1 - erf(z)"),
        ("sqrt(z**2)", "abs(z)"),
        ("sqrt(2)*z + log(2) + E", "2**(1/2)*z + softplus(0) + exp(1)"),
        ("relu(-3)*z + relu(3)*z", "3*z"),
        ("z\n\t+ 1", "z + 1"),
    ],
)
def test_names_that_people_write(written: str, same: str) -> None:
    left, right = Activation.parse(written), Activation.parse(same)
    assert left == right or sp.expand(left.expr - right.expr) == 0
    assert left.text == " ".join(written.split())


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("tahn(z)", "did you mean tanh?"),
        ("sofplus(z)", "did you mean softplus?"),
        ("leakyrelu_(z)/sigmiod(z)", "did you mean sigmoid?"),
        ("hard-tanh(z)", "did you mean hardtanh?"),
        ("softsign(z)", "erf or tanh"),
        ("selu(z)", "elu"),
        ("tan(z)", "poles"),
        ("tanh(x)", "write the expression in z"),
        ("tanh(Z)", "write the expression in z"),
        ("max(z)", "exactly two arguments"),
        ("leaky_relu(z, z)", "constant"),
        ("elu(z**2)", "affine"),
        ("max(z, z**2)", "affine"),
        ("log(z)", "singularity"),
        ("sqrt(z)", "integer exponents"),
        ("2z", "products with \\*"),
        ("2(z)", "products with \\*"),
        ("0xe1*z", "products with \\*"),
        ("z # note", "'#' is not admitted"),
        ("z # $x$ \x1b[31m", "is not admitted"),
        ("z\x00", "'.x00' is not admitted"),
        ("z\x1b[31m", "'.x1b' is not admitted"),
        ("z*$", "'\\$' is not admitted"),
        ("\uff5a", "'.uff5a' is not admitted"),
        ("\u0663*z", "'.u0663' is not admitted"),
        ("z\u22121", "'.u2212' is not admitted"),
        ("z + \\\n1", "is not admitted"),
        ("log(-1)*z", "positive constants"),
        ("sqrt(0 - 1)*z", "real constants"),
        ("(-2)**(1/2)*z", "use real constants"),
        ("z/(sin(1)**2 + cos(1)**2 - 1)", "told from it"),
    ],
)
def test_what_is_not_carried_says_what_to_write(text: str, needle: str) -> None:
    with pytest.raises(ValueError, match=needle) as caught:
        Activation.parse(text)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "((((1+1e-12)**64)**64)**64)*z",
        "(((((1+1e-12)**64)**64)**64)**64)*z",
        "z**(64**6)",
        "((z**64)**64)**64",
        "((1 + z**64)**64)**64",
        "tanh(" * 60 + "z" + ")" * 60,
        "gelu(" * 60 + "z" + ")" * 60,
        "z/3" + "/7" * 190,
        "(" * 199 + "z" + ")" * 199 + "+",
        "-" * 390 + "exp(z",
        "pi**64*pi**64*pi**64*pi**64*z",
    ],
    ids=lambda text: text[:20],
)
def test_work_is_bounded(text: str) -> None:
    """Each took between seconds and for ever; that they end is the test."""
    with pytest.raises(ValueError, match=r"not admitted|not an expression"):
        Activation.parse(text)


@pytest.mark.parametrize("text", ["*".join(f"sin({k}*z)" for k in range(1, 20)), "cos(z + z**32)", "-" * 390 + "z"])
def test_admitted_expressions_are_small(text: str) -> None:
    assert len(list(sp.preorder_traversal(Activation.parse(text).expr))) < 100


def test_other_objects_are_refused() -> None:
    for value in (None, 3, b"z", bytearray(b"z"), 1.5, lambda z: z, ["z"]):
        with pytest.raises(ValueError, match="type"):
            Activation.parse(value)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="z0123456789.+-*/()eE _,tanhsi^[]'\"\\pj", max_size=40))
def test_parser_never_raises_anything_but_value_error(text: str) -> None:
    try:
        activation = Activation.parse(text)
    except ValueError as refusal:
        activation, message = None, str(refusal)
    if activation is None:
        assert message
        assert "\n" not in message
    else:
        assert activation.expr.free_symbols == {Z}


def test_zeros_in_any_notation() -> None:
    for zero in ("0", "0.0", "0e99999999", "0.0e-999999999", "0_0"):
        assert Activation.parse(f"z + {zero}").expr == Z


@pytest.mark.parametrize("power", [2, 3, 4])
def test_powers_of_relu_have_the_derivatives_they_have(power: int) -> None:
    """relu(z)^p has p - 1 continuous derivatives and a p-th with a jump; the next one is a distribution."""
    activation = Activation.parse(f"relu(2*z - 1)**{power}")
    for order in range(power + 1):
        for z in (sp.Rational(-1), sp.Rational(1, 4), sp.Rational(3, 4), sp.Rational(5)):
            u = 2 * z - 1
            expected = sp.ff(power, order) * 2**order * u ** (power - order) if u > 0 else 0
            assert sp.simplify(activation.derivative(order).subs(Z, z) - expected) == 0
    with pytest.raises(ValueError, match="distribution"):
        activation.derivative(power + 1)


def test_distributions_are_refused() -> None:
    assert Activation.parse("relu(z)").derivative(1) == (1 + sp.sign(Z)) / 2
    with pytest.raises(ValueError, match="distribution"):
        Activation.parse("relu(z)").derivative(2)
    with pytest.raises(ValueError, match="order"):
        Activation.parse("z**2").derivative(-1)


@pytest.mark.parametrize("number", ["0", "1", "1.", "0.", "1.5", ".5", "1e5", "1.e5", "1_0", "0x1", "1j", "1.j", "1J"])
def test_a_number_glued_to_a_keyword_is_refused_without_a_warning(number: str) -> None:
    """Python reads 0.inf as 0. in f, and 1jif as 1j if, and warns of it on standard error."""
    for text in (f"z + {number}{word}" for word in ("inf", "in z", "if", "and", "or", "is", "not", "else", "for")):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with pytest.raises(ValueError, match=r"not an expression|is not admitted"):
                Activation.parse(text)
        assert not warned, text


def test_a_number_before_an_operator_is_still_a_number() -> None:
    assert Activation.parse("1.*z + 2.e1 + 3.E-1") == Activation.parse("z + 20.3")
    with pytest.raises(ValueError, match="use real numbers"):
        Activation.parse("2.j*z")
