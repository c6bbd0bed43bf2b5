"""Cells of kernel ridge regression against one regression at a time."""

import math

import numpy as np
import pytest
import torch

from numerics import KernelRidge, TwoLayerNetwork, generator, ntk_gram, sphere
from theory import Activation
from verify.cells.kernels import RIDGES, RidgeCurve, SamplesToRisk

SIGMA = "sin(z + pi/4)"
CURVE = RidgeCurve(
    activation=SIGMA,
    device="cpu",
    d=6,
    m=64,
    samples=(10, 24),
    dense=((1, 1.0), (2, 0.5)),
    ridges=(0.3, 4.0),
    targets=2,
)


def replay(cell: RidgeCurve | SamplesToRisk) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), cell.seed("network"))
    gen = generator(cell.seed("data"))
    return (
        network,
        sphere(cell.samples[-1], cell.d, math.sqrt(cell.d), gen),
        sphere(2000, cell.d, math.sqrt(cell.d), gen),
    )


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_ridge_curve_against_one_regression_at_a_time(row: int, column: int) -> None:
    """The shared factorisation, nested inputs and averages over targets agree with KernelRidge target by target."""
    numbers, ridge, n = CURVE.run(), CURVE.ridges[row], CURVE.samples[column]
    network, x, test = replay(CURVE)
    gram = ntk_gram(network, x[:n])
    cross = ntk_gram(network, test, x[:n])
    risks, residuals = [], []
    for index in range(CURVE.targets):
        target = CURVE.target(index)
        assert target.energies() == pytest.approx(dict(CURVE.dense))
        fit = KernelRidge(gram, target(x[:n]))
        risks.append(float((fit.predict(cross, ridge) - target(test)).square().mean()))
        residuals.append(float((fit.predict(gram, ridge) - target(x[:n])).square().mean()))
    assert numbers["risks"][row][column] == pytest.approx(np.mean(risks), rel=1e-8)
    assert numbers["training"][row][column] == pytest.approx(np.mean(residuals), rel=1e-6)
    trace = float(torch.linalg.inv(gram + ridge * torch.eye(n, dtype=gram.dtype)).trace())
    assert numbers["kappas"][row][column] == pytest.approx(1 / trace, rel=1e-8)


def test_samples_to_risk_takes_the_best_ridge_and_stops_at_the_level() -> None:
    shared = {"activation": SIGMA, "device": "cpu", "d": 6, "m": 256, "dense": ((1, 1.0),), "targets": 1}
    cell = SamplesToRisk(**shared, samples=(5, 10, 20, 40), level=0.3)
    numbers = cell.run()
    assert all(risk > 0.3 for risk in numbers["risks"][:-1])
    assert numbers["risks"][-1] <= 0.3
    network, x, test = replay(cell)
    target = cell.target(0)
    for n, risk, ridge in zip(cell.samples, numbers["risks"], numbers["ridges"], strict=False):
        fit, cross = KernelRidge(ntk_gram(network, x[:n]), target(x[:n])), ntk_gram(network, test, x[:n])
        tried = {r: float((fit.predict(cross, r) - target(test)).square().mean()) for r in RIDGES}
        assert risk == pytest.approx(min(tried.values()), rel=1e-8)
        assert tried[ridge] == pytest.approx(risk, rel=1e-8)
    unreached = SamplesToRisk(**shared, samples=(5, 10), level=1e-6).run()
    assert len(unreached["risks"]) == 2


def test_sparse_and_dense_parts_have_their_energies() -> None:
    cell = SamplesToRisk(
        activation=SIGMA, device="cpu", d=7, m=16, samples=(4, 8), dense=((2, 0.5),), sparse=((3, 2.0),), level=0.1
    )
    target = cell.target(0)
    assert target.energies() == pytest.approx({2: 0.5, 3: 2.0})
    assert len(target.terms[3][0]) == 1
    assert not torch.equal(target.terms[3][1], cell.target(1).terms[3][1])
