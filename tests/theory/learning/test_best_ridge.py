r"""The best ridge against the minimum of the risk in many digits, where doubles cannot tell the risks apart."""

from __future__ import annotations

import mpmath as mp
import pytest
from flint import arb

from theory import Spectrum, kernel_ridge_risk, learnabilities, learning_curve, optimal_ridge
from theory.learning.learning_curve import effective_regularization

Modes = tuple[tuple[int, float, float], ...]
TWO: Modes = ((1, 1.0, 0.0), (8, 0.5, 1.0))
FLAT: Modes = ((1, 1.0, 1.0), (10, 1.0, 0.0))
SPREAD: Modes = ((1, 4.0, 0.0), (45, 2 / 3, 1.0), (300, 1e-3, 0.25))


def spectrum(modes: Modes, tail: arb | float = 0.0) -> Spectrum:
    return Spectrum.from_eigenvalues([v for _, v, _ in modes], multiplicities=[c for c, _, _ in modes], tail=arb(tail))


def energies(modes: Modes) -> dict[int, float]:
    return {degree: energy for degree, (_, _, energy) in enumerate(modes) if energy}


def law(modes: Modes, n: int, kappa: mp.mpf) -> mp.mpf:
    """Ridge and tail of a kappa."""
    return kappa * (n - mp.fsum(c * mp.mpf(v) / (v + kappa) for c, v, _ in modes))


def minimum(modes: Modes, n: int, noise: float, guess: float) -> mp.mpf:
    """The ridge of the zero of the derivative of log(risk) next to a guess of kappa, in 200 digits."""

    def log_risk(kappa: mp.mpf) -> mp.mpf:
        shares = [(c, v / (v + kappa), mp.mpf(e)) for c, v, e in modes]
        bias = noise + mp.fsum((1 - learned) ** 2 * e for _, learned, e in shares)
        return mp.log(bias) - mp.log(n - mp.fsum(c * learned**2 for c, learned, _ in shares))

    with mp.workdps(200):
        ends = (mp.mpf(guess) / 3, mp.mpf(guess) * 3)
        return law(modes, n, mp.findroot(lambda kappa: mp.diff(log_risk, kappa), ends, solver="anderson", tol=1e-300))


@pytest.mark.parametrize(
    ("modes", "n", "noise", "guess"),
    [
        *((FLAT, n, 1.0, 11.0 / n) for n in (10**6, 10**9, 10**12, 10**15, 10**30)),
        *((TWO, 5, noise, 6 * noise / 5) for noise in (1e6, 1e8, 1e12, 1e20)),
        (SPREAD, 10**4, 0.01, 1e-6),
        (SPREAD, 10**10, 0.01, 1e-12),
        (SPREAD, 10**12, 1.0, 1e-12),
    ],
)
def test_the_zero_of_the_slope_in_many_digits(modes: Modes, n: int, noise: float, guess: float) -> None:
    # Checks :eq:`ridge-risk`, minimised.
    found = optimal_ridge(spectrum(modes), n, energies(modes), noise)
    assert found == pytest.approx(float(minimum(modes, n, noise, guess)), rel=1e-9)
    assert learning_curve(spectrum(modes), [n], energies(modes), noise).ridges == (found,)


def test_a_noise_beyond_which_no_double_holds_the_ridge() -> None:
    with pytest.raises(ValueError, match=r"n=3: the best ridge is above 1e\+300, so large is the noise"):
        optimal_ridge(spectrum(FLAT), 3, {0: 1e-200}, 1e200)


@pytest.mark.parametrize("count", [10**6, 10**12, 10**15, 10**16])
def test_one_sample_less_than_there_are_eigenfunctions(count: int) -> None:
    """kappa solves 1/(1 + kappa) + N 2/(2 + kappa) = N: 1 = kappa/(1 + kappa) + N kappa/(2 + kappa)."""
    # Checks :eq:`conservation-law`.
    modes: Modes = ((1, 1.0, 0.0), (count, 2.0, 1.0))
    with mp.workdps(60):
        kappa = mp.findroot(lambda k: k / (1 + k) + count * k / (2 + k) - 1, mp.mpf(2) / count)
        rest = kappa / (2 + kappa)
        free = 1 / (1 + kappa) * kappa / (1 + kappa) + count * 2 / (2 + kappa) * rest
        risk = count / free * rest**2
    assert effective_regularization(spectrum(modes), count, 0.0) == pytest.approx(float(kappa), rel=1e-13)
    assert kernel_ridge_risk(spectrum(modes), count, 0.0, {1: 1.0}) == pytest.approx(float(risk), rel=1e-12)
    assert learning_curve(spectrum(modes), [count], {1: 1.0}).risks[0] <= float(risk) * (1 + 1e-12)


def test_a_tail_that_may_be_zero_is_not_taken_for_zero() -> None:
    """Of 0 the risk at ridge 0 tends to 0, of .4 it is 4e-4: one answer would be wrong."""
    wide = spectrum(TWO, arb(0, 0.5))
    for ask in (
        lambda: learning_curve(wide, [50], {1: 1.0}),
        lambda: optimal_ridge(wide, 50, {1: 1.0}),
        lambda: kernel_ridge_risk(wide, 50, 0.0, {1: 1.0}),
    ):
        with pytest.raises(ValueError, match="has too large a radius; give more digits"):
            ask()
    assert optimal_ridge(spectrum(TWO), 50, {1: 1.0}) == 0.0


@pytest.mark.parametrize("value", [arb(0.1, 0.2), arb(0, 0.2), arb(-0.05, 0.2)])
def test_an_eigenvalue_that_may_be_zero_is_not_taken_for_its_middle(value: arb) -> None:
    unknown = Spectrum.from_eigenvalues([1, value], multiplicities=[1, 8])
    for ask in (
        lambda: kernel_ridge_risk(unknown, 5, 0.1, {1: 1.0}),
        lambda: kernel_ridge_risk(unknown, 5, 0.1, {0: 1.0}),
        lambda: learnabilities(unknown, 5, 0.1),
        lambda: learning_curve(unknown, [5], {1: 1.0}),
    ):
        with pytest.raises(ValueError, match="an eigenvalue about zero has too large a radius"):
            ask()


def test_an_eigenvalue_that_is_zero_to_rounding_counts_as_zero() -> None:
    rounded, exact = (Spectrum.from_eigenvalues([1, v], multiplicities=[1, 8]) for v in (arb(1e-32, 1e-30), arb(0)))
    assert kernel_ridge_risk(rounded, 5, 0.1, {1: 1.0}) == kernel_ridge_risk(exact, 5, 0.1, {1: 1.0})
    assert learnabilities(rounded, 5, 0.1)[1] == 0.0
    curves = [learning_curve(one, [5], {0: 1.0}, noise=0.1, ridge=0.1) for one in (rounded, exact)]
    assert curves[0].risks == curves[1].risks


def test_a_risk_below_every_double_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the risk is below 2.23e-308, where a double loses its digits; multiply"):
        kernel_ridge_risk(spectrum(FLAT), 10**170, 1.0, {0: 1.0})
    assert kernel_ridge_risk(spectrum(FLAT), 10, 1.0, {}) == 0.0
