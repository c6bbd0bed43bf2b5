"""Predictions at finite width against theory's certified values and against sampling."""

import math

import pytest
import torch

from numerics import TwoLayerNetwork, generator, sphere
from numerics.targets import legendre_values, monomial_parts
from theory import Activation, dense_norm, multiplicity, sparse_norm, sparse_profile, sparse_sign_energy
from verify.predictions.width_limits import Form, _parts, harmonic_strengths, lower_energies, width_limits

TANH, SINE, ERF = "tanh(z + 1)", "sin(z + pi/4)", "erf(z + 1/2)"


@pytest.mark.parametrize("activation", [SINE, TANH, ERF])
@pytest.mark.parametrize(("k", "d"), [(1, 8), (2, 6), (3, 5)])
def test_predictions_meet_theory(activation: str, k: int, d: int) -> None:
    sigma = Activation.parse(activation)
    theory = width_limits(sigma, k, d)
    assert theory.sign_energy(theory.slope, 0.7) == pytest.approx(float(sparse_sign_energy(sigma, k, d, 0.7)), rel=1e-8)
    n_k = sum(multiplicity(d, degree) for degree in range(k + 1))
    assert theory.projector.along + (d - 1) * theory.projector.across == pytest.approx(n_k, rel=1e-12)
    # All degrees together make up E[sigma'^2 x x^T]; what is left above degree 12 is small.
    assert theory.modes.radial.sum() == pytest.approx(theory.slope.along, rel=1e-3)
    assert theory.modes.tangential.sum() == pytest.approx(theory.slope.across, rel=1e-3)
    energies = dict.fromkeys(range(k + 1), 0.5)
    assert theory.dense_norm(energies) == pytest.approx(float(dense_norm(sigma, d, energies)), rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_error_of_the_sparse_construction_by_sampling_neurons(k: int) -> None:
    """Variance of one pair's term over 10^6 draws of a neuron and an input, within five standard errors."""
    sigma, d, count = Activation.parse(SINE), 5, 1_000_000
    theory, gen = width_limits(sigma, k, d), generator(k)
    w, x = sphere(count, d, 1.0, gen), sphere(count, d, math.sqrt(d), gen)
    network = TwoLayerNetwork(d, 2, sigma)
    (second,) = network.activation.derivatives((w * x).sum(1), 2)
    g = sum(float(c) * legendre_values(j, d, w[:, 0]) for j, c in sparse_profile(sigma, k, d).items())
    samples = (x[:, 0] ** 2 * second * g) ** 2 - x[:, 0] ** (2 * k + 2)
    stderr = float(samples.std()) / math.sqrt(count)
    predicted = theory.sparse_error((1.0,)) / 2
    assert abs(float(samples.mean()) - predicted) < 5 * stderr < 0.2 * predicted


def test_strengths_of_harmonics() -> None:
    """sqrt(N) P_2 has the coefficient alpha sqrt((d + 2)/(2 (d - 1))) of <beta,x>^2."""
    (strength,) = harmonic_strengths(1, 8, (0.5,))
    assert strength == pytest.approx(0.5 * math.sqrt(10 / 14))


@pytest.mark.parametrize(("k", "d"), [(1, 8), (2, 6), (3, 5)])
def test_lower_energies_by_sampling(k: int, d: int) -> None:
    """The monomials' energy is that of their harmonics of degree k + 1, of the lower ones, and nothing else."""
    alphas = (0.5, -0.3)
    strengths = harmonic_strengths(k, d, alphas)
    x = sphere(400_000, d, math.sqrt(d), generator(k))
    samples = (x[:, :2] ** (k + 1) @ torch.tensor(strengths, dtype=torch.float64)) ** 2
    top = sum(a**2 for a in alphas)
    if k % 2:  # even degrees of two directions overlap by P_{k+1}(0)
        t = torch.zeros(1, dtype=torch.float64)
        top += 2 * alphas[0] * alphas[1] * float(legendre_values(k + 1, d, t))
    expected = top + sum(lower_energies(k, d, strengths).values())
    assert abs(float(samples.mean()) - expected) < 5 * float(samples.std()) / math.sqrt(len(x)) < 0.1 * expected


@pytest.mark.parametrize(("k", "d"), [(1, 8), (2, 6), (3, 5)])
def test_the_joint_construction_adds_up(k: int, d: int) -> None:
    """f_L(S W_Q) as m grows, the errors of both parts m^{-1/2} below it; R1 is what the low degrees leave of it."""
    sigma, alphas, energies = Activation.parse(TANH), (0.8, -0.6), dict.fromkeys(range(k + 1), 0.2)
    theory = width_limits(sigma, k, d)
    limit = sum(float(sparse_sign_energy(sigma, k, d, alpha)) for alpha in alphas)
    assert theory.joint_error(alphas, energies, 10**16) == pytest.approx(limit, rel=1e-5)
    lower = lower_energies(k, d, alphas)
    dense = {degree: energy + lower.get(degree, 0.0) for degree, energy in energies.items()}
    below = 100 * (theory.joint_error(alphas, energies, 10_000) - limit)
    assert below == pytest.approx(theory.sparse_error(alphas) + theory.dense_error(dense), rel=1e-6)
    low = sum(theory.sign_energy(theory.low, alpha) for alpha in alphas)
    assert theory.joint_rest(alphas) == pytest.approx(limit - low, rel=1e-8)
    assert 0 < theory.joint_rest(alphas) < limit
    single = float(sparse_norm(sigma, k, d, 1.0))
    assert theory.sparse_norm(alphas) == pytest.approx(2 * single, rel=1e-12)


def test_forms_are_linear() -> None:
    assert Form(3.0, 2.0).minus(Form(1.0, 0.5)).on(2.0, 4.0) == 10.0


@pytest.mark.parametrize("text", ["sin(z)", "z**3 - 3*z", "cos(z) + exp(-1/2)*z**2/2"])
def test_an_eigenvalue_that_is_zero_is_refused(text: str) -> None:
    """Lambda_0 or Lambda_1 vanishes by parity, and every prediction that divides by it says so."""
    theory = width_limits(Activation.parse(text), 1, 8)
    for ask in (
        lambda: theory.projector,
        lambda: theory.dense_norm({0: 1.0, 1: 1.0}, 100),
        lambda: theory.dense_error({0: 1.0, 1: 1.0}),
    ):
        with pytest.raises(ValueError, match="is zero at d=8"):
            ask()


@pytest.mark.parametrize(("power", "d"), [(1, 5), (2, 9), (3, 32), (4, 100)])
def test_the_parts_of_a_monomial_are_those_of_numerics(power: int, d: int) -> None:
    """Both have the formula: predictions are made without torch."""
    expected = {degree: part * d ** (power / 2) for degree, part in monomial_parts(power, d).items()}
    assert _parts(power, d) == pytest.approx(expected, rel=1e-14)
