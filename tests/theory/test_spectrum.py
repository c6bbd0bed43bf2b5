import mpmath as mp
import pytest
import sympy as sp
from flint import arb, ctx
from references import ntk_eigenvalue as reference_eigenvalue

from theory import (
    Activation,
    certified,
    learnable,
    multiplicity,
    ntk_eigenvalue,
    ntk_eigenvalue_expr,
    ntk_limit,
    ntk_limit_expr,
    ntk_spectrum,
    ntk_tail_bound,
    ntk_trace,
    quadntk_eigenvalue,
)

SHIFTED = Activation.parse("sin(z + pi/4)")


@pytest.mark.parametrize("d", [3, 7, 50, 1000, 10**6])
def test_tanh_against_independent_quadrature(d: int) -> None:
    """Degrees 0..6 of tanh(z + 1): the ball overlaps an mpmath value good to 1e-18."""
    activation = Activation.parse("tanh(z + 1)")
    with mp.workdps(50):
        for degree in range(7):
            expected = reference_eigenvalue(lambda z: mp.sech(z + 1) ** 2, degree, d)
            found = ntk_eigenvalue(activation, degree, d)
            truth = arb(mp.nstr(expected, 40))
            assert found.overlaps(truth * (1 + arb(0, "1e-18"))), (degree, found, expected)
            assert abs(found / truth - 1) < arb("1e-15")


@pytest.mark.parametrize("d", [3, 10, 10**4])
def test_closed_form_agrees(d: int) -> None:
    for degree in range(5):
        assert certified(ntk_eigenvalue_expr(SHIFTED, degree, d), 20).overlaps(ntk_eigenvalue(SHIFTED, degree, d))


def test_symbolic_in_d() -> None:
    d = sp.Symbol("d", positive=True)
    linear_plus_cube = Activation.parse("z**3/3 + z")
    expr = ntk_eigenvalue_expr(linear_plus_cube, 3, d)
    # sigma' = z^2 + 1, lambda_2 = d * 2/(d (d+2)): Lambda_3 = d * 3/(d+4) * lambda_2^2.
    assert sp.simplify(expr - 12 * d / ((d + 2) ** 2 * (d + 4))) == 0


@pytest.mark.parametrize("text", ["tanh(z + 1)", "relu(z)", "erf(z + 1/2)", "exp(z/2)"])
def test_partial_sums_approach_the_trace_from_below(text: str) -> None:
    activation = Activation.parse(text)
    spectrum = ntk_spectrum(activation, 6, 14)
    assert spectrum.tail > -arb("1e-12")
    assert spectrum.tail < ntk_spectrum(activation, 6, 10).tail
    assert spectrum.tail < arb("0.1") * ntk_trace(activation, 6)


@pytest.mark.parametrize("text", ["tanh(z + 1)", "sin(z + pi/4)", "exp(z/2)"])
def test_tail_bound_is_above_the_tail(text: str) -> None:
    activation = Activation.parse(text)
    tail = ntk_spectrum(activation, 8, 10, 25).tail
    for order in (1, 2, 5, 8):
        assert ntk_tail_bound(activation, 8, 10, order) >= tail
    for order in (0, 4, 1.5, "a"):
        with pytest.raises(ValueError, match="order"):
            ntk_tail_bound(activation, 8, 3, order)
    assert ntk_tail_bound(activation, 10**6, 3, 1).is_finite()


def test_quadntk_trace() -> None:
    """sum_l N Q_l = (1/4) d^2 E[sigma''(sqrt(d) t)^2], because its kernel on the diagonal is (1/4) d^2 E[sigma''^2]."""
    activation = Activation.parse("sin(z)")
    d = 6
    with ctx.workprec(100):
        total = sum(
            (multiplicity(d, degree) * quadntk_eigenvalue(activation, degree, d, 20) for degree in range(22)), arb(0)
        )
        # sigma''^2 = (1 - cos 2z)/2 = sigma(z)^2
        half = Activation.parse("cos(2*z)")
        from theory import coefficient

        expected = arb(d) ** 2 / 4 * (1 - coefficient(half, 0, d, digits=20)) / 2
        assert abs(total - expected) < arb("1e-12")


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "exp(z/2)", "z**4 + z"])
def test_limits_agree_symbolically_and_with_large_d(text: str) -> None:
    activation = Activation.parse(text)
    for degree in range(5):
        limit = ntk_limit(activation, degree)
        assert certified(ntk_limit_expr(activation, degree), 20).overlaps(limit)
        value = ntk_eigenvalue(activation, degree, 10**6) * arb(10**6) ** max(degree - 1, 0)
        if limit.is_zero():  # mu_{l-1} = 0: Lambda_l decays faster than d^{-(l-1)}
            assert value < arb("1e-3")
        else:
            assert abs(value / limit - 1) < arb("1e-4")


def test_learnable_degrees() -> None:
    assert [learnable(Activation.parse("tanh(z)"), degree) for degree in range(6)] == [False, True] * 3
    relu = [learnable(Activation.parse("relu(z)"), degree) for degree in range(7)]
    assert relu == [True, True, True, False, True, False, True]
    for degree in (-1, 1.5):
        with pytest.raises(ValueError, match="degree"):
            learnable(Activation.parse("z"), degree)


def test_relu_second_derivative_is_refused() -> None:
    with pytest.raises(ValueError, match="distribution"):
        quadntk_eigenvalue(Activation.parse("relu(z)"), 2, 5)


def test_high_degree_and_dimension_stay_sound() -> None:
    value = ntk_eigenvalue(SHIFTED, 30, 10**6)
    assert value.is_finite()
    assert value > 0
    assert value.rel_accuracy_bits() > 50
