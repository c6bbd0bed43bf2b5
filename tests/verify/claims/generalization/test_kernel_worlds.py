"""Worlds of kernel regression scatter as the records of the base seeds 100 to 103 do, and move where the truth does."""

import numpy as np
import pytest

from verify.claims.generalization.kernel_worlds import predicted_risk, searches
from verify.claims.generalization.n1_n2_n7_ridge import ESCAPE, N1, N2
from verify.claims.generalization.n12_peaks import HEIGHT_MARGIN, N12, _height, _location
from verify.judging.chance import Chance
from verify.judging.claim import Claim, Evidence
from verify.predictions.learning_curves import best_risk
from verify.sizes.profile import QUICK, Profile


def case(claim: Claim, k: int = 1) -> Profile:
    return next(c.profile for c in claim.cases(QUICK) if c.profile.k == k)


def evidence(claim: Claim, p: Profile, truth: float, number: int) -> Evidence:
    assert claim.world is not None
    return Evidence(claim.world.simulate(p, truth, Chance((3, number))))


def test_samples_scatter_as_measured_and_follow_the_truth() -> None:
    p = case(N2)
    needed = ESCAPE.needed(p)
    tables = [ESCAPE.measured(p, evidence(N2, p, 2.0, i)) for i in range(4)]
    logs = np.array([[np.log(row / needed[p.activation_of(r)]) for r, row in enumerate(t)] for t in tables])
    assert logs.reshape(-1, 4).std(0) == pytest.approx([0.084, 0.064, 0.058, 0.045], rel=0.3)
    assert np.abs(logs.mean((0, 1))).max() < 0.04
    moved = ESCAPE.measured(p, evidence(N2, p, 2.3, 0))
    ratio = np.log(moved / tables[0]).mean(0)
    assert np.polyfit(np.log(ESCAPE.grid(p)), ratio, 1)[0] == pytest.approx(0.3, abs=0.03)


def test_the_interpolated_curve_is_the_predicted_one() -> None:
    energies = ((1, 1.0), (2, 1.0))
    for n in (5, 33, 150):
        found = predicted_risk("tanh(z + 1)", 12, energies, 312, n)
        assert found == pytest.approx(best_risk("tanh(z + 1)", 12, n, energies), rel=0.01)
    assert predicted_risk("tanh(z + 1)", 12, energies, 312, 900.0) == pytest.approx(
        best_risk("tanh(z + 1)", 12, 312, energies)
    )
    cells = {d: ESCAPE.cells(case(N2), d)[:1] for d in (8, 24)}
    assert searches(cells, 0.0, Chance((0,)), 0.24) == searches(cells, 0.0, Chance((0,)), 0.24)


def test_a_factor_on_the_eigenvalues_moves_kappa_by_as_much() -> None:
    p = case(N1)
    ratios = [np.array(N1.observe(p, evidence(N1, p, t, 0))["kappa / predicted, n = 256"].data) for t in (1.0, 1.2)]
    assert np.mean(ratios[1] / ratios[0]) == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize(("k", "place", "height"), [(1, 0.023, 0.027), (2, 0.004, 0.028)])
def test_peaks_scatter_as_measured(k: int, place: float, height: float) -> None:
    """Nine draws of base seed 100 fix a standard deviation to a factor of 2; the heights keep within their margin."""
    p = case(N12, k)
    d = p.neighbours.peak_dimensions[k][0]
    told, seen = N12.predict(p), N12.observe(p, evidence(N12, p, 0.0, 0))
    for name, size in ((_location(d), place), (_height(d), height)):
        logs = np.log(np.asarray(seen[name]) / np.asarray(told[name].value))
        assert size / 2 < logs.std() < 2 * size
        assert abs(logs.mean()) < HEIGHT_MARGIN
