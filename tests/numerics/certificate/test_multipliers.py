"""Natural multipliers touch the loss where they are taken."""

import pytest
import torch
from objectives import D, M, Problem, weights

from numerics.certificate.minorant import Minorant
from numerics.certificate.multipliers import natural, of_relaxation
from numerics.certificate.relaxation import Relaxation
from numerics.sampling import generator

PROBLEM = Problem.of()


@pytest.mark.parametrize("power", [4, 8])
@pytest.mark.parametrize("loss", ["squared", "huber", "log-cosh"])
def test_the_tangents_touch_at_the_displacement(loss: str, power: int) -> None:
    """Term by term: g f - loss*(g) = loss(f), <s, t> - F*(s) = l4 R4, and the same for R3."""
    objective, W = PROBLEM.objective(weights(power=power), loss=loss), PROBLEM.W
    at, parts, f = natural(objective, W), objective.value_and_gradient(W)[0], objective.predict(PROBLEM.x, W)
    assert float((at.slopes * f).mean() - objective.data.conjugate(at.slopes)) == pytest.approx(float(parts.data))
    t = W.square().sum(1)
    r4 = objective.weights.r4 * float(parts.r4)
    assert float(at.shifts @ t - objective.r4.conjugate(at.shifts)) == pytest.approx(r4, rel=1e-12)
    good = PROBLEM.directions.project(W)
    h = objective.network.cross(PROBLEM.x, good, W - good)
    (r3,) = (term for term in objective.averages if term.name == "r3")
    assert at.crossing is not None
    touched = (at.crossing * h).mean() - r3.conjugate(at.crossing)
    assert float(touched) == pytest.approx(r3.weight * float(parts.r3), rel=1e-12)
    # So with every shift large enough as it is, the function below the loss touches the loss at W.
    minorant, theta = Minorant(objective, at), torch.ones((), dtype=torch.float64)
    constant = -objective.data.conjugate(at.slopes) - objective.r4.conjugate(at.shifts) - r3.conjugate(at.crossing)
    q = constant + ((minorant.linear + minorant.product(W, at.shifts, theta) / 2) * W).sum()
    assert float(q) == pytest.approx(float(parts.total), rel=1e-11)
    # And it has the loss's slope there.
    slope = minorant.linear + minorant.product(W, at.shifts, theta)
    torch.testing.assert_close(slope, objective.value_and_gradient(W)[1], rtol=1e-8, atol=1e-10)


def test_of_the_relaxation() -> None:
    """At V = 0 those of the displacement; otherwise the lengths are pooled."""
    objective = PROBLEM.objective(weights())
    relaxation = Relaxation(objective)
    V = 0.2 * torch.randn(M, D, generator=generator(1), dtype=torch.float64)
    plain, alone = of_relaxation(relaxation, relaxation.join(PROBLEM.W, 0 * V)), natural(objective, PROBLEM.W)
    torch.testing.assert_close(plain.slopes, alone.slopes)
    torch.testing.assert_close(plain.shifts, alone.shifts)
    pooled = of_relaxation(relaxation, relaxation.join(PROBLEM.W, V)).shifts
    torch.testing.assert_close(pooled, 2 * 0.05 * (PROBLEM.W.square().sum(1) + V.square().sum(1)))
