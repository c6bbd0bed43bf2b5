"""Learning curves as objects: each number is that of the functions, and of the law solved another way."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from theory import (
    Spectrum,
    effective_regularization,
    kernel_ridge_risk,
    learnabilities,
    learning_curve,
    ntk_spectrum,
    optimal_ridge,
    quadntk_spectrum,
)

SPECTRUM = ntk_spectrum("sin(z + pi/4)", 20, 4)
ENERGIES = {1: 1.0, 2: 1.0}


def test_its_numbers_are_those_of_the_functions() -> None:
    fixed = learning_curve(SPECTRUM, (20, 60), ENERGIES, noise=0.3, ridge=0.1)
    best = learning_curve(SPECTRUM, (20, 60), ENERGIES, noise=0.3)
    for i, n in enumerate((20, 60)):
        assert fixed.risks[i] == kernel_ridge_risk(SPECTRUM, n, 0.1, ENERGIES, 0.3)
        shares = learnabilities(SPECTRUM, n, 0.1)
        assert fixed.learned[i] == pytest.approx({degree: shares[degree] for degree in ENERGIES})
        assert best.ridges[i] == optimal_ridge(SPECTRUM, n, ENERGIES, 0.3)
        assert best.risks[i] <= fixed.risks[i]
    assert fixed.ridges == (0.1, 0.1)
    assert str(best).count("\n") == 3
    assert best._repr_html_().count("<tr>") == 3


def test_predicting_nothing_may_be_best() -> None:
    curve = learning_curve(ntk_spectrum("tanh(z)", 10, 2), (10,), {2: 1.0})  # an odd function learns no degree 2
    assert curve.ridges == (math.inf,)
    assert curve.risks == (1.0,)


def test_samples_in_every_form() -> None:
    expected = learning_curve(SPECTRUM, (20, 60), ENERGIES).risks
    for samples in ([20, 60], np.array([20, 60]), range(20, 61, 40), iter((20, 60))):
        assert learning_curve(SPECTRUM, samples, ENERGIES).risks == expected
    for bad in (20, [], [0], [1.5], None):
        with pytest.raises(ValueError, match=r"^(samples|n)="):
            learning_curve(SPECTRUM, bad, ENERGIES)


def test_the_law_for_eigenvalues_of_ones_own() -> None:
    """kappa by a root finder of SciPy and the sums written out, against the curve."""
    values, counts, energy, noise, ridge = (
        np.array([2.0, 0.5, 0.25]),
        np.array([1, 8, 30]),
        np.array([0, 1.0, 0.5]),
        0.2,
        0.1,
    )
    spectrum = Spectrum.from_eigenvalues(values, multiplicities=counts, tail=0.75)
    curve = learning_curve(spectrum, (5, 20, 100), {1: 1.0, 2: 0.5}, noise, ridge)
    for n, risk in zip(curve.samples, curve.risks, strict=True):
        kappa = brentq(
            lambda k, n=n: (counts * values / (values + k)).sum() + (ridge + 0.75) / k - n, 1e-9, 1e3, xtol=1e-15
        )
        learned = values / (values + kappa)
        expected = (((1 - learned) ** 2 * energy).sum() + noise) * n / (n - (counts * learned**2).sum())
        assert risk == pytest.approx(expected, rel=1e-9)
        assert effective_regularization(spectrum, n, ridge) == pytest.approx(kappa, rel=1e-9)


def test_a_given_spectrum_is_not_continued() -> None:
    spectrum = Spectrum.from_eigenvalues([1.0, 0.5], d=10, tail=3.0)
    assert learning_curve(spectrum, (5,), {1: 1.0}, ridge=50.0).risks[0] > 0
    with pytest.raises(ValueError, match="needs a spectrum up to degree"):
        learning_curve(spectrum, (10**6,), {1: 1.0}, ridge=0.0)


def test_both_layers_are_continued_like_one() -> None:
    short, long = (ntk_spectrum("tanh(z + 1)", 10, top, layers="both") for top in (1, 20))
    found, expected = (learning_curve(s, (200,), {1: 1.0}, ridge=0.01).risks[0] for s in (short, long))
    assert found == pytest.approx(expected, rel=1e-3)
    assert found != learning_curve(quadntk_spectrum("tanh(z + 1)", 10, 20), (200,), {1: 1.0}, ridge=0.01).risks[0]
