"""R1: its forms against each other."""

import math
import re

import pytest
import references
import torch
from objectives import SIGMA, D, Problem, weights

from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.r1 import FreshInputs
from numerics.terms.weights import PenaltyWeights


def test_unlabeled_form_on_the_training_inputs_is_the_training_form() -> None:
    problem = Problem.of()
    both = problem.objective(weights(("training", "unlabeled")), unlabeled=problem.x)
    parts, _ = both.value_and_gradient(problem.W)
    torch.testing.assert_close(parts.r1_unlabeled, parts.r1_training, rtol=problem.rounding(), atol=0)
    other, _ = problem.objective(weights(("training", "unlabeled"))).value_and_gradient(problem.W)
    assert abs(float(other.r1_unlabeled / parts.r1_training) - 1) > 0.001
    _, one = problem.objective(weights(("training",))).value_and_gradient(problem.W)
    _, same = problem.objective(weights(("unlabeled",)), unlabeled=problem.x).value_and_gradient(problem.W)
    assert float((one - same).abs().max()) <= problem.rounding() * 10


@pytest.mark.parametrize("k", [0, 1])
def test_exact_r1_against_a_large_sample(k: int) -> None:
    """R1 in population against the mean of f_L(x; P_{>k} W)^2 over 10^6 inputs: within 4 standard errors.

    Chance of a false alarm 6e-5 for each k. A factor 1.02 is excluded: it is more than 8 standard errors.
    """
    samples, chunk, d, m = 10**6, 10**5, 3, 8
    network = TwoLayerNetwork(d, m, SIGMA, seed=4)
    directions = GoodDirections(network, k)
    W = torch.randn(m, d, generator=generator(5), dtype=torch.float64)
    x = sphere(4, d, math.sqrt(d), generator(6))
    parts, _ = Objective(network, x, x[:, 0], PenaltyWeights(r1_modes=("exact",)), directions).value_and_gradient(W)
    rest, gen, first, second = directions.complement(W), generator(7), 0.0, 0.0
    for _ in range(samples // chunk):
        squares = references.linear(network, sphere(chunk, d, math.sqrt(d), gen), rest).square()
        first, second = first + float(squares.sum()) / samples, second + float(squares.square().sum()) / samples
    stderr, exact = math.sqrt((second - first**2) / samples), float(parts.r1_exact)
    print(f"k={k}: exact {exact:.6f}, sample {first:.6f}, {abs(first - exact) / stderr:.2f} standard errors")
    assert abs(first - exact) <= 4 * stderr
    assert 8 * stderr < 0.02 * exact
    assert abs(first - 1.02 * exact) > 4 * stderr


def test_fresh_inputs_depend_on_seed_and_step_alone() -> None:
    fresh = FreshInputs(1.0, 3, count=4)
    assert torch.equal(fresh.inputs(D, 7), fresh.inputs(D, 7))
    drawn = [fresh.inputs(D, step) for step in range(50)] + [FreshInputs(1.0, 4, count=4).inputs(D, 0)]
    assert len({tuple(one.flatten().tolist()) for one in drawn}) == 51
    lengths = FreshInputs(1.0, 3, law="sphere").inputs(D, 0).square().sum(1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, D))
    many = FreshInputs(1.0, 3, count=20_000).inputs(D, 0)
    assert abs(float(many.mean())) < 5 / math.sqrt(many.numel())
    for bad, needle in (({"weight": -1.0}, "weight=-1.0"), ({"count": 0}, "count=0"), ({"law": "cube"}, "law='cube'")):
        with pytest.raises(ValueError, match=re.escape(needle)):
            FreshInputs(**{"weight": 1.0, "seed": 3} | bad)
