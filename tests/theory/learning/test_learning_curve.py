import math
from itertools import pairwise

import numpy as np
import pytest
from flint import arb

from theory import Activation, Spectrum, kernel_ridge_risk, ntk_spectrum
from theory.learning.eigenlearning import Eigenlearning
from theory.learning.learning_curve import (
    effective_regularization,
    learnabilities,
    optimal_ridge,
    samples_for_risk,
)


def flat(eigenvalues: list[float], counts: list[int], tail: float = 0.0) -> Spectrum:
    return Spectrum(
        Activation.parse("z"),
        3,
        tuple(range(len(counts))),
        tuple(counts),
        tuple(arb(v) for v in eigenvalues),
        arb(tail),
    )


def test_linear_regression_closed_form() -> None:
    """One eigenvalue, ridge 0, n < N: L = n/N, and risk = (1-L) ||f||^2, the error of an n-dimensional projection."""
    # Checks :eq:`ridge-risk`.
    spectrum = flat([2.0], [100])
    assert kernel_ridge_risk(spectrum, 40, 0.0, {0: 3.0}) == pytest.approx(0.6 * 3.0, rel=1e-9)


def test_noise_amplification_of_ridgeless_regression() -> None:
    """N -> many weak modes as tail ridge: n/(n - N L^2) with L = 1 is n/(n - N)."""
    spectrum = flat([1.0], [50])
    predicted = kernel_ridge_risk(spectrum, 200, 1e-12, {}, noise=1.0)
    assert predicted == pytest.approx(200 / 150, rel=1e-6)


def test_against_gaussian_simulation() -> None:
    """Ridge regression with Gaussian features of a two-level spectrum: the mean of 40 runs within 4 standard errors."""
    # Checks :eq:`ridge-risk`.
    rng = np.random.default_rng(0)
    counts, values, n, ridge = [30, 300], [1.0, 0.05], 120, 0.5
    scales = np.sqrt(np.repeat(values, counts))
    risks = []
    for _ in range(40):
        coefficients = rng.standard_normal(330) / np.sqrt(np.repeat(counts, counts))
        x = rng.standard_normal((n, 330))
        gram = (x * scales**2) @ x.T
        fit = (scales**2)[:, None] * x.T @ np.linalg.solve(gram + ridge * np.eye(n), x @ coefficients)
        risks.append(((fit - coefficients) ** 2).sum())
    stderr = np.std(risks, ddof=1) / math.sqrt(40)
    predicted = kernel_ridge_risk(flat(values, counts), n, ridge, {0: 1.0, 1: 1.0})
    assert abs(np.mean(risks) - predicted) < 4 * stderr
    wrong = kernel_ridge_risk(flat([1.0], [30]), n, ridge, {0: 1.0, 1: 1.0})
    assert abs(np.mean(risks) - wrong) > 4 * stderr


def test_tail_acts_as_ridge() -> None:
    assert kernel_ridge_risk(flat([1.0], [20], tail=3.0), 10, 1.0, {0: 1.0}) == pytest.approx(
        kernel_ridge_risk(flat([1.0], [20]), 10, 4.0, {0: 1.0}), rel=1e-12
    )


def test_rounding_in_the_tail_is_no_ridge() -> None:
    spectrum = ntk_spectrum(Activation.parse("z + z**2"), 10, 3)
    assert spectrum.tail.contains(0)
    with pytest.raises(ValueError, match="ridge > 0"):
        kernel_ridge_risk(spectrum, 100, 0.0, {1: 1.0}, noise=0.1)


def test_tiny_eigenvalues_do_not_underflow() -> None:
    small = flat([1e-170], [10], tail=1e-172)
    assert kernel_ridge_risk(small, 5, 0.0, {0: 1.0}) == pytest.approx(
        kernel_ridge_risk(flat([1.0], [10], tail=0.01), 5, 0.0, {0: 1.0}), rel=1e-9
    )


def test_monotone_in_samples() -> None:
    spectrum = ntk_spectrum(Activation.parse("tanh(z + 1)"), 20, 8)
    risks = [kernel_ridge_risk(spectrum, n, 1.0, {1: 1.0, 2: 1.0}) for n in (20, 40, 80, 160)]
    assert risks == sorted(risks, reverse=True)


@pytest.mark.parametrize(
    ("n", "ridge", "energies", "needle"),
    [
        (0, 1.0, {0: 1.0}, "n=0"),
        (5, -1.0, {0: 1.0}, "ridge"),
        (5, 1.0, {0: -1.0}, "energies"),
        (99, 0.0, {0: 1.0}, "ridge > 0"),
    ],
)
def test_bad_input(n: int, ridge: float, energies: dict[int, float], needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        kernel_ridge_risk(flat([1.0], [10]), n, ridge, energies)


def test_conservation_law() -> None:
    """sum N L + (ridge + tail)/kappa = n, and without the tail the law does not close."""
    # Checks :eq:`conservation-law`.
    spectrum = ntk_spectrum(Activation.parse("tanh(z + 1)"), 20, 12)  # as many degrees as 10^6 samples see
    tail = float(spectrum.tail.mid())
    for n, ridge in ((1, 0.0), (30, 0.0), (400, 0.0), (400, 3.0), (10**6, 1e-3)):
        kappa = effective_regularization(spectrum, n, ridge)
        shares = learnabilities(spectrum, n, ridge)
        used = sum(c * shares[degree] for degree, c in zip(spectrum.degrees, spectrum.multiplicities, strict=True))
        assert used + (ridge + tail) / kappa == pytest.approx(n, rel=1e-12)
        assert used + ridge / kappa != pytest.approx(n, rel=1e-6)


def test_learnability_of_one_mode() -> None:
    """N Lambda/(Lambda + kappa) + ridge/kappa = n solved by hand: a quadratic in kappa."""
    # Checks :eq:`conservation-law`.
    count, value, n, ridge = 10, 2.0, 4, 3.0
    b = (count - n) * value + ridge
    kappa = (b + math.sqrt(b * b + 4 * n * ridge * value)) / (2 * n)
    spectrum = flat([value], [count])
    assert effective_regularization(spectrum, n, ridge) == pytest.approx(kappa, rel=1e-14)
    assert learnabilities(spectrum, n, ridge) == {0: pytest.approx(value / (value + kappa), rel=1e-14)}


def test_a_degree_with_eigenvalue_zero_is_never_learned() -> None:
    spectrum = flat([1.0, 0.0], [10, 20], tail=0.1)
    assert learnabilities(spectrum, 1000, 0.0)[1] == 0.0
    assert kernel_ridge_risk(spectrum, 10**6, 0.0, {1: 0.7}) == pytest.approx(0.7, rel=1e-3)


@pytest.mark.parametrize("n", [3, 40, 200, 10_000])
def test_optimal_ridge_is_bayes_for_a_matched_prior(n: int) -> None:
    """A target drawn from the Gaussian process s K with noise v has Bayes ridge v/s, for every n and spectrum."""
    counts, values, scale, noise = [10, 30, 200], [1.0, 0.2, 0.03], 0.7, 0.35
    energies = {degree: scale * c * v for degree, (c, v) in enumerate(zip(counts, values, strict=True))}
    spectrum = flat(values, counts)
    accuracy = 1e-9 * n * effective_regularization(spectrum, n, noise / scale)  # as the docstring states
    assert abs(optimal_ridge(spectrum, n, energies, noise) - noise / scale) < accuracy
    assert abs(optimal_ridge(spectrum, n, energies, noise * (1 + 1e-6)) - noise / scale) > accuracy


def test_optimal_ridge_without_noise_is_zero() -> None:
    spectrum = flat([1.0, 0.1], [10, 100])
    assert optimal_ridge(spectrum, 30, {0: 1.0}) == 0.0
    assert optimal_ridge(spectrum, 110, {0: 1.0, 1: 1.0}) == 0.0
    assert optimal_ridge(spectrum, 30, {0: 1.0}, noise=1.0) > 0.0
    # Energy in a degree too weak for n samples is noise to the stronger one.
    assert optimal_ridge(flat([1.0, 1e-6], [10, 100]), 30, {0: 1.0, 1: 1.0}) > 0.0


def test_optimal_ridge_without_learnable_signal_is_infinite() -> None:
    spectrum = flat([1.0, 0.0], [10, 100], tail=0.1)
    assert optimal_ridge(spectrum, 30, {}, noise=1.0) == math.inf
    assert optimal_ridge(spectrum, 30, {1: 1.0, 7: 1.0}) == math.inf
    assert optimal_ridge(spectrum, 30, {}) == 0.0


def random_problem(rng: np.random.Generator) -> tuple[Spectrum, dict[int, float], float]:
    size = int(rng.integers(1, 5))
    counts = [1 + int(10**u) for u in rng.uniform(0, 3, size)]  # not those of the sphere: the tail is ridge
    values = [10**u for u in rng.uniform(-6, 0, size)]
    energies = {degree: float(rng.uniform(0.1, 1)) * float(rng.integers(0, 2)) for degree in range(size)}
    energies[int(rng.integers(size))] = 1.0
    tail = float(rng.choice([0.0, 1e-4, 0.1]))
    return flat(values, counts, tail), energies, float(rng.choice([0.0, 1e-3, 0.1, 10.0]))


def test_no_ridge_beats_the_optimal_one() -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        spectrum, energies, noise = random_problem(rng)
        n = int(10 ** rng.uniform(0, 4))
        ridge = optimal_ridge(spectrum, n, energies, noise)
        exists = bool(spectrum.tail > 0) or n < sum(spectrum.multiplicities)
        if ridge == 0.0 and not exists:
            assert noise == 0.0
            continue
        best = kernel_ridge_risk(spectrum, n, ridge, energies, noise)
        others = [0.0] if exists else []
        others += [float(v) for v in np.geomspace(1e-9, 1e6, 200)] + [ridge * f for f in (0.99, 1.01) if ridge]
        assert best <= min(kernel_ridge_risk(spectrum, n, r, energies, noise) for r in others) * (1 + 1e-12)


def test_the_better_of_two_local_minima() -> None:
    """Ridge 0 is a local minimum at both n; it is the global one only with 18 samples."""
    spectrum, energies, noise = flat([0.4, 0.03, 1e-6], [3, 1, 11], tail=1e-3), {0: 1.0, 1: 1.0, 2: 1.0}, 0.01
    for n, at_zero in ((9, False), (18, True)):
        ridges = [0.0, *(float(v) for v in np.geomspace(1e-6, 1e3, 200))]
        risks = [math.inf, *(kernel_ridge_risk(spectrum, n, r, energies, noise) for r in ridges), math.inf]
        minima = [i for i in range(1, len(risks) - 1) if risks[i - 1] > risks[i] < risks[i + 1]]
        assert len(minima) == 2
        assert minima[0] == 1
        best = optimal_ridge(spectrum, n, energies, noise)
        assert (best == 0.0) == at_zero
        assert kernel_ridge_risk(spectrum, n, best, energies, noise) <= min(risks)
        trapped = minima[1 if at_zero else 0]  # planted: a local search that starts on the wrong side
        assert risks[trapped] > 1.01 * min(risks)


def test_curvature_bound_of_the_search() -> None:
    """log(risk) has second derivative at most 12 in log(kappa): the accuracy that optimal_ridge states rests on it."""
    rng, step, largest = np.random.default_rng(2), 1e-3, -math.inf
    for _ in range(300):
        spectrum, energies, noise = random_problem(rng)
        problem, n = Eigenlearning.of(spectrum, energies, noise), int(10 ** rng.uniform(0, 4))
        smallest = problem.kappa(n, 0.0) if problem.ridgeless(n) else 1e-8
        for kappa in smallest * math.exp(2 * step) * np.exp(rng.uniform(0, 8, 5)):
            rise = problem.slope(n, kappa * math.exp(step)) - problem.slope(n, kappa * math.exp(-step))
            largest = max(largest, rise / (2 * step))
            secant = math.log(problem.risk(n, kappa * math.exp(step)) / problem.risk(n, kappa * math.exp(-step)))
            assert problem.slope(n, kappa) == pytest.approx(secant / (2 * step), abs=1e-4)
    assert 0.5 < largest <= 12


def test_samples_for_risk_is_the_smallest() -> None:
    spectrum = ntk_spectrum(Activation.parse("tanh(z + 1)"), 20, 5)
    energies, noise = {1: 1.0, 2: 1.0}, 0.1
    for ridge in (0.01, 3.0, None):
        for goal in (1.5, 0.7, 0.3):
            n = samples_for_risk(spectrum, goal, energies, noise, ridge)
            risks = [
                kernel_ridge_risk(
                    spectrum,
                    i,
                    optimal_ridge(spectrum, i, energies, noise) if ridge is None else ridge,
                    energies,
                    noise,
                )
                for i in (n - 1, n)
            ]
            assert risks[1] <= goal < risks[0]


def test_risk_at_the_best_ridge_never_rises() -> None:
    rng = np.random.default_rng(3)
    for _ in range(8):
        spectrum, energies, noise = random_problem(rng)
        risks = []
        for n in (1, 2, 4, 7, 20, 50, 51, 150, 400, 3000):
            ridge = optimal_ridge(spectrum, n, energies, noise)
            if ridge == 0.0 and not spectrum.tail > 0 and n >= sum(spectrum.multiplicities):
                break
            risks.append(kernel_ridge_risk(spectrum, n, ridge, energies, noise))
        assert all(later <= earlier * (1 + 1e-12) for earlier, later in pairwise(risks))


def test_double_descent_first_crossing() -> None:
    """At a small fixed ridge the curve dips, rises to a peak and falls; the first crossing is in the dip."""
    spectrum, energies, noise, ridge = flat([1.0, 1e-4], [20, 300], tail=1e-3), {0: 1.0}, 0.3, 0.0
    risks = [kernel_ridge_risk(spectrum, n, ridge, energies, noise) for n in range(1, 3001)]
    dip = min(risks[:150])
    assert max(risks[150:600]) > 2 * dip
    for goal in (dip * (1 + 1e-9), dip * 1.05, dip * 0.999, 0.9):
        expected = next(n for n, risk in enumerate(risks, 1) if risk <= goal)
        assert samples_for_risk(spectrum, goal, energies, noise, ridge) == expected
    low, high = 0, 3000  # planted: bisection, right for a monotone curve, lands behind the peak
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if risks[middle - 1] <= dip * 1.05 else (middle, high)
    assert high != samples_for_risk(spectrum, dip * 1.05, energies, noise, ridge)


def test_samples_without_ridge_and_tail_end_at_the_rank() -> None:
    spectrum = flat([1.0, 0.01], [20, 60])
    risks = [kernel_ridge_risk(spectrum, n, 0.0, {0: 1.0}, 0.05) for n in range(1, 80)]
    for goal in (1.0, min(risks) * (1 + 1e-12)):
        expected = next(n for n, risk in enumerate(risks, 1) if risk <= goal)
        assert samples_for_risk(spectrum, goal, {0: 1.0}, 0.05, ridge=0.0) == expected
    with pytest.raises(ValueError, match="not reached below the 80 eigenfunctions"):
        samples_for_risk(spectrum, min(risks) * 0.999, {0: 1.0}, 0.05, ridge=0.0)


def test_unreachable_risk_names_the_floor() -> None:
    spectrum = flat([1.0, 0.0], [20, 60], tail=0.01)
    energies = {0: 1.0, 1: 0.25, 9: 0.5}
    for ridge in (None, 1.0):
        with pytest.raises(ValueError, match=r"floor 0\.85"):
            samples_for_risk(spectrum, 0.85, energies, 0.1, ridge)
        assert samples_for_risk(spectrum, 0.86, energies, 0.1, ridge) > 20
    with pytest.raises(ValueError, match="more than 1000000000000000 samples"):
        samples_for_risk(spectrum, 0.85 * (1 + 1e-15), energies, 0.1)
    with pytest.raises(ValueError, match="not reached with 1000000000000000 samples at ridge=1"):
        samples_for_risk(spectrum, 0.85 * (1 + 1e-15), energies, 0.1, 1.0)
    with pytest.raises(ValueError, match="risk=-1"):
        samples_for_risk(spectrum, -1.0, energies)
    with pytest.raises(ValueError, match="ridge=-1"):
        samples_for_risk(spectrum, 0.9, energies, ridge=-1.0)
