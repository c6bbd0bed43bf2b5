"""Predicted learning curves: the law written a second way, exponents far out."""

import math

import pytest

from theory import kernel_ridge_risk, learnabilities
from verify.predictions.learning_curves import (
    Curve,
    best_risk,
    far_exponent,
    interpolation_error,
    samples_needed,
    spectrum,
)

SIGMA = "sin(z + pi/4)"


def test_predicted_samples_solve_for_the_risk() -> None:
    energies = ((1, 1.0), (2, 1.0))
    n = samples_needed(SIGMA, 10, energies, 0.5)
    assert best_risk(SIGMA, 10, math.floor(n), energies) > 0.5 >= best_risk(SIGMA, 10, math.ceil(n), energies)
    fine, coarse = ((math.floor(n), math.ceil(n)), (math.floor(n / 2), math.ceil(2 * n)))
    assert interpolation_error(SIGMA, 10, energies, 0.5, fine) < 1e-4
    assert interpolation_error(SIGMA, 10, energies, 0.5, coarse) > 1e-3
    assert interpolation_error(SIGMA, 10, energies, 0.5, (1, 2)) == math.inf


def test_exponent_far_out() -> None:
    assert far_exponent(SIGMA, ((1, 1.0),), 0.25).value == pytest.approx(1, abs=1e-3)
    assert far_exponent(SIGMA, ((1, 1.0), (2, 1.0)), 0.5).value == pytest.approx(2, abs=5e-3)


def test_predicted_training_error_by_degrees() -> None:
    """Conservation, ridge/kappa = n - sum N L with the tail, gives the training error a second time."""
    curve, n, ridge = Curve(SIGMA, 12, ((1, 1.0), (2, 1.0))), 90, 2.0
    listed = spectrum(SIGMA, 12)
    used = sum(
        count * share
        for count, share in zip(listed.multiplicities, learnabilities(listed, n, ridge).values(), strict=True)
    )
    tail = float(listed.tail.mid())
    share = (n - used) / n * ridge / (ridge + tail)
    risk = kernel_ridge_risk(listed, n, ridge, {1: 1.0, 2: 1.0})
    assert curve.training(n, ridge) == pytest.approx(share**2 * risk, rel=1e-9)


def test_scale_of_the_kernel() -> None:
    plain, scaled = (Curve(SIGMA, 12, ((1, 1.0),), scale=c) for c in (1.0, 1.3))
    assert scaled.risk(40, 1.3) == pytest.approx(plain.risk(40, 1.0))
    assert scaled.kappa(40, 1.3) == pytest.approx(1.3 * plain.kappa(40, 1.0))
    assert scaled.training(40, 1.3) == pytest.approx(plain.training(40, 1.0))
