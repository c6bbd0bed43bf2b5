"""Kernels by quadrature, by sampling and by the formula; traces; balls in the records."""

import math

import numpy as np
import pytest
import torch

from numerics.activations import TorchActivation
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.targets import legendre_values
from theory import Activation, ntk_eigenvalue, quadntk_eigenvalue
from verify.cells.spectral import CertifiedEigenvalues, KernelMonteCarlo, KernelQuadrature, TraceAndTail, read_ball

SIGMA = "tanh(z + 1)"


@pytest.mark.parametrize("kernel", ["NTK", "QuadNTK"])
def test_kernel_routes_agree_at_another_dimension(kernel) -> None:
    formula = CertifiedEigenvalues(activation=SIGMA, d=5, max_degree=3, kernel=kernel).run()["balls"]
    quadrature = KernelQuadrature(activation=SIGMA, d=5, max_degree=3, points=40, kernel=kernel).run()["values"]
    direct = ntk_eigenvalue if kernel == "NTK" else quadntk_eigenvalue
    for degree, (text, value) in enumerate(zip(formula, quadrature, strict=True)):
        assert value == pytest.approx(read_ball(text)[0], rel=1e-9)
        assert read_ball(text)[0] == pytest.approx(float(direct(Activation.parse(SIGMA), degree, 5).mid()), rel=1e-14)


@pytest.mark.parametrize(("kernel", "order"), [("NTK", 1), ("QuadNTK", 2)])
def test_monte_carlo_is_a_mean_over_triples(kernel, order: int) -> None:
    d, points = 4, 3
    cell = KernelMonteCarlo(activation=SIGMA, d=d, max_degree=2, blocks=100, points=points, kernel=kernel)
    gen = generator(cell.seed("blocks"))
    seeds = torch.randint(2**62, (100,), generator=gen).tolist()
    sigma = TorchActivation(Activation.parse(SIGMA))
    blocks = np.zeros((100, 3))
    for block, seed in enumerate(seeds):
        x, y = (sphere(points, d, math.sqrt(d), gen) for _ in range(2))
        w = TwoLayerNetwork(d, 2 * points, Activation.parse(SIGMA), seed=seed).half
        for a in x:
            for b in y:
                for v in w:
                    (left,), (right,) = sigma.derivatives(a @ v, order), sigma.derivatives(b @ v, order)
                    inner = float(a @ b) if order == 1 else float(a @ b) ** 2 / 4
                    legendre = [float(legendre_values(degree, d, a @ b / d)) for degree in range(3)]
                    blocks[block] += inner * float(left * right) * np.array(legendre) / points**3
    numbers = cell.run()
    np.testing.assert_allclose(numbers["values"], blocks.mean(0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(numbers["stderrs"], blocks.std(0, ddof=1) / 10, rtol=1e-10)


def test_trace_of_the_quadntk_by_sampling() -> None:
    """K(x,x) = (d^2/4) E_w[sigma''^2] is the same for every x; 20,000 neurons, five standard errors."""
    numbers = TraceAndTail(activation=SIGMA, d=6, max_degree=10, order=4, kernel="QuadNTK").run()
    w = sphere(20_000, 6, 1.0, generator(3))
    (second,) = TorchActivation(Activation.parse(SIGMA)).derivatives(math.sqrt(6) * w[:, 0], 2)
    squares = 36 / 4 * second.square()
    error = float(squares.std()) / math.sqrt(20_000)
    assert abs(read_ball(numbers["trace"])[0] - float(squares.mean())) < 5 * error


def test_balls_survive_the_records() -> None:
    numbers = CertifiedEigenvalues(activation="sin(z + pi/4)", d=10, max_degree=1).run()
    middle, low, high = read_ball(numbers["balls"][1])
    assert low < middle < high
    assert (high - low) / middle < 1e-15
