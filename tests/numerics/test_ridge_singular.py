"""Divisions by what may vanish: eigenvalues, norms, standard errors."""

import math
import re

import pytest
import torch
from flint import fmpq, fmpq_mat

from numerics import (
    KernelRidge,
    NTKOperator,
    Objective,
    TwoLayerNetwork,
    generator,
    iterative_kernel_ridge,
    ntk_gram,
    small_start,
    sphere,
    train,
)
from numerics.optimizers import Adam
from numerics.ridge import NystromPreconditioner
from theory import Activation

EPS = torch.finfo(torch.float64).eps


def integers(n: int, rank: int, seed: int) -> torch.Tensor:
    """A Gram matrix of integers of exactly this rank: F F^T with small integers, no entry rounded."""
    factor = torch.randint(-4, 5, (n, rank), generator=generator(seed))
    return factor @ factor.T


def exactly(gram: torch.Tensor, y: torch.Tensor, ridge: fmpq) -> torch.Tensor:
    """(K + ridge)^{-1} y in rational numbers."""
    n = len(gram)
    shifted = fmpq_mat(n, n, [fmpq(int(v)) for v in gram.flatten()])
    for i in range(n):
        shifted[i, i] = shifted[i, i] + ridge
    solution = shifted.solve(fmpq_mat(n, 1, [fmpq(int(v)) for v in y]))
    return torch.tensor([int(s.p) / int(s.q) for s in (solution[i, 0] for i in range(n))], dtype=torch.float64)


def test_the_issue_is_refused() -> None:
    gram = torch.tensor([[5.0, 3, 3], [3, 2, 2], [3, 2, 2]], dtype=torch.float64)
    fit = KernelRidge(gram, torch.tensor([1.0, 2, 3], dtype=torch.float64))
    with pytest.raises(ValueError, match=re.escape("rank 2 at n=3: its rounding would decide")) as refused:
        fit.coefficients(0.0)
    assert fit.rank == 2
    assert "minimum_norm=True" in str(refused.value)
    # By hand: on span{e_1, e_2 + e_3} the system is 5 a + 6 b = 1, 3 a + 4 b = 5/2, with a_2 = a_3 = b.
    expected = torch.tensor([-5.5, 4.75, 4.75], dtype=torch.float64)
    torch.testing.assert_close(fit.coefficients(0, minimum_norm=True), expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("seed", range(20))
def test_one_input_with_two_labels(seed: int) -> None:
    """Refused at ridge 0 in every seed; of least norm it is the fit of the mean label, each row half of it."""
    network = TwoLayerNetwork(4, 64, Activation.parse("tanh(z + 1)"), seed)
    x = sphere(7, 4, 2.0, generator(seed))
    y = torch.randn(8, generator=generator(seed + 100), dtype=torch.float64)
    doubled = torch.cat([x, x[:1]])
    fit = KernelRidge(ntk_gram(network, doubled), y)
    with pytest.raises(ValueError, match="needs a ridge >="):
        fit.coefficients(0.0)
    merged = y[:7].clone()
    merged[0] = (y[0] + y[7]) / 2
    single = KernelRidge(ntk_gram(network, x), merged).coefficients(0.0)
    found = fit.coefficients(0.0, minimum_norm=True)
    joined = found[:7].clone()
    joined[0] += found[7]
    assert float(found[0]) == pytest.approx(float(found[7]), rel=1e-8)
    torch.testing.assert_close(joined, single, rtol=1e-8, atol=0)


@pytest.mark.parametrize(("n", "rank"), [(6, 3), (40, 30), (40, 39)])
def test_what_is_given_has_a_quarter_of_its_digits(n: int, rank: int) -> None:
    """Against rational arithmetic over sixteen decades of the ridge: refused, or right to eps^{1/4}."""
    gram, y = integers(n, rank, n + rank), torch.randint(-9, 10, (n,), generator=generator(n))
    fit = KernelRidge(gram.double(), y)
    assert fit.rank == rank
    given, refused = 0, 0
    for exponent in range(-14, 3):
        exact = exactly(gram, y, fmpq(10) ** exponent)
        try:
            found = fit.coefficients(10.0**exponent)
        except ValueError:
            refused += 1
            assert exponent < -5, "a ridge that float64 resolves"
            continue
        given += 1
        assert float((found - exact).norm()) <= EPS**0.25 * float(exact.norm())
    assert given >= 8
    assert refused >= 1, "1e-14 is below the rounding of every one of these"


def test_the_range_is_right_at_every_ridge() -> None:
    """Labels K c: the null space has no part, so the range alone is the whole solution, at tiny ridges too."""
    gram = integers(40, 30, 5)
    y = gram @ torch.randint(-2, 3, (40,), generator=generator(1))
    fit = KernelRidge(gram.double(), y)
    smallest = float(torch.linalg.eigvalsh(gram.double())[10])
    for exponent in (-14, -10, -6, 0):
        exact = exactly(gram, y, fmpq(10) ** exponent)
        found = fit.coefficients(10.0**exponent, minimum_norm=True)
        bound = (8 + math.sqrt(40)) * EPS * float(gram.double().norm()) / smallest
        assert float((found - exact).norm()) <= bound * float(y.double().norm()) / smallest
    with pytest.raises(ValueError, match="ridge=1e-14"):
        fit.predict(gram.double(), 1e-14)
    torch.testing.assert_close(fit.predict(gram.double(), 1e-14, minimum_norm=True), y.double(), rtol=1e-9, atol=1e-9)


def test_rank_600_of_800() -> None:
    """The issue's size. Refused where rounding decides; the range predicts the labels K c to rounding."""
    root = torch.randn(800, 600, generator=generator(0), dtype=torch.float64)
    gram, y = root @ root.T, root @ torch.randn(600, generator=generator(1), dtype=torch.float64)
    fit = KernelRidge(gram, y)
    assert fit.rank == 600
    for ridge in (0.0, 1e-15, 1e-12, 1e-9):
        with pytest.raises(ValueError, match="rank 600 at n=800"):
            fit.coefficients(ridge)
        predicted = fit.predict(gram, ridge, minimum_norm=True)
        assert float((predicted - y).norm() / y.norm()) < 1e-9
    assert float((fit.predict(gram, 1e-3) - y).norm() / y.norm()) < 1e-3


def test_regular_solves_are_untouched() -> None:
    """Bit by bit the formula V (V^T y / (values + ridge)), with and without the option."""
    root = torch.randn(30, 30, generator=generator(0), dtype=torch.float64)
    gram, y = root @ root.T + torch.eye(30), torch.randn(30, generator=generator(1), dtype=torch.float64)
    values, vectors = torch.linalg.eigh(gram)
    fit = KernelRidge(gram, y)
    for ridge in (0.0, 1e-3, 2.0):
        expected = vectors @ (vectors.T @ y / (values + ridge))
        assert torch.equal(fit.coefficients(ridge), expected)
        assert torch.equal(fit.coefficients(ridge, minimum_norm=True), expected)


def test_a_zero_kernel() -> None:
    y = torch.ones(5, dtype=torch.float64)
    fit = KernelRidge(torch.zeros(5, 5, dtype=torch.float64), y)
    assert torch.equal(fit.coefficients(0.5), 2 * y)
    assert torch.equal(fit.coefficients(0.0, minimum_norm=True), 0 * y)
    network = TwoLayerNetwork(3, 4, Activation.parse("relu(z - 40)"))
    operator = NTKOperator(network, sphere(5, 3, 1.0, generator(0)))
    assert len(NystromPreconditioner(operator, 5, 3, y).values) == 0, "ended, where the shift would stay zero for ever"
    assert iterative_kernel_ridge(operator, y, 0.5).coefficients.tolist() == pytest.approx([2.0] * 5)
    run = train(Objective(network, operator.x, y, model="network"), small_start(network, 1.0, 0), Adam(), 1)
    assert math.isnan(float(run.records[-1].kernel_movement)), "0 / 0 is not no movement"
