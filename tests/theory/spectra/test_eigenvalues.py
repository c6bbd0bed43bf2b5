import inspect
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq
from projections import correlation, zonal_eigenvalue
from references import ntk_eigenvalue as reference_eigenvalue

import theory
from theory import (
    Activation,
    NoClosedForm,
    Undecided,
    certified,
    coefficient,
    effective_ridge,
    multiplicity,
    ntk_eigenvalue,
    ntk_eigenvalue_expr,
    ntk_spectrum,
    ntk_tail_bound,
    ntk_trace,
    quadntk_eigenvalue,
    quadntk_eigenvalue_expr,
    quadntk_tail_bound,
    quadntk_trace,
)
from theory.spectra.eigenvalues import NTK, QUADNTK

parse = Activation.parse
SHIFTED = parse("sin(z + pi/4)")
D = sp.Symbol("d", positive=True)

# sigma with sigma' and sigma'' in NumPy.
FLOATS: list[tuple[str, Callable, Callable]] = [
    ("tanh(z + 1)", lambda z: np.cosh(z + 1) ** -2, lambda z: -2 * np.tanh(z + 1) * np.cosh(z + 1) ** -2),
    ("sin(z + pi/4)", lambda z: np.cos(z + np.pi / 4), lambda z: -np.sin(z + np.pi / 4)),
]


def coefficient_sum(kind: str, activation: Activation, degree: int, d: int) -> arb:
    """Lambda_l or Q_l with A and B written out."""
    size = [fmpq(2 * j + d - 2) for j in range(degree + 3)]
    a = [fmpq(j + d - 2) / size[j] for j in range(degree + 2)]
    b = [fmpq(j) / size[j] for j in range(degree + 2)]

    def square(j: int) -> arb:
        return coefficient(activation, j, d, 1 if kind == "ntk" else 2, 30) ** 2 if j >= 0 else arb(0)

    n = degree
    if kind == "ntk":
        return d * (square(n + 1) * a[n] + square(n - 1) * b[n])
    below = b[n] * b[n - 1] if n else fmpq(0)
    middle = a[n] * b[n + 1] + (b[n] * a[n - 1] if n else 0)
    return arb(fmpq(d * d, 4)) * (square(n - 2) * below + square(n) * middle + square(n + 2) * (a[n] * a[n + 1]))


def exact(value: sp.Expr) -> fmpq:
    value = sp.nsimplify(value)
    return fmpq(int(value.p), int(value.q))


@pytest.mark.parametrize("d", [3, 5, 10])
@pytest.mark.parametrize(("text", "slope", "curvature"), FLOATS)
def test_against_quadrature_of_the_kernel(text: str, slope: Callable, curvature: Callable, d: int) -> None:
    """E_tau[K(t) P_l(t)], K by quadrature in the plane of x and x': no coefficient enters."""
    # Checks :eq:`ntk-eigenvalue`, :eq:`quadntk-eigenvalue` and :eq:`zonal-eigenvalue`.
    root = np.sqrt(d)
    activation = parse(text)
    for degree in range(4):
        linear = zonal_eigenvalue(
            lambda t: d * t * correlation(lambda u: slope(root * u), lambda u: slope(root * u), d, t), degree, d
        )
        assert abs(float(ntk_eigenvalue(activation, degree, d)) - linear) < 1e-12
        quadratic = zonal_eigenvalue(
            lambda t: (
                (d * t) ** 2 / 4 * correlation(lambda u: curvature(root * u), lambda u: curvature(root * u), d, t)
            ),
            degree,
            d,
        )
        assert abs(float(quadntk_eigenvalue(activation, degree, d)) - quadratic) < 1e-12 * d * d


@pytest.mark.parametrize("d", [3, 50, 10**6])
def test_tanh_against_independent_quadrature(d: int) -> None:
    """Degrees 0..4 of tanh(z + 1): the ball overlaps an mpmath value good to 1e-18."""
    # Checks :eq:`ntk-eigenvalue`.
    activation = parse("tanh(z + 1)")
    with mp.workdps(30):
        for degree in (0, 1, 4):
            expected = reference_eigenvalue(lambda z: mp.sech(z + 1) ** 2, degree, d)
            found = ntk_eigenvalue(activation, degree, d)
            truth = arb(mp.nstr(expected, 30))
            assert found.overlaps(truth * (1 + arb(0, "1e-18"))), (degree, found, expected)
            assert abs(found / truth - 1) < arb("1e-15")


@pytest.mark.parametrize("d", [3, 9, 10**6])
@pytest.mark.parametrize("text", ["tanh(z + 1)", "erf(z + 1/2)", "z**4 - z**2", "softplus(z)"])
def test_eigenvalues_are_sums_over_coefficients(text: str, d: int) -> None:
    # Checks :eq:`ntk-eigenvalue` and :eq:`quadntk-eigenvalue`.
    activation = parse(text)
    for degree in range(5):
        for kind, eigenvalue in (("ntk", ntk_eigenvalue), ("quadntk", quadntk_eigenvalue)):
            found, expected = eigenvalue(activation, degree, d, 25), coefficient_sum(kind, activation, degree, d)
            assert found.overlaps(expected)
            assert found.is_zero() == expected.is_zero()
            assert found.is_zero() or found.rel_accuracy_bits() >= 83


@pytest.mark.parametrize("d", [3, 10, 10**4])
@pytest.mark.parametrize("text", ["sin(z + pi/4)", "z**4/4 + z**3 - z", "erf(z)"])
def test_closed_forms_agree(text: str, d: int) -> None:
    activation = parse(text)
    for degree in range(5):
        for expr, eigenvalue in (
            (ntk_eigenvalue_expr, ntk_eigenvalue),
            (quadntk_eigenvalue_expr, quadntk_eigenvalue),
        ):
            closed, found = expr(activation, degree, d), eigenvalue(activation, degree, d)
            assert closed.is_zero if found.is_zero() else certified(closed, 20).overlaps(found)


def test_symbolic_in_d() -> None:
    # sigma' = z^2 + 1, lambda_2 = d * 2/(d (d+2)): Lambda_3 = d * 3/(d+4) * lambda_2^2.
    expr = ntk_eigenvalue_expr(parse("z**3/3 + z"), 3, D)
    assert sp.simplify(expr - 12 * D / ((D + 2) ** 2 * (D + 4))) == 0
    # sigma'' = 2 z, lambda_1 = 2/sqrt(d), A_1 B_2 + B_1 A_0 = 2 (d-1)/(d (d+2)) + 1/d = 3/(d+2).
    assert sp.simplify(quadntk_eigenvalue_expr(parse("z**3/3"), 1, D) - 3 * D / (D + 2)) == 0
    for degree in range(4):
        for function in (ntk_eigenvalue_expr, quadntk_eigenvalue_expr):
            symbolic = function(SHIFTED, degree, D)
            for d in (3, 12):
                assert certified(symbolic.subs(D, d), 20).overlaps(certified(function(SHIFTED, degree, d), 20))


def test_polynomials_as_rational_numbers() -> None:
    """sigma = z^3: sigma' = 3 z^2, lambda_0 = 3, lambda_2 = 6/(d+2); sigma'' = 6 z, lambda_1 = 6/sqrt(d)."""
    d, cube = 7, parse("z**3")
    assert ntk_eigenvalue(cube, 1, d).overlaps(arb(fmpq(7, 7) * (9 * 1 + 6 * fmpq(6, 9) ** 2)))
    assert ntk_eigenvalue(cube, 3, d).overlaps(arb(7 * fmpq(3, 11) * fmpq(6, 9) ** 2))
    assert quadntk_eigenvalue(cube, 3, d).overlaps(arb(fmpq(49, 4) * fmpq(3, 11) * fmpq(2, 9) * fmpq(36, 7)))
    for degree in (0, 2, 4, 5):
        assert ntk_eigenvalue(cube, degree, d).is_zero()
        assert quadntk_eigenvalue(cube, degree, d).is_zero()


@pytest.mark.parametrize("text", ["z**4 - z", "z**5 + z**2"])
@pytest.mark.parametrize("d", [3, 8])
def test_traces_of_polynomials_are_finite_sums(text: str, d: int) -> None:
    # Checks :eq:`trace`.
    activation = parse(text)
    for trace, eigenvalue in ((ntk_trace, ntk_eigenvalue), (quadntk_trace, quadntk_eigenvalue)):
        total = sum((multiplicity(d, j) * eigenvalue(activation, j, d, 25) for j in range(6)), arb(0))
        assert trace(activation, d, 25).overlaps(total)


def test_traces_are_the_kernels_on_the_diagonal() -> None:
    """sigma = z^3: d E[9 z^4] and (d^2/4) E[36 z^2]; sigma = sin: d (1 + E cos 2z)/2 and (d^2/4) (1 - E cos 2z)/2."""
    # Checks :eq:`trace`.
    d = 6
    assert ntk_trace(parse("z**3"), d).overlaps(arb(fmpq(6 * 9 * 3 * 36, 6 * 8)))
    assert quadntk_trace(parse("z**3"), d).overlaps(arb(9 * 36))
    double = coefficient(parse("cos(2*z)"), 0, d, digits=25)
    assert ntk_trace(parse("sin(z)"), d, 20).overlaps(3 * (1 + double))
    assert quadntk_trace(parse("sin(z)"), d, 20).overlaps(arb(9) / 2 * (1 - double))


def test_partial_sums_reach_the_quadntk_trace() -> None:
    d = 6
    with ctx.workprec(100):
        total = sum((multiplicity(d, j) * quadntk_eigenvalue(SHIFTED, j, d, 20) for j in range(26)), arb(0))
        assert abs(total - quadntk_trace(SHIFTED, d, 25)) < arb("1e-12")


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "tanh(z + 1)", "relu(z)"])
@pytest.mark.parametrize("k", [0, 1, 3])
def test_effective_ridge_is_the_trace_without_low_degrees(text: str, k: int) -> None:
    # Checks :eq:`effective-ridge`.
    activation, d = parse(text), 9
    low = sum((multiplicity(d, j) * ntk_eigenvalue(activation, j, d, 40) for j in range(k + 1)), arb(0))
    found = effective_ridge(activation, d, k, 20)
    with ctx.workprec(200):
        assert found.overlaps(ntk_trace(activation, d, 40) - low)
    assert found.rel_accuracy_bits() >= 66


def test_effective_ridge_is_a_sum_of_high_degrees() -> None:
    # Checks :eq:`effective-ridge`.
    activation, d = parse("z**4 + z**3"), 5
    high = 14 * ntk_eigenvalue(activation, 2, d) + 30 * ntk_eigenvalue(activation, 3, d)
    assert effective_ridge(activation, d, 1).overlaps(high + 55 * ntk_eigenvalue(activation, 4, d))


def test_effective_ridge_of_a_polynomial_is_exact() -> None:
    """z^2 has degrees 0 and 2, z^3 + z degrees 1 and 3 of which 3 is left above 1."""
    assert effective_ridge(parse("z**2"), 10, 2).is_zero()
    assert ntk_spectrum(parse("z**3 + z"), 10, 4).tail.is_zero()
    rest = effective_ridge(parse("z**3 + z"), 10, 1)
    expected = multiplicity(10, 3) * ntk_eigenvalue(parse("z**3 + z"), 3, 10)
    assert rest.overlaps(expected)
    assert rest > 0
    mixed = parse("z**3 + z**2")
    expected = sum(multiplicity(10, degree) * ntk_eigenvalue(mixed, degree, 10) for degree in (2, 3))
    assert effective_ridge(mixed, 10, 1).overlaps(expected)


def test_effective_ridge_of_nothing_is_undecided() -> None:
    """z plus something that vanishes identically without a proof."""
    hidden = parse("z + z*(tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z))")
    with pytest.raises(Undecided, match="trace above degree 1 of the NTK"):
        effective_ridge(hidden, 10, 1)


@pytest.mark.parametrize("text", ["tanh(z + 1)", "sin(z + pi/4)", "exp(z/2)"])
@pytest.mark.parametrize("max_degree", [3, 10])
def test_tail_bounds_lie_above_the_tail(text: str, max_degree: int) -> None:
    # Checks :eq:`tail-bound`.
    activation, d = parse(text), 8
    tails = (
        (ntk_tail_bound, NTK.order, effective_ridge(activation, d, max_degree)),
        (quadntk_tail_bound, QUADNTK.order, _quadntk_tail(activation, d, max_degree)),
    )
    for bound, order, tail in tails:
        smallest = max_degree + 1 - order
        ratios = [float(bound(activation, d, max_degree, q) / tail) for q in range(1, smallest + 1)]
        assert all(ratio >= 1 for ratio in ratios)
        # Degrees J-p.. carry weight beyond L too, a factor of order d; the rest is the fall from J to the next degree.
        assert min(ratios) < 40, (text, max_degree, ratios)


def _quadntk_tail(activation: Activation, d: int, max_degree: int) -> arb:
    with ctx.workprec(200):
        low = sum(
            (multiplicity(d, j) * quadntk_eigenvalue(activation, j, d, 40) for j in range(max_degree + 1)), arb(0)
        )
        return quadntk_trace(activation, d, 40) - low


@pytest.mark.parametrize("d", [3, 9, 10**6])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_tail_bounds_of_monomials_are_the_formula(order: int, d: int) -> None:
    """sigma = z^6: the derivatives are monomials, whose moments in dimension d + 2q are rational."""
    max_degree, total = 4, 6
    for bound, p, c in ((ntk_tail_bound, 1, fmpq(1)), (quadntk_tail_bound, 2, fmpq(1, 4))):
        first, rest = max_degree + 1 - p, total - p - order
        size = d + 2 * order
        moment = fmpq(1)
        for i in range(rest):
            moment *= fmpq((2 * i + 1) * d, size + 2 * i)
        leading = fmpq(1)
        for i in range(p + order):
            leading *= total - i
        rising = fmpq(1)
        for i in range(order):
            rising *= d + 2 * i
        ratio = fmpq(multiplicity(d, first)) / _count(size, first - order)
        expected = c * fmpq(d) ** p * ratio * fmpq(d) ** order / rising**2 * leading**2 * moment
        found = bound(parse("z**6"), d, max_degree, order)
        with ctx.workprec(128):
            assert not found < arb(expected)
            assert abs(found / expected - 1) < arb("1e-30")


def _count(d: int, degree: int) -> int:
    """N(d,l) by homogeneous polynomials modulo |x|^2, without a limit on d."""
    from math import comb

    return comb(d + degree - 1, degree) - (comb(d + degree - 3, degree - 2) if degree > 1 else 0)


def test_a_tail_bound_is_attained() -> None:
    """sigma' = (9 z^2/9 - 1)/8 = P_2 at d = 9: one coefficient, so Parseval loses nothing; l = 3 holds part of it."""
    # Checks :eq:`tail-bound`.
    d, activation = 9, parse("z**3/24 - z/8")
    assert coefficient(activation, 2, d, 1).overlaps(arb(fmpq(1, 44)))
    for order in (1, 2):
        bound = ntk_tail_bound(activation, d, 2, order)
        with ctx.workprec(128):
            assert abs(bound - arb(fmpq(9, 44))) < arb("1e-30")
        assert bound > effective_ridge(activation, d, 2)


def test_tail_bounds_refuse_bad_orders() -> None:
    for order in (0, 4, 1.5, "a"):
        with pytest.raises(ValueError, match="order"):
            ntk_tail_bound(SHIFTED, 8, 3, order)
    with pytest.raises(ValueError, match="order=3: needs 1 <= order <= 2 at max_degree=3"):
        quadntk_tail_bound(SHIFTED, 8, 3, 3)
    assert quadntk_tail_bound(SHIFTED, 8, 3, 2).is_finite()
    assert ntk_tail_bound(parse("tanh(z + 1)"), 10**6, 3, 1).is_finite()
    with pytest.raises(ValueError, match="max_degree=-1"):
        ntk_tail_bound(SHIFTED, 8, -1, 1)
    with pytest.raises(ValueError, match="d=2"):
        ntk_tail_bound(SHIFTED, 2, 3, 1)


def test_an_integral_that_overflows_is_undecided() -> None:
    for bound, derivative in ((ntk_tail_bound, 3), (quadntk_tail_bound, 4)):
        with pytest.raises(Undecided, match=rf"derivative {derivative} could not be integrated; lower the order"):
            bound(parse("exp(exp(exp(10*z)))"), 50, 5, 2)


def test_distributions_are_refused() -> None:
    with pytest.raises(ValueError, match="distribution"):
        quadntk_eigenvalue(parse("relu(z)"), 2, 5)
    with pytest.raises(NoClosedForm):
        ntk_eigenvalue_expr(parse("tanh(z)"), 1, 5)


@pytest.mark.parametrize("function", [ntk_eigenvalue, quadntk_eigenvalue, ntk_eigenvalue_expr, quadntk_eigenvalue_expr])
def test_arguments_are_checked(function: Callable) -> None:
    for degree, d, needle in ((-1, 5, "degree=-1"), (1, 2, "d=2"), (1.5, 5, "degree=1.5")):
        with pytest.raises(ValueError, match=needle):
            function(SHIFTED, degree, d)


def test_a_symbol_is_for_the_expr_functions() -> None:
    for call in (
        lambda: ntk_eigenvalue(SHIFTED, 1, D),
        lambda: ntk_trace(SHIFTED, D),
        lambda: effective_ridge(SHIFTED, D, 1),
        lambda: ntk_tail_bound(SHIFTED, D, 3, 1),
    ):
        with pytest.raises(ValueError, match="_expr"):
            call()
    with pytest.raises(ValueError, match="k=-1"):
        effective_ridge(SHIFTED, 5, -1)


def test_high_degree_and_dimension_stay_sound() -> None:
    value = ntk_eigenvalue(SHIFTED, 30, 10**6)
    assert value > 0
    assert value.rel_accuracy_bits() > 50


def test_fifteen_digits_unless_asked_otherwise() -> None:
    """One default for the whole library."""
    for name in theory.__all__:
        function = getattr(theory, name)
        if not callable(function) or isinstance(function, type):
            continue
        parameters = inspect.signature(function).parameters
        expected = {"digits": 15, "derivative": 0, "power": 0, "alpha": 1}
        for argument, value in expected.items():
            if argument in parameters and parameters[argument].default is not inspect.Parameter.empty:
                assert parameters[argument].default == value, (name, argument)
