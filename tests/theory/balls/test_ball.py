"""Constants whose functions are far out: decided by balls, never by SymPy's floating point, which would not end."""

from __future__ import annotations

import mpmath as mp
import pytest
import sympy as sp
from flint import arb, ctx

from theory import (
    Activation,
    Undecided,
    bounds_for_all_dimensions,
    coefficient,
    hermite_sign,
    ntk_expansion_expr,
    ntk_limit,
    ntk_limit_expr,
    quadntk_eigenvalue,
    work_limit,
)
from theory.balls.ball import ball, compare, is_zero, proved_zero, simplified, without_far
from theory.balls.functions import Z, as_quadratic, written

HUGE = sp.Integer(10) ** 12


@pytest.mark.parametrize(
    "constant",
    [
        1 - sp.erf(HUGE),
        (1 + sp.erf(-HUGE / 2)) * sp.sqrt(sp.pi) - HUGE * sp.exp(-(HUGE**2) / 4),
        1 - sp.tanh(HUGE) ** 2,
        1 - sp.erf(10**5) + sp.exp(-(10**11)),
    ],
    ids=["erf", "gelu", "tanh", "both"],
)
def test_what_is_nearly_zero_is_not_proved_to_be(constant: sp.Expr) -> None:
    """Once an OverflowError from SymPy's floating point, or digits without end."""
    assert not is_zero(constant)
    assert not proved_zero(constant)
    assert simplified(constant) != 0
    with pytest.raises(Undecided), work_limit(2):
        compare(constant, sp.Integer(0))


def test_what_is_far_out_and_still_told_apart() -> None:
    """e^-10^9 is more than 1 - erf(10^5), of order e^-10^10."""
    assert compare(sp.exp(-(10**9)), sp.erf(10**5) - 1) == 1
    assert compare(sp.exp(-(10**9)) - 1, -sp.erf(10**5)) == 1


def test_what_is_zero_whatever_the_functions_are_is_proved() -> None:
    tiny = sp.exp(-(HUGE**2))
    for constant in (
        tiny * (1 + sp.sqrt(2)) * (sp.sqrt(2) - 1) - tiny,
        sp.erf(HUGE) ** 2 - 1 - (sp.erf(HUGE) - 1) * (sp.erf(HUGE) + 1),
    ):
        assert proved_zero(constant)
    assert not proved_zero(tiny * (1 + sp.sqrt(2)) * (sp.sqrt(2) - 1) - tiny * 2)  # the control


def test_only_functions_far_out_are_replaced() -> None:
    expr = sp.exp(-(HUGE**2)) + sp.exp(-2) * sp.erf(HUGE) + sp.erf(3) + sp.tanh(Z * HUGE)
    rest, far = without_far(expr)
    assert set(far.values()) == {sp.exp(-(HUGE**2)), sp.erf(HUGE)}
    assert rest.xreplace(far) == expr
    assert without_far(sp.erf(3) + sp.exp(-7)) == (sp.erf(3) + sp.exp(-7), {})


def slope_of_gelu(c: int) -> mp.mpf:
    """E[gelu'(G + c)] = Phi(c/sqrt 2) + (c/2) phi_2(c), phi_2 the density of N(0, 2): by parts, with erfc for Phi."""
    return mp.erfc(-mp.mpf(c) / 2) / 2 + c * mp.exp(-(mp.mpf(c) ** 2) / 4) / (4 * mp.sqrt(mp.pi))


@pytest.mark.parametrize(
    ("shift", "digits"), [(1, 15), (-30, 15), (-100, 15), (-10_000, 3), (10_000, 15), (10**12, 15)]
)
def test_gelu_in_its_tails(shift: int, digits: int) -> None:
    """The limit of degree 1 is E[sigma'(G)]^2: down to 1e-21714718, and up to 1 less than 1e-21714718."""
    with work_limit(10):
        value = ntk_limit(f"gelu(z + ({shift}))", 1, digits)
    with mp.workdps(60):
        expected = slope_of_gelu(shift) ** 2
        low, high = (
            mp.mpf((int(m < 0), abs(int(m)), int(e), abs(int(m)).bit_length()))
            for m, e in (value.lower().man_exp(), value.upper().man_exp())
        )
        assert low - expected * mp.mpf(10) ** -50 <= expected <= high + expected * mp.mpf(10) ** -50
        assert not low <= expected * (1 + mp.mpf(10) ** (2 - digits)) <= high  # the control
    assert value.rel_accuracy_bits() > 3.32 * digits - 1


def test_gelu_so_far_out_that_its_size_is_all_that_is_known() -> None:
    """Phi(-10^12/sqrt 2) is positive and about e^{-10^24/4}: zero would be wrong, and no digit is certified."""
    text = "gelu(z + 1 - 1e12)"
    for evaluate in (
        lambda: ntk_limit(text, 1),
        lambda: coefficient(text, 1, 31),
        lambda: ntk_expansion_expr(text, 1),
    ):
        with work_limit(2), pytest.raises(Undecided, match="may be exactly zero, or smaller than that"):
            evaluate()
    assert hermite_sign(Activation.parse(text).derivative(1), 0) == "undecided"
    closed = ntk_limit_expr(text, 1)
    with ctx.workprec(200):
        assert ball(closed).contains(0)
        assert abs(ball(closed)) < arb(10) ** -(10**20)
    assert closed.has(sp.erf)


def test_gelu_far_on_the_other_side_is_its_argument() -> None:
    for degree, expected in ((0, arb(10) ** 12), (1, 1 / arb(10).sqrt())):
        value = coefficient("gelu(z + 1e12)", degree, 10)
        assert value.overlaps(expected)
        assert value.rel_accuracy_bits() > 49


def test_digits_that_cancel_are_named() -> None:
    with work_limit(5), pytest.raises(Undecided, match="it is not zero, but its digits cancel; ask for fewer"):
        ntk_limit("gelu(z - 1e4)", 1, 15)


@pytest.mark.parametrize("text", ["erfc(1e4*z - 3e5)", "exp(7.5e4*(z - 3e4)**2) - tanh(z + 1)"])
def test_slopes_and_shifts_that_no_rule_resolves_end_in_a_sentence(text: str) -> None:
    """The search for a rule once halved an interval below the rounding of doubles, without end.

    Which of the reasons is told depends on how far the machine comes within the limit.
    """
    reasons = r"not done within 2 s|does not converge|may be exactly zero, or smaller"
    with work_limit(2), pytest.raises(Undecided, match=reasons):
        quadntk_eigenvalue(text, 1, 31, 5)


def test_a_slope_of_a_million_millions_is_a_kink() -> None:
    """gelu(10^12 (z - 1))'' is 10^12 times a point mass at z = 1, up to 10^-24: lambda_j = 10^12 density(1) P_j(t)."""
    d, slope = 31, 10**12
    value = quadntk_eigenvalue("gelu(1e12*z - 1e12)", 1, d, 8)
    with mp.workdps(30):
        t = 1 / mp.sqrt(d)
        density = mp.gamma(mp.mpf(d) / 2) / mp.gamma(mp.mpf(d - 1) / 2) / mp.sqrt(mp.pi * d) * (1 - t * t) ** 14
        third = ((d + 2) * t**3 - 3 * t) / (d - 1)  # P_3
        # Q_1 = (d^2/4) [(A_1 B_2 + B_1 A_0) lambda_1^2 + A_1 A_2 lambda_3^2], A_l = (l+d-2)/(2l+d-2) = 1 - B_l
        up = [mp.mpf(j + d - 2) / (2 * j + d - 2) for j in range(3)]
        weights = up[1] * (1 - up[2]) + (1 - up[1]) * up[0], up[1] * up[2]
        expected = mp.mpf(d) ** 2 / 4 * (slope * density) ** 2 * (weights[0] * t**2 + weights[1] * third**2)
    assert value.overlaps(arb(mp.nstr(expected, 25)) * (1 + arb(0, 1e-20)))
    assert not value.overlaps(arb(mp.nstr(expected, 25)) * (1 + arb("1e-6")))


def test_a_bound_beyond_the_exponents_of_decimals_is_printed() -> None:
    assert "e+608012274 <= d Lambda_2 <= " in str(bounds_for_all_dimensions("sinh(7e8 + 1/3 - z)", 2))


def test_an_expression_of_very_long_numbers_is_named_by_its_type() -> None:
    assert written(Z + 1) == "z + 1"
    assert written(sp.Integer(10) ** 5000 * Z) == "an expression of type Mul with very long numbers"
    assert len(written(sp.Add(*(sp.Symbol(f"x{i}") for i in range(300))))) == 200


def test_a_quadratic_is_found_and_a_long_polynomial_is_not_expanded() -> None:
    assert as_quadratic((Z + 1) ** 3 - Z**3) == sp.Poly(3 * Z**2 + 3 * Z + 1, Z)
    assert as_quadratic(sp.pi * Z) == sp.Poly(sp.pi * Z, Z)
    for other in (Z**3, sp.sin(Z), Z + sp.exp(Z), ((Z + sp.sqrt(2)) ** 30) ** 30, abs(Z)):
        assert as_quadratic(other) is None
