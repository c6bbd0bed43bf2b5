import pytest
import sympy as sp
from flint import arb, ctx, fmpq

from theory import (
    Activation,
    Expansion,
    NoClosedForm,
    Undecided,
    certified,
    coefficient_expr,
    hermite_coefficient,
    hermite_coefficient_expr,
    limit_in_dimension,
    ntk_eigenvalue,
    ntk_eigenvalue_expr,
    ntk_expansion,
    ntk_expansion_expr,
    ntk_limit,
    ntk_limit_expr,
    quadntk_eigenvalue,
    quadntk_eigenvalue_expr,
    quadntk_expansion,
    quadntk_expansion_expr,
)
from theory.funk_hecke.gaussian_series import coefficient_series
from theory.spectra.eigenvalues import NTK, QUADNTK
from theory.spectra.expansions import eigenvalue_series

parse = Activation.parse
D = sp.Symbol("d", positive=True)
X = sp.Symbol("x", positive=True)
SMOOTH = ["tanh(z + 1)", "exp(z/2)", "erf(z + 1/2)", "softplus(z + 1)"]


def gaussian_means(text: str, derivative: int) -> list[arb]:
    """m_0, ..., m_10 of sigma^(j), not divided by sqrt(l!)."""
    return [
        hermite_coefficient(parse(text), j, derivative, 30) * arb(int(sp.factorial(j))).sqrt() if j >= 0 else arb(0)
        for j in range(11)
    ]


def ntk_terms(m: list[arb], degree: int) -> tuple[int, arb, arb]:
    """Exponent, limit and first correction of Lambda_l written out in m_j(sigma')."""
    if degree == 0:
        return 0, m[1] ** 2, -2 * m[1] * (m[3] + m[5] / 4)
    inner = (degree - 1) * (degree - 2) * m[degree - 1] + (degree - 1) * m[degree + 1] + m[degree + 3] / 4
    correction = (
        -2 * degree * (degree - 1) * m[degree - 1] ** 2 - 2 * degree * m[degree - 1] * inner + m[degree + 1] ** 2
    )
    return 1 - degree, degree * m[degree - 1] ** 2, correction


def quadntk_terms(m: list[arb], degree: int) -> tuple[int, arb, arb]:
    """The same for Q_l in m_j(sigma'')."""
    if degree == 0:
        return 1, m[0] ** 2 / 4, m[2] ** 2 / 4 - m[0] * m[4] / 8
    if degree == 1:
        third = fmpq(3, 2)
        correction = -third * m[1] ** 2 - third * m[1] * (m[3] + m[5] / 4) + m[3] ** 2 / 4
        return 0, m[1] ** 2 * fmpq(3, 4), correction
    p = m[degree - 2]
    inner = (degree - 2) * (degree - 3) * p + (degree - 2) * m[degree] + m[degree + 2] / 4
    quarter = fmpq(degree * (degree - 1), 4)
    correction = quarter * (-(4 * degree - 6) * p**2 - 2 * p * inner) + fmpq(2 * degree + 1, 4) * m[degree] ** 2
    return 2 - degree, quarter * p**2, correction


@pytest.mark.parametrize("text", SMOOTH)
@pytest.mark.parametrize("degree", range(6))
def test_expansions_are_the_formulas(text: str, degree: int) -> None:
    # Checks :eq:`ntk-expansion` and :eq:`quadntk-expansion`.
    with ctx.workprec(120):
        for terms, derivative, expansion in ((ntk_terms, 1, ntk_expansion), (quadntk_terms, 2, quadntk_expansion)):
            exponent, limit, correction = terms(gaussian_means(text, derivative), degree)
            found = expansion(parse(text), degree, 20)
            assert found.exponent == exponent
            assert abs(found.limit / limit - 1) < arb("1e-19")
            assert abs(found.correction / correction - 1) < arb("1e-19")


@pytest.mark.parametrize("text", ["tanh(z + 1)", "exp(z/2)", "sin(z + pi/4)"])
@pytest.mark.parametrize("degree", range(5))
def test_the_error_of_the_expansion_falls_as_d_squared(text: str, degree: int) -> None:
    # Checks :eq:`ntk-expansion` and :eq:`quadntk-expansion`.
    activation = parse(text)
    for expansion, eigenvalue in ((ntk_expansion, ntk_eigenvalue), (quadntk_expansion, quadntk_eigenvalue)):
        found = expansion(activation, degree, 30)
        errors = []
        with ctx.workprec(140):
            for d in (10**5, 10**6):
                value = eigenvalue(activation, degree, d, 35) * arb(d) ** -found.exponent
                errors.append(value - found.limit - found.correction / d)
            assert abs(errors[0] / errors[1] / 100 - 1) < arb("2e-3"), (errors[0], errors[1])


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "exp(z/2)", "erf(z)", "relu(z + 1/3)", "z**4 - z**3", "gelu(z)"])
def test_expansions_in_closed_form(text: str) -> None:
    activation = parse(text)
    pairs = [(ntk_expansion_expr, ntk_expansion)]
    if "relu" not in text:
        pairs.append((quadntk_expansion_expr, quadntk_expansion))
    for symbolic, numeric in pairs:
        for degree in range(4):
            closed, found = symbolic(activation, degree), numeric(activation, degree)
            assert closed.exponent == found.exponent
            for expr, value in ((closed.limit, found.limit), (closed.correction, found.correction)):
                assert value.contains(0) if expr == 0 else certified(expr, 20).overlaps(value)


@pytest.mark.parametrize("text", ["z**2", "z**3 + z", "z**5 - z**2 + z"])
@pytest.mark.parametrize("degree", range(6))
def test_polynomials_expand_as_their_eigenvalues(text: str, degree: int) -> None:
    """Rational functions of d, expanded at infinity by SymPy."""
    activation = parse(text)
    for expansion, eigenvalue in (
        (ntk_expansion_expr, ntk_eigenvalue_expr),
        (quadntk_expansion_expr, quadntk_eigenvalue_expr),
    ):
        exact = sp.cancel(eigenvalue(activation, degree, D).subs(D, 1 / X))
        found = expansion(activation, degree)
        if exact == 0:
            assert found == Expansion(None, 0, 0)
            continue
        scaled = sp.series(sp.cancel(exact * X**found.exponent), X, 0, 2).removeO()
        assert sp.expand(scaled - found.limit - found.correction * X) == 0
        assert found.limit != 0


@pytest.mark.parametrize("degree", range(4))
def test_coefficient_series_on_monomials(degree: int) -> None:
    """d^{j/2} lambda_j(z^p) is rational in d: its expansion at infinity is the series with m_n(z^p)."""
    # Checks :eq:`coefficient-expansion`.
    order = 3
    series = coefficient_series(degree, order)
    assert [max(term) for term in series] == [degree + 4 * r for r in range(order + 1)] or degree == 0
    for power in range(degree, degree + 14, 2):
        integral = Activation(parse("z").expr ** (power + 1) / (power + 1))  # its derivative is the monomial
        exact = sp.cancel((D ** sp.Rational(degree, 2) * coefficient_expr(integral, degree, D, 1)).subs(D, 1 / X**2))
        expected = sp.series(exact, X, 0, 2 * order + 2).removeO()
        found = sum(
            X ** (2 * r) * sum(w * hermite_coefficient_expr(integral, n, 1) for n, w in term.items())
            for r, term in enumerate(series)
        )
        assert sp.expand(expected - found) == 0


def test_eigenvalue_series_drops_what_cancels() -> None:
    assert eigenvalue_series(NTK, 0, 1) == (0, ({(1, 1): 1}, {(1, 3): -2, (1, 5): sp.Rational(-1, 2)}))
    assert eigenvalue_series(QUADNTK, 0, 0) == (1, ({(0, 0): sp.Rational(1, 4)},))
    for degree in range(4):
        _, terms = eigenvalue_series(NTK, degree, 3)
        assert all(value != 0 for term in terms for value in term.values())
        assert all(i <= j for term in terms for i, j in term)


def test_a_vanishing_leading_term_lowers_the_exponent() -> None:
    """relu(z - 1): m_3(sigma') = He_2(1) phi(1) = 0, so d^4 Lambda_4 -> m_5^2, with He_4(1) = -2."""
    found = ntk_expansion(parse("relu(z - 1)"), 4)
    five = hermite_coefficient(parse("relu(z - 1)"), 5, 1, 25) ** 2 * 120
    assert found.exponent == -4
    assert found.limit.overlaps(five)
    assert found.limit.overlaps(4 / (2 * arb.pi() * arb(1).exp()))
    assert ntk_limit(parse("relu(z - 1)"), 4).is_zero()
    closed = ntk_expansion_expr(parse("relu(z - 1)"), 4)
    assert closed.exponent == -4
    assert certified(closed.limit, 20).overlaps(five)
    values = [ntk_eigenvalue(parse("relu(z - 1)"), 4, d) * arb(d) ** 4 for d in (10**4, 10**5)]
    errors = [value - found.limit - found.correction / d for value, d in zip(values, (10**4, 10**5), strict=True)]
    assert abs(errors[0] / errors[1] / 100 - 1) < arb("1e-2")


@pytest.mark.parametrize(
    ("text", "degree"), [("tanh(z)", 2), ("tanh(z)", 0), ("relu(z)", 3), ("z**3", 2), ("z**2", 5), ("gelu(z)", 5)]
)
def test_an_eigenvalue_that_is_zero_has_no_exponent(text: str, degree: int) -> None:
    found = ntk_expansion(parse(text), degree)
    assert found.exponent is None
    assert found.limit.is_zero()
    assert found.correction.is_zero()
    assert ntk_limit(parse(text), degree).is_zero()


def test_a_correction_that_is_zero_without_a_proof_is_a_ball_around_zero() -> None:
    found = ntk_expansion(parse("sin(z + pi/4)"), 2)
    assert found.correction.contains(0)
    assert found.correction.rad() < arb("1e-15")
    assert ntk_expansion_expr(parse("sin(z + pi/4)"), 2).correction == 0


def test_a_leading_term_that_is_zero_without_a_proof_is_undecided() -> None:
    with pytest.raises(Undecided, match="term 0 of the expansion in 1/d of eigenvalue 1 of the NTK"):
        ntk_expansion(parse("tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z)"), 1, 1)


@pytest.mark.parametrize(
    ("text", "top"),
    [("sin(z + pi/4)", 4), ("exp(z/2)", 4), ("relu(z)", 5), ("relu(z + 1/3)", 3), ("gelu(z)", 3), ("erf(z + 1/2)", 2)],
)
def test_limits_of_closed_forms(text: str, top: int) -> None:
    """lim d^{l-1} Lambda_l from the closed form in d, from Gaussian integrals, and certified."""
    # Checks :eq:`ntk-limit`.
    activation = parse(text)
    for degree in range(top + 1):
        limit = limit_in_dimension(D ** max(degree - 1, 0) * ntk_eigenvalue_expr(activation, degree, D), D)
        gaussian = ntk_limit_expr(activation, degree)
        assert sp.simplify(limit - gaussian) == 0
        found = ntk_limit(activation, degree)
        assert found.is_zero() if gaussian == 0 else certified(gaussian, 20).overlaps(found)


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "exp(z/2)", "z**4 + z", "tanh(z + 1)"])
def test_limits_agree_with_large_d(text: str) -> None:
    # Checks :eq:`ntk-limit`.
    activation = parse(text)
    for degree in range(5):
        limit = ntk_limit(activation, degree)
        value = ntk_eigenvalue(activation, degree, 10**6) * arb(10**6) ** max(degree - 1, 0)
        if limit.is_zero():  # mu_{l-1} = 0: Lambda_l decays faster than d^{-(l-1)}
            assert value < arb("1e-3")
        else:
            assert abs(value / limit - 1) < arb("1e-4")


def test_limits_that_are_not_known() -> None:
    for expr, needle in (
        (sp.hyper((1, 2, 3), (D,), 1), "no limit"),
        (sp.hyper((D,), (2 * D,), 1), "no limit"),
        (sp.gamma(D / 2), "do not balance"),
    ):
        with pytest.raises(ValueError, match=needle):
            limit_in_dimension(expr, D)


def test_arguments_are_checked() -> None:
    for function in (ntk_expansion, ntk_expansion_expr, quadntk_expansion, quadntk_expansion_expr, ntk_limit):
        with pytest.raises(ValueError, match="degree=-1"):
            function(parse("exp(z)"), -1)
    with pytest.raises(NoClosedForm):
        ntk_expansion_expr(parse("tanh(z)"), 1)
    with pytest.raises(ValueError, match="distribution"):
        quadntk_expansion(parse("relu(z)"), 1)


VANISHING = (
    "cos(z) + exp(-1/2)*z**2/2",
    "sin(z) - exp(-1/2)*z",
    "sin(z) + cos(z) - exp(-1/2)*z + exp(-1/2)*z**2/2",
    "z**3 - 3*z",
)
"""Leading Gaussian coefficients that vanish while the coefficients on the sphere do not."""


@pytest.mark.parametrize("text", VANISHING)
@pytest.mark.parametrize("degree", range(5))
@pytest.mark.parametrize("kernel", ["NTK", "QuadNTK"])
def test_a_leading_term_that_vanishes_is_decided(text: str, degree: int, kernel: str) -> None:
    """The exponent and the limit are those that eigenvalues at d = 10^5 and 10^6 have, or both say zero."""
    expansion, eigenvalue = {
        "NTK": (ntk_expansion, ntk_eigenvalue),
        "QuadNTK": (quadntk_expansion, quadntk_eigenvalue),
    }[kernel]
    found = expansion(text, degree)
    for d in (10**5, 10**6):
        value = eigenvalue(text, degree, d)
        if found.exponent is None:
            assert value.is_zero()
        else:
            scaled = value / arb(d) ** found.exponent
            assert abs(scaled / found.limit - 1) < 100 / arb(d)
