from collections.abc import Callable
from itertools import product
from math import factorial

import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq
from projections import correlation, legendre, line_rule

from theory import (
    Activation,
    NoClosedForm,
    Undecided,
    certified,
    coefficient,
    dense_norm,
    dense_norm_expr,
    multiplicity,
    ntk_eigenvalue,
    ntk_trace,
    profile_energy,
    profile_energy_expr,
    profile_energy_limit,
    random_sign_energy,
    slope_covariance,
    slope_covariance_expr,
    sparse_norm,
    sparse_profile,
    sparse_profile_expr,
    sparse_sign_energy,
)

parse = Activation.parse
SHIFTED = parse("sin(z + pi/4)")
D = sp.Symbol("d", positive=True)
U = sp.Symbol("u")
ALPHA = sp.Rational(7, 10)

# sigma with sigma' and sigma'' in NumPy.
# For sin(z + pi/4) the even part of sigma'^2 is constant, so A = B; the others tell A from B.
FLOATS: list[tuple[str, Callable, Callable]] = [
    ("tanh(z + 1)", lambda z: np.cosh(z + 1) ** -2, lambda z: -2 * np.tanh(z + 1) * np.cosh(z + 1) ** -2),
    ("sin(z + pi/4)", lambda z: np.cos(z + np.pi / 4), lambda z: -np.sin(z + np.pi / 4)),
    ("sin(z/2 + 1)", lambda z: np.cos(z / 2 + 1) / 2, lambda z: -np.sin(z / 2 + 1) / 4),
]


def profile(activation: Activation, k: int, d: int) -> Callable:
    """g in double precision, with the library's coefficients and SciPy's polynomials."""
    weights = {j: float(v) for j, v in sparse_profile(activation, k, d).items()}
    return lambda u: sum(v * legendre(j, d, u) for j, v in weights.items())


@pytest.mark.parametrize("d", [5, 12])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize(("text", "slope", "curvature"), FLOATS)
def test_profile_inverts_the_curvature(text: str, slope: Callable, curvature: Callable, k: int, d: int) -> None:
    """E_w[sigma''(<w,x>) g(<beta,w>)] = <beta,x>^{k-1}, integrated over the plane of x and beta."""
    # Checks :eq:`sparse-profile`.
    v = np.array([-0.9, -0.3, 0.0, 0.5, 0.8])
    mean = correlation(lambda u: curvature(np.sqrt(d) * u), profile(parse(text), k, d), d, v)
    assert np.abs(mean - (np.sqrt(d) * v) ** (k - 1)).max() < 1e-9 * d ** ((k - 1) / 2)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_profile_coefficients_are_written_out(k: int) -> None:
    """d^{(k-1)/2} c_j N(d,j)/lambda_j with t^p = sum c_j N P_j from the table of t, t^2, t^3 at d = 9."""
    # Checks :eq:`sparse-profile`.
    d = 9
    table = {
        1: {0: fmpq(1)},
        2: {1: fmpq(1)},
        3: {0: fmpq(1, 9), 2: fmpq(8, 9)},
        4: {1: fmpq(3, 11), 3: fmpq(8, 11)},
    }[k]
    found = sparse_profile(SHIFTED, k, d, 25)
    assert set(found) == set(table)
    for j, share in table.items():
        with ctx.workprec(120):
            expected = 3 ** (k - 1) * share / coefficient(SHIFTED, j, d, 2, 30)
            assert abs(found[j] / expected - 1) < arb("1e-24")


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("d", [3, 20])
def test_profile_energy_is_the_mean_square(k: int, d: int) -> None:
    # Checks :eq:`sparse-norm`.
    t, weight = line_rule(d)
    found = profile_energy(SHIFTED, k, d)
    assert abs(float(found) / (weight @ profile(SHIFTED, k, d)(t) ** 2) - 1) < 1e-12
    total = sum((v**2 / multiplicity(d, j) for j, v in sparse_profile(SHIFTED, k, d, 30).items()), arb(0))
    assert profile_energy(SHIFTED, k, d, 25).overlaps(total)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("text", ["sin(z + pi/4)", "tanh(z + 1)"])
def test_profile_energy_approaches_its_limit(k: int, text: str) -> None:
    # Checks :eq:`profile-energy-limit`.
    activation = parse(text)
    limit = profile_energy_limit(activation, k)
    error = [float(profile_energy(activation, k, d) / arb(d) ** (k - 1) / limit - 1) for d in (10**4, 10**5)]
    assert abs(error[1]) < 1e-2
    assert 8 < error[0] / error[1] < 12


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_limit_of_the_profile_energy_in_closed_form(k: int) -> None:
    """sin(z + pi/4): E[sigma'' He_{k-1}]^2 = 1/(2e) for every k; z^2: sigma'' = 2; exp: e."""
    assert profile_energy_limit(SHIFTED, k, 25).overlaps(2 * factorial(k - 1) * arb(1).exp())
    assert profile_energy_limit(SHIFTED, k, 25).rel_accuracy_bits() >= 83
    assert profile_energy_limit(parse("exp(z)"), k).overlaps(factorial(k - 1) / arb(1).exp())
    assert profile_energy_limit(parse("z**2"), 1).overlaps(arb("0.25"))
    assert profile_energy_limit(parse("z**3"), 2).overlaps(arb(fmpq(1, 36)))


@pytest.mark.parametrize(("k", "expected"), [(1, "21.83"), (2, "396.3"), (3, "15314")])
def test_norm_of_the_sparse_construction(k: int, expected: str) -> None:
    """The norms measured when the construction was derived, alpha = 0.7, d = 20."""
    # Checks :eq:`sparse-norm`.
    found = sparse_norm(SHIFTED, k, 20, ALPHA)
    digits = len(expected.replace(".", ""))
    assert abs(found / arb(expected) - 1) < arb(10) ** -(digits - 1)
    assert found.overlaps(8 * arb(fmpq(49, 100)) * profile_energy(SHIFTED, k, 20, 20))
    assert found.rel_accuracy_bits() >= 50


def test_alpha_may_be_any_kind_of_number() -> None:
    unit = sparse_norm(SHIFTED, 2, 10, digits=20)
    for alpha, square in ((0.5, fmpq(1, 4)), (-3, fmpq(9)), (sp.Rational(2, 3), fmpq(4, 9)), (arb(2), fmpq(4))):
        assert sparse_norm(SHIFTED, 2, 10, alpha, 20).overlaps(unit * square)
        assert sparse_norm(SHIFTED, 2, 10, alpha, 20).rel_accuracy_bits() >= 66
    assert sparse_norm(SHIFTED, 2, 10, 0).is_zero()
    assert unit.overlaps(sparse_norm(SHIFTED, 2, 10, 1))
    # A float is the binary number it is, so 0.7 is not 7/10.
    assert not sparse_norm(SHIFTED, 2, 10, 0.7, 20).overlaps(sparse_norm(SHIFTED, 2, 10, ALPHA, 20))


@pytest.mark.parametrize("digits", [1, 15, 28, 60, 200])
def test_norms_carry_their_digits(digits: int) -> None:
    goal, activation = int(digits * 3.3219280948873626), parse("tanh(z + 1)")
    inner, norms = [j / 7 for j in range(60)], [j / 5 for j in range(60)]
    assert sparse_norm(activation, 3, 10, ALPHA, digits).rel_accuracy_bits() >= goal
    assert random_sign_energy(activation, 10, inner, norms, digits).rel_accuracy_bits() >= goal
    assert sparse_sign_energy(activation, 2, 10, ALPHA, digits).rel_accuracy_bits() >= goal
    assert dense_norm(activation, 10, {1: ALPHA, 2: 1}, digits).rel_accuracy_bits() >= goal


@pytest.mark.parametrize("d", [3, 11])
def test_norm_of_the_dense_construction(d: int) -> None:
    # Checks :eq:`dense-norm`.
    parts = {0: (2, arb(2)), 1: (0.5, arb("0.5")), 3: (sp.Rational(1, 3), arb(1) / 3)}
    expected = sum((e / ntk_eigenvalue(SHIFTED, j, d, 25) for j, (_, e) in parts.items()), arb(0))
    assert dense_norm(SHIFTED, d, {j: e for j, (e, _) in parts.items()}, 12).overlaps(expected)
    assert dense_norm(SHIFTED, d, {2: 1}).overlaps(1 / ntk_eigenvalue(SHIFTED, 2, d, 20))
    assert dense_norm(SHIFTED, d, {}).is_zero()


def test_a_degree_without_energy_costs_nothing() -> None:
    odd = parse("tanh(z)")
    assert dense_norm(odd, 10, {2: 0, 1: 1}).overlaps(dense_norm(odd, 10, {1: 1}))
    assert dense_norm(odd, 10, {1: 1, 2: 0.0, 3: 1}).overlaps(dense_norm(odd, 10, {1: 1, 3: 1}))
    with pytest.raises(ValueError, match=r"Lambda_2 of tanh\(z\) is zero: the NTK cannot express degree 2"):
        dense_norm(odd, 10, {1: 1, 2: 1})


@pytest.mark.parametrize("d", [3, 7, 15])
@pytest.mark.parametrize(("text", "slope", "curvature"), FLOATS)
def test_slope_covariance_against_quadrature(text: str, slope: Callable, curvature: Callable, d: int) -> None:
    """A = d E[sigma'^2 t^2] along w, B = d E[sigma'^2 (1 - t^2)]/(d - 1) in each direction across."""
    # Checks :eq:`slope-covariance`.
    t, weight = line_rule(d)
    square = slope(np.sqrt(d) * t) ** 2
    along, across = slope_covariance(parse(text), d)
    assert abs(float(along) - d * (weight @ (square * t * t))) < 1e-12
    assert abs(float(across) - d * (weight @ (square * (1 - t * t))) / (d - 1)) < 1e-12
    assert (along + (d - 1) * across).overlaps(ntk_trace(parse(text), d))


@pytest.mark.parametrize("text", ["sin(z/2 + 1)", "z**3 - z", "relu(z)"])
def test_slope_covariance_in_closed_form(text: str) -> None:
    activation = parse(text)
    symbolic = slope_covariance_expr(activation, D)
    for d in (3, 8):
        for expr, at, value in zip(
            symbolic, slope_covariance_expr(activation, d), slope_covariance(activation, d), strict=True
        ):
            # Not certified(): SymPy writes some of them with Bessel functions.
            assert abs(float(sp.N(expr.subs(D, d), 25)) / float(value) - 1) < 1e-14
            assert abs(float(sp.N(at, 25)) / float(value) - 1) < 1e-14
    with pytest.raises(NoClosedForm):
        slope_covariance_expr(parse("tanh(z)"), D)


@pytest.mark.parametrize(("text", "slope", "curvature"), FLOATS)
def test_random_signs_by_averaging_over_all_of_them(text: str, slope: Callable, curvature: Callable) -> None:
    """Four neurons at d = 3: f_L squared, integrated over the sphere, for each of the 16 sign patterns."""
    # Checks :eq:`random-signs`.
    d, m = 3, 4
    rng = np.random.default_rng(7)
    w = rng.normal(size=(m, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    moved = rng.normal(size=(m, d)) * np.array([[0.5], [1.0], [1.5], [0.2]])
    a = np.array([1, 1, -1, -1])
    height, weight = np.polynomial.legendre.leggauss(60)
    angle = 2 * np.pi * np.arange(128) / 128
    flat = np.sqrt(1 - height**2)
    x = np.sqrt(d) * np.stack(
        [np.outer(flat, np.cos(angle)), np.outer(flat, np.sin(angle)), np.outer(height, np.ones(128))], axis=-1
    ).reshape(-1, d)
    weight = np.repeat(weight / 2 / 128, 128)
    features = a * slope(x @ w.T) * (x @ moved.T) / np.sqrt(m)  # (n, m)
    energies = [weight @ (features @ np.array(signs)) ** 2 for signs in product((-1, 1), repeat=m)]
    inner, norms = (w * moved).sum(axis=1).tolist(), np.linalg.norm(moved, axis=1).tolist()
    found = random_sign_energy(parse(text), d, inner, norms)
    assert abs(float(found) / np.mean(energies) - 1) < 1e-12


def test_random_signs_of_parallel_and_orthogonal_moves() -> None:
    activation = parse("tanh(z + 1)")
    along, across = slope_covariance(activation, 9, 25)
    assert not along.overlaps(across)
    assert random_sign_energy(activation, 9, [2.0], [2.0], 20).overlaps(4 * along)
    assert random_sign_energy(activation, 9, [0.0, 0.0], [2.0, 1.0], 20).overlaps(5 * across / 2)
    assert random_sign_energy(activation, 9, [3.0] * 300, [3.0] * 300, 20).overlaps(9 * along)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("d", [4, 9])
@pytest.mark.parametrize("alpha", [ALPHA, -2])
@pytest.mark.parametrize(("text", "slope", "curvature"), FLOATS)
def test_sparse_sign_energy_against_quadrature(text, slope, curvature, k: int, d: int, alpha: sp.Expr) -> None:
    """2 |alpha| E[|g| (B + (A-B) u^2)], split at the zeros of g."""
    # Checks :eq:`sparse-signs`.
    g = profile(parse(text), k, d)
    grid = np.linspace(-1, 1, 40)
    zeros = np.polynomial.Polynomial.fit(grid, g(grid), k).convert().trim(1e-9).roots()
    inside = sorted(float(r.real) for r in np.atleast_1d(zeros) if abs(r.imag) < 1e-9 and abs(r) < 1)
    t, weight = line_rule(d, tuple(inside))
    s, even = line_rule(d)
    square = slope(np.sqrt(d) * s) ** 2
    along, across = d * (even @ (square * s * s)), d * (even @ (square * (1 - s * s))) / (d - 1)
    expected = 2 * abs(float(alpha)) * (weight @ (np.abs(g(t)) * (across + (along - across) * t * t)))
    assert abs(float(sparse_sign_energy(parse(text), k, d, alpha)) / expected - 1) < 1e-11


def test_sparse_sign_energy_of_a_constant_profile() -> None:
    """k = 1: |g| = 1/|lambda_0(sigma'')| is constant and E[B + (A-B) u^2] = E[sigma'^2]."""
    # Checks :eq:`sparse-signs`.
    activation = parse("tanh(z + 1)")
    for d in (3, 10**4):
        mean = ntk_trace(activation, d, 25) / d
        curvature = abs(coefficient(activation, 0, d, 2, 25))
        assert sparse_sign_energy(activation, 1, d, 3, 20).overlaps(6 * mean / curvature)
    assert sparse_sign_energy(activation, 2, 5, 0).is_zero()


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_closed_forms_at_several_dimensions(k: int) -> None:
    activation = parse("sin(z/2 + 1)")
    symbolic, energy = sparse_profile_expr(activation, k, D, U), profile_energy_expr(activation, k, D)
    point = sp.Rational(2, 5)
    for d in (3, 7, 16):
        values = sparse_profile(activation, k, d, 25)
        total = sum((v * _legendre_ball(j, d, fmpq(2, 5)) for j, v in values.items()), arb(0))
        assert certified(symbolic.subs({D: d, U: point}), 20).overlaps(total)
        assert certified(sparse_profile_expr(activation, k, d, point), 20).overlaps(total)
        assert certified(energy.subs(D, d), 20).overlaps(profile_energy(activation, k, d))
        assert certified(profile_energy_expr(activation, k, d), 20).overlaps(profile_energy(activation, k, d))


def _legendre_ball(degree: int, d: int, t: fmpq) -> arb:
    """P_0..P_3 written out."""
    return arb(
        [
            fmpq(1),
            t,
            (d * t * t - 1) / (d - 1),
            ((d + 2) * t * t * t - 3 * t) / (d - 1),
        ][degree]
    )


def test_dense_norm_in_closed_form() -> None:
    one, two = sp.symbols("E_1 E_2")
    expr = dense_norm_expr(SHIFTED, D, {1: one, 2: two})
    energies = {1: sp.Rational(1, 2), 2: 3}
    for d in (3, 9):
        found = float(dense_norm(SHIFTED, d, energies))
        assert abs(float(sp.N(expr.subs({D: d, one: energies[1], two: energies[2]}), 25)) / found - 1) < 1e-14
    assert dense_norm_expr(SHIFTED, D, {}) == 0
    cube = dense_norm_expr(parse("z**3 + z**2"), D, {3: one, 2: 5})
    for d in (3, 8):
        found = dense_norm(parse("z**3 + z**2"), d, {3: 4, 2: 5})
        assert certified(cube.subs({D: d, one: 4}), 20).overlaps(found)
        assert certified(dense_norm_expr(parse("z**3 + z**2"), d, {3: 4, 2: 5}), 20).overlaps(found)


@pytest.mark.parametrize(
    "function",
    [
        sparse_profile,
        profile_energy,
        sparse_norm,
        sparse_sign_energy,
        profile_energy_expr,
        lambda a, k, d: sparse_profile_expr(a, k, d, U),
    ],
)
def test_arguments_are_checked(function: Callable) -> None:
    for k, d, needle in ((0, 5, "k=0: needs k >= 1"), (-1, 5, "k=-1"), (1.5, 5, "k=1.5"), (1, 2, "d=2")):
        with pytest.raises(ValueError, match=needle):
            function(SHIFTED, k, d)
    with pytest.raises(ValueError, match="distribution"):
        function(parse("relu(z)"), 1, 5)


def test_a_vanishing_curvature_is_refused() -> None:
    """sin'' and tanh'' are odd: lambda_0 and lambda_2 are zero, so odd k has no construction."""
    for text in ("sin(z)", "tanh(z)"):
        for k in (1, 3):
            for function in (sparse_profile, profile_energy, sparse_norm, sparse_sign_energy):
                with pytest.raises(ValueError, match=r"lambda_\d\(sigma''\) of .* is zero at d=10"):
                    function(parse(text), k, 10)
            with pytest.raises(ValueError, match=r"lambda_\d\(sigma''\) of .* is zero at every d: the construction"):
                profile_energy_limit(parse(text), k)
        assert profile_energy(parse(text), 2, 10) > 0
        assert profile_energy_limit(parse(text), 2) > 0
    with pytest.raises(ValueError, match=r"lambda_0\(sigma''\) of sin\(z\) is zero"):
        sparse_profile_expr(parse("sin(z)"), 1, D, U)
    with pytest.raises(ValueError, match="k=0"):
        profile_energy_limit(SHIFTED, 0)


def test_other_bad_arguments() -> None:
    for energies, needle in (({1: -1}, r"energies\[1\]=-1"), ({-1: 1}, "degree=-1"), ({0: float("nan")}, "nan")):
        with pytest.raises(ValueError, match=needle):
            dense_norm(SHIFTED, 5, energies)
    for inner, norms in (([1.0], []), ([], []), ([1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match=f"{len(inner)} inner products, {len(norms)} norms"):
            random_sign_energy(SHIFTED, 5, inner, norms)
    for call in (
        lambda: dense_norm(SHIFTED, D, {1: 1}),
        lambda: slope_covariance(SHIFTED, D),
        lambda: sparse_profile(SHIFTED, 1, D),
        lambda: sparse_sign_energy(SHIFTED, 1, D),
    ):
        with pytest.raises(ValueError, match="_expr"):
            call()
    for call in (lambda: slope_covariance(SHIFTED, 2), lambda: slope_covariance_expr(SHIFTED, 2)):
        with pytest.raises(ValueError, match="d=2"):
            call()


def test_an_unproved_zero_is_undecided() -> None:
    """sigma'' = (10 - 9 z - z^2) e^z has lambda_0 = 0 at d = 10, by parts; no rule here knows it."""
    activation = parse("(22 - 5*z - z**2)*exp(z)")
    for function, subject in (
        (sparse_profile, "g of .* at k=1, d=10"),
        (profile_energy, r"E\[g\^2\] of .* at k=1, d=10"),
    ):
        with pytest.raises(Undecided, match=subject):
            function(activation, 1, 10)
        assert function(activation, 1, 11)
    # E[z h] = E[h'] with h = z e^z: the mean of (z^2 - z - 1) e^z is zero on the line, which algebra proves.
    with pytest.raises(ValueError, match=r"at k=1 grows as d\^2, faster than d\^0"):
        profile_energy_limit(parse("(z**2 - 5*z + 7)*exp(z)"), 1)
    # No rule here knows that this is zero: tanh(2 z) (1 + tanh^2 z) = 2 tanh z.
    with pytest.raises(Undecided, match=r"term 0 of the expansion in 1/d of d\^\(1/2\) lambda_1 of sigma''"):
        profile_energy_limit(parse("tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z)"), 2)


def test_closed_forms_can_be_certified() -> None:
    activation = parse("sin(z/2 + 1)")
    for expr in (dense_norm_expr(activation, 3, {1: 1}), slope_covariance_expr(activation, 8)[0]):
        assert certified(expr).is_finite()


def test_closed_forms_that_vanish_are_refused() -> None:
    d = sp.Symbol("d", positive=True)
    with pytest.raises(ValueError, match="lambda_0"):
        profile_energy_expr(parse("sin(z)"), 1, d)
    with pytest.raises(ValueError, match="Lambda_2"):
        dense_norm_expr(parse("sin(z)"), d, {2: 1})
    with pytest.raises(ValueError, match="energies"):
        dense_norm_expr(parse("sin(z)"), d, {1: -1})
    assert dense_norm_expr(parse("sin(z)"), d, {2: 0}) == 0


def test_random_sign_energy_takes_arrays() -> None:
    found = random_sign_energy(parse("z"), 10, np.array([0.0, 0.5]), np.array([1.0, 1.0]))
    assert found.overlaps(arb(1))
