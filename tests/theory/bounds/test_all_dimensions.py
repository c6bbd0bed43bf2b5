"""Bounds for every dimension: they contain what is certified at single d, are tight, and say why they hold."""

import random

import pytest
from flint import arb, ctx

import theory.bounds.density
from theory import (
    Activation,
    Undecided,
    bounds_for_all_dimensions,
    coefficient,
    dense_norm,
    effective_ridge,
    ntk_expansion,
    ntk_limit,
    ntk_spectrum,
    profile_energy,
    profile_energy_limit,
    quadntk_eigenvalue,
)
from theory.bounds.coefficients import _expansion
from theory.spectra.eigenvalues import NTK, eigenvalue_ball

SMOOTH = (
    "sin(z + pi/4)",
    "tanh(z + 1)",
    "erf(z + 1/2)",
    "gelu(z)",
    "gelu(z + 1)",
    "softplus(z)",
    "sigmoid(z)",
    "exp(z)",
    "exp(-z**2/2)",
)


def scaled(text: str, degree: int, d: int) -> arb:
    """d^{l-1} Lambda_l (Lambda_0) at one d, by the eigenvalues' own code, beyond its range of d too."""
    return eigenvalue_ball(NTK, Activation.parse(text), degree, d, 100) * arb(d) ** max(degree - 1, 0)


@pytest.mark.parametrize("text", SMOOTH)
def test_contains_and_is_tight(text: str) -> None:
    rng = random.Random(text)
    some = [3, 4, 5, 7, 10, 16, 25, 40, 63, 64, 100, 127, 128, 250, 999, 1000, 1001, 10**4]
    some += [round(10 ** rng.uniform(0.5, 6)) for _ in range(4)]
    spectra = {d: ntk_spectrum(text, d, 4, 8).eigenvalues for d in some}
    for degree in range(5):
        limit = ntk_limit(text, degree)
        for smallest in (3, 1000):
            bounds = bounds_for_all_dimensions(text, degree, d_min=smallest)
            if bounds.exponent is None:
                assert all(values[degree].is_zero() for values in spectra.values())
                continue
            assert bounds.exponent == -max(degree - 1, 0)
            values = [v[degree] * arb(d) ** max(degree - 1, 0) for d, v in spectra.items() if d >= smallest]
            assert all(bounds.lower <= v.upper() and v.lower() <= bounds.upper for v in [*values, limit])
            least, most = (f(float(v.mid()) for v in [*values, limit]) for f in (min, max))
            assert least > 0
            assert bounds.lower > 0.95 * least
            assert bounds.upper < 1.05 * most


@pytest.mark.parametrize(("text", "degree"), [("tanh(z + 1)", 2), ("sin(z + pi/4)", 4), ("gelu(z)", 1)])
def test_dimensions_up_to_a_thousand_millions(text: str, degree: int) -> None:
    rng = random.Random(f"{text} {degree}")
    bounds = bounds_for_all_dimensions(text, degree)
    for _ in range(12):
        value = scaled(text, degree, round(10 ** rng.uniform(0.5, 9)))
        assert bounds.lower <= value.upper()
        assert value.lower() <= bounds.upper


def test_a_planted_wrong_constant_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """u^2/4 in the density's exponent taken a tenth too large: certified values then leave the bounds."""
    text, degree, d = "tanh(z + 1)", 4, 300
    right = theory.bounds.density._exponent
    clear = (theory.bounds.density.density_ratio, _expansion)
    assert bounds_for_all_dimensions(text, degree, d_min=d).upper >= scaled(text, degree, d)
    monkeypatch.setattr(theory.bounds.density, "_exponent", lambda n, a: right(n, a) * (11 if n == 1 else 10) / 10)
    try:
        for cache in clear:
            cache.cache_clear()
        wrong = bounds_for_all_dimensions(text, degree, d_min=d)
        assert not (wrong.expansion.expansion.at(d).overlaps(scaled(text, degree, d)))
    finally:
        monkeypatch.undo()
        for cache in clear:
            cache.cache_clear()


QUANTITIES = {
    "quadntk_eigenvalue": lambda text, degree, d: quadntk_eigenvalue(text, degree, d),
    "profile_energy": lambda text, degree, d: profile_energy(text, degree, d),
    "effective_ridge": lambda text, degree, d: effective_ridge(text, d, degree),
    "dense_norm": lambda text, degree, d: dense_norm(text, d, {degree: 1}),
    "coefficient": lambda text, degree, d: coefficient(text, degree, d, 0),
}


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("text", ["tanh(z + 1)", "erf(z + 1/2)"])
def test_the_other_quantities(quantity: str, text: str) -> None:
    for degree in (1, 2):
        bounds = bounds_for_all_dimensions(text, degree, quantity)
        for d in (3, 9, 64, 129, 5000):
            value = QUANTITIES[quantity](text, degree, d) * arb(d).sqrt() ** int(-2 * bounds.exponent)
            assert bounds.lower <= value.upper()
            assert value.lower() <= bounds.upper
            if d < bounds.switch:
                assert bounds.evaluated[d - 3].overlaps(value)
            else:
                assert bounds.expansion.expansion.at(d).overlaps(value)
        assert bounds.nonzero
        assert bounds.order.startswith("Theta")


def test_leading_terms_agree_with_the_expansions() -> None:
    for text in ("tanh(z + 1)", "cos(z) + exp(-1/2)*z**2/2"):
        for degree in (0, 2):
            bounds = bounds_for_all_dimensions(text, degree)
            expected = ntk_expansion(text, degree)
            assert bounds.exponent == expected.exponent
            assert bounds.expansion.expansion.coefficients[0].overlaps(expected.limit)
            assert bounds.expansion.expansion.coefficients[1].overlaps(expected.correction)
    text = "cos(z) + exp(-1/2)*z**2/2"
    energy = bounds_for_all_dimensions(text, 3, "profile_energy")
    assert energy.expansion.expansion.coefficients[0].overlaps(profile_energy_limit(text, 3))


def test_what_vanishes_for_every_d() -> None:
    for text, degree, quantity in (
        ("gelu(z)", 3, "ntk_eigenvalue"),
        ("tanh(z)", 2, "coefficient"),
        ("z**2", 2, "effective_ridge"),
        ("z", 1, "quadntk_eigenvalue"),
        ("z**3/3 - z", 0, "ntk_eigenvalue"),
        ("z**3/3 - z", 0, "coefficient"),
    ):
        bounds = bounds_for_all_dimensions(text, degree, quantity)
        assert bounds.exponent is None
        assert bounds.lower.is_zero()
        assert bounds.upper.is_zero()
        assert bounds.order == "0"
        assert not bounds.nonzero
        assert "for every d." in bounds.explain()
    assert bounds_for_all_dimensions("z**3", 2, "effective_ridge").lower > 0


def test_a_coefficient_that_changes_its_sign() -> None:
    """lambda_3(tanh(z + 1)) is positive at d = 3 and negative for large d, zero at none."""
    bounds = bounds_for_all_dimensions("tanh(z + 1)", 3, "coefficient")
    assert bounds.lower < 0 < bounds.upper
    assert bounds.nonzero
    assert bounds.order == "O(d^(-3/2))"
    assert not bounds_for_all_dimensions("z**4/4 - 5*z**2/4", 1, "coefficient", derivative=1).nonzero  # zero at d = 10


def test_the_proof_says_what_was_done() -> None:
    bounds = bounds_for_all_dimensions("sin(z + pi/4)", 3)
    text = bounds.explain()
    for part in (
        f"Theorem. Let sigma(z) = sin(z + pi/4). Then\n    {bounds}.",
        "Lambda_3 = 3*d/(d + 4) * lambda_2(sigma')^2 + d*(d + 1)/(d + 4) * lambda_4(sigma')^2",
        f"all d >= {bounds.switch}",
        "d lambda_2(sigma') = -0.428882 + 0.10722/d + 1.20176/d^2",
        f"For each d from 3 to {bounds.switch - 1}",
        "0.1496, at d = 3",
        "Steps 6 and 7 prove the theorem.",
    ):
        assert part in text.replace("\n   ", " ") or part in text
    assert max(map(len, bounds_for_all_dimensions("tanh(z + 1)", 1).explain().splitlines())) < 160
    assert "There is none" in bounds_for_all_dimensions("sin(z + pi/4)", 3, d_min=1000).explain()
    assert bounds == bounds_for_all_dimensions("sin(z + pi/4)", 3)


def test_arguments_are_checked() -> None:
    for arguments, needle in (
        (("exp(z)", 1, "ntk", 3), "quantity='ntk': needs one of ntk_eigenvalue"),
        (("exp(z)", -1), "degree=-1"),
        (("exp(z)", 1, "ntk_eigenvalue", 2), "d_min=2: needs an integer d_min >= 3"),
        (("exp(z)", 1, "ntk_eigenvalue", 3.0), "d_min=3.0"),
        (("exp(z)", 0, "profile_energy"), "k=0"),
        (("exp(z)", True, "effective_ridge"), "k=True"),
        (("relu(z)", 1, "quadntk_eigenvalue"), "distribution"),
        (("relu(z)", 1), "kink"),
        (("exp(z**2/8)", 2), "no bound on its growth"),
        (("tanh(z)", 2, "dense_norm"), "is zero for every d, and is divided by"),
        (("tanh(z)", 1, "profile_energy"), "is zero for every d"),
    ):
        with pytest.raises(ValueError, match=needle):
            bounds_for_all_dimensions(*arguments)
    with pytest.raises(ValueError, match="derivative=1: only for"):
        bounds_for_all_dimensions("exp(z)", 1, derivative=1)
    with pytest.raises(Undecided):
        bounds_for_all_dimensions("tanh(2*z)*(1 + tanh(z)**2) - 2*tanh(z) + z**2", 3)
    with pytest.raises(Undecided, match="a divisor is not told from zero"):
        bounds_for_all_dimensions("z**5/20 - 5*z**3/12", 2, "profile_energy")  # lambda_1(sigma'') = 0 at d = 10


def test_the_precision_in_use_does_not_matter() -> None:
    with ctx.workprec(20):
        low = bounds_for_all_dimensions("sin(z)", 1)
    assert low == bounds_for_all_dimensions("sin(z)", 1)
