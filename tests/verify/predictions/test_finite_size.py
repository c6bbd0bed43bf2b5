"""Predictions at finite width and sample against simulation and their limits."""

import math
from dataclasses import replace

import numpy as np
import pytest

from numerics.network import TwoLayerNetwork
from numerics.span import Span
from theory import Activation
from verify.predictions.finite_size import GramLaw, Modes, modes

SIGMA = "tanh(z + 1)"


def test_couplings_are_the_variances_of_one_neuron() -> None:
    """m E sum |E_ij|^2 / 2 = V over the blocks of T*T; 2,000 networks of ten neurons, five standard errors."""
    d, m, count = 5, 10, 2000
    theory = modes(Activation.parse(SIGMA), d)
    network = TwoLayerNetwork(d, m, Activation.parse(SIGMA), seed=tuple(range(count)))
    # Wide enough for n_1 directions, too narrow to be near the limit: the formula is exact in the mean at every m.
    gram = Span(network, 1).gram.numpy()
    ends = np.cumsum([0, 1, d])
    for i in range(2):
        for j in range(2):
            block = gram[:, ends[i] : ends[i + 1], ends[j] : ends[j + 1]].copy()
            if i == j:
                trace = np.trace(block, axis1=1, axis2=2)
                np.testing.assert_allclose(trace, theory.counts[i] * theory.eigenvalues[i], rtol=1e-9)
                block -= theory.eigenvalues[i] * np.eye(block.shape[1])
            squares = m / 2 * (block**2).sum((1, 2))
            error = squares.std() / math.sqrt(count)
            assert abs(squares.mean() - theory.coupling(i, j)) <= 5 * error + 1e-12


def test_modes_add_up() -> None:
    theory = modes(Activation.parse(SIGMA), 9)
    total = theory.radial + 8 * theory.tangential
    np.testing.assert_allclose(total, theory.counts * theory.eigenvalues, rtol=1e-10)


def _population(d: int, pairs: list[tuple[float, int]], tail: float = 0.0) -> Modes:
    values, counts = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    return Modes(d, values, counts, np.zeros_like(values), np.zeros_like(values), tail)


def test_the_edge_of_one_degree_is_that_of_marchenko_and_pastur() -> None:
    law = GramLaw(_population(10**6, [(0.02, 400)]), 100, 10**9, -1)
    assert law._curve()[1][-1] == pytest.approx(400 * 0.02 * (1 - math.sqrt(100 / 400)) ** 2, rel=1e-4)


@pytest.mark.parametrize("features", [10**9, 1000])
def test_gram_law_against_random_matrices(features: int) -> None:
    """Gaussian features in place of harmonics, 40 draws; 0.5 % for the means and 3 % for the smallest eigenvalue."""
    n, low, high, tail = 160, (1.0, 20), (0.01, 600), 0.5
    d = 10**6  # no two inputs are close
    law = GramLaw(_population(d, [low, high], tail), n, round(2 * features / d) or 1, 0)
    law = replace(law, modes=replace(law.modes, d=round(2 * features / law.m)))
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(40):
        population = np.repeat([low[0], high[0]], [low[1], high[1]])
        inputs = rng.normal(size=(n, population.size)) * np.sqrt(population)
        if features < 10**6:
            # The tail is a degree of its own with very many harmonics: random features see it as noise of each pair.
            rest = math.sqrt(tail) * rng.normal(size=(n, features))
            inputs = inputs @ rng.normal(size=(population.size, features)) + rest
            gram = inputs @ inputs.T / features
        else:
            gram = inputs @ inputs.T + tail * np.eye(n)
        values = np.linalg.eigvalsh(gram)
        rows.append([values[-20:].mean(), values[:-20].mean(), values[0]])
    top, bulk, smallest = np.mean(rows, axis=0)
    assert top == pytest.approx(law.group([0]), rel=0.01)
    assert bulk == pytest.approx(law.bulk(), rel=0.01)
    assert smallest == pytest.approx(law.smallest(), rel=0.03)


def test_equal_and_vanishing_eigenvalues_are_refused() -> None:
    """A gap of zero was dropped from the displacement, and gave infinity or nan in the angles."""
    theirs = modes(Activation.parse("sin(z + pi/4)"), 8)
    equal = theirs.eigenvalues.copy()
    equal[1] = equal[2]
    with pytest.raises(ValueError, match="Lambda_1 = Lambda_2"):
        replace(theirs, eigenvalues=equal).shift(1)
    with pytest.raises(ValueError, match="Lambda_1 = Lambda_2"):
        replace(theirs, eigenvalues=equal).sines(1)
    odd = modes(Activation.parse("sin(z)"), 8)
    with pytest.raises(ValueError, match="Lambda_0 = 0"):
        odd.sines(1)
    assert math.isfinite(odd.shift(1))
