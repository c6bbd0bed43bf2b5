import math

import pytest
import torch

from numerics import (
    Diverged,
    GoodDirections,
    Target,
    TaylorObjective,
    TwoLayerNetwork,
    Weights,
    adam,
    generator,
    small_start,
    sphere,
)
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")


def problem(d: int = 5, m: int = 12, n: int = 30) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
    network = TwoLayerNetwork(d, m, SIGMA, seed=1)
    x = sphere(n, d, math.sqrt(d), generator(2))
    target = Target.dense(d, 1, 1.0, 3) + Target.sparse(d, 2, [1.0], 4)
    return network, x, target(x)


def test_adam_reduces_the_loss_and_records() -> None:
    network, x, y = problem(m=40)
    objective = TaylorObjective(network, x, y, Weights(), GoodDirections(network, 1))
    seen: list[int] = []
    start = small_start(network, 0.3, 0)
    run = adam(objective, start, 200, 0.02, record_every=50, progress=lambda step, parts: seen.append(step))
    assert list(run.steps) == seen == [0, 50, 100, 150, 200]
    assert run.parts[-1].total < 0.2 * run.parts[0].total
    again = adam(objective, start, 200, 0.02)
    assert torch.equal(run.W, again.W)
    last, gradient = objective.value_and_gradient(run.W)
    assert last == run.parts[-1]
    assert float(gradient.norm()) == run.gradient_norm


def test_divergence_names_step_and_remedy() -> None:
    network, x, y = problem()
    objective = TaylorObjective(network, x, y, Weights(r4=1.0, r4_power=8), GoodDirections(network, 1))
    with pytest.raises(Diverged, match=r"at step \d+: reduce rate"):
        adam(objective, small_start(network, 1e60, 0), 5, 1e80)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: adam(None, torch.zeros(2, 2), 5, 0.1, record_every=0), "record_every=0"),
        (lambda: adam(None, torch.zeros(2, 2), 5, math.inf), "rate=inf"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    import re

    with pytest.raises(ValueError, match=re.escape(needle)):
        call()
