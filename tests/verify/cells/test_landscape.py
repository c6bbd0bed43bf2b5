"""Cells of O3 and O4 against dense Hessians."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from references import dense_hessian

from numerics import TwoLayerNetwork, generator, small_start, sphere
from numerics.constructions import joint_construction
from theory import Activation
from verify.cells.landscape import SHARE, QuadraticSaddle, SignCurvature

ACTIVATION = "tanh(z + 1)"
TINY = {"activation": ACTIVATION, "device": "cpu", "d": 4, "m": 8, "n": 12, "k": 1, "r4": 0.03}


def curvature_cell(**changes: Any) -> SignCurvature:
    return SignCurvature(**TINY | {"draws": 1, "start": 0.5, "signs": 40} | changes)


def test_sign_curvature_is_the_mean_over_all_signs() -> None:
    """The exact value against all 2^8 sign vectors, each by the dense Hessian; the terms against their definitions."""
    cell = curvature_cell()
    numbers = {name: values[0] for name, values in cell.run().items()}
    objective, target = cell.single(0), cell.target(0)
    network, x = objective.network, objective.x
    both = [joint_construction(network, target, 1, s * torch.ones(8, dtype=torch.float64)).W for s in (1, -1)]
    V = (both[0] - both[1]) / 2
    W = SHARE * (both[0] + both[1]) / 2 + small_start(network, 0.5, cell.drawn("start 0"))
    H = dense_hessian(objective, W)
    signs = torch.tensor(list(itertools.product([1.0, -1.0], repeat=8)), dtype=torch.float64)
    moves = (signs[:, :, None] * V).flatten(1)
    curvatures = torch.einsum("si,ij,sj->s", moves, H, moves)
    assert numbers["exact"] == pytest.approx(float(curvatures.mean()), rel=1e-10)
    assert numbers["coherent"] == pytest.approx(float(curvatures[0]), rel=1e-10)
    assert abs(numbers["sampled"] - numbers["exact"]) < 5 * float(curvatures.std()) / math.sqrt(40)
    assert numbers["sampled"] != numbers["exact"]
    # f_Q is half the second derivative of the network at its initialisation.
    zero = torch.zeros_like(V)
    second = torch.func.jvp(lambda U: torch.func.jvp(lambda T: network.forward(x, T), (U,), (V,))[1], (zero,), (V,))[1]
    slopes = 2 * (network.forward(x, W) - objective.y)
    assert numbers["data"] == pytest.approx(float((slopes * second).mean()), rel=1e-9)
    h = 1e-3
    fourth = [float((W + t * V).square().sum(1).square().sum()) for t in (h, 0.0, -h)]
    assert numbers["capacity"] == pytest.approx(0.03 * (fourth[0] - 2 * fourth[1] + fourth[2]) / h**2, rel=1e-4)
    # The opposite construction has the opposite quadratic term.
    turned = V.roll(4, 0)
    torch.testing.assert_close(network.quadratic(x, turned), -network.quadratic(x, V))
    assert numbers["opposite"] == pytest.approx(
        float(sum((turned[r] @ H.reshape(8, 4, 8, 4)[r, :, r] @ turned[r]) for r in range(8))), rel=1e-10
    )
    assert numbers["reference"] != numbers["loss"]
    assert "sampled" not in curvature_cell(signs=0).run()


def test_the_saddle_against_the_dense_hessian() -> None:
    cell = QuadraticSaddle(
        activation=ACTIVATION,
        device="cpu",
        d=4,
        m=8,
        n=12,
        k=1,
        r4=1e-3,
        still=5,
        steps=200,
        radius=0.01,
        tolerance=1e-3,
    )
    numbers = cell.run()
    assert numbers["gradient"] == numbers["moved"] == 0
    assert numbers["joint_gradient"] > 0.01 < numbers["joint_moved"]
    network = TwoLayerNetwork(4, 8, Activation.parse(ACTIVATION), cell.seed("network"))
    gen = generator(cell.seed("data"))
    beta = sphere(1, 4, 1.0, gen)[0]
    x = sphere(12, 4, 2.0, gen)
    y = (x @ beta) ** 2 / math.sqrt(3)

    def loss(W: torch.Tensor) -> torch.Tensor:
        return (network.quadratic(x, W) - y).square().mean() + 1e-3 * W.square().sum(1).square().sum()

    H = torch.func.hessian(loss)(torch.zeros(8, 4, dtype=torch.float64)).reshape(32, 32)
    lowest = float(torch.linalg.eigvalsh(H)[0])
    assert lowest < 0
    assert numbers["block"] == pytest.approx(lowest, rel=1e-10)
    assert numbers["curvature"][0] == pytest.approx(lowest, rel=1e-5)
    assert numbers["block_first"] != pytest.approx(lowest, rel=1e-3)
    assert numbers["still_loss"] == numbers["zero"] == pytest.approx(float(y.square().mean()))
    assert numbers["left"] < numbers["zero"]
    assert numbers["reference"] < numbers["zero"]
