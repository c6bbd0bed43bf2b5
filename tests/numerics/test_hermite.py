"""Targets for Gaussian inputs: values, energies, refusals."""

import math
import re

import numpy as np
import pytest
import torch

from numerics import HermiteTarget, gaussian, generator
from numerics.hermite import hermite_values

D = 4


def test_values_are_hermite_polynomials() -> None:
    t = torch.linspace(-3, 3, 13, dtype=torch.float64)
    for degree in range(6):
        expected = np.polynomial.hermite_e.hermeval(t.numpy(), [0] * degree + [1]) / math.sqrt(math.factorial(degree))
        torch.testing.assert_close(
            hermite_values(degree, t), torch.from_numpy(np.broadcast_to(expected, t.shape).copy())
        )


def test_energies_are_those_of_a_gauss_rule() -> None:
    """E f^2 over two directions at an angle, by a product rule that is exact for polynomials."""
    angle = 0.7
    first, second = torch.eye(D, dtype=torch.float64)[0], torch.zeros(D, dtype=torch.float64)
    second[0], second[1] = math.cos(angle), math.sin(angle)
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    x = torch.zeros(144, D, dtype=torch.float64)
    x[:, 0], x[:, 1] = (torch.from_numpy(one.ravel().copy()) for one in np.meshgrid(nodes, nodes))
    rule = torch.from_numpy(np.outer(weights, weights).ravel()) / (2 * math.pi)
    for degree in range(4):
        alphas = torch.tensor([0.8, -0.3], dtype=torch.float64)
        target = HermiteTarget(D, {degree: (alphas, torch.stack([first, second]))})
        exact = float(rule @ target(x).square())
        assert target.energies()[degree] == pytest.approx(exact, rel=1e-12)
        assert target.energies()[degree] != pytest.approx(exact * 1.01, rel=1e-3)


def test_the_two_terms_of_the_authors_target() -> None:
    beta = torch.eye(D, dtype=torch.float64)[:1]
    target = HermiteTarget(D, {1: ([math.sqrt(1 / 3)], beta), 2: ([math.sqrt(2 / 3)], beta)})
    x = gaussian(9, D, generator(1))
    torch.testing.assert_close(target(x), (x[:, 0] ** 2 - 1 + x[:, 0]) / math.sqrt(3))
    assert target.energies() == pytest.approx({1: 1 / 3, 2: 2 / 3})


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: HermiteTarget(2, {}), "d=2"),
        (lambda: HermiteTarget(D, {-1: ([1.0], torch.eye(D)[:1])}), "degree=-1"),
        (lambda: HermiteTarget(D, {1: ([1.0], 2 * torch.eye(D)[:1])}), "a Hermite term needs |x|^2 = 1"),
        (lambda: HermiteTarget(D, {1: ([1.0, 2.0], torch.eye(D)[:1])}), "directions of shape (1, 4): needs (2, 4)"),
        (lambda: HermiteTarget(D, {1: ([1.0], torch.eye(D)[:1])})(torch.ones(3, D - 1)), "needs (n, 4)"),
    ],
)
def test_bad_input(call, needle: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()
