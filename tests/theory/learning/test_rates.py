"""Every derivation checks, fails with a wrong exponent, and agrees with exact values at large d or m."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from theory import (
    Activation,
    coefficient,
    cumulative_multiplicity,
    monomial_coefficients,
    multiplicity,
    ntk_eigenvalue,
    ntk_spectrum,
)
from theory.learning.derivation import Exponent, Step
from theory.learning.learning_curve import learnabilities, samples_for_risk
from theory.learning.rademacher import linear_rademacher, quadratic_rademacher
from theory.learning.rates import RATES

SIGMA = Activation.parse("sin(z + pi/4)")
k, ell, p = sp.symbols("k l p", integer=True, positive=True)
EXPECTED = {
    "ntk_eigenvalue": 1 - ell,
    "linear_norm": k - 1,
    "quadratic_norm": k - 1,
    "ntk_samples": p,
    "ntk_samples_necessary": p,
    "ntk_alone_samples": k + 1,
    "quadntk_samples": k,
    "joint_samples": k,
    "width_signs_linear": sp.Rational(-1, 4),
    "width_signs_quadratic": sp.Integer(0),
    "width_signs_third": sp.Rational(-3, 4),
    "width_signs_fourth": sp.Rational(-1, 2),
    "width_signs_remainder": sp.Rational(-1, 2),
    "width_coherent_linear": sp.Rational(1, 4),
    "width_coherent_quadratic": sp.Integer(0),
    "width_coherent_remainder": sp.Rational(-1, 4),
    "width_lazy_linear": sp.Integer(0),
    "width_lazy_quadratic": sp.Rational(-1, 2),
    "width_lazy_remainder": sp.Integer(-1),
}


def test_every_rate_is_listed() -> None:
    assert {name: rate.exponent for name, rate in RATES.items()} == EXPECTED
    assert all(name == rate.name for name, rate in RATES.items())


@pytest.mark.parametrize("name", EXPECTED)
def test_derivation_checks(name: str) -> None:
    RATES[name].check()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_wrong_exponent_is_found(name: str) -> None:
    rate = RATES[name]
    last = rate.steps[-1]
    for shift in (1, -1, sp.Rational(1, 2)):
        wrong = Step(sp.Eq(rate.conclusion.lhs, rate.exponent + shift), last.reason, last.uses)
        with pytest.raises(ValueError, match=f"{name}, step {len(rate.steps)}"):
            replace(rate, steps=(*rate.steps[:-1], wrong)).check()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_derivation_reads_as_text_and_latex(name: str) -> None:
    rate = RATES[name]
    assert f"{len(rate.steps)}. Exponent(" in str(rate)
    assert rate.source in str(rate)
    assert rate.latex.count("&&") == len(rate.steps)
    assert isinstance(rate.conclusion.lhs, Exponent)
    assert rate.source.startswith("derived")


def slope(value: Callable[[int], float], small: int = 2000) -> float:
    """The measured exponent between d and 2 d; it differs from the true one by O(1/d)."""
    return math.log2(value(2 * small) / value(small))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_eigenvalue_exponent(degree: int) -> None:
    measured = slope(lambda d: float(ntk_eigenvalue(SIGMA, degree, d)))
    assert measured == pytest.approx(float(RATES["ntk_eigenvalue"].exponent.subs(ell, degree)), abs=0.01)


@pytest.mark.parametrize("low", [1, 2, 3])
def test_norm_exponents(low: int) -> None:
    def linear(d: int) -> float:
        return sum(1 / float(ntk_eigenvalue(SIGMA, degree, d)) for degree in range(low + 1))

    def quadratic(d: int) -> float:
        return d ** (low - 1) * sum(
            float(c) ** 2 * multiplicity(d, degree) / float(coefficient(SIGMA, degree, d, derivative=2)) ** 2
            for degree, c in monomial_coefficients(low - 1, d).items()
        )

    assert slope(linear) == pytest.approx(float(RATES["linear_norm"].exponent.subs(k, low)), abs=0.01)
    assert slope(quadratic) == pytest.approx(float(RATES["quadratic_norm"].exponent.subs(k, low)), abs=0.01)


def test_premise_of_the_quadratic_norm() -> None:
    """c_j = E[G^(k-1) He_j] d^(-(k-1+j)/2) to leading order, for k - 1 = 3: E[G^3 He_1] = 3, E[G^3 He_3] = 6."""
    d = 10**5
    exact = {1: 3.0, 3: 6.0}
    for degree, c in monomial_coefficients(3, d).items():
        assert float(c) * d ** ((3 + degree) / 2) == pytest.approx(exact[degree], rel=1e-3)


@pytest.mark.parametrize("degree", [1, 2])
def test_sample_exponents_of_the_ntk(degree: int) -> None:
    """Sufficient: the Rademacher bound at n = C d^p. Necessary: the learning curve at its best ridge."""

    def enough(d: int) -> float:
        norm = math.sqrt(1 / float(ntk_eigenvalue(SIGMA, degree, d)))
        return float(linear_rademacher(SIGMA, d, 1, norm)) ** 2  # the n with a complexity of 1

    def needed(d: int) -> float:
        return samples_for_risk(ntk_spectrum(SIGMA, d, degree + 2), 0.5, {degree: 1.0})

    assert slope(enough) == pytest.approx(float(RATES["ntk_samples"].exponent.subs(p, degree)), abs=0.01)
    assert slope(needed) == pytest.approx(float(RATES["ntk_samples_necessary"].exponent.subs(p, degree)), abs=0.02)


def test_fewer_samples_learn_nothing() -> None:
    """At n = d^1.5 the learnability of degree 2 is at most n/N(d,2), for every ridge, and falls with d."""
    shares = []
    for d in (100, 400, 1600):
        spectrum, n = ntk_spectrum(SIGMA, d, 3), int(d**1.5)
        shares.append(max(learnabilities(spectrum, n, ridge)[2] for ridge in (0.0, 1.0, 100.0)))
        assert shares[-1] <= n / multiplicity(d, 2)
    assert shares[1] < 0.6 * shares[0]  # n/N(d,2) falls by a half
    assert shares[2] < 0.6 * shares[1]


@pytest.mark.parametrize("low", [1, 2])
def test_sample_exponents_of_the_quadratic_term(low: int) -> None:
    """B^4 = 8 E[g^2] at the n where the bound is 1, with the logarithm divided out."""

    def enough(d: int) -> float:
        g = d ** (low - 1) * sum(
            float(c) ** 2 * multiplicity(d, degree) / float(coefficient(SIGMA, degree, d, derivative=2)) ** 2
            for degree, c in monomial_coefficients(low - 1, d).items()
        )
        far = 10**15  # there the bound is B^2 sqrt(const d log/n)
        bound = float(quadratic_rademacher(SIGMA, d, far, (8 * g) ** 0.25))
        return bound**2 * far / (1 + math.log(2 * d))

    assert slope(enough) == pytest.approx(float(RATES["quadntk_samples"].exponent.subs(k, low)), abs=0.02)
    joint = slope(lambda d: enough(d) + cumulative_multiplicity(d, low))
    assert joint == pytest.approx(float(RATES["joint_samples"].exponent.subs(k, low)), abs=0.02)


def taylor_sizes(m: int, power: float, signs: bool) -> dict[str, float]:
    """Root mean square of each term for sigma = exp, whose derivatives are all positive; exact over the signs.

    Neurons with a_r = -1 do not move, so that nothing but the random signs cancels: E (sum of s_r odd_r + even_r)^2 is
    the sum of the odd squares plus the square of the even sum.
    """
    rng = np.random.default_rng(8)
    weight = np.exp(rng.uniform(-1, 1, m // 2)) / math.sqrt(m)
    h = rng.uniform(0.5, 1.5, m // 2) * m**-power
    zero = np.zeros_like(h)

    def size(odd: np.ndarray, even: np.ndarray) -> float:
        odd_square = ((weight * odd) ** 2).sum() if signs else (weight * (odd + even)).sum() ** 2
        return math.sqrt(odd_square + ((weight * even).sum() ** 2 if signs else 0.0))

    return {
        "linear": size(h, zero),
        "quadratic": size(zero, h**2 / 2),
        "third": size(h**3 / 6, zero),
        "fourth": size(zero, np.cosh(h) - 1 - h**2 / 2),
        "remainder": size(np.sinh(h) - h, np.cosh(h) - 1 - h**2 / 2),
    }


@pytest.mark.parametrize(
    ("regime", "power", "signs"), [("signs", 0.25, True), ("coherent", 0.25, False), ("lazy", 0.5, False)]
)
def test_width_exponents(regime: str, power: float, signs: bool) -> None:
    """Between m = 2^14 and 2^20, with 0.01 for the random weights.

    The remainder with signs mixes two orders: it is the fourth order times (1 + (third/fourth)^2)^{1/2}.
    """
    small, large = taylor_sizes(2**14, power, signs), taylor_sizes(2**20, power, signs)
    compared = [term for term in small if f"width_{regime}_{term}" in RATES]
    for term in compared:
        measured = math.log2(large[term] / small[term]) / 6
        if signs and term == "remainder":
            mixed = [1 + (sizes["third"] / sizes["fourth"]) ** 2 for sizes in (small, large)]
            measured -= math.log2(mixed[1] / mixed[0]) / 12
        assert measured == pytest.approx(float(RATES[f"width_{regime}_{term}"].exponent), abs=0.01), term
    assert len(compared) == (5 if signs else 3)
