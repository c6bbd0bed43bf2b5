"""What no number answers is refused in a sentence that names the remedy, soon, whatever type the arguments have."""

import copy
import pickle
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq

import theory
from theory import (
    Derivation,
    Spectrum,
    WorkLimit,
    bounds_for_all_dimensions,
    cumulative_multiplicity,
    deep_relu_ntk,
    effective_regularization,
    eigenvalue_signs,
    golden_constants,
    hermite_coefficient,
    hermite_sign,
    kernel_ridge_risk,
    learnable_degrees,
    learning_curve,
    legendre,
    limit_in_dimension,
    moment,
    monomial_coefficients,
    multiplication,
    multiplicity,
    neuron_term,
    ntk_expansion,
    ntk_spectrum,
    random_sign_energy,
    risk_floor,
    samples_necessary,
    separation_theorem,
    sparse_norm,
    sparse_sign_energy,
    taylor_sums,
    taylor_terms,
    work_limit,
    zonal_eigenvalue,
    zonal_spectrum,
    zonal_trace,
)
from theory.harmonics.gegenbauer import unchecked_legendre

D = sp.Symbol("d", positive=True)
T = sp.Symbol("t")
PAIR = Spectrum.from_eigenvalues([1.0, 0.5])


# Balls and numbers of other kinds in learning.


def test_a_floor_takes_the_lower_end_of_an_energy() -> None:
    """1 - n/N(3, 1) at n = 5 and l = 3 is 2/7; the energy is at least 1/2, and its ball is known to 2^-30."""
    share = 1 - Fraction(5, multiplicity(3, 3))
    floor = risk_floor(3, 5, {3: arb(1, 0.5)})
    assert float(share / 2 * (1 - Fraction(1, 10**8))) < floor <= sp.Rational(1, 2) * sp.Rational(2, 7)
    assert risk_floor(3, 5, {3: arb(0.1, 0.2)}) == 0
    assert risk_floor(3, 5, {3: sp.sqrt(2)}) < sp.sqrt(2) * sp.Rational(2, 7)
    for exact in (Decimal("0.1"), fmpq(1, 10), Fraction(1, 10), sp.Rational(1, 10)):
        assert risk_floor(3, 5, {3: exact}) == sp.Rational(1, 35)


def test_necessary_samples_take_the_upper_end_of_the_risk() -> None:
    assert samples_necessary(10, arb(0.5, 0.3), {1: 1, 2: 1}) == samples_necessary(10, 0.8, {1: 1, 2: 1})
    assert samples_necessary(10, arb(0.5), {1: 1, 2: 1}) == samples_necessary(10, 0.5, {1: 1, 2: 1})


def test_a_small_share_of_a_large_energy_is_no_zero() -> None:
    """Two eigenfunctions, n = 4: kappa = ridge/2 nearly, and the risk is 4/2 kappa^2 E, though kappa^2 underflows."""
    assert kernel_ridge_risk(PAIR, 4, 2e-200, {0: 1e200}) == pytest.approx(2e-200, rel=1e-12)


def test_the_radius_of_a_given_tail_counts_without_a_sphere() -> None:
    narrow = Spectrum.from_eigenvalues([1.0, 0.5], tail=arb(1, 1e-12))
    exact = Spectrum.from_eigenvalues([1.0, 0.5], tail=1)
    assert kernel_ridge_risk(narrow, 5, 0.1, {0: 1.0}) == kernel_ridge_risk(exact, 5, 0.1, {0: 1.0})


# Work.


def test_hermite_coefficients_of_a_high_degree_beside_a_kink() -> None:
    """E[relu(G - a) He_l] = He_{l-2}(a) phi(a), by the recurrence in integers and by mpmath for sqrt(2)."""
    before, value = 1, 1
    for j in range(1, 2998):
        before, value = value, value - j * before
    with mpmath.workdps(40):
        front = mpmath.npdf(1) / mpmath.sqrt(mpmath.factorial(3000))
        assert mpmath.almosteq(
            mpmath.mpf(hermite_coefficient("relu(z-1)", 3000).mid().str(30, radius=False)), front * value, 1e-14
        )
        root = mpmath.sqrt(2)
        direct = mpmath.npdf(root) * mpmath.hermite(38, 1) / mpmath.sqrt(2) ** 38 / mpmath.sqrt(mpmath.factorial(40))
        assert mpmath.almosteq(
            mpmath.mpf(hermite_coefficient("relu(z-sqrt(2))", 40).mid().str(30, radius=False)), direct, 1e-14
        )
    assert hermite_sign("relu(z - sqrt(3))", 5) == "zero"  # He_3(sqrt 3) = 0, by algebra


def test_polynomials_of_high_degree_are_written_out() -> None:
    assert legendre(60, D, T).subs(D, 7).expand() == legendre(60, 7, T)
    assert all(legendre(degree, D, T) == unchecked_legendre(degree, D, T) for degree in range(7))
    assert legendre(300, 5, T) == sp.expand(sp.gegenbauer(300, sp.Rational(3, 2), T) / sp.binomial(302, 2))
    weights = monomial_coefficients(60, D)
    assert sum(w.subs(D, 9) * multiplicity(9, j) for j, w in weights.items()) == 1  # t^60 at t = 1
    assert all(w.subs(D, 9) == monomial_coefficients(60, 9)[j] for j, w in weights.items())
    raised = multiplication(12, 3, D)
    assert {j: w.subs(D, 6) for j, w in raised.items()} == multiplication(12, 3, 6)
    assert sum(multiplication(12, 3, np.int64(6)).values()) == 1


def test_large_moments_and_multiplicities() -> None:
    """At d = 3 the law is uniform: E[t^p] = 1/(p+1)."""
    assert moment(3, 10**5) == sp.Rational(1, 10**5 + 1)
    assert moment(D, 40).subs(D, 5) == moment(5, 40)
    assert cumulative_multiplicity(3, 10**9) == (10**9 + 1) ** 2
    assert cumulative_multiplicity(6, 9) == sum(multiplicity(6, degree) for degree in range(10))


@pytest.mark.parametrize(
    ("call", "subject"),
    [
        (lambda: neuron_term("exp(-z**2+z)", 40), "derivative 40 of exp(-z**2+z)"),
        (lambda: limit_in_dimension(sp.binomial(2 * D, D) / 4**D, D), "the limit of"),
        (lambda: Spectrum.from_eigenvalues({20_000: 1.0}, d=20_000), "the multiplicities up to degree 20000"),
        (lambda: theory.hermite_coefficient_expr("relu(z - sqrt(2))", 900), "the closed form of mu_900"),
    ],
    ids=["neuron", "limit", "multiplicities", "closed form"],
)
def test_long_algebra_ends_with_the_work_allowed(call: Callable[[], object], subject: str) -> None:
    with work_limit(0.3), pytest.raises(WorkLimit, match=re.escape(subject)):
        call()


def test_degrees_that_the_work_allowed_does_not_reach_are_undecided() -> None:
    with work_limit(0.3):
        found = theory.learnable_degrees("tanh(z + 1)", 10**6, d=10)
    assert len(found.learnable) + len(found.undecided) == 10**6 + 1
    assert found.learnable[:2] == (0, 1)
    assert found.undecided[-1] == 10**6


@pytest.mark.parametrize(
    "text", ["exp(z**2)", "exp(z**4)", "exp(z**3)", "cosh(z**2)", "exp(z**2)*sin(z)", "exp(z**2/2)*tanh(z)"]
)
def test_an_expectation_that_does_not_exist_is_no_zero(text: str) -> None:
    """Whatever the parity: an odd function is not integrable because its halves would cancel."""
    for degree in (0, 1):
        for value in (theory.hermite_coefficient, theory.hermite_coefficient_expr, theory.hermite_sign):
            with pytest.raises(ValueError, match="for a Gaussian"):
                value(text, degree)


@pytest.mark.parametrize("text", ["exp(z**2/4)*tanh(z)", "exp(-z**4)*z", "tanh(exp(z**2))*z"])
def test_what_is_integrable_stays_zero_by_parity(text: str) -> None:
    assert theory.hermite_coefficient(text, 0) == 0


def test_growth_that_a_factor_takes_back_is_integrable() -> None:
    """E[z^2 (1 + e^{-z^2})] = 1 + 3^{-3/2}."""
    found = theory.hermite_coefficient("exp(-z**2)*(1+exp(z**2))*z", 1)
    assert abs(float(found) - 1 - 3**-1.5) < 1e-13


def test_limits_of_functions_that_unfold() -> None:
    assert limit_in_dimension(sp.Max(5, D) / D, D) == 1
    assert limit_in_dimension(sp.Min(5, D) * (1 + 1 / D), D) == 5
    assert limit_in_dimension(sp.binomial(D, 2) / D**2, D) == sp.Rational(1, 2)


@pytest.mark.parametrize("seconds", [arb("0.2"), sp.Rational(1, 5), Decimal("0.2"), Fraction(1, 5), np.float32(0.2)])
def test_a_limit_of_any_kind_of_number(seconds: object) -> None:
    with work_limit(seconds), pytest.raises(WorkLimit, match=r"within 0\.2 s"):  # type: ignore[arg-type]
        ntk_spectrum("tanh(sin(z) + z**2 + 3)", 5, 30, digits=201)


# The digits that are admitted serve every function, and what is refused is named as it was given.


@pytest.mark.parametrize("digits", ["15", None, 15.0, True, 0, 1001])
@pytest.mark.parametrize(
    "call",
    [
        lambda n: sparse_norm("sin(z + pi/4)", 2, 5, digits=n),
        lambda n: random_sign_energy("tanh(z)", 10, [0.5], [1.0], digits=n),
        lambda n: sparse_sign_energy("z**2", 1, 10, digits=n),
        lambda n: theory.coefficient("tanh(z)", 1, 5, digits=n),
        lambda n: hermite_coefficient("tanh(z)", 1, digits=n),
        lambda n: zonal_spectrum("exp(t)", 5, 2, digits=n),
    ],
    ids=["norm", "signs", "sparse signs", "coefficient", "hermite", "zonal"],
)
def test_digits_are_refused_as_given(call: Callable[[object], object], digits: object) -> None:
    with pytest.raises(ValueError, match=re.escape(f"digits={digits!r}: needs an integer 1 <= digits <= 1000")):
        call(digits)


def test_the_most_digits_serve_composed_values() -> None:
    for value in (
        sparse_norm("sin(z + pi/4)", 2, 5, digits=1000),
        random_sign_energy("z**3", 10, [0.5], [1.0], digits=1000),
    ):
        assert value.rel_accuracy_bits() >= 3321


def refused() -> dict[str, tuple[Callable[[], object], str]]:
    theorem = separation_theorem("sin(z + pi/4)")
    wide = Spectrum.from_eigenvalues([1.0, 0.5], tail=arb(1, 0.9))
    empty = Derivation("none", "", "exact order", "", {}, ())
    return {
        "a ball as energy": (lambda: kernel_ridge_risk(PAIR, 1, 0.1, {0: arb(1, 0.5)}), "not a ball of that radius"),
        "a ball as noise": (lambda: kernel_ridge_risk(PAIR, 1, 0.1, {0: 1}, arb(1, 0.5)), "not a ball of that radius"),
        "a ball as ridge": (lambda: effective_regularization(PAIR, 1, arb(1, 0.5)), "not a ball of that radius"),
        "a curve of balls": (lambda: learning_curve(PAIR, (1,), {0: arb(1, 0.5)}), "not a ball of that radius"),
        "no spectrum": (lambda: effective_regularization([1.0, 0.5], 1, 0.1), "theory.Spectrum.from_eigenvalues"),  # type: ignore[arg-type]
        "a curve of no spectrum": (lambda: learning_curve(None, (1,), {0: 1.0}), "theory.Spectrum.from_eigenvalues"),  # type: ignore[arg-type]
        "signs of no spectrum": (lambda: theory.eigenvalue_signs([1.0]), "theory.Spectrum.from_eigenvalues"),  # type: ignore[arg-type]
        "a share beyond all bounds": (lambda: separation_theorem("sin(z)", share="1e9999"), "share="),
        "one inner product": (lambda: random_sign_energy("z", 10, 0.5, [1.0]), "inner=0.5: needs a list"),  # type: ignore[arg-type]
        "one norm": (lambda: theory.remainder_bound("sin(z)", 4, 0.5), "norms=0.5: needs a list"),  # type: ignore[arg-type]
        "a circle": (lambda: multiplication(1, 2, 2), "needs d >= 3"),
        "true for d": (lambda: multiplication(1, 2, True), "d=True: needs an integer d >= 3"),
        "true for t": (lambda: legendre(2, 3, True), "t=True: needs a SymPy expression"),  # type: ignore[arg-type]
        "a degree without end": (lambda: theory.coefficient("sin(z)", 10**30, 5), "needs degree <= 1000000"),
        "a degree beyond quadrature": (lambda: theory.coefficient("tanh(z)", 99_999, 5), "needs degree <= 10000"),
        "a wide tail": (lambda: kernel_ridge_risk(wide, 5, 0.1, {0: 1.0}), "has too large a radius; give more digits"),
        "a subnormal ridge": (lambda: kernel_ridge_risk(PAIR, 5, 1e-320, {0: 1.0}), "multiply it by a constant"),
        "the smallest ridge": (lambda: kernel_ridge_risk(PAIR, 5, 5e-324, {0: 1.0}), "multiply it by a constant"),
        "a ridge below doubles": (
            lambda: kernel_ridge_risk(PAIR, 5, Fraction(1, 10**400), {0: 1.0}),  # type: ignore[arg-type]
            "needs 0 or at least",
        ),
        "a subnormal kappa": (lambda: effective_regularization(PAIR, 10**15, 1e-300), "multiply the kernel"),
        "no width": (lambda: theorem.ratio(0), "m=0: needs an even integer m >= 2"),
        "a negative width": (lambda: theorem.ratio(-2, True), "m=-2: needs an even integer m >= 2"),
        "an odd width": (lambda: theorem.errors(3), "m=3: needs an even integer m >= 2"),
        "true for k": (lambda: separation_theorem("sin(z + pi/4)", True), "k=True: needs k = 1"),
        "true for an energy": (lambda: separation_theorem("sin(z + pi/4)", energies=(True, 1)), "needs a rational"),
        "an oscillating limit": (lambda: limit_in_dimension(sp.sin(D), D), "write it by powers of d"),
        "a function without a limit here": (
            lambda: limit_in_dimension(sp.floor(D) / D**2 * sp.sin(D) * D, D),
            "powers",
        ),
        "a degree beyond lists": (
            lambda: Spectrum.from_eigenvalues({3 * 10**7: 1.0}),
            "give what is beyond as the tail",
        ),
        "one multiplicity": (lambda: Spectrum.from_eigenvalues([1.0], multiplicities=3), "needs 1 integers >= 1"),  # type: ignore[arg-type]
        "a long multiplicity": (lambda: multiplicity(10**6, 10**7), "take a lower degree"),
        "a long symbolic one": (lambda: multiplicity(D, 501), "give d as an integer"),
        "a long moment": (lambda: moment(3, 10**6 + 2), "needs an even power of at most 1000000"),
        "a long polynomial": (lambda: legendre(61, D, T), "an integer d admits more"),
        "a long power": (lambda: monomial_coefficients(10**7, 3), "needs power <= 1000"),
        "a text for t": (lambda: legendre(2, 3, "t"), "needs a SymPy expression, such as sp.Symbol('t')"),
        "a limit of no number": (lambda: work_limit("5").__enter__(), "or math.inf for no limit"),  # type: ignore[arg-type]
        "a derivative of a float": (
            lambda: bounds_for_all_dimensions("sin(z + 1)", 2, "coefficient", derivative=1.0),  # type: ignore[arg-type]
            "derivative=1.0: needs an integer derivative >= 0",
        ),
        "a list for a quantity": (
            lambda: bounds_for_all_dimensions("sin(z + 1)", 2, ["coefficient"]),  # type: ignore[arg-type]
            "needs one of ntk_eigenvalue",
        ),
        "a list for a kernel": (lambda: learnable_degrees("tanh(z)", 3, kernel=["NTK"]), "needs one of NTK"),  # type: ignore[arg-type]
        "no steps": (empty.check, "has no steps; needs a last one"),
        "no conclusion": (lambda: empty.exponent, "has no steps; needs a last one"),
        "a kink in a root": (lambda: zonal_spectrum("sqrt(t**3 + t**2)", 5, 2), "write one smooth formula"),
        "a root that is not real": (lambda: zonal_trace("sqrt(-1 - t)"), "needs a real value for every t"),
        "one eigenvalue of it": (lambda: zonal_eigenvalue("(-1 - t)**(3/2)", 1, 5), "needs a real value for every t"),
        "growth beyond a Gaussian": (lambda: hermite_sign("tanh(z)*exp(z**2)", 1), "take the value at a given d"),
    }


@pytest.mark.parametrize("name", refused())
def test_refused_with_a_remedy(name: str) -> None:
    call, sentence = refused()[name]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()


# Objects.


def results() -> dict[str, Callable[[], object]]:
    """Makers of the frozen results, by the name of their class."""
    return {
        "Activation": lambda: theory.Activation.parse("tanh(z)"),
        "AllDimensionBounds": lambda: bounds_for_all_dimensions("sin(z + pi/4)", 1, "coefficient"),
        "Derivation": lambda: theory.RATES["linear_norm"],
        "EigenvalueSigns": lambda: eigenvalue_signs(zonal_spectrum("t**3 - t/2", 10, 4)),
        "Errors": lambda: separation_theorem("sin(z + pi/4)").errors(100),
        "Expansion": lambda: ntk_expansion("sin(z + 1)", 2),
        "GoldenConstant": lambda: golden_constants()[0],
        "LearnableDegrees": lambda: learnable_degrees("tanh(z)", 2, 5),
        "LearningCurve": lambda: learning_curve(ntk_spectrum("sin(z + 1)", 10, 3), (5, 20), {1: 1.0}, 0.1, 0.1),
        "SeparationTheorem": lambda: separation_theorem("sin(z + pi/4)"),
        "Spectrum": lambda: ntk_spectrum("sin(z + 1)", 10, 3),
        "Step": lambda: theory.RATES["linear_norm"].steps[0],
        "TaylorSums": lambda: taylor_sums("sin(z)"),
        "TaylorTerms": lambda: taylor_terms("sin(z)", 2, 2),
        "ZonalKernel": lambda: deep_relu_ntk(2),
    }


def test_every_public_result_is_walked_over() -> None:
    public = {name for name in theory.__all__ if hasattr(getattr(theory, name), "__dataclass_fields__")}
    assert public <= set(results())


@pytest.mark.parametrize("name", results())
def test_results_are_copied_pickled_hashed_and_equal(name: str) -> None:
    first, again = results()[name](), results()[name]()
    assert type(first).__name__ == name
    for other in (again, copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):  # noqa: S301
        assert other == first
        assert hash(other) == hash(first)


def test_a_curve_of_another_noise_is_another_and_none_can_be_written_to() -> None:
    curves = [learning_curve(PAIR, (1,), {0: 1.0}, noise) for noise in (0.1, 0.2)]
    assert curves[0] != curves[1]
    with pytest.raises(TypeError, match="does not support item assignment"):
        pickle.loads(pickle.dumps(curves[0])).energies[0] = 2.0  # noqa: S301 - made here
