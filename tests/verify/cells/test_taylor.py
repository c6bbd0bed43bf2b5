"""Cells of the Taylor claims against the network."""

import math

import pytest
import torch

from numerics import TwoLayerNetwork, generator, random_signs, sparse_displacement, sphere
from numerics.quadrature import gauss_rule
from theory import Activation
from verify.cells.taylor import RemainderRatio, TaylorAgreement, TermSizes

TANH = "tanh(z + 1)"


def test_lowered_derivatives_are_another_network_term() -> None:
    numbers = TaylorAgreement(activation=TANH, d=3, m=4).run()
    for term in ("linear", "quadratic", "cross"):
        assert numbers[term]["formula"] == pytest.approx(numbers[term]["automatic"], rel=1e-10)
        assert numbers[term]["planted"] != pytest.approx(numbers[term]["formula"], rel=1e-2)


@pytest.mark.parametrize("length", [0.01, 0.5])
def test_a_cubic_attains_the_remainder_bound_at_every_length(length: float) -> None:
    """sigma''' is constant, so all that Taylor's theorem leaves is the cubic term."""
    numbers = RemainderRatio(activation="z**3 + z**2", d=5, m=8, length=length).run()
    assert numbers["extreme"] == pytest.approx(1 / 6, rel=2e-3)
    assert numbers["aligned"] == pytest.approx(1 / 6, rel=2e-3)
    assert numbers["random"] < 0.99 / 6


@pytest.mark.parametrize("d", [5, 8, 11])
def test_the_extreme_may_be_at_the_end_of_the_range(d: int) -> None:
    """exp(z) leaves most at z = sqrt d, where d - z^2 may round to a negative number."""
    numbers = RemainderRatio(activation="exp(z)", d=d, m=8, length=0.1).run()
    assert 0.1 / 6 < numbers["extreme"] < 1 / 6


@pytest.mark.parametrize("k", [1, 2])
def test_term_sizes_against_the_network(k: int) -> None:
    """Each sign vector in turn through the network's own forward, linear and quadratic."""
    cell = TermSizes(activation=TANH, d=4, m=20, k=k, alpha=0.5, inputs=5, draws=3, networks=1)
    network = TwoLayerNetwork(4, 20, Activation.parse(TANH), seed=cell.seed("network 0"))
    gen = generator(cell.seed("data", shared=("m", "networks")))
    beta = sphere(1, 4, 1.0, gen)[0]
    across = sphere(5, 4, 1.0, gen)
    along, weights = gauss_rule(4, 5)
    across = across - (across @ beta)[:, None] * beta
    x = 2 * (along[:, None] * beta + (1 - along**2).sqrt()[:, None] * across / across.norm(dim=1, keepdim=True))
    W = sparse_displacement(network, beta, 0.5, k)
    moved = W.square().sum(1) > 0
    drawn = random_signs(int(moved.sum()) * 3, generator(cell.seed("signs 0"))).reshape(-1, 3)

    def rest(V: torch.Tensor) -> torch.Tensor:
        return network.forward(x, V) - network.linear(x, V) - network.quadratic(x, V)

    def size(values: list[torch.Tensor]) -> float:
        return math.sqrt(sum(float(weights @ v.square()) for v in values) / len(values))

    signed = []
    for column in drawn.T:
        V = W.clone()
        V[moved] *= column[:, None]
        signed.append(V)
    numbers = cell.run()
    expected = {
        "linear": size([network.linear(x, V) for V in signed]),
        "quadratic": size([network.quadratic(x, W)]),
        "odd": size([(rest(V) - rest(-V)) / 2 for V in signed]),
        "even": size([(rest(W) + rest(-W)) / 2]),
    }
    assert numbers["random"] == pytest.approx(expected, rel=1e-9)
    assert numbers["coherent"]["remainder"] == pytest.approx(size([rest(W)]), rel=1e-9)
    assert numbers["lazy"]["linear"] == pytest.approx(size([network.linear(x, W * 20**-0.25)]), rel=1e-9)
    assert numbers["lazy"]["remainder"] == pytest.approx(size([rest(W * 20**-0.25)]), rel=1e-7)
