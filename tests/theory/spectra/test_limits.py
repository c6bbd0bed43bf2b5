"""Limits and exponents where a leading term vanishes: held against certified values at finite d, extrapolated."""

import math
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import mpmath
import pytest
import sympy as sp
from flint import arb, ctx

from theory import (
    Activation,
    Undecided,
    WorkLimit,
    coefficient_expr,
    hermite_sign,
    limit_in_dimension,
    ntk_eigenvalue_expr,
    ntk_expansion,
    ntk_expansion_expr,
    ntk_limit,
    profile_energy,
    profile_energy_expr,
    profile_energy_limit,
    quadntk_eigenvalue,
    quadntk_expansion,
    quadntk_expansion_expr,
    work_limit,
)
from theory.funk_hecke.gaussian_series import coefficient_series
from theory.learning.derivation import Exponent

parse = Activation.parse
D = sp.Symbol("d", positive=True)
TIE = parse("cos(z) + exp(-1/2)*z**2/2")  # m_0(sigma'') = 0
ODD_TIE = parse("sin(z) + exp(-1/2)*z**3/6")  # m_1(sigma'') = 0
# sigma'' = cos(z) - e^{-1/2} (7/8 + z^4/24): m_0 = m_4 = 0, so lambda_0 is of order d^-2.
SECOND = parse("-cos(z) - 7/16*exp(-1/2)*z**2 - exp(-1/2)*z**6/720")


def extrapolated(value: Callable[[int], arb], first: int = 2000, points: int = 5) -> arb:
    """The limit of a series in 1/d by Richardson from certified values at d, 2 d, 4 d, ..."""
    with ctx.workprec(200):
        column = [value(first * 2**i) for i in range(points)]
        for order in range(1, points):
            column = [(2**order * b - a) / (2**order - 1) for a, b in pairwise(column)]
        return column[0]


@pytest.mark.parametrize(
    ("activation", "k"),
    [
        (TIE, 3),  # j = 0 ties with j = 2
        (TIE, 5),  # j = 0 stays below j = 4
        (ODD_TIE, 4),  # odd parts: j = 1 ties with j = 3
        (ODD_TIE, 6),
        (SECOND, 7),  # j = 4 ties with j = 6; two terms of lambda_0 vanish
        (parse("sin(z + pi/4)"), 3),
        (parse("exp(z**2/8)"), 3),  # grows as a Gaussian, below e^{z^2/2}
        (parse("exp(z**2/8) + z**3"), 2),
        (parse("relu(z)**3"), 3),  # a kink
    ],
)
def test_limit_of_the_profile_energy_at_large_d(activation: Activation, k: int) -> None:
    # Checks :eq:`profile-energy-limit`.
    with ctx.workprec(200):
        found = extrapolated(lambda d: profile_energy(activation, k, d, 30) / arb(d) ** (k - 1))
        assert abs(found / profile_energy_limit(activation, k, 25) - 1) < arb("1e-9")


def test_the_terms_that_tie_add_up() -> None:
    """2e from j = 2 and 16e from j = 0, where lambda_0(sigma'') ~ -(1/d) m_4/4; written out by hand."""
    # Checks :eq:`profile-energy-limit`.
    assert profile_energy_limit(TIE, 3, 25).overlaps(18 * arb(1).exp())
    assert profile_energy_limit(TIE, 5, 25).overlaps(24 * arb(1).exp())
    assert profile_energy_limit(TIE, 3, 200).rel_accuracy_bits() >= 664
    assert not profile_energy_limit(TIE, 3).overlaps(2 * arb(1).exp())


@pytest.mark.parametrize(
    ("activation", "k", "exponent"),
    [(TIE, 1, 2), (ODD_TIE, 2, 3), (SECOND, 1, 4), (SECOND, 3, 4), (parse("relu(z - 1)**2"), 4, 5)],
)
def test_a_faster_growth_is_refused_with_its_exponent(activation: Activation, k: int, exponent: int) -> None:
    with pytest.raises(
        ValueError, match=rf"at k={k} grows as d\^{exponent}, faster than d\^{k - 1}: .*profile_energy at"
    ):
        profile_energy_limit(activation, k)
    with ctx.workprec(200):
        low, high = (profile_energy(activation, k, d, 20) / arb(d) ** exponent for d in (2**16, 2**17))
        assert abs(high / low - 1) < arb("1e-2")  # Theta(d^exponent), indeed


TRACELESS = "z**4 - 6*z**2"  # sigma'' = 12 (z^2 - 1), and E[z^2] = 1 at every d


def test_a_construction_that_does_not_exist_has_no_limit() -> None:
    for text, k, j in (
        ("sin(z)", 1, 0),
        ("sin(z)", 5, 4),
        ("z**2", 3, 2),
        ("cos(z)", 4, 3),
        (TRACELESS, 1, 0),
        (TRACELESS, 3, 0),
    ):
        with pytest.raises(ValueError, match=rf"lambda_{j}\(sigma''\) of .* is zero at every d"):
            profile_energy_limit(parse(text), k)


@pytest.mark.parametrize("text", ["exp(z**2/2)", "exp(z**2)", "exp(z**2/2 + z)"])
def test_growth_beyond_the_gaussian_is_refused(text: str) -> None:
    for call in (
        lambda a: profile_energy_limit(a, 1),
        lambda a: ntk_limit(a, 2),
        lambda a: ntk_expansion(a, 2),
        lambda a: quadntk_expansion(a, 0),
    ):
        with pytest.raises(ValueError, match="Gaussian integral"):
            call(parse(text))
    if text == "exp(z**2)":  # 1F1(1/2; d/2; d) grows exponentially; (1 - 2)^{-1/2} is no limit
        with pytest.raises(ValueError, match="no limit"):
            limit_in_dimension(coefficient_expr(parse(text), 0, D), D)


@pytest.mark.parametrize(("activation", "degree"), [(TIE, 0), (TIE, 2), (ODD_TIE, 1), (SECOND, 0), (SECOND, 2)])
def test_expansions_where_terms_vanish(activation: Activation, degree: int) -> None:
    found = quadntk_expansion(activation, degree, 20)
    closed = quadntk_expansion_expr(activation, degree)
    assert closed.exponent == found.exponent is not None
    with ctx.workprec(200):
        scaled = lambda d: quadntk_eigenvalue(activation, degree, d, 40) / arb(d) ** found.exponent  # noqa: E731
        assert abs(extrapolated(scaled) / found.limit - 1) < arb("1e-9")
        correction = extrapolated(lambda d: (scaled(d) - quadntk_expansion(activation, degree, 50).limit) * d)
        assert abs(correction - found.correction) < arb("1e-6") * abs(found.limit)


def test_an_exact_zero_is_told_by_algebra() -> None:
    assert ntk_limit(TIE, 2).is_zero()  # m_1(sigma') = -e^{-1/2} + e^{-1/2}
    assert hermite_sign(TIE.derivative(2), 0) == "zero"
    assert quadntk_expansion(TIE, 0).exponent == 0  # not 1: m_0(sigma'') = 0
    assert ntk_expansion_expr(TIE, 2).exponent == -2  # not -1


def test_zero_to_all_orders_searched_is_undecided() -> None:
    """z^16 + ... with lambda_0 = 0 up to d^-6, but not for every d, is not called zero."""
    weights = [sp.Symbol(f"a{i}") for i in range(1, 8)]
    z = parse("z").expr
    slope = z**16 + sum(w * z ** (2 * i) for i, w in enumerate(weights, 1))

    def moment(n: int) -> sp.Expr:  # E[slope He_n]
        def gaussian(p: int) -> sp.Expr:
            q = (p - n) // 2
            return sp.factorial(p) / (2**q * sp.factorial(q)) if p >= n and (p - n) % 2 == 0 else sp.Integer(0)

        return gaussian(16) + sum(w * gaussian(2 * i) for i, w in enumerate(weights, 1))

    equations = [sum(c * moment(n) for n, c in term.items()) for term in coefficient_series(0, 6)]
    solution = sp.solve(equations, weights, dict=True)[0]
    activation = Activation(sp.expand(sp.integrate(sp.integrate(slope.subs(solution), z), z)))
    assert profile_energy(activation, 1, 10**4) > 0
    with pytest.raises(Undecided, match="grows at least as"):
        profile_energy_limit(activation, 1)


@pytest.mark.parametrize("factor", [D, D**2, sp.sqrt(D)])
def test_a_limit_never_drops_what_decides(factor: sp.Expr) -> None:
    """lambda_0(-cos(z) + e^{-1/2}) ~ e^{-1/2}/(4 d); each function alone tends to e^{-1/2}."""
    with pytest.raises(ValueError, match="do not cancel to leading order"):
        limit_in_dimension(factor * coefficient_expr(TIE, 0, D, 2), D)
    with pytest.raises(ValueError, match="do not cancel to leading order"):
        limit_in_dimension(profile_energy_expr(TIE, 3, D) / D**2, D)  # in a divisor
    half = sp.gamma((D + 1) / 2) / sp.gamma(D / 2)  # ~ sqrt(d/2) (1 - 1/(4 d))
    with pytest.raises(ValueError, match="do not cancel to leading order"):
        limit_in_dimension(factor * (half * sp.sqrt(2 / D) - 1), D)
    with pytest.raises(ValueError, match="do not cancel to leading order"):
        limit_in_dimension(factor * ((1 - 1 / D) ** D - sp.exp(-1)), D)


def test_limits_that_hold_stay() -> None:
    assert limit_in_dimension(coefficient_expr(TIE, 0, D, 2), D) == 0
    assert sp.simplify(limit_in_dimension(profile_energy_expr(parse("sin(z + pi/4)"), 3, D) / D**2, D) - 4 * sp.E) == 0
    assert limit_in_dimension(D * ntk_eigenvalue_expr(parse("z**2"), 2, D), D) == 8
    assert limit_in_dimension(D * coefficient_expr(parse("cos(z)"), 0, D), D) == sp.oo
    assert limit_in_dimension(D * (sp.gamma(D / 2 + 2) / sp.gamma(D / 2) / D**2 - sp.Rational(1, 4)), D) == sp.Rational(
        1, 2
    )
    assert limit_in_dimension(sp.gamma(D / 2 - 2) / sp.gamma(D / 2) * D**2, D) == 4
    constant = sp.hyper((), (sp.Rational(1, 2),), sp.Rational(1, 3))
    assert limit_in_dimension(constant * D / (D + 1), D) == constant
    assert limit_in_dimension(sp.Piecewise((1, D < 5), (2, True)), D) == 2
    assert certify(limit_in_dimension(coefficient_expr(parse("exp(z**2/8)"), 0, D), D)) == Fraction(4, 3)


def certify(value: sp.Expr) -> Fraction:
    """value^2 of (1 - 1/4)^{-1/2}."""
    return Fraction(*(value**2).as_numer_denom())


def test_functions_whose_arguments_grow_otherwise_are_refused() -> None:
    for expr in (
        sp.hyper((), (D / 2,), D**2),
        sp.hyper((), (sp.Rational(3, 2),), D),
        sp.hyper((sp.Rational(1, 2),), (D / 2,), D),
    ):
        with pytest.raises(ValueError, match="no limit for d -> oo is known"):
            limit_in_dimension(expr, D)


def test_a_function_whose_limit_is_zero_is_refused() -> None:
    """2F1(-1, b; 3/2; z) = 1 - 2 b z/3, so with b z = 3 (d-1)/(2d) it is 1/d: times d it tends to 1, not to 0."""
    polynomial = sp.hyper((-1, -(D - 1) / 2), (sp.Rational(3, 2),), -3 / D)
    assert sp.hyperexpand(polynomial.subs(D, 20)) == sp.Rational(1, 20)
    for factor in (1, D):
        with pytest.raises(ValueError, match="no limit for d -> oo is known"):
            limit_in_dimension(factor * polynomial, D)
    assert limit_in_dimension(polynomial.subs(-3 / D, -2 / D), D) == sp.Rational(1, 3)


def test_a_power_whose_base_does_not_tend_to_one_is_refused() -> None:
    """2^d ((d+1)/(2d))^d tends to e: the second factor alone tends to 0."""
    power = ((D + 1) / (2 * D)) ** D
    for expr in (power, 2**D * power, 1 / power, ((D + 1) / D) ** (D**2)):
        with pytest.raises(ValueError, match="needs a base that tends to one"):
            limit_in_dimension(expr, D)
    assert limit_in_dimension(((D + 1) / D) ** D, D) == sp.E


def test_constants_that_are_zero_decide() -> None:
    """0F1(; 1/2; -1/4) = cos 1, and sqrt(2 + sqrt 3) = (sqrt 6 + sqrt 2)/2: SymPy sees neither by itself."""
    hidden = sp.sqrt(2 + sp.sqrt(3)) - (sp.sqrt(6) + sp.sqrt(2)) / 2
    assert limit_in_dimension(D * hidden, D) == 0
    assert limit_in_dimension(1 / (D * hidden + 1), D) == 1
    with pytest.raises(ValueError, match="divisors included"):
        limit_in_dimension(1 / (D * hidden), D)
    wave = sp.hyper((), (sp.Rational(1, 2),), -sp.Rational(1, 4))
    assert limit_in_dimension(D * (wave - sp.cos(1)) + 1, D) == 1
    with pytest.raises(ValueError, match="divisors included"):
        limit_in_dimension(1 / (D * (wave - sp.cos(1))), D)
    assert limit_in_dimension(D * (wave - sp.cos(2)), D) == sp.oo
    assert limit_in_dimension(D * (sp.cos(2) - wave), D) == -sp.oo


WAVE = sp.hyper((), (D / 2,), D)  # tends to e^2


@pytest.mark.parametrize(
    "expr",
    [
        sp.gamma(D / 2 + 2000) / sp.gamma(D / 2) / D**2000,
        sp.gamma(D / 2 + 10**6) / sp.gamma(D / 2) / D**10**6,
        (1 + 1 / D) ** 2000,
        (1 + WAVE / D + sp.hyper((), (D / 2 + 1,), D) / D**2) ** 100,
    ],
)
def test_a_short_expression_ends_with_the_work_allowed_too(expr: sp.Expr) -> None:
    start = time.thread_time()
    with work_limit(0.5), pytest.raises(WorkLimit, match=r"the limit of .* for d -> oo: not done within 0\.5 s; "):
        limit_in_dimension(expr, D)
    assert time.thread_time() - start < 3


@pytest.mark.parametrize(
    "expr",
    [
        sp.zeta(3) * D - D,
        sp.EulerGamma * D,
        (D + 1) * (sp.asinh(2) - sp.log(2 + sp.sqrt(5))),
        sp.I * D / (D + 1),
        D / (D + 1) * sp.hyper((1, 1, 1), (2, 2), sp.Rational(1, 2)),
        sp.hyper((D,), (D,), 1),
        D * (sp.exp(sp.zeta(3)) - sp.Symbol("a")),
    ],
)
def test_a_constant_without_a_ball_is_refused(expr: sp.Expr) -> None:
    with pytest.raises(ValueError, match="has no certified evaluation; needs real constants"):
        limit_in_dimension(expr, D)


@pytest.mark.parametrize("expr", [D * sp.Float(0.5) / (D + 1), sp.nan, sp.oo, sp.zoo, -sp.oo])
def test_what_is_no_exact_number_is_refused(expr: sp.Expr) -> None:
    with pytest.raises(ValueError, match=r"needs exact, finite numbers; write sp\.Rational"):
        limit_in_dimension(expr, D)


def test_what_is_no_closed_form_is_refused() -> None:
    with pytest.raises(ValueError, match="expr of type bool: needs a SymPy expression in d"):
        limit_in_dimension(True, D)
    with pytest.raises(ValueError, match="no limit for d -> oo is known"):  # not the derivative as it was given
        limit_in_dimension(sp.Derivative(sp.zeta(D), D), D)
    for shift in (sp.Symbol("c"), sp.I, 10**40):
        with pytest.raises(ValueError, match=r"needs an argument d/2 \+ c with a real number \|c\| <= 1000000"):
            limit_in_dimension(sp.gamma(D / 2 + shift) / sp.gamma(D / 2), D)


def test_every_function_of_the_list_has_its_limit() -> None:
    """2F1(a, d/2; c; 1/d) -> 1F1(a; c; 1/2), against the series of the latter; SymPy writes some by square roots of -1.

    At d = 10^6 the function itself, by mpmath, is near.
    """
    for a, c in ((Fraction(1, 2), Fraction(3, 2)), (Fraction(1, 3), Fraction(4, 3)), (Fraction(1, 3), Fraction(5, 7))):
        upper, lower = sp.Rational(a), sp.Rational(c)
        found = float(limit_in_dimension(sp.hyper((upper, D / 2), (lower,), 1 / D), D))
        terms = (
            math.prod((a + i) / (c + i) for i in range(n)) * Fraction(1, 2**n) / math.factorial(n) for n in range(30)
        )
        assert found == pytest.approx(float(sum(terms)), rel=1e-14)
        assert float(mpmath.hyp2f1(float(a), 500000, float(c), 1e-6)) == pytest.approx(found, rel=1e-5)
    whole = sp.hyper((sp.Rational(1, 2), D / 2), (sp.Rational(3, 2),), 1 / D)
    assert limit_in_dimension(D / (D + 1) * whole - whole, D) == 0


def test_conditions_over_functions_of_the_list_are_decided() -> None:
    """0F1(; d/2; d) -> e^2 = 7.389..."""
    assert limit_in_dimension(sp.Max(1 / D, WAVE), D) == sp.exp(2)
    assert limit_in_dimension(sp.Min(1 / D, WAVE), D) == 0
    assert limit_in_dimension(sp.Max(7, WAVE), D) == sp.exp(2)
    assert limit_in_dimension(sp.Max(8, WAVE), D) == 8
    assert limit_in_dimension(sp.Piecewise((1, WAVE > 8), (2, True)), D) == 2
    for condition in (sp.exp(2) < WAVE, sp.sin(D) > 0):  # the first tends to equality
        with pytest.raises(ValueError, match="needs a condition such as d > 1"):
            limit_in_dimension(sp.Piecewise((1, condition), (2, True)), D)


def test_zero_has_no_exponent() -> None:
    with pytest.raises(ValueError, match="zero has no exponent"):
        Exponent((D + 1) ** 2 - D**2 - 2 * D - 1, D).value()
