"""Every public function of theory takes the integers, numbers and activations that its readers have at hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

import theory
from theory import (
    Activation,
    bounds_for_all_dimensions,
    cumulative_multiplicity,
    dense_norm,
    dense_norm_expr,
    linear_rademacher,
    moment,
    multiplicity,
    neuron_term,
    ntk_expansion,
    ntk_expansion_expr,
    ntk_limit,
    ntk_limit_expr,
    ntk_spectrum,
    profile_energy,
    profile_energy_expr,
    profile_energy_limit,
    quadntk_expansion,
    quadntk_expansion_expr,
    quadntk_spectrum,
    quadratic_rademacher,
    random_sign_energy,
    range_radius,
    remainder_bound,
    slope_covariance,
    slope_covariance_expr,
    sparse_norm,
    sparse_profile,
    sparse_profile_expr,
    sparse_sign_energy,
    taylor_sums,
    taylor_terms,
    third_derivative_bound,
)
from theory.golden.quantities import QUANTITIES

SIGMA = "sin(z + pi/4)"
U = sp.Symbol("u")
BY_ACTIVATION: dict[str, Callable] = {
    "ntk_spectrum": lambda a: ntk_spectrum(a, 5, 1).eigenvalues,
    "quadntk_spectrum": lambda a: quadntk_spectrum(a, 5, 1).eigenvalues,
    "ntk_expansion": lambda a: ntk_expansion(a, 1),
    "ntk_expansion_expr": lambda a: ntk_expansion_expr(a, 1),
    "quadntk_expansion": lambda a: quadntk_expansion(a, 1),
    "quadntk_expansion_expr": lambda a: quadntk_expansion_expr(a, 1),
    "ntk_limit": lambda a: ntk_limit(a, 1),
    "ntk_limit_expr": lambda a: ntk_limit_expr(a, 1),
    "bounds_for_all_dimensions": lambda a: bounds_for_all_dimensions(a, 1, d_min=500).explain(),
    "separation_theorem": lambda a: theory.separation_theorem(a, d_min=np.int64(200)).taylor_width,
    "dense_norm": lambda a: dense_norm(a, 5, {1: 1}),
    "dense_norm_expr": lambda a: dense_norm_expr(a, 5, {1: 1}),
    "sparse_norm": lambda a: sparse_norm(a, 1, 5),
    "sparse_profile": lambda a: sparse_profile(a, 1, 5),
    "sparse_profile_expr": lambda a: sparse_profile_expr(a, 1, 5, U),
    "profile_energy": lambda a: profile_energy(a, 1, 5),
    "profile_energy_expr": lambda a: profile_energy_expr(a, 1, 5),
    "profile_energy_limit": lambda a: profile_energy_limit(a, 1),
    "slope_covariance": lambda a: slope_covariance(a, 5),
    "slope_covariance_expr": lambda a: slope_covariance_expr(a, 5),
    "random_sign_energy": lambda a: random_sign_energy(a, 5, [0.5], [1.0]),
    "sparse_sign_energy": lambda a: sparse_sign_energy(a, 1, 5),
    "linear_rademacher": lambda a: linear_rademacher(a, 5, 10, 1.0),
    "quadratic_rademacher": lambda a: quadratic_rademacher(a, 5, 10, 1.0),
    "neuron_term": lambda a: neuron_term(a, 2),
    "taylor_terms": lambda a: taylor_terms(a, 3, 2).linear,
    "taylor_sums": lambda a: taylor_sums(a).linear,
    "third_derivative_bound": lambda a: third_derivative_bound(a, 2.0),
    "remainder_bound": lambda a: remainder_bound(a, 4, [0.5, 0.5]),
}


@pytest.mark.parametrize("name", BY_ACTIVATION)
def test_activations_as_text_and_as_expressions(name: str) -> None:
    function = BY_ACTIVATION[name]
    expected = str(function(Activation.parse(SIGMA)))
    x = sp.Symbol("x")
    for other in (SIGMA, sp.sin(x + sp.pi / 4)):
        assert str(function(other)) == expected
    for bad in (None, 3, np.sin):
        with pytest.raises(ValueError, match="activation"):
            function(bad)


BY_INTEGER: dict[str, tuple[str, Callable]] = {
    "d": ("d", lambda i: multiplicity(i, 2)),
    "degree": ("degree", lambda i: multiplicity(5, i)),
    "k": ("k", lambda i: cumulative_multiplicity(5, i)),
    "power": ("power", lambda i: moment(5, i)),
    "low degree": ("k", lambda i: profile_energy(SIGMA, i, 5)),
    "max_degree": ("max_degree", lambda i: ntk_spectrum(SIGMA, 5, i)),
    "spectrum d": ("d", lambda i: ntk_spectrum(SIGMA, i, 1)),
    "limit": ("degree", lambda i: ntk_limit(SIGMA, i)),
    "expansion": ("degree", lambda i: ntk_expansion(SIGMA, i)),
    "bounds": ("degree", lambda i: bounds_for_all_dimensions(SIGMA, i, d_min=500)),
    "smallest d": ("d_min", lambda i: bounds_for_all_dimensions(SIGMA, 1, d_min=i)),
    "order": ("order", lambda i: neuron_term(SIGMA, i)),
    "width": ("m", lambda i: taylor_terms(SIGMA, 3, i)),
    "taylor d": ("d", lambda i: taylor_terms(SIGMA, i, 2)),
    "samples": ("n", lambda i: linear_rademacher(SIGMA, 5, i, 1.0)),
    "samples of f_Q": ("n", lambda i: quadratic_rademacher(SIGMA, 5, i, 1.0)),
    "ridge": ("k", lambda i: ntk_spectrum(SIGMA, 5, 5).effective_ridge(i)),
}


@pytest.mark.parametrize("case", BY_INTEGER)
def test_integers_of_any_type(case: str) -> None:
    name, function = BY_INTEGER[case]
    expected = str(function(4))
    for integer in (np.int64(4), np.uint8(4), np.array(4), sp.Integer(4)):
        assert str(function(integer)) == expected
    for bad in (True, np.True_, 4.0, np.float64(4), "4", None, np.array([4]), [4], 4j, math.nan, -(10**5000)):
        with pytest.raises(ValueError, match=rf"^{name}=.*: needs"):
            function(bad)


def test_tensors_are_numbers_too() -> None:
    torch = pytest.importorskip("torch")
    assert multiplicity(torch.tensor(5), torch.tensor(2)) == multiplicity(5, 2)
    assert range_radius(5, torch.tensor(0.5)) == range_radius(5, 0.5)
    for bad in (torch.tensor(True), torch.tensor([5]), torch.tensor(5.0)):
        with pytest.raises(ValueError, match="d="):
            multiplicity(bad, 2)


@pytest.mark.parametrize("bad", [math.nan, math.inf, "1", None, True, np.ones(1), 1j])
def test_sizes_are_finite_numbers(bad: object) -> None:
    for name, call in (
        ("length", lambda: range_radius(5, bad)),
        ("radius", lambda: third_derivative_bound(SIGMA, bad)),
        ("radius", lambda: linear_rademacher(SIGMA, 5, 10, bad)),
        ("radius", lambda: quadratic_rademacher(SIGMA, 5, 10, bad)),
        (r"norms\[1\]", lambda: remainder_bound(SIGMA, 5, [0.5, bad])),
        (r"norms\[0\]", lambda: random_sign_energy(SIGMA, 5, [0.5], [bad])),
        (r"inner\[0\]", lambda: random_sign_energy(SIGMA, 5, [bad], [0.5])),
        ("alpha", lambda: sparse_norm(SIGMA, 1, 5, bad)),
        ("alpha", lambda: sparse_sign_energy(SIGMA, 1, 5, bad)),
    ):
        with pytest.raises(ValueError, match=f"^{name}=.*: needs a finite"):
            call()


def test_bounds_are_rounded_upwards_from_exact_numbers() -> None:
    third = sp.Rational(1, 3)
    assert sp.Rational(range_radius(4, third)) >= 2 * (1 + third)
    assert sp.Rational(range_radius(4, third)) < 2 * (1 + third) + sp.Rational(1, 10**15)
    assert third_derivative_bound("z**4", third) >= 8  # 24 |z|


SPECTRUM = ntk_spectrum(SIGMA, 5, 4)
D, K = 5, 2


def limited(seconds: object) -> str:
    with theory.work_limit(seconds):
        return "done"


NUMBERS: dict[str, Callable] = {
    "Spectrum": lambda f, i: theory.Spectrum.from_eigenvalues([f(0.5)], i(D), tail=f(0.5)),
    "TaylorTerms": lambda f, i: taylor_terms(SIGMA, i(3), i(2)).linear,
    "ZonalKernel": lambda f, i: theory.ZonalKernel.parse("exp(t)")(f(0.5)),
    "bounds_for_all_dimensions": lambda f, i: bounds_for_all_dimensions(SIGMA, i(1), d_min=i(500)).explain(),
    "coefficient": lambda f, i: theory.coefficient(SIGMA, i(K), i(D)),
    "coefficient_expr": lambda f, i: theory.coefficient_expr(SIGMA, i(K), i(D)),
    "coefficient_rodrigues": lambda f, i: theory.coefficient_rodrigues(SIGMA, i(K), i(D)),
    "coefficient_sign": lambda f, i: theory.coefficient_sign(SIGMA, i(K), i(D)),
    "coefficients": lambda f, i: theory.coefficients(SIGMA, i(K), i(D)),
    "cumulative_multiplicity": lambda f, i: cumulative_multiplicity(i(D), i(K)),
    "deep_relu_ntk": lambda f, i: theory.deep_relu_ntk(i(1)).text,
    "effective_regularization": lambda f, i: theory.effective_regularization(SPECTRUM, i(20), f(0.5)),
    "effective_ridge": lambda f, i: theory.effective_ridge(SIGMA, i(D), i(K)),
    "hermite_coefficient": lambda f, i: theory.hermite_coefficient(SIGMA, i(K)),
    "hermite_coefficient_expr": lambda f, i: theory.hermite_coefficient_expr(SIGMA, i(K)),
    "hermite_sign": lambda f, i: theory.hermite_sign(SIGMA, i(K)),
    "kernel_ridge_risk": lambda f, i: theory.kernel_ridge_risk(SPECTRUM, i(20), f(0.5), {1: f(0.5)}, f(0.5)),
    "learnabilities": lambda f, i: theory.learnabilities(SPECTRUM, i(20), f(0.5)),
    "learnable": lambda f, i: theory.learnable(SIGMA, i(K)),
    "learnable_degrees": lambda f, i: theory.learnable_degrees(SIGMA, i(K)),
    "learning_curve": lambda f, i: str(theory.learning_curve(SPECTRUM, [i(20)], {1: f(0.5)}, f(0.5), f(0.5))),
    "legendre": lambda f, i: theory.legendre(i(K), i(D), sp.Rational(1, 2)),
    "moment": lambda f, i: moment(i(D), i(K)),
    "monomial_coefficients": lambda f, i: theory.monomial_coefficients(i(K), i(D)),
    "multiplication": lambda f, i: theory.multiplication(i(1), i(K), i(D)),
    "multiplicity": lambda f, i: multiplicity(i(D), i(K)),
    "ntk_eigenvalue": lambda f, i: theory.ntk_eigenvalue(SIGMA, i(K), i(D)),
    "ntk_eigenvalue_expr": lambda f, i: theory.ntk_eigenvalue_expr(SIGMA, i(K), i(D)),
    "ntk_tail_bound": lambda f, i: theory.ntk_tail_bound(SIGMA, i(D), i(K), i(1)),
    "ntk_trace": lambda f, i: theory.ntk_trace(SIGMA, i(D)),
    "optimal_ridge": lambda f, i: theory.optimal_ridge(SPECTRUM, i(20), {1: f(0.5)}, f(0.5)),
    "quadntk_eigenvalue": lambda f, i: theory.quadntk_eigenvalue(SIGMA, i(K), i(D)),
    "quadntk_eigenvalue_expr": lambda f, i: theory.quadntk_eigenvalue_expr(SIGMA, i(K), i(D)),
    "quadntk_tail_bound": lambda f, i: theory.quadntk_tail_bound(SIGMA, i(D), i(K), i(1)),
    "quadntk_trace": lambda f, i: theory.quadntk_trace(SIGMA, i(D)),
    "random_sign_energy": lambda f, i: random_sign_energy(SIGMA, i(D), [f(0.5)], [f(0.5)]),
    "range_radius": lambda f, i: range_radius(i(4), f(0.5)),
    "remainder_bound": lambda f, i: remainder_bound(SIGMA, i(4), [f(0.5), f(0.5)]),
    "risk_floor": lambda f, i: theory.risk_floor(i(D), i(4), {1: f(0.5)}),
    "rodrigues_form": lambda f, i: theory.rodrigues_form(SIGMA, i(K), i(D)),
    "samples_for_risk": lambda f, i: theory.samples_for_risk(SPECTRUM, f(0.5), {1: f(0.75)}, f(0.25)),
    "samples_necessary": lambda f, i: theory.samples_necessary(i(D), f(0.5), {1: f(0.75)}),
    "vanishes": lambda f, i: theory.vanishes(SIGMA, i(K)),
    "work_limit": lambda f, i: limited(f(0.5)),
    "zonal_eigenvalue": lambda f, i: theory.zonal_eigenvalue("exp(t)", i(K), i(D)),
    "zonal_expansion": lambda f, i: theory.zonal_expansion("exp(t)", i(K)),
    "zonal_spectrum": lambda f, i: theory.zonal_spectrum("exp(t)", i(D), i(K)),
    "zonal_trace": lambda f, i: theory.zonal_trace("exp(t)", i(D)),
}
NEITHER = {
    "Activation": "takes texts and expressions: BY_ACTIVATION",
    "certified": "takes an expression",
    "eigenvalue_signs": "takes a spectrum",
    "golden_constants": "without arguments",
    "humbert_phi3": "a SymPy function",
    "limit_in_dimension": "takes an expression",
    **dict.fromkeys(("RATES", "Derivation", "Step"), "rates as data"),
    **dict.fromkeys(("AllDimensionBounds", "EigenvalueSigns", "Expansion", "GoldenConstant"), "a result"),
    **dict.fromkeys(("LearnableDegrees", "LearningCurve", "SeparationTheorem", "TaylorSums"), "a result"),
    **dict.fromkeys(("NoClosedForm", "Undecided", "WorkLimit"), "an exception"),
}


def test_no_door_is_forgotten() -> None:
    assert {*BY_ACTIVATION, *NUMBERS, *NEITHER} == set(theory.__all__)


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_every_library(name: str) -> None:
    expected = repr(NUMBERS[name](float, int))
    for real, integer in (
        (np.float64, np.int64),
        (np.float32, np.uint16),
        (sp.Float, sp.Integer),
        (np.array, np.array),
    ):
        assert repr(NUMBERS[name](real, integer)) == expected
    refusals = [lambda value: "x", lambda value: None, lambda value: 1j, lambda value: np.ones(2)]
    for refused in refusals:
        with pytest.raises(ValueError, match=r"needs|is no|may stand"):
            NUMBERS[name](refused, refused)


SMALL: dict[str, Callable] = {
    "coefficient": lambda n, i: theory.coefficient("relu(z - 1)", i, i, 0, n),
    "coefficients": lambda n, i: (
        theory.coefficients("tanh(z + 1)", i, i, 0, n),
        theory.coefficients(SIGMA, i, i, 0, n),
    ),
    "eigenvalues": lambda n, i: (theory.ntk_eigenvalue(SIGMA, i, i, n), theory.quadntk_eigenvalue(SIGMA, i, i, n)),
    "spectrum": lambda n, i: repr(ntk_spectrum("relu(z)", i, type(i)(3), n, layers="both")),
    "QuadNTK": lambda n, i: repr(quadntk_spectrum(SIGMA, i, type(i)(3), n)),
    "legendre": lambda n, i: theory.legendre(i, i, sp.Rational(1, 2)),
    "multiplication": lambda n, i: theory.multiplication(type(i)(20), i, i),
    "zonal_eigenvalue": lambda n, i: theory.zonal_eigenvalue("exp(t - 1)", i, i, n),
    "zonal_spectrum": lambda n, i: repr(theory.zonal_spectrum("exp(t - 1)", i, type(i)(3), n)),
    "zonal_expansion": lambda n, i: theory.zonal_expansion("exp(t - 1)", type(i)(3), n),
    "bounds": lambda n, i: bounds_for_all_dimensions(SIGMA, type(i)(2), d_min=i),
    "learnable_degrees": lambda n, i: theory.learnable_degrees(SIGMA, type(i)(1), d_min=i),
    "hermite": lambda n, i: QUANTITIES["hermite"].ball(SIGMA, n, degree=type(i)(3)),
    "norms": lambda n, i: (dense_norm(SIGMA, i, {i: 1}, n), profile_energy(SIGMA, type(i)(4), i, n)),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", SMALL)
def test_small_integers_do_not_overflow(name: str) -> None:
    """What is computed from an argument, such as 4 * digits, is of Python's integers, and so is what results keep."""
    for kind, digits, size in ((np.int8, 6, 70), (np.int8, 125, 70), (np.uint8, 200, 130)):
        assert repr(SMALL[name](kind(digits), kind(size))) == repr(SMALL[name](digits, size))


def test_columns_and_arrays_as_lists() -> None:
    pd = pytest.importorskip("pandas")
    values = [0.5, 0.25]
    expected = random_sign_energy(SIGMA, 5, values, values), remainder_bound(SIGMA, 4, values)
    for form in (
        tuple,
        np.array,
        lambda v: np.array(v, np.float32),
        pd.Series,
        lambda v: pd.Series(v, dtype="Float64"),
    ):
        found = random_sign_energy(SIGMA, 5, form(values), form(values)), remainder_bound(SIGMA, 4, form(values))
        assert repr(found) == repr(expected)
    shifted = pd.Series(values, index=[61, 7])
    assert repr(random_sign_energy(SIGMA, 5, shifted, shifted)) == repr(expected[0])
    with pytest.raises(ValueError, match=r"inner\[1\]=.*, norms\[1\]=.*: needs \|<w, W>\| <= \|W\|"):
        random_sign_energy(SIGMA, 5, shifted * 3, [2.0, 0.5])
    samples = pd.Series([20, 60])
    assert theory.learning_curve(SPECTRUM, samples, {1: 1.0}).samples == (20, 60)
    for energies in (pd.Series([0.0, 1.0]), [0.0, 1.0], np.array([0.0, 1.0])):
        with pytest.raises(ValueError, match=r"needs a dictionary by degree, such as \{1: 1.0, 2: 0.5\}"):
            theory.kernel_ridge_risk(SPECTRUM, 20, 0.5, energies)


@pytest.mark.parametrize("bad", [{61: 0.5, 7: 0.5}, {0.5}, "ab", b"ab", 0.5, None, np.array(0.5), (v for v in [0.5])])
def test_what_has_no_order_is_no_list_by_neuron(bad: object) -> None:
    for name, call in (
        ("inner", lambda: random_sign_energy(SIGMA, 5, bad, [1.0, 1.0])),
        ("norms", lambda: random_sign_energy(SIGMA, 5, [0.5, 0.5], bad)),
        ("norms", lambda: remainder_bound(SIGMA, 4, bad)),
    ):
        with pytest.raises(ValueError, match=f"^{name}=.*: needs a list with a number for each neuron"):
            call()


LONG = "z" * 10_000


def test_what_is_quoted_is_cut() -> None:
    d = sp.Symbol("d", positive=True)
    for call in (
        lambda: ntk_spectrum(SIGMA, 5, 1, layers=LONG),
        lambda: theory.limit_in_dimension(1 / d, LONG),
        lambda: theory.limit_in_dimension(sum(sp.Symbol(f"x{i}") for i in range(999)) + sp.Symbol("d"), d),
        lambda: theory.ZonalKernel(lambda t: t, variable=LONG),
        lambda: theory.ZonalKernel.parse("exp(t)")(sp.Integer(10) ** 400),
        lambda: Activation.parse("tanh(z)").derivative(LONG),
        lambda: Activation.parse("tanh(z)").plot(radius=LONG),
        lambda: theory.learnable_degrees(SIGMA, 1, d=LONG, d_min=5),
        lambda: theory.coefficient(SIGMA, 1, sum(sp.Symbol(f"x{i}") for i in range(999))),
    ):
        with pytest.raises(ValueError, match=r"needs|is another symbol") as refused:
            call()
        assert len(str(refused.value)) < 400
