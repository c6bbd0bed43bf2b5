"""Spectra of zonal kernels against closed forms, mpmath quadrature, the own NTK, and measurements of others."""

import copy
import csv
import dataclasses
import math
import random
from pathlib import Path

import mpmath as mp
import pytest
import sympy as sp
from flint import arb, ctx

from theory import (
    Activation,
    Undecided,
    WorkLimit,
    ZonalKernel,
    coefficients,
    deep_relu_ntk,
    eigenvalue_signs,
    kernel_ridge_risk,
    multiplicity,
    ntk_spectrum,
    samples_for_risk,
    work_limit,
    zonal_eigenvalue,
    zonal_expansion,
    zonal_spectrum,
    zonal_trace,
)

ARC_COSINE = {
    0: "1 - acos(t)/pi",
    1: "(sqrt(1-t**2) + (pi - acos(t))*t)/pi",
    2: "(3*t*sqrt(1-t**2) + (pi - acos(t))*(1 + 2*t**2))/pi",
}
"""Cho & Saul (2009): J_n(theta)/pi."""


def quadrature(kernel, degree: int, d: int) -> mp.mpf:
    """E_{tau_d}[kappa P_l] by mpmath over the angle; P_l by its own recurrence."""

    def legendre(t):
        previous, current = mp.mpf(0), mp.mpf(1)
        for j in range(degree):
            previous, current = current, ((2 * j + d - 2) * t * current - j * previous) / (j + d - 2)
        return current

    def integrand(theta):
        with mp.workdps(120):  # next to an end 1 - cos(theta) is far below the rounding of t
            t = mp.cos(theta)
            return kernel(t) * legendre(t) * mp.sin(theta) ** (d - 2)

    ends = [mp.pi * k / 8 for k in range(9)]
    return mp.quad(integrand, ends) / mp.quad(lambda theta: mp.sin(theta) ** (d - 2), ends)


def contains(ball: arb, value: mp.mpf, error: float) -> bool:
    with ctx.workprec(400):
        return bool((ball + arb(0, error)).contains(arb(mp.nstr(value, 60))))


@pytest.mark.parametrize("order", ARC_COSINE)
@pytest.mark.parametrize("d", [3, 10, 200])
def test_arc_cosine_kernels_have_the_squares_of_step_coefficients(order: int, d: int) -> None:
    """kappa_n is proportional to E_w[(<w,x>_+)^n (<w,x'>_+)^n], and lambda_l((z_+)^n) has a closed form."""
    relu = ["(1 + sign(z))/2", "relu(z)", "z*relu(z)"][order]
    # At t = 1 the kernel is kappa_n(1) = 1, 1, 3, and the expectation E[(z_+)^{2n}] = 1/2, 1/2, (3/2) d/(d+2).
    scale = [sp.Integer(2), sp.Integer(2), sp.Rational(2 * (d + 2), d)][order]
    found = zonal_spectrum(ARC_COSINE[order], d, 8, 20)
    for degree, value in zip(found.degrees, found.eigenvalues, strict=True):
        expected = coefficients(relu, 8, d, 0, 25)[degree]
        assert value.is_zero() == expected.is_zero() == (degree > order and (degree - order) % 2 == 0)
        with ctx.workprec(200):
            exact = expected * expected * int(scale.p) / int(scale.q)
            assert value.overlaps(exact)
            assert value.is_zero() or not value.overlaps(exact * arb("1.000001"))


@pytest.mark.parametrize(("d", "width"), [(3, 1), (10, sp.Rational(1, 3)), (1000, sp.Rational(1, 2))])
def test_the_gaussian_kernel_by_bessel_functions(d: int, width) -> None:
    """exp(-(1-t)/s^2): lambda_l = e^{-b} Gamma(d/2) (2/b)^{d/2-1} I_{l+d/2-1}(b), b = 1/s^2."""
    found = zonal_spectrum(sp.exp(-(1 - sp.Symbol("t")) / width**2), d, 6, 20)
    with mp.workdps(60):
        b, half = mp.mpf(1) / mp.mpf(sp.Rational(width**2).p) * sp.Rational(width**2).q, mp.mpf(d) / 2
        for degree, value in enumerate(found.eigenvalues):
            exact = mp.exp(-b) * mp.gamma(half) * (2 / b) ** (half - 1) * mp.besseli(degree + half - 1, b)
            with ctx.workprec(300):
                assert (value / arb(mp.nstr(exact, 50)) - 1).contains(0) or abs(
                    value / arb(mp.nstr(exact, 50)) - 1
                ) < arb("1e-45")
    assert eigenvalue_signs(found).positive_definite


def test_polynomials_are_exact() -> None:
    d = 7
    found = zonal_spectrum("t**3 - t/2 + pi*t**2", d, 6)
    assert eigenvalue_signs(found).zero == (4, 5, 6)
    assert eigenvalue_signs(found).negative == (1,)
    assert eigenvalue_signs(found).positive_definite is False
    assert found.tail.is_zero()
    assert found.eigenvalues[1].overlaps(arb(3) / (d * (d + 2)) - arb(1) / (2 * d))
    assert found.eigenvalues[3].overlaps(arb(6) / (d * (d + 2) * (d + 4)))
    assert zonal_eigenvalue("t**2 - 1/7", 0, d).is_zero()


TEXTS = [
    "exp(t - 1)",
    "exp(-sqrt(2 - 2*t))",
    "1/(2 - t)",
    "(1 - t)*log(1 - t)",
    "(1 + t)**1.5 * cos(2*t)",
    "tanh(t + 1/2)",
    "asin(t/2) + acos(-t)**2",
    "sqrt(1 - t**2)*log(1 + t)*t",
    "(1 - t)*(1 + t)*log((1 - t)**2*(1 + t))",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("d", [3, 11])
def test_texts_against_quadrature(text: str, d: int) -> None:
    # Checks :eq:`zonal-kernel` and :eq:`lens`.
    found = zonal_spectrum(text, d, 4, 20)
    kernel = sp.lambdify(sp.Symbol("t", real=True), ZonalKernel.parse(text).expr, "mpmath")
    with mp.workdps(30):
        for degree, value in enumerate(found.eigenvalues):
            exact = quadrature(kernel, degree, d)
            assert contains(value, exact, 1e-22)
            assert not contains(value, exact * (1 + mp.mpf("1e-12")), 1e-22)
            assert value.overlaps(zonal_eigenvalue(text, degree, d, 15))
            assert value.rel_accuracy_bits() >= 20 * 3.32


def test_random_kernels_against_quadrature() -> None:
    draw = random.Random(1)
    for _ in range(6):
        a, b, c = draw.randint(1, 9), draw.randint(1, 9), draw.randint(11, 30)
        text = f"exp({a}*t/{b})/({c}/10 - t) + sqrt(1-t)*{b} - acos(t)**2/{a}"
        d, degree = draw.choice((3, 6, 30)), draw.randint(0, 5)
        kernel = sp.lambdify(sp.Symbol("t", real=True), ZonalKernel.parse(text).expr, "mpmath")
        with mp.workdps(30):
            assert contains(zonal_eigenvalue(text, degree, d, 20), quadrature(kernel, degree, d), 1e-20), text


@pytest.mark.parametrize("d", [3, 10])
def test_deep_ntk_against_quadrature_of_its_recursion(d: int) -> None:
    # Checks :eq:`deep-ntk`.
    def recursion(t):
        h = kernel = t
        for _ in range(2):
            zero, h = (mp.pi - mp.acos(h)) / mp.pi, (mp.sqrt(1 - h * h) + (mp.pi - mp.acos(h)) * h) / mp.pi
            kernel = h + kernel * zero
        return kernel

    found = zonal_spectrum(deep_relu_ntk(2), d, 4, 12)
    with mp.workdps(25):
        for degree, value in enumerate(found.eigenvalues):
            assert contains(value, quadrature(recursion, degree, d), 1e-14)
    assert zonal_trace(deep_relu_ntk(2)).contains(3)
    assert copy.deepcopy(found) == found


def test_one_hidden_layer_is_twice_the_ntk_and_the_arc_cosine_kernel() -> None:
    d = 6
    deep = zonal_spectrum(deep_relu_ntk(1), d, 6, 12)
    inner = zonal_spectrum(ARC_COSINE[1], d, 6, 12)
    own = ntk_spectrum("relu(z)", d, 6, 12)
    for a, b, c in zip(deep.eigenvalues, inner.eigenvalues, own.eigenvalues, strict=True):
        assert a.overlaps(b + 2 * c / d)
    signs = eigenvalue_signs(deep)
    assert signs.undecided == (3, 5)  # zero, which no algebra proves for a function on balls
    assert signs.positive_definite is None
    assert all(deep.eigenvalues[degree].abs_upper() < arb(10) ** -20 for degree in signs.undecided)


def test_the_own_ntk_as_a_function_on_balls() -> None:
    """sigma = sin(z + pi/4): <x,x'> E[sigma' sigma'] = d t 0F1(; d/2; -d (1-t)/2)/2, since E cos(<w,y>) is a 0F1."""
    d = 9
    kernel = ZonalKernel(lambda t: d * t * ((t - 1) * d / 2).hypgeom_0f1(d / 2) / 2, "NTK of sin(z + pi/4)")
    found, own = zonal_spectrum(kernel, d, 6), ntk_spectrum(Activation.parse("sin(z + pi/4)"), d, 6)
    assert all(a.overlaps(b) for a, b in zip(found.eigenvalues, own.eigenvalues, strict=True))
    assert found.tail.overlaps(own.tail)
    energies = {1: 1.0, 2: 0.5}
    assert kernel_ridge_risk(found, 300, 0.1, energies) == pytest.approx(kernel_ridge_risk(own, 300, 0.1, energies))
    assert samples_for_risk(found, 0.4, energies) == samples_for_risk(own, 0.4, energies)


def test_a_function_of_t_with_singular_ends() -> None:
    kernel = ZonalKernel(lambda t: ((1 - t * t).sqrt() + (arb.pi() - t.acos()) * t) / arb.pi(), "arc-cosine")
    found, exact = zonal_spectrum(kernel, 10, 3, 10), zonal_spectrum(ARC_COSINE[1], 10, 3, 10)
    assert all(a.overlaps(b) for a, b in zip(found.eigenvalues, exact.eigenvalues, strict=True))
    assert eigenvalue_signs(found).undecided == (3,)


MEASURED = Path(__file__).parent / "reference" / "ntk_relu_learning_curves_d10.csv"
"""Errors by degree of kernel regression with the NTK of a ReLU network with three hidden layers: mean and spread over
50 repeats, from the public experiment behind arXiv:2002.02561. d = 10, ridge 0, degrees up to 29, targets of 300 kernel
functions at random centres with random signs."""


def test_measured_learning_curves_of_others() -> None:
    spectrum = dataclasses.replace(zonal_spectrum(deep_relu_ntk(3), 10, 29, 8), tail=arb(0))  # their degrees, no others
    with MEASURED.open() as file:
        points = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert len(points) == 30

    def farthest(factor: float) -> float:
        distances = []
        for point in points:
            degree = int(point["degree"])
            value = float(spectrum.eigenvalues[degree].mid())
            energy = 300 * value**2 * multiplicity(10, degree)
            error = factor * kernel_ridge_risk(spectrum, int(point["n"]), 0.0, {degree: energy})
            distances.append(abs(error - point["error"]) / point["spread"])
        return max(distances)

    assert farthest(1.0) < 4
    assert farthest(1.2) > 4
    assert farthest(0.8) > 4


@pytest.mark.parametrize("text", ["exp(t - 1)", "1/(2 - t) + acos(t)", "exp(-sqrt(2 - 2*t))", "cos(2*t) - 1"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_expansions_in_dimension(text: str, degree: int) -> None:
    # Checks :eq:`zonal-expansion`.
    found, rest = zonal_expansion(text, degree), []
    if found.exponent is None:
        assert zonal_eigenvalue(text, degree, 50).is_zero()
        return
    for d in (1000, 2000):
        value = zonal_eigenvalue(text, degree, d, 25) * arb(d) ** -found.exponent
        rest.append(float((value - found.limit - found.correction / d).mid()) * d**2)
    assert abs(rest[0] - rest[1]) < 0.03 * (abs(rest[0]) + abs(float(found.limit)))  # the rest is O(1/d^2)


def test_an_expansion_whose_first_term_vanishes() -> None:
    """kappa = t^4: lambda_0 = E[t^4] = 3/(d (d+2))."""
    found = zonal_expansion("t**4 + t", 0)
    assert (found.exponent, float(found.limit), float(found.correction)) == (-2, 3.0, -6.0)


@pytest.mark.parametrize(
    "text",
    [
        "acos(1-2*t**2)",
        "acos(1-t**4)",
        "acos(cos(t))",
        "acos(2*t**2-1)",
        "asin(1-t**2)",
        "sqrt(t**4+t**2)",
        "acos(1-t**2) + t",
    ],
)
def test_a_kernel_with_a_kink_at_zero_has_no_expansion_in_even_degrees(text: str) -> None:
    """|t| is no power series; its odd part, if any, is a polynomial, so the odd degrees beyond it are zero."""
    for degree in (0, 2):
        with pytest.raises(Undecided, match="no disc around t=0 is known on which it is analytic"):
            zonal_expansion(text, degree)
    assert zonal_expansion(text, 3).exponent is None


@pytest.mark.parametrize(
    ("kernel", "sentence"),
    [
        ("1/t", "needs a bounded function"),
        ("log(1 - t)", r"write \(1-t\)\*log\(1-t\)"),
        ("sqrt(t)", "is not real"),
        ("acos(2*t)", "is not real"),
        (lambda t: 1, "returned int"),
        (lambda t: abs(t), "one formula"),
        (lambda t: t.gamma(), "no function that a kernel may use"),
        (3, "needs a SymPy expression"),
    ],
)
def test_what_is_refused(kernel, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError), match=sentence):
        zonal_spectrum(kernel, 10, 2)


def test_ridge_regression_refuses_a_negative_eigenvalue() -> None:
    with pytest.raises(ValueError, match="degree 1 is negative"):
        kernel_ridge_risk(zonal_spectrum("t**3 - t/2", 10, 4), 10, 0.1, {3: 1.0})


def test_work_is_limited() -> None:
    with work_limit(0.05), pytest.raises(WorkLimit):
        zonal_spectrum(lambda t: (t * 7).sin().exp() * (1 - t * t).sqrt(), 5, 40, 40)


def test_values_and_print() -> None:
    kernel = ZonalKernel.parse("exp(t - 1)")
    assert float(kernel(1)) == 1.0
    assert float(kernel(-0.5)) == pytest.approx(math.exp(-1.5))
    with pytest.raises(ValueError, match="-1 <= t <= 1"):
        kernel(1.5)
    found = zonal_spectrum(kernel, 5, 2)
    assert str(found).startswith("kernel exp(t - 1) on the sphere")
    assert r"\lambda" in found.to_latex()
    assert len(found.to_numpy()) == 3
    assert kernel == ZonalKernel(sp.exp(sp.Symbol("x") - 1))
    given = "(1 + t)**2 * 1/2"
    assert ZonalKernel.parse(given).text == given
    assert str(zonal_spectrum(ZonalKernel.parse(given), 5, 2)).startswith(f"kernel {given} on the sphere")
    assert ZonalKernel(sp.exp(sp.Symbol("t")), text="exp(-t)").text == ""
    with pytest.raises(Undecided):
        zonal_eigenvalue(lambda t: t**2, 1, 5)
