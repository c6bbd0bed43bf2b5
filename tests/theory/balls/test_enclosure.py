import mpmath as mp
import pytest
import sympy as sp
from flint import arb, ctx, fmpq_poly
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import Activation, Undecided
from theory.activations import Z
from theory.balls.ball import ball, certified_float, refine
from theory.balls.enclosure import gaussian_expectation, pieces, restricted, sphere_expectation, supremum
from theory.balls.growth import Growth

ONE = fmpq_poly([1])


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (sp.pi / 3, lambda: mp.pi / 3),
        (sp.sqrt(2) * sp.exp(-1), lambda: mp.sqrt(2) / mp.e),
        (sp.erf(sp.Rational(1, 2)), lambda: mp.erf(0.5)),
        (sp.hyper((), (sp.Rational(3, 2),), -1), lambda: mp.hyp0f1(1.5, -1)),
        (sp.hyper((sp.Rational(1, 3),), (2,), 1), lambda: mp.hyp1f1(mp.mpf(1) / 3, 2, 1)),
        (sp.log(3) ** 2, lambda: mp.log(3) ** 2),
        (sp.gamma(sp.Rational(1, 3)), lambda: mp.gamma(mp.mpf(1) / 3)),
        (sp.Integer(2) ** sp.Rational(1, 3), lambda: mp.cbrt(2)),
    ],
)
def test_constants_contain_their_value(expr: sp.Expr, value) -> None:
    with ctx.workprec(120), mp.workdps(40):
        assert ball(expr).overlaps(arb(mp.nstr(value(), 36)) + arb(0, "1e-34"))


def test_floats_and_symbols_are_rejected() -> None:
    with pytest.raises(TypeError, match="exact constant"):
        ball(sp.Float("0.1"))
    with pytest.raises(TypeError, match="exact constant"):
        ball(Z + 1)


def test_refine_reports_a_zero_it_cannot_decide() -> None:
    with pytest.raises(Undecided, match="may be exactly zero"):
        refine(lambda bits: arb(0, arb(2) ** -bits), 15, max_bits=400)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["tanh(z + 1)", "softplus(2*z)", "exp(z/3)*sin(z)", "erf(z)**2"]), st.integers(3, 40))
def test_sphere_integral_contains_mpmath(text: str, d: int) -> None:
    expr = Activation.parse(text).expr
    with ctx.workprec(80):
        found = sphere_expectation(expr, d, ONE, 80)
    function = sp.lambdify(Z, expr, [{"softplus": lambda u: mp.log(1 + mp.exp(u))}, "mpmath"])
    with mp.workdps(30):
        corners = mp.linspace(-mp.pi / 2, mp.pi / 2, 9)

        def mean(f) -> mp.mpf:
            return mp.quad(lambda th: f(mp.sqrt(d) * mp.sin(th)) * mp.cos(th) ** (d - 2), corners)

        expected = mean(function) / mean(lambda z: mp.mpf(1))
        assert found.overlaps(arb(str(expected)) + arb(0, "1e-20"))


@pytest.mark.parametrize("d", [3, 4, 5, 50])
@pytest.mark.parametrize("shift", ["0", "1", "-2", "2", "sqrt2"])
def test_kinks_are_split_exactly(d: int, shift: str) -> None:
    """E[relu(z - s)] on the sphere against quadrature over the half where it is positive."""
    offset = sp.sqrt(2) if shift == "sqrt2" else sp.Integer(shift)
    expr = (Z - offset + sp.Abs(Z - offset)) / 2
    with ctx.workprec(100):
        found = sphere_expectation(expr, d, ONE, 100)
    with mp.workdps(30):
        root, s = mp.sqrt(d), mp.mpf(sp.N(offset, 40))
        density = lambda z: (1 - z**2 / d) ** (mp.mpf(d - 3) / 2)  # noqa: E731
        low = min(max(s, -root), root)
        middle = (low + root) / 2
        top = mp.quad(lambda z: (z - s) * density(z), [low, middle, root])
        expected = top / mp.quad(density, [-root, 0, root])
        assert found.overlaps(arb(str(expected)) + arb(0, "1e-13"))


def test_restriction_drops_unreached_kinks() -> None:
    relu = Activation.parse("relu(z - 2)").expr
    assert restricted(relu, 3) == 0
    assert restricted(relu, 4) == 0
    assert restricted(relu, 5) == relu
    assert len(pieces(Activation.parse("relu(z - 1) + relu(1 - z) + relu(z)").expr)) == 3


@pytest.mark.parametrize("text", ["z**4", "exp(z/2)", "cos(z)", "relu(z - 1/3)", "tanh(z)**2", "erf(z + 1)", "gelu(z)"])
def test_gaussian_integrals(text: str) -> None:
    expr = Activation.parse(text).expr
    with ctx.workprec(90), mp.workdps(35):
        found = gaussian_expectation(expr, ONE, 90)
        function = sp.lambdify(Z, expr, "mpmath")
        points = [-mp.inf, -6, -2, 0, mp.mpf(1) / 3, 2, 6, mp.inf]
        expected = mp.quad(lambda z: function(z) * mp.npdf(z), points)
        assert found.overlaps(arb(mp.nstr(expected, 30)) + arb(0, "1e-20"))
        assert found.rad() < arb("1e-20")


@pytest.mark.parametrize("bits", [4, 8, 12, 20, 30])
def test_tails_that_are_cut_off_are_in_the_ball(bits: int) -> None:
    """With few bits the range is short, and the rest of a Gaussian integral is as large as the ball's radius."""
    exact = {"z**4": arb(3), "z**20": arb(654729075), "exp(z/2)": (arb(1) / 8).exp(), "exp(2*z)": arb(2).exp()}
    with ctx.workprec(bits + 40):
        for text, value in (exact | {"abs(z)": (2 / arb.pi()).sqrt()}).items():
            found = gaussian_expectation(Activation.parse(text).expr, ONE, bits)
            assert found.contains(value), text
            assert found.rad() < abs(value) * 0.05


def test_growth_bounds_hold_and_refuse() -> None:
    for text in ("tanh(z)*z**3", "softplus(3*z - 1)", "exp(z/2)*sin(z)", "erf(z + 1/2)", "gelu(z)"):
        for order in (0, 1, 2):
            expr = Activation.parse(text).derivative(order)
            growth = Growth.of(expr)
            for z in (-7, -1, 0, 2, 9):
                bound = growth.scale * (1 + abs(arb(z))) ** growth.power * (growth.rate * abs(z)).exp()
                value = abs(ball(expr.subs(Z, z)))
                assert value <= bound * (1 + arb("1e-12"))
    with pytest.raises(ValueError, match="no bound on its growth"):
        Growth.of(Activation.parse("exp(z**2)").expr)


def test_kinks_are_ordered_by_certified_comparison() -> None:
    """A kink at 1/2 - 1.25e-31, written so that its double is 0, lies right of the one at 1/4."""
    hidden = sp.sqrt(10**60 + 10**30) - 10**30
    text = "2*relu(z - 1/4)"
    near = Activation.parse(text + " + relu(z - 1/2)").derivative(1)
    exact = Activation(Activation.parse(text).expr + (Z - hidden + sp.Abs(Z - hidden)) / 2).derivative(1)
    assert certified_float(hidden) == 0.5
    assert [piece.lower for piece in pieces(exact)][1:] == [sp.Rational(1, 4), hidden]
    with ctx.workprec(400):
        difference = sphere_expectation(exact, 3, ONE, 400) - sphere_expectation(near, 3, ONE, 400)
        assert abs(difference) < arb("1e-28")


def test_equal_kinks_in_different_words_are_one() -> None:
    expr = sp.Abs(Z - 2) + sp.Abs(Z - 2 * (sp.sin(1) ** 2 + sp.cos(1) ** 2))
    assert len(pieces(expr)) == 2
    assert restricted(sp.sign(Z - 2 * (sp.sin(1) ** 2 + sp.cos(1) ** 2)), 4) == -1


def test_constants_that_no_double_holds() -> None:
    assert certified_float(sp.sqrt(10**40 + 1) - 10**20) == 5e-21
    with pytest.raises(ValueError, match="too large for a double"):
        certified_float(sp.exp(1000))
    with pytest.raises(Undecided):
        certified_float(sp.exp(sp.exp(sp.exp(sp.exp(sp.exp(10))))))


def test_supremum_outside_the_range_of_doubles() -> None:
    tiny, huge = sp.Rational(1, 10**360), sp.Integer(10) ** 400
    assert arb("0.99e-360") <= supremum(tiny * sp.sin(Z), -2.0, 2.0) <= arb("1.002e-360")
    assert arb("0.99e400") <= supremum(huge * sp.sin(Z), -2.0, 2.0) <= arb("1.002e400")
    assert supremum(sp.Integer(0) * Z, -1.0, 1.0).is_zero()


def test_supremum_is_tight_and_above() -> None:
    for text, lower, upper, truth in [
        ("sin(z)", -1.0, 1.0, mp.sin(1)),
        ("z**2 - z", -1.0, 2.0, 2),
        ("tanh(z)", 0, 3, mp.tanh(3)),
    ]:
        bound = supremum(Activation.parse(text).expr, lower, upper)
        assert arb(str(truth)) * arb("0.9999999999") <= bound <= arb(str(truth)) * arb("1.0011")
    for lower, upper in ((1.0, 0.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="finite lower <= upper"):
            supremum(Z, lower, upper)
