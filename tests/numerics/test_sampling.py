"""Uniform points."""

import math

import torch

from numerics import generator, sphere


def test_sphere_points() -> None:
    x = sphere(4000, 5, 3.0, generator(0))
    torch.testing.assert_close(x.norm(dim=1), torch.full((4000,), 3.0, dtype=torch.float64))
    # E[x x^T] = (9/5) I; entries have standard error below 9/5 * sqrt(2/4000).
    deviation = (x.T @ x / 4000 - 9 / 5 * torch.eye(5, dtype=torch.float64)).abs().max()
    assert deviation < 5 * 9 / 5 * math.sqrt(2 / 4000)
