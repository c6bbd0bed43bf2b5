"""Cells of kernel ridge regression against one regression at a time."""

import math

import numpy as np
import pytest
import torch

from numerics import KernelRidge, TwoLayerNetwork, generator, ntk_gram, sphere
from theory import Activation
from verify.cells.kernels import RIDGES, RIVAL_RIDGES, RidgeCurve, SamplesToRisk

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


def replay(cell: RidgeCurve | SamplesToRisk, points: int) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    sigma, seed = Activation.parse(cell.activation), cell.seed("network")
    network = TwoLayerNetwork(cell.d, cell.m, sigma, seed)
    gen = generator(cell.seed("data"))
    return (
        network,
        sphere(points, cell.d, math.sqrt(cell.d), gen),
        sphere(2000, cell.d, math.sqrt(cell.d), gen),
    )


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_ridge_curve_against_one_regression_at_a_time(row: int, column: int) -> None:
    """The shared factorisation, nested inputs and averages over targets agree with KernelRidge target by target."""
    numbers, ridge, n = CURVE.run(), CURVE.ridges[row], CURVE.samples[column]
    network, x, test = replay(CURVE, CURVE.samples[-1])
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


SHARED = {
    "activation": SIGMA,
    "device": "cpu",
    "d": 6,
    "m": 256,
    "dense": ((1, 1.0),),
    "targets": 2,
    "factor": 2.0,
    "finest": 1.5,
    "rival": (2, 0.9),
}
SEARCH = SamplesToRisk(**SHARED, first=5, last=80, level=0.3, blind=(12, 90))


def errors(cell: SamplesToRisk, n: int, ridge: float, rival: bool = False) -> torch.Tensor:
    """Squared error (test, targets) of one regression target by target."""
    network, x, test = replay(cell, max(cell.last, *cell.blind))
    gram, cross = ntk_gram(network, x[:n]), ntk_gram(network, test, x[:n])
    parts = [cell.part(2, 1.0, i) if rival else cell.target(i) for i in range(cell.targets)]
    found = [KernelRidge(gram, f(x[:n])).predict(cross, ridge) - f(test) for f in parts]
    return torch.stack(found, dim=1).square()


def test_samples_to_risk_takes_the_best_ridge_and_brackets_the_level() -> None:
    """The Gram matrix grown piece by piece gives what one regression at a time gives."""
    numbers = SEARCH.run()
    samples, risks = numbers["samples"], numbers["risks"]
    assert samples == sorted(set(samples))
    end = next(i for i, risk in enumerate(risks) if risk <= 0.3)
    assert 1 < samples[end] / samples[end - 1] <= 1.5
    for n, risk, ridge in zip(samples, risks, numbers["ridges"], strict=True):
        tried = {r: float(errors(SEARCH, n, r).mean()) for r in RIDGES}
        assert risk == pytest.approx(min(tried.values()), rel=1e-8)
        assert tried[ridge] == pytest.approx(risk, rel=1e-8)
    _, _, test = replay(SEARCH, 90)
    energy = np.mean([float(SEARCH.part(2, 1.0, i)(test).square().mean()) for i in range(2)])
    for n, risk in zip(numbers["rival samples"], numbers["rival risks"], strict=True):
        found = min(float(errors(SEARCH, n, r, rival=True).mean()) for r in RIVAL_RIDGES)
        assert risk == pytest.approx(found / energy, rel=1e-8)
    assert numbers["rival samples"] == [n for n in (5, 10, 20, 40, 80) if n <= numbers["rival samples"][-1]]
    assert numbers["rival risks"][-1] <= 0.9 < numbers["rival risks"][-2]
    alone = SEARCH.model_copy(update={"rival": None}).run()
    assert set(numbers) - set(alone) == {"rival samples", "rival risks"}
    unreached = SamplesToRisk(**SHARED, first=5, last=10, level=1e-6).run()
    assert unreached["samples"] == [5, 10]
    assert unreached["blind"] == []


def test_blind_risks_have_ridges_chosen_elsewhere() -> None:
    """One half of the targets on one half of the points chooses, the other halves are judged; and the other way."""
    for n, risk in zip(SEARCH.blind, SEARCH.run()["blind"], strict=True):
        tables = {r: errors(SEARCH, n, r) for r in RIDGES}
        turns = []
        for own in (0, 1):
            rows, others = slice(1000 * own, 1000 * own + 1000), slice(1000 - 1000 * own, 2000 - 1000 * own)
            chosen = [float(tables[r][others, 1 - own].mean()) for r in RIDGES]
            best = RIDGES[int(np.argmin(chosen))]
            turns.append(float(tables[best][rows, own].mean()))
        assert risk == pytest.approx(np.mean(turns), rel=1e-8)


def test_sparse_and_dense_parts_have_their_energies() -> None:
    cell = SEARCH.model_copy(update={"d": 7, "dense": ((2, 0.5),), "sparse": ((3, 2.0),)})
    target = cell.target(0)
    assert target.energies() == pytest.approx({2: 0.5, 3: 2.0})
    assert len(target.terms[3][0]) == 1
    assert not torch.equal(target.terms[3][1], cell.target(1).terms[3][1])
