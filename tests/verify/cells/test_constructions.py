"""Cells of G3 to G5: W_Q neuron by neuron, W_L and the joint construction against numerics' own."""

import math

import numpy as np
import pytest
import torch

from numerics import (
    GoodDirections,
    Target,
    TwoLayerNetwork,
    dense_construction,
    generator,
    joint_construction,
    random_signs,
    sparse_displacement,
    sphere,
)
from theory import Activation
from verify.cells.constructions import DenseExpression, JointExpression, SparseExpression
from verify.cells.constructions_run import orthogonal_inputs, regularisers, signed_outputs

TANH, SINE, ERF = "tanh(z + 1)", "sin(z + pi/4)", "erf(z + 1/2)"


def test_sparse_expression_neuron_by_neuron() -> None:
    cell = SparseExpression(activation="z**3", d=4, m=12, k=2, networks=2, inputs=3, alphas=(0.8, -0.6))
    numbers = cell.run()
    for index in range(2):
        network, gen = cell.network(index), generator(cell.shared("data", index))
        x = sphere(3, 4, 2.0, gen)
        betas = torch.linalg.qr(torch.randn(4, 2, generator=gen, dtype=torch.float64)).Q.T
        # sigma'' = 6 z, lambda_1 = 6/sqrt(d) = 3, so g(u) = sqrt(d) u / 3; three of the six pairs serve each term.
        squares, fourth = torch.zeros(3, dtype=torch.float64), 0.0
        for r in range(12):
            alpha, beta = ((0.8, betas[0]), (-0.6, betas[1]))[r % 6 % 2]
            strength = 2 * alpha * 2 * float(network.w[r] @ beta) / 3
            if np.sign(strength) == float(network.a[r]):
                length = 4 * abs(strength) / math.sqrt(12)
                squares += network.a[r] * 6 * (x @ network.w[r]) * length * (x @ beta) ** 2 / (2 * math.sqrt(12))
                fourth += length**2
        goal = 0.8 * (x @ betas[0]) ** 3 - 0.6 * (x @ betas[1]) ** 3
        assert numbers["error"][index] == pytest.approx(float((squares - goal).square().mean()), rel=1e-9)
        assert numbers["norm"][index] == pytest.approx(fourth, rel=1e-9)
        assert numbers["degree"][index] != pytest.approx(numbers["error"][index], rel=1e-3)


def test_dense_expression_against_the_construction() -> None:
    cell = DenseExpression(activation=TANH, d=4, m=60, k=1, networks=1, inputs=7)
    numbers = cell.run()
    network, target = cell.network(0), cell.dense_target(0, 1.0)
    assert target.energies() == pytest.approx({0: 1.0, 1: 1.0})
    W = dense_construction(network, target, 1).W
    x = sphere(7, 4, 2.0, generator(cell.shared("data", 0)))
    assert numbers["norm"] == [pytest.approx(float(W.square().sum()))]
    assert numbers["residual"] == [pytest.approx(float((network.linear(x, W) - target(x)).square().mean()))]
    assert numbers["shuffled"][0] > 5 * numbers["residual"][0]


def test_signed_outputs_against_forward() -> None:
    network = TwoLayerNetwork(4, 20, Activation.parse(SINE), seed=1)
    gen = generator(2)
    x = sphere(6, 4, 2.0, gen)
    dense = torch.randn(20, 4, generator=gen, dtype=torch.float64)
    sparse = sparse_displacement(network, sphere(1, 4, 1.0, gen)[0], 0.7, 2)
    signs = random_signs(60, gen).reshape(20, 3)
    outputs = signed_outputs(network, x, dense, sparse, signs)
    for column in range(3):
        expected = network.forward(x, dense + signs[:, column, None] * sparse)
        torch.testing.assert_close(outputs[:, column], expected, rtol=1e-11, atol=1e-12)


def test_orthogonal_inputs_are_frames() -> None:
    x = orthogonal_inputs(7, 4, generator(0))
    assert x.shape == (8, 4)
    for frame in x.split(4):
        torch.testing.assert_close(frame @ frame.T, 4 * torch.eye(4, dtype=torch.float64))
    many = orthogonal_inputs(40_000, 4, generator(1))
    # 10^4 independent frames: the fourth moment of a coordinate, 3 d / (d + 2) = 2, to five standard errors.
    assert float((many[:, 0] ** 4).mean()) == pytest.approx(2.0, abs=0.1)
    assert abs(float(many.mean())) < 0.03


def test_joint_expression_against_its_displacement() -> None:
    """W_L + S W_Q from one construction call per sign vector; the network's forward; regularisers one by one."""
    cell = JointExpression(
        activation=TANH, d=4, m=40, k=1, networks=1, inputs=8, alphas=(0.5, -0.3), energy=0.2, draws=4
    )
    numbers = {name: values[0] for name, values in cell.run().items()}
    network = cell.network(0)
    target = cell.dense_target(0, 0.2) + Target.sparse(4, 2, (0.5, -0.3), cell.shared("sparse", 0))
    x = orthogonal_inputs(8, 4, generator(cell.shared("data", 0)))
    signs = cell.signs(0, 4)
    moved = [joint_construction(network, target, 1, s).W for s in signs]
    errors = [float((network.forward(x, W) - target(x)).square().mean()) for W in moved]
    assert numbers["error"] == pytest.approx(np.mean(errors), rel=1e-9)
    good = GoodDirections(network, 1)
    P, rest = good.project(moved[0]), good.complement(moved[0])
    assert numbers["r1"] == pytest.approx(float(network.linear(x, rest).square().mean()), rel=1e-9)
    assert numbers["r3"] == pytest.approx(float(network.cross(x, P, rest).square().mean()), rel=1e-9)
    assert numbers["r4"] == pytest.approx(float(moved[0].norm(dim=1).pow(4).sum()), rel=1e-9)
    assert numbers["r2"] < 1e-25 < numbers["swapped_r2"]
    assert numbers["swapped_r1"] == pytest.approx(float(network.linear(x, P).square().mean()), rel=1e-9)
    assert numbers["lazy_r4"] < numbers["r4"]


def test_regularisers_of_several_displacements_are_means() -> None:
    network = TwoLayerNetwork(4, 20, Activation.parse(ERF), seed=3)
    x, good = sphere(5, 4, 2.0, generator(1)), GoodDirections(network, 1)
    W = torch.randn(3, 20, 4, generator=generator(2), dtype=torch.float64)
    together, apart = regularisers(network, x, W, good.project), [regularisers(network, x, V, good.project) for V in W]
    for name in ("r1", "r3", "r4"):
        assert together[name] == pytest.approx(np.mean([part[name] for part in apart]), rel=1e-10)
