import mpmath as mp
import pytest
import sympy as sp
from references import gegenbauer

from theory import legendre, moment, monomial_coefficients, multiplicity
from theory.gegenbauer import legendre_polynomial, lowering, raising

T = sp.Symbol("t")


@pytest.mark.parametrize("d", [3, 4, 10, 101])
@pytest.mark.parametrize("degree", range(8))
def test_three_routes_agree(d: int, degree: int) -> None:
    """Recurrence (symbolic), recurrence (rational polynomial) and the hypergeometric closed form."""
    expr = sp.Poly(legendre(degree, d, T), T)
    exact = legendre_polynomial(degree, d)
    assert [sp.Rational(int(c.p), int(c.q)) for c in exact.coeffs()] == expr.all_coeffs()[::-1]
    for t in ("-0.9", "0.2", "0.75"):
        assert abs(mp.mpf(sp.N(expr.as_expr().subs(T, sp.Rational(t)), 30)) - gegenbauer(degree, d, mp.mpf(t))) < 1e-14


@pytest.mark.parametrize("degree", range(6))
def test_normalised_to_one_symbolically(degree: int) -> None:
    assert sp.simplify(legendre(degree, sp.Symbol("d"), sp.Integer(1))) == 1


@pytest.mark.parametrize("d", [3, 8])
def test_orthogonality(d: int) -> None:
    """E[P_l P_l'] = delta / N(d,l), exactly, from the exact moments."""
    for a in range(6):
        for b in range(6):
            product = sp.Poly(legendre(a, d, T) * legendre(b, d, T), T)
            mean = sum(c * moment(d, p) for (p,), c in product.terms())
            assert mean == (sp.Rational(1, multiplicity(d, a)) if a == b else 0)


def test_multiplication_by_t() -> None:
    d = sp.Symbol("d")
    for degree in range(1, 5):
        right = raising(d, degree) * legendre(degree + 1, d, T) + lowering(d, degree) * legendre(degree - 1, d, T)
        assert sp.simplify(T * legendre(degree, d, T) - right) == 0


@pytest.mark.parametrize("power", range(7))
def test_monomial_coefficients_rebuild_the_monomial(power: int) -> None:
    for d in (3, 11):
        terms = monomial_coefficients(power, d).items()
        assert sp.expand(sum(c * multiplicity(d, j) * legendre(j, d, T) for j, c in terms) - T**power) == 0
