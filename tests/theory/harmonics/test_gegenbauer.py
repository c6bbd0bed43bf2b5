import mpmath as mp
import pytest
import sympy as sp
from flint import arb, ctx, fmpq, fmpq_poly
from references import gegenbauer

from theory import legendre, moment, monomial_coefficients, multiplication, multiplicity
from theory.harmonics.gegenbauer import (
    legendre_polynomial,
    legendre_values,
    lowering,
    raising,
    unchecked_legendre,
)

T = sp.Symbol("t")
D = sp.Symbol("d")


def as_fmpq(value: sp.Rational) -> fmpq:
    return fmpq(int(value.p), int(value.q))


@pytest.mark.parametrize("d", [3, 4, 10, 101])
@pytest.mark.parametrize("degree", range(8))
def test_three_routes_agree(d: int, degree: int) -> None:
    """Recurrence (symbolic), recurrence (rational polynomial) and the hypergeometric closed form."""
    # Checks :eq:`legendre-recurrence`.
    expr = sp.Poly(legendre(degree, d, T), T)
    exact = legendre_polynomial(degree, d)
    assert [sp.Rational(int(c.p), int(c.q)) for c in exact.coeffs()] == expr.all_coeffs()[::-1]
    for t in ("-0.9", "0.2", "0.75"):
        assert abs(mp.mpf(sp.N(expr.as_expr().subs(T, sp.Rational(t)), 30)) - gegenbauer(degree, d, mp.mpf(t))) < 1e-14


@pytest.mark.parametrize("degree", range(6))
def test_normalised_to_one_symbolically(degree: int) -> None:
    assert sp.simplify(legendre(degree, D, sp.Integer(1))) == 1


@pytest.mark.parametrize("degree", range(7))
def test_symbolic_dimension_substitutes(degree: int) -> None:
    expr = legendre(degree, D, T)
    for d in (3, 4, 12):
        assert sp.expand(expr.subs(D, d) - legendre(degree, d, T)) == 0
        assert legendre(degree, sp.Integer(d), T) == legendre(degree, d, T)


def test_dimensions_beyond_the_checked_range() -> None:
    big = 10**6 + 2
    assert sp.expand(unchecked_legendre(3, big, T) - ((big + 2) * T**3 - 3 * T) / (big - 1)) == 0


@pytest.mark.parametrize("d", [3, 8])
def test_orthogonality(d: int) -> None:
    """E[P_l P_l'] = delta / N(d,l), exactly, from the exact moments."""
    for a in range(6):
        for b in range(6):
            product = sp.Poly(legendre(a, d, T) * legendre(b, d, T), T)
            mean = sum(c * moment(d, p) for (p,), c in product.terms())
            assert mean == (sp.Rational(1, multiplicity(d, a)) if a == b else 0)


def test_multiplication_by_t() -> None:
    for degree in range(1, 5):
        right = raising(D, degree) * legendre(degree + 1, D, T) + lowering(D, degree) * legendre(degree - 1, D, T)
        assert sp.simplify(T * legendre(degree, D, T) - right) == 0
    assert raising(D, 0) == 1
    assert lowering(D, 0) == 0
    assert raising(7, 2) + lowering(7, 2) == 1
    assert isinstance(raising(7, 2), sp.Rational)
    assert isinstance(lowering(7, 2), sp.Rational)


@pytest.mark.parametrize("d", [3, 4, 9])
@pytest.mark.parametrize("power", range(5))
@pytest.mark.parametrize("degree", range(5))
def test_multiplication_against_exact_products(power: int, degree: int, d: int) -> None:
    """t^p P_l = sum_j w_j P_j as rational polynomials; the weights are positive and sum to one."""
    # Checks :eq:`legendre-recurrence`.
    weights = multiplication(power, degree, d)
    product = legendre_polynomial(degree, d) * fmpq_poly([0, 1]) ** power
    rebuilt = sum((legendre_polynomial(j, d) * as_fmpq(w) for j, w in weights.items()), fmpq_poly([0]))
    assert rebuilt == product
    assert sum(weights.values()) == 1
    assert all(w > 0 and isinstance(w, sp.Rational) for w in weights.values())
    assert list(weights) == [
        j for j in range(degree + power + 1) if abs(j - degree) <= power and (j - degree - power) % 2 == 0
    ]


@pytest.mark.parametrize(("power", "degree"), [(0, 3), (1, 0), (2, 1), (3, 2)])
def test_multiplication_symbolic_in_d(power: int, degree: int) -> None:
    symbolic = multiplication(power, degree, D)
    for d in (3, 10):
        assert {j: w.subs(D, d) for j, w in symbolic.items()} == multiplication(power, degree, d)
    assert all(w == sp.cancel(w) for w in symbolic.values())


@pytest.mark.parametrize("power", range(7))
def test_monomial_coefficients_rebuild_the_monomial(power: int) -> None:
    for d in (3, 11):
        terms = monomial_coefficients(power, d).items()
        assert sp.expand(sum(c * multiplicity(d, j) * legendre(j, d, T) for j, c in terms) - T**power) == 0


@pytest.mark.parametrize("power", range(5))
def test_monomial_coefficients_are_averages(power: int) -> None:
    """c_j = E[t^p P_j(t)] from the moments, for a symbol d too."""
    for j, c in monomial_coefficients(power, D).items():
        product = sp.Poly(sp.expand(T**power * legendre(j, D, T)), T)
        assert sp.simplify(sum(a * moment(D, p) for (p,), a in product.terms()) - c) == 0
        assert c.subs(D, 6) == monomial_coefficients(power, 6)[j]


@pytest.mark.parametrize("d", [3, 5, 40])
@pytest.mark.parametrize("max_degree", [0, 1, 2, 9])
def test_values_are_those_of_the_polynomials(max_degree: int, d: int) -> None:
    with ctx.workprec(200):
        values = legendre_values(max_degree, d, arb(fmpq(1, 3)))
        assert len(values) == max_degree + 1
        for degree, value in enumerate(values):
            assert value.overlaps(arb(legendre_polynomial(degree, d)(fmpq(1, 3))))
            assert value.rel_accuracy_bits() > 150


def test_errors_name_the_argument() -> None:
    for call, needle in [
        (lambda: legendre(-1, 3, T), "degree=-1"),
        (lambda: legendre(1, 2, T), "d=2"),
        (lambda: multiplication(-1, 0, 3), "power=-1"),
        (lambda: multiplication(0, -1, 3), "degree=-1"),
        (lambda: monomial_coefficients(-2, 3), "power=-2"),
        (lambda: monomial_coefficients(1, 2), "d=2"),
    ]:
        with pytest.raises(ValueError, match=needle):
            call()
