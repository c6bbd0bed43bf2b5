"""The law of all eigenvalues against Marchenko-Pastur, its own density and random matrices."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from theory import Activation
from verify.predictions.finite_size import GramLaw, Modes, modes
from verify.predictions.gram_bulk import BulkLaw, altered, bulk_quantiles, marchenko_pastur

WIDE = 1e12


def population(pairs: list[tuple[float, int]], tail: float = 0.0) -> Modes:
    values, counts = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    return Modes(10**6, values, counts, np.zeros_like(values), np.zeros_like(values), tail)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_one_degree_and_a_tail_are_marchenko_pastur_shifted(ratio: float) -> None:
    # Checks :eq:`marchenko-pastur`.
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    assert quad(lambda x: marchenko_pastur(np.array([x]), ratio)[0], low, high)[0] == pytest.approx(min(1, 1 / ratio))
    law = BulkLaw(population([(0.01, 400)], 3.0), round(400 * ratio), WIDE)
    x = np.linspace(low + 0.02, high - 0.02, 9)
    np.testing.assert_allclose(law.density(3 + 4 * x), marchenko_pastur(x, ratio) / 4, rtol=1e-5)
    below = [1 - quad(lambda x: marchenko_pastur(np.array([x]), ratio)[0], start, high)[0] for start in x]
    np.testing.assert_allclose(law.counting(3 + 4 * x), below, atol=1e-5)
    assert np.abs(law.counting(3 + 4 * x) - law.counting(3.3 + 4 * x)).max() > 1e-3, "the shift matters"


@pytest.mark.parametrize("m", [WIDE, 64.0])
def test_the_potential_counts_what_the_density_integrates_to(m: float) -> None:
    # Checks :eq:`gram-potential`.
    theory = modes(Activation.parse("tanh(z + 1)"), 12)
    law = BulkLaw(theory, 100, m)
    grid = np.geomspace(0.02, 40, 40_001) * theory.ridge(1)
    density = law.density(grid)
    total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    np.testing.assert_allclose(law.counting(grid), total, atol=2e-4)
    assert (np.diff(law.counting(grid)) > -1e-6).all()
    kappa, used = law.solved(grid)
    np.testing.assert_allclose((kappa * (1 - used / law.features) * (used - 100)).real, grid, rtol=1e-6)
    assert (kappa.imag < 0).all()


def test_the_lower_edge_is_that_of_the_other_module() -> None:
    theory = modes(Activation.parse("tanh(z + 1)"), 28)
    edge = GramLaw(theory, 810, 4096, 2)._curve()[1][-1]
    share = BulkLaw(theory, 810, 4096.0).counting(np.array([0.995, 1.05]) * edge)
    assert share[0] < 1e-5 < 1e-3 < share[1]


@pytest.mark.parametrize("features", [10**9, 1000])
def test_quantiles_against_random_matrices(features: int) -> None:
    """Gaussian features in place of harmonics, 30 draws; 0.5 % at three levels, where a wrong count is 3 % off."""
    n, pairs = 160, [(1.0, 10), (0.01, 240), (0.0005, 2000)]
    theory = population(pairs)
    rng, levels = np.random.default_rng(1), (0.2, 0.5, 0.8)
    variances = np.repeat([v for v, _ in pairs], [count for _, count in pairs])
    rows = []
    for _ in range(30):
        inputs = rng.normal(size=(n, variances.size)) * np.sqrt(variances)
        if features < 10**6:
            inputs = inputs @ rng.normal(size=(variances.size, features)) / math.sqrt(features)
        values = np.linalg.eigvalsh(inputs @ inputs.T)[:-10]
        rows.append(np.interp(np.array(levels) * len(values) - 0.5, np.arange(len(values)), values))
    law = BulkLaw(theory, n, 2 * features / theory.d)
    np.testing.assert_allclose(np.mean(rows, axis=0), law.quantiles(levels, 1), rtol=0.005)
    wrong = BulkLaw(altered(theory, 1, 200.0), n, 2 * features / theory.d).quantiles(levels, 1)
    assert np.abs(wrong / np.mean(rows, axis=0) - 1).max() > 0.03


def test_another_number_of_harmonics_keeps_the_trace() -> None:
    theory = modes(Activation.parse("tanh(z + 1)"), 28)
    other = altered(theory, 2, 28.0**2)
    assert other.ridge(-1) == pytest.approx(theory.ridge(-1))
    assert altered(theory, 2, 0.0) is theory
    true, wrong = (bulk_quantiles(Activation.parse("tanh(z + 1)"), 28, 810, 4096, 2, (0.1, 0.9), h) for h in (0, 784.0))
    assert abs(wrong[0] / true[0] - 1) > 0.1
